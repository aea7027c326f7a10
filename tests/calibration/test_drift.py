"""Drift between checks: what changed is caught by the next capture, what did not is left alone."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from calibration.background import solve_background
from calibration.drift import DriftWatch
from calibration.moves import LANGUAGES, SENTENCES
from calibration.record import CalibrationRecord
from inspection.errors import CalibrationError
from inspection.frame import Pixels
from tests.calibration import known
from tests.calibration.records import made
from tests.calibration.response import Floats, Response, mat, random_shading

SIZE = (960, 540)
MM_PER_PX = 0.4
ROOM = 100
TABLE = mat(np.random.default_rng(1), (SIZE[0] + 2 * ROOM, SIZE[1] + 2 * ROOM))
CAMERA = Response(np.eye(3) * 2, random_shading(np.random.default_rng(2), SIZE), noise=0.006, jpeg=90)
SHIFTS = ((0.0, 3.0), (2.1, -2.1), (-3.0, 0.0))


def seen_from(dx_mm: float = 0, dy_mm: float = 0, turn: float = 0, zoom: float = 1) -> Floats:
    """The table by a camera that was moved."""
    motion = cv2.getRotationMatrix2D(((SIZE[0] - 1) / 2, (SIZE[1] - 1) / 2), turn, zoom)
    motion[:, 2] += np.array([dx_mm, dy_mm]) / MM_PER_PX - motion[:, :2] @ [ROOM, ROOM]
    return cv2.warpAffine(TABLE, motion, SIZE, flags=cv2.INTER_CUBIC)


def record_of(scene: Floats, plane: bool = True) -> CalibrationRecord:
    rng = np.random.default_rng(3)
    background = solve_background({str(index): CAMERA.picture(scene, rng) for index in range(6)}).part(made())
    parts = {"background": background} | ({"plane": known.plane(SIZE, MM_PER_PX)} if plane else {})
    return known.record(SIZE, **parts)


@pytest.fixture(scope="module")
def watch() -> DriftWatch:
    return DriftWatch.of(record_of(seen_from()))


def capture(scene: Floats, response: Response = CAMERA, blur_px: float = 0.6, seed: int = 9) -> Pixels:
    return response.picture(scene, np.random.default_rng(seed), blur_px)


def with_item(scene: Floats, place: tuple[int, int], shadow: float = 0.5) -> tuple[Floats, np.ndarray]:
    """A bright box on the table with its soft shadow, and the box's mask."""
    mask = np.zeros(SIZE[::-1], np.uint8)
    cv2.rectangle(mask, place, (place[0] + 320, place[1] + 200), (255,), -1)
    dark = np.roll(cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), 25), 40, axis=1)
    lit = scene * (1 - shadow * dark)[..., None]
    stripes = 0.5 + 0.3 * np.sin(np.arange(SIZE[0]) / 5)[None, :, None]
    return np.where(mask[..., None] > 0, stripes * [0.8, 0.4, 0.3], lit), mask


def test_an_unchanged_station_has_not_drifted(watch: DriftWatch) -> None:
    for seed in range(4):
        drift = watch(capture(seen_from(), seed=seed))
        assert drift.codes == ()
        assert drift.light == pytest.approx(1, abs=0.01)
        assert drift.shift_mm is not None
        assert drift.shift_mm < 0.05
        assert drift.focus == pytest.approx(1, abs=0.06)


@pytest.mark.parametrize("factor", [0.6, 0.8, 1.25])
def test_light_that_changed_is_caught_and_measured(watch: DriftWatch, factor: float) -> None:
    drift = watch(capture(seen_from(), CAMERA.level(factor)))
    assert drift.codes == ("exposure",)
    assert drift.light == pytest.approx(factor, rel=0.03)


def test_light_of_another_colour_is_caught(watch: DriftWatch) -> None:
    warm = Response(np.diag([2.3, 2.0, 1.7]), CAMERA.shading, noise=0.006)
    assert watch(capture(seen_from(), warm)).codes == ("colour",)


