"""``python -m calibration light``: level, flicker, drift and noise from frames of the empty station."""

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
from calibration.light import LightSolution, solve_light
from calibration.record import Light, Made
from inspection.errors import CalibrationError

FpsOption = Annotated[
    float | None, typer.Option(help="Frames per second, to tell which mains the lamps flicker with.", min=0.1, max=1000)
]


def light(
    frames: FramesOption,
    out: OutOption,
    fps: FpsOption = None,
    camera_id: CameraOption = "",
    view: ViewOption = "",
    by: ByOption = "",
    days: DaysOption = 90.0,
) -> None:
    """Measure the light from at least 8 frames in a row of the empty station, named in the order they were taken.

    Example: python -m calibration light --frames empty --fps 30 --out top.json
    """
    try:
        answer(solve_file(frames, out, fps=fps, camera_id=camera_id, view=view, by=by, days=days))
    except CalibrationError as error:
        refuse(error)


def solve_file(
    frames: Path, out: Path, *, fps: float | None, camera_id: str, view: str, by: str, days: float
) -> dict[str, Any]:
    """Solve and save; returns what is printed.

    Raises:
        CalibrationError: what is wrong with the pictures, the light or the file.
    """
    pictures = read_frames(frames)
    record = open_record(out, pictures.size, camera_id, view)
    solution = solve_light([one.pixels for one in pictures.usable], fps=fps)
    saved = replace_part(out, record, "light", light_of(solution, made_now(pictures.usable, by, days)))
    return saved | {
        "level": list(solution.level),
        "flicker": solution.flicker,
        "drift": solution.drift,
        "noise": solution.noise,
        "beat_hz": solution.beat_hz,
        "mains_hz": solution.mains_hz,
        "accepted": len(pictures.usable),
        "refused": pictures.refused,
    }


def light_of(solution: LightSolution, made: Made) -> Light:
    """The part of a record."""
    return Light(made=made, level=solution.level, flicker=solution.flicker, drift=solution.drift, noise=solution.noise)
