"""``python -m calibration check``: the daily check with the reference card."""

from __future__ import annotations

import dataclasses
import math
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
    TargetOption,
    ViewOption,
    made_now,
    replace_part,
)
from calibration.daily import Check, check_card, see_card
from calibration.store import check_identity, load_record
from calibration.targets import Card, load_target
from inspection.errors import CalibrationError

MOVED = 1
"""Exit code when something has moved."""
RecordOption = Annotated[Path, typer.Option("--out", help="Record of the view; changed only with --reference.")]
ReferenceOption = Annotated[
    bool, typer.Option("--reference", help="Keep how the card looks now; do so once, right after calibration.")
]


def check(
    frames: FramesOption,
    target: TargetOption,
    out: RecordOption,
    reference: ReferenceOption = False,
    camera_id: CameraOption = "",
    view: ViewOption = "",
    by: ByOption = "",
    days: DaysOption = 365.0,
) -> None:
    """Compare the reference card under the view with its record; say what has moved. Exits with 1 when something has.

    Example: python -m calibration check --frames card.png --target targets/card-A4.json --out top.json
    """
    try:
        found = check_file(frames, target, out, reference=reference, camera_id=camera_id, view=view, by=by, days=days)
    except CalibrationError as error:
        refuse(error)
    answer(found)
    if not found.get("passed", True):
        raise typer.Exit(MOVED)


def check_file(
    frames: Path, target: Path, out: Path, *, reference: bool, camera_id: str, view: str, by: str, days: float
) -> dict[str, Any]:
    """Check the last picture of the folder; returns what is printed.

    Raises:
        CalibrationError: what is wrong with the picture, the card or the file.
    """
    card = load_target(target)
    if not isinstance(card, Card):
        raise CalibrationError(f"{target} is a {card.kind} target", code="target", hint="use the reference card")
    pictures = read_frames(frames)
    record = load_record(out).record
    check_identity(record, camera_id or record.camera_id, view or record.view, pictures.size)
    picture = pictures.usable[-1]
    if not reference:
        return {"picture": picture.name, "calibration_id": record.calibration_id} | printed(
            check_card(picture.pixels, card, record)
        )
    part = see_card(picture.pixels, card, record, made_now([picture], by, days))
    saved = replace_part(out, record, "card", part)
    return saved | {"picture": picture.name, "blur_px": part.blur_px, "light": part.light}


def printed(found: Check) -> dict[str, Any]:
    """The check as JSON has it; what is infinite is null."""
    plain = dataclasses.asdict(found)
    moves = [
        {"code": move.code, "value": _finite(move.value), "limit": move.limit, "unit": move.unit}
        | {"sentence": dict(move.sentence)}
        for move in found.moves
    ]
    return {"passed": found.passed} | plain | {"blur_px": _finite(found.blur_px), "moves": moves}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
