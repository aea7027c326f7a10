"""Flat field: known shading is undone, and sheets that are not even are refused by name."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from calibration.correct import gain_map
from calibration.flat import grid_size, solve_flat
from calibration.record import FlatField
from inspection.errors import CalibrationError
from inspection.frame import Pixels
from tests.calibration import known
from tests.calibration.response import SIZE, Floats, Response, random_response, random_shading, white_sheet


def true_unevenness(gains: Floats, shading: Floats) -> float:
    part = FlatField.model_validate({"made": known.made(), "gains": gains.tolist(), "residual": 0})
    even = gain_map(part, SIZE) * shading
    return float(even.std() / even.mean())


def frames(response: Response, rng: np.random.Generator, count: int = 4, dust: int = 20) -> dict[str, Pixels]:
    return {f"white{index}.png": response.picture(white_sheet(rng, dust=dust), rng) for index in range(count)}


def soft_shadow(depth: float) -> Floats:
    hand = np.zeros(SIZE[::-1], np.float32)
    cv2.ellipse(hand, (150, 150), (75, 45), 20, 0, 360, 1, -1)
    return np.asarray(1 - depth * cv2.GaussianBlur(hand, (0, 0), 10)[..., None], np.float64)


def refusal(shown: dict[str, Pixels]) -> CalibrationError:
    with pytest.raises(CalibrationError) as caught:
        solve_flat(shown)
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize("seed", range(3))
def test_shading_is_evened_to_below_one_per_cent(seed: int) -> None:
    rng = np.random.default_rng(seed)
    response = random_response(rng)
    solution = solve_flat(frames(response, rng))
    left = true_unevenness(solution.gains, response.shading)
    assert solution.unevenness > 0.05
    assert left < 0.01
    assert solution.residual == pytest.approx(left, abs=0.004)
    assert solution.gains.min() == 1


def test_dust_that_moves_leaves_no_mark() -> None:
    rng = np.random.default_rng(7)
    response = random_response(rng)
    clean, dusty = (solve_flat(frames(response, rng, 5, dust)).gains for dust in (0, 60))
    assert np.abs(dusty / clean - 1).max() < 0.02


def test_a_speck_in_every_frame_is_no_gain() -> None:
    rng = np.random.default_rng(8)
    response = Response(np.eye(3), random_shading(rng))
    sheet = white_sheet(rng, dust=0)
    cv2.circle(sheet, (325, 175), 8, (0.3, 0.3, 0.3), -1)
    gains = solve_flat({str(index): response.picture(sheet, rng) for index in range(3)}).gains
    assert true_unevenness(gains, response.shading) < 0.01


def test_the_grid_follows_the_frame() -> None:
    assert grid_size(1280, 720) == (36, 64)
    assert grid_size(480, 640) == (64, 48)


def test_an_overexposed_sheet_is_refused_by_name() -> None:
    rng = np.random.default_rng(9)
    error = refusal(frames(Response(np.eye(3) * 1.8, random_shading(rng)), rng))
    assert error.code == "calibration.clipped"
    assert "white0.png" in str(error)


def test_a_sheet_in_the_dark_is_refused() -> None:
    rng = np.random.default_rng(10)
    assert refusal(frames(Response(np.eye(3) * 0.05, random_shading(rng)), rng)).code == "calibration.dark"


def test_a_coloured_sheet_is_refused() -> None:
    rng = np.random.default_rng(11)
    response = Response(np.diag([1.0, 0.6, 0.2]), random_shading(rng))
    assert refusal(frames(response, rng)).code == "calibration.not_white"


@pytest.mark.parametrize("depth", [0.1, 0.3, 0.7])
def test_a_shadow_on_the_sheet_is_refused_and_its_place_told(depth: float) -> None:
    rng = np.random.default_rng(12)
    response = random_response(rng)
    error = refusal({"one.png": response.picture(white_sheet(rng) * soft_shadow(depth), rng)})
    assert error.code == "calibration.uneven"
    assert "middle left" in str(error)


def test_a_sheet_that_ends_in_the_frame_is_refused() -> None:
    rng = np.random.default_rng(13)
    sheet = white_sheet(rng)
    sheet[:, 560:] = 0.35
    assert refusal({"one.png": random_response(rng).picture(sheet, rng)}).code == "calibration.uneven"


def test_a_frame_in_which_somebody_leaned_over_is_left_out() -> None:
    rng = np.random.default_rng(14)
    response = random_response(rng)
    shown = frames(response, rng)
    x = np.linspace(0, 1, SIZE[0])[None, :, None]
    shown["leaning.png"] = response.picture(white_sheet(rng) * (1 - 0.15 * x), rng)
    solution = solve_flat(shown)
    assert solution.refused == {"leaning.png": "uneven"}
    assert true_unevenness(solution.gains, response.shading) < 0.01


def test_no_frame_at_all_is_refused() -> None:
    with pytest.raises(CalibrationError) as caught:
        solve_flat({})
    assert caught.value.code == "calibration.frames"
