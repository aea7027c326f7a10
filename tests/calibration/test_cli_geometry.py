"""The commands that solve lens and plane from pictures."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from calibration.store import load_record, save_record
from calibration.targets import make_target, target_json
from tests.calibration.pictures import exif_with
from tests.calibration.program import call
from tests.calibration.records import NOW, light, record
from tests.calibration.scenes import Camera, look_at, photograph

SIZE = (960, 540)
BOARD = make_target("charuco")


def run(*words: object) -> tuple[int, dict[str, Any]]:
    """Exit code and the one JSON object a command prints."""
    code, printed = call(*words)
    return code, json.loads(printed)


@pytest.fixture(scope="module")
def camera() -> Camera:
    return Camera.of(820, (-0.2, 0.05, 0.0004, -0.0003, 0.0), SIZE)


@pytest.fixture(scope="module")
def pictures(camera: Camera, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``lens`` and ``table``: folders of pictures; ``board.json``: the target."""
    root = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(4)
    for name, count in (("lens", 9), ("table", 1)):
        (root / name).mkdir()
        for index in range(count):
            tilt = (6, -4) if name == "table" else tuple(rng.uniform(-35, 35, 2))
            shift = (0, 0) if name == "table" else tuple(rng.uniform(-90, 90, 2) * (1, 0.5))
            pose = look_at(BOARD, 480, tilt, float(rng.uniform(-80, 80)), shift)
            cv2.imwrite(str(root / name / f"{index}.png"), photograph(camera, BOARD, pose, seed=index, jpeg=None))
    (root / "lens" / "broken.jpg").write_bytes(b"no picture")
    (root / "lens" / "notes.txt").write_text("not looked at")
    cv2.imwrite(str(root / "lens" / "empty.png"), np.full((SIZE[1], SIZE[0], 3), 80, np.uint8))
    cv2.imwrite(str(root / "lens" / "small.png"), np.full((48, 64, 3), 80, np.uint8))
    (root / "board.json").write_text(target_json(BOARD))
    return root


def test_lens_then_plane_fill_one_record(camera: Camera, pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "top.json"
    names = ("--camera-id", "cam-1", "--view", "top", "--by", "p7")

    code, lens = run("lens", "--frames", pictures / "lens", "--target", pictures / "board.json", "--out", out, *names)
    assert code == 0, lens
    assert lens["rms_px"] < 0.3
    assert lens["camera_matrix"][0][0] == pytest.approx(camera.matrix[0, 0], rel=0.005)
    assert lens["accepted"] == 9
    refused = {frame["name"]: frame["reason"] for frame in lens["frames"] if not frame["accepted"]}
    assert refused == {"broken.jpg": "unreadable", "small.png": "other_size", "empty.png": "no_target"}

    code, plane = run("plane", "--frames", pictures / "table", "--target", pictures / "board.json", "--out", out)
    assert code == 0, plane
    assert plane["with_lens"]
    assert plane["rms_mm"] < 0.2
    assert plane["mm_per_px"]["centre"] == pytest.approx(480 / 820, rel=0.01)

    saved = load_record(out)
    assert (saved.record.camera_id, saved.record.view, saved.version) == ("cam-1", "top", 2)
    assert saved.record.parts().keys() == {"lens", "plane"}
    assert saved.record.calibration_id == plane["calibration_id"]
    assert saved.record.lens is not None
    assert saved.record.lens.made.by == "p7"
    assert len(saved.record.lens.made.frames) == 9


def test_another_lens_leaves_other_parts_but_the_plane_expires(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "top.json"
    lens = ("lens", "--frames", pictures / "lens", "--target", pictures / "board.json", "--out", out)
    plane = ("plane", "--frames", pictures / "table", "--target", pictures / "board.json", "--out", out)
    old = record("unnamed", "view", light=light())
    old = old.model_copy(update={"width": SIZE[0], "height": SIZE[1], "lens": None})
    save_record(out, old, by="p7", at=NOW, software="0.1.0")
    assert run(*plane)[0] == 0

    code, said = run(*lens)

    assert code == 0
    assert said["to_renew"] == ["plane"]
    after = load_record(out).record
    assert after.light == old.light
    assert after.plane is not None
    assert after.plane.expired(datetime.now(UTC))


@pytest.mark.parametrize("command", ["lens", "plane"])
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"--frames": "nowhere"}, "calibration.frames"),
        ({"--target": "nowhere.json"}, "calibration.target"),
        ({"--out": "other-size.json"}, "calibration.other_resolution"),
        ({"--out": "half.json"}, "calibration.half_written"),
        ({"--out": "board.json/top.json"}, "calibration.unreadable"),
        ({"--camera-id": "../x"}, "calibration.name"),
    ],
    ids=lambda value: "" if isinstance(value, dict) else value,
)
def test_what_is_wrong_is_one_json_object_and_exit_code_2(
    command: str, change: dict[str, str], code: str, pictures: Path
) -> None:
    save_record(pictures / "other-size.json", record(), by="p7", at=NOW, software="0.1.0")
    (pictures / "half.json").write_bytes(b'{"format":1')
    options = {"--frames": "table", "--target": "board.json", "--out": "new.json", "--camera-id": "cam-1"}
    words = [
        word
        for name, value in (options | change).items()
        for word in (name, value if name == "--camera-id" else pictures / value)
    ]

    exit_code, said = run(command, *words)

    assert (exit_code, said["error"]) == (2, code)
    assert said["message"]
    assert not (pictures / "new.json").exists()


