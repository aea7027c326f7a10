"""The reader driver against a simulated LLRP reader on a real socket, polled and reporting by itself."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator

import pytest
from pydantic import ValidationError

from devices.base import DeviceEvent
from devices.rfid import llrp_messages
from devices.rfid.dialog import Answer
from devices.rfid.field import TagField
from devices.rfid.llrp import MessageType
from devices.rfid.llrp_dialog import KEEPALIVE_MS, LlrpDialog
from devices.rfid.llrp_messages import RoSpec
from devices.rfid.llrp_parameters import Parameter, tlv, tv
from devices.rfid.llrp_simulator import SimulatedLlrp
from devices.rfid.reader import RfidReader
from devices.rfid.settings import Mode, ReaderSettings
from devices.rfid.simulator import SimulatedTag
from devices.serial_link import PortSettings
from inspection.errors import DeviceLost
from inspection.reading import TagReading
from tests.devices.conftest import Inbox
from tests.devices.subjects.rfid import kill
from tests.devices.subjects.subject import build
from tests.devices.test_pseudo_port import wait_until

EPC = "3074257BF7194E4000001A85"
LONG_EPC = "3634257BF7194E5B3770E60C2000000000000000000000000000"

Connect = Callable[..., RfidReader]


@pytest.fixture
def sim() -> Iterator[SimulatedLlrp]:
    simulator = SimulatedLlrp()
    yield simulator
    simulator.close()


@pytest.fixture(params=list(Mode), ids=lambda mode: mode.value)
def mode(request: pytest.FixtureRequest) -> Mode:
    chosen: Mode = request.param
    return chosen


@pytest.fixture
def connect(sim: SimulatedLlrp, inbox: Inbox, mode: Mode) -> Iterator[Connect]:
    devices = []

    def start(address: str = "", **settings: object) -> RfidReader:
        made = ReaderSettings(**{"mode": mode, "poll_ms": 20, **settings})  # type: ignore[arg-type]
        port = PortSettings(address or sim.address)
        device = RfidReader("rfid", port, LlrpDialog(made), made, TagField(report_ms=50))
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
    device = build(driver="rfid.llrp", port="socket://reader:5084", power_dbm=27.5, antennas=[1, 4])
    assert isinstance(device, RfidReader)
    assert isinstance(device._dialog, LlrpDialog)
    settings = device._dialog.settings
    assert (settings.mode, settings.power_dbm, settings.antennas) == (Mode.CONTINUOUS, 27.5, (1, 4))


@pytest.mark.parametrize(
    ("change", "key"),
    [({"port": "/dev/ttyUSB0"}, "port"), ({"region": "europe"}, "region"), ({"antennas": [65]}, "antennas")],
)
def test_a_configuration_that_cannot_be_honoured_is_refused(change: dict[str, object], key: str) -> None:
    with pytest.raises(ValidationError, match=key):
        build(**{"driver": "rfid.llrp", "port": "socket://reader:5084", **change})


def test_the_reader_says_who_it_is(inbox: Inbox, connect: Connect) -> None:
    connect()
    assert inbox.wait_connected().detail == "Impinj LLRP reader, model 2001002, firmware 5.14.0.240, 4 antennas"


def test_a_tag_is_read_with_all_it_tells(sim: SimulatedLlrp, inbox: Inbox, connect: Connect) -> None:
    connect()
    sim.place_tags([SimulatedTag(EPC, rssi_dbm=-52, antenna=3), LONG_EPC])
    reading = wait_tag(inbox)
    assert (reading.pc, reading.antenna, reading.tag_crc_ok) == (0x3000, 3, True)
    assert reading.rssi_dbm is not None
    assert abs(reading.rssi_dbm + 52) <= 1
    assert wait_tag(inbox, LONG_EPC).pc == 13 << 11


def test_a_tag_that_is_taken_away_is_told_no_more(sim: SimulatedLlrp, inbox: Inbox, connect: Connect) -> None:
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


def test_power_and_antennas_are_set(sim: SimulatedLlrp, inbox: Inbox, connect: Connect) -> None:
    connect(power_dbm=15.3, antennas=(2, 4))
    inbox.wait_connected()
    assert (sim.power_cdbm, sim.antennas) == (1525, (2, 4))  # its table goes in steps of 0.25 dBm


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"power_dbm": 5.0}, "can transmit 10.0 to 30.0 dBm, not 5.0"),
        ({"antennas": (9,)}, "refused inventory: message: error in a field: no such antenna"),
    ],
)
def test_what_the_reader_cannot_do_is_told(
    inbox: Inbox, connect: Connect, settings: dict[str, object], reason: str
) -> None:
    device = connect(**settings)
    inbox.wait(DeviceEvent, lambda event: not event.connected and reason in event.detail)
    assert not device.status.connected


def test_a_reader_without_tags_stays_connected_by_its_keep_alives(
    sim: SimulatedLlrp, inbox: Inbox, connect: Connect
) -> None:
    device = connect()
    inbox.wait_connected()
    since = inbox.mark()
    enough, until = sim.acknowledged + 1000 // KEEPALIVE_MS, time.monotonic() + 20
    while sim.acknowledged < enough:
        assert time.monotonic() < until
        time.sleep(0.01)
    assert device.status.connected
    assert not [message for message in inbox.messages[since:] if isinstance(message, DeviceEvent)]


def test_a_cable_pulled_without_a_farewell_is_noticed(sim: SimulatedLlrp, inbox: Inbox, connect: Connect) -> None:
    connect()
    inbox.wait_connected()
    since = inbox.mark()
    sim.faults.stuck = True  # the connection stays open, as a cut cable closes nothing
    assert "answers nothing" in inbox.wait_lost(since=since).detail
    since = inbox.mark()
    sim.faults.stuck = False
    inbox.wait_connected(since=since)


def test_a_reader_that_another_client_has_is_told_and_taken_when_it_is_free(
    sim: SimulatedLlrp, inbox: Inbox, connect: Connect
) -> None:
    sim.busy = True
    connect()
    inbox.wait(DeviceEvent, lambda event: "another client has it" in event.detail)
    since = inbox.mark()
    sim.busy = False
    inbox.wait_connected(since=since)


def test_a_farewell_is_a_loss_at_once(sim: SimulatedLlrp, inbox: Inbox, connect: Connect) -> None:
    connect()
    inbox.wait_connected()
    since = inbox.mark()
    sim.say_farewell()
    assert "reader closes the connection" in inbox.wait_lost(since=since).detail
    inbox.wait_connected(since=since)


def test_an_inventory_that_a_killed_program_left_is_replaced(
    sim: SimulatedLlrp, inbox: Inbox, connect: Connect
) -> None:
    first = connect(power_dbm=30.0)
    inbox.wait_connected()
    kill(first)
    assert sim.running
    since = inbox.mark()
    connect(power_dbm=12.0)
    inbox.wait_connected(since=since)
    assert sim.power_cdbm == 1200


def test_an_inventory_that_somebody_else_ends_is_set_up_anew(
    sim: SimulatedLlrp, inbox: Inbox, connect: Connect
) -> None:
    connect()
    inbox.wait_connected()
    wait_until(lambda: sim.running)  # connected is what answers, also before it has begun
    since = inbox.mark()
    sim.end_inventory()
    assert "ended the inventory" in inbox.wait_lost(since=since).detail
    inbox.wait_connected(since=since)
    assert sim.running


def test_an_antenna_that_comes_off_is_told_and_when_it_is_back(
    sim: SimulatedLlrp, inbox: Inbox, connect: Connect
) -> None:
    device = connect()
    inbox.wait_connected()
    since = inbox.mark()
    sim.missing_antennas = frozenset({2})
    inbox.wait(DeviceEvent, lambda event: "antenna 2 is not connected" in event.detail, since=since)
    assert device.status.connected
    since = inbox.mark()
    sim.missing_antennas = frozenset()
    inbox.wait(DeviceEvent, lambda event: "antenna 2" not in event.detail, since=since)


@pytest.mark.parametrize("fault", ["split", "glue"])
def test_pieces_of_any_size_are_read(sim: SimulatedLlrp, inbox: Inbox, connect: Connect, fault: str) -> None:
    connect()
    inbox.wait_connected()
    setattr(sim.faults, fault, True)
    sim.place_tags([EPC])
    for _ in range(3):
        wait_tag(inbox, since=inbox.mark())
    assert epcs(inbox) == {EPC}


def test_a_reader_that_starts_over_in_mid_message_is_set_to_work_again(
    sim: SimulatedLlrp, inbox: Inbox, connect: Connect
) -> None:
    sim.place_tags([EPC])
    connect()
    wait_tag(inbox)
    sim.faults.reset = True
    for _ in range(3):
        wait_tag(inbox, since=inbox.mark())


def test_what_does_not_speak_llrp_is_told_so(inbox: Inbox, connect: Connect) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        connect(f"socket://127.0.0.1:{server.getsockname()[1]}")
        peer, _ = server.accept()
        with peer:
            assert peer.recv(10)  # pyserial drops what comes before it is ready
            peer.sendall(b"HTTP/1.1 400 Bad Request\r\n" * 50)
            assert "not LLRP" in inbox.wait_lost().detail


def test_an_end_that_was_asked_for_is_no_loss() -> None:
    dialog = LlrpDialog()
    end = llrp_messages.event_notification(1, Parameter.RO_SPEC_EVENT, bytes.fromhex("01 00000001 00000000"))
    assert len(dialog.feed(end)) == 1  # of a program before
    dialog.start()
    dialog.stop()
    dialog.start()
    assert len(dialog.feed(end)) == 1
    with pytest.raises(DeviceLost, match="ended the inventory"):
        dialog.feed(end)


def test_an_inventory_that_is_gone_is_a_loss() -> None:
    dialog = LlrpDialog()
    dialog.start()
    dialog.stop()
    dialog.feed(llrp_messages.response(MessageType.STOP_ROSPEC, 1, code=101))
    with pytest.raises(DeviceLost, match="no such ROSpec"):
        dialog.feed(llrp_messages.response(MessageType.START_ROSPEC, 2, code=101, description="no such ROSpec"))


def test_tags_are_asked_for_only_when_polled() -> None:
    polled = LlrpDialog(ReaderSettings(mode=Mode.POLL))
    assert polled.poll()[:2] == bytes.fromhex("043C")
    report = llrp_messages.report(1, [llrp_messages.tag_report_data(bytes.fromhex(EPC), -50)])
    assert polled.feed(report)[1:] == [Answer(MessageType.GET_REPORT, end_of_round=True)]
    assert len(LlrpDialog(ReaderSettings(mode=Mode.CONTINUOUS)).feed(report)) == 1


def test_a_report_whose_tags_are_all_unsound_ends_a_poll_too() -> None:
    polled = LlrpDialog(ReaderSettings(mode=Mode.POLL))
    wrong = tv(Parameter.EPC_96, bytes(12)) + tv(Parameter.GEN2_PC, b"\x28\x00")
    messages = polled.feed(llrp_messages.report(1, [tlv(Parameter.TAG_REPORT, wrong)]))
    assert messages == [Answer(MessageType.GET_REPORT, end_of_round=True)]
    assert polled.counts.refused == 1


def test_the_inventory_is_described_once_the_reader_told_its_powers() -> None:
    dialog = LlrpDialog(ReaderSettings(power_dbm=20.0, antennas=(1,)))
    questions = {question.to: question for question in dialog.questions()}
    content = llrp_messages.capabilities_content((1000, 2000), 1, "1")
    [answer] = dialog.feed(llrp_messages.response(MessageType.GET_READER_CAPABILITIES, 1, more=content))
    assert isinstance(answer, Answer)
    assert questions[MessageType.GET_READER_CAPABILITIES].accepts(answer)
    later = questions[MessageType.ADD_ROSPEC].later
    assert later is not None
    rospec = RoSpec(antennas=(1,), power_index=2, starts_itself=True, report_each=False)
    assert later()[10:] == llrp_messages.add_rospec(0, rospec)[10:]
