"""The label printer: its status in words, and labels that come out whole and once, whatever happens to the line."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.printer.driver import PrintUnsure, ZplPrinter
from devices.printer.simulator import SimulatedPrinter
from devices.printer.status import READY, HostStatus, StatusParser, encode
from inspection.errors import DeviceError
from tests.devices.conftest import PATIENCE_S, Inbox
from tests.devices.streams import cuts, hostile, pieces
from tests.devices.subjects.printer import LABEL
from tests.devices.subjects.subject import build

FLAGS = [flag.name for flag in fields(HostStatus) if flag.type == "bool"]


@pytest.fixture(params=["network", "serial"])
def printer(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SimulatedPrinter]:
    simulated = SimulatedPrinter(tmp_path / "port" if request.param == "serial" else None)
    yield simulated
    simulated.close()


@pytest.fixture
def driver(printer: SimulatedPrinter, monkeypatch: pytest.MonkeyPatch) -> Iterator[ZplPrinter]:
    monkeypatch.setattr("devices.printer.driver.ASK_NS", 100_000_000)
    built = build(driver="printer.zpl", port=printer.address)
    assert isinstance(built, ZplPrinter)
    yield built
    built.stop()


def wait_until(true: Callable[[], bool], timeout_s: float = PATIENCE_S) -> None:
    until = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < until
        time.sleep(0.005)


@pytest.mark.parametrize("flag", FLAGS)
def test_every_flag_of_the_status_is_read(flag: str) -> None:
    status = replace(READY, **{flag: True})
    assert StatusParser().feed(encode(status)) == [status]


def test_a_status_as_the_manual_prints_it_is_read() -> None:
    answer = (
        b"\x02030,1,0,1245,003,0,0,0,000,0,0,0\x03\r\n\x02000,0,1,0,0,2,4,0,00000007,1,000\x03\r\n\x021234,0\x03\r\n"
    )
    [status] = StatusParser().feed(answer)
    assert (status.paper_out, status.head_open, status.formats, status.remaining) == (True, True, 3, 7)
    assert [words.split(":")[0] for words in status.troubles] == ["the print head is open", "the labels have run out"]


@given(st.lists(st.just(encode(READY)) | hostile(b"\x02\x03\r\n,01"), max_size=5), cuts)
def test_any_split_of_a_status_gives_the_same(parts: list[bytes], at: list[int]) -> None:
    stream = b"".join(parts)
    at_once, in_parts = StatusParser(), StatusParser()
    expected = at_once.feed(stream)
    assert [status for piece in pieces(stream, at) for status in in_parts.feed(piece)] == expected
    assert in_parts.pending <= 96


def test_a_status_without_its_middle_is_dropped() -> None:
    first, second, third = encode(READY).splitlines(keepends=True)
    parser = StatusParser()
    assert parser.feed(first + third + second + third + first) == []
    assert len(parser.feed(second + third)) == 1


@pytest.mark.slow
def test_ten_million_random_bytes_are_no_status() -> None:
    source, parser = random.Random(5), StatusParser()
    for _ in range(1000):
        assert parser.feed(source.randbytes(10_000)) == []
        assert parser.pending <= 96


@pytest.mark.parametrize(
    ("trouble", "words"),
    [("paper_out", "run out"), ("head_open", "head is open"), ("ribbon_out", "ribbon"), ("paused", "paused")],
)
def test_a_trouble_is_told_and_the_label_comes_out_when_it_is_over(
    printer: SimulatedPrinter, driver: ZplPrinter, inbox: Inbox, trouble: str, words: str
) -> None:
    setattr(printer.troubles, trouble, True)
    driver.start(inbox)
    assert words in inbox.wait_lost().detail
    done = driver.print_label(LABEL)
    setattr(printer.troubles, trouble, False)
    inbox.wait_connected()
    done.result(PATIENCE_S)
    assert len(printer.labels) == 1


def test_a_printer_that_falls_silent_in_trouble_is_asked_on(
    printer: SimulatedPrinter, driver: ZplPrinter, inbox: Inbox
) -> None:
    driver.start(inbox)
    inbox.wait_connected()
    since = inbox.mark()
    printer.troubles.silent = printer.troubles.paper_out = True
    assert "does not answer" in inbox.wait_lost(since=since).detail
    printer.troubles.paper_out = False
    inbox.wait_connected(since=since)


def test_labels_come_out_in_order_and_whole(printer: SimulatedPrinter, driver: ZplPrinter, inbox: Inbox) -> None:
    driver.start(inbox)
    jobs = [b"^XA^FD%d^FS^XZ" % number for number in range(5)]
    for done in [driver.print_job(job) for job in jobs]:
        done.result(PATIENCE_S)
    assert printer.labels == jobs
    assert driver.waiting == 0


def test_a_label_that_waits_may_be_cancelled(printer: SimulatedPrinter, driver: ZplPrinter, inbox: Inbox) -> None:
    printer.troubles.paused = True
    driver.start(inbox)
    first, second = driver.print_job(b"^XA1^XZ"), driver.print_job(b"^XA2^XZ")
    assert first.cancel()
    printer.troubles.paused = False
    second.result(PATIENCE_S)
    assert printer.labels == [b"^XA2^XZ"]


LONG = b"^XA" + b"^FD0^FS" * 4_000 + b"^XZ"


def test_a_label_that_was_cut_off_comes_out_once_and_whole(
    printer: SimulatedPrinter, driver: ZplPrinter, inbox: Inbox
) -> None:
    driver.start(inbox)
    inbox.wait_connected()
    done = driver.print_job(LONG)
    wait_until(lambda: printer.partial)
    printer.unplug()
    assert not done.done()
    printer.replug()
    done.result(30)
    assert printer.labels == [LONG]


def test_a_label_whose_end_nobody_saw_arrive_is_not_printed_twice(
    printer: SimulatedPrinter, driver: ZplPrinter, inbox: Inbox
) -> None:
    driver.start(inbox)
    inbox.wait_connected()
    printer.faults.stuck = True  # it prints, and its answer is lost
    done = driver.print_job(b"^XA1^XZ")
    wait_until(lambda: printer.labels == [b"^XA1^XZ"])
    printer.unplug()
    printer.faults.stuck = False
    printer.replug()
    with pytest.raises(PrintUnsure) as unsure:
        done.result(PATIENCE_S)
    assert "Look whether it came out" in unsure.value.hint
    driver.print_job(b"^XA2^XZ").result(PATIENCE_S)
    assert printer.labels == [b"^XA1^XZ", b"^XA2^XZ"]


def test_a_printer_that_received_only_the_beginning_is_sent_the_whole_again(
    printer: SimulatedPrinter, driver: ZplPrinter, inbox: Inbox
) -> None:
    driver.start(inbox)
    inbox.wait_connected()
    printer._memory = b"^XA^FDhalf of a label of another program"
    driver.print_job(b"^XA1^XZ").result(PATIENCE_S)
    assert printer.labels == [b"^XA1^XZ"]


def test_a_job_that_is_not_one_format_is_refused(driver: ZplPrinter) -> None:
    for job in (b"", b"^XA", b"^XA^XZ^XA^XZ", b"~JA^XA^XZ", b"^XA^XZ\n"):
        with pytest.raises(DeviceError):
            driver.print_job(job)


def test_labels_that_were_not_sent_when_the_station_ends_say_so(
    printer: SimulatedPrinter, driver: ZplPrinter, inbox: Inbox
) -> None:
    printer.troubles.paper_out = True
    driver.start(inbox)
    done = driver.print_label(LABEL)
    inbox.wait_lost()
    driver.stop()
    with pytest.raises(DeviceError, match="stopped"):
        done.result(0)


@pytest.mark.parametrize("fault", ["noise", "split", "wrong_checksum", "glitch"])
def test_a_bad_line_prints_no_label_twice(
    printer: SimulatedPrinter, driver: ZplPrinter, inbox: Inbox, fault: str
) -> None:
    driver.start(inbox)
    inbox.wait_connected()
    setattr(printer.faults, fault, True)
    done = driver.print_job(b"^XA1^XZ")
    wait_until(lambda: bool(printer.labels))
    setattr(printer.faults, fault, False)
    done.result(PATIENCE_S)
    assert printer.labels == [b"^XA1^XZ"]
