"""The light over frames in a row: level, flicker and what it beats with, drift, and the noise of a pixel."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from calibration.alike import check_alike
from calibration.sample import linear_light
from inspection.errors import CalibrationError
from inspection.frame import Pixels

LEAST_FRAMES = 8
STRIPS = 24
"""A rolling shutter turns flicker into bands, so it is looked for in each of so many horizontal strips."""
MOST_FLICKER = 0.10
MOST_DRIFT = 0.05
LEAST_LEVEL = 8.0
MOST_CLIPPED = 0.25
MAINS_HZ = (50.0, 60.0)

Floats = npt.NDArray[np.float64]
_LINEAR = linear_light(np.arange(256, dtype=np.uint8)).astype(np.float32)
_CLEAR_BEAT = 6.0
_LEAST_BEAT = 0.002


@dataclass(frozen=True, slots=True, eq=False)
class LightSolution:
    """The light of the empty station.

    Attributes:
        level: mean of B, G and R, 0..255.
        flicker: peak to peak over the frames in linear light, relative, drift taken off, of the strip with
            the largest.
        drift: relative change of linear light from the first to the last frame, by a straight line.
        noise: standard deviation of one pixel over the frames, grey levels; the median of all pixels.
        beat_hz: how often a second the light goes up and down in the frames; ``None`` when it does not, or without fps.
        mains_hz: 50 or 60, when lamps on such mains (which flicker at twice that) explain the beat.
    """

    level: tuple[float, float, float]
    flicker: float
    drift: float
    noise: float
    beat_hz: float | None = None
    mains_hz: float | None = None


def solve_light(frames: Sequence[Pixels], *, fps: float | None = None) -> LightSolution:
    """Measure the light.

    Args:
        frames: at least 8 in a row of the empty station, uint8 (H, W, 3) BGR, all of one size.
        fps: frames per second, to tell what the flicker beats with.

    Raises:
        CalibrationError: ``calibration.frames``, ``.dark``, ``.clipped``; ``.flicker``: it varies by more than 10 %
            from frame to frame; ``.warming_up``: it changes by more than 5 % over the measurement.
    """
    if len(frames) < LEAST_FRAMES:
        raise CalibrationError(
            f"{len(frames)} frames are too few to see the light change, {LEAST_FRAMES} are needed",
            code="frames",
            hint="take them one after the other, with nothing in view that moves",
        )
    check_alike(frames)
    level = np.mean([frame.reshape(-1, 3).mean(axis=0) for frame in frames], axis=0)
    _check_level(frames, level)
    strips = np.stack([_strips(frame) for frame in frames])
    flicker, drift, rest = _changes(strips)
    beat = _beat(rest, fps) if fps else None
    mains = mains_of(beat, fps) if beat and fps else None
    _check_steady(flicker, drift, mains)
    blue, green, red = (float(value) for value in level)
    return LightSolution((blue, green, red), flicker, drift, pixel_noise(frames), beat, mains)


def mains_of(beat_hz: float, fps: float) -> float | None:
    """The mains whose lamps, flickering at twice its frequency, beat with ``fps`` this often; ``None`` if neither."""
    off = {mains: abs(_folded(2 * mains, fps) - beat_hz) for mains in MAINS_HZ}
    best = min(off, key=lambda mains: off[mains])
    return best if off[best] < max(0.05 * fps, 0.3) else None


def _folded(frequency: float, fps: float) -> float:
    """The frequency that samples taken ``fps`` times a second show."""
    rest = frequency % fps
    return min(rest, fps - rest)


def _check_level(frames: Sequence[Pixels], level: Floats) -> None:
    if level.max() < LEAST_LEVEL:
        raise CalibrationError(
            f"the frames are black: their level is {level.max():.0f} of 255",
            code="dark",
            hint="switch the lamps on, take the cap off the lens",
        )
    clipped = float((frames[0].max(axis=2) >= 255).mean())  # noqa: PLR2004 -- white
    if clipped > MOST_CLIPPED:
        raise CalibrationError(
            f"{clipped:.0%} of the picture is clipped",
            code="clipped",
            hint="shorten the exposure or turn the light down",
        )


def _check_steady(flicker: float, drift: float, mains: float | None) -> None:
    if flicker > MOST_FLICKER:
        lamps = f"; lamps on {mains:g} Hz mains do that" if mains else ""
        exposure = (
            f"1/{2 * mains:g} s or a multiple of it" if mains else "a multiple of 1/100 s (1/120 s on 60 Hz mains)"
        )
        raise CalibrationError(
            f"the light flickers by {flicker:.0%} from frame to frame, at most {MOST_FLICKER:.0%} is allowed{lamps}",
            code="flicker",
            hint=f"set the exposure time to {exposure}, or use lamps that do not flicker",
        )
    if abs(drift) > MOST_DRIFT:
        raise CalibrationError(
            f"the light changed by {drift:+.0%} while it was measured",
            code="warming_up",
            hint="wait until the lamps are warm, switch the camera's automatic exposure off, keep daylight out",
        )


def _strips(frame: Pixels) -> Floats:
    """Mean linear light of each strip, float64 (STRIPS,)."""
    rows = cv2.resize(cv2.LUT(frame, _LINEAR), (1, min(STRIPS, len(frame))), interpolation=cv2.INTER_AREA)
    return np.asarray(np.asarray(rows, np.float64).reshape(-1, 3).mean(axis=1), np.float64)


def _changes(strips: Floats) -> tuple[float, float, Floats]:
    """Flicker, drift, and the strips' relative changes (frames, STRIPS) without drift."""
    count = len(strips)
    time = np.linspace(-0.5, 0.5, count)
    relative = strips / strips.mean(axis=0) - 1
    whole = strips.sum(axis=1) / strips.sum(axis=1).mean() - 1
    slope = float((time * whole).sum() / np.square(time).sum())
    rest = relative - np.outer(time, time @ relative) / np.square(time).sum()
    return float(np.ptp(rest, axis=0).max()), slope, rest


def _beat(rest: Floats, fps: float) -> float | None:
    """Frequency with the most power, if it stands out and is larger than what noise does."""
    count = len(rest)
    padded = 8 * count
    power = np.square(np.abs(np.fft.rfft(rest * np.hanning(count)[:, None], padded, axis=0))).sum(axis=1)
    power[: padded // count] = 0
    place = int(np.argmax(power))
    typical = float(np.median(power[padded // count :]))
    if power[place] < _CLEAR_BEAT * typical or np.ptp(rest, axis=0).max() < _LEAST_BEAT:
        return None
    return place / padded * fps


def pixel_noise(frames: Sequence[Pixels]) -> float:
    """Standard deviation of one pixel, grey levels, the median over the picture; of at least two frames.

    From differences of frames that follow each other, so that drift does not count.
    """
    grey = [cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY).astype(np.float32) for frame in frames[:16]]
    steps = []
    for one, other in itertools.pairwise(grey):
        step = other - one
        steps.append(np.square(step - np.median(step)))
    return float(np.sqrt(np.median(np.mean(steps, axis=0)) / 2))
