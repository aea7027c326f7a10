"""``python -m calibration colour``: colour correction from pictures of the colour chart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from calibration.chart import patches_of
from calibration.cli.answer import answer, refuse
from calibration.cli.frames import read_frames
from calibration.cli.record_file import (
    ByOption,
    CameraOption,
    DaysOption,
    FramesOption,
    OutOption,
    TargetOption,
    ViewOption,
    made_now,
    open_record,
    replace_part,
)
from calibration.cli.sightings import look
from calibration.colour import ColourSolution, solve_colour
from calibration.record import Colour, Made
from calibration.targets import Charuco, load_target
from inspection.errors import CalibrationError


def colour(
    frames: FramesOption,
    target: TargetOption,
    out: OutOption,
    camera_id: CameraOption = "",
    view: ViewOption = "",
    by: ByOption = "",
    days: DaysOption = 90.0,
) -> None:
    """Solve the colour correction from pictures of the colour chart; print the differences before and after.

    Uses the flat field that is in the record; solve that first. One picture is enough, several have less noise.

    Example: python -m calibration colour --frames chart --target targets/colour-A4.json --out top.json
    """
    try:
        answer(solve_file(frames, target, out, camera_id=camera_id, view=view, by=by, days=days))
    except CalibrationError as error:
        refuse(error)


def solve_file(
    frames: Path, target: Path, out: Path, *, camera_id: str, view: str, by: str, days: float
) -> dict[str, Any]:
    """Solve and save; returns what is printed.

    Raises:
        CalibrationError: what is wrong with the pictures, the target or the file.
    """
    described = load_target(target)
    if isinstance(described, Charuco):
        raise CalibrationError(f"{target} is a charuco target", code="target", hint="colours need the colour chart")
    pictures = read_frames(frames)
    record = open_record(out, pictures.size, camera_id, view)
    looked = look(pictures, described)
    if not looked.seen:
        raise looked.explained(CalibrationError("no picture shows the chart", code="no_target"))
    seen = {one.name: one.sighting for one in looked.seen}
    used = [one for one in pictures.usable if one.name in seen]
    shown = [(one.pixels, seen[one.name]) for one in used]
    solution = solve_colour(patches_of(shown, described, record.flat))
    saved = replace_part(out, record, "colour", colour_of(solution, made_now(used, by, days)))
    return saved | printed(solution) | {"accepted": len(used), "frames": looked.refused}


def colour_of(solution: ColourSolution, made: Made) -> Colour:
    """The part of a record."""
    return Colour(
        made=made,
        terms=solution.terms,
        matrix=tuple(tuple(float(value) for value in row) for row in solution.matrix),
        delta_e_before=float(np.mean(solution.before)),
        delta_e_after=float(np.mean(solution.after)),
        delta_e_worst=solution.worst[1],
    )


def printed(solution: ColourSolution) -> dict[str, Any]:
    """Residuals as JSON has them."""
    name, worst = solution.worst
    return {
        "terms": solution.terms,
        "matrix": solution.matrix.tolist(),
        "white_balance": list(solution.white_balance),
        "delta_e_before": float(solution.before.mean()),
        "delta_e_after": float(solution.after.mean()),
        "delta_e_worst": worst,
        "worst_patch": name,
        "delta_e_unseen": solution.unseen,
        "patches": {
            patch: {"before": float(before), "after": float(after)}
            for patch, before, after in zip(solution.names, solution.before, solution.after, strict=True)
        },
        "refused_patches": solution.refused,
    }
