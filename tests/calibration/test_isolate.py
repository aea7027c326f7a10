"""The item is found, with a background and without, on rendered goods and on real dark cans."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from calibration.isolate import cut, isolate
from calibration.record import Background, Plane, encode_png
from calibration.sizes import Ruler
from inspection.errors import CalibrationError
from inspection.frame import Pixels
from tests.calibration.records import made

DEMO = Path(__file__).resolve().parents[2] / "datasets" / "demo"
OPAQUE = ("can-01", "can-04", "carton-02", "carton-05", "phone-01", "phone-02", "phone-04", "bottle-01")


def picture(item: str, view: str) -> Pixels:
    return read(DEMO / item / f"{view}.jpg")


def read(path: Path) -> Pixels:
    found = cv2.imread(str(path), cv2.IMREAD_COLOR)
    assert found is not None, path
    return np.asarray(found, np.uint8)


def truth(item: str, view: str) -> npt.NDArray[np.bool_]:
    mask = cv2.imread(str(DEMO / item / f"{view}.item.png"), cv2.IMREAD_GRAYSCALE)
    assert mask is not None
    return np.asarray(mask) > 127


def overlap(mask: npt.NDArray[np.uint8], true: npt.NDArray[np.bool_]) -> float:
    """Intersection over union."""
    return float(((mask > 0) & true).sum() / max(1, ((mask > 0) | true).sum()))


def background_of(view: str) -> Background:
    empty = picture("empty", view)
    small = np.asarray(cv2.resize(empty, (320, 240), interpolation=cv2.INTER_AREA), np.uint8)
    spread = np.full((240, 320), 16, np.uint8)
    return Background(made=made(), mean_png=encode_png(small), spread_png=encode_png(spread), sharpness=1.5)


@pytest.mark.parametrize("view", ["top", "front"])
def test_with_a_background_masks_of_rendered_goods_overlap_the_true_ones(view: str) -> None:
    overlaps = [overlap(isolate(picture(item, view), background_of(view)).mask, truth(item, view)) for item in OPAQUE]
    assert np.mean(overlaps) > 0.95
    assert min(overlaps) > 0.9


@pytest.mark.parametrize("item", ["bottle-04", "bottle-06"])
def test_clear_plastic_that_hardly_differs_from_the_table_is_completed(item: str) -> None:
    """Without that the masks cover 0.72 and 0.80 of both."""
    assert overlap(isolate(picture(item, "top"), background_of("top")).mask, truth(item, "top")) > 0.85


def test_one_picture_alone_shows_where_the_item_is() -> None:
    overlaps = [overlap(isolate(picture(item, "front")).mask, truth(item, "front")) for item in OPAQUE[:5]]
    assert np.mean(overlaps) > 0.85


def test_the_box_and_the_square_hold_the_item() -> None:
    found = isolate(picture("can-01", "front"), background_of("front"))
    rows, columns = np.nonzero(found.mask)
    assert found.box is not None
    assert found.crop is not None
    assert (found.box.x, found.box.y) == (columns.min(), rows.min())
    assert (found.box.width, found.box.height) == (np.ptp(columns) + 1, np.ptp(rows) + 1)
    left, top, side = found.crop
    assert left <= columns.min()
    assert columns.max() < left + side
    assert top <= rows.min()
    assert rows.max() < top + side
    assert cut(picture("can-01", "front"), found.crop).shape == (side, side, 3)
    assert found.touches == ()
    assert found.items == 1
    assert found.confidence > 0.7
    assert found.share == pytest.approx(truth("can-01", "front").mean(), rel=0.05)


@pytest.mark.parametrize("tint", [(1.0, 1.0, 1.0), (0.8, 1.15, 0.95)])
def test_a_shadow_is_no_item_not_even_one_cast_by_coloured_glass(tint: tuple[float, float, float]) -> None:
    empty = picture("empty", "top").astype(np.float32)
    place = cv2.GaussianBlur(cv2.circle(np.zeros((480, 640), np.float32), (320, 240), 90, (1.0,), -1), (0, 0), 12)
    shade = 1 - np.asarray(place)[..., None] * (1 - 0.6 * np.array(tint, np.float32))
    assert not isolate(np.asarray(empty * shade, np.uint8), background_of("top")).found


@pytest.mark.parametrize("gain", [0.8, 1.0, 1.25])
def test_an_empty_station_holds_nothing_even_when_the_light_changed(gain: float) -> None:
    empty = np.clip(picture("empty", "front") * gain, 0, 255).astype(np.uint8)
    found = isolate(empty, background_of("front"))
    assert not found.found
    assert not found.mask.any()
    assert not isolate(empty).found


def test_separate_items_are_counted() -> None:
    two = picture("empty", "top").copy()
    for left in (60, 420):
        two[180:300, left : left + 130] = (30, 60, 200)
    assert isolate(two, background_of("top")).items == 2


def test_an_item_that_is_cut_off_says_at_which_sides() -> None:
    shown = picture("empty", "top").copy()
    shown[300:, 500:] = (30, 180, 200)
    assert isolate(shown, background_of("top")).touches == ("right", "bottom")


def test_the_size_on_the_table_is_in_millimetres() -> None:
    shown = picture("empty", "top").copy()
    cv2.fillPoly(shown, [np.asarray(cv2.boxPoints(((320, 240), (240, 120), 30)), np.int32)], (30, 60, 200))
    half = Ruler(Plane(made=made(), homography=((0.5, 0, 0), (0, 0.5, 0), (0, 0, 1)), rms_mm=0.1))
    assert isolate(shown, background_of("top"), ruler=half).size_mm == pytest.approx((120, 60), abs=1.5)
    # beyond this plane's horizon nothing has a size
    tilted = Ruler(Plane(made=made(), homography=((0.5, 0, 0), (0, 0.5, 0), (0, 0.004, -1)), rms_mm=0.1))
    assert isolate(shown, background_of("top"), ruler=tilted).size_mm is None


def test_the_same_picture_gives_the_same_mask() -> None:
    first = isolate(picture("can-04", "front"))
    np.random.default_rng(5).random(7)
    cv2.setRNGSeed(99)
    assert np.array_equal(first.mask, isolate(picture("can-04", "front")).mask)


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((1, 1, 3), np.uint8),
        np.zeros((64, 64), np.uint8),
        np.zeros((64, 64, 4), np.uint8),
        np.zeros((64, 64, 3), np.float32),
    ],
)
def test_what_is_no_picture_is_refused(wrong: Pixels) -> None:
    with pytest.raises(CalibrationError) as refused:
        isolate(wrong)
    assert refused.value.code == "calibration.picture"


@pytest.mark.parametrize("level", [0, 128, 255])
@pytest.mark.parametrize("shape", [(16, 16), (17, 900), (720, 16)])
def test_plain_pictures_of_any_size_hold_nothing(shape: tuple[int, int], level: int) -> None:
    plain = np.full((*shape, 3), level, np.uint8)
    assert not isolate(plain).found
    assert not isolate(plain, plain).found


def test_a_crop_over_the_border_repeats_it() -> None:
    shown = picture("can-01", "top")
    square = cut(shown, (-20, 450, 60))
    assert square.shape == (60, 60, 3)
    assert np.array_equal(square[0, 0], shown[450, 0])
    assert np.array_equal(square[-1, -1], shown[479, 39])


@pytest.mark.shared
def test_dark_cans_on_a_dark_table_are_found_without_a_background(shared: Path) -> None:
    with (shared / "datasets" / "manifest.csv").open(encoding="utf-8") as file:
        files = [row["file"] for row in csv.DictReader(file) if row["set"] == "cans"]
    found = [isolate(read(shared / "datasets" / name)) for name in files[::24]]
    assert len(found) > 8
    for one in found:
        assert one.box is not None
        assert one.confidence > 0.5
        # a can is about as wide as high, or half as wide
        assert 0.35 < one.box.width / one.box.height < 1.5
        assert 0.01 < one.share < 0.65
