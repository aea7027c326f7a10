"""Which tags were read lately: the reader's thread tells, the session asks when it joins an identity."""

from __future__ import annotations

import threading

from inspection.reading import TagReading

MAX_TAGS = 256


class TagsHeard:
    """The newest reading of each tag; the oldest is forgotten when there are more than 256, and 256 of neighbours."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest: dict[str, TagReading] = {}
        self._neighbours: dict[str, TagReading] = {}

    def hear(self, reading: TagReading) -> None:
        with self._lock:
            newest = self._newest if reading.neighbour is None else self._neighbours
            newest.pop(reading.epc, None)
            newest[reading.epc] = reading
            while len(newest) > MAX_TAGS:
                newest.pop(next(iter(newest)))

    def between(self, from_ns: int, to_ns: int) -> tuple[TagReading, ...]:
        """Tags whose newest reading lies in this stretch of the monotonic clock: those in the field at that time."""
        with self._lock:
            return _within(self._newest, from_ns, to_ns)

    def neighbours(self, from_ns: int, to_ns: int) -> tuple[TagReading, ...]:
        """Tags that were heard in this stretch, as a neighbour's only, and are never taken."""
        with self._lock:
            own = {reading.epc for reading in _within(self._newest, from_ns, to_ns)}
            return tuple(reading for reading in _within(self._neighbours, from_ns, to_ns) if reading.epc not in own)


def _within(newest: dict[str, TagReading], from_ns: int, to_ns: int) -> tuple[TagReading, ...]:
    return tuple(reading for reading in newest.values() if from_ns <= reading.monotonic_ns <= to_ns)
