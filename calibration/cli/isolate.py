"""``python -m calibration isolate``: where the item is, with its mask and crop as files."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import cv2
import typer

from calibration import isolate as finding
from calibration.cli.answer import refuse
from calibration.cli.each import CalibrationOption, FilesArgument, View, over_each
from calibration.sizes import ruler_of
from inspection.errors import CalibrationError
from inspection.frame import Pixels

NOTHING_CLEAR = "nothing stands out clearly: give --background, a picture of the same view with nothing on it"
NOTHING_DIFFERS = "nothing differs from the background"


def isolate(
    files: FilesArgument,
    out: Annotated[Path, typer.Option(help="Folder for <name>.mask.png and <name>.crop.png.", file_okay=False)],
    background: Annotated[Path | None, typer.Option(help="Picture of the same view with nothing on it.")] = None,
    calibration: CalibrationOption = None,
) -> None:
    """Print one JSON object a picture: box, share, sides touched, items, size in mm, confidence, and the files written.

    Example: python -m calibration isolate can.jpg --out found --background empty.jpg
    """
    try:
        view = View(calibration)
        empty = None if background is None else view.corrected(view.read(background))
        ruler = None if view.record is None else ruler_of(view.record)
        out.mkdir(parents=True, exist_ok=True)
    except CalibrationError as error:
        refuse(error)
    except OSError as error:
        refuse(CalibrationError(f"cannot write to {out}: {error.strerror or error}", code="write"))
    known = empty if empty is not None or view.record is None else view.record.background
    names: set[str] = set()

    def find(file: Path, pixels: Pixels) -> dict[str, Any]:
        shown = view.corrected(pixels)
        if empty is not None and empty.shape != shown.shape:
            raise CalibrationError(f"{file}: the background has another size", code="other_resolution")
        found = finding.isolate(shown, known, ruler=ruler)
        answer: dict[str, Any] = {
            "found": found.found,
            "box": None if found.box is None else asdict(found.box),
            "crop": None if found.crop is None else dict(zip(("x", "y", "side"), found.crop, strict=True)),
            "share": round(found.share, 5),
            "touches": found.touches,
            "items": found.items,
            "size_mm": found.size_mm,
            "confidence": found.confidence,
        }
        if found.crop is None:
            return answer | {"hint": NOTHING_CLEAR if known is None else NOTHING_DIFFERS}
        name = _new_name(file.stem, names)
        files = {"mask": out / f"{name}.mask.png", "cropped": out / f"{name}.crop.png"}
        _write(files["mask"], found.mask)
        _write(files["cropped"], finding.cut(shown, found.crop))
        return answer | {kind: str(path) for kind, path in files.items()}

    over_each(files, find, view.read)


def _new_name(stem: str, taken: set[str]) -> str:
    """Pictures of the same name from other folders do not overwrite each other."""
    name, count = stem, 1
    while name in taken:
        count += 1
        name = f"{stem}-{count}"
    taken.add(name)
    return name


def _write(path: Path, pixels: Pixels) -> None:
    _, data = cv2.imencode(".png", pixels)
    try:
        path.write_bytes(data.tobytes())
    except OSError as error:
        raise CalibrationError(f"cannot write {path}: {error.strerror or error}", code="write") from error
