"""Which tags were read lately: the reader's thread tells, the session asks when it joins an identity."""

from __future__ import annotations

import threading

from inspection.reading import TagReading

MAX_TAGS = 256


class TagsHeard:
    """The newest reading of each tag; the oldest is forgotten when there are more than 256."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest: dict[str, TagReading] = {}

    def hear(self, reading: TagReading) -> None:
        with self._lock:
            self._newest.pop(reading.epc, None)
            self._newest[reading.epc] = reading
            while len(self._newest) > MAX_TAGS:
                self._newest.pop(next(iter(self._newest)))

    def between(self, from_ns: int, to_ns: int) -> tuple[TagReading, ...]:
        """Tags whose newest reading lies in this stretch of the monotonic clock: those in the field at that time."""
        with self._lock:
            return tuple(reading for reading in self._newest.values() if from_ns <= reading.monotonic_ns <= to_ns)
