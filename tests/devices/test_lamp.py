"""The stack lamp: its bytes, and a driver that makes it show what it was told."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.base import DeviceEvent
from devices.lamp import modbus
from devices.lamp.signals import Meaning, Signal, words
from devices.lamp.simulator import SimulatedLamp
from devices.lamp.stack_lamp import StackLamp
from tests.devices.conftest import Inbox
from tests.devices.streams import cuts, pieces
from tests.devices.subjects.lamp import shows
from tests.devices.subjects.subject import build

READ_SIX = bytes.fromhex("000100000006010300000006")
FAULT = (2, 0, 0, 0, 0, 1)


@pytest.fixture
def lamp() -> Iterator[SimulatedLamp]:
    simulated = SimulatedLamp()
    yield simulated
    simulated.close()


@pytest.fixture
def driver(lamp: SimulatedLamp) -> Iterator[StackLamp]:
    host, port = lamp.port.address
    built = build(driver="lamp.modbus", host=host, port=port)
    assert isinstance(built, StackLamp)
    yield built
    built.stop()


def ask(lamp: SimulatedLamp, request: bytes, size: int) -> bytes:
    with socket.create_connection(lamp.port.address, timeout=5) as line:
        line.sendall(request)
        received = b""
        while len(received) < size:
            received += line.recv(size)
        return received


@pytest.mark.shared
def test_the_lamps_vectors_pass_byte_for_byte(lamp: SimulatedLamp, shared: Path) -> None:
    rows: list[dict[str, Any]] = json.loads((shared / "vectors" / "serial_vectors.json").read_text())["vectors"]
    question = next(bytes.fromhex(row["hex"]) for row in rows if row["what"].startswith("PATLITE"))
    answer = next(bytes.fromhex(row["hex"]) for row in rows if row["what"].startswith("tier1 on"))
    lamp.registers[:6] = [1, 2, 0, 0, 0, 1]
    assert ask(lamp, question, len(answer)) == answer


def test_a_tier_is_written_only_when_it_is_to_be_controlled(lamp: SimulatedLamp) -> None:
    lamp.registers[:2] = [1, 2]
    write = bytes.fromhex("000200000010 01 10 0000 0002 04 0100 0000".replace(" ", ""))
    write = write[:4] + (len(write) - 6).to_bytes(2, "big") + write[6:]
    assert ask(lamp, write, 12).hex() == "000200000006011000000002"
    assert lamp.shown == (0, 2, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("request_hex", "answer_hex"),
    [
        ("000100000006010300090006", "000100000003018302"),  # registers that are not there
        ("000100000006010400000006", "000100000003018401"),  # a function that is not there
        ("00070000000601060002ffff", "00070000000601060002ffff"),
    ],
)
def test_requests_are_answered_as_modbus_has_it(lamp: SimulatedLamp, request_hex: str, answer_hex: str) -> None:
    assert ask(lamp, bytes.fromhex(request_hex), len(answer_hex) // 2).hex() == answer_hex


@given(count=st.integers(1, 4), at=cuts)
def test_any_split_of_requests_gives_the_same_requests(count: int, at: list[int]) -> None:
    parser = modbus.parser()
    got = [request for piece in pieces(READ_SIX * count, at) for request in parser.feed(piece)]
    assert got == [modbus.Request(1, 1, 3, bytes.fromhex("00000006"))] * count


def test_it_shows_each_meaning_as_configured(lamp: SimulatedLamp, inbox: Inbox) -> None:
    host, port = lamp.port.address
    signals = {"hold": {"tier": 5, "flash": True, "colour": "white"}, "fault": {"tier": 1, "buzzer": 3}}
    driver = build(driver="lamp.modbus", host=host, port=port, signals=signals)
    assert isinstance(driver, StackLamp)
    driver.start(inbox)
    try:
        for meaning, states in (
            (Meaning.HOLD, (0, 0, 0, 0, 2, 0)),
            (Meaning.FAULT, (1, 0, 0, 0, 0, 3)),
            (Meaning.RESELL, (0, 0, 0, 0, 0, 0)),  # not configured
        ):
            driver.show(meaning)
            shows(lamp, states)
    finally:
        driver.stop()


def test_a_lamp_that_was_switched_off_and_on_is_told_anew(lamp: SimulatedLamp, driver: StackLamp, inbox: Inbox) -> None:
    driver.start(inbox)
    driver.show(Meaning.FAULT)
    shows(lamp, FAULT)
    lamp.registers[:6] = [0] * 6
    shows(lamp, FAULT)


def test_what_was_told_while_the_lamp_was_away_is_shown_when_it_is_back(
    lamp: SimulatedLamp, driver: StackLamp, inbox: Inbox
) -> None:
    driver.start(inbox)
    inbox.wait_connected()
    lamp.unplug()
    inbox.wait_lost()
    assert driver.shown is None
    driver.show(Meaning.FAULT)
    lamp.replug()
    shows(lamp, FAULT)


def test_it_is_dark_when_the_station_ends(lamp: SimulatedLamp, driver: StackLamp, inbox: Inbox) -> None:
    driver.start(inbox)
    driver.show(Meaning.FAULT)
    shows(lamp, FAULT)
    driver.stop()
    assert lamp.shown == (0,) * 6


def test_a_lamp_that_shows_something_else_is_no_working_lamp(
    lamp: SimulatedLamp, driver: StackLamp, inbox: Inbox
) -> None:
    driver.start(inbox)
    inbox.wait_connected()
    lamp.broken = True
    driver.show(Meaning.SCRAP)
    event = inbox.wait(DeviceEvent, lambda event: not event.connected)
    assert "shows all dark instead of tier 1 lit" in event.detail


@pytest.mark.parametrize("fault", ["stuck", "wrong_checksum", "reset", "glitch"])
def test_a_fault_of_the_line_is_told_and_outlived(
    lamp: SimulatedLamp, driver: StackLamp, inbox: Inbox, fault: str
) -> None:
    driver.start(inbox)
    inbox.wait_connected()
    setattr(lamp.faults, fault, True)
    assert "does not answer" in inbox.wait_lost().detail
    setattr(lamp.faults, fault, False)
    driver.show(Meaning.FAULT)
    shows(lamp, FAULT)


def test_the_lamp_in_words() -> None:
    assert words(Signal(1, flash=True, buzzer=2).states()) == "tier 1 flashes, buzzer 2"
