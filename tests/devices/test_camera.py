"""The camera contract: no frame is ever older than it says, and a camera that hangs is noticed and opened again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import pytest

from devices.camera.base import Camera
from devices.camera.source import CameraSettings, SourceInfo
from inspection.errors import DeviceLost, StaleFrame
from inspection.frame import Pixels
from tests.devices.conftest import Inbox


class World:
    """What the sources of one camera show, and the ways in which they can fail."""

    def __init__(self) -> None:
        self.value = 1
        self.opened = 0
        self.closed = 0
        self.settings: dict[str, float] = {"exposure": 100.0}
        self.block = threading.Event()
        self.block.set()  # set: reads go through
        self.fail: Exception | None = None
        self.broken = False
        self.read_s = 0.0
        self.reading = threading.Event()
        self.first_may_return = threading.Event()
        self.first_may_return.set()

    def source(self) -> Source:
        return Source(self)


class Source:
    def __init__(self, world: World) -> None:
        self.world = world
        self.number = 0

    def open(self) -> SourceInfo:
        self.world.opened += 1
        self.number = self.world.opened
        if self.world.fail is not None:
            raise self.world.fail
        return SourceInfo("a test camera", dict(self.world.settings))

    def read(self) -> Pixels | None:
        world = self.world
        value = world.value
        world.reading.set()
        world.block.wait(30)
        if self.number == 1:
            world.first_may_return.wait(30)
        threading.Event().wait(world.read_s)
        if world.fail is not None:
            raise world.fail
        return None if world.broken else np.full((4, 6, 3), value, np.uint8)

    def close(self) -> None:
        self.world.closed += 1


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.block.set()
    made.first_may_return.set()


Start = Callable[..., Camera]


@pytest.fixture
def start(world: World, inbox: Inbox) -> Iterator[Start]:
    cameras = []

    def begin(**options: float) -> Camera:
        settings = CameraSettings("cam", "top", **{"period_s": 0.01, "read_timeout_s": 0.3, **options})  # type: ignore[arg-type]
        cameras.append(Camera(settings, world.source))
        cameras[-1].start(inbox)
        return cameras[-1]

    yield begin
    world.block.set()
    for camera in cameras:
        camera.stop()


def test_frames_carry_time_sequence_identity_and_settings(start: Start, inbox: Inbox) -> None:
    camera = start()
    inbox.wait_connected()
    frames = [camera.frame_after(time.monotonic_ns(), 10) for _ in range(3)]
    assert [frame.camera_id for frame in frames] == ["cam"] * 3
    assert (camera.camera_id, camera.view) == ("cam", "top")
    sequences = [frame.sequence for frame in frames]
    assert sequences == sorted(set(sequences))
    assert all(b.monotonic_ns > a.monotonic_ns for a, b in pairwise(frames))
    assert len({frame.settings_digest for frame in frames}) == 1
    assert len(frames[0].settings_digest) == 16
    assert frames[0].captured_at.utcoffset() is not None
    assert (frames[0].width, frames[0].height) == (6, 4)


def test_other_settings_have_another_digest(start: Start, world: World, inbox: Inbox) -> None:
    camera = start()
    before = camera.frame_after(0, 10).settings_digest
    camera.stop()
    world.settings["exposure"] = 101.0
    camera.start(inbox)
    assert camera.frame_after(0, 10).settings_digest != before


def test_a_frame_asked_for_after_an_instant_was_not_even_begun_before_it(start: Start, world: World) -> None:
    camera = start(period_s=0.0)
    camera.frame_after(0, 10)
    world.block.clear()
    world.reading.clear()
    assert world.reading.wait(10)  # a read is under way and holds the old value
    world.value = 2
    world.read_s = 0.2
    asked_ns = time.monotonic_ns()
    world.block.set()
    frame = camera.frame_after(asked_ns, 10)
    assert frame.pixels[0, 0, 0] == 2
    assert frame.monotonic_ns > asked_ns


def test_the_latest_frame_is_refused_when_it_is_too_old(start: Start, world: World) -> None:
    camera = start(stale_after_ms=50, read_timeout_s=5.0)
    camera.frame_after(0, 10)
    assert camera.latest().camera_id == "cam"
    world.block.clear()
    with pytest.raises(StaleFrame, match="ms old, limit 50 ms"):
        _latest_until_refused(camera)


def _latest_until_refused(camera: Camera) -> None:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        camera.latest()


def test_no_new_frame_in_time_is_stale_and_not_the_old_one(start: Start, world: World) -> None:
    camera = start(read_timeout_s=5.0)
    camera.frame_after(0, 10)
    world.block.clear()
    with pytest.raises(StaleFrame, match="no new picture within"):
        camera.frame_after(time.monotonic_ns(), 0.1)


def test_a_read_that_hangs_is_lost_and_the_camera_opened_again(start: Start, world: World, inbox: Inbox) -> None:
    camera = start(read_timeout_s=CameraSettings("", "").read_timeout_s)
    camera.frame_after(0, 10)
    since = inbox.mark()
    world.block.clear()
    assert "no picture for 1.5 s" in inbox.wait_lost(since=since).detail
    with pytest.raises(DeviceLost):
        camera.latest()
    since = inbox.mark()
    world.block.set()
    inbox.wait_connected(since=since)
    assert camera.frame_after(time.monotonic_ns(), 10).sequence >= 0


def test_whoever_waits_for_a_frame_learns_at_once_that_the_camera_is_lost(start: Start, world: World) -> None:
    camera = start(read_timeout_s=0.3)
    camera.frame_after(0, 10)
    world.fail = DeviceLost("pulled out")
    began = time.monotonic()
    with pytest.raises(DeviceLost, match="pulled out"):
        camera.frame_after(time.monotonic_ns(), 30)
    assert time.monotonic() - began < 25


def test_a_camera_that_hangs_for_ever_does_not_gather_threads(start: Start, world: World) -> None:
    start(read_timeout_s=0.05)
    world.block.clear()
    deadline = time.monotonic() + 10
    while world.opened < 3 and time.monotonic() < deadline:
        threading.Event().wait(0.02)
    threading.Event().wait(0.5)
    assert world.opened == 3
    assert len([thread for thread in threading.enumerate() if thread.name == "cam-capture"]) == 3


def test_a_hanging_read_that_returns_late_publishes_nothing_and_closes_its_source(
    start: Start, world: World, inbox: Inbox
) -> None:
    camera = start(period_s=0.3, read_timeout_s=0.2, stale_after_ms=5000)
    camera.frame_after(0, 10)
    since = inbox.mark()
    world.first_may_return.clear()
    inbox.wait_lost(since=since)
    since = inbox.mark()
    world.value = 7
    inbox.wait_connected(since=since)
    world.first_may_return.set()  # its picture is of the time before, when the value was 1
    deadline = time.monotonic() + 5
    while world.closed == 0 and time.monotonic() < deadline:
        assert camera.latest().pixels[0, 0, 0] == 7
    assert world.closed == 1
    assert camera.latest().pixels[0, 0, 0] == 7


def test_pictures_that_cannot_be_decoded_are_counted_and_nothing_else_is_a_lost_camera(
    start: Start, world: World, inbox: Inbox
) -> None:
    camera = start(read_timeout_s=0.3)
    camera.frame_after(0, 10)
    since = inbox.mark()
    world.broken = True
    assert "can be decoded" in inbox.wait_lost(since=since).detail
    assert camera.undecodable > 0
    world.broken = False
    inbox.wait_connected(since=since)


def test_a_fault_of_the_driver_is_heard_and_tried_again(start: Start, world: World, inbox: Inbox) -> None:
    world.fail = ZeroDivisionError("a driver's mistake")
    camera = start()
    assert "a driver's mistake" in inbox.wait_lost().detail
    with pytest.raises(DeviceLost, match="a driver's mistake"):
        camera.latest()
    world.fail = None
    inbox.wait_connected()


def test_a_stopped_camera_has_no_frame(start: Start) -> None:
    camera = start()
    camera.frame_after(0, 10)
    camera.stop()
    with pytest.raises(DeviceLost, match="stopped"):
        camera.latest()
    with pytest.raises(DeviceLost, match="stopped"):
        camera.frame_after(0, 1)


def test_the_sequence_starts_over_with_every_connection(start: Start, world: World, inbox: Inbox) -> None:
    camera = start(period_s=0.05)
    while camera.frame_after(time.monotonic_ns(), 10).sequence < 10:
        pass
    since = inbox.mark()
    world.fail = DeviceLost("pulled out")
    inbox.wait_lost(since=since)
    world.fail = None
    inbox.wait_connected(since=since)
    assert camera.frame_after(0, 10).sequence < 10
