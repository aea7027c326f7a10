"""Every cause of a bad capture is called by its name, and good captures are let through."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from calibration.acuity import acuity, noise_of, sharpness
from calibration.correct import Corrector
from calibration.quality import PROBLEMS, Limits, Reference, examine
from calibration.record import CalibrationRecord, Colour
from inspection.errors import CalibrationError
from inspection.frame import Pixels
from inspection.station.web import words
from tests.calibration.records import light, made, record
from tests.calibration.test_isolate import background_of, picture, truth

GOOD = ("can-01", "can-03", "carton-02", "carton-04", "phone-01", "phone-04", "bottle-01", "bottle-03")
EVERYWHERE = np.ones((1, 1), np.uint8)


def view_record(view: str, noise: float = 1.0) -> CalibrationRecord:
    known = record(view=view, background=background_of(view), light=light().model_copy(update={"noise": noise}))
    return known.model_copy(update={"width": 640, "height": 480})


def reference(view: str = "top") -> Reference:
    return Reference.of(view_record(view), 640, 480)


def problems(shown: npt.NDArray[np.generic], view: str = "top") -> tuple[str, ...]:
    return examine(np.clip(shown, 0, 255).astype(np.uint8), reference(view)).problems


def exposed(shown: Pixels, gain: float) -> npt.NDArray[np.float64]:
    """More or less light, by a pure power of 2.2."""
    return 255 * np.minimum(1, (shown / 255) ** 2.2 * gain) ** (1 / 2.2)


@pytest.mark.parametrize("view", ["top", "front"])
@pytest.mark.parametrize("item", GOOD)
def test_good_captures_pass_with_and_without_calibration(item: str, view: str) -> None:
    assert problems(picture(item, view), view) == ()
    assert examine(picture(item, view)).problems == ()


def test_what_is_out_of_focus_is_called_blurred() -> None:
    kernel = (np.hypot(*np.mgrid[-5:6, -5:6]) <= 5).astype(np.float32)
    for item in GOOD[:4]:
        assert problems(cv2.filter2D(picture(item, "top"), -1, kernel / kernel.sum())) == ("blurred",)


def test_what_moved_is_called_moved() -> None:
    for item in ("can-01", "carton-04", "phone-01"):
        smeared = cv2.filter2D(picture(item, "front"), -1, np.full((1, 15), 1 / 15, np.float32))
        assert problems(smeared, "front") == ("moved",)


@pytest.mark.parametrize(("gain", "code"), [(0.15, "too_dark"), (3.0, "overexposed")])
def test_wrong_light_is_named(gain: float, code: str) -> None:
    for item in GOOD[:4]:
        assert code in problems(exposed(picture(item, "top"), gain))


def test_light_a_little_off_is_no_problem() -> None:
    for gain in (0.8, 1.2):
        assert problems(exposed(picture("can-01", "top"), gain)) == ()


def test_less_light_is_enough_where_the_camera_has_less_noise() -> None:
    dim = exposed(picture("can-01", "top"), 0.45).astype(np.uint8)
    quiet, noisy = (Reference.of(view_record("top", noise), 640, 480) for noise in (0.5, 3.0))
    assert "too_dark" not in examine(dim, quiet).problems
    assert "too_dark" in examine(dim, noisy).problems


def test_a_mirrored_lamp_is_glare() -> None:
    shown = picture("can-01", "top").copy()
    rows, columns = np.nonzero(truth("can-01", "top"))
    cv2.circle(shown, (round(columns.mean()), round(rows.mean())), 42, (255, 255, 255), -1)
    assert problems(shown) == ("glare",)


def test_a_mirrored_lamp_is_glare_though_it_runs_into_another_highlight() -> None:
    shown = picture("can-01", "top").copy()
    rows, columns = np.nonzero(truth("can-01", "top"))
    place = (round(columns.mean()), round(rows.mean()))
    cv2.circle(shown, place, 42, (255, 255, 255), -1)
    cv2.line(shown, (place[0] - 90, place[1] - 90), (place[0] + 90, place[1] + 90), (255, 255, 255), 8)
    assert problems(shown) == ("glare",)


def test_a_clipped_pixel_is_known_though_the_colour_correction_makes_a_channel_darker() -> None:
    colour = Colour(
        made=made(), terms="linear", matrix=((1.3, 0, 0), (0, 1, 0), (0, 0, 0.8)),
        delta_e_before=9, delta_e_after=1, delta_e_worst=2,
    )  # fmt: skip
    known = view_record("top").model_copy(update={"colour": colour})
    correct = Corrector(known.model_copy(update={"lens": None}))
    shown = picture("can-01", "top").copy()
    rows, columns = np.nonzero(truth("can-01", "top"))
    cv2.circle(shown, (round(columns.mean()), round(rows.mean())), 42, (255, 255, 255), -1)
    empty = Reference.of(known, 640, 480, correct(picture("empty", "top")))
    assert correct(shown).min(axis=2).max() < 250
    assert examine(correct(shown), empty).problems == ("glare",)


def test_a_picture_that_is_white_all_over_is_overexposed() -> None:
    found = examine(np.full((480, 640, 3), 255, np.uint8))
    assert "overexposed" in found.problems
    assert found.measured.clipped == 1


@pytest.mark.parametrize("colour", [(120, 150, 210), (45, 60, 90), (20, 20, 20), (190, 90, 30)])
def test_a_hand_or_a_tool_that_reaches_in_is_seen(colour: tuple[int, int, int]) -> None:
    shown = picture("can-01", "top").copy()
    cv2.line(shown, (639, 460), (470, 360), colour, 40)
    assert problems(shown) == ("hand_in_view",)


def test_a_hand_that_holds_the_item_is_seen() -> None:
    shown = picture("can-01", "top").copy()
    cv2.line(shown, (639, 300), (370, 250), (120, 150, 210), 50)
    assert problems(shown) == ("hand_in_view",)


def test_an_item_cut_off_is_named_with_its_sides() -> None:
    empty, shown = picture("empty", "top"), picture("carton-04", "top")
    moved = np.concatenate([shown[:, 150:], empty[:, :150]], axis=1)
    found = examine(moved, reference())
    assert "cut_off" in found.problems
    assert found.measured.touches == ("left",)


def test_an_item_too_small_to_judge_is_named() -> None:
    shown = picture("empty", "top").copy()
    small = cv2.resize(picture("can-01", "top")[80:380, 180:480], (60, 60), interpolation=cv2.INTER_AREA)
    shown[200:260, 300:360] = small
    assert problems(shown) == ("too_small",)


def test_two_items_are_counted() -> None:
    shown = picture("empty", "top").copy()
    small = cv2.resize(picture("can-01", "top")[80:380, 180:480], (200, 200), interpolation=cv2.INTER_AREA)
    shown[140:340, 60:260] = small
    shown[140:340, 380:580] = small
    assert problems(shown) == ("two_items",)


def test_a_small_thing_beside_the_item_is_a_second_one() -> None:
    shown = picture("can-01", "top").copy()
    shown[50:120, 540:615] = (30, 60, 200)
    assert problems(shown) == ("two_items",)


def test_the_pieces_in_which_a_clear_bottle_is_seen_are_one_item() -> None:
    assert examine(picture("bottle-04", "top"), reference()).measured.items == 1


def test_a_thin_dark_tool_is_seen() -> None:
    shown = picture("carton-05", "top").copy()
    cv2.line(shown, (350, 0), (352, 100), (38, 38, 38), 18)
    assert problems(shown) == ("hand_in_view",)


def test_an_empty_station_holds_nothing() -> None:
    assert problems(picture("empty", "top")) == ("nothing_there",)
    assert examine(picture("empty", "top")).problems == ("nothing_there",)


def test_in_the_dark_it_is_not_said_that_nothing_is_there() -> None:
    assert problems(picture("can-01", "top") // 24) == ("too_dark",)


def test_problems_come_in_the_order_of_what_to_do_first() -> None:
    shown = picture("can-01", "top").copy()
    cv2.line(shown, (639, 460), (470, 360), (20, 20, 20), 40)
    found = problems(cv2.GaussianBlur(shown, (0, 0), 3))
    assert found == ("hand_in_view", "blurred")
    assert list(found) == sorted(found, key=PROBLEMS.index)


def test_limits_without_a_calibration_are_wider() -> None:
    known, unknown = Limits.of(view_record("top"), 640, 480, known=True), Limits.of(None, 640, 480, known=False)
    assert known.blur_px < unknown.blur_px
    assert known.reaching_share < unknown.reaching_share
    assert known.glare_share < unknown.glare_share
    assert known.least_side_px > unknown.least_side_px


def on_a_shelf(item: str) -> Pixels:
    """The item between many other things, as nobody's calibrated station shows it."""
    blocks = np.random.default_rng(5).integers(0, 256, (24, 32, 3), np.uint8)
    shelf = np.asarray(cv2.resize(blocks, (640, 480), interpolation=cv2.INTER_NEAREST), np.uint8)
    return np.where(truth(item, "front")[..., None], picture(item, "front"), shelf)


