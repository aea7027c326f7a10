"""Calibrating step by step: good frames are kept, others refused with the reason, and it can be gone on with later."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from calibration.correct import Corrector
from calibration.guided import STEPS, Guide
from calibration.store import CalibrationStore
from calibration.targets import make_target
from inspection.errors import CalibrationError
from inspection.frame import Pixels
from tests.calibration.scenes import Camera, look_at, photograph

BOARD = make_target("charuco")
CAMERA = Camera.of(820.0, (-0.12, 0.03, 0.0005, -0.0005, 0.0), (960, 720))
WHO = {"camera_id": "cam", "view": "top", "by": "tech-1", "settings_digest": "a" * 16}
TILTS = [(-28, 5), (28, -5), (5, 28), (-5, -28), (22, 22), (-22, 22), (22, -22), (-22, -22)]


def boards() -> Iterator[Pixels]:
    """The board held differently each time."""
    for index, tilt in enumerate(TILTS):
        shift = ((index % 3 - 1) * 40.0, (index // 3 - 1) * 30.0)
        yield photograph(CAMERA, BOARD, look_at(BOARD, 330.0, tilt, 20.0 * index, shift), seed=index)


def on_the_table(seed: int = 0, turn: float = 0.0, shift: tuple[float, float] = (0.0, 0.0)) -> Pixels:
    return photograph(CAMERA, BOARD, look_at(BOARD, 400.0, (12, 0), turn, shift), seed=seed)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the kept frames of a lens."""
    folder = tmp_path_factory.mktemp("guided") / "lens"
    guide = Guide("lens", folder, BOARD, CAMERA.size)
    looks = [guide.look(board) for board in boards()]
    assert [look.kept for look in looks] == [True] * len(TILTS), [look.reason for look in looks]
    assert all(len(look.points_px) for look in looks)
    return folder


def test_a_lens_is_solved_from_the_frames_that_were_kept_before_a_break(kept: Path, tmp_path: Path) -> None:
    guide, store = Guide("lens", kept, BOARD, CAMERA.size), CalibrationStore(tmp_path)
    assert guide.count == len(TILTS)
    assert guide.solvable
    assert guide.coverage is not None
    assert guide.coverage.share > 0.4
    guide.solve(store, **WHO)
    (path,) = tmp_path.rglob("top.json")
    assert path == store.path("cam", "top")
    lens = store.find("cam", "top", _now()).record
    assert lens is not None
    assert lens.lens is not None
    assert lens.lens.camera_matrix[0][0] == pytest.approx(820.0, rel=0.01)
    assert len(lens.lens.made.frames) >= STEPS["lens"].least


def test_the_same_pose_is_refused_also_after_a_break(kept: Path) -> None:
    again = Guide("lens", kept, BOARD, CAMERA.size).look(next(boards()))
    assert (again.kept, again.reason) == (False, "same_pose")


def test_frames_that_show_nothing_or_have_another_size_are_refused(tmp_path: Path) -> None:
    guide = Guide("lens", tmp_path / "lens", BOARD, CAMERA.size)
    assert guide.look(np.full((720, 960, 3), 90, np.uint8)).reason == "no_target"
    assert guide.look(np.full((480, 640, 3), 90, np.uint8)).reason == "other_size"
    assert (guide.count, guide.solvable) == (0, False)
    with pytest.raises(CalibrationError) as caught:
        guide.solve(CalibrationStore(tmp_path / "store"), **WHO)
    assert caught.value.code == "calibration.too_few_frames"


def test_a_table_is_taken_when_asked_for_and_solved_with_the_lens(kept: Path, tmp_path: Path) -> None:
    store = CalibrationStore(tmp_path / "store")
    Guide("lens", kept, BOARD, CAMERA.size).solve(store, **WHO)
    guide = Guide("plane", tmp_path / "plane", BOARD, CAMERA.size)
    frame = on_the_table()
    assert guide.look(frame).reason == "ready"
    assert guide.count == 0
    assert guide.look(frame, take=True).kept
    assert guide.look(frame, take=True).reason == "same_pose"
    assert guide.look(on_the_table(1, 35.0, (25.0, 10.0)), take=True).kept
    said = guide.solve(store, **WHO)
    assert said["rms_mm"] < 0.4
    assert said["mm_per_px"]["centre"] == pytest.approx(400 / 820, rel=0.03)
    record = store.find("cam", "top", _now()).record
    assert record is not None
    assert set(record.parts()) == {"lens", "plane"}
    assert Corrector(record)(frame).shape == frame.shape


