"""An item's outline beside the catalogue: the right product fits however it stands, another is held."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from calibration.background import solve_background
from calibration.record import CalibrationRecord, Lens, Made, Plane
from calibration.store import CalibrationStore
from inspection.frame import Pixels, ViewPicture
from inspection.item import Item
from inspection.item_size import SizeSeen
from inspection.products import Product
from inspection.report import PolicyPart
from inspection.station.calibrations import Calibrations
from inspection.station.capture import Bench, Take
from tests.station.rig import ROOT
from tests.station.test_calibration_drift import CATALOGUE, POLICY, Content, Shown

DEMO = ROOT / "datasets" / "demo"
PRODUCTS = {"can": "00614141401017", "bottle": "00614141403011", "phone": "00614141404018", "carton": "00614141402014"}
ORIGIN, TARGET, FOV = np.array([0.0, -70.0, 640.0]), np.array([0.0, -2.0, 30.0]), 23.0
"""Of the renderer's camera from above, which stands up to 7 mm aside in every picture."""


def picture(item: str) -> Pixels:
    pixels = cv2.imread(str(DEMO / item / "top.jpg"))
    assert pixels is not None
    return np.asarray(pixels, np.uint8)


def known() -> CalibrationRecord:
    """The renderer's view from above, as a record."""
    now = datetime.now(UTC)
    made = Made(by="p7", at=now, software="0.1.0", frames=(), valid_until=now + timedelta(days=9))
    empty = picture("empty")
    height, width = empty.shape[:2]
    ahead = (TARGET - ORIGIN) / np.linalg.norm(TARGET - ORIGIN)
    right = np.cross(ahead, [0.0, 1, 0])
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(ahead, right), ahead])
    translation = -rotation @ ORIGIN
    focal = width / 2 / np.tan(np.radians(FOV / 2))
    matrix = np.array([[focal, 0, width / 2 - 0.5], [0, focal, height / 2 - 0.5], [0, 0, 1]])
    to_mm = np.linalg.inv(matrix @ np.column_stack([rotation[:, :2], translation]))
    noise = np.random.default_rng(1)
    frames = {
        str(number): np.clip(empty + noise.normal(0, 0.7, empty.shape), 0, 255).astype(np.uint8) for number in range(5)
    }
    parts: dict[str, Any] = {
        "lens": Lens(made=made, camera_matrix=matrix.tolist(), distortion=(0,) * 5, rms_px=0.1, coverage=0.9),
        "plane": Plane(
            made=made,
            homography=(to_mm / to_mm[2, 2]).tolist(),
            rms_mm=0.1,
            rotation=cv2.Rodrigues(rotation)[0].ravel().tolist(),
            translation_mm=translation.tolist(),
        ),
        "background": solve_background(frames).part(made),
    }
    return CalibrationRecord(camera_id="cam", view="top", width=width, height=height, **parts)


@pytest.fixture(scope="module")
def record() -> CalibrationRecord:
    return known()


def calibrated(folder: Path, record: CalibrationRecord) -> Calibrations:
    store = CalibrationStore(folder)
    store.save(record, by="p7", at=datetime.now(UTC), software="0.1.0")
    return Calibrations(store, {"top": "cam"}, ())


def listed(goods: str, **changes: Any) -> Product:
    product = CATALOGUE.find(PRODUCTS[goods])
    assert product is not None
    return product.model_copy(update=changes)


@pytest.mark.parametrize(
    ("item", "goods", "seen"),
    [
        ("can-01", "can", SizeSeen.AS_LISTED),
        ("bottle-02", "bottle", SizeSeen.AS_LISTED),
        ("phone-03", "phone", SizeSeen.AS_LISTED),
        ("carton-01", "carton", SizeSeen.AS_LISTED),
        ("carton-01", "phone", SizeSeen.LARGER),
        ("can-03", "carton", SizeSeen.FOLDED),
    ],
)
def test_the_right_product_fits_however_it_stands_and_others_do_not(
    tmp_path: Path, record: CalibrationRecord, item: str, goods: str, seen: SizeSeen
) -> None:
    look = calibrated(tmp_path, record).examine(ViewPicture("top", picture(item)), listed(goods))
    assert look.problems == ()
    assert look.size is not None
    assert look.size.seen is seen
    assert look.timings_ms["size"] > 0


def test_something_half_as_large_is_smaller(tmp_path: Path, record: CalibrationRecord) -> None:
    twice = listed("phone", size_mm=[300.0, 150.0, 160.0])
    size = calibrated(tmp_path, record).examine(ViewPicture("top", picture("phone-03")), twice).size
    assert size is not None
    assert (size.seen, round(size.length_mm / 150, 1)) == (SizeSeen.SMALLER, 1.0)


@pytest.mark.parametrize("missing", ["lens", "plane", "background"])
def test_a_view_that_is_not_calibrated_says_nothing(tmp_path: Path, record: CalibrationRecord, missing: str) -> None:
    calibrations = calibrated(tmp_path, record.model_copy(update={missing: None}))
    assert calibrations.examine(ViewPicture("top", picture("can-01")), listed("phone"), check="never").size is None


def test_a_product_without_size_costs_nothing(tmp_path: Path, record: CalibrationRecord) -> None:
    look = calibrated(tmp_path, record).examine(ViewPicture("top", picture("can-01")), listed("can", size_mm=None))
    assert (look.size, "size" in look.timings_ms) == (None, False)


def judged(calibrations: Calibrations, item: str, goods: str) -> PolicyPart:
    bench = Bench(POLICY, CATALOGUE, Content(), calibrations.correct, calibrations.examine)
    frame = replace(Shown(picture(item)).latest(), settings_digest="")
    return bench.judge_take(Item(gtin=PRODUCTS[goods]), Take({"top": frame}, (), {}), None).policy


def test_another_item_than_its_code_says_is_held_with_a_sentence(tmp_path: Path, record: CalibrationRecord) -> None:
    calibrations = calibrated(tmp_path, record)
    held = judged(calibrations, "carton-01", "phone")
    assert (held.rule_id, held.reason_codes) == ("R04.size", ("size_off", "other_item"))
    assert "another item" in held.reason["en"]
    assert judged(calibrations, "phone-03", "phone").rule_id != "R04.size"
