"""What was said on a line is kept as it was, and played back as it was."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.barcode.scanner import BarcodeScanner
from devices.barcode.simulator import SimulatedScanner
from devices.serial_link import PortSettings
from devices.tools.player import Player
from devices.tools.recording import Event, Recorder, RecordingError, read_events, read_header
from inspection.reading import BarcodeReading
from tests.devices.conftest import Inbox


def recorder(path: Path) -> Recorder:
    return Recorder(path, device="scanner", port="/dev/ttyACM0", baudrate=9600)


def scanner_on(port: Path) -> BarcodeScanner:
    return BarcodeScanner("dut", PortSettings(str(port)))


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=50)), max_size=20))
def test_every_byte_comes_back_with_its_direction_and_time(
    tmp_path_factory: pytest.TempPathFactory, said: object
) -> None:
    assert isinstance(said, list)
    path = tmp_path_factory.mktemp("recording") / "r.jsonl"
    with recorder(path) as made:
        began_ns = made._began_ns
        for number, (incoming, data) in enumerate(said):
            (made.received if incoming else made.sent)(data, began_ns + number * 1_500_000)
    expected = [
        Event(number * 0.0015, "in" if incoming else "out", data) for number, (incoming, data) in enumerate(said)
    ]
    assert list(read_events(path)) == [Event(round(e.t_s, 6), e.direction, e.data) for e in expected]
    assert read_header(path).baudrate == 9600


def test_a_recording_that_was_cut_off_is_good_up_to_its_last_whole_line(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    with recorder(path) as made:
        made.received(b"first", made._began_ns)
        made.received(b"second", made._began_ns)
    path.write_bytes(path.read_bytes()[:-4])
    assert [event.data for event in read_events(path)] == [b"first"]


def test_a_recording_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    recorder(path).close()
    with pytest.raises(RecordingError, match="exists"):
        recorder(path)


@pytest.mark.parametrize("content", ["", "x", "{}", '{"recording": 1}', '{"recording": 9}\n', "[1]\n"])
def test_what_is_no_recording_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(RecordingError):
        read_header(path)


def test_a_damaged_line_is_named_by_its_number(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    recorder(path).close()
    path.write_text(path.read_text() + '{"t": 0, "in": "4"}\n', encoding="utf-8")
    with pytest.raises(RecordingError, match="line 2"):
        list(read_events(path))


def test_what_a_device_said_is_said_again_by_its_recording(tmp_path: Path, inbox: Inbox) -> None:
    simulator = SimulatedScanner(tmp_path / "port")
    device, path = scanner_on(tmp_path / "port"), tmp_path / "r.jsonl"
    with recorder(path) as made:
        device.listen_in(made)
        device.start(inbox)
        inbox.wait_connected()
        for text in ("4006381333931", "RMA-1234"):
            assert simulator.scan(text)
            inbox.wait(BarcodeReading, lambda reading, text=text: reading.text == text)  # type: ignore[misc]
        device.stop()
    simulator.close()

    replayed = Inbox()
    player, again = Player(path, tmp_path / "again"), scanner_on(tmp_path / "again")
    player.port.plug()
    again.start(replayed)
    try:
        assert player.wait_for_listener(10)
        player.play()
        replayed.wait(BarcodeReading, lambda reading: reading.text == "RMA-1234")
    finally:
        again.stop()
        player.close()
    said = [[m.raw for m in box.messages if isinstance(m, BarcodeReading)] for box in (inbox, replayed)]
    assert said[0] == said[1] == [b"4006381333931\r", b"RMA-1234\r"]
    assert player.lost_bytes == 0


def test_the_distances_in_time_are_kept(tmp_path: Path, inbox: Inbox) -> None:
    path = tmp_path / "r.jsonl"
    with recorder(path) as made:
        for number in range(3):
            made.received(b"A%d\r" % number, made._began_ns + number * 200_000_000)
    player, device = Player(path, tmp_path / "port"), scanner_on(tmp_path / "port")
    player.port.plug()
    device.start(inbox)
    try:
        assert player.wait_for_listener(10)
        began = time.monotonic()
        player.play()
        assert time.monotonic() - began >= 0.4
        inbox.wait(BarcodeReading, lambda reading: reading.text == "A2")
    finally:
        device.stop()
        player.close()
