"""The driver of scales against a simulated one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from devices.scale.driver import Scale
from devices.scale.simulator import VOICES, SimulatedScale
from inspection.errors import DeviceError, DeviceLost
from inspection.reading import WeightReading
from tests.devices.conftest import Inbox
from tests.devices.subjects.subject import build

DRIVERS = {"mt_sics": "scale.mt_sics", "and": "scale.and", "cas": "scale.cas", "ohaus": "scale.ohaus"}
Made = tuple[SimulatedScale, Scale]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Made]]:
    made: list[Made] = []

    def make_one(voice: str = "mt_sics", **options: object) -> Made:
        simulator = SimulatedScale(tmp_path / "port", voice)
        scale = build(driver=DRIVERS[voice], port=str(tmp_path / "port"), poll_ms=50, **options)
        assert isinstance(scale, Scale)
        made.append((simulator, scale))
        return simulator, scale

    yield make_one
    for simulator, scale in made:
        scale.stop()
        simulator.close()


def _heard(scale: Scale) -> int:
    return scale.counts.frames + scale.counts.refused + scale.counts.noise_bytes


def wait_until(condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
    until = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < until, "the scale said nothing"
        time.sleep(0.01)


def stable(grams: str) -> Callable[[WeightReading], bool]:
    return lambda reading: reading.stable and reading.grams == Decimal(grams)


def test_a_load_moves_and_then_rests(make: Callable[..., Made], inbox: Inbox) -> None:
    simulator, scale = make()
    scale.start(inbox)
    inbox.wait(WeightReading, stable("0"))
    since = inbox.mark()
    simulator.place("182.40")
    inbox.wait(WeightReading, lambda reading: not reading.stable, since=since)
    reading = inbox.wait(WeightReading, stable("182.4"), since=since)
    assert reading.raw == b"S S     182.40 g\r\n"
    rested = [m.grams for m in inbox.messages[since:] if isinstance(m, WeightReading) and m.stable]
    assert set(rested) <= {Decimal(0), Decimal("182.4")}


@pytest.mark.parametrize("voice", DRIVERS)
def test_too_much_is_told_and_is_no_weight(make: Callable[..., Made], inbox: Inbox, voice: str) -> None:
    simulator, scale = make(voice)
    scale.start(inbox)
    inbox.wait_connected()
    simulator.place(7000)
    reading = inbox.wait(WeightReading, lambda reading: reading.overload)
    assert (reading.grams, reading.stable) == (None, False)


@pytest.mark.parametrize("voice", DRIVERS)
def test_tare_makes_what_lies_there_nothing(make: Callable[..., Made], inbox: Inbox, voice: str) -> None:
    simulator, scale = make(voice)
    scale.start(inbox)
    simulator.place(120)
    inbox.wait(WeightReading, stable("120"))
    scale.tare()
    since = inbox.mark()
    inbox.wait(WeightReading, stable("0"), since=since)
    simulator.place(150)
    inbox.wait(WeightReading, stable("30"), since=since)


@pytest.mark.parametrize("voice", DRIVERS)
def test_a_moving_scale_refuses_zero_and_says_so(make: Callable[..., Made], inbox: Inbox, voice: str) -> None:
    simulator, scale = make(voice)
    scale.start(inbox)
    inbox.wait_connected()
    simulator.settle_s = 60
    simulator.place(120)
    with pytest.raises(DeviceError) as refused:
        scale.zero(timeout_s=1.0)
    assert "dut" in str(refused.value)
    assert refused.value.hint


def test_an_unplugged_scale_cannot_be_tared(make: Callable[..., Made], inbox: Inbox) -> None:
    simulator, scale = make()
    simulator.unplug()
    scale.start(inbox)
    inbox.wait_lost()
    with pytest.raises(DeviceLost):
        scale.tare()


def test_a_scale_unplugged_while_it_tares_ends_the_wait(make: Callable[..., Made], inbox: Inbox) -> None:
    simulator, scale = make()
    scale.start(inbox)
    inbox.wait(WeightReading, stable("0"))
    simulator.faults.stuck = True
    with pytest.raises(DeviceLost, match="lost"):
        scale.tare(timeout_s=5.0)


def test_a_silent_scale_is_lost_and_comes_back(make: Callable[..., Made], inbox: Inbox) -> None:
    simulator, scale = make()
    scale.start(inbox)
    inbox.wait_connected()
    since = inbox.mark()
    simulator.faults.stuck = True
    assert "says nothing" in inbox.wait_lost(since=since).detail
    simulator.faults.stuck = False
    inbox.wait_connected(since=since)


def test_another_protocol_is_named_as_the_trouble(tmp_path: Path, inbox: Inbox) -> None:
    simulator = SimulatedScale(tmp_path / "port", "ohaus", streams=True)
    scale = build(driver="scale.mt_sics", port=str(tmp_path / "port"))
    scale.start(inbox)
    try:
        detail = inbox.wait_lost().detail
    finally:
        scale.stop()
        simulator.close()
    assert "is MT-SICS" in detail
    assert "baud rate" in detail


@pytest.mark.parametrize("fault", ["noise", "split", "glitch", "wrong_checksum", "glue"])
@pytest.mark.parametrize("voice", DRIVERS)
def test_a_bad_line_gives_no_wrong_weight(
    make: Callable[..., Made], inbox: Inbox, voice: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devices.scale.driver.ANSWER_NS", 60_000_000)
    monkeypatch.setattr("devices.scale.driver.IDLE_GAP_NS", 30_000_000)
    simulator, scale = make(voice)
    simulator.place(1234)
    simulator.settle_s = 0
    scale.start(inbox)
    inbox.wait(WeightReading, stable("1234"))
    setattr(simulator.faults, fault, True)
    seen = inbox.mark()
    for _ in range(12):
        before = _heard(scale)
        wait_until(lambda before=before: _heard(scale) != before)
    setattr(simulator.faults, fault, False)
    inbox.wait(WeightReading, stable("1234"), since=inbox.mark())
    assert {m.grams for m in inbox.messages[seen:] if isinstance(m, WeightReading)} == {Decimal(1234)}


def test_a_drifting_weight_is_told_as_it_drifts(make: Callable[..., Made], inbox: Inbox) -> None:
    simulator, scale = make()
    simulator.settle_s = 0
    simulator.drift_g_per_s = 5.0
    simulator.place(100)
    scale.start(inbox)
    inbox.wait(WeightReading, lambda reading: reading.grams is not None and reading.grams > 102)


def test_a_lost_digit_is_not_taken_for_a_stable_weight(make: Callable[..., Made], inbox: Inbox) -> None:
    simulator, scale = make()
    simulator.place("1234")
    simulator.settle_s = 0
    scale.start(inbox)
    inbox.wait(WeightReading, stable("1234"))
    simulator.faults.stuck = True  # so that ours is the only line
    since = inbox.mark()
    simulator.send(b"S S    234.00 g\r\n")
    reading = inbox.wait(WeightReading, lambda reading: reading.grams == 234, since=since)
    assert not reading.stable


def test_every_protocol_of_the_configuration_has_a_simulated_voice() -> None:
    assert set(DRIVERS) <= set(VOICES)
