"""Colour correction: known responses are undone, and patches that are not as printed are named."""

from __future__ import annotations

import numpy as np
import pytest

from calibration.chart import patches_of
from calibration.ciede2000 import ciede2000, lab_of_linear
from calibration.colour import Patches, corrected, solve_colour, terms_of, white_balance
from calibration.correct import Corrector
from calibration.detect import find_target
from calibration.flat import solve_flat
from calibration.patches import chart_colours, lab_of_srgb
from calibration.record import FlatField
from calibration.sample import linear_light
from calibration.targets import make_target
from inspection.errors import CalibrationError
from tests.calibration import known
from tests.calibration.response import SIZE, Response, encoded, lying, random_response, random_shading, white_sheet

COLOURS = chart_colours()
NAMES = list(COLOURS)
LAB = np.array([lab_of_srgb(srgb) for srgb in COLOURS.values()])
TRUE = linear_light(np.array(list(COLOURS.values()), np.uint8))
MIX = np.array([[0.62, 0.18, 0.05], [0.1, 0.7, 0.1], [0.02, 0.2, 0.42]])
CHART = make_target("colour")


def measured(rgb: np.ndarray, **refused: str) -> Patches:
    return Patches(NAMES, LAB, rgb, refused)


def bent(rgb: np.ndarray) -> np.ndarray:
    """A sensor that no 3x3 corrects, but that scales with the exposure."""
    roots = np.sqrt(rgb * np.roll(rgb, -1, axis=-1))
    return 0.8 * rgb + 0.2 * roots


def test_a_mix_of_channels_is_undone() -> None:
    solution = solve_colour(measured(TRUE @ MIX.T))
    assert solution.terms == "linear"
    assert solution.matrix @ MIX == pytest.approx(np.eye(3), abs=0.01)
    assert solution.before.mean() > 8
    assert solution.after.max() < 0.3


def test_noise_does_not_make_it_choose_more_freedom_than_it_needs() -> None:
    rng = np.random.default_rng(5)
    for _ in range(3):
        noisy = TRUE @ MIX.T * (1 + rng.normal(0, 0.01, TRUE.shape))
        solution = solve_colour(measured(noisy))
        assert solution.terms == "linear"
        assert solution.after.mean() < 1


def test_a_sensor_that_no_matrix_corrects_gets_roots() -> None:
    solution = solve_colour(measured(bent(TRUE @ MIX.T)))
    assert solution.terms == "root2"
    assert solution.unseen["root2"] < 0.7 * solution.unseen["linear"]
    assert solution.after.mean() < 1


def test_roots_scale_with_the_exposure() -> None:
    rgb = np.random.default_rng(1).uniform(0, 1, (20, 3))
    assert terms_of(rgb * 0.3, "root2") == pytest.approx(terms_of(rgb, "root2") * 0.3)
    assert terms_of(np.array([0.25, 0.64, 0.09]), "root2") == pytest.approx([0.25, 0.64, 0.09, 0.4, 0.24, 0.15])


def test_the_model_predicts_colours_that_are_not_on_the_chart() -> None:
    colours = np.random.default_rng(2).uniform(0.02, 0.8, (300, 3))
    solution = solve_colour(measured(TRUE @ MIX.T))
    off = ciede2000(lab_of_linear(corrected(colours @ MIX.T, solution.terms, solution.matrix)), lab_of_linear(colours))
    assert off.mean() < 0.3


def test_white_balance_makes_greys_grey() -> None:
    red, green, blue = white_balance(LAB, TRUE * [0.5, 1, 0.8])
    assert (red, green, blue) == pytest.approx((2, 1, 1.25), rel=0.01)


def test_the_station_corrects_with_the_matrix_as_the_solver_does() -> None:
    seen = np.clip(np.rint(encoded(bent(TRUE @ MIX.T))), 0, 255).astype(np.uint8)
    solution = solve_colour(measured(linear_light(seen)))
    part = {**known.colour("root2"), "terms": solution.terms, "matrix": solution.matrix.tolist()}
    corrector = Corrector(known.record((30, 20), colour=part))
    picture = np.ascontiguousarray(np.broadcast_to(seen[None, :, ::-1], (20, 30, 3)))
    done = corrector(picture)[0, :, ::-1]
    wanted = encoded(corrected(linear_light(seen), solution.terms, solution.matrix))
    assert np.abs(done - wanted).max() < 1.5


