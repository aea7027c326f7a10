"""The SSI driver on a real pseudo-terminal: acknowledgements, repeats, faults, and the software trigger."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import serial

from devices.barcode import ssi
from devices.barcode.ssi_scanner import SsiScanner
from devices.barcode.ssi_simulator import SimulatedSsiScanner
from devices.barcode.trigger import TriggerFailed
from inspection.reading import BarcodeReading
from tests.devices.conftest import Inbox
from tests.devices.subjects.subject import build

LONG = "0100614141401017" + "21" + "1234567890" + "\x1d" + "91" + "X" * 80
Make = Callable[..., tuple[SimulatedSsiScanner, SsiScanner]]


@pytest.fixture
def make(tmp_path: Path, inbox: Inbox) -> Iterator[Make]:
    made: list[Any] = []

    def start(*, connected: bool = True, config: dict[str, Any] | None = None, **simulated: Any) -> Any:
        simulator = SimulatedSsiScanner(tmp_path / "port", **simulated)
        device = build(driver="barcode.ssi", port=str(tmp_path / "port"), **(config or {}))
        assert isinstance(device, SsiScanner)
        made.extend([device.stop, simulator.close])
        if connected:
            device.start(inbox)
            inbox.wait_connected()
        return simulator, device

    yield start
    for end in made:
        end()


def texts(inbox: Inbox) -> list[str]:
    return [message.text for message in inbox.messages if isinstance(message, BarcodeReading)]


def wait_for(inbox: Inbox, text: str) -> BarcodeReading:
    return inbox.wait(BarcodeReading, lambda reading: reading.text == text)


def wait_until(wanted: Callable[[], bool], timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not wanted():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


def test_it_tells_who_it_is(make: Make) -> None:
    _, device = make()
    assert device.status.detail == "PAABLS00-001-R00 DS2208"


def test_a_scan_arrives_with_its_symbology_and_is_acknowledged(make: Make, inbox: Inbox) -> None:
    simulator, _ = make()
    simulator.scan("4006381333931", 0x0B)
    reading = inbox.wait(BarcodeReading)
    assert (reading.text, reading.aim, reading.raw[1]) == ("4006381333931", "]E0", 0xF3)
    wait_until(lambda: len(simulator.acknowledged_after_s) == 1)


def test_a_scan_of_many_packets_is_one_reading(make: Make, inbox: Inbox) -> None:
    simulator, _ = make(packet_size=7)
    simulator.scan(LONG, 0xC1)
    reading = inbox.wait(BarcodeReading)
    assert (reading.text, reading.aim) == (LONG, "]d2")
    wait_until(lambda: len(simulator.acknowledged_after_s) == -(-len(LONG) // 7))


@pytest.mark.parametrize("fault", ["noise", "split", "glitch"])
def test_every_scan_arrives_once_through_a_bad_line(make: Make, inbox: Inbox, fault: str) -> None:
    simulator, _ = make(packet_size=9, response_s=0.5, config={"ask_every_ms": 0})
    setattr(simulator.faults, fault, True)
    sent = [f"SCAN-{number}-OF-MANY" for number in range(6)]
    for text in sent:
        simulator.scan(text)
    wait_for(inbox, sent[-1])
    assert texts(inbox) == sent
    assert simulator.given_up == 0


def test_a_scan_whose_acknowledgement_was_lost_is_one_reading(make: Make, inbox: Inbox) -> None:
    simulator, device = make(response_s=0.1, config={"duplicate_ms": 0, "ask_every_ms": 0})
    packet = ssi.encode(ssi.Opcode.DECODE_DATA, b"\x1bONCE", source=ssi.Source.SCANNER)
    again = ssi.encode(ssi.Opcode.DECODE_DATA, b"\x1bONCE", source=ssi.Source.SCANNER, status=ssi.RETRANSMITTED)
    simulator.send(packet)
    simulator.send(again)
    simulator.send(again)
    simulator.scan("NEXT")
    wait_for(inbox, "NEXT")
    assert texts(inbox) == ["ONCE", "NEXT"]
    assert device.counts.repeats == 2


def test_half_a_scan_never_becomes_a_reading(make: Make, inbox: Inbox) -> None:
    simulator, _ = make()
    half = ssi.encode(ssi.Opcode.DECODE_DATA, b"\x1b01006141", source=ssi.Source.SCANNER, status=ssi.MORE_FOLLOW)
    simulator.send(half)
    since = inbox.mark()
    simulator.unplug()
    inbox.wait_lost(since=since)
    since = inbox.mark()
    simulator.replug()
    inbox.wait_connected(since=since)
    simulator.scan("WHOLE")
    wait_for(inbox, "WHOLE")
    assert texts(inbox) == ["WHOLE"]


def test_what_was_read_for_a_program_that_ended_is_flushed(make: Make, inbox: Inbox) -> None:
    simulator, device = make(connected=False, response_s=0.05)
    with serial.Serial(str(simulator.port.link)):
        wait_until(lambda: simulator.scan("GHOST"))
    device.start(inbox)
    inbox.wait_connected()
    simulator.scan("REAL")
    wait_for(inbox, "REAL")
    assert texts(inbox) == ["REAL"]


def test_until_the_flush_is_acknowledged_scans_are_taken_off_the_scanner_and_dropped() -> None:
    device = build(driver="barcode.ssi", port="loop://")
    assert isinstance(device, SsiScanner)
    sent: list[bytes] = []
    device.opened(sent.append)
    decode = ssi.encode(ssi.Opcode.DECODE_DATA, b"\x1bGHOST", source=ssi.Source.SCANNER)
    device.received(decode, time.monotonic_ns())
    assert sent == [ssi.flush_queue(), ssi.acknowledge()]
    assert not device._announcer._queue
    device.received(ssi.acknowledge(ssi.Source.SCANNER) + decode, time.monotonic_ns())
    assert sent[2:] == [ssi.request_revision(), ssi.acknowledge()]
    assert len(device._announcer._queue) == 1


def test_a_scan_in_place_of_the_first_answer_does_not_end_the_set_up(make: Make, inbox: Inbox) -> None:
    simulator, device = make(connected=False)
    simulator.faults.stuck = True
    device.start(inbox)
    wait_until(lambda: simulator.port.listened_to)
    time.sleep(0.3)  # the first question has gone unheard
    simulator.faults.stuck = False
    simulator.scan("4006381333931", 0x0B)
    inbox.wait_connected()


def test_a_scanner_that_falls_silent_is_lost_and_found_again(make: Make, inbox: Inbox) -> None:
    simulator, _ = make()
    since = inbox.mark()
    simulator.faults.stuck = True
    lost = inbox.wait_lost(since=since)
    assert "answers nothing" in lost.detail
    assert "SSI" in lost.detail
    since = inbox.mark()
    simulator.faults.stuck = False
    inbox.wait_connected(since=since)


def test_a_scanner_in_host_trigger_mode_reads_on_command(make: Make, inbox: Inbox) -> None:
    simulator, device = make(config={"trigger": "host"})
    assert simulator.parameters == {0x8A: 0x08}
    simulator.place("PLACED")
    device.trigger()
    wait_for(inbox, "PLACED")
    device.release()


def test_a_trigger_that_the_scanner_refuses_is_told_with_its_reason(make: Make) -> None:
    _, device = make()
    with pytest.raises(TriggerFailed, match="refused “begin to read”: the scanner may not do it as it is set"):
        device.trigger()


def test_a_trigger_without_answer_is_told(make: Make) -> None:
    simulator, device = make(config={"trigger": "host", "ask_every_ms": 0})
    simulator.faults.stuck = True
    with pytest.raises(TriggerFailed, match="did not acknowledge"):
        device.trigger()


def test_a_disabled_scanner_reads_nothing_until_it_is_enabled(make: Make, inbox: Inbox) -> None:
    simulator, device = make()
    device.disable()
    assert not simulator.scan("HIDDEN")
    device.enable()
    simulator.scan("SEEN")
    wait_for(inbox, "SEEN")
    device.beep(4)
    assert simulator.beeps == [4]
    assert texts(inbox) == ["SEEN"]


def test_a_device_of_another_protocol_is_told_as_silent(tmp_path: Path, inbox: Inbox) -> None:
    from devices.barcode.simulator import SimulatedScanner  # noqa: PLC0415

    other = SimulatedScanner(tmp_path / "port")
    device = build(driver="barcode.ssi", port=str(tmp_path / "port"))
    device.start(inbox)
    try:
        assert "answers nothing" in inbox.wait_lost().detail
    finally:
        device.stop()
        other.close()


def test_a_scan_that_cannot_be_sent_takes_no_other_with_it(make: Make, inbox: Inbox) -> None:
    simulator, _ = make(packet_size=7)
    simulator.faults.wrong_checksum = True
    simulator.scan(LONG)
    simulator.scan("READ-AFTER-IT")
    wait_until(lambda: simulator.given_up == 1)
    simulator.faults.wrong_checksum = False
    wait_for(inbox, "READ-AFTER-IT")
    assert texts(inbox) == ["READ-AFTER-IT"]
