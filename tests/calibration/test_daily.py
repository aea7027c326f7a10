"""The daily check: the card tells which of focus, exposure, colour, scale and place has moved, and nothing else."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from calibration.background import solve_background
from calibration.daily import Check, check_card, see_card
from calibration.record import CalibrationRecord
from calibration.targets import Card, make_target
from inspection.errors import CalibrationError
from inspection.frame import Pixels
from tests.calibration import known
from tests.calibration.records import made
from tests.calibration.response import Floats, Response, lying, mat, random_shading

SIZE = (960, 540)
FILL = 0.6
CARD = make_target("card")
MM_PER_PX = 1 / (FILL * min(SIZE[0] / CARD.width_mm, SIZE[1] / CARD.height_mm))
TABLE = mat(np.random.default_rng(1), SIZE)
CAMERA = Response(np.eye(3) * 0.85, random_shading(np.random.default_rng(2), SIZE), noise=0.004, jpeg=92)
PLACE = (20.0, -12.0)


def scene(shift: tuple[float, float] = PLACE, fill: float = FILL, table: Floats = TABLE) -> Floats:
    assert isinstance(CARD, Card)
    dark = (-1.0, -1.0, -1.0)
    card = lying(CARD, None, SIZE, fill=fill, table=dark, shift=shift)
    return np.where(card.min(axis=2, keepdims=True) < 0, table * 1.6, card)


def frame(light: Floats, response: Response = CAMERA, blur_px: float = 0.7, seed: int = 5) -> Pixels:
    return response.picture(light, np.random.default_rng(seed), blur_px)


@pytest.fixture(scope="module")
def record() -> CalibrationRecord:
    """Calibrated: plane, background, and how the card looked then."""
    background = solve_background({str(seed): frame(TABLE * 1.6, seed=seed) for seed in range(6)}).part(made())
    plain = known.record(SIZE, plane=known.plane(SIZE, MM_PER_PX), background=background)
    assert isinstance(CARD, Card)
    return plain.model_copy(update={"card": see_card(frame(scene()), CARD, plain, made())})


def checked(picture: Pixels, record: CalibrationRecord) -> Check:
    assert isinstance(CARD, Card)
    return check_card(picture, CARD, record)


def codes(check: Check) -> list[str]:
    return [move.code for move in check.moves]


@pytest.mark.parametrize("place", [PLACE, (-90.0, 30.0), (70.0, 40.0)])
def test_nothing_moved_passes_wherever_the_card_lies(record: CalibrationRecord, place: tuple[float, float]) -> None:
    check = checked(frame(scene(place), seed=8), record)
    assert codes(check) == []
    assert check.passed
    assert check.not_measured == ()
    assert check.scale == pytest.approx(1, abs=0.004)
    assert check.delta_e is not None
    assert check.delta_e < 2.5  # there is no flat field in this record


def test_light_down_by_a_fifth_is_exposure_and_nothing_else(record: CalibrationRecord) -> None:
    check = checked(frame(scene(), CAMERA.level(0.8)), record)
    assert codes(check) == ["exposure"]
    assert check.exposure == pytest.approx(0.8, abs=0.02)


def test_another_white_balance_is_colour(record: CalibrationRecord) -> None:
    warm = Response(np.diag([1.12, 0.99, 0.8]) @ CAMERA.mix, CAMERA.shading, noise=0.004)
    assert codes(checked(frame(scene(), warm), record)) == ["colour"]


@pytest.mark.parametrize("blur_px", [1.6, 2.5, 4.0])
def test_a_lens_out_of_focus_is_focus(record: CalibrationRecord, blur_px: float) -> None:
    check = checked(frame(scene(), blur_px=blur_px), record)
    assert codes(check)[:1] == ["focus"]
    assert set(codes(check)) <= {"focus", "view"}  # the table's texture may be gone
    assert check.blur_px > 1.2


def test_a_card_too_blurred_to_be_read_is_focus_too(record: CalibrationRecord) -> None:
    check = checked(frame(scene(), blur_px=9), record)
    assert codes(check) == ["focus"]
    assert math.isinf(check.blur_px)


def test_a_camera_that_came_nearer_is_scale(record: CalibrationRecord) -> None:
    check = checked(frame(scene(fill=FILL * 1.02)), record)
    assert codes(check) == ["scale"]
    assert check.scale == pytest.approx(1.02, abs=0.004)


def test_a_camera_that_moved_is_shift(record: CalibrationRecord) -> None:
    by = 3 / MM_PER_PX
    motion = np.array([[1, 0, by], [0, 1, 0]], np.float64)
    moved = cv2.warpAffine(TABLE, motion, SIZE, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    check = checked(frame(scene((PLACE[0] + by, PLACE[1]), table=moved)), record)
    assert codes(check) == ["shift"]
    assert check.shift_mm == pytest.approx(3, abs=0.15)


def test_what_cannot_be_measured_is_named() -> None:
    check = checked(frame(scene()), known.record(SIZE))
    assert check.not_measured == ("scale", "shift")
    assert check.compared == "description"


def test_a_record_that_never_saw_the_card_is_compared_with_its_description() -> None:
    bare = known.record(SIZE)
    even = Response(np.eye(3) * 0.95, np.ones(SIZE[::-1]), noise=0.004)
    assert checked(frame(scene(), even), bare).passed
    assert codes(checked(frame(scene(), even.level(0.6)), bare)) == ["exposure"]


def test_no_card_in_view_is_an_error(record: CalibrationRecord) -> None:
    with pytest.raises(CalibrationError) as caught:
        checked(frame(TABLE), record)
    assert caught.value.code == "calibration.no_target"


def test_an_overexposed_card_is_no_reference() -> None:
    assert isinstance(CARD, Card)
    with pytest.raises(CalibrationError, match="white"):
        see_card(frame(scene(), CAMERA.level(1.8)), CARD, known.record(SIZE), made())
