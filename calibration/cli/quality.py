"""``python -m calibration quality``: what is wrong with pictures, and what was measured in them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from calibration.cli.answer import refuse
from calibration.cli.each import CalibrationOption, FilesArgument, View, over_each
from calibration.quality import Reference, examine
from inspection.errors import CalibrationError
from inspection.frame import Pixels


def quality(
    files: FilesArgument,
    calibration: CalibrationOption = None,
    background: Annotated[Path | None, typer.Option(help="Picture of the same view with nothing on it.")] = None,
) -> None:
    """Print one JSON object a picture: problems by code, measures, and the limits they were held to.

    Example: python -m calibration quality frame.jpg --calibration cameras/cam-1/top.json
    """
    try:
        view = View(calibration)
        empty = None if background is None else view.corrected(view.read(background))
    except CalibrationError as error:
        refuse(error)
    references: dict[tuple[int, int], Reference] = {}

    def check(_: Path, pixels: Pixels) -> dict[str, Any]:
        shown = view.corrected(pixels)
        height, width = shown.shape[:2]
        reference = references.setdefault((width, height), Reference.of(view.record, width, height, empty))
        report = examine(shown, reference)
        measured = {name: _rounded(value) for name, value in asdict(report.measured).items()}
        limits = {name: _rounded(value) for name, value in asdict(reference.limits).items()}
        calibration_id = None if view.record is None else view.record.calibration_id
        return {
            "ok": not report.problems,
            "problems": report.problems,
            "not_calibrated": report.not_calibrated,
            "calibration_id": calibration_id,
            "measured": measured,
            "limits": limits,
        }

    over_each(files, check, view.read)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    return [_rounded(one) for one in value] if isinstance(value, tuple) else value
