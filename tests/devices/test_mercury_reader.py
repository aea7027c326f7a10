"""The reader driver against a simulated Mercury reader on a real pseudo-terminal, polled and streaming."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from devices.base import DeviceEvent
from devices.rfid import mercury, mercury_commands
from devices.rfid.dialog import Answer, Refusal
from devices.rfid.field import TagField
from devices.rfid.mercury import Opcode
from devices.rfid.mercury_dialog import MercuryDialog
from devices.rfid.mercury_simulator import SimulatedMercury
from devices.rfid.reader import RfidReader
from devices.rfid.settings import Mode, ReaderSettings, Region
from devices.rfid.simulator import SimulatedTag
from devices.serial_link import PortSettings
from inspection.reading import TagReading
from tests.devices.conftest import Inbox
from tests.devices.subjects.rfid import kill
from tests.devices.subjects.subject import build

EPC = "3074257BF7194E4000001A85"
LONG_EPC = "3634257BF7194E5B3770E60C2000000000000000000000000000"

Connect = Callable[..., RfidReader]


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[SimulatedMercury]:
    simulator = SimulatedMercury(tmp_path / "rfid")
    yield simulator
    simulator.close()


@pytest.fixture(params=list(Mode), ids=lambda mode: mode.value)
def mode(request: pytest.FixtureRequest) -> Mode:
    chosen: Mode = request.param
    return chosen


@pytest.fixture
def connect(sim: SimulatedMercury, inbox: Inbox, mode: Mode) -> Iterator[Connect]:
    devices = []

    def start(**settings: object) -> RfidReader:
        made = ReaderSettings(**{"mode": mode, "poll_ms": 20, **settings})  # type: ignore[arg-type]
        device = RfidReader("rfid", PortSettings(sim.address), MercuryDialog(made), made, TagField(report_ms=50))
        devices.append(device)
        device.start(inbox)
        return device

    yield start
    for device in devices:
        device.stop()


def wait_tag(inbox: Inbox, epc: str = EPC, since: int = 0) -> TagReading:
    return inbox.wait(TagReading, lambda reading: reading.epc == epc, since=since)


def epcs(inbox: Inbox, since: int = 0) -> set[str]:
    return {message.epc for message in inbox.messages[since:] if isinstance(message, TagReading)}


def test_a_configuration_says_what_can_be_honoured() -> None:
    device = build(driver="rfid.mercury", port="/dev/x", mode="continuous", region="china_900", antennas=[16])
    assert isinstance(device, RfidReader)
    assert isinstance(device._dialog, MercuryDialog)
    settings = device._dialog.settings
    assert (settings.mode, settings.region, settings.antennas) == (Mode.CONTINUOUS, Region.CHINA_900, (16,))


@pytest.mark.parametrize(
    ("change", "key"), [({"region": "china_800"}, "region"), ({"antennas": [17]}, "antennas"), ({"frame": {}}, "frame")]
)
def test_a_configuration_that_cannot_be_honoured_is_refused(change: dict[str, object], key: str) -> None:
    with pytest.raises(ValidationError, match=key):
        build(**{"driver": "rfid.mercury", "port": "/dev/x", **change})


def test_the_reader_says_who_it_is(inbox: Inbox, connect: Connect) -> None:
    connect()
    assert inbox.wait_connected().detail == "M6e Nano firmware 01.0B.03.14 of 2020-03-11"


def test_a_tag_is_read_with_all_it_tells(sim: SimulatedMercury, inbox: Inbox, connect: Connect) -> None:
    connect(antennas=(1, 2))
    sim.place_tags([SimulatedTag(EPC, rssi_dbm=-52, antenna=2)])
    reading = wait_tag(inbox)
    assert (reading.pc, reading.antenna, reading.tag_crc_ok) == (0x3000, 2, True)
    assert reading.rssi_dbm is not None
    assert abs(reading.rssi_dbm + 52) <= 1


def test_more_tags_than_go_into_a_frame_are_all_read(sim: SimulatedMercury, inbox: Inbox, connect: Connect) -> None:
    placed = {f"3074257BF7194E40000000{number:02X}" for number in range(8)} | {LONG_EPC}
    sim.place_tags(placed)
    connect()
    for epc in placed:
        wait_tag(inbox, epc)
    assert epcs(inbox) == placed


def test_a_tag_that_is_taken_away_is_told_no_more(sim: SimulatedMercury, inbox: Inbox, connect: Connect) -> None:
    sim.place_tags([EPC, LONG_EPC])
    connect()
    wait_tag(inbox)
    sim.place_tags([LONG_EPC])
    for _ in range(2):
        wait_tag(inbox, LONG_EPC, since=inbox.mark())  # what was on its way has arrived
    since = inbox.mark()
    for _ in range(3):
        wait_tag(inbox, LONG_EPC, since=inbox.mark())
    assert epcs(inbox, since) == {LONG_EPC}


def test_power_region_and_antennas_are_set(sim: SimulatedMercury, inbox: Inbox, connect: Connect) -> None:
    connect(power_dbm=12.5, region=Region.EUROPE, antennas=(2, 3))
    inbox.wait_connected()
    assert (sim.power_cdbm, sim.region, sim.antennas) == (1250, mercury.Region.EUROPE, (2, 3))


@pytest.mark.parametrize(
    ("settings", "reason"),
    [({"power_dbm": 31.5}, "refused power: power too high"), ({"antennas": (9,)}, "refused antenna: bad parameter")],
)
def test_what_the_reader_cannot_do_is_told(
    sim: SimulatedMercury, inbox: Inbox, connect: Connect, settings: dict[str, object], reason: str
) -> None:
    sim.place_tags([EPC])
    device = connect(**settings)
    assert reason in inbox.wait_lost().detail
    assert not device.status.connected
    assert epcs(inbox) == set()


def test_a_region_that_has_no_number_is_refused_when_it_is_made() -> None:
    with pytest.raises(ValueError, match="china_800"):
        MercuryDialog(ReaderSettings(region=Region.CHINA_800))


def test_a_stuck_reader_is_lost_and_found_when_it_answers(
    sim: SimulatedMercury, inbox: Inbox, connect: Connect
) -> None:
    connect()
    inbox.wait_connected()
    since = inbox.mark()
    sim.faults.stuck = True
    assert "answers nothing" in inbox.wait_lost(since=since).detail
    since = inbox.mark()
    sim.faults.stuck = False
    inbox.wait_connected(since=since)


@pytest.mark.parametrize("fault", ["noise", "split", "glue"])
def test_a_bad_line_costs_no_wrong_tag(sim: SimulatedMercury, inbox: Inbox, connect: Connect, fault: str) -> None:
    connect()
    inbox.wait_connected()
    setattr(sim.faults, fault, True)
    sim.place_tags([EPC])
    for _ in range(3):
        wait_tag(inbox, since=inbox.mark())
    assert epcs(inbox) == {EPC}


def test_records_that_lose_their_end_cost_only_themselves(
    sim: SimulatedMercury, inbox: Inbox, connect: Connect
) -> None:
    connect(mode=Mode.CONTINUOUS)
    inbox.wait_connected()
    sim.faults.glitch = True
    sim.place_tags([EPC])
    for _ in range(3):
        wait_tag(inbox, since=inbox.mark())
    assert epcs(inbox) == {EPC}


def test_frames_with_a_wrong_checksum_are_no_answer(sim: SimulatedMercury, inbox: Inbox, connect: Connect) -> None:
    device = connect()
    inbox.wait_connected()
    since = inbox.mark()
    sim.faults.wrong_checksum = True
    sim.place_tags([EPC])
    inbox.wait_lost(since=since)
    assert epcs(inbox) == set()
    assert device.counts.refused > 0


def test_a_reader_that_starts_over_in_mid_frame_is_set_to_work_again(
    sim: SimulatedMercury, inbox: Inbox, connect: Connect
) -> None:
    sim.place_tags([EPC])
    connect()
    wait_tag(inbox)
    sim.faults.reset = True
    for _ in range(3):
        wait_tag(inbox, since=inbox.mark())


def test_a_loose_antenna_is_told_and_when_it_is_over(sim: SimulatedMercury, inbox: Inbox, connect: Connect) -> None:
    device = connect()
    device._troubles.silence_ms = 500
    inbox.wait_connected()
    since = inbox.mark()
    sim.missing_antennas = frozenset({1})
    inbox.wait(DeviceEvent, lambda event: "return loss" in event.detail, since=since)
    assert device.status.connected
    since = inbox.mark()
    sim.missing_antennas = frozenset()
    inbox.wait(DeviceEvent, lambda event: "return loss" not in event.detail, since=since)


def test_a_stream_that_a_killed_program_left_is_taken_over(
    sim: SimulatedMercury, inbox: Inbox, connect: Connect, mode: Mode
) -> None:
    first = connect(mode=Mode.CONTINUOUS)
    inbox.wait_connected()
    kill(first)
    assert sim.running
    since = inbox.mark()
    connect()
    inbox.wait_connected(since=since)
    assert sim.running is (mode is Mode.CONTINUOUS)


def test_a_poll_goes_from_step_to_step_and_ends() -> None:
    dialog = MercuryDialog()
    assert dialog.poll() == mercury_commands.clear_tag_buffer()
    [cleared] = dialog.feed(mercury_commands.encode_response(Opcode.CLEAR_TAG_BUFFER))
    assert dialog.reply_to(cleared) == mercury_commands.read_multiple(100)
    [found] = dialog.feed(mercury_commands.encode_response(Opcode.READ_TAG_MULTIPLE, bytes.fromhex("00 0013 00000002")))
    assert dialog.reply_to(found) == mercury_commands.get_tag_buffer()
    [some] = dialog.feed(mercury_commands.encode_response(Opcode.GET_TAG_BUFFER, bytes.fromhex("01FF 00 00")))
    assert isinstance(some, Answer)
    assert some.end_of_round  # the reader has none left, whatever it said before
    assert dialog.reply_to(some) == b""


def test_an_alarm_ends_a_poll_as_nothing_else_will_come() -> None:
    dialog = MercuryDialog()
    dialog.poll()
    [alarm] = dialog.feed(mercury_commands.encode_response(Opcode.READ_TAG_MULTIPLE, status=0x0504))
    assert alarm == Refusal(Opcode.READ_TAG_MULTIPLE, 0x0504, "reader is too hot and throttles")


def test_an_answer_that_comes_late_is_not_taken_for_a_step_of_a_poll() -> None:
    dialog = MercuryDialog()
    dialog.poll()
    dialog.reset()
    [late] = dialog.feed(mercury_commands.encode_response(Opcode.CLEAR_TAG_BUFFER))
    assert dialog.reply_to(late) == b""