def test_a_colour_chart_is_taken_though_it_has_few_corners(tmp_path: Path) -> None:
    chart = make_target("colour")
    picture = photograph(CAMERA, chart, look_at(chart, 420.0, (4, 0)))
    guide, store = Guide("colour", tmp_path / "colour", chart, CAMERA.size), CalibrationStore(tmp_path / "store")
    assert guide.look(picture).reason == "ready"
    assert [guide.look(picture, take=True).kept for _ in range(2)] == [True, True]
    assert Guide("colour", tmp_path / "colour", chart, CAMERA.size).count == 2
    assert guide.solve(store, **WHO)["delta_e_after"] < 2


def test_starting_again_forgets_the_frames(tmp_path: Path) -> None:
    guide = Guide("flat", tmp_path / "flat", None, (320, 240))
    sheet = np.full((240, 320, 3), 190, np.uint8)
    assert guide.look(sheet).reason == "ready"
    assert guide.look(sheet, take=True).kept
    assert Guide("flat", tmp_path / "flat", None, (320, 240)).count == 1
    guide.restart()
    assert guide.count == Guide("flat", tmp_path / "flat", None, (320, 240)).count == 0


def sheet(seed: int, level: float = 190.0) -> Pixels:
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-1:1:240j, -1:1:320j]
    even = level * (1 - 0.12 * (x**2 + y**2))[:, :, None] + rng.normal(0, 1.0, (240, 320, 3))
    return np.clip(np.rint(even), 0, 255).astype(np.uint8)


def test_parts_of_light_belong_to_the_camera_settings_they_were_made_with(tmp_path: Path) -> None:
    store = CalibrationStore(tmp_path / "store")

    def calibrate(settings_digest: str, level: float = 190.0) -> None:
        guide = Guide("flat", tmp_path / settings_digest, None, (320, 240))
        for seed in range(3):
            assert guide.look(sheet(seed, level), take=True).kept
        guide.solve(store, **{**WHO, "settings_digest": settings_digest})

    calibrate("a" * 16)
    first = store.find("cam", "top", _now(), settings_digest="a" * 16)
    assert (first.problems, first.record is not None and first.record.flat is not None) == ((), True)
    with pytest.raises(CalibrationError):
        calibrate("b" * 16, level=20.0)
    still = store.find("cam", "top", _now(), settings_digest="a" * 16)
    assert still.record == first.record
    assert not still.problems
    calibrate("c" * 16)
    now = store.find("cam", "top", _now(), settings_digest="c" * 16)
    assert not now.problems
    assert now.record is not None
    assert now.record.settings_digest == "c" * 16


def test_steady_light_is_measured_of_frames_in_a_row(tmp_path: Path) -> None:
    guide, store = Guide("light", tmp_path / "light", None, (320, 240)), CalibrationStore(tmp_path / "store")
    assert guide.take_row([sheet(seed, 120 + 2 * (seed % 2)) for seed in range(3)], 15.0).kept
    assert (guide.count, guide.solvable) == (3, False)
    assert guide.take_row([sheet(seed, 120 + 2 * (seed % 2)) for seed in range(12)], 15.0).kept
    assert guide.count == 12, "frames of an earlier row were mixed in"
    said = Guide("light", tmp_path / "light", None, (320, 240)).solve(store, **WHO)
    assert said["flicker"] == pytest.approx(0.035, abs=0.01)
    assert said["beat_hz"] == pytest.approx(7.5, abs=0.2)
    assert guide.take_row([np.zeros((480, 640, 3), np.uint8)] * 9, None).reason == "other_size"


def test_a_frame_that_cannot_be_kept_is_told(tmp_path: Path) -> None:
    (tmp_path / "flat").write_text("a file where the folder should be")
    guide = Guide("flat", tmp_path / "flat", None, (320, 240))
    with pytest.raises(CalibrationError) as caught:
        guide.look(sheet(1), take=True)
    assert (caught.value.code, guide.count) == ("calibration.write", 0)


def _now() -> datetime:
    return datetime.now(UTC)
