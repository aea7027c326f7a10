"""What has drifted in each view since it was calibrated, by the background of its newest capture that showed it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from calibration.drift import DriftWatch
from calibration.foreground import Mask
from calibration.moves import Move
from calibration.record import CalibrationRecord
from inspection.frame import Pixels

log = structlog.get_logger()
MOVED = "moved_"
"""Before the code of a move: a calibration problem, as the policy and the screen know it."""


@dataclass(frozen=True, slots=True, eq=False)
class _Watched:
    """A view's record with what was made of it, and what stands since the newest capture that could tell."""

    record: CalibrationRecord
    watch: DriftWatch
    moves: tuple[Move, ...] = ()


class Drifts:
    """Compares captures with the empty station as it was calibrated; safe to use from several threads.

    What was found stands until a capture shows that it is gone, or until the view is calibrated again.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._views: dict[str, _Watched] = {}

    def look(self, view: str, record: CalibrationRecord, picture: Pixels, item: Mask | None) -> tuple[Move, ...]:
        """What has moved, by this capture, or, where it shows too little of the table, by the one before.

        Args:
            view: named position.
            record: of the view, with a background; without its parts that must not be used.
            picture: uint8 (H, W, 3) BGR, the corrected frame.
            item: mask of any size, > 0 where the item is.

        Raises:
            CalibrationError: the picture has another size than the record is for.
        """
        watched = self._watched(view, record)
        drift = watched.watch(picture, item)
        if drift.light is None:
            return watched.moves
        if drift.codes != tuple(move.code for move in watched.moves):
            if drift.moves:
                log.warning("drift", view=view, moves=[f"{said(move)}" for move in drift.moves])
            else:
                log.info("drift_gone", view=view)
        with self._lock:
            self._views[view] = _Watched(watched.record, watched.watch, drift.moves)
        return drift.moves

    def moves(self, view: str, record: CalibrationRecord | None) -> tuple[Move, ...]:
        """What stands for a record of the view."""
        with self._lock:
            watched = self._views.get(view)
        return watched.moves if watched is not None and _same(watched.record, record) else ()

    def _watched(self, view: str, record: CalibrationRecord) -> _Watched:
        with self._lock:
            known = self._views.get(view)
        if known is None or not _same(known.record, record):
            known = _Watched(record, DriftWatch.of(record))
        return known


def problems_of(moves: tuple[Move, ...]) -> Mapping[str, str]:
    """Calibration problems by code, with what was measured in words."""
    return {f"{MOVED}{move.code}": f"{move.sentence['en']} ({said(move)})" for move in moves}


def said(move: Move) -> str:
    """What was measured, beside its limit."""
    unit = "" if move.unit == "ratio" else f" {move.unit}"
    return f"{move.code} {move.value:.3g}{unit}, limit {move.limit:.3g}{unit}"


def _same(one: CalibrationRecord, other: CalibrationRecord | None) -> bool:
    return one is other or one == other
