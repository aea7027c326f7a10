"""The light: known flicker, drift and noise are measured; what is too unsteady is refused."""

from __future__ import annotations

import numpy as np
import pytest

from calibration.light import LEAST_FRAMES, mains_of, solve_light
from inspection.errors import CalibrationError
from inspection.frame import Pixels
from tests.calibration.response import Response, mat, random_shading

SIZE = (160, 120)
SCENE = mat(np.random.default_rng(1), SIZE)
SHADING = random_shading(np.random.default_rng(2), SIZE)


def taken(
    count: int = 24,
    *,
    flicker: float = 0.0,
    beat: float = 0.2,
    drift: float = 0.0,
    rolling: float = 0.0,
    noise: float = 0.004,
) -> list[Pixels]:
    """Frames of a lamp whose light swings by ``flicker`` peak to peak, ``beat`` times a frame, and drifts."""
    rng = np.random.default_rng(3)
    response = Response(np.eye(3) * 3, SHADING, noise=noise, jpeg=None)
    rows = np.arange(SIZE[1])[:, None, None] / SIZE[1]
    frames = []
    for index in range(count):
        lamp = 1 + flicker / 2 * np.sin(2 * np.pi * (beat * index + rolling * rows))
        frames.append(response.picture(SCENE * lamp * (1 + drift * (index / (count - 1) - 0.5)), rng))
    return frames


def test_a_steady_light_is_told_as_steady() -> None:
    solution = solve_light(taken(), fps=30)
    assert solution.flicker < 0.01
    assert abs(solution.drift) < 0.002
    assert solution.beat_hz is None
    assert solution.level == pytest.approx(np.mean(taken(), axis=(0, 1, 2)), abs=0.1)


@pytest.mark.parametrize("flicker", [0.03, 0.06])
@pytest.mark.parametrize("rolling", [0.0, 1.0, 2.5])
def test_flicker_is_measured_whole_or_in_bands(flicker: float, rolling: float) -> None:
    solution = solve_light(taken(flicker=flicker, rolling=rolling), fps=30)
    assert solution.flicker == pytest.approx(flicker, rel=0.3)
    assert solution.beat_hz == pytest.approx(6, abs=0.3)


def test_drift_is_measured_with_its_sign() -> None:
    assert solve_light(taken(drift=-0.03)).drift == pytest.approx(-0.03, abs=0.003)
    assert solve_light(taken(drift=0.04)).drift == pytest.approx(0.04, abs=0.003)


@pytest.mark.parametrize("noise", [0.005, 0.02])
def test_noise_is_that_of_one_pixel(noise: float) -> None:
    frames = taken(noise=noise)
    true = float(np.std(np.stack([frame.astype(float) @ [0.114, 0.587, 0.299] for frame in frames]), axis=0).mean())
    assert solve_light(frames).noise == pytest.approx(true, rel=0.15)


@pytest.mark.parametrize(
    ("fps", "beat", "mains"), [(30, 10, 50), (24.8, 0.8, 50), (25, 5, 60), (29.97, 0.12, 60), (30, 4, None)]
)
def test_the_mains_are_told_by_what_they_beat_with(fps: float, beat: float, mains: float | None) -> None:
    assert mains_of(beat, fps) == mains


def test_flickering_lamps_are_refused_with_the_exposure_to_set() -> None:
    with pytest.raises(CalibrationError, match="50 Hz") as caught:
        solve_light(taken(flicker=0.3, beat=10 / 30), fps=30)
    assert caught.value.code == "calibration.flicker"
    assert "1/100 s" in caught.value.hint


def test_lamps_that_warm_up_are_refused() -> None:
    with pytest.raises(CalibrationError, match=r"\+10%") as caught:
        solve_light(taken(drift=0.1))
    assert caught.value.code == "calibration.warming_up"


def test_too_few_black_and_white_frames_are_refused() -> None:
    black, white = (np.full((SIZE[1], SIZE[0], 3), value, np.uint8) for value in (1, 255))
    for frames, code in ((taken(LEAST_FRAMES - 1), "frames"), ([black] * 9, "dark"), ([white] * 9, "clipped")):
        with pytest.raises(CalibrationError) as caught:
            solve_light(frames)
        assert caught.value.code == f"calibration.{code}"
        assert caught.value.hint
