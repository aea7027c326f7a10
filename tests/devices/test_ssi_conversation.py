"""What the SSI driver says and when, its clock turned by hand: which damage it asks about, and how often."""

from __future__ import annotations

import time

import pytest

from devices.barcode import ssi
from devices.barcode.ssi_scanner import SENDS, SsiScanner
from devices.barcode.ssi_simulator import REVISION
from devices.serial_link import PortSettings
from devices.simulated_line import spoil_last_byte_but_one
from inspection.reading import BarcodeReading

MS = 1_000_000
AGAIN = ssi.refuse(ssi.Nak.RESEND)
ACK = ssi.acknowledge()
ASK = ssi.request_revision()
REPLY = ssi.encode(ssi.Opcode.REPLY_REVISION, REVISION, source=ssi.Source.SCANNER)
DONE = ssi.acknowledge(ssi.Source.SCANNER)


def scan(text: str, *, again: bool = False) -> bytes:
    status = ssi.RETRANSMITTED if again else 0
    return ssi.encode(ssi.Opcode.DECODE_DATA, b"\x1b" + text.encode(), source=ssi.Source.SCANNER, status=status)


class Talk:
    """The driver after its set-up; times are in milliseconds after it."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.read: list[str] = []
        self.scanner = SsiScanner("ssi", PortSettings("none"))
        self.scanner._announcer.deliver = self._deliver  # type: ignore[method-assign]  # no thread in these tests
        self.scanner.opened(self.written.append)
        self._began_ns = time.monotonic_ns() + MS
        self._now_ms = 0
        self.hears(0, DONE).hears(0, REPLY).said()

    def _deliver(self, message: object) -> None:
        if isinstance(message, BarcodeReading):
            self.read.append(message.text)

    def hears(self, at_ms: int, data: bytes) -> Talk:
        self._now_ms = at_ms
        self.scanner.received(data, self._began_ns + at_ms * MS)
        return self

    def waits(self, until_ms: int) -> Talk:
        """Silence, with a tick every 20 ms."""
        for at_ms in range(self._now_ms + 20, until_ms + 1, 20):
            self.scanner.tick(self._began_ns + at_ms * MS)
        return self

    def said(self) -> list[bytes]:
        """What was written since it was last asked for."""
        written, self.written[:] = list(self.written), []
        return written


@pytest.fixture
def talk() -> Talk:
    return Talk()


def test_a_damaged_scan_is_asked_for_again_once_the_line_is_idle(talk: Talk) -> None:
    assert talk.hears(100, spoil_last_byte_but_one(scan("A1"))).waits(180).said() == []
    assert talk.waits(220).said() == [AGAIN]
    assert talk.hears(230, scan("A1", again=True)).waits(400).said() == [ACK]
    assert talk.read == ["A1"]


def test_an_answer_that_follows_a_damaged_scan_does_not_let_it_be_forgotten(talk: Talk) -> None:
    """The scanner would wait two seconds, and after the third sending give the scan up with what was read meanwhile."""
    talk.waits(720)
    assert talk.said() == [ASK]
    talk.hears(730, spoil_last_byte_but_one(scan("A1"))).hears(760, REPLY)
    assert talk.waits(900).said() == [AGAIN]
    assert talk.hears(910, scan("A1", again=True)).said() == [ACK]
    assert talk.read == ["A1"]


def test_a_scan_settles_the_damage_before_it(talk: Talk) -> None:
    talk.hears(100, b"\x55\x99noise" + scan("A1"))
    assert talk.waits(400).said() == [ACK]


def test_a_line_that_makes_noise_is_asked_no_more_often_than_a_scanner_sends(talk: Talk) -> None:
    for at_ms in range(100, 2100, 250):
        talk.hears(at_ms, b"\x55\x99noise" + REPLY).waits(at_ms + 240)
    assert talk.said().count(AGAIN) == SENDS
    talk.hears(2200, REPLY).hears(2250, spoil_last_byte_but_one(scan("A1")))
    assert AGAIN in talk.waits(2400).said()


def test_a_scan_sent_again_as_its_acknowledgement_was_lost_is_one_reading(talk: Talk) -> None:
    talk.hears(100, scan("A1")).hears(2100, scan("A1", again=True)).hears(2200, scan("A2"))
    assert talk.read == ["A1", "A2"]
