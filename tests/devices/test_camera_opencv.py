"""The OpenCV driver on a video file, the one camera that every machine has."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devices.camera.base import Camera, CameraSettings
from devices.camera.opencv import OpenCvSettings, OpenCvSource, opencv_camera
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


def test_a_file_that_is_no_video_is_lost(tmp_path: Path, open_camera: Open, inbox: Inbox) -> None:
    (tmp_path / "clip.avi").write_bytes(b"no video")
    open_camera(OpenCvSettings(str(tmp_path / "clip.avi")))
    assert "cannot be opened" in inbox.wait_lost().detail
