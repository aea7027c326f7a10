"""A reader whose driver is stopped transmits no more, in every family that has an inventory which goes on by itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devices.rfid.llrp_simulator import SimulatedLlrp
from devices.rfid.m100_simulator import SimulatedM100
from devices.rfid.mercury_simulator import SimulatedMercury
from devices.rfid.simulator import SimulatedReader
from inspection.reading import TagReading
from tests.devices.conftest import PATIENCE_S, Inbox
from tests.devices.subjects.rfid import EPC
from tests.devices.subjects.subject import build

MADE: dict[str, tuple[str, str, Callable[[Path], SimulatedReader]]] = {
    "m100": ("rfid.m100", "continuous", lambda folder: SimulatedM100(folder / "port")),
    "mercury": ("rfid.mercury", "continuous", lambda folder: SimulatedMercury(folder / "port")),
    "llrp": ("rfid.llrp", "continuous", lambda _: SimulatedLlrp()),
    "llrp polled": ("rfid.llrp", "poll", lambda _: SimulatedLlrp()),
}


@pytest.fixture(params=MADE)
def made(request: pytest.FixtureRequest) -> tuple[str, str, Callable[[Path], SimulatedReader]]:
    return MADE[request.param]


@pytest.fixture
def simulator(made: tuple[str, str, Callable[[Path], SimulatedReader]], tmp_path: Path) -> Iterator[SimulatedReader]:
    simulator = made[2](tmp_path)
    simulator.place_tags([EPC])
    yield simulator
    simulator.close()


@pytest.fixture
def stopped(
    made: tuple[str, str, Callable[[Path], SimulatedReader]], simulator: SimulatedReader, inbox: Inbox
) -> Callable[[Callable[[], None]], None]:
    """Stop a driver in the middle of its work, after something was done to the line."""

    def work_and_stop(disturb: Callable[[], None]) -> None:
        driver, mode, _ = made
        device = build(driver=driver, port=simulator.address, mode=mode, report_ms=50, poll_ms=20)
        device.start(inbox)
        try:
            inbox.wait(TagReading, lambda reading: reading.epc == EPC, since=inbox.mark())
            assert simulator.running
            disturb()
        finally:
            device.stop()

    return work_and_stop


Stopped = Callable[[Callable[[], None]], None]


def silent(simulator: SimulatedReader) -> bool:
    """Whether it fell silent; the last command may still be on its way when the port is closed."""
    until = time.monotonic() + PATIENCE_S
    while simulator.running and time.monotonic() < until:
        time.sleep(0.01)
    return not simulator.running


def test_a_reader_whose_driver_is_stopped_falls_silent(simulator: SimulatedReader, stopped: Stopped) -> None:
    stopped(lambda: None)
    assert not simulator.running  # it has answered


@pytest.mark.parametrize("fault", ["wrong_checksum", "stuck"])
def test_a_reader_that_cannot_be_understood_does_not_keep_the_driver(
    simulator: SimulatedReader, stopped: Stopped, fault: str
) -> None:
    stopped(lambda: setattr(simulator.faults, fault, True))
    if fault != "stuck":
        assert silent(simulator)


def test_a_reader_that_was_unplugged_does_not_keep_the_driver(simulator: SimulatedReader, stopped: Stopped) -> None:
    stopped(simulator.unplug)


def test_a_driver_that_is_started_again_works_again(simulator: SimulatedReader, stopped: Stopped) -> None:
    stopped(lambda: None)
    stopped(lambda: None)
    assert not simulator.running