def test_what_needs_a_background_is_not_judged_without_one_unless_the_table_is_plain() -> None:
    layout = ("nothing_there", "hand_in_view", "two_items", "cut_off", "too_small")
    busy, plain = examine(on_a_shelf("can-01")), examine(picture("can-01", "front"))
    assert (busy.problems, busy.not_calibrated) == ((), layout)
    assert (plain.problems, plain.not_calibrated) == ((), ())
    assert examine(on_a_shelf("can-01"), reference("front")).not_calibrated == ()


def test_blur_and_darkness_are_seen_wherever_the_picture_was_taken() -> None:
    shown = on_a_shelf("can-01")
    assert examine(np.asarray(cv2.GaussianBlur(shown, (0, 0), 3), np.uint8)).problems == ("blurred",)
    assert examine(exposed(shown, 0.05).astype(np.uint8)).problems == ("too_dark",)


def test_the_limit_of_blur_follows_the_sharpness_of_the_background() -> None:
    base = view_record("top")
    assert base.background is not None
    limits = []
    for value in (0.5, 0.7, 1.9):
        changed = base.background.model_copy(update={"sharpness": value})
        limits.append(Limits.of(base.model_copy(update={"background": changed}), 4000, 3000, known=True).blur_px)
    assert limits == pytest.approx([4.0, 2 / 0.7, 2 / 1.9])


