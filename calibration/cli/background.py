"""``python -m calibration background``: what the empty station looks like."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from calibration.background import solve_background
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
from calibration.correct import Corrector
from inspection.errors import CalibrationError

BelongsOption = Annotated[
    bool, typer.Option("--belongs", help="What stands out in view belongs to the station; it is no item.")
]


def background(
    frames: FramesOption,
    out: OutOption,
    belongs: BelongsOption = False,
    camera_id: CameraOption = "",
    view: ViewOption = "",
    by: ByOption = "",
    days: DaysOption = 90.0,
) -> None:
    """Learn the empty station from at least 5 frames; they are corrected by what is in the record already.

    Example: python -m calibration background --frames empty --out top.json
    """
    try:
        answer(solve_file(frames, out, belongs=belongs, camera_id=camera_id, view=view, by=by, days=days))
    except CalibrationError as error:
        refuse(error)


def solve_file(
    frames: Path, out: Path, *, belongs: bool, camera_id: str, view: str, by: str, days: float
) -> dict[str, Any]:
    """Solve and save; returns what is printed.

    Raises:
        CalibrationError: what is wrong with the pictures, the station or the file.
    """
    pictures = read_frames(frames)
    record = open_record(out, pictures.size, camera_id, view)
    correct = Corrector(record)
    solution = solve_background({one.name: correct(one.pixels) for one in pictures.usable}, belongs=belongs)
    part = solution.part(made_now(pictures.usable, by, days))
    box = solution.stands_out
    return replace_part(out, record, "background", part) | {
        "size": [part.mean().shape[1], part.mean().shape[0]],
        "level": [float(value) for value in solution.mean.reshape(-1, 3).mean(axis=0)],
        "spread": float(solution.spread.mean()),
        "sharpness": solution.sharpness,
        "stands_out": None if box is None else [box.x, box.y, box.width, box.height],
        "accepted": len(pictures.usable),
        "refused": pictures.refused,
    }
