"""What a camera delivered is kept to the last bit, and looked at again as it was then."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from devices.camera.config import OpenCvCameraConfig
from devices.camera.replay import FolderSource, decode_picture
from devices.camera.simulator import SimulatedCamera, default_scene
from devices.camera.stillness import StillnessSettings
from devices.camera.watchdog import FrameFault, WatchdogSettings
from devices.tools.picture_recording import INDEX, PictureRecorder, judge_again, read_pictures
from devices.tools.recording import RecordingError
from inspection.frame import Pixels
from tests.devices.conftest import PATIENCE_S, Inbox
from tests.devices.test_pseudo_port import wait_until

NOISE = np.random.default_rng(5)


def picture(level: int = 100) -> Pixels:
    return np.clip(NOISE.normal(level, 3, (48, 64, 3)), 0, 255).astype(np.uint8)


def recorded(folder: Path, pictures: list[Pixels | None]) -> Path:
    with PictureRecorder(folder, camera="camera-top", view="top") as made:
        for number, pixels in enumerate(pictures):
            wait_until(lambda: made._waiting.qsize() < 8, PATIENCE_S)
            problem = "" if pixels is not None else "nothing that can be decoded"
            made.picture(pixels, made._began_ns + number * 40_000_000, problem, still=number > 1)
        made.note("camera-top: lost")
    assert made.left_out == 0
    return folder


def test_every_picture_comes_back_with_its_time_and_to_the_last_bit(tmp_path: Path) -> None:
    pictures = [picture(), picture(), None, picture()]
    folder = recorded(tmp_path / "r", pictures)
    shown = read_pictures(folder)
    assert [each.t_s for each in shown] == [0.0, 0.04, 0.08, 0.12]
    assert [each.file for each in shown] == ["000001.png", "000002.png", None, "000003.png"]
    assert [each.still for each in shown] == [False, False, True, True]
    read = [decode_picture((folder / each.file).read_bytes()) for each in shown if each.file is not None]
    good = [pixels for pixels in pictures if pixels is not None]
    assert all(np.array_equal(one, other) for one, other in zip(read, good, strict=True))  # type: ignore[arg-type]


def test_the_replay_camera_shows_the_folder(tmp_path: Path) -> None:
    pictures = [picture(), picture()]
    source = FolderSource(recorded(tmp_path / "r", [*pictures]))
    source.open()
    shown = [source.read() for _ in pictures]
    assert all(np.array_equal(one, other) for one, other in zip(shown, pictures, strict=True))  # type: ignore[arg-type]


def test_a_recording_is_looked_at_again(tmp_path: Path) -> None:
    still = [picture() for _ in range(4)]
    folder = recorded(tmp_path / "r", [*still, still[3], None, picture(0), picture(180)])
    found = [(problem, lay) for _, problem, lay in judge_again(folder, WatchdogSettings(), StillnessSettings())]
    assert found[:4] == [("", False), ("", False), ("", True), ("", True)]
    assert [problem for problem, _ in found[4:]] == [
        FrameFault.FROZEN.words,
        "nothing that can be decoded",
        FrameFault.BLACK.words,
        "",
    ]


def test_a_recording_is_never_written_over(tmp_path: Path) -> None:
    recorded(tmp_path / "r", [])
    with pytest.raises(RecordingError, match="exists"):
        PictureRecorder(tmp_path / "r", camera="c", view="top")


def test_a_recording_that_was_cut_off_is_good_up_to_its_last_whole_line(tmp_path: Path) -> None:
    folder = recorded(tmp_path / "r", [picture(), picture()])
    index = folder / INDEX
    lines = index.read_text(encoding="utf-8").splitlines(keepends=True)
    index.write_text("".join(lines[:2]) + lines[2][:-5], encoding="utf-8")
    assert [each.file for each in read_pictures(folder)] == ["000001.png"]


@pytest.mark.parametrize(
    "content", ["", "x\n", "{}\n", "[1]\n", '{"recording": 9}\n', '{"recording": 1}\n{"problem": 1}\n']
)
def test_what_is_no_recording_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / INDEX).write_text(content, encoding="utf-8")
    with pytest.raises(RecordingError):
        read_pictures(tmp_path)
    with pytest.raises(RecordingError, match="no recording"):
        read_pictures(tmp_path / "none")


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_bytes(b"x")])
def test_a_picture_that_is_missing_or_damaged_is_named(tmp_path: Path, spoil: Callable[[Path], object]) -> None:
    folder = recorded(tmp_path / "r", [picture()])
    spoil(folder / "000001.png")
    with pytest.raises(RecordingError, match=r"000001\.png"):
        list(judge_again(folder, WatchdogSettings(), StillnessSettings()))


def test_a_file_outside_the_recording_is_not_opened(tmp_path: Path) -> None:
    folder = recorded(tmp_path / "r", [picture()])
    (tmp_path / "secret.png").write_bytes((folder / "000001.png").read_bytes())
    index = folder / INDEX
    index.write_text(index.read_text(encoding="utf-8").replace("000001.png", "../secret.png"), encoding="utf-8")
    with pytest.raises(RecordingError, match="missing"):
        list(judge_again(folder, WatchdogSettings(), StillnessSettings()))


def test_when_the_disk_does_not_keep_up_pictures_are_left_out_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = PictureRecorder(tmp_path / "r", camera="c", view="top")
    wait_until(made._waiting.empty, PATIENCE_S)
    monkeypatch.setattr("devices.tools.picture_recording.PictureRecorder._write", lambda *_: time.sleep(0.02))
    for _ in range(60):
        made.picture(picture(), time.monotonic_ns(), "", still=True)
    made.close()
    assert made.left_out > 0
    assert len(read_pictures(tmp_path / "r")) == 60 - made.left_out


def test_a_network_camera_is_recorded_with_what_was_wrong_with_it(tmp_path: Path, inbox: Inbox) -> None:
    with SimulatedCamera(default_scene(160, 120), fps=25) as simulator:
        config = {"id": "dut", "view": "top", "driver": "opencv", "url": simulator.url}
        camera = OpenCvCameraConfig.model_validate(config).build()
        with PictureRecorder(tmp_path / "r", camera="dut", view="top") as recorder:
            camera.tap = recorder
            camera.start(inbox)
            try:
                camera.frame_after(0, PATIENCE_S)
                simulator.faults.black = True
                wait_until(lambda: camera.faults[FrameFault.BLACK] > 0, PATIENCE_S)
            finally:
                camera.stop()
    shown = read_pictures(tmp_path / "r")
    assert {each.problem for each in shown} >= {"", FrameFault.BLACK.words}
    assert any(each.still for each in shown)
    assert json.loads((tmp_path / "r" / INDEX).read_text(encoding="utf-8").splitlines()[0])["camera"] == "dut"
