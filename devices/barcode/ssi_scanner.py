"""Driver of Zebra scanners that speak SSI packets: every scan is checked, acknowledged, and becomes a reading."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import structlog

from devices.barcode import ssi
from devices.barcode.duplicates import Duplicates
from devices.barcode.framing import Scan
from devices.barcode.scanner import DUPLICATE_MS
from devices.barcode.trigger import Order, Orders
from devices.serial_device import SerialDevice
from devices.serial_link import PortSettings
from inspection.errors import DeviceLost
from inspection.reading import BarcodeReading

log = structlog.get_logger(__name__)

TICK_S = 0.02
IDLE_GAP_NS = 100_000_000
ASK_AGAIN_NS = 350_000_000
UNANSWERED_NS = 1_200_000_000
# A scanner gives a packet up after three times its response time: 2 s as delivered, 9.9 s at most.
PARTS_WITHIN_NS = 6_000_000_000
REPEATS_WITHIN_NS = 30_000_000_000
SENDS = 3
"""How often a scanner sends a packet. More is not asked for within its response time, however noisy the line is."""

HOST_TRIGGER_MODE = bytes.fromhex("8A 08")


@dataclass(frozen=True, slots=True)
class SsiSettings:
    """How one scanner is used.

    Attributes:
        host_trigger: put it into host trigger mode when it is connected, until it loses power, so that `trigger` works.
        ask_every_ms: how often it is asked whether it is still there when it says nothing; 0 never asks, and a cable
            that is pulled on the scanner's side of a serial adapter is then not noticed.
        encoding: of the scans.
        duplicate_ms: the same code again within this time is the same reading; 0 takes every report.
    """

    host_trigger: bool = False
    ask_every_ms: int = 700
    encoding: Literal["utf-8", "latin-1"] = "utf-8"
    duplicate_ms: int = DUPLICATE_MS


class SsiScanner(SerialDevice):
    """Connected once it told its revision; lost when it leaves a question open for 1.2 s.

    A packet is acknowledged as soon as it is read, long before the scanner's response time of 2 s is over. A damaged
    one is asked for again as soon as the line is idle, also when the scanner has answered a question since. What was
    read before the scanner was connected is flushed.
    """

    def __init__(self, device_id: str, port: PortSettings, settings: SsiSettings | None = None) -> None:
        super().__init__(device_id, "barcode", port, tick_s=TICK_S)
        self._settings = settings or SsiSettings()
        self._parser = ssi.MessageParser(self._settings.encoding)
        self._duplicates = Duplicates(self._settings.duplicate_ms)
        self._orders = Orders(device_id)
        self._write: Callable[[bytes], None] = _not_open
        self._identity = ""
        self._setup: list[bytes] = []
        self._asked_ns = self._heard_ns = self._last_byte_ns = self._last_decode_ns = self._resend_asked_ns = 0
        self._open_since_ns: int | None = None
        self._damaged = self._resends = 0

    @property
    def counts(self) -> ssi.Counts:
        """What became of the bytes since the driver was made."""
        return self._parser.counts

    def trigger(self) -> None:
        """START_SESSION; see `devices.barcode.trigger.Triggered`."""
        self._order("begin to read", ssi.Opcode.START_SESSION)

    def release(self) -> None:
        """STOP_SESSION; see `devices.barcode.trigger.Triggered`."""
        self._order("stop reading", ssi.Opcode.STOP_SESSION)

    def enable(self) -> None:
        """SCAN_ENABLE: read again; raises like `trigger`."""
        self._order("enable reading", ssi.Opcode.SCAN_ENABLE)

    def disable(self) -> None:
        """SCAN_DISABLE: read nothing, also by its own trigger; raises like `trigger`."""
        self._order("disable reading", ssi.Opcode.SCAN_DISABLE)

    def beep(self, code: int) -> None:
        """BEEP: sound ``code``, 0..26; raises like `trigger`."""
        self._order("beep", ssi.Opcode.BEEP, bytes([code]))

    def stop(self) -> None:
        super().stop()
        self._orders.closed("it is stopped")

    def opened(self, write: Callable[[bytes], None]) -> None:
        now_ns = time.monotonic_ns()
        self._write = write
        self._parser.reset()
        self._duplicates.reset()
        self._identity = ""
        self._undamaged()
        self._open_since_ns = None
        self._setup = [ssi.flush_queue(), ssi.request_revision()]
        if self._settings.host_trigger:
            self._setup.append(ssi.param_send(HOST_TRIGGER_MODE))
        self._ask(self._setup[0], now_ns)

    def received(self, data: bytes, monotonic_ns: int) -> None:
        self._last_byte_ns = monotonic_ns
        for message in self._parser.feed(data):
            self._take(message, monotonic_ns)
        self._go_on(monotonic_ns)

    def tick(self, monotonic_ns: int) -> None:
        if monotonic_ns - self._last_byte_ns >= IDLE_GAP_NS:
            self._fell_idle(monotonic_ns)
        self._go_on(monotonic_ns)

    def lost(self, reason: str) -> None:
        self._write = _not_open
        self._orders.closed(reason)
        super().lost(reason)

    def _order(self, name: str, opcode: ssi.Opcode, data: bytes = b"") -> None:
        again = ssi.encode(opcode, data, status=ssi.RETRANSMITTED)
        self._orders.give(Order(name, ssi.encode(opcode, data), again=again))

    def _ask(self, data: bytes, now_ns: int) -> None:
        self._asked_ns = now_ns
        if self._open_since_ns is None:
            self._open_since_ns = now_ns
        self._write(data)

    def _take(self, message: ssi.Message, now_ns: int) -> None:
        packet = message.packet if isinstance(message, ssi.DecodeData) else message
        if packet.source is not ssi.Source.SCANNER:
            return
        self._heard_ns, self._open_since_ns = now_ns, None
        # Only a scan tells that no scan waits to be sent again: the scanner sends one after the other.
        if isinstance(message, ssi.DecodeData) or self._damage() == self._damaged:
            self._undamaged()
        if isinstance(message, ssi.DecodeData):
            self._decoded(message, now_ns)
            return
        match packet.opcode:
            case ssi.Opcode.REPLY_REVISION:
                self._identity = _printable(packet.data)
                self._set_up((ssi.Opcode.REQUEST_REVISION,), now_ns)
            case ssi.Opcode.CMD_ACK if not self._orders.acknowledged():
                self._set_up((ssi.Opcode.FLUSH_QUEUE, ssi.Opcode.PARAM_SEND), now_ns)
            case ssi.Opcode.CMD_NAK:
                self._refused(packet.data, now_ns)
            case ssi.Opcode.EVENT:
                self._write(ssi.acknowledge())

    def _decoded(self, message: ssi.DecodeData, now_ns: int) -> None:
        self._write(ssi.acknowledge())
        self._last_decode_ns = now_ns
        scan = message.scan
        flushed = not self._setup or self._setup[0][1] != ssi.Opcode.FLUSH_QUEUE
        if flushed and scan is not None and not self._duplicates.is_repeat(scan.text, scan.aim, now_ns):
            self._deliver(scan, now_ns)

    def _deliver(self, scan: Scan, now_ns: int) -> None:
        at = datetime.now(UTC)
        self._announcer.deliver(BarcodeReading(self.device_id, scan.raw, at, now_ns, scan.text, scan.aim))

    def _refused(self, cause: bytes, now_ns: int) -> None:
        if cause[:1] == bytes([ssi.Nak.RESEND]):
            self._orders.send_again(self._write, now_ns)
        elif not self._orders.refused(ssi.nak_text(cause)) and self._setup:
            log.warning("ssi.setup_refused", device=self.device_id, cause=ssi.nak_text(cause))
            self._set_up((self._setup[0][1],), now_ns)

    def _set_up(self, answered: tuple[int, ...], now_ns: int) -> None:
        """One of the questions ``answered`` was: go on with the next, or to work."""
        if not self._setup or self._setup[0][1] not in answered:
            return
        self._setup.pop(0)
        if self._setup:
            self._ask(self._setup[0], now_ns)
            return
        self._orders.opened()
        self._announcer.came(self._identity or "SSI scanner")

    def _fell_idle(self, now_ns: int) -> None:
        if self._parser.pending:
            for message in self._parser.flush():
                self._take(message, now_ns)
        if self._damage() > self._damaged:
            self._damaged = self._damage()
            if now_ns - self._resend_asked_ns > ssi.RESPONSE_WITHIN_S * 1e9:
                self._resends = 0
            self._resends += 1
            if self._resends <= SENDS:
                self._resend_asked_ns = now_ns
                self._write(ssi.refuse(ssi.Nak.RESEND))

    def _undamaged(self) -> None:
        self._damaged, self._resends = self._damage(), 0

    def _damage(self) -> int:
        return self.counts.noise_bytes

    def _go_on(self, now_ns: int) -> None:
        """Whatever is due: give the scanner up, repeat a question, forget what is old, or send a command."""
        if self._open_since_ns is not None and now_ns - self._open_since_ns > UNANSWERED_NS:
            raise DeviceLost(
                f"scanner answers nothing for {UNANSWERED_NS / 1e9:.1f} s",
                hint="Check its power, cable and baud rate, and that it is set to SSI with ACK/NAK handshaking.",
            )
        waiting_ns = now_ns - self._asked_ns
        every_ns = self._settings.ask_every_ms * 1_000_000
        # A scan may come in place of the answer to a question of the set-up, which is then still open.
        if self._setup or self._open_since_ns is not None:
            if waiting_ns >= ASK_AGAIN_NS:
                question = bytearray(self._setup[0] if self._setup else ssi.request_revision())[:-2]
                question[3] |= ssi.RETRANSMITTED
                self._ask(bytes(question) + ssi.checksum(bytes(question)), now_ns)
        elif every_ns and now_ns - max(self._heard_ns, self._asked_ns) >= every_ns:
            self._ask(ssi.request_revision(), now_ns)
        since_decode_ns = now_ns - self._last_decode_ns
        if since_decode_ns > PARTS_WITHIN_NS:
            self._parser.give_up_scan()
        if since_decode_ns > REPEATS_WITHIN_NS:
            self._parser.expect_no_repeat()
        if not self._setup:
            self._orders.work(self._write, now_ns)


def _not_open(_: bytes) -> None:
    raise DeviceLost("the port is closed")


def _printable(text: bytes) -> str:
    return " ".join("".join(chr(byte) if 0x20 < byte < 0x7F else " " for byte in text).split())  # noqa: PLR2004
