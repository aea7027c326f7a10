"""The scanner driver on a real pseudo-terminal."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devices.barcode.framing import Framing, Suffix
from devices.barcode.scanner import BarcodeScanner, ScannerSettings
from devices.barcode.simulator import SimulatedScanner
from devices.serial_link import PortSettings
from inspection.reading import BarcodeReading
from tests.devices.conftest import Inbox

Connect = Callable[..., BarcodeScanner]


@pytest.fixture
def gun(tmp_path: Path) -> Iterator[SimulatedScanner]:
    simulator = SimulatedScanner(tmp_path / "scanner")
    yield simulator
    simulator.close()


@pytest.fixture
def connect(gun: SimulatedScanner, inbox: Inbox) -> Iterator[Connect]:
    devices = []

    def start(framing: Framing | None = None, idle_gap_ms: int = 60) -> BarcodeScanner:
        settings = ScannerSettings(framing or Framing(), idle_gap_ms)
        device = BarcodeScanner("scanner", PortSettings(str(gun.port.link)), settings)
        devices.append(device)
        device.start(inbox)
        inbox.wait_connected()
        return device

    yield start
    for device in devices:
        device.stop()


def scans(inbox: Inbox) -> list[str]:
    return [message.text for message in inbox.messages if isinstance(message, BarcodeReading)]


def wait_for(inbox: Inbox, text: str) -> BarcodeReading:
    return inbox.wait(BarcodeReading, lambda reading: reading.text == text)


def test_a_scan_arrives_with_its_symbology_bytes_and_times(
    gun: SimulatedScanner, inbox: Inbox, connect: Connect
) -> None:
    connect()
    gun.scan("0100614141401017211234\x1d10L", "]d2")
    reading = inbox.wait(BarcodeReading)
    assert (reading.text, reading.aim) == ("0100614141401017211234\x1d10L", "]d2")
    assert reading.raw == b"]d20100614141401017211234\x1d10L\r"
    assert reading.device_id == "scanner"
    assert reading.at.tzinfo is not None


def test_two_scans_in_one_write_are_two_readings(gun: SimulatedScanner, inbox: Inbox, connect: Connect) -> None:
    connect()
    gun.send(b"FIRST\rSECOND\r")
    wait_for(inbox, "SECOND")
    assert scans(inbox) == ["FIRST", "SECOND"]


def test_a_scan_in_an_envelope_without_suffix_is_read(gun: SimulatedScanner, inbox: Inbox, connect: Connect) -> None:
    connect()
    gun.envelope, gun.suffix = True, b""
    gun.scan("ENVELOPED")
    wait_for(inbox, "ENVELOPED")


def test_without_suffix_the_silence_after_a_scan_ends_it(gun: SimulatedScanner, inbox: Inbox, connect: Connect) -> None:
    connect(Framing(Suffix.NONE))
    gun.suffix = b""
    gun.scan("4006381333931")
    wait_for(inbox, "4006381333931")
    gun.scan("614141401017")
    wait_for(inbox, "614141401017")
    assert scans(inbox) == ["4006381333931", "614141401017"]


def test_half_a_scan_is_not_glued_to_the_next(gun: SimulatedScanner, inbox: Inbox, connect: Connect) -> None:
    device = connect(Framing(Suffix.CR))
    gun.send(b"01006141414010")
    gun.port.unplug()
    inbox.wait_lost()
    since = inbox.mark()
    gun.replug()
    inbox.wait_connected(since=since)
    gun.scan("WHOLE")
    wait_for(inbox, "WHOLE")
    assert scans(inbox) == ["WHOLE"]
    assert device.counts.scans == 1


def test_half_a_scan_is_forgotten_when_the_station_starts_over(
    gun: SimulatedScanner, inbox: Inbox, connect: Connect
) -> None:
    device = connect(Framing(Suffix.CR), idle_gap_ms=2000)
    gun.send(b"HALF")
    while not device._parser.pending:
        threading.Event().wait(0.005)
    device.stop()
    since = inbox.mark()
    device.start(inbox)
    inbox.wait_connected(since=since)
    gun.scan("WHOLE")
    assert inbox.wait(BarcodeReading).text == "WHOLE"


def test_a_scan_made_while_the_station_was_away_is_not_delivered_later(
    gun: SimulatedScanner, inbox: Inbox, connect: Connect
) -> None:
    device = connect()
    gun.scan("BEFORE")
    wait_for(inbox, "BEFORE")
    device.stop()
    assert not gun.scan("GHOST")
    since = inbox.mark()
    device.start(inbox)
    inbox.wait_connected(since=since)
    gun.scan("AFTER")
    wait_for(inbox, "AFTER")
    assert scans(inbox) == ["BEFORE", "AFTER"]


def test_what_cannot_be_decoded_is_counted_and_the_next_scan_read(
    gun: SimulatedScanner, inbox: Inbox, connect: Connect
) -> None:
    device = connect()
    gun.send(b"caf\xe9\rGOOD\r")
    wait_for(inbox, "GOOD")
    assert device.counts.undecodable == 1


def test_half_a_scan_before_a_silence_is_dropped_once_the_scanner_was_heard_to_end_its_scans(
    gun: SimulatedScanner, inbox: Inbox, connect: Connect
) -> None:
    device = connect()
    gun.scan("FIRST")
    wait_for(inbox, "FIRST")
    gun.faults.reset = True  # the scanner loses power in mid-scan, its adapter stays
    gun.scan("0100614141401017211234")
    while not device.counts.truncated:
        threading.Event().wait(0.01)
    gun.scan("WHOLE")
    wait_for(inbox, "WHOLE")
    assert scans(inbox) == ["FIRST", "WHOLE"]


@pytest.mark.parametrize("fault", ["split", "glue"])
def test_scans_in_pieces_or_glued_are_all_read(
    gun: SimulatedScanner, inbox: Inbox, connect: Connect, fault: str
) -> None:
    connect()
    setattr(gun.faults, fault, True)
    sent = [f"CODE-{number}" for number in range(4)]
    for text in sent:
        gun.scan(text)
    wait_for(inbox, sent[-1])
    assert scans(inbox) == sent


def test_scans_glued_without_suffix_are_two_readings(gun: SimulatedScanner, inbox: Inbox, connect: Connect) -> None:
    connect(Framing(Suffix.NONE))
    gun.send(b"40063813339315901234123457")
    wait_for(inbox, "5901234123457")
    assert scans(inbox) == ["4006381333931", "5901234123457"]
