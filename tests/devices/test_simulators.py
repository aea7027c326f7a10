"""The bench outlives a station that is killed, and never delivers ghosts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.barcode.scanner import BarcodeScanner
from devices.rfid.m100_dialog import M100Dialog
from devices.rfid.reader import RfidReader
from devices.rfid.simulator import SimulatedTag
from devices.serial_link import PortSettings
from devices.simulators import SimulatedBench
from inspection.errors import DeviceError
from inspection.reading import BarcodeReading, TagReading
from tests.devices.conftest import Inbox
from tests.devices.subjects.camera import picture

EPC = "3074257BF7194E4000001A85"
STATION = """
import sys
from devices.barcode.scanner import BarcodeScanner
from devices.rfid.m100_dialog import M100Dialog
from devices.rfid.reader import RfidReader
from devices.rfid.settings import Mode, ReaderSettings
from devices.serial_link import PortSettings
say = lambda message: print(type(message).__name__, getattr(message, "text", ""), flush=True)
BarcodeScanner("scanner", PortSettings(sys.argv[1] + "/scanner")).start(say)
port, settings = PortSettings(sys.argv[1] + "/rfid"), ReaderSettings(mode=Mode.CONTINUOUS)
RfidReader("rfid", port, M100Dialog(settings), settings).start(say)
sys.stdin.read()
"""


class Station:
    """A program that has both devices open, in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", STATION, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        )

    def wait_for(self, word: str) -> None:
        assert self.process.stdout is not None
        watchdog = threading.Timer(20, self.process.kill)
        watchdog.start()
        try:
            assert any(line.startswith(word) for line in self.process.stdout), f"the station never said {word}"
        finally:
            watchdog.cancel()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()


@pytest.fixture
def station(bench: SimulatedBench) -> Iterator[Station]:
    made = Station(bench.folder)
    yield made
    if made.process.poll() is None:
        made.kill()


def test_a_station_killed_with_kill_9_leaves_the_bench_usable_and_finds_no_ghosts(
    bench: SimulatedBench, station: Station, inbox: Inbox
) -> None:
    bench.place_tags([EPC])
    station.wait_for("TagReading")
    assert bench.scan("FIRST")
    station.wait_for("BarcodeReading FIRST")
    station.process.send_signal(signal.SIGSTOP)  # it has the port open and does not read …
    assert bench.scan("UNREAD")
    station.kill()  # … and dies with the scan unread
    while bench.scanner.port.listened_to or bench.reader.port.listened_to:
        threading.Event().wait(0.01)
    assert not bench.scan("GHOST")

    scanner = BarcodeScanner("scanner", PortSettings(str(bench.folder / "scanner")))
    reader = RfidReader("rfid", PortSettings(str(bench.folder / "rfid")), M100Dialog())
    scanner.start(inbox)
    reader.start(inbox)
    inbox.wait(TagReading, lambda reading: reading.epc == EPC)
    while not bench.scan("SECOND"):
        threading.Event().wait(0.01)
    inbox.wait(BarcodeReading, lambda reading: reading.text == "SECOND")
    scanner.stop()
    reader.stop()
    texts = [message.text for message in inbox.messages if isinstance(message, BarcodeReading)]
    assert "GHOST" not in texts
    assert "UNREAD" not in texts


def test_paths_stay_the_same_over_unplugging(bench: SimulatedBench) -> None:
    scanner, rfid = bench.folder / "scanner", bench.folder / "rfid"
    assert scanner.is_symlink()
    assert rfid.is_symlink()
    for device, path in (("scanner", scanner), ("rfid", rfid)):
        bench.unplug(device)
        bench.unplug(device)
        assert not path.is_symlink()
        bench.replug(device)
        bench.replug(device)
        assert path.exists()


def test_a_device_that_is_not_on_the_bench_is_named(bench: SimulatedBench) -> None:
    with pytest.raises(DeviceError, match=r"'lamp'.*scanner and rfid"):
        bench.unplug("lamp")


def test_tags_that_cannot_be_are_refused(bench: SimulatedBench) -> None:
    for impossible in ("30", "zz", "30" * 64):
        with pytest.raises(ValueError):  # noqa: PT011  the reason differs
            bench.place_tags([impossible])
    with pytest.raises(ValueError, match="no tag is heard like that"):
        bench.place_tags([SimulatedTag(EPC, -200)])


def test_closing_twice_leaves_no_thread_and_no_path(tmp_path: Path) -> None:
    bench = SimulatedBench(tmp_path / "bench", ["top"])
    bench.close()
    bench.close()
    assert not any(thread.name.startswith("pseudo-port") for thread in threading.enumerate())
    assert not (tmp_path / "bench" / "scanner").is_symlink()


def test_a_picture_shown_while_the_camera_is_unplugged_is_seen_when_it_returns(
    bench: SimulatedBench, tmp_path: Path
) -> None:
    shown = bench.folder / "cameras" / "top" / "current.img"
    bench.show("top", picture(tmp_path / "a.png", 10))
    before = shown.read_bytes()
    bench.unplug_camera("top")
    bench.unplug_camera("top")
    assert not shown.exists()
    bench.show("top", picture(tmp_path / "b.png", 20))
    bench.replug_camera("top")
    bench.replug_camera("top")
    assert shown.read_bytes() != before


def test_showing_leaves_one_file(bench: SimulatedBench, tmp_path: Path) -> None:
    for value in range(3):
        bench.show("top", picture(tmp_path / "a.png", value))
    assert [entry.name for entry in (bench.folder / "cameras" / "top").iterdir()] == ["current.img"]
