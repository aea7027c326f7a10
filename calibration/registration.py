"""Where the texture of a picture has moved to in another one, and how much of its contrast is left."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

POINTS = 12_000
"""Strongest places of the texture; more would be slower and no better."""
ROUNDS = 12
LEAST_TEXTURE = 3.0
"""Standard deviation of the texture in that of its noise, below which the table is plain and nothing can be said."""
LEAST_SCORE = 0.25
"""Correlation with the texture as it was, of what is fitted best, below which the view is another."""
RIM = 6
"""Pixels along the border where nothing is looked for."""
FINE_PX, COARSE_PX = 0.8, 3.0

Plane = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
_CORNERS = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Shift:
    """Where texture went.

    Attributes:
        found: whether there is texture and it was found again.
        lost: whether there is texture and it was not.
        score: correlation of the texture, -1..1.
        least_score: below which it counts as lost.
        contrast: of the fine structure now over then.
        places: float64 (4, 2), pixels: corners of the part that shows texture.
        moved: float64 (4, 2), where these are now.
    """

    found: bool
    lost: bool
    score: float
    least_score: float
    contrast: float
    places: Floats
    moved: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Register:
    """A picture prepared for finding its texture in others.

    Attributes:
        texture: float32 (h, w), the picture without its coarse shades.
        strength: float32 (h, w), steepness of the texture; 0 along the rim.
        noise: standard deviation of the noise in ``texture``.
    """

    texture: Plane
    slopes: tuple[Plane, Plane]
    strength: Plane
    noise: float

    @classmethod
    def of(cls, picture: Plane, noise: float) -> Register:
        """Prepare.

        Args:
            picture: float32 (h, w, 3), logarithm of light.
            noise: standard deviation of a pixel of its mean over the channels.
        """
        texture = band(picture)
        across = cv2.Sobel(texture, cv2.CV_32F, 1, 0, scale=1 / 8)
        down = cv2.Sobel(texture, cv2.CV_32F, 0, 1, scale=1 / 8)
        slopes = np.asarray(across, np.float32), np.asarray(down, np.float32)
        strength = np.hypot(*slopes)
        strength[:RIM] = strength[-RIM:] = 0
        strength[:, :RIM] = strength[:, -RIM:] = 0
        return cls(texture, slopes, strength, noise * _band_noise())

    def __call__(self, picture: Plane, free: Plane) -> Shift:
        """Find the texture in another picture of the same size.

        Args:
            picture: float32 (h, w, 3), logarithm of light.
            free: float32 (h, w), 1 where it may be looked for.
        """
        places = self._places(free)
        then = self.texture[places[:, 1], places[:, 0]].astype(np.float64) if len(places) else np.zeros(0)
        signal = float(np.square(then).mean() - self.noise**2) if len(then) else 0.0
        if len(then) < POINTS // 20 or signal < (LEAST_TEXTURE * self.noise) ** 2:
            return _nothing()
        texture = band(picture)
        best: tuple[float, Floats, Floats] | None = None
        for start in self._starts(texture, free):
            motion = self._refined(texture, places, then, start)
            now = _sampled(texture, places, motion)
            score = _correlation(then, now)
            if best is None or score > best[0]:
                best = score, motion, now
            if score > 3 * LEAST_SCORE:
                break
        assert best is not None  # noqa: S101 -- there is always a start
        score, motion, now = best
        contrast = _dot(then, now) / (len(then) * signal)
        x, y = np.percentile(places, [100 * _CORNERS, 100 * (1 - _CORNERS)], axis=0).T
        corners = np.array([[x[0], y[0]], [x[1], y[0]], [x[1], y[1]], [x[0], y[1]]], np.float64)
        lost = score < LEAST_SCORE and not _weak(then, now, signal)
        return Shift(not lost, lost, score, LEAST_SCORE, contrast, corners, self._warped(corners, motion))

    def _places(self, free: Plane) -> npt.NDArray[np.int64]:
        """The strongest free places, int64 (N, 2), x and y, the rim left out."""
        strength = self.strength * (free > 0.5)  # noqa: PLR2004
        flat = strength.ravel()
        count = min(POINTS, int((flat > 0).sum()))
        if count == 0:
            return np.zeros((0, 2), np.int64)
        chosen = np.argpartition(flat, len(flat) - count)[len(flat) - count :]
        return np.stack([chosen % strength.shape[1], chosen // strength.shape[1]], axis=1)

    def _starts(self, texture: Plane, free: Plane) -> Iterator[Floats]:
        """No movement, and, where that does not fit, what phase correlation says."""
        yield np.zeros(4)
        window = cv2.GaussianBlur(free, (0, 0), 3) * free
        (dx, dy), _ = cv2.phaseCorrelate(self.texture * window, texture * window)
        yield np.array([dx, dy, 0.0, 0.0])

    def _refined(self, texture: Plane, places: npt.NDArray[np.int64], then: Floats, start: Floats) -> Floats:
        """Gauss-Newton on shift, turn and growth; what fits badly (an item's shadow) loses its weight."""
        middle = self._middle()
        x, y = (places - middle).T
        motion = start.copy()
        across, down = self.slopes
        u, v = (slope[places[:, 1], places[:, 0]].astype(np.float64) for slope in (across, down))
        slope = np.stack([u, v, (u * x + v * y) / middle.max(), (v * x - u * y) / middle.max()], axis=1)
        power = max(_dot(then, then), 1e-12)
        for _ in range(ROUNDS):
            now = _sampled(texture, places, motion, middle)
            gain = max(_dot(then, now) / power, 0.1)
            off = now / gain - then
            weight = np.square(
                np.clip(1 - np.square(off / max(4.7 * 1.48 * float(np.median(np.abs(off))), 1e-9)), 0, 1)
            )
            weighted = slope * weight[:, None]
            normal = np.einsum("ni,nj->ij", weighted, slope) + 1e-12 * np.eye(4)
            step = np.linalg.lstsq(normal, np.einsum("ni,n->i", weighted, off), rcond=None)[0]
            step = np.clip(step, -2, 2)
            motion = motion - step
            if np.abs(step).max() < 0.003:  # noqa: PLR2004 -- pixels
                break
        return motion

    def _middle(self) -> Floats:
        return (np.array(self.texture.shape[::-1], np.float64) - 1) / 2

    def _warped(self, points: Floats, motion: Floats) -> Floats:
        return _moved(points, motion, self._middle())


def band(picture: Plane) -> Plane:
    """Structure between fine and coarse, of the mean of the channels, float32 (h, w)."""
    grey = np.asarray(cv2.transform(picture, np.full((1, 3), 1 / 3)), np.float32)
    return np.asarray(cv2.GaussianBlur(grey, (0, 0), FINE_PX) - cv2.GaussianBlur(grey, (0, 0), COARSE_PX), np.float32)


def _moved(points: Floats, motion: Floats, middle: Floats) -> Floats:
    x, y = (points - middle).T / middle.max()
    dx, dy, growth, turn = motion
    return np.asarray(points + np.stack([dx + growth * x - turn * y, dy + growth * y + turn * x], axis=1), np.float64)


def _sampled(texture: Plane, places: npt.NDArray[np.int64], motion: Floats, middle: Floats | None = None) -> Floats:
    if middle is None:
        middle = (np.array(texture.shape[::-1], np.float64) - 1) / 2
    at = _moved(places.astype(np.float64), motion, middle).astype(np.float32)
    side = 128
    padded = np.zeros((-(-len(at) // side) * side, 2), np.float32)
    padded[: len(at)] = at
    field = padded.reshape(-1, side, 2)
    found = cv2.remap(texture, field[..., 0], field[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(found, np.float64).ravel()[: len(at)]


def _correlation(one: Floats, other: Floats) -> float:
    return _dot(one, other) / max(float(np.sqrt(_dot(one, one) * _dot(other, other))), 1e-12)


def _dot(one: Floats, other: Floats) -> float:
    """Without BLAS, whose threads cost more than they save here, and far more on a busy machine."""
    return float(np.einsum("n,n->", one, other))


def _weak(then: Floats, now: Floats, signal: float) -> bool:
    """Whether little texture is there at all: the picture is blurred, not another."""
    return float(np.square(now).mean()) < 0.15 * signal and _correlation(then, now) > 0.08  # noqa: PLR2004


def _band_noise() -> float:
    """Standard deviation that white noise of 1 has in `band`."""
    fine, coarse = (cv2.getGaussianKernel(31, sigma) for sigma in (FINE_PX, COARSE_PX))
    return float(np.sqrt(np.square(fine @ fine.T - coarse @ coarse.T).sum()))


def _nothing() -> Shift:
    none = np.zeros((4, 2))
    return Shift(found=False, lost=False, score=0.0, least_score=LEAST_SCORE, contrast=1.0, places=none, moved=none)
