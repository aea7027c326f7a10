"""The OpenCV driver on a video file, the one camera that every machine has."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

import cv2
import pytest

from devices.camera import opencv
from devices.camera.base import Camera
from devices.camera.opencv import OpenCvSettings, OpenCvSource, apply_settings, opencv_camera
from devices.camera.source import CameraSettings
from devices.usb import UsbIdentity
from inspection.errors import DeviceError, DeviceLost
from tests.devices.conftest import Inbox
from tests.devices.subjects.camera import video

Open = Callable[[OpenCvSettings], Camera]


@pytest.fixture
def open_camera(inbox: Inbox) -> Iterator[Open]:
    cameras = []

    def start(settings: OpenCvSettings) -> Camera:
        cameras.append(opencv_camera(CameraSettings("cam", "top"), settings))
        cameras[-1].start(inbox)
        return cameras[-1]

    yield start
    for camera in cameras:
        camera.stop()


def test_frames_come_at_the_rate_of_the_file(tmp_path: Path, open_camera: Open) -> None:
    camera = open_camera(OpenCvSettings(str(video(tmp_path / "clip.avi", frames=200, fps=50))))
    first = camera.frame_after(0, 5)
    while (frame := camera.frame_after(time.monotonic_ns(), 5)).sequence < first.sequence + 10:
        pass
    per_frame_s = (frame.monotonic_ns - first.monotonic_ns) / 1e9 / (frame.sequence - first.sequence)
    assert per_frame_s == pytest.approx(0.02, rel=0.25)
    assert (frame.width, frame.height) == (64, 48)


def test_settings_that_read_back_otherwise_are_told(tmp_path: Path) -> None:
    clip = video(tmp_path / "clip.avi")
    source = OpenCvSource(OpenCvSettings(str(clip), {"width": 1280, "height": 48}))
    info = source.open()
    source.close()
    assert source.differences == ("width asked 1280 is 64 (the camera does not take it)",)
    assert info.detail == f"{clip}, 64x48; width asked 1280 is 64 (the camera does not take it)"
    assert info.settings["width"] == 64


class Uvc:
    """A UVC camera that takes a value in its steps, within its limits, and has no gain."""

    STEPS: ClassVar = {cv2.CAP_PROP_EXPOSURE: 5, cv2.CAP_PROP_WB_TEMPERATURE: 100, cv2.CAP_PROP_FOCUS: 5}
    MOST: ClassVar = {cv2.CAP_PROP_EXPOSURE: 2047, cv2.CAP_PROP_WB_TEMPERATURE: 6500, cv2.CAP_PROP_FOCUS: 250}

    def __init__(self) -> None:
        self.values: dict[int, float] = {cv2.CAP_PROP_FRAME_WIDTH: 640, cv2.CAP_PROP_FRAME_HEIGHT: 480}
        self.order: list[int] = []

    def set(self, propId: int, value: float, /) -> bool:  # noqa: N803
        self.order.append(propId)
        if propId == cv2.CAP_PROP_GAIN:
            return False
        step = self.STEPS.get(propId, 1)
        self.values[propId] = min(self.MOST.get(propId, 1e9), round(value / step) * step)
        return True

    def get(self, propId: int, /) -> float:  # noqa: N803
        return self.values.get(propId, -1.0)


def applied(**requested: float) -> tuple[dict[str, float], tuple[str, ...], Uvc]:
    camera = Uvc()
    return *apply_settings(camera, OpenCvSettings("/dev/video0", requested)), camera


def test_a_setting_within_the_steps_of_the_camera_is_as_asked() -> None:
    actual, differences, _ = applied(exposure=157, white_balance_k=4630, focus=30, auto_exposure=1)
    assert (actual["exposure"], actual["white_balance_k"], actual["focus"]) == (155, 4600, 30)
    assert differences == ()


def test_a_setting_beyond_the_limits_or_without_effect_is_told_in_words() -> None:
    actual, differences, _ = applied(exposure=5000, gain=20, white_balance_k=9000, focus=41)
    assert actual["gain"] == -1
    assert differences == (
        "exposure asked 5000 is 2047",
        "gain asked 20 is -1 (the camera does not take it)",
        "white_balance_k asked 9000 is 6500",
        "focus asked 41 is 40",
    )


def test_a_size_is_never_about_right() -> None:
    assert applied(width=640, height=480)[1] == ()
    clip = Uvc()
    clip.MOST = {cv2.CAP_PROP_FRAME_WIDTH: 1278}
    assert apply_settings(clip, OpenCvSettings("", {"width": 1280}))[1] == ("width asked 1280 is 1278",)


def test_what_is_automatic_is_switched_off_before_its_value_is_set() -> None:
    order = applied(focus=30, autofocus=0, exposure=100, auto_exposure=1, white_balance_k=4000, auto_white_balance=0)[
        2
    ].order
    pairs = (
        (cv2.CAP_PROP_AUTO_EXPOSURE, cv2.CAP_PROP_EXPOSURE),
        (cv2.CAP_PROP_AUTO_WB, cv2.CAP_PROP_WB_TEMPERATURE),
        (cv2.CAP_PROP_AUTOFOCUS, cv2.CAP_PROP_FOCUS),
    )
    assert all(order.index(automatic) < order.index(value) for automatic, value in pairs)


def test_an_unknown_setting_is_refused(tmp_path: Path) -> None:
    source = OpenCvSource(OpenCvSettings(str(video(tmp_path / "clip.avi")), {"sharpnes": 1}))
    with pytest.raises(DeviceError, match="sharpnes"):
        source.open()
    source.close()


def test_a_password_in_an_address_is_not_told() -> None:
    source = OpenCvSource(OpenCvSettings("rtsp://user:secret@127.0.0.1:1/stream"))
    with pytest.raises(DeviceLost) as caught:
        source.open()
    source.close()
    assert "secret" not in caught.value.one_line()
    assert "127.0.0.1:1/stream" in str(caught.value)


@pytest.mark.parametrize("device", ["/dev/video99", "/nowhere/clip.avi", UsbIdentity(0xFFFE, 0xFFFE)])
def test_a_camera_that_is_not_there_is_lost_and_looked_for(
    device: UsbIdentity | str, open_camera: Open, inbox: Inbox
) -> None:
    camera = open_camera(OpenCvSettings(device))
    inbox.wait_lost()
    with pytest.raises(DeviceLost):
        camera.latest()


def test_a_camera_named_by_its_link_is_opened_by_what_the_link_points_to(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    monkeypatch.setattr(Path, "resolve", lambda self: Path("/dev/video7") if "by-id" in str(self) else self)
    monkeypatch.setattr(cv2, "VideoCapture", lambda *arguments: opened.append(arguments) or video_capture())
    video_capture = type("Closed", (), {"isOpened": lambda _: False, "release": lambda _: None})
    with pytest.raises(DeviceLost, match="by-id/usb-camera"):
        OpenCvSource(OpenCvSettings("/dev/v4l/by-id/usb-camera")).open()
    assert opened == [("/dev/video7", cv2.CAP_V4L2)]


def test_a_file_that_is_no_video_is_lost(tmp_path: Path, open_camera: Open, inbox: Inbox) -> None:
    (tmp_path / "clip.avi").write_bytes(b"no video")
    open_camera(OpenCvSettings(str(tmp_path / "clip.avi")))
    assert "cannot be opened" in inbox.wait_lost().detail


class Stream:
    """A stream with a clock of its own: a picture every ``period_s``, kept until it is taken, as sockets do."""

    def __init__(self, period_s: float, grab_s: float) -> None:
        self.now = 100.0
        self.taken = 0
        self._period_s, self._grab_s = period_s, grab_s

    @property
    def exposed(self) -> int:
        """Pictures that there were so far."""
        return int((self.now - 100.0) / self._period_s)

    def monotonic(self) -> float:
        return self.now

    def grab(self) -> bool:
        self.taken += 1
        self.now = max(self.now + self._grab_s, 100.0 + self.taken * self._period_s)
        return True


@pytest.mark.parametrize("period_s", [1 / 60, 1 / 25, 1 / 5])
@pytest.mark.parametrize("away_s", [0.0, 0.3, 1.5])
def test_pictures_that_waited_while_nobody_read_are_passed_over(
    period_s: float, away_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream, pace = Stream(period_s, grab_s=0.002), opencv._StreamPace()
    monkeypatch.setattr(opencv, "time", stream)
    for _ in range(30):
        assert pace.grab_fresh(stream)  # type: ignore[arg-type]
    for _ in range(5):
        stream.now += away_s
        exposed = stream.exposed
        assert pace.grab_fresh(stream)  # type: ignore[arg-type]
        assert stream.taken > exposed
        assert stream.taken <= exposed + 2 + away_s / period_s / 8  # the pace is not known to the millisecond


def test_a_stream_that_waited_for_very_long_is_not_read_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    stream, pace = Stream(1 / 25, grab_s=0.02), opencv._StreamPace()
    monkeypatch.setattr(opencv, "time", stream)
    for _ in range(30):
        pace.grab_fresh(stream)  # type: ignore[arg-type]
    stream.now += 60
    began = stream.now
    assert pace.grab_fresh(stream)  # type: ignore[arg-type]
    assert stream.now - began < 2 * opencv.CATCH_UP_S