def test_pictures_without_the_target_say_why(tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    for index in range(3):
        cv2.imwrite(str(tmp_path / "frames" / f"{index}.png"), np.full((540, 960, 3), 80 + index, np.uint8))
    (tmp_path / "board.json").write_text(target_json(BOARD))
    for command in ("lens", "plane"):
        words = ("--frames", tmp_path / "frames", "--target", tmp_path / "board.json", "--out", tmp_path / "o.json")
        code, said = run(command, *words)
        assert (code, said["error"]) == (2, "calibration.no_target")
        assert "3 no_target" in said["message"]


def test_one_picture_of_another_size_and_half_a_picture_are_left_out(pictures: Path, tmp_path: Path) -> None:
    frames = tmp_path / "中文 frames"
    frames.mkdir()
    for index in range(8):
        data = (pictures / "lens" / f"{index}.png").read_bytes()
        (frames / f"{index} 号.png").write_bytes(data if index else data[: len(data) // 2])
    cv2.imwrite(str(frames / "0.png"), np.full((48, 64, 3), 80, np.uint8))
    words = ("--frames", frames, "--target", pictures / "board.json", "--out", tmp_path / "o.json")
    code, said = run("lens", *words)
    assert (code, said["accepted"]) == (0, 7)
    refused = {one["name"]: one["reason"] for one in said["frames"] if not one["accepted"]}
    assert refused == {"0.png": "other_size", "0 号.png": "unreadable"}


def test_frames_of_a_phone_are_taken_as_its_sensor_has_them(pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    for index in range(8):
        sideways = exif_with(orientation=(1, 3, 6, 8)[index % 4])
        frame = cv2.imread(str(pictures / "lens" / f"{index}.png"))
        cv2.imwriteWithMetadata(str(tmp_path / "frames" / f"{index}.jpg"), frame, [cv2.IMAGE_METADATA_EXIF], [sideways])
    words = ("--frames", tmp_path / "frames", "--target", pictures / "board.json", "--out", tmp_path / "o.json")
    code, said = run("lens", *words)
    assert (code, said["accepted"]) == (0, 8)
    assert said["rms_px"] < 0.2


def test_frames_too_small_for_a_camera_are_refused(pictures: Path, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "one.png"), np.zeros((8, 8, 3), np.uint8))
    words = ("--frames", tmp_path, "--target", pictures / "board.json", "--out", tmp_path / "o.json")
    code, said = run("lens", *words)
    assert (code, said["error"]) == (2, "calibration.picture")


def test_a_target_may_be_named_by_the_sheet_itself(pictures: Path, tmp_path: Path) -> None:
    assert run("target", "--kind", "charuco", "--out", tmp_path)[0] == 0
    for ending in ("pdf", "png"):
        words = ("--frames", pictures / "table", "--target", tmp_path / f"charuco-A4.{ending}")
        assert run("plane", *words, "--out", tmp_path / "o.json")[0] == 0


def test_the_lens_cannot_be_solved_from_a_card(pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "card.json").write_text(target_json(make_target("card")))
    words = ("--frames", pictures / "lens", "--target", tmp_path / "card.json", "--out", tmp_path / "o.json")
    code, said = run("lens", *words)
    assert (code, said["error"]) == (2, "calibration.target")


def test_a_target_is_written_as_pdf_png_and_description(tmp_path: Path) -> None:
    code, said = run("target", "--kind", "card", "--paper", "A4", "--out", tmp_path / "new" / "folder")
    assert code == 0
    assert sorted(said["files"]) == ["json", "pdf", "png"]
    assert all(Path(path).stat().st_size > 100 for path in said["files"].values())


@pytest.mark.parametrize("words", [("--kind", "poster"), ("--kind", "card", "--paper", "B7")])
def test_a_target_that_does_not_exist_is_refused(words: tuple[str, ...], tmp_path: Path) -> None:
    code, said = run("target", *words, "--out", tmp_path)
    assert (code, said["error"]) == (2, "calibration.target")
