"""What every driver must do, whatever it drives."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.backoff import Backoff
from devices.base import DeviceEvent
from inspection.reading import Reading
from tests.devices.conftest import PATIENCE_S, Inbox
from tests.devices.subjects import SUBJECTS
from tests.devices.subjects.subject import Subject

pytestmark = pytest.mark.usefixtures("quick_backoff")


@pytest.fixture(params=list(SUBJECTS))
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Subject]:
    made = SUBJECTS[request.param](tmp_path)
    yield made
    made.device.stop()
    made.close()


def own_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("dut")]


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  the folder changes while a Path would look at it


def least_descriptors() -> int:
    """The least number open within a tenth of a second, as a simulator opens its port for moments."""
    gc.collect()
    counts = []
    for _ in range(10):
        counts.append(descriptors())
        time.sleep(0.01)
    return min(counts)


def none_left(before: int) -> bool:
    """Whether no more are open than ``before``, now or soon: what is being closed is gone in a moment, a leak stays."""
    gc.collect()
    until = time.monotonic() + PATIENCE_S
    while (left := descriptors() > before) and time.monotonic() < until:
        time.sleep(0.01)
    return not left


def test_it_connects_and_delivers(subject: Subject, inbox: Inbox) -> None:
    subject.device.start(inbox)
    event = inbox.wait_connected()
    subject.prove(inbox)
    assert event.device_id == subject.device.device_id == "dut"
    assert subject.device.status.connected
    assert subject.device.status.detail == event.detail != ""


def test_a_device_that_is_not_there_yet_is_told_and_found_when_it_comes(subject: Subject, inbox: Inbox) -> None:
    subject.unplug()
    subject.device.start(inbox)
    inbox.wait_lost()
    assert not subject.device.status.connected
    subject.replug()
    inbox.wait_connected()
    subject.prove(inbox)


def test_unplugged_in_mid_use_it_is_lost_and_back_when_it_returns(
    subject: Subject, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when it was away for so long that it is looked for at the longest distances."""
    monkeypatch.setattr(Backoff, "next_s", lambda _: 0.2)
    subject.device.start(inbox)
    inbox.wait_connected()
    subject.prove(inbox)
    since = inbox.mark()
    subject.unplug()
    lost = inbox.wait_lost(since=since)
    assert lost.detail
    assert not subject.device.status.connected
    since = inbox.mark()
    subject.replug()
    inbox.wait_connected(since=since)
    subject.prove(inbox)


def test_coming_and_going_are_told_in_turn_and_once(subject: Subject, inbox: Inbox) -> None:
    subject.device.start(inbox)
    inbox.wait_connected()
    for _ in range(3):
        since = inbox.mark()
        subject.unplug()
        inbox.wait_lost(since=since)
        since = inbox.mark()
        subject.replug()
        inbox.wait_connected(since=since)
    events = [message.connected for message in inbox.messages if isinstance(message, DeviceEvent)]
    assert events == [True, False] * 3 + [True]


def test_stopping_twice_or_before_the_start_is_fine(subject: Subject, inbox: Inbox) -> None:
    subject.device.stop()
    subject.device.start(inbox)
    inbox.wait_connected()
    subject.device.stop()
    subject.device.stop()
    assert subject.device.status.detail == "stopped"
    assert not subject.device.status.connected
    assert own_threads() == []


def test_after_stop_nothing_is_emitted(subject: Subject, inbox: Inbox) -> None:
    subject.device.start(inbox)
    inbox.wait_connected()
    subject.device.stop()
    before = inbox.mark()
    subject.unplug()
    subject.replug()
    assert inbox.mark() == before


def test_a_stopped_device_starts_again(subject: Subject, inbox: Inbox) -> None:
    for _ in range(2):
        since = inbox.mark()
        subject.device.start(inbox)
        inbox.wait_connected(since=since)
        subject.prove(inbox)
        subject.device.stop()


def test_it_stops_while_it_is_looking_for_its_device(subject: Subject, inbox: Inbox) -> None:
    subject.unplug()
    subject.device.start(inbox)
    inbox.wait_lost()
    subject.device.stop()
    assert own_threads() == []


def test_a_listener_that_fails_does_not_end_the_device(subject: Subject, inbox: Inbox) -> None:
    def fails_and_notes(message: Reading | DeviceEvent) -> None:
        inbox(message)
        raise RuntimeError("the listener has a fault")

    subject.device.start(fails_and_notes)
    inbox.wait_connected()
    subject.prove(inbox)


OFTEN = [
    "barcode.serial",
    "rfid.m100 polled",
    "rfid.m100 continuous",
    "rfid.m100 AA..DD, power and region set",
    "replay folder",
    "replay video",
    "opencv",
]
"""A subject of every link and kind of source; all of them do it a thousand times with --long."""


@pytest.mark.parametrize(
    "times", [3, pytest.param(1000, marks=[pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(3600)])]
)
def test_reconnecting_leaves_no_thread_and_no_descriptor(subject: Subject, inbox: Inbox, times: int) -> None:
    reconnect(subject, inbox, times)


@pytest.mark.slow
@pytest.mark.parametrize("subject", OFTEN, indirect=True)
def test_a_hundred_reconnects_leave_no_thread_and_no_descriptor(subject: Subject, inbox: Inbox) -> None:
    reconnect(subject, inbox, 100)


def reconnect(subject: Subject, inbox: Inbox, times: int) -> None:
    """Unplug and plug in again so often, with a proof each time; nothing may be left."""
    subject.device.start(inbox)
    inbox.wait_connected()
    subject.device.stop()
    before = least_descriptors()
    since = inbox.mark()
    subject.device.start(inbox)
    for _ in range(times):
        inbox.wait_connected(since=since)
        subject.prove(inbox)
        since = inbox.mark()
        subject.unplug()
        inbox.wait_lost(since=since)
        since = inbox.mark()
        subject.replug()
    inbox.wait_connected(since=since)
    subject.device.stop()
    assert own_threads() == []
    assert none_left(before)
