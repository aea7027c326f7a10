"""Masks of the items in training pictures: exact for renders, elsewhere isolated where that is clear.

They are kept by picture and by the version of what isolates: a better isolation makes its masks anew.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
import shutil
from functools import cache, lru_cache
from pathlib import Path

import cv2
import numpy as np

from calibration.isolate import isolate
from datasets.manifest import Sample
from inspection.errors import ConfigError, InspectionError
from inspection.frame import Pixels

LEAST_CONFIDENCE = 0.5
LEAST_SHARE, GREATEST_SHARE = 0.004, 0.6
MOST_SIDES = 1
"""Sides of the picture that a clear item may touch."""
ISOLATION = "calibration.isolate"
OWN_IMPORT = re.compile(r"^from (calibration\.\w+) import", re.MULTILINE)
PREFIX = "masks-"
"""Of the name of the folder with the masks of one version of the isolation."""


def read_picture(path: Path) -> Pixels:
    """A picture, uint8 (H, W, 3) BGR.

    Raises:
        ConfigError: it is none.
    """
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if pixels is None:
        raise ConfigError(f"{path} is not a picture", hint="remove it from the manifest")
    return np.asarray(pixels, np.uint8)


def stamp(path: Path) -> str:
    """Of a file's bytes, to tell whether it is another one now; its time may change in a copy."""
    stat = path.stat()
    return _stamp(str(path), stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=100_000)
def _stamp(path: str, _size: int, _changed_ns: int) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:24]


def item_mask(sample: Sample, folder: Path) -> Pixels | None:
    """Mask (uint8 (H, W), 255 on the item) of a sample's item; ``None`` where it is not clear. Kept in ``folder``."""
    exact = sample.path.with_suffix(".item.png")
    if exact.is_file():
        drawn = cv2.imread(str(exact), cv2.IMREAD_GRAYSCALE)
        return None if drawn is None else np.asarray((drawn > 0).astype(np.uint8) * 255)
    key = hashlib.sha256(f"{sample.name} {stamp(sample.path)}".encode()).hexdigest()[:24]
    kept = _masks(folder) / f"{key}.png"
    if not kept.is_file():
        kept.parent.mkdir(parents=True, exist_ok=True)
        fresh = kept.with_suffix(".new.png")
        cv2.imwrite(str(fresh), _isolated(read_picture(sample.path)))
        fresh.replace(kept)
    mask = np.asarray(cv2.imread(str(kept), cv2.IMREAD_GRAYSCALE), np.uint8)
    return mask if mask.any() else None


@cache
def isolation_version() -> str:
    """Of the source of the isolation and of all of its package that it imports, and of what counts as clear here."""
    found: dict[str, bytes] = {}
    open_names = [ISOLATION]
    while open_names:
        name = open_names.pop()
        spec = importlib.util.find_spec(name)
        if name in found or spec is None or spec.origin is None:
            continue
        found[name] = Path(spec.origin).read_bytes()
        open_names += OWN_IMPORT.findall(found[name].decode())
    clear = f"{LEAST_CONFIDENCE} {LEAST_SHARE} {GREATEST_SHARE} {MOST_SIDES}"
    parts = [clear.encode(), *(found[name] for name in sorted(found))]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]


def forget_masks(folder: Path) -> None:
    """Remove the masks of other versions of the isolation, and those of a time when they had none."""
    for loose in folder.glob("*.png"):
        loose.unlink(missing_ok=True)
    for old in folder.glob(f"{PREFIX}*"):
        if old != _masks(folder):
            shutil.rmtree(old, ignore_errors=True)


def _masks(folder: Path) -> Path:
    return folder / f"{PREFIX}{isolation_version()}"


def _isolated(pixels: Pixels) -> Pixels:
    nothing = np.zeros(pixels.shape[:2], np.uint8)
    try:
        found = isolate(pixels)
    except InspectionError:
        return nothing
    clear = (
        found.found
        and found.items == 1
        and found.confidence >= LEAST_CONFIDENCE
        and LEAST_SHARE <= found.share <= GREATEST_SHARE
        and len(found.touches) <= MOST_SIDES
    )
    return np.asarray(found.mask, np.uint8) if clear else nothing
