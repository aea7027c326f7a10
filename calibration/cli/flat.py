"""``python -m calibration flat``: flat field from pictures of a white sheet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from calibration.cli.answer import answer, refuse
from calibration.cli.frames import read_frames
from calibration.cli.record_file import (
    ByOption,
    CameraOption,
    DaysOption,
    FramesOption,
    OutOption,
    ViewOption,
    made_now,
    open_record,
    replace_part,
)
from calibration.flat import FlatSolution, solve_flat
from calibration.record import FlatField, Made
from inspection.errors import CalibrationError


def flat(
    frames: FramesOption,
    out: OutOption,
    target: Annotated[
        Path | None, typer.Option(help="Not needed: any white sheet will do. Taken as the other commands take it.")
    ] = None,
    camera_id: CameraOption = "",
    view: ViewOption = "",
    by: ByOption = "",
    days: DaysOption = 90.0,
) -> None:
    """Solve the flat field from pictures of a plain white sheet that fills the frame; print the unevenness left.

    Take 4 to 8 pictures and turn or move the sheet between them.

    Example: python -m calibration flat --frames white --out top.json
    """
    del target
    try:
        answer(solve_file(frames, out, camera_id=camera_id, view=view, by=by, days=days))
    except CalibrationError as error:
        refuse(error)


def solve_file(frames: Path, out: Path, *, camera_id: str, view: str, by: str, days: float) -> dict[str, Any]:
    """Solve and save; returns what is printed.

    Raises:
        CalibrationError: what is wrong with the pictures or the file.
    """
    pictures = read_frames(frames)
    record = open_record(out, pictures.size, camera_id, view)
    solution = solve_flat({one.name: one.pixels for one in pictures.usable})
    used = [one for one in pictures.usable if one.name not in solution.refused]
    saved = replace_part(out, record, "flat", flat_of(solution, made_now(used, by, days)))
    return saved | {
        "residual": solution.residual,
        "unevenness_before": solution.unevenness,
        "largest_gain": float(solution.gains.max()),
        "grid": list(solution.gains.shape),
        "accepted": len(used),
        "refused": pictures.refused | solution.refused,
    }


def flat_of(solution: FlatSolution, made: Made) -> FlatField:
    """The part of a record."""
    gains = tuple(tuple(round(float(gain), 5) for gain in row) for row in solution.gains)
    return FlatField(made=made, gains=gains, residual=solution.residual)
