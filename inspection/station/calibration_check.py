"""The daily check at the station: the reference card is laid under a view, and the station says whether anything moved.

Nobody presses anything: a card that is seen and is as it was passes at once; what has moved must be seen in some looks
in a row, so that a hand on its way out fails nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog

from calibration.checks import CheckEntry
from calibration.cli.record_file import made_now
from calibration.daily import Check, check_card, see_card
from calibration.record import CalibrationRecord
from calibration.targets import Card
from inspection import __version__
from inspection.errors import CalibrationError
from inspection.frame import Frame
from inspection.station.calibrations import Calibrations

log = structlog.get_logger()
CHECK = "check"
FAILS = 3
FAILS_S = 1.0
"""A check fails when so many looks in a row say so, over so many seconds."""
FORGOTTEN_S = 5.0
"""Looks further apart are not in a row."""
CARD_DAYS = 365.0


@dataclass(frozen=True, slots=True)
class _Failing:
    count: int
    since_s: float
    last_s: float


class CardCheck:
    """Checks views with the reference card.

    Args:
        calibrations: of the station.
        card: its description.
        worker: badge id of whoever works here.
        clock: seconds that only go forward.
    """

    def __init__(
        self, calibrations: Calibrations, card: Card, worker: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._calibrations, self._card, self._worker, self._clock = calibrations, card, worker, clock
        self._failing: dict[str, _Failing] = {}
        self._lock = threading.Lock()

    def look(self, view: str, frame: Frame, *, keep: bool) -> dict[str, Any]:
        """Look at a frame; a result is kept with who and when.

        Args:
            keep: the person wants the card as it looks now to be what later checks compare with.

        Returns:
            ``reason``: what to tell; ``checked``: ``passed``, ``failed`` or, as long as it is not clear, empty;
            ``moves``: what moved, by code; ``reference``: whether the card had been seen after calibration.

        Raises:
            CalibrationError: the result cannot be written; the card cannot be a reference now.
        """
        usable = self._calibrations.state(view).usable
        if usable is None or not usable.parts():
            return _said("uncalibrated")
        if keep:
            usable = self._keep(view, frame, usable)
        try:
            check = check_card(frame.pixels, self._card, usable)
        except CalibrationError as error:
            self._failing.pop(view, None)
            return _said(error.code.removeprefix("calibration."), str(error), reference=usable.card is not None)
        moves = tuple(move.code for move in check.moves)
        if not check.passed and not self._fails(view):
            return _said("checking", moves=moves, reference=usable.card is not None)
        self._failing.pop(view, None)
        self._record(check, usable)
        said = "passed" if check.passed else "failed"
        return _said(said, checked=said, moves=moves, reference=usable.card is not None)

    def _fails(self, view: str) -> bool:
        """Whether it failed often and long enough."""
        now = self._clock()
        with self._lock:
            before = self._failing.get(view)
            if before is None or now - before.last_s > FORGOTTEN_S:
                before = _Failing(0, now, now)
            self._failing[view] = failing = _Failing(before.count + 1, before.since_s, now)
        return failing.count >= FAILS and now - failing.since_s >= FAILS_S

    def _record(self, check: Check, record: CalibrationRecord) -> None:
        at = datetime.now(UTC).replace(microsecond=0)
        entry = CheckEntry.of(check, record, by=self._worker, at=at, software=__version__)
        self._calibrations.checks.append(entry)
        moved = [move.code for move in entry.moves]
        log.info("calibration_checked", view=record.view, passed=entry.passed, moved=moved, by=self._worker)

    def _keep(self, view: str, frame: Frame, usable: CalibrationRecord) -> CalibrationRecord:
        made = made_now([], self._worker, CARD_DAYS)
        part = see_card(frame.pixels, self._card, usable, made)
        whole = self._calibrations.state(view).record or usable
        self._calibrations.store.save(
            whole.model_copy(update={"card": part}), by=self._worker, at=made.at, software=made.software
        )
        log.info("calibration_saved", view=view, part="card")
        return usable.model_copy(update={"card": part})


def _said(
    reason: str, detail: str = "", *, checked: str = "", moves: tuple[str, ...] = (), reference: bool = False
) -> dict[str, Any]:
    return {"reason": reason, "detail": detail, "checked": checked, "moves": list(moves), "reference": reference}
