"""The replay camera shows a folder as it is at every moment."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from devices.camera.base import Camera
from devices.camera.replay import FolderSource, decode_picture, replay_camera
from devices.camera.source import CameraSettings
from devices.simulators import SimulatedBench
from inspection.errors import DeviceLost
from tests.devices.conftest import Inbox
from tests.devices.subjects.camera import picture, video

Play = Callable[[Path], Camera]


@pytest.fixture
def play(inbox: Inbox) -> Iterator[Play]:
    cameras = []

    def start(path: Path) -> Camera:
        cameras.append(replay_camera(CameraSettings("cam", "top", period_s=0.02), path))
        cameras[-1].start(inbox)
        return cameras[-1]

    yield start
    for camera in cameras:
        camera.stop()


def shown(camera: Camera) -> int:
    return int(camera.frame_after(time.monotonic_ns(), 5).pixels[0, 0, 0])


def test_the_pictures_come_in_the_order_of_their_names_over_and_over(tmp_path: Path) -> None:
    for name, value in (("c.png", 30), ("a.png", 10), ("b.png", 20)):
        picture(tmp_path / name, value)
    source = FolderSource(tmp_path)
    source.open()
    values = [int(pixels[0, 0, 0]) for pixels in (source.read() for _ in range(7)) if pixels is not None]
    assert values == [10, 20, 30, 10, 20, 30, 10]


def test_pictures_put_in_and_taken_out_while_playing_are_seen(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", 10)
    picture(tmp_path / "c.png", 30)
    source = FolderSource(tmp_path)
    source.open()
    source.read()
    picture(tmp_path / "b.png", 20)
    assert source.read()[0, 0, 0] == 20  # type: ignore[index]
    (tmp_path / "c.png").unlink()
    assert source.read()[0, 0, 0] == 10  # type: ignore[index]


def test_a_picture_added_within_the_clock_tick_of_the_last_look_is_seen(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", 10)
    source = FolderSource(tmp_path)
    source.open()
    listed = tmp_path.stat()
    picture(tmp_path / "b.png", 20)
    os.utime(tmp_path, ns=(listed.st_atime_ns, listed.st_mtime_ns))  # as if the clock had not moved
    shown_values = {int(pixels[0, 0, 0]) for pixels in (source.read() for _ in range(3)) if pixels is not None}
    assert shown_values == {10, 20}


def test_a_frame_asked_for_after_a_swap_never_shows_the_old_picture(
    bench: SimulatedBench, tmp_path: Path, play: Play
) -> None:
    pictures = [picture(tmp_path / f"{value}.png", value) for value in (10, 200)]
    bench.show("top", pictures[0])
    camera = play(bench.folder / "cameras" / "top")
    for turn in range(1, 40):
        bench.show("top", pictures[turn % 2])
        assert shown(camera) == (10, 200)[turn % 2]


def test_other_files_and_files_being_written_are_not_shown(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", 10)
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / ".b.png").write_bytes(b"half a pict")
    source = FolderSource(tmp_path)
    assert source.open().detail == f"replays {tmp_path.name}, 1 pictures"
    assert all(source.read() is not None for _ in range(3))


def test_a_picture_that_cannot_be_decoded_is_counted_and_the_others_shown(tmp_path: Path, play: Play) -> None:
    picture(tmp_path / "a.png", 10)
    (tmp_path / "b.png").write_bytes(b"no picture at all")
    (tmp_path / "c.png").write_bytes(b"")
    camera = play(tmp_path)
    for _ in range(5):
        assert shown(camera) == 10
    assert camera.undecodable >= 2
    assert camera.status.connected


def test_an_empty_folder_is_an_unplugged_camera(tmp_path: Path, play: Play, inbox: Inbox) -> None:
    camera = play(tmp_path)
    assert "no pictures" in inbox.wait_lost().detail
    with pytest.raises(DeviceLost, match="no pictures"):
        camera.latest()
    picture(tmp_path / "a.png", 10)
    inbox.wait_connected()
    assert shown(camera) == 10


def test_a_missing_folder_is_told_by_its_name(tmp_path: Path, play: Play, inbox: Inbox) -> None:
    play(tmp_path / "nowhere")
    assert f"{tmp_path / 'nowhere'} is not there" in inbox.wait_lost().detail


def test_a_single_picture_can_be_played(tmp_path: Path, play: Play) -> None:
    assert shown(play(picture(tmp_path / "only.png", 77))) == 77


def test_a_video_is_played_over_and_over(tmp_path: Path, play: Play) -> None:
    camera = play(video(tmp_path / "clip.avi", frames=4))
    seen = [shown(camera) for _ in range(12)]
    assert max(seen) > 40
    assert seen.count(min(seen)) > 1
    assert [b < a for a, b in pairwise(seen)].count(True) >= 2


def test_a_video_that_is_none_is_told(tmp_path: Path, play: Play, inbox: Inbox) -> None:
    (tmp_path / "clip.avi").write_bytes(b"no video")
    play(tmp_path / "clip.avi")
    assert "no video that can be decoded" in inbox.wait_lost().detail


def test_a_picture_is_decoded_once_and_again_when_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = []

    def counting(data: bytes) -> object:
        decoded.append(len(data))
        return decode_picture(data)

    monkeypatch.setattr("devices.camera.replay.decode_picture", counting)
    picture(tmp_path / "a.png", 10)
    source = FolderSource(tmp_path)
    source.open()
    first = source.read()
    assert source.read() is first
    assert len(decoded) == 1
    picture(tmp_path / "b.png", 20).replace(tmp_path / "a.png")
    second = source.read()
    assert second is not None
    assert second[0, 0, 0] == 20
    assert len(decoded) == 2


def test_pictures_are_bgr_and_cannot_be_painted_over(tmp_path: Path) -> None:
    blue = np.zeros((4, 4, 3), np.uint8)
    blue[..., 0] = 255
    assert cv2.imwrite(str(tmp_path / "blue.png"), blue)
    pixels = decode_picture((tmp_path / "blue.png").read_bytes())
    assert pixels is not None
    assert tuple(pixels[0, 0]) == (255, 0, 0)
    with pytest.raises(ValueError, match="read-only"):
        pixels[0, 0] = 0


def test_the_memory_of_decoded_pictures_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("devices.camera.replay.CACHE_BYTES", 3 * 48 * 64 * 3)
    for index in range(10):
        picture(tmp_path / f"{index}.png", index)
    source = FolderSource(tmp_path)
    source.open()
    for _ in range(25):
        assert source.read() is not None
    assert len(source._cache) == 3
