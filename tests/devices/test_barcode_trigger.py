"""Scanners that are told to read: by bytes on a real pseudo-terminal, with honest answers when they do not."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from devices.barcode.duplicates import Duplicates
from devices.barcode.scanner import BarcodeScanner
from devices.barcode.simulator import SimulatedScanner
from devices.barcode.trigger import HONEYWELL_OFF, HONEYWELL_ON, Order, Orders, TriggerFailed
from inspection.reading import BarcodeReading
from tests.devices.conftest import Inbox
from tests.devices.subjects.subject import build

Make = Callable[..., tuple[SimulatedScanner, BarcodeScanner]]


@pytest.fixture
def make(tmp_path: Path, inbox: Inbox) -> Iterator[Make]:
    made: list[Any] = []

    def start(family: Any, configured: str | None = None, **config: object) -> tuple[SimulatedScanner, BarcodeScanner]:
        simulator = SimulatedScanner(tmp_path / "port", trigger=family)
        device = build(driver="barcode.serial", port=str(tmp_path / "port"), trigger=configured or family, **config)
        assert isinstance(device, BarcodeScanner)
        made.extend([device.stop, simulator.close])
        device.start(inbox)
        inbox.wait_connected()
        return simulator, device

    yield start
    for end in made:
        end()


def texts(inbox: Inbox) -> list[str]:
    return [message.text for message in inbox.messages if isinstance(message, BarcodeReading)]


def test_the_honeywell_commands_are_the_published_ones() -> None:
    assert (HONEYWELL_ON.hex(), HONEYWELL_OFF.hex()) == ("16540d", "16550d")


@pytest.mark.parametrize("family", ["honeywell", "newland"])
def test_a_triggered_scanner_reads_what_lies_before_it(make: Make, inbox: Inbox, family: str) -> None:
    simulator, device = make(family)
    simulator.place("00614141401010", "]C1")
    device.trigger()
    reading = inbox.wait(BarcodeReading)
    assert (reading.text, reading.aim) == ("00614141401010", "]C1")


@pytest.mark.parametrize("family", ["honeywell", "newland"])
def test_a_released_scanner_stops_reading(make: Make, family: str) -> None:
    simulator, device = make(family)
    device.trigger()
    deadline = time.monotonic() + 20
    while not simulator.reading and time.monotonic() < deadline:
        time.sleep(0.01)
    assert simulator.reading
    device.release()
    while simulator.reading and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not simulator.reading


def test_a_trigger_that_is_not_acknowledged_is_told(make: Make) -> None:
    simulator, device = make("newland")
    simulator.faults.stuck = True
    with pytest.raises(TriggerFailed, match="did not acknowledge “begin to read” within") as caught:
        device.trigger()
    assert "triggered by the host" in caught.value.hint
    simulator.faults.stuck = False
    device.trigger()


def test_an_acknowledgement_that_arrives_spoiled_is_none(make: Make) -> None:
    simulator, device = make("newland")
    simulator.faults.wrong_checksum = True
    with pytest.raises(TriggerFailed, match="did not acknowledge"):
        device.trigger()


def test_a_command_that_was_lost_is_sent_again(make: Make, inbox: Inbox) -> None:
    simulator, device = make("newland")
    simulator.faults.glitch = True  # every other frame loses its end
    device.trigger()


@pytest.mark.parametrize("fault", ["split", "slow"])
def test_an_acknowledgement_in_pieces_or_late_counts(make: Make, inbox: Inbox, fault: str) -> None:
    simulator, device = make("newland")
    simulator.faults.split = fault == "split"
    simulator.faults.slow_s = 0.1 if fault == "slow" else 0.0
    simulator.place("WITH A REPLY")
    device.trigger()
    assert inbox.wait(BarcodeReading).text == "WITH A REPLY"


def test_a_scanner_without_configured_trigger_says_so(make: Make) -> None:
    _, device = make("none")
    with pytest.raises(TriggerFailed, match="no trigger configured") as caught:
        device.trigger()
    assert "trigger: honeywell or newland" in caught.value.hint


def test_a_scanner_that_is_away_says_so(make: Make, inbox: Inbox) -> None:
    simulator, device = make("newland")
    since = inbox.mark()
    simulator.unplug()
    inbox.wait_lost(since=since)
    with pytest.raises(TriggerFailed, match="dut cannot be told to begin to read: "):
        device.trigger()
    device.stop()
    with pytest.raises(TriggerFailed, match="stopped"):
        device.trigger()


def test_one_who_waits_is_told_when_the_scanner_goes() -> None:
    orders = Orders("gun")
    orders.opened()
    order = Order("begin to read", b"x")
    orders._waiting.put(order)
    sent: list[bytes] = []
    orders.work(sent.append, 0)
    orders.closed("unplugged")
    with pytest.raises(TriggerFailed, match="gun cannot be told to begin to read: unplugged"):
        order.done.result(0)
    assert sent == [b"x"]


def test_a_refusal_is_told_with_its_reason() -> None:
    orders = Orders("gun")
    orders.opened()
    order = Order("begin to read", b"x")
    orders._waiting.put(order)
    orders.work(lambda _: None, 0)
    assert orders.refused("scanning is disabled")
    with pytest.raises(TriggerFailed, match="gun refused “begin to read”: scanning is disabled"):
        order.done.result(0)
    assert not orders.refused("nothing was asked")


def test_a_command_is_sent_three_times_at_most() -> None:
    orders, sent = Orders("gun"), []
    orders.opened()
    orders._waiting.put(Order("begin to read", b"first", again=b"again"))
    for now_ms in range(0, 5_000, 100):
        orders.work(sent.append, now_ms * 1_000_000)
    assert sent == [b"first", b"again", b"again"]


def test_a_command_that_nobody_waits_for_any_more_is_not_sent() -> None:
    orders, sent = Orders("gun"), []
    orders.opened()
    with pytest.raises(TriggerFailed):
        orders.give(Order("begin to read", b"late"), timeout_s=0.01)
    orders.work(sent.append, 0)
    assert sent == []


def test_the_same_code_within_the_window_is_one_reading(make: Make, inbox: Inbox) -> None:
    simulator, _ = make("none", duplicate_ms=60_000)
    for text in ("A", "A", "A", "B", "A"):
        simulator.scan(text)
    simulator.scan("END")
    inbox.wait(BarcodeReading, lambda reading: reading.text == "END")
    assert texts(inbox) == ["A", "B", "A", "END"]


def test_without_a_window_every_report_is_a_reading(make: Make, inbox: Inbox) -> None:
    simulator, _ = make("none", duplicate_ms=0)
    simulator.send(b"A\rA\rEND\r")
    inbox.wait(BarcodeReading, lambda reading: reading.text == "END")
    assert texts(inbox) == ["A", "A", "END"]


def test_two_devices_keep_their_own_last_code_and_a_label_that_stays_is_one_reading() -> None:
    ms = 1_000_000
    one, other = Duplicates(500), Duplicates(500)
    assert [one.is_repeat("A", "", at * ms) for at in (0, 400, 800, 1200, 1701)] == [False, True, True, True, False]
    assert not other.is_repeat("A", "", 0)
    assert not one.is_repeat("A", "]E0", 1702 * ms)
    one.reset()
    assert not one.is_repeat("A", "]E0", 1703 * ms)