@pytest.mark.parametrize("radius", [3.0, 5.0])
def test_the_blur_of_edges_is_measured_in_pixels_whatever_their_contrast(radius: float) -> None:
    rng = np.random.default_rng(3)
    for contrast in (40, 160):
        shown = np.full((300, 400, 3), 40.0, np.float32)
        cv2.rectangle(shown, (100, 80), (300, 220), (40.0 + contrast,) * 3, -1)
        blurred = cv2.GaussianBlur(shown, (0, 0), radius) + rng.normal(0, 1.0, shown.shape)
        found = acuity(np.clip(blurred, 0, 255).astype(np.uint8), EVERYWHERE, 0.8)
        assert found.least == pytest.approx(radius, rel=0.2)
        assert found.most == pytest.approx(radius, rel=0.2)


def test_plain_noise_has_no_sharpness_and_is_measured() -> None:
    rng = np.random.default_rng(4)
    grey = rng.normal(120, 3.0, (480, 640))
    noisy = np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[..., None], 3, axis=2)
    assert noise_of(noisy, EVERYWHERE) == pytest.approx(3.0, rel=0.05)
    assert sharpness(noisy, noise=3.0) == 0
    assert sharpness(picture("empty", "top")) > sharpness(cv2.GaussianBlur(picture("empty", "top"), (0, 0), 2.0))


@pytest.mark.parametrize("shape", [(16, 16), (16, 900), (720, 17), (63, 65), (2000, 3000)])
@pytest.mark.parametrize("level", [0, 90, 255])
def test_plain_pictures_of_any_size_get_an_answer(shape: tuple[int, int], level: int) -> None:
    plain = np.full((*shape, 3), level, np.uint8)
    for background in (None, plain):
        found = examine(plain, Reference.of(None, shape[1], shape[0], background))
        assert found.measured.items == 0
        assert not found.quality("top").ok


@pytest.mark.parametrize("seed", range(4))
def test_noise_of_any_size_gets_an_answer(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(16, 500)), int(rng.integers(16, 500)), 3)
    noise = rng.integers(0, 256, shape, np.uint8)
    assert set(examine(noise).problems) <= set(PROBLEMS)
    assert set(examine(noise, Reference.of(None, shape[1], shape[0], noise[::-1].copy())).problems) <= set(PROBLEMS)


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(CalibrationError) as refused:
        examine(np.zeros((64, 64), np.uint8))
    assert refused.value.code == "calibration.picture"


def test_white_print_that_is_clipped_is_no_glare() -> None:
    found = examine(exposed(picture("carton-03", "top"), 1.1).astype(np.uint8), reference())
    assert found.measured.clipped > 0.15
    assert found.problems == ()


def test_every_problem_has_one_instruction_for_the_worker() -> None:
    assert set(words.CAPTURE_PROBLEMS) == set(PROBLEMS)
    assert len(set(words.CAPTURE_PROBLEMS.values())) == len(PROBLEMS)