def test_a_glaring_patch_is_named_and_left_out() -> None:
    rgb = TRUE @ MIX.T
    rgb[7] = rgb[7] * 0.6 + 0.25
    solution = solve_colour(measured(rgb))
    assert solution.refused == {NAMES[7]: "glare"}
    assert NAMES[7] not in solution.names
    assert solution.after.max() < 0.3


def test_a_patch_in_a_shadow_is_named_and_left_out() -> None:
    rgb = TRUE @ MIX.T
    rgb[10] *= 0.45
    assert solve_colour(measured(rgb)).refused == {NAMES[10]: "shadow"}


def test_a_patch_that_was_refused_before_does_not_count() -> None:
    rgb = TRUE @ MIX.T
    rgb[0] = 1.0
    assert solve_colour(measured(rgb, grey0="clipped")).after.max() < 0.3


def test_too_many_clipped_patches_are_refused_and_named() -> None:
    clipped = dict.fromkeys(NAMES[:12], "clipped")
    with pytest.raises(CalibrationError, match=r"grey0 \(clipped\), grey1 \(clipped\)") as caught:
        solve_colour(measured(TRUE, **clipped))
    assert caught.value.code == "calibration.clipped"
    assert "exposure" in caught.value.hint


def test_a_black_picture_and_a_small_chart_are_refused() -> None:
    with pytest.raises(CalibrationError) as caught:
        solve_colour(measured(TRUE * 1e-4))
    assert caught.value.code == "calibration.dark"
    with pytest.raises(CalibrationError) as caught:
        solve_colour(Patches(NAMES[:6], LAB[:6], TRUE[:6]))
    assert caught.value.code == "calibration.few_patches"
    with pytest.raises(CalibrationError) as caught:
        solve_colour(measured(np.full_like(TRUE, np.nan)))
    assert caught.value.code == "calibration.patches"


def flat_field(response: Response, rng: np.random.Generator) -> FlatField:
    frames = {f"white{index}": response.picture(white_sheet(rng), rng) for index in range(4)}
    gains = solve_flat(frames).gains
    return FlatField.model_validate({"made": known.made(), "gains": gains.tolist(), "residual": 0.003})


@pytest.mark.parametrize("seed", [1, 2])
def test_pictures_of_the_chart_are_corrected_below_two(seed: int) -> None:
    rng = np.random.default_rng(seed)
    response = random_response(rng, bend=0.03)
    pictures = [response.picture(lying(CHART, rng), rng) for _ in range(2)]
    shown = [(picture, find_target(picture, CHART)) for picture in pictures]
    solution = solve_colour(patches_of(shown, CHART, flat_field(response, rng)))
    assert solution.before.mean() > 4
    assert solution.after.mean() < 2
    assert solution.refused == {}


def test_shading_that_is_not_evened_out_is_worse() -> None:
    rng = np.random.default_rng(4)
    response = random_response(rng)
    picture = response.picture(lying(CHART, rng), rng)
    shown = [(picture, find_target(picture, CHART))]
    without = solve_colour(patches_of(shown, CHART)).after.mean()
    assert solve_colour(patches_of(shown, CHART, flat_field(response, rng))).after.mean() < 0.7 * without


def test_an_overexposed_chart_names_its_clipped_patches() -> None:
    rng = np.random.default_rng(6)
    response = Response(np.eye(3) * 1.15, np.ones(SIZE[::-1]))
    picture = response.picture(lying(CHART, rng), rng)
    patches = patches_of([(picture, find_target(picture, CHART))], CHART)
    light = dict(zip(NAMES, TRUE.max(axis=1) * 1.15, strict=True))
    assert set(patches.refused.values()) == {"clipped"}
    assert {name for name in NAMES if light[name] > 1} <= patches.refused.keys()
    assert patches.refused.keys() <= {name for name in NAMES if light[name] > 0.9}
    assert solve_colour(patches).after.mean() < 1


def test_an_underexposed_chart_is_refused() -> None:
    rng = np.random.default_rng(6)
    picture = Response(np.eye(3) * 0.2, random_shading(rng)).picture(lying(CHART, rng), rng)
    with pytest.raises(CalibrationError) as caught:
        patches_of([(picture, find_target(picture, CHART))], CHART)
    assert caught.value.code == "calibration.dark"
