"""Both directions of a barcode scanner's line in one stream, for a log of which no more is known."""

from __future__ import annotations

from dataclasses import dataclass

from devices.barcode import newland
from devices.barcode.framing import Framing, Scan, ScanParser
from devices.barcode.trigger import HONEYWELL_OFF, HONEYWELL_ON

_TRIGGERS = {HONEYWELL_ON: "trigger on", HONEYWELL_OFF: "trigger off"}


@dataclass(frozen=True, slots=True)
class TriggerCommand:
    """A host told a scanner to read, or to stop."""

    name: str
    raw: bytes


@dataclass(slots=True)
class Counts:
    """Frames and scans that were refused."""

    refused: int = 0


class BarcodeLine:
    """Scans, replies of modules, and what hosts send to them. A host's command must be a whole piece of its own."""

    def __init__(self) -> None:
        self._replies = newland.ReplySplitter()
        self._scans = ScanParser(Framing())

    @property
    def pending(self) -> int:
        return self._replies.pending + self._scans.pending

    @property
    def counts(self) -> Counts:
        return Counts(self._scans.counts.dropped)

    def feed(self, data: bytes) -> list[Scan | newland.Reply | newland.Command | TriggerCommand]:
        if data in _TRIGGERS:
            return [TriggerCommand(_TRIGGERS[data], data)]
        commands = newland.command_parser()
        found = commands.feed(data)
        if found and not commands.counts.noise_bytes and not commands.pending:
            return list(found)
        return self._apart(self._replies.feed(data))

    def flush(self) -> list[Scan | newland.Reply | newland.Command | TriggerCommand]:
        return [*self._apart(self._replies.flush()), *self._scans.flush()]

    def _apart(
        self, parts: list[newland.Reply | bytes]
    ) -> list[Scan | newland.Reply | newland.Command | TriggerCommand]:
        said: list[Scan | newland.Reply | newland.Command | TriggerCommand] = []
        for part in parts:
            said += self._scans.feed(part) if isinstance(part, bytes) else [part]
        return said
