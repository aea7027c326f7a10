"""The reader driver against a simulated M100 on a real pseudo-terminal, with every fault it can have."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devices.pseudo_port import PseudoPort
from devices.rfid import m100
from devices.rfid.dialog import TagRead
from devices.rfid.field import TagField
from devices.rfid.m100_dialog import M100Dialog
from devices.rfid.m100_simulator import SimulatedM100
from devices.rfid.reader import RfidReader
from devices.rfid.settings import Mode, ReaderSettings, Region
from devices.rfid.simulator import SimulatedTag
from devices.serial_link import PortSettings
from inspection.reading import Neighbour, TagReading
from tests.devices.conftest import PATIENCE_S, Inbox
from tests.devices.subjects.rfid import kill

EPC = "3074257BF7194E4000001A85"
EPC_2 = "3074257BF7194E4000001A86"
LONG_EPC = "3634257BF7194E5B3770E60C2000000000000000000000000000"

Connect = Callable[..., RfidReader]


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[SimulatedM100]:
    simulator = SimulatedM100(tmp_path / "rfid")
    yield simulator
    simulator.close()


@pytest.fixture
def connect(sim: SimulatedM100, inbox: Inbox) -> Iterator[Connect]:
    devices = []

    def start(settings: ReaderSettings | None = None, field: TagField | None = None) -> RfidReader:
        settings = settings or ReaderSettings(poll_ms=20)
        field = field or TagField(report_ms=50)
        device = RfidReader("rfid", PortSettings(sim.address), M100Dialog(settings), settings, field)
        devices.append(device)
        device.start(inbox)
        return device

    yield start
    for device in devices:
        device.stop()


def wait_tag(inbox: Inbox, epc: str = EPC, since: int = 0) -> TagReading:
    return inbox.wait(TagReading, lambda reading: reading.epc == epc and reading.neighbour is None, since=since)


def wait_neighbour(inbox: Inbox, epc: str) -> TagReading:
    return inbox.wait(TagReading, lambda reading: reading.epc == epc and reading.neighbour is not None)


def epcs(inbox: Inbox, since: int = 0) -> set[str]:
    messages = inbox.messages[since:]
    return {message.epc for message in messages if isinstance(message, TagReading) and message.neighbour is None}


def wait_until(happened: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < until
        time.sleep(0.005)


@pytest.fixture(params=[Mode.POLL, Mode.CONTINUOUS])
def mode(request: pytest.FixtureRequest) -> Mode:
    chosen: Mode = request.param
    return chosen


def test_the_reader_says_who_it_is(inbox: Inbox, connect: Connect, mode: Mode) -> None:
    connect(ReaderSettings(mode=mode))
    assert inbox.wait_connected().detail == "M100 26dBm V1.0 V2.3.5"


def test_a_tag_put_on_the_table_is_read_whole(sim: SimulatedM100, inbox: Inbox, connect: Connect, mode: Mode) -> None:
    connect(ReaderSettings(mode=mode))
    inbox.wait_connected()
    sim.place_tags([SimulatedTag(EPC, rssi_dbm=-52)])
    reading = wait_tag(inbox)
    assert reading.pc == 0x3000
    assert reading.rssi_dbm is not None
    assert abs(reading.rssi_dbm + 52) <= 1
    assert reading.tag_crc_ok
    [read] = m100.parser().feed(reading.raw)
    assert isinstance(read, TagRead)
    assert read.epc == EPC


def test_an_epc_longer_than_96_bits_is_read_whole(sim: SimulatedM100, inbox: Inbox, connect: Connect) -> None:
    connect()
    sim.place_tags([LONG_EPC])
    assert wait_tag(inbox, LONG_EPC).pc == 13 << 11


def test_a_second_tag_is_told_and_a_tag_taken_away_no_more(sim: SimulatedM100, inbox: Inbox, connect: Connect) -> None:
    connect()
    sim.place_tags([EPC, EPC_2])
    wait_tag(inbox, EPC)
    wait_tag(inbox, EPC_2)
    sim.place_tags([EPC_2])
    wait_tag(inbox, EPC_2, since=inbox.mark())  # from here no notice of the first can be on its way
    since = inbox.mark()
    for _ in range(3):
        wait_tag(inbox, EPC_2, since=inbox.mark())
    assert epcs(inbox, since) == {EPC_2}


def test_a_tag_weaker_than_the_gate_is_told_as_the_neighbours(
    sim: SimulatedM100, inbox: Inbox, connect: Connect, mode: Mode
) -> None:
    connect(ReaderSettings(mode=mode), TagField(gate_dbm=-60, report_ms=50))
    sim.place_tags([SimulatedTag(EPC, -45), SimulatedTag(EPC_2, -70)])
    assert wait_neighbour(inbox, EPC_2).neighbour is Neighbour.TOO_WEAK
    for _ in range(3):
        wait_tag(inbox, since=inbox.mark())
    assert epcs(inbox) == {EPC}


def test_a_tag_carried_by_is_told_as_the_neighbours_once_it_is_gone(
    sim: SimulatedM100, inbox: Inbox, connect: Connect
) -> None:
    field = TagField(min_reads=1000, window_ms=200)
    connect(field=field)
    sim.place_tags([EPC])
    wait_until(lambda: bool(field._own))
    sim.place_tags([])
    reading = wait_neighbour(inbox, EPC)
    assert reading.neighbour is Neighbour.TOO_BRIEF
    assert epcs(inbox) == set()


def test_power_and_region_are_set(sim: SimulatedM100, inbox: Inbox, connect: Connect) -> None:
    connect(ReaderSettings(power_dbm=12.5, region=Region.EUROPE))
    inbox.wait_connected()
    assert (sim.power_cdbm, sim.region) == (1250, m100.Region.EUROPE)


def test_a_power_that_the_reader_refuses_is_told_and_it_is_not_used(
    sim: SimulatedM100, inbox: Inbox, connect: Connect
) -> None:
    device = connect(ReaderSettings(power_dbm=33))
    sim.place_tags([EPC])
    lost = inbox.wait_lost()
    assert "refused power: bad parameter" in lost.detail
    assert "power_dbm" in lost.detail
    assert not device.status.connected
    assert epcs(inbox) == set()


def test_a_reader_that_is_stuck_is_lost_and_found_when_it_answers(
    sim: SimulatedM100, inbox: Inbox, connect: Connect, mode: Mode
) -> None:
    connect(ReaderSettings(mode=mode))
    inbox.wait_connected()
    since = inbox.mark()
    sim.faults.stuck = True
    assert "answers nothing" in inbox.wait_lost(since=since).detail
    since = inbox.mark()
    sim.faults.stuck = False
    inbox.wait_connected(since=since)


def test_a_port_with_nobody_behind_it_is_not_connected(inbox: Inbox, tmp_path: Path) -> None:
    silent = PseudoPort(tmp_path / "silent")
    silent.plug()
    device = RfidReader("rfid", PortSettings(str(silent.link)), M100Dialog())
    device.start(inbox)
    assert "answers nothing" in inbox.wait_lost().detail
    device.stop()
    silent.unplug()


def test_noise_between_the_frames_costs_no_tag(sim: SimulatedM100, inbox: Inbox, connect: Connect, mode: Mode) -> None:
    sim.faults.noise = True
    device = connect(ReaderSettings(mode=mode, poll_ms=20))
    inbox.wait_connected()
    sim.place_tags([EPC])
    for _ in range(5):
        wait_tag(inbox, since=inbox.mark())
    assert epcs(inbox) == {EPC}
    assert device.counts.noise_bytes > 0


def test_a_false_header_that_announces_much_holds_nothing_up(
    sim: SimulatedM100, inbox: Inbox, connect: Connect
) -> None:
    connect()
    sim.place_tags([EPC])
    wait_tag(inbox)
    since = inbox.mark()
    assert sim.send(bytes.fromhex("BB 01 03 02 00"))
    for _ in range(3):
        inbox.wait(TagReading, since=inbox.mark())
    assert not [message for message in inbox.messages[since:] if not isinstance(message, TagReading)]


def test_frames_that_arrive_byte_by_byte_are_read(
    sim: SimulatedM100, inbox: Inbox, connect: Connect, mode: Mode
) -> None:
    sim.faults.split = True
    sim.place_tags([EPC])
    connect(ReaderSettings(mode=mode))
    wait_tag(inbox)


def test_frames_with_a_wrong_checksum_are_no_answer(
    sim: SimulatedM100, inbox: Inbox, connect: Connect, mode: Mode
) -> None:
    device = connect(ReaderSettings(mode=mode))
    inbox.wait_connected()
    sim.faults.wrong_checksum = True
    since = inbox.mark()
    sim.place_tags([EPC])
    inbox.wait_lost(since=since)
    assert epcs(inbox) == set()
    assert device.counts.refused > 0
    since = inbox.mark()
    sim.faults.wrong_checksum = False
    wait_tag(inbox, since=since)


def test_frames_that_lose_their_end_cost_only_themselves(sim: SimulatedM100, inbox: Inbox, connect: Connect) -> None:
    sim.faults.glitch = True
    connect()
    inbox.wait_connected()
    sim.place_tags([EPC])
    for _ in range(3):
        wait_tag(inbox, since=inbox.mark())
    assert epcs(inbox) == {EPC}


def test_a_reader_left_in_an_inventory_by_a_killed_program_is_taken_over(
    sim: SimulatedM100, inbox: Inbox, connect: Connect
) -> None:
    first = connect(ReaderSettings(mode=Mode.CONTINUOUS))
    inbox.wait_connected()
    kill(first)
    assert sim.running
    since = inbox.mark()
    connect(ReaderSettings(mode=Mode.POLL))
    inbox.wait_connected(since=since)
    assert not sim.running


def test_an_inventory_that_ran_out_of_rounds_is_started_again(
    sim: SimulatedM100, inbox: Inbox, connect: Connect
) -> None:
    connect(ReaderSettings(mode=Mode.CONTINUOUS))
    inbox.wait_connected()
    sim.stop_rounds()
    sim.place_tags([EPC])
    wait_tag(inbox)
