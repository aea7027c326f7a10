"""``python -m calibration plane``: the table's scale and pose from pictures of a target lying on it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

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
from calibration.plane import PlaneSolution, scale_at, solve_plane
from calibration.record import Made, Plane
from calibration.targets import load_target
from inspection.errors import CalibrationError


def plane(
    frames: FramesOption,
    target: TargetOption,
    out: OutOption,
    camera_id: CameraOption = "",
    view: ViewOption = "",
    by: ByOption = "",
    days: DaysOption = 90.0,
) -> None:
    """Solve scale and pose of the table from pictures of a board or card lying flat on it; print residuals.

    Uses the lens that is in the record; solve that first. One picture is enough, three at different places are better.

    Example: python -m calibration plane --frames table --target targets/charuco-A4.json --out top.json
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
    pictures = read_frames(frames)
    record = open_record(out, pictures.size, camera_id, view)
    looked = look(pictures, described)
    try:
        solution = solve_plane(looked.seen, record.lens)
    except CalibrationError as error:
        raise looked.explained(error) from error
    accepted = {frame.name for frame in solution.frames if frame.accepted}
    made = made_now([one for one in pictures.usable if one.name in accepted], by, days)
    saved = replace_part(out, record, "plane", plane_of(solution, made))
    frames_said = [dataclasses.asdict(frame) for frame in solution.frames] + looked.refused
    return saved | printed(solution, pictures.size) | {"accepted": len(accepted), "frames": frames_said}


def plane_of(solution: PlaneSolution, made: Made) -> Plane:
    """The part of a record."""
    plain = {
        "made": made,
        "homography": tuple(tuple(float(value) for value in row) for row in solution.homography),
        "rms_mm": solution.rms_mm,
    }
    if solution.rotation is not None and solution.translation_mm is not None:
        plain["rotation"] = tuple(float(value) for value in solution.rotation)
        plain["translation_mm"] = tuple(float(value) for value in solution.translation_mm)
    return Plane.model_validate(plain)


def printed(solution: PlaneSolution, size: tuple[int, int]) -> dict[str, Any]:
    """Residuals, scale and pose as JSON has them."""
    corners = np.array([[x, y] for y in (0, size[1] - 1) for x in (0, size[0] - 1)], np.float64)
    centre = (np.array([size], np.float64) - 1) / 2
    scales = scale_at(solution.homography, np.concatenate([centre, corners]))
    said: dict[str, Any] = {
        "rms_mm": solution.rms_mm,
        "rms_px": solution.rms_px,
        "with_lens": solution.rotation is not None,
        "mm_per_px": {"centre": float(scales[0]), "least": float(scales.min()), "most": float(scales.max())},
        "homography": solution.homography.tolist(),
    }
    if solution.rotation is not None and solution.translation_mm is not None:
        said |= {"rotation": solution.rotation.tolist(), "translation_mm": solution.translation_mm.tolist()}
    return said
