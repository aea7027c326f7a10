"""A Zebra scanner on a pseudo-terminal: answers SSI packets, waits for acknowledgements and sends again without."""

from __future__ import annotations

import threading
import time
from collections import deque
from pathlib import Path

from devices.barcode import ssi
from devices.frames import FrameParser
from devices.pseudo_port import PseudoPort
from devices.simulated_line import Faults, SimulatedLine

REVISION = b"PAABLS00-001-R00 DS2208"
SENDS = 3
HOST_TRIGGER = 0x08
TRIGGER_MODE = 0x8A


class SimulatedSsiScanner:
    """The scanner's side of the protocol. ``scan`` reads a code, ``place`` lays one down for a software trigger.

    Args:
        link: path of the port.
        response_s: how long it waits for an acknowledgement before it sends a packet again; twice at most.
        packet_size: bytes of code in one packet, 1..250.

    Attributes:
        acknowledged_after_s: how long each acknowledged packet waited.
        parameters: what the host has set.
        given_up: packets that were never acknowledged.
    """

    def __init__(
        self, link: Path, *, response_s: float = ssi.RESPONSE_WITHIN_S, packet_size: int = 250, seed: int = 1
    ) -> None:
        self.acknowledged_after_s: list[float] = []
        self.parameters: dict[int, int] = {}
        self.given_up = 0
        self.enabled = True
        self.beeps: list[int] = []
        self._response_s = response_s
        self._packet_size = packet_size
        self._before_it: tuple[int, str] | None = None
        self._outgoing: deque[bytes] = deque()
        self._sent_at = 0.0
        self._sends = 0
        self._parser = FrameParser(ssi.PacketShape())
        self._lock = threading.RLock()
        self.port = PseudoPort(link, on_bytes=self._hear, on_tick=self._resend_due, on_opened=self._parser.reset)
        self._line = SimulatedLine(self.port, on_reset=self._start_over, seed=seed)
        self.port.plug()

    @property
    def faults(self) -> Faults:
        return self._line.faults

    def scan(self, text: str, code_type: int = 0x1B) -> bool:
        """Read a code of an SSI code type; ``False`` when it cannot be sent as the port is not open."""
        if not self.port.listened_to or not self.enabled:
            return False
        data, size = text.encode("utf-8"), self._packet_size
        pieces = [data[at : at + size] for at in range(0, len(data), size)]
        with self._lock:
            for number, piece in enumerate(pieces, 1):
                status = ssi.MORE_FOLLOW if number < len(pieces) else 0
                self._outgoing.append(_packet(ssi.Opcode.DECODE_DATA, bytes([code_type]) + piece, status))
            if self._sends == 0:
                self._send_next()
        return True

    def place(self, text: str, code_type: int = 0x1B) -> None:
        """Lay a code before the scanner: it is read when the host starts a session."""
        with self._lock:
            self._before_it = (code_type, text)

    def send(self, data: bytes) -> bool:
        """Put raw bytes on the line."""
        return self.port.write(data)

    def unplug(self) -> None:
        """Cut cable and power."""
        self.port.unplug()
        self._start_over()

    def replug(self) -> None:
        self.port.plug()

    def close(self) -> None:
        """Unplug for good."""
        self.unplug()

    def _start_over(self) -> None:
        with self._lock:
            self._outgoing.clear()
            self._sends = 0
            self._parser.reset()

    def _hear(self, data: bytes) -> None:
        with self._lock:
            for packet in self._parser.feed(data):
                if packet.source is ssi.Source.HOST and not self.faults.stuck:
                    self._obey(packet)

    def _obey(self, packet: ssi.Packet) -> None:
        match packet.opcode:
            case ssi.Opcode.CMD_ACK:
                self._acknowledged()
            case ssi.Opcode.CMD_NAK if packet.data == bytes([ssi.Nak.RESEND]):
                self._send_again()
            case ssi.Opcode.FLUSH_QUEUE:
                self._outgoing.clear()
                self._sends = 0
                self._answer()
            case ssi.Opcode.REQUEST_REVISION:
                self._line.transmit(_packet(ssi.Opcode.REPLY_REVISION, REVISION))
            case ssi.Opcode.START_SESSION if self.enabled and self.parameters.get(TRIGGER_MODE) == HOST_TRIGGER:
                self._answer()
                self._session()
            case ssi.Opcode.START_SESSION:
                self._refuse(ssi.Nak.DENIED)
            case ssi.Opcode.PARAM_SEND:
                pairs = packet.data[1:]
                self.parameters.update(zip(pairs[::2], pairs[1::2], strict=False))
                self._answer()
            case ssi.Opcode.SCAN_ENABLE | ssi.Opcode.SCAN_DISABLE:
                self.enabled = packet.opcode == ssi.Opcode.SCAN_ENABLE
                self._answer()
            case ssi.Opcode.BEEP:
                self.beeps += packet.data
                self._answer()
            case ssi.Opcode.STOP_SESSION | ssi.Opcode.LED_ON | ssi.Opcode.LED_OFF:
                self._answer()
            case _:
                self._refuse(ssi.Nak.BAD_CONTEXT)

    def _session(self) -> None:
        code, self._before_it = self._before_it, None
        if code is not None:
            self.scan(code[1], code[0])

    def _answer(self) -> None:
        self._line.transmit(ssi.acknowledge(ssi.Source.SCANNER))

    def _refuse(self, cause: ssi.Nak) -> None:
        self._line.transmit(ssi.refuse(cause, ssi.Source.SCANNER))

    def _send_next(self) -> None:
        self._sends = 0
        if self._outgoing:
            self._sends, self._sent_at = 1, time.monotonic()
            self._line.transmit(self._outgoing[0])

    def _acknowledged(self) -> None:
        if self._sends:
            self.acknowledged_after_s.append(time.monotonic() - self._sent_at)
            self._outgoing.popleft()
            self._send_next()

    def _send_again(self) -> None:
        if not self._sends:
            return
        if self._sends >= SENDS:
            self.given_up += 1
            self._give_up_scan()
            self._send_next()
            return
        body = bytearray(self._outgoing[0][:-2])
        body[3] |= ssi.RETRANSMITTED
        self._sends, self._sent_at = self._sends + 1, time.monotonic()
        self._line.transmit(bytes(body) + ssi.checksum(bytes(body)))

    def _give_up_scan(self) -> None:
        """Forget the packet that cannot be sent and what belongs to it, and nothing that was read after it."""
        more = True
        while more and self._outgoing:
            more = bool(self._outgoing.popleft()[3] & ssi.MORE_FOLLOW)

    def _resend_due(self) -> None:
        with self._lock:
            if self._sends and time.monotonic() - self._sent_at >= self._response_s:
                self._send_again()


def _packet(opcode: int, data: bytes, status: int = 0) -> bytes:
    return ssi.encode(opcode, data, source=ssi.Source.SCANNER, status=status)
