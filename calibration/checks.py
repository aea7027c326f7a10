"""What the daily checks of each view said: one line a check, beside the view's record; and when the next one is due.

    <root>/<camera_id>/checks/<view>.jsonl

A file is good up to its last whole line. Nothing in it is ever changed; the oldest lines go when it grows long.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from calibration.daily import Check
from calibration.moves import Move
from calibration.record import CalibrationRecord
from calibration.store import CalibrationStore
from inspection.errors import CalibrationError
from inspection.evidence import canonical_json

FOLDER = "checks"
MOST_LINES = 2000
KEPT_LINES = 1000
FRESH = ("plane", "background", "card")
"""Parts that, made anew, are as good as a check: they were taken of the station as it is."""
CURED_BY = {
    "exposure": "background",
    "colour": "colour",
    "focus": "lens",
    "scale": "plane",
    "shift": "plane",
    "view": "background",
}
"""The part that has to be made anew for a move to be part of the calibration."""


class MoveFound(BaseModel):
    """One thing that was out of its limit; what is infinite is ``None``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str = Field(max_length=32)
    value: float | None = Field(allow_inf_nan=False)
    limit: float = Field(allow_inf_nan=False)
    unit: str = Field(max_length=16)


class CheckEntry(BaseModel):
    """One check of one view.

    Attributes:
        at: timezone-aware UTC.
        by: badge id of who laid the card down, a pseudonym.
        calibration_id: of the record it was compared with.
        compared: ``card`` when the card had been seen after calibration, ``description`` when not.
        moves: what was out of its limits; empty when it passed.
        not_measured: what could not be measured.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    at: AwareDatetime
    by: str = Field(max_length=64)
    software: str = Field(max_length=64)
    camera_id: str = Field(max_length=64)
    view: str = Field(max_length=64)
    calibration_id: str = Field(max_length=96)
    compared: str = Field(max_length=16)
    moves: tuple[MoveFound, ...] = Field((), max_length=16)
    not_measured: tuple[str, ...] = Field((), max_length=16)

    @property
    def passed(self) -> bool:
        return not self.moves

    @classmethod
    def of(cls, check: Check, record: CalibrationRecord, *, by: str, at: datetime, software: str) -> CheckEntry:
        """The entry of a check."""
        return cls(
            at=at,
            by=by,
            software=software,
            camera_id=record.camera_id,
            view=record.view,
            calibration_id=record.calibration_id,
            compared=check.compared,
            moves=tuple(_found(move) for move in check.moves),
            not_measured=check.not_measured,
        )


class CheckLog:
    """The checks of all views below the folder of a store."""

    def __init__(self, store: CalibrationStore) -> None:
        self._store = store

    def path(self, camera_id: str, view: str) -> Path:
        """The file of a view.

        Raises:
            CalibrationError: a name that cannot be one of a file.
        """
        record = self._store.path(camera_id, view)
        return record.parent / FOLDER / f"{record.stem}.jsonl"

    def append(self, entry: CheckEntry) -> None:
        """Add a check; it is on the disk when this returns.

        Raises:
            CalibrationError: ``calibration.write``: the disk is full or read-only.
        """
        path = self.path(entry.camera_id, entry.view)
        line = canonical_json(entry.model_dump(mode="json")) + b"\n"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _cut(path)
            with path.open("ab+") as file:
                if file.tell() and not _ends_with_line(path):
                    file.write(b"\n")  # what a power cut left of a line must not spoil this one
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise CalibrationError(
                f"cannot write {path}: {error.strerror or error}",
                code="write",
                hint="free space on the disk, or its rights",
            ) from error

    def entries(self, camera_id: str, view: str) -> list[CheckEntry]:
        """Every check that can be read, oldest first; damaged lines are passed over."""
        try:
            lines = self.path(camera_id, view).read_bytes().splitlines()
        except (OSError, CalibrationError):
            return []
        found = []
        for line in lines:
            try:
                entry = CheckEntry.model_validate_json(line)
            except ValidationError:
                continue
            if (entry.camera_id, entry.view) == (camera_id, view):
                found.append(entry)
        return found

    def last(self, camera_id: str, view: str, now: datetime) -> CheckEntry | None:
        """The newest check; one from the future was made with a wrong clock and does not count."""
        # Times are whole seconds: of two checks in one second the one that was written later counts.
        known = [entry for entry in self.entries(camera_id, view) if entry.at <= now]
        return max(reversed(known), key=lambda entry: entry.at, default=None)


@dataclass(frozen=True, slots=True)
class Shift:
    """How often views are checked.

    Attributes:
        every: after so long the station asks; ``None``: it never asks.
        grace: after so long again the check is overdue.
    """

    every: timedelta | None = timedelta(hours=8)
    grace: timedelta = timedelta(hours=2)

    def standing(self, record: CalibrationRecord, last: CheckEntry | None, now: datetime) -> str:
        """How a view stands: ``failed``, ``overdue``, ``due`` or, when all is well, empty.

        A view just calibrated needs no check. A failed check stands until another passes, or until the parts are made
        anew that what moved belongs to.
        """
        if last is not None and not last.passed and not _cured(record, last):
            return "failed"
        if self.every is None:
            return ""
        parts = [name for name in FRESH if name in record.parts()] or list(record.parts())
        fresh = [record.parts()[name].made.at for name in parts]
        fresh += [last.at] if last is not None and last.passed else []
        if not fresh:
            return ""
        begun = max(fresh)
        if now > begun + self.every + self.grace:
            return "overdue"
        return "due" if now > begun + self.every else ""


def _cured(record: CalibrationRecord, failed: CheckEntry) -> bool:
    for move in failed.moves:
        made = _made_at(record, CURED_BY.get(move.code, ""))
        if made is None or made <= failed.at:
            return False
    return True


def _made_at(record: CalibrationRecord, name: str) -> datetime | None:
    part = record.parts().get(name)
    return part.made.at if part is not None else None


def _found(move: Move) -> MoveFound:
    value = move.value if math.isfinite(move.value) else None
    return MoveFound(code=move.code, value=value, limit=move.limit, unit=move.unit)


def _cut(path: Path) -> None:
    """Drop the oldest lines of a long file, as a whole or not at all."""
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    if len(lines) < MOST_LINES:
        return
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        file.writelines(lines[-KEPT_LINES:])
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _ends_with_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
