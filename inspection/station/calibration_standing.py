"""How the daily check of each view stands: passed, due, overdue or failed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime

from calibration.checks import CheckEntry, CheckLog, Shift
from calibration.moves import SENTENCES
from calibration.record import CalibrationRecord
from inspection.errors import CalibrationError


class Standings:
    """Reads each view's checks again when their file changes; safe to use from several threads.

    Args:
        log: of the checks.
        shift: how often views are checked.
        clock: timezone-aware now.
    """

    def __init__(self, log: CheckLog, shift: Shift, clock: Callable[[], datetime]) -> None:
        self.log, self._shift, self._clock = log, shift, clock
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], tuple[tuple[int, int] | None, CheckEntry | None]] = {}

    def standing(self, record: CalibrationRecord | None) -> str:
        """As `calibration.checks.Shift.standing`; empty for a view without anything that could be checked."""
        if record is None or not record.parts():
            return ""
        return self._shift.standing(record, self.last(record), self._clock())

    def problems(self, record: CalibrationRecord | None) -> Mapping[str, str]:
        """The calibration problem that follows, by code, in words."""
        standing = self.standing(record)
        if record is None or standing not in {"failed", "overdue"}:
            return {}
        last = self.last(record)
        if standing == "failed" and last is not None:
            moved = " ".join(SENTENCES[move.code]["en"] for move in last.moves if move.code in SENTENCES)
            words = f"the check of view {record.view} by {last.by} on {last.at:%Y-%m-%d %H:%M} UTC failed: {moved}"
        else:
            since = f"since {last.at:%Y-%m-%d %H:%M} UTC" if last is not None else "yet"
            words = f"view {record.view} was not checked {since}"
        return {f"check_{standing}": words}

    def last(self, record: CalibrationRecord) -> CheckEntry | None:
        """The newest check of the record's view."""
        key = (record.camera_id, record.view)
        stamp = self._stamp(*key)
        with self._lock:
            known = self._known.get(key)
            if known is None or known[0] != stamp:
                known = self._known[key] = (stamp, self.log.last(*key, self._clock()))
            return known[1]

    def _stamp(self, camera_id: str, view: str) -> tuple[int, int] | None:
        try:
            found = self.log.path(camera_id, view).stat()
        except (OSError, CalibrationError):
            return None
        return found.st_mtime_ns, found.st_size
