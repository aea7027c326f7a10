"""Straight edges between dark and light: where exactly they lie and how blurred they are, in pixels."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Grey = npt.NDArray[np.uint8]
Light = npt.NDArray[np.float32]

_ALONG = np.linspace(0.12, 0.88, 13)
_STEPS = 33
_MIN_CONTRAST = 15.0
_NOISE = 0.1
_END_PART = 5
_REBLUR_PX = 2.0
_ROUNDS = 3
_WHITE, _GAMMA = 255.0, 2.2
"""About how cameras encode light (IEC 61966-2-1). Blur mixes light, not grey levels: half the light lies nearer to the
dark side than the middle grey, and dark squares would seem smaller, by up to the blur on every side."""
_LIGHT = ((np.arange(256) / _WHITE) ** _GAMMA).astype(np.float32)


def edge_blur(grey: Grey, starts: Floats, ends: Floats, reach_px: Floats) -> float:
    """Median standard deviation, in pixels, of the blur of straight edges between a dark and a light area.

    The profile across each edge is averaged along it; the second moment of its derivative is the blur's variance.

    Args:
        grey: uint8 (H, W).
        starts: float64 (N, 2), where each edge begins.
        ends: float64 (N, 2), where it ends.
        reach_px: float64 (N,), how far on both sides the areas are plain.

    Returns:
        0 for perfect edges; infinity when no edge has contrast. It cannot exceed ``reach_px / sqrt(3)``.
    """
    profiles, offsets = _profiles(_light(grey), starts, ends, reach_px)
    mean = profiles.mean(axis=1)
    strong = _contrasts(mean) >= _MIN_CONTRAST
    if not strong.any():
        return float("inf")
    slope = _slopes(mean[strong])
    place = (offsets[strong, 1:] + offsets[strong, :-1]) / 2
    middle = (slope * place).sum(axis=1, keepdims=True)
    return float(np.median(np.sqrt((slope * (place - middle) ** 2).sum(axis=1))))


def refine_quads(grey: Grey, quads: Floats, reach_px: Floats) -> Floats:
    """Corners of dark quadrilaterals on a light ground as intersections of lines fitted to their sides.

    Unlike a corner detector this has no bias towards the inside when the picture is blurred.

    Args:
        grey: uint8 (H, W).
        quads: float64 (N, 4, 2), corners to within a fraction of ``reach_px``.
        reach_px: float64 (N, 4), how far on both sides of each side the areas are plain.

    Returns:
        float64 (N, 4, 2). A quad whose sides have no contrast, or that would move further than its reach, stays.
    """
    refined, light = quads.copy(), _light(grey)
    for _ in range(_ROUNDS):
        starts, ends = refined.reshape(-1, 2), np.roll(refined, -1, axis=1).reshape(-1, 2)
        profiles, offsets = _profiles(light, starts, ends, reach_px.ravel())
        shifts = _crossings(profiles, offsets)
        normal = _normals(starts, ends)
        points = (
            starts[:, None] + (ends - starts)[:, None] * _ALONG[None, :, None] + shifts[..., None] * normal[:, None]
        )
        lines = np.stack([_line(side) for side in points]).reshape(-1, 4, 3)
        moved = np.cross(np.roll(lines, 1, axis=1), lines)
        with np.errstate(divide="ignore", invalid="ignore"):
            corners = moved[..., :2] / moved[..., 2:]
        weak = (_contrasts(profiles.mean(axis=1)) < _MIN_CONTRAST).reshape(-1, 4).any(axis=1)
        far = np.linalg.norm(corners - quads, axis=2) > reach_px
        good = ~weak & ~far.any(axis=1) & np.isfinite(corners).all(axis=(1, 2))
        refined[good] = corners[good]
    return refined


def picture_blur(grey: Grey) -> float:
    """Rough standard deviation, in pixels, of the blur of a picture's strongest edges; the worse of x and y.

    A picture that is blurred once more loses little if it was blurred before (after Crete and others 2007): edges of
    blur s weaken by ``sqrt(s^2 + 4) / s`` under a blur of 2 px. Infinity for a picture without any edge.
    """
    calm = np.asarray(cv2.GaussianBlur(grey, (0, 0), 0.8), np.float32)
    again = np.asarray(cv2.GaussianBlur(calm, (0, 0), _REBLUR_PX), np.float32)
    before, after = _strongest(calm), _strongest(again)
    if before.max() < 2:  # noqa: PLR2004 -- grey levels per pixel: nothing but noise
        return float("inf")
    ratio = float((before / np.maximum(after, 1e-6)).min())
    return float(_REBLUR_PX / np.sqrt(max(ratio**2 - 1, 1e-6)))


def _profiles(light: Light, starts: Floats, ends: Floats, reach_px: Floats) -> tuple[Floats, Floats]:
    """Light (N, places along, steps across) and the steps' distances (N, steps) from the edge in pixels."""
    along = starts[:, None] + (ends - starts)[:, None] * _ALONG[None, :, None]
    offsets = np.linspace(-1, 1, _STEPS)[None, :] * reach_px[:, None]
    places = along[:, :, None] + _normals(starts, ends)[:, None, None] * offsets[:, None, :, None]
    flat = places.reshape(len(starts) * len(_ALONG), _STEPS, 2).astype(np.float32)
    values = cv2.remap(light, flat[..., 0], flat[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(values, np.float64).reshape(len(starts), len(_ALONG), _STEPS), offsets


def _normals(starts: Floats, ends: Floats) -> Floats:
    direction = (ends - starts) / np.maximum(np.linalg.norm(ends - starts, axis=1, keepdims=True), 1e-9)
    return np.stack([-direction[:, 1], direction[:, 0]], axis=1)


def _light(grey: Grey) -> Light:
    """Light, 0..1, of grey levels."""
    return np.asarray(cv2.LUT(grey, _LIGHT), np.float32)


def _contrasts(profiles: Floats) -> Floats:
    """Grey levels between the darkest and the lightest of each profile (last axis)."""
    grey = _WHITE * np.maximum(profiles, 0) ** (1 / _GAMMA)
    return np.asarray(np.ptp(grey, axis=-1), np.float64)


def _crossings(profiles: Floats, offsets: Floats) -> Floats:
    """Where profiles (N, places, steps) pass the middle between their ends, nearest to the edge's place.

    float64 (N, places), in the unit of ``offsets`` (N, steps). A flat profile says something within them.
    """
    ends = profiles.shape[-1] // _END_PART
    first, last = (profiles[..., part].mean(axis=-1, keepdims=True) for part in (slice(ends), slice(-ends, None)))
    above = (profiles - (first + last) / 2) * np.sign(last - first)
    rises = (above[..., :-1] < 0) & (above[..., 1:] >= 0)
    from_middle = np.abs(np.arange(rises.shape[-1]) - rises.shape[-1] / 2)
    at = np.where(rises, from_middle, np.inf).argmin(axis=-1)
    before, after = (np.take_along_axis(above, (at + step)[..., None], -1)[..., 0] for step in (0, 1))
    part = np.where(after > before, -before / np.maximum(after - before, 1e-12), 0.5)
    rows = np.arange(len(offsets))[:, None]
    return np.asarray(offsets[rows, at] + np.clip(part, 0, 1) * (offsets[rows, at + 1] - offsets[rows, at]), np.float64)


def _slopes(profiles: Floats) -> Floats:
    """Share of each step in the rise of a profile (last axis), noise cut off."""
    slope = np.abs(np.diff(profiles, axis=-1))
    slope = np.where(slope > _NOISE * slope.max(axis=-1, keepdims=True), slope, 0.0)
    return np.asarray(slope / np.maximum(slope.sum(axis=-1, keepdims=True), 1e-9), np.float64)


def _line(points: Floats) -> Floats:
    """Homogeneous line through points (N, 2); those far from the first fit do not count in the second."""
    kept = points
    for _ in range(2):
        middle = kept.mean(axis=0)
        normal = np.linalg.svd(kept - middle)[2][1]
        off = np.abs((points - middle) @ normal)
        kept = points[off <= max(2.5 * float(np.median(off)), 0.05)]
    return np.array([normal[0], normal[1], -normal @ middle])


def _strongest(picture: npt.NDArray[np.float32]) -> Floats:
    """Slopes along x and along y, grey levels per pixel, that few pixels exceed."""
    slopes = (np.abs(cv2.Sobel(picture, cv2.CV_32F, *axis, scale=1 / 8)) for axis in ((1, 0), (0, 1)))
    return np.array([np.percentile(slope, 99.5) for slope in slopes])
