"""Driver of barcode scanners on a serial port or USB-CDC: every scan becomes a `BarcodeReading`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from devices.barcode.framing import Framing, Scan, ScanCounts, ScanParser
from devices.serial_device import SerialDevice
from devices.serial_link import PortSettings
from inspection.reading import BarcodeReading

log = structlog.get_logger(__name__)


class BarcodeScanner(SerialDevice):
    """A scanner that speaks when it is triggered; it is connected while its port is open.

    ``framing`` says how it is set. ``idle_gap_ms`` of silence end a scan without suffix; only silence that was waited
    for counts, not the time between two reads, because a busy computer reads late what came together.
    """

    def __init__(
        self, device_id: str, settings: PortSettings, framing: Framing | None = None, *, idle_gap_ms: int = 100
    ) -> None:
        super().__init__(device_id, "barcode", settings, tick_s=min(0.05, idle_gap_ms / 2000))
        self._parser = ScanParser(framing or Framing())
        self._idle_gap_ns = idle_gap_ms * 1_000_000
        self._last_byte_ns = 0

    @property
    def counts(self) -> ScanCounts:
        """What became of the bytes since the driver was made."""
        return self._parser.counts

    def opened(self, write: Callable[[bytes], None]) -> None:  # noqa: ARG002  a scanner is not spoken to
        self._parser.reset()
        self._announcer.came("scanner ready")

    def received(self, data: bytes, monotonic_ns: int) -> None:
        dropped = self.counts.dropped
        self._last_byte_ns = monotonic_ns
        self._deliver(self._parser.feed(data), monotonic_ns)
        self._tell_dropped(dropped)

    def tick(self, monotonic_ns: int) -> None:
        dropped = self.counts.dropped
        if self._parser.pending and monotonic_ns - self._last_byte_ns >= self._idle_gap_ns:
            self._deliver(self._parser.flush(), monotonic_ns)
            self._tell_dropped(dropped)

    def _deliver(self, scans: list[Scan], monotonic_ns: int) -> None:
        at = datetime.now(UTC)
        for scan in scans:
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
