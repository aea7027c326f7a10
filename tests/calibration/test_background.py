"""The empty station: learned from frames of it, refused when something moves or lies there."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from calibration.background import LONG_SIDE, solve_background
from calibration.record import MAX_PICTURE
from inspection.errors import CalibrationError
from inspection.frame import Pixels
from tests.calibration.records import made

DEMO = Path(__file__).resolve().parents[2] / "datasets" / "demo"
ITEMS = ["can-01", "carton-02", "bottle-03", "phone-04"]


def noisy(picture: Pixels, count: int = 6, seed: int = 0, noise: float = 2.0) -> dict[str, Pixels]:
    rng = np.random.default_rng(seed)
    shown = (picture + noise * rng.standard_normal(picture.shape, np.float32) for _ in range(count))
    return {f"{index}.png": np.clip(np.rint(one), 0, 255).astype(np.uint8) for index, one in enumerate(shown)}


def demo(name: str, view: str = "top") -> Pixels:
    return np.asarray(cv2.imread(str(DEMO / name / f"{view}.jpg")), np.uint8)


def refusal(frames: dict[str, Pixels]) -> CalibrationError:
    with pytest.raises(CalibrationError) as caught:
        solve_background(frames)
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize("view", ["top", "front"])
def test_the_mean_is_the_empty_station_and_the_spread_its_noise(view: str) -> None:
    empty = demo("empty", view)
    part = solve_background(noisy(empty, 12)).part(made())
    assert np.abs(part.mean().astype(int) - empty).mean() < 0.8
    assert part.spread().mean() == pytest.approx(2 / np.sqrt(3), rel=0.15)  # of the mean of three channels
    assert part.sharpness > 0


def test_a_large_noisy_background_still_fits_into_a_record() -> None:
    rng = np.random.default_rng(1)
    picture = rng.integers(60, 180, (1280, 1280, 3)).astype(np.uint8)
    picture = cv2.resize(picture[:640, :640], (1280, 1280), interpolation=cv2.INTER_NEAREST)
    part = solve_background(noisy(picture, noise=1), belongs=True).part(made())
    assert len(part.mean_png) < MAX_PICTURE
    assert part.mean().shape[:2] == part.spread().shape
    assert max(part.mean().shape) <= LONG_SIDE


@pytest.mark.parametrize("name", ITEMS)
@pytest.mark.parametrize("view", ["top", "front"])
def test_an_item_that_lies_there_is_refused(name: str, view: str) -> None:
    assert refusal(noisy(demo(name, view))).code == "calibration.item"


def test_what_belongs_to_the_station_is_accepted_when_somebody_says_so() -> None:
    solution = solve_background(noisy(demo("carton-01")), belongs=True)
    assert solution.stands_out is not None


def test_a_hand_that_comes_in_is_refused_with_frame_and_place() -> None:
    frames = noisy(demo("empty"))
    cv2.circle(frames["4.png"], (600, 440), 25, (120, 140, 190), -1)
    error = refusal(frames)
    assert error.code == "calibration.moving"
    assert "bottom right in 4.png" in str(error)


def test_a_faint_shadow_that_moves_is_refused() -> None:
    frames = noisy(demo("empty"))
    part = frames["2.png"][100:220, 200:380]
    part[:] = np.rint(part * 0.9)
    assert refusal(frames).code == "calibration.moving"


def test_light_that_changes_is_refused() -> None:
    frames = noisy(demo("empty"))
    frames["3.png"] = np.rint(frames["3.png"] * 0.88).astype(np.uint8)
    assert refusal(frames).code == "calibration.light"


def test_too_few_frames_are_refused() -> None:
    assert refusal(noisy(demo("empty"), 4)).code == "calibration.frames"


def test_noise_alone_never_moves() -> None:
    for seed in range(0, 8, 2):
        solve_background(noisy(demo("empty"), 8, seed, noise=2 + seed))