@pytest.mark.parametrize("shift", SHIFTS)
def test_a_camera_that_moved_by_three_millimetres_is_caught_and_measured(
    watch: DriftWatch, shift: tuple[float, float]
) -> None:
    drift = watch(capture(seen_from(*shift)))
    assert drift.codes == ("shift",)
    assert drift.shift_mm == pytest.approx(np.hypot(*shift), abs=0.15)


def test_a_camera_that_moved_far_is_caught(watch: DriftWatch) -> None:
    drift = watch(capture(seen_from(30, -20)))
    assert drift.codes[0] in {"shift", "view"}


@pytest.mark.parametrize(("turn", "zoom"), [(1.0, 1.0), (0.0, 1.02)])
def test_a_camera_that_turned_or_came_nearer_is_caught(watch: DriftWatch, turn: float, zoom: float) -> None:
    assert "shift" in watch(capture(seen_from(turn=turn, zoom=zoom))).codes


@pytest.mark.parametrize("blur_px", [2.0, 3.0, 5.0])
def test_a_lens_out_of_focus_is_caught(watch: DriftWatch, blur_px: float) -> None:
    drift = watch(capture(seen_from(), blur_px=blur_px))
    assert drift.codes == ("focus",)
    assert drift.focus is not None
    assert drift.focus < 0.7


def test_another_view_is_called_so(watch: DriftWatch) -> None:
    other = mat(np.random.default_rng(77), SIZE)
    assert "view" in watch(capture(other)).codes


@pytest.mark.parametrize("place", [(60, 40), (330, 180), (600, 320)])
def test_an_item_and_its_shadow_are_no_drift(watch: DriftWatch, place: tuple[int, int]) -> None:
    scene, mask = with_item(seen_from(), place)
    assert watch(capture(scene), mask).codes == ()


def test_drift_is_caught_beside_an_item(watch: DriftWatch) -> None:
    scene, mask = with_item(seen_from(3, 0), (330, 180))
    drift = watch(capture(scene, CAMERA.level(0.8)), mask)
    assert set(drift.codes) == {"shift", "exposure"}
    assert drift.shift_mm == pytest.approx(3, abs=0.2)


def test_without_a_plane_it_is_pixels() -> None:
    watch = DriftWatch.of(record_of(seen_from(), plane=False))
    drift = watch(capture(seen_from(3, 0)))
    assert drift.shift_mm is None
    assert drift.shift_px == pytest.approx(7.5, abs=0.4)
    assert [move.unit for move in drift.moves] == ["px"]


def test_a_plain_table_says_nothing_about_shift_and_focus() -> None:
    plain = np.full((*SIZE[::-1], 3), 0.1)
    watch = DriftWatch.of(record_of(plain))
    drift = watch(capture(plain, CAMERA.level(0.8)))
    assert (drift.shift_px, drift.focus) == (None, None)
    assert drift.codes == ("exposure",)


def test_an_item_that_covers_nearly_all_says_nothing(watch: DriftWatch) -> None:
    drift = watch(capture(seen_from(3, 0)), np.full(SIZE[::-1], 255, np.uint8))
    assert drift.codes == ()
    assert drift.light is None


def test_a_record_without_background_and_a_foreign_picture_are_refused(watch: DriftWatch) -> None:
    with pytest.raises(CalibrationError) as caught:
        DriftWatch.of(known.record())
    assert caught.value.code == "calibration.no_background"
    with pytest.raises(CalibrationError) as caught:
        watch(np.zeros((10, 10, 3), np.uint8))
    assert caught.value.code == "calibration.foreign"


def test_every_sentence_is_there_in_every_language() -> None:
    for sentences in SENTENCES.values():
        assert tuple(sentences) == LANGUAGES
        assert len(set(sentences.values())) == len(LANGUAGES)
