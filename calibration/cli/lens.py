"""``python -m calibration lens``: camera matrix and distortion from pictures of a ChArUco board."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

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
from calibration.cli.sightings import Looked, look
from calibration.lens import LensSolution, solve_lens
from calibration.record import Lens, Made
from calibration.targets import Charuco, load_target
from inspection.errors import CalibrationError


def lens(
    frames: FramesOption,
    target: TargetOption,
    out: OutOption,
    camera_id: CameraOption = "",
    view: ViewOption = "",
    by: ByOption = "",
    days: DaysOption = 365.0,
) -> None:
    """Solve the lens from pictures of the ChArUco board; print residuals and what became of every frame.

    Take 12 to 20 pictures: the board in every corner of the frame, tilted differently each time.

    Example: python -m calibration lens --frames pictures --target targets/charuco-A4.json --out top.json
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
        CalibrationError: with what became of the frames in its message, when too few can be used.
    """
    described = load_target(target)
    if not isinstance(described, Charuco):
        raise CalibrationError(
            f"{target} is a {described.kind} target", code="target", hint="the lens needs the ChArUco board"
        )
    pictures = read_frames(frames)
    record = open_record(out, pictures.size, camera_id, view)
    looked = look(pictures, described)
    try:
        solution = solve_lens(looked.seen, pictures.size)
    except CalibrationError as error:
        raise looked.explained(error) from error
    accepted = {frame.name for frame in solution.frames if frame.accepted}
    made = made_now([one for one in pictures.usable if one.name in accepted], by, days)
    saved = replace_part(out, record, "lens", lens_of(solution, made))
    return saved | printed(solution, looked)


def lens_of(solution: LensSolution, made: Made) -> Lens:
    """The part of a record."""
    rows = [tuple(float(value) for value in row) for row in solution.camera_matrix]
    return Lens.model_validate(
        {
            "made": made,
            "camera_matrix": tuple(rows),
            "distortion": solution.distortion,
            "rms_px": solution.rms_px,
            "coverage": solution.coverage.share,
        }
    )


def printed(solution: LensSolution, looked: Looked) -> dict[str, Any]:
    """Residuals and frames as JSON has them."""
    return {
        "rms_px": solution.rms_px,
        "camera_matrix": solution.camera_matrix.tolist(),
        "distortion": list(solution.distortion),
        "focal_uncertainty": solution.focal_uncertainty,
        "rms_px_by_parameters": {str(count): rms for count, rms in solution.rms_by_model.items()},
        "coverage": solution.coverage.share,
        "coverage_map": solution.coverage.counts.tolist(),
        "next_place": solution.coverage.next_place(),
        "accepted": sum(frame.accepted for frame in solution.frames),
        "frames": [dataclasses.asdict(frame) for frame in solution.frames] + looked.refused,
    }
