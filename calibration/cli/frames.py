"""The pictures of a folder, as a solver wants them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calibration.cli.pictures import read_picture
from inspection.errors import CalibrationError
from inspection.evidence import sha256_hex
from inspection.frame import Pixels

ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp"})
MOST_NAMED = 6
_HINT = "give a folder with PNG or JPEG pictures of one camera"


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A picture of a file: uint8 (H, W, 3) BGR, and the SHA-256 of these bytes."""

    name: str
    pixels: Pixels
    sha256: str

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return (self.pixels.shape[1], self.pixels.shape[0])


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """The pictures of a folder in the order of their names, and why others cannot be used.

    Attributes:
        usable: never empty, all of one size.
        refused: reason by file name.
        of_other_size: those of them that are of another size than most.
        size: width and height.
    """

    usable: tuple[Picture, ...]
    refused: dict[str, str]
    of_other_size: frozenset[str] = frozenset()

    @property
    def size(self) -> tuple[int, int]:
        return self.usable[0].size


def read_frames(folder: Path) -> Pictures:
    """Every picture of a folder, or the one picture that is named, as the sensor has it.

    Pictures of another size than most of them are refused.

    Raises:
        CalibrationError: ``calibration.frames``: no such folder, or no picture in it can be read.
    """
    try:
        inside = sorted(folder.iterdir()) if folder.is_dir() else [folder] if folder.is_file() else None
    except OSError as error:
        raise CalibrationError(f"cannot read {folder}: {error.strerror}", code="frames", hint=_HINT) from error
    if inside is None:
        raise CalibrationError(f"there is no folder {folder}", code="frames", hint=_HINT)
    read: list[Picture] = []
    refused: dict[str, str] = {}
    for path in (one for one in inside if one.suffix.lower() in ENDINGS):
        try:
            pixels = read_picture(path, upright=False)
        except CalibrationError as error:
            refused[path.name] = str(error).removeprefix(f"{path}: ")
            continue
        read.append(Picture(path.name, pixels, sha256_hex(np.ascontiguousarray(pixels).tobytes())))
    if not read:
        raise _none_usable(folder, inside, refused)
    sizes = Counter(one.size for one in read)
    usual = max(sizes, key=lambda size: sizes[size])
    others = [one for one in read if one.size != usual]
    for one in others:
        refused[one.name] = f"{one.size[0]} x {one.size[1]} pixels, most pictures have {usual[0]} x {usual[1]}"
    usable = tuple(one for one in read if one.size == usual)
    return Pictures(usable, refused, frozenset(one.name for one in others))


def _none_usable(folder: Path, inside: Sequence[Path], refused: Mapping[str, str]) -> CalibrationError:
    found = "; ".join(f"{name}: {why}" for name, why in list(refused.items())[:MOST_NAMED])
    if len(refused) > MOST_NAMED:
        found += f"; and {len(refused) - MOST_NAMED} more"
    if not refused:
        endings = ", ".join(sorted(ENDINGS))
        found = f"none of the {len(inside)} things in it ends in {endings}" if inside else "it is empty"
    return CalibrationError(f"no picture in {folder} can be used: {found}", code="frames", hint=_HINT)
