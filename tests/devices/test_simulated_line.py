"""The faults of a simulated line are what their names say."""

from __future__ import annotations

import pytest

from devices.simulated_line import SimulatedLine


class Wire:
    """A port that keeps what was written."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []

    def plug(self) -> None: ...

    def unplug(self) -> None: ...

    def write(self, data: bytes) -> bool:
        self.writes.append(data)
        return True


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def line(wire: Wire) -> SimulatedLine:
    return SimulatedLine(wire)


FRAME = b"\x02frame\x03"


def test_without_faults_a_frame_leaves_as_it_is(line: SimulatedLine, wire: Wire) -> None:
    assert line.transmit(FRAME)
    assert wire.writes == [FRAME]


def test_stuck_says_nothing(line: SimulatedLine, wire: Wire) -> None:
    line.faults.stuck = True
    assert not line.transmit(FRAME)
    assert wire.writes == []


def test_split_changes_no_byte(line: SimulatedLine, wire: Wire) -> None:
    line.faults.split = True
    assert line.transmit(FRAME)
    assert wire.writes == [FRAME[i : i + 1] for i in range(len(FRAME))]


def test_glue_sends_two_frames_in_one(line: SimulatedLine, wire: Wire) -> None:
    line.faults.glue = True
    line.transmit(FRAME)
    assert wire.writes == []
    line.transmit(b"next")
    assert wire.writes == [FRAME + b"next"]


def test_a_frame_that_waits_for_its_glue_leaves_with_the_next_when_the_fault_ends(
    line: SimulatedLine, wire: Wire
) -> None:
    line.faults.glue = True
    line.transmit(FRAME)
    line.faults.glue = False
    line.transmit(b"next")
    assert wire.writes == [FRAME + b"next"]


def test_noise_comes_before_the_frame_and_differs(line: SimulatedLine, wire: Wire) -> None:
    line.faults.noise = True
    line.transmit(FRAME)
    line.transmit(FRAME)
    assert all(data.endswith(FRAME) and len(data) > len(FRAME) for data in wire.writes)
    assert wire.writes[0] != wire.writes[1]


def test_a_spoiled_frame_keeps_its_length(line: SimulatedLine, wire: Wire) -> None:
    line.faults.wrong_checksum = True
    line.transmit(FRAME)
    assert len(wire.writes[0]) == len(FRAME)
    assert wire.writes[0] != FRAME


def test_a_glitch_cuts_every_second_frame(line: SimulatedLine, wire: Wire) -> None:
    line.faults.glitch = True
    for _ in range(4):
        line.transmit(FRAME)
    assert wire.writes == [FRAME[:-3], FRAME, FRAME[:-3], FRAME]


def test_a_reset_breaks_off_once_and_tells_the_device(wire: Wire) -> None:
    resets: list[bool] = []
    line = SimulatedLine(wire, on_reset=lambda: resets.append(True))
    line.faults.reset = True
    assert not line.transmit(FRAME)
    assert line.transmit(FRAME)
    assert wire.writes == [FRAME[:3], FRAME]
    assert resets == [True]
