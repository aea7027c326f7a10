"""Driver of barcode scanners on a serial port or USB-CDC: every scan becomes a `BarcodeReading`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

import structlog

from devices.barcode import newland
from devices.barcode.duplicates import Duplicates
from devices.barcode.framing import Framing, Scan, ScanCounts, ScanParser
from devices.barcode.trigger import HONEYWELL_OFF, HONEYWELL_ON, Order, Orders, TriggerFailed
from devices.serial_device import SerialDevice
from devices.serial_link import PortSettings
from inspection.errors import DeviceLost
from inspection.reading import BarcodeReading

log = structlog.get_logger(__name__)

DUPLICATE_MS = 500


class Trigger(Enum):
    """How a scanner is told to read; the value is the commands for "begin" and "stop"."""

    NONE = None
    HONEYWELL = (HONEYWELL_ON, HONEYWELL_OFF)
    NEWLAND = (newland.TRIGGER, newland.RELEASE)


@dataclass(frozen=True, slots=True)
class ScannerSettings:
    """How one scanner is set and used.

    Attributes:
        framing: how its scans are framed.
        idle_gap_ms: silence that ends a scan without suffix. Only silence that was waited for counts, not the time
            between two reads, because a busy computer reads late what came together.
        trigger: how it is told to read.
        duplicate_ms: the same code again within this time is the same reading; 0 takes every report.
    """

    framing: Framing = Framing()  # noqa: RUF009  frozen
    idle_gap_ms: int = 100
    trigger: Trigger = Trigger.NONE
    duplicate_ms: int = DUPLICATE_MS


class BarcodeScanner(SerialDevice):
    """A scanner that speaks when it is triggered, by hand or by `trigger`; connected while its port is open."""

    def __init__(self, device_id: str, port: PortSettings, settings: ScannerSettings | None = None) -> None:
        settings = settings or ScannerSettings()
        super().__init__(device_id, "barcode", port, tick_s=min(0.05, settings.idle_gap_ms / 2000))
        self._settings = settings
        self._parser = ScanParser(settings.framing)
        self._replies = newland.ReplySplitter() if settings.trigger is Trigger.NEWLAND else None
        self._duplicates = Duplicates(settings.duplicate_ms)
        self._orders = Orders(device_id)
        self._write: Callable[[bytes], None] = _not_open
        self._last_byte_ns = 0

    @property
    def counts(self) -> ScanCounts:
        """What became of the bytes since the driver was made."""
        return self._parser.counts

    def trigger(self) -> None:
        """See `devices.barcode.trigger.Triggered`."""
        self._order("begin to read", 0)

    def release(self) -> None:
        """See `devices.barcode.trigger.Triggered`."""
        self._order("stop reading", 1)

    def stop(self) -> None:
        super().stop()
        self._orders.closed("it is stopped")

    def opened(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._parser.reset()
        self._duplicates.reset()
        if self._replies is not None:
            self._replies.reset()
        self._orders.opened()
        self._announcer.came("scanner ready")

    def received(self, data: bytes, monotonic_ns: int) -> None:
        self._last_byte_ns = monotonic_ns
        self._take([data] if self._replies is None else self._replies.feed(data), monotonic_ns)
        self._orders.work(self._write, monotonic_ns)

    def tick(self, monotonic_ns: int) -> None:
        pending = self._parser.pending or (self._replies is not None and self._replies.pending)
        if pending and monotonic_ns - self._last_byte_ns >= self._settings.idle_gap_ms * 1_000_000:
            if self._replies is not None:
                self._take(self._replies.flush(), monotonic_ns)
            dropped = self.counts.dropped
            self._deliver(self._parser.flush(), monotonic_ns)
            self._tell_dropped(dropped)
        self._orders.work(self._write, monotonic_ns)

    def lost(self, reason: str) -> None:
        self._write = _not_open
        self._orders.closed(reason)
        super().lost(reason)

    def _order(self, name: str, which: int) -> None:
        commands = self._settings.trigger.value
        if commands is None:
            raise TriggerFailed(
                f"{self.device_id} has no trigger configured",
                hint="Set trigger: honeywell or newland in its configuration, or pull the scanner's own trigger.",
            )
        acknowledged = self._settings.trigger is Trigger.NEWLAND
        self._orders.give(Order(name, commands[which], acknowledged=acknowledged))

    def _take(self, parts: list[newland.Reply | bytes] | list[bytes], monotonic_ns: int) -> None:
        dropped = self.counts.dropped
        for part in parts:
            if isinstance(part, bytes):
                self._deliver(self._parser.feed(part), monotonic_ns)
            elif part.ok:
                self._orders.acknowledged()
            else:
                self._orders.refused(part.text)
        self._tell_dropped(dropped)

    def _deliver(self, scans: list[Scan], monotonic_ns: int) -> None:
        at = datetime.now(UTC)
        for scan in scans:
            if not self._duplicates.is_repeat(scan.text, scan.aim, monotonic_ns):
                self._announcer.deliver(BarcodeReading(self.device_id, scan.raw, at, monotonic_ns, scan.text, scan.aim))

    def _tell_dropped(self, before: int) -> None:
        if self.counts.dropped > before:
            counts = self.counts
            log.warning(
                "barcode.dropped",
                device=self.device_id,
                oversize=counts.oversize,
                undecodable=counts.undecodable,
                truncated=counts.truncated,
            )


def _not_open(_: bytes) -> None:
    raise DeviceLost("the port is closed")
