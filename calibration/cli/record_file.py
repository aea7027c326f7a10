"""The file that the solving commands share: each changes its own part of the record and leaves the others."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from calibration.alike import LEAST_SIDE, MOST_SIDE
from calibration.cli.frames import Picture
from calibration.record import CalibrationRecord, Made, Measured
from calibration.store import check_identity, load_record, save_record
from inspection import __version__
from inspection.errors import CalibrationError

FramesOption = Annotated[Path, typer.Option(help="Folder of pictures of one view (or one picture).")]
TargetOption = Annotated[Path, typer.Option(help="The .json that was written beside the printed target.")]
OutOption = Annotated[Path, typer.Option(help="Record to write; made if absent, else only this part is replaced.")]
CameraOption = Annotated[str, typer.Option(help="Identity of the camera; asked for when the record is made.")]
ViewOption = Annotated[str, typer.Option(help="Name of the view; asked for when the record is made.")]
ByOption = Annotated[str, typer.Option(help="Badge id of who does this.", max=64)]
DaysOption = Annotated[float, typer.Option(help="How many days the result may be used.", min=0.01, max=3650)]

DEPENDENT = {
    "lens": ("plane", "background", "card"),
    "flat": ("background", "card"),
    "colour": ("background", "card"),
}
"""Parts that are of the corrected frame, by the part that changes it."""
UNNAMED_CAMERA, UNNAMED_VIEW = "unnamed", "view"


def open_record(out: Path, size: tuple[int, int], camera_id: str, view: str) -> CalibrationRecord:
    """The record in ``out``, or a new one; names left empty are those of the file.

    Raises:
        CalibrationError: the file is broken, or of another camera, view or resolution.
    """
    try:
        record = load_record(out).record
    except CalibrationError as error:
        if error.code != "calibration.missing":
            raise
        if not LEAST_SIDE <= min(size) <= max(size) <= MOST_SIDE:
            raise CalibrationError(
                f"a camera's frames have {LEAST_SIDE} to {MOST_SIDE} pixels a side, not {size[0]} x {size[1]}",
                code="picture",
                hint="give pictures as the camera takes them",
            ) from error
        camera, place = camera_id or UNNAMED_CAMERA, view or UNNAMED_VIEW
        plain = {"camera_id": camera, "view": place, "width": size[0], "height": size[1]}
        try:
            return CalibrationRecord.model_validate(plain)
        except ValueError as invalid:
            message = f"{camera!r} and {place!r} cannot name a camera and a view"
            raise CalibrationError(message, code="name", hint="use A-Z a-z 0-9 . _ -") from invalid
    check_identity(record, camera_id or record.camera_id, view or record.view, size)
    return record


def made_now(pictures: Sequence[Picture], by: str, days: float) -> Made:
    """Provenance of a part that is solved from ``pictures`` now."""
    now = datetime.now(UTC).replace(microsecond=0)
    hashes = tuple(picture.sha256 for picture in pictures)
    return Made(by=by, at=now, software=__version__, frames=hashes, valid_until=now + timedelta(days=days))


def replace_part(out: Path, record: CalibrationRecord, name: str, part: Measured) -> dict[str, Any]:
    """Save ``record`` with a part replaced; returns what every command prints about it.

    A new lens, flat field or colour changes the corrected frame: what was learned of that frame expires with it.
    """
    changes: dict[str, Any] = {name: part}
    if part != record.parts().get(name):
        for dependent in DEPENDENT.get(name, ()):
            old = record.parts().get(dependent)
            if old is not None:
                ended = min(old.made.valid_until, part.made.at)
                changes[dependent] = old.model_copy(update={"made": old.made.model_copy(update={"valid_until": ended})})
    changed = record.model_copy(update=changes)
    version = save_record(out, changed, by=part.made.by, at=part.made.at, software=part.made.software)
    return {
        "part": name,
        "camera_id": changed.camera_id,
        "view": changed.view,
        "calibration_id": changed.calibration_id,
        "version": version,
        "out": str(out),
        "valid_until": part.made.valid_until.isoformat(),
        "to_renew": sorted(changes.keys() - {name}),
    }
