"""Several views are one set: of one moment, whole, or not at all."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from devices.camera.base import Camera
from devices.camera.replay import replay_camera
from devices.camera.rig import FrameSet, SetFailed, ViewsApart, capture_set
from devices.camera.source import CameraSettings
from inspection.errors import DeviceLost, StaleFrame
from inspection.frame import Frame
from tests.devices.conftest import Inbox
from tests.devices.subjects.camera import picture

MS = 1_000_000
PATIENCE_S = 30.0


def frame(at_ms: float) -> Frame:
    return Frame(np.zeros((2, 2, 3), np.uint8), int(at_ms * MS), datetime.now(UTC), 0, "cam", "0" * 16)


class Paced:
    """A camera with a clock of its own: a picture every ``every_ms``; the newest is given."""

    def __init__(self, view: str, every_ms: float, now_ms: list[float], phase_ms: float = 0.0) -> None:
        self.view = view
        self._every_ms, self._phase_ms, self._now_ms = every_ms, phase_ms, now_ms

    def frame_after(self, monotonic_ns: int, timeout_s: float) -> Frame:
        newest_ms = self._newest(self._now_ms[0])
        while newest_ms <= monotonic_ns / MS:
            newest_ms += self._every_ms
            if newest_ms > self._now_ms[0] + timeout_s * 1e3:
                raise StaleFrame("no new picture")
        self._now_ms[0] = max(self._now_ms[0], newest_ms)
        return frame(newest_ms)

    def _newest(self, now_ms: float) -> float:
        return self._phase_ms + (now_ms - self._phase_ms) // self._every_ms * self._every_ms


@pytest.fixture
def now_ms() -> list[float]:
    return [1000.0]


def test_a_set_has_one_frame_of_every_view_in_the_order_of_the_cameras(now_ms: list[float]) -> None:
    cameras = [Paced(view, 33, now_ms) for view in ("top", "front", "side")]
    taken = capture_set(cameras, 1000 * MS, 1.0)
    assert list(taken.frames) == ["top", "front", "side"]
    assert all(each.monotonic_ns > 1000 * MS for each in taken.frames.values())


def test_the_skew_is_from_the_first_to_the_last() -> None:
    taken = FrameSet({"top": frame(30), "front": frame(12), "side": frame(25)})
    assert taken.skew_ms == 18
    assert taken.offsets_ms == {"top": 18, "front": 0, "side": 13}
    assert FrameSet({}).skew_ms == 0


def test_a_slow_camera_does_not_leave_the_fast_one_behind(now_ms: list[float]) -> None:
    cameras = [Paced("fast", 33, now_ms), Paced("slow", 500, now_ms, phase_ms=480)]
    assert capture_set(cameras, 1000 * MS, 2.0).skew_ms > 200
    now_ms[0] = 1000.0
    assert capture_set(cameras, 1000 * MS, 2.0, max_skew_ms=40).skew_ms <= 40


def test_cameras_that_never_agree_are_told_by_the_one_behind(now_ms: list[float]) -> None:
    cameras = [Paced("top", 400, now_ms), Paced("front", 400, now_ms, phase_ms=200)]
    with pytest.raises(SetFailed, match="200 ms between the views, allowed are 100 ms") as caught:
        capture_set(cameras, 1000 * MS, 2.0, max_skew_ms=100)
    assert isinstance(caught.value.cause, ViewsApart)
    assert caught.value.view in {"top", "front"}


def test_one_view_without_a_picture_means_no_set(now_ms: list[float]) -> None:
    cameras = [Paced("top", 33, now_ms), Paced("front", 1e6, now_ms)]
    with pytest.raises(SetFailed, match="front") as caught:
        capture_set(cameras, 1000 * MS, 0.2)
    assert isinstance(caught.value.cause, StaleFrame)


def test_a_camera_that_gives_a_frame_from_before_is_not_believed() -> None:
    class Liar:
        view = "top"

        def frame_after(self, monotonic_ns: int, timeout_s: float) -> Frame:  # noqa: ARG002
            return frame(1)

    with pytest.raises(SetFailed, match="from before"):
        capture_set([Liar()], 2 * MS, 0.1)


Start = Callable[[str, float], Camera]


@pytest.fixture
def start(tmp_path: Path, inbox: Inbox) -> Iterator[Start]:
    cameras = []

    def begin(view: str, fps: float) -> Camera:
        folder = tmp_path / view
        folder.mkdir()
        picture(folder / "a.png", 10)
        cameras.append(replay_camera(CameraSettings(f"cam-{view}", view, period_s=1 / fps), folder))
        cameras[-1].start(inbox)
        cameras[-1].frame_after(0, 10)
        return cameras[-1]

    yield begin
    for camera in cameras:
        camera.stop()


def test_true_cameras_give_sets_of_one_moment(start: Start) -> None:
    cameras = [start("top", 30), start("front", 30), start("side", 8)]
    for _ in range(5):
        trigger_ns = time.monotonic_ns()
        taken = capture_set(cameras, trigger_ns, 30.0, max_skew_ms=150)
        assert all(each.monotonic_ns > trigger_ns for each in taken.frames.values())
        assert taken.skew_ms <= 150


def test_a_camera_lost_while_the_set_is_taken_ends_it_at_once(start: Start, tmp_path: Path) -> None:
    cameras = [start("top", 30), start("front", 30)]
    (tmp_path / "front").rename(tmp_path / "gone")
    began = time.monotonic()
    with pytest.raises(SetFailed, match="front") as caught:
        _capture_until_refused(cameras)
    assert isinstance(caught.value.cause, DeviceLost)
    assert time.monotonic() - began < PATIENCE_S


def _capture_until_refused(cameras: list[Camera]) -> None:
    while True:
        capture_set(cameras, time.monotonic_ns(), 2 * PATIENCE_S)
