"""Which tags are in the reader's field now, and which are the next table's; pure, with the time handed in.

A tag counts from its second read (no two further apart than the window), so that a neighbour's tag caught once on a
reflection does not, and is gone when a window passes without a read. Reads that are too weak or come from an antenna
of another table never count. What does not count is told as a neighbour's, so that nobody wonders where a tag went.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from inspection.reading import Neighbour, TagReading


@dataclass(slots=True)
class _Sighting:
    """A tag that was heard: its last read, how many there were, and when it was told."""

    last: TagReading
    reads: int = 0
    told_ns: int | None = None


@dataclass(slots=True)
class TagField:
    """Remembers reads for one window and says which tag is to be told.

    Attributes:
        gate_dbm: weakest signal that counts; ``None`` lets all pass, as do reads without a signal strength.
        antennas: those that count; empty lets all pass, as do reads without an antenna.
        window_ms: how long a tag stays in the field after its last read.
        min_reads: reads before a tag counts.
        report_ms: a tag that stays is told again after this time, a neighbour's too.
        max_tags: most different tags remembered, and as many of neighbours; a pallet cannot fill the memory.
        refused: reads of neighbours so far, by reason.
    """

    gate_dbm: float | None = None
    antennas: frozenset[int] = frozenset()
    window_ms: int = 600
    min_reads: int = 2
    report_ms: int = 250
    max_tags: int = 256
    refused: dict[Neighbour, int] = field(default_factory=lambda: dict.fromkeys(Neighbour, 0))
    _own: dict[str, _Sighting] = field(default_factory=dict)
    _others: dict[str, _Sighting] = field(default_factory=dict)

    def see(self, reading: TagReading) -> tuple[TagReading, ...]:
        """Take in one read; what is to be told now: this tag as ours or a neighbour's, and what `passed`."""
        passed = self.passed(reading.monotonic_ns)
        neighbour = self._neighbour(reading)
        told = self._see_own(reading) if neighbour is None else self._see_other(replace(reading, neighbour=neighbour))
        return passed if told is None else (*passed, told)

    def passed(self, monotonic_ns: int) -> tuple[TagReading, ...]:
        """Tags that came and went too quickly to count, each told once; to be asked now and then."""
        oldest_ns = monotonic_ns - self.window_ms * 1_000_000
        gone = [sighting for sighting in self._own.values() if sighting.last.monotonic_ns < oldest_ns]
        brief = [sighting.last for sighting in gone if not self._counts(sighting)]
        told = tuple(replace(read, neighbour=Neighbour.TOO_BRIEF) for read in brief if read.epc not in self._others)
        self.refused[Neighbour.TOO_BRIEF] += len(brief)
        self._own = _since(oldest_ns, self._own)
        self._others = _since(oldest_ns, self._others)
        return told

    def present(self, monotonic_ns: int) -> tuple[TagReading, ...]:
        """Latest read of every tag in the field at ``monotonic_ns``, in the order in which they came.

        One is a reading; two or more are a question to the worker.
        """
        seen = _since(monotonic_ns - self.window_ms * 1_000_000, self._own)
        return tuple(sighting.last for sighting in seen.values() if self._counts(sighting))

    def clear(self) -> None:
        """Forget everything; for a reader that was lost."""
        self._own.clear()
        self._others.clear()

    def _neighbour(self, reading: TagReading) -> Neighbour | None:
        if self.antennas and reading.antenna is not None and reading.antenna not in self.antennas:
            return Neighbour.OTHER_ANTENNA
        if self.gate_dbm is not None and reading.rssi_dbm is not None and reading.rssi_dbm < self.gate_dbm:
            return Neighbour.TOO_WEAK
        return None

    def _see_own(self, reading: TagReading) -> TagReading | None:
        sighting = self._sight(self._own, reading)
        if sighting is None or not self._counts(sighting):
            return None
        return self._told(sighting)

    def _see_other(self, reading: TagReading) -> TagReading | None:
        if reading.neighbour is not None:
            self.refused[reading.neighbour] += 1
        own = self._own.get(reading.epc)
        if own is not None and self._counts(own):
            return None  # our tag, turned away for a moment
        sighting = self._sight(self._others, reading)
        return None if sighting is None else self._told(sighting)

    def _sight(self, seen: dict[str, _Sighting], reading: TagReading) -> _Sighting | None:
        sighting = seen.get(reading.epc)
        if sighting is None:
            if len(seen) >= self.max_tags:
                return None
            sighting = seen[reading.epc] = _Sighting(reading)
        sighting.last = reading
        sighting.reads += 1
        return sighting

    def _told(self, sighting: _Sighting) -> TagReading | None:
        now_ns = sighting.last.monotonic_ns
        if sighting.told_ns is not None and now_ns - sighting.told_ns < self.report_ms * 1_000_000:
            return None
        sighting.told_ns = now_ns
        return sighting.last

    def _counts(self, sighting: _Sighting) -> bool:
        return sighting.reads >= self.min_reads


def _since(oldest_ns: int, seen: dict[str, _Sighting]) -> dict[str, _Sighting]:
    return {epc: sighting for epc, sighting in seen.items() if sighting.last.monotonic_ns >= oldest_ns}
