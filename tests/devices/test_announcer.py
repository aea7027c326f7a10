"""Events and readings reach the listener in order, once, and never hold the device up."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from devices.announcer import Announcer
from devices.base import DeviceEvent
from inspection.errors import DeviceError
from inspection.reading import BarcodeReading
from tests.devices.conftest import Inbox


def scan(text: str) -> BarcodeReading:
    return BarcodeReading("dut", b"", datetime.now(UTC), 0, text)


def test_coming_and_going_are_each_told_once(inbox: Inbox) -> None:
    announcer = Announcer("dut", "barcode")
    announcer.start(inbox)
    announcer.lost("not there")
    announcer.lost("not there")
    announcer.came("ready")
    announcer.came("ready")
    announcer.lost("unplugged")
    announcer.lost("not there")
    announcer.stop()
    events = [(event.connected, event.detail) for event in inbox.messages if isinstance(event, DeviceEvent)]
    assert events == [(False, "not there"), (True, "ready"), (False, "unplugged")]


def test_the_status_follows_the_reason_though_no_event_does(inbox: Inbox) -> None:
    announcer = Announcer("dut", "barcode")
    announcer.start(inbox)
    assert announcer.status.detail == "starting"
    announcer.lost("unplugged")
    announcer.lost("two devices fit")
    assert announcer.status.detail == "two devices fit"
    announcer.stop()
    assert announcer.status.detail == "stopped"


def test_what_a_device_says_else_about_itself_is_an_event_at_each_change(inbox: Inbox) -> None:
    announcer = Announcer("dut", "rfid")
    announcer.start(inbox)
    announcer.came("ready")
    announcer.tells("ready; too hot")
    announcer.tells("ready; too hot")
    assert announcer.status.connected
    assert announcer.status.detail == "ready; too hot"
    announcer.tells("ready")
    announcer.stop()
    events = [(event.connected, event.detail) for event in inbox.messages if isinstance(event, DeviceEvent)]
    assert events == [(True, "ready"), (True, "ready; too hot"), (True, "ready")]


def test_what_waits_is_delivered_before_the_stop(inbox: Inbox) -> None:
    announcer = Announcer("dut", "barcode")
    announcer.start(inbox)
    for number in range(100):
        announcer.deliver(scan(str(number)))
    announcer.stop()
    assert [m.text for m in inbox.messages if isinstance(m, BarcodeReading)] == [str(number) for number in range(100)]


def test_a_listener_that_does_not_keep_up_loses_the_oldest_and_they_are_counted() -> None:
    inbox, go_on = Inbox(), threading.Event()

    def slow(message: object) -> None:
        go_on.wait(10)
        inbox(message)  # type: ignore[arg-type]

    announcer = Announcer("dut", "barcode", capacity=10)
    announcer.start(slow)
    for number in range(100):
        announcer.deliver(scan(str(number)))
    go_on.set()
    announcer.stop()
    texts = [m.text for m in inbox.messages if isinstance(m, BarcodeReading)]
    assert texts[-10:] == [str(number) for number in range(90, 100)]
    assert len(texts) == 100 - announcer.dropped
    assert announcer.dropped >= 89


def test_a_listener_that_fails_is_counted_and_hears_the_rest(inbox: Inbox) -> None:
    def fails(message: object) -> None:
        inbox(message)  # type: ignore[arg-type]
        raise RuntimeError("the listener has a fault")

    announcer = Announcer("dut", "barcode")
    announcer.start(fails)
    announcer.deliver(scan("a"))
    announcer.deliver(scan("b"))
    announcer.stop()
    assert announcer.listener_faults == 2


def test_a_device_can_be_stopped_by_its_own_listener() -> None:
    stopped = threading.Event()
    announcer = Announcer("dut", "barcode")

    def stop(_: object) -> None:
        announcer.stop()
        stopped.set()

    announcer.start(stop)
    announcer.deliver(scan("a"))
    assert stopped.wait(5)


def test_starting_twice_is_a_mistake_that_is_told(inbox: Inbox) -> None:
    announcer = Announcer("dut", "barcode")
    announcer.start(inbox)
    with pytest.raises(DeviceError, match="already started"):
        announcer.start(inbox)
    announcer.stop()
