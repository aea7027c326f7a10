"""Which weight belongs to which item: the scales' threads tell what they show, the session asks when it judges.

What lies on a pan from one emptying to the next is one load, and a load belongs to one inspection only. So the weight
of the item before, still on the pan while the next code is scanned, never counts for the next; a load that was there
before the station saw the pan empty counts for nobody.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from inspection.reading import WeightReading

MAX_AGE_NS = 1_500_000_000
"""A weight older than this, or a gap between two weights longer than this, tells nothing about what lies there now."""


@dataclass(slots=True)
class _Pan:
    """One scale.

    Attributes:
        newest: what it said last.
        seen_empty: whether the pan was empty before the load that lies there now.
        owner: the inspection whose load lies there.
        expects: the inspection that was judged while the pan was empty: a load that comes late is its own.
    """

    newest: WeightReading | None = None
    seen_empty: bool = False
    owner: UUID | None = None
    expects: UUID | None = None


class WeightsHeard:
    """The newest weight of every scale, and whose it is.

    Args:
        empty_g: a pan that shows at most this is empty.
    """

    def __init__(self, empty_g: float = 2.0) -> None:
        self._empty_g = Decimal(str(empty_g))
        self._lock = threading.Lock()
        self._pans: dict[str, _Pan] = {}

    def hear(self, reading: WeightReading) -> None:
        """A scale said something."""
        with self._lock:
            pan = self._pans.setdefault(reading.device_id, _Pan())
            before, pan.newest = pan.newest, reading
            if before is None or reading.monotonic_ns - before.monotonic_ns > MAX_AGE_NS:
                pan.seen_empty, pan.owner = False, None
            if self._is_empty(reading):
                pan.seen_empty, pan.owner = True, None
            elif pan.owner is None and pan.expects is not None:
                pan.owner, pan.expects = pan.expects, None

    def forget(self, device_id: str) -> None:
        """A scale was lost or came back: what lies there now may be anything."""
        with self._lock:
            self._pans.pop(device_id, None)

    def moving(self, now_ns: int) -> bool:
        """Whether a load lies on a scale and has not come to rest."""
        with self._lock:
            return any(
                pan.newest is not None
                and _is_young(pan.newest, now_ns)
                and not pan.newest.stable
                and not self._is_empty(pan.newest)
                for pan in self._pans.values()
            )

    def claim(self, inspection_id: UUID, now_ns: int) -> WeightReading | None:
        """What lies on the scales from now on is this inspection's; its stable weight, ``None`` when there is none.

        With several scales it is the newest stable one.
        """
        with self._lock:
            mine = [reading for pan in self._pans.values() if (reading := self._claim(pan, inspection_id, now_ns))]
        return max(mine, key=lambda reading: reading.monotonic_ns, default=None)

    def decided(self) -> None:
        """The inspection on the table is over; a load that comes from now on is not its own."""
        with self._lock:
            for pan in self._pans.values():
                pan.expects = None

    def _claim(self, pan: _Pan, inspection_id: UUID, now_ns: int) -> WeightReading | None:
        newest = pan.newest
        if newest is None or not _is_young(newest, now_ns) or self._is_empty(newest):
            pan.expects = inspection_id
            return None
        pan.expects = None
        if pan.owner is None:
            pan.owner = inspection_id
        counts = pan.seen_empty and pan.owner == inspection_id and newest.stable and newest.grams is not None
        return newest if counts else None

    def _is_empty(self, reading: WeightReading) -> bool:
        return reading.underload or (reading.grams is not None and reading.grams <= self._empty_g)


def _is_young(reading: WeightReading, now_ns: int) -> bool:
    return now_ns - reading.monotonic_ns <= MAX_AGE_NS
