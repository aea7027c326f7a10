"""R2000 and Chafon readers, which must be asked for every round, against simulators on real pseudo-terminals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import ValidationError

from devices.base import DeviceEvent
from devices.config import DevicesSection
from devices.rfid import chafon_commands, r2000, r2000_forms
from devices.rfid import r2000_commands as commands
from devices.rfid.chafon_dialog import ChafonDialog
from devices.rfid.chafon_forms import Dialect
from devices.rfid.chafon_simulator import SimulatedChafon
from devices.rfid.dialog import Answer, Refusal, TagRead
from devices.rfid.r2000_dialog import R2000Dialog
from devices.rfid.r2000_simulator import SimulatedR2000
from devices.rfid.reader import RfidReader
from devices.rfid.settings import ReaderSettings, Region
from devices.rfid.simulator import SimulatedReader, SimulatedTag
from inspection.reading import TagReading
from tests.devices.conftest import Inbox
from tests.devices.subjects.subject import build
from tests.devices.test_pseudo_port import wait_until

EPC = "3074257BF7194E4000001A85"
EPC_2 = "3074257BF7194E4000001A86"
LONG_EPC = "3634257BF7194E5B3770E60C2000000000000000000000000000"
SHORT_EPC = "00323038"

SIMULATORS: dict[str, Callable[[Path], SimulatedReader]] = {
    "rfid.r2000": SimulatedR2000,
    "rfid.uhf18": lambda link: SimulatedChafon(link, dialect=Dialect.UHF18),
    "rfid.uhf288": lambda link: SimulatedChafon(link, dialect=Dialect.UHF288),
}
NAMES = {"rfid.r2000": "R2000 reader 1.9", "rfid.uhf18": "UHFReader18 2.22", "rfid.uhf288": "UHFReader288M 2.22"}
TELLS_ANTENNA = ["rfid.r2000", "rfid.uhf288"]


@dataclass
class Bench:
    """A reader of one protocol and what its driver says."""

    driver: str
    sim: SimulatedReader
    inbox: Inbox
    started: list[RfidReader]

    def connect(self, **options: object) -> RfidReader:
        config = {"driver": self.driver, "port": self.sim.address, "poll_ms": 20, "report_ms": 50}
        device = build(**{**config, **options})
        assert isinstance(device, RfidReader)
        self.started.append(device)
        device.start(self.inbox)
        return device

    def wait_tag(self, epc: str = EPC, since: int = 0) -> TagReading:
        return self.inbox.wait(TagReading, lambda tag: tag.epc == epc and tag.neighbour is None, since=since)

    def epcs(self, since: int = 0) -> set[str]:
        return {message.epc for message in self.inbox.messages[since:] if isinstance(message, TagReading)}


@pytest.fixture(params=list(SIMULATORS))
def driver(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def bench(driver: str, tmp_path: Path, inbox: Inbox) -> Iterator[Bench]:
    made = Bench(driver, SIMULATORS[driver](tmp_path / "rfid"), inbox, [])
    yield made
    for device in made.started:
        device.stop()
    made.sim.close()


def wait_detail(bench: Bench, text: str, *, there: bool = True) -> None:
    """Until the status says ``text``, or says it no more; every tag that is told is a chance to look."""
    for _ in range(200):
        bench.wait_tag(since=bench.inbox.mark())
        if (text in bench.started[-1].status.detail) is there:
            return
    raise AssertionError(f"{bench.started[-1].status.detail!r} {'lacks' if there else 'still has'} {text!r}")


def test_the_reader_says_who_it_is(bench: Bench) -> None:
    bench.connect()
    assert bench.inbox.wait_connected().detail == NAMES[bench.driver]


def test_tags_of_any_length_on_the_table_are_read_whole(bench: Bench) -> None:
    bench.sim.place_tags([SimulatedTag(EPC, -52), SimulatedTag(LONG_EPC, -45), SHORT_EPC, EPC_2])
    bench.connect()
    reading = bench.wait_tag()
    for epc in (LONG_EPC, SHORT_EPC, EPC_2):
        bench.wait_tag(epc)
    assert bench.epcs() == {EPC, LONG_EPC, SHORT_EPC, EPC_2}
    if bench.driver == "rfid.uhf18":
        assert (reading.rssi_dbm, reading.antenna) == (None, None)
    else:
        assert reading.rssi_dbm is not None
        assert abs(reading.rssi_dbm + 52) <= 1
        assert reading.antenna == 1
    assert reading.pc == (0x3000 if bench.driver == "rfid.r2000" else None)


def test_a_round_that_hears_nobody_keeps_the_reader_connected(bench: Bench) -> None:
    device = bench.connect()
    bench.inbox.wait_connected()
    rounds = device.counts.frames + 10
    wait_until(lambda: device.counts.frames >= rounds)
    bench.sim.place_tags([EPC])
    bench.wait_tag()
    assert [event.connected for event in bench.inbox.messages if isinstance(event, DeviceEvent)] == [True]


@pytest.mark.parametrize("driver", TELLS_ANTENNA, indirect=True)
def test_antennas_are_asked_in_turn_and_no_other_is(bench: Bench) -> None:
    bench.sim.place_tags(
        [SimulatedTag(EPC, antenna=1), SimulatedTag(EPC_2, antenna=4), SimulatedTag(LONG_EPC, antenna=2)]
    )
    bench.connect(antennas=[1, 4])
    assert bench.wait_tag(EPC).antenna == 1
    assert bench.wait_tag(EPC_2).antenna == 4
    for _ in range(3):
        bench.wait_tag(since=bench.inbox.mark())
    assert bench.epcs() == {EPC, EPC_2}


@pytest.mark.parametrize("driver", TELLS_ANTENNA, indirect=True)
def test_an_antenna_that_is_missing_is_told_until_it_is_back(bench: Bench) -> None:
    bench.sim.place_tags([EPC])
    bench.sim.missing_antennas = frozenset({2})
    bench.connect(antennas=[1, 2])._troubles.silence_ms = 500
    wait_detail(bench, "antenna")
    bench.sim.missing_antennas = frozenset()
    wait_detail(bench, "antenna", there=False)


def test_power_and_region_reach_the_reader(bench: Bench) -> None:
    bench.connect(power_dbm=12, region="china_900")
    bench.inbox.wait_connected()
    china = r2000_forms.Region.CHINA if bench.driver == "rfid.r2000" else chafon_commands.Region.CHINA_900
    assert (bench.sim.power_cdbm, bench.sim.region) == (1200, china)


def test_a_power_that_the_reader_refuses_is_told_and_it_is_not_used(bench: Bench) -> None:
    bench.sim.MAX_POWER_CDBM = 2600  # type: ignore[misc]  # of this one
    bench.sim.place_tags([EPC])
    device = bench.connect(power_dbm=30)
    lost = bench.inbox.wait_lost()
    assert "refused power" in lost.detail
    assert "power_dbm" in lost.detail
    assert not device.status.connected
    assert bench.epcs() == set()


def test_a_reader_that_is_stuck_is_lost_and_found_when_it_answers(bench: Bench) -> None:
    bench.connect()
    bench.inbox.wait_connected()
    since = bench.inbox.mark()
    bench.sim.faults.stuck = True
    assert "answers nothing" in bench.inbox.wait_lost(since=since).detail
    since = bench.inbox.mark()
    bench.sim.faults.stuck = False
    bench.inbox.wait_connected(since=since)


@pytest.mark.parametrize("fault", ["noise", "split", "glue", "glitch"])
def test_faults_of_the_line_cost_no_wrong_tag_and_not_the_reader(
    bench: Bench, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devices.rfid.reader.ANSWER_NS", 60_000_000)
    setattr(bench.sim.faults, fault, True)
    bench.sim.place_tags([EPC, EPC_2])  # with one, every second frame would always be the same of two
    bench.connect()
    for _ in range(3):
        bench.wait_tag(EPC, since=bench.inbox.mark())
        bench.wait_tag(EPC_2, since=bench.inbox.mark())
    assert bench.epcs() == {EPC, EPC_2}


def test_frames_with_a_wrong_checksum_are_no_answer(bench: Bench) -> None:
    device = bench.connect()
    bench.inbox.wait_connected()
    bench.sim.faults.wrong_checksum = True
    since = bench.inbox.mark()
    bench.sim.place_tags([EPC])
    bench.inbox.wait_lost(since=since)
    assert bench.epcs() == set()
    assert device.counts.refused > 0
    since = bench.inbox.mark()
    bench.sim.faults.wrong_checksum = False
    bench.wait_tag(since=since)


def test_a_reader_that_starts_over_in_the_middle_of_a_frame_goes_on(bench: Bench) -> None:
    bench.sim.place_tags([EPC])
    bench.connect()
    bench.wait_tag()
    bench.sim.faults.reset = True
    for _ in range(3):
        bench.wait_tag(since=bench.inbox.mark())
    assert not bench.sim.faults.reset
    assert bench.epcs() == {EPC}


def test_only_the_reader_with_the_configured_address_is_used(bench: Bench) -> None:
    bench.connect(address=9)
    assert "answer" in bench.inbox.wait_lost().detail


@pytest.mark.parametrize("driver", ["rfid.uhf18", "rfid.uhf288"], indirect=True)
def test_a_reader_left_in_automatic_mode_is_told_to_wait(bench: Bench) -> None:
    assert isinstance(bench.sim, SimulatedChafon)
    bench.sim.run_by_itself()
    bench.sim.place_tags([EPC])
    bench.connect()
    bench.wait_tag()
    assert not bench.sim.running


@pytest.mark.parametrize("driver", ["rfid.uhf18"], indirect=True)
def test_a_reader_with_the_shortest_round_is_not_waited_for_in_vain(bench: Bench) -> None:
    assert isinstance(bench.sim, SimulatedChafon)
    bench.connect()
    bench.inbox.wait_connected()
    assert bench.sim.scan_ms == 300


@pytest.mark.parametrize(
    ("configured", "there", "told"),
    [("rfid.uhf18", "rfid.uhf288", "UHFReader288M"), ("rfid.uhf288", "rfid.uhf18", "UHFReader18")],
)
def test_a_reader_of_the_other_dialect_is_told_by_name_and_driver(
    configured: str, there: str, told: str, tmp_path: Path, inbox: Inbox
) -> None:
    sim = SIMULATORS[there](tmp_path / "rfid")
    device = build(driver=configured, port=sim.address)
    device.start(inbox)
    lost = inbox.wait_lost()
    device.stop()
    sim.close()
    assert told in lost.detail
    assert there in lost.detail


@pytest.mark.parametrize(
    ("driver", "baudrate"), [("rfid.r2000", 115200), ("rfid.uhf18", 57600), ("rfid.uhf288", 57600)], indirect=["driver"]
)
def test_the_usual_baud_rate_is_the_default(driver: str, baudrate: int) -> None:
    [device] = DevicesSection.model_validate({"devices": [{"id": "r", "driver": driver, "port": "/dev/x"}]}).devices
    assert device.port_settings().baudrate == baudrate


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"driver": "rfid.r2000", "power_dbm": 15.5}, "power_dbm"),
        ({"driver": "rfid.r2000", "region": "korea"}, "region"),
        ({"driver": "rfid.r2000", "antennas": [9]}, "antennas"),
        ({"driver": "rfid.r2000", "mode": "continuous"}, "mode"),
        ({"driver": "rfid.uhf18", "antennas": [1]}, "antennas"),
        ({"driver": "rfid.uhf18", "rssi_gate_dbm": -60}, "rssi_gate_dbm"),
        ({"driver": "rfid.uhf18", "rssi_offset_db": -100}, "rssi_offset_db"),
        ({"driver": "rfid.uhf288", "address": 256}, "address"),
    ],
)
def test_what_the_reader_cannot_do_is_refused_by_its_key(change: dict[str, object], key: str) -> None:
    with pytest.raises(ValidationError, match=key):
        DevicesSection.model_validate({"devices": [{"id": "r", "port": "/dev/x", **change}]})


def test_the_scale_of_the_strength_can_be_configured(tmp_path: Path, inbox: Inbox) -> None:
    sim = SimulatedChafon(tmp_path / "rfid", dialect=Dialect.UHF288)
    sim.place_tags([SimulatedTag(EPC, -50)])
    device = build(driver="rfid.uhf288", port=sim.address, rssi_offset_db=-139, poll_ms=20)
    device.start(inbox)
    reading = inbox.wait(TagReading)
    device.stop()
    sim.close()
    assert reading.rssi_dbm is not None
    assert abs(reading.rssi_dbm + 60) <= 1


@pytest.mark.parametrize("wrong", [ReaderSettings(region=Region.JAPAN), ReaderSettings(power_dbm=15.5)])
def test_settings_that_no_such_reader_knows_are_refused(wrong: ReaderSettings) -> None:
    with pytest.raises(ValueError, match=r"knows the regions|whole dBm"):
        R2000Dialog(wrong)
    with pytest.raises(ValueError, match=r"knows the regions|whole dBm"):
        ChafonDialog(Dialect.UHF18, wrong)


def test_the_simulated_r2000_keeps_a_buffer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the driver does not use, and a person who tries the protocol by hand does."""
    sim = SimulatedR2000(tmp_path / "rfid")
    sent: list[bytes] = []
    monkeypatch.setattr(sim, "transmit", sent.append)
    sim.place_tags([EPC, LONG_EPC])
    for asked in (
        commands.inventory(),
        commands.count_buffer(),
        commands.get_buffer(clear=True),
        commands.get_buffer(),
    ):
        sim.obey(asked)
    sim.close()
    filled, counted, *told, empty = r2000.parser().feed(b"".join(sent))
    assert isinstance(filled, Answer)
    assert filled.end_of_round
    assert counted == Answer(r2000_forms.Command.COUNT_BUFFER, b"\x00\x02")
    assert [tag.epc for tag in told if isinstance(tag, TagRead)] == [EPC, LONG_EPC]
    assert empty == Refusal(r2000_forms.Command.GET_BUFFER, 0x38, "buffer is empty", no_tag=True)
