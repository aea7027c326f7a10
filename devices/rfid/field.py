"""Which tags are in the reader's field now; pure, with the time handed in.

A tag counts from its second read (no two further apart than the window), so that a neighbour's tag caught once on a
reflection does not, and is gone when a window passes without a read. Reads weaker than the gate never count.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from inspection.reading import TagReading


@dataclass(slots=True)
class _Sighting:
    last: TagReading
    reads: int = 0
    reported_ns: int | None = None


@dataclass(slots=True)
class TagField:
    """Remembers reads for one window.

    Attributes:
        gate_dbm: weakest signal that counts; ``None`` lets all pass, as do reads without a signal strength.
        window_ms: how long a tag stays in the field after its last read.
        min_reads: reads before a tag counts.
        max_tags: most different tags remembered; a pallet of others cannot fill the memory.
        too_weak: reads refused by the gate so far.
    """

    gate_dbm: float | None = None
    window_ms: int = 600
    min_reads: int = 2
    max_tags: int = 256
    too_weak: int = 0
    _seen: dict[str, _Sighting] = field(default_factory=dict)

    def see(self, reading: TagReading) -> bool:
        """Take in one read; whether its tag counts as in the field now."""
        if self.gate_dbm is not None and reading.rssi_dbm is not None and reading.rssi_dbm < self.gate_dbm:
            self.too_weak += 1
            return False
        self._forget(reading.monotonic_ns)
        sighting = self._seen.get(reading.epc)
        if sighting is None:
            if len(self._seen) >= self.max_tags:
                return False
            sighting = self._seen[reading.epc] = _Sighting(reading)
        sighting.last = reading
        sighting.reads += 1
        return self._counts(sighting)

    def present(self, monotonic_ns: int) -> tuple[TagReading, ...]:
        """Latest read of every tag in the field at ``monotonic_ns``, in the order in which they came."""
        self._forget(monotonic_ns)
        return tuple(sighting.last for sighting in self._seen.values() if self._counts(sighting))

    def due(self, epc: str, monotonic_ns: int, every_ms: int) -> bool:
        """Whether this tag was not reported for ``every_ms``; asking notes it as reported."""
        sighting = self._seen.get(epc)
        if sighting is None:
            return False
        if sighting.reported_ns is not None and monotonic_ns - sighting.reported_ns < every_ms * 1_000_000:
            return False
        sighting.reported_ns = monotonic_ns
        return True

    def clear(self) -> None:
        """Forget everything; for a reader that was lost."""
        self._seen.clear()

    def _counts(self, sighting: _Sighting) -> bool:
        return sighting.reads >= self.min_reads

    def _forget(self, now_ns: int) -> None:
        oldest_ns = now_ns - self.window_ms * 1_000_000
        self._seen = {epc: sighting for epc, sighting in self._seen.items() if sighting.last.monotonic_ns >= oldest_ns}
