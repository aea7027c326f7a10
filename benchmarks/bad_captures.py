"""Good captures made bad, by cause and strength: optics in linear light, things laid on top where they would lie."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from inspection.frame import Pixels

Light = npt.NDArray[np.float32]
Rng = np.random.Generator

_GREYS = np.arange(256) / 255
_STEPS = np.linspace(0, 1, 16384)
_TO_LIGHT = np.where(_GREYS <= 0.04045, _GREYS / 12.92, ((_GREYS + 0.055) / 1.055) ** 2.4).astype(np.float32)
_CURVE = np.where(_STEPS <= 0.0031308, 12.92 * _STEPS, 1.055 * np.maximum(_STEPS, 1e-6) ** (1 / 2.4) - 0.055)
_TO_GREY = np.round(_CURVE * 255).astype(np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Good:
    """A good capture.

    Attributes:
        name: of the picture.
        pixels: uint8 (H, W, 3) BGR.
        item: bool (H, W), where the item is.
        empty: the station without it; ``None`` for a photograph.
        other: another item of the same view, for two at once.
    """

    name: str
    pixels: Pixels
    item: npt.NDArray[np.bool_]
    empty: Pixels | None = None
    other: Good | None = None


@dataclass(frozen=True, slots=True)
class Cause:
    """A cause of bad captures.

    Attributes:
        code: what a check should say.
        unit: of the strengths.
        strengths: rising.
        spoil: makes a good capture bad.
        needs_empty: it cannot be made from a photograph.
        also: other codes that are right answers too.
    """

    code: str
    unit: str
    strengths: tuple[float, ...]
    spoil: Callable[[Good, float, Rng], Pixels]
    needs_empty: bool = False
    also: tuple[str, ...] = ()


def to_light(pixels: Pixels) -> Light:
    """Linear light 0..1 of sRGB, float32."""
    return _TO_LIGHT[pixels]


def to_pixels(light: Light, rng: Rng, noise: float = 0.004) -> Pixels:
    """sRGB of linear light, with shot and read noise of a small sensor, through JPEG 92."""
    spread = np.sqrt(np.clip(light, 0, 1) * np.float32(noise**2) + np.float32((noise / 4) ** 2))
    noisy = np.clip(light + rng.standard_normal(light.shape, np.float32) * spread, 0, 1)
    pixels = _TO_GREY[np.round(noisy * (len(_TO_GREY) - 1)).astype(np.int32)]
    _, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 92])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def retaken(good: Good, rng: Rng) -> Pixels:
    """Another good capture of the same: light within a tenth, other noise, moved by up to 2 px."""
    shift = np.array([[1, 0, rng.uniform(-2, 2)], [0, 1, rng.uniform(-2, 2)]], np.float32)
    size = (good.pixels.shape[1], good.pixels.shape[0])
    moved = cv2.warpAffine(to_light(good.pixels), shift, size, borderMode=cv2.BORDER_REPLICATE)
    return to_pixels(
        np.asarray(moved, np.float32) * float(rng.uniform(0.9, 1.1)), rng, float(rng.uniform(0.002, 0.006))
    )


def defocus(good: Good, radius: float, rng: Rng) -> Pixels:
    reach = int(np.ceil(radius)) + 1
    fine = np.mgrid[-reach : reach : (2 * reach + 1) * 8j, -reach : reach : (2 * reach + 1) * 8j]
    kernel = cv2.resize(
        (np.hypot(*fine) <= radius).astype(np.float32), (2 * reach + 1,) * 2, interpolation=cv2.INTER_AREA
    )
    return _filtered(good, kernel, rng)


def motion(good: Good, length: float, rng: Rng) -> Pixels:
    reach = int(np.ceil(length / 2)) + 1
    kernel = np.zeros((2 * reach + 1,) * 2, np.float32)
    angle = rng.uniform(0, np.pi)
    for along in np.linspace(-length / 2, length / 2, 200):
        x, y = reach + along * np.cos(angle), reach + along * np.sin(angle)
        left, top = int(x), int(y)
        for dx, wx in ((0, 1 - x + left), (1, x - left)):
            for dy, wy in ((0, 1 - y + top), (1, y - top)):
                kernel[min(top + dy, 2 * reach), min(left + dx, 2 * reach)] += wx * wy
    return _filtered(good, kernel, rng)


def exposure(good: Good, gain: float, rng: Rng) -> Pixels:
    """Less light is amplified noise: the sensor's noise relative to the signal grows."""
    return to_pixels(to_light(good.pixels) * np.float32(gain), rng, 0.004)


def glare(good: Good, share: float, rng: Rng) -> Pixels:
    """A lamp mirrored in the item over ``share`` of its area, with a soft rim."""
    rows, columns = np.nonzero(good.item)
    place = int(rng.integers(len(rows)))
    radius = float(np.sqrt(share * len(rows) / np.pi))
    spot = np.zeros(good.item.shape, np.float32)
    axes = (max(1, round(radius * rng.uniform(0.8, 1.25))), max(1, round(radius)))
    centre = (int(columns[place]), int(rows[place]))
    cv2.ellipse(spot, centre, axes, float(rng.uniform(0, 180)), 0, 360, (1.0,), -1)
    spot = np.asarray(cv2.GaussianBlur(spot, (0, 0), max(0.6, radius / 8)), np.float32) * good.item
    return to_pixels(to_light(good.pixels) + 2.5 * spot[..., None], rng)


def reaching(good: Good, depth: float, rng: Rng, colour: tuple[float, float, float] | None = None) -> Pixels:
    """A hand or a tool comes in from a side, ``depth`` of the way to the middle of the item, with its shadow."""
    height, width = good.item.shape
    rows, columns = np.nonzero(good.item)
    target = np.array([columns.mean(), rows.mean()])
    side = int(rng.integers(4))
    start = [
        np.array([0, rng.uniform(0.2, 0.8) * height]),
        np.array([width, rng.uniform(0.2, 0.8) * height]),
        np.array([rng.uniform(0.2, 0.8) * width, 0]),
        np.array([rng.uniform(0.2, 0.8) * width, height]),
    ][side]
    end = start + (target - start) * depth
    thick = round(0.11 * min(height, width) * rng.uniform(0.8, 1.3) * (1.0 if colour is None else 0.45))
    outside = start - (target - start) * 0.3
    arm = np.zeros((height, width), np.float32)
    cv2.line(arm, _point(outside), _point(end), (1.0,), thick)
    if colour is None:
        for spread in (-0.5, -0.2, 0.1, 0.4):
            direction = (target - start) / max(1.0, float(np.linalg.norm(target - start)))
            turned = np.array([np.cos(spread) * direction[0] - np.sin(spread) * direction[1],
                               np.sin(spread) * direction[0] + np.cos(spread) * direction[1]])  # fmt: skip
            cv2.line(arm, _point(end), _point(end + turned * thick * 0.8), (1.0,), max(2, thick // 4))
    arm = np.asarray(cv2.GaussianBlur(arm, (0, 0), 0.8), np.float32)
    shade = np.asarray(cv2.GaussianBlur(np.roll(arm, (9, 14), (0, 1)), (0, 0), 9), np.float32)
    skin = np.array(_SKINS[int(rng.integers(len(_SKINS)))] if colour is None else colour, np.float32)
    round_light = 0.55 + 0.45 * np.asarray(cv2.GaussianBlur(arm, (0, 0), thick / 4), np.float32)
    light = to_light(good.pixels) * (1 - 0.5 * shade[..., None])
    light = light * (1 - arm[..., None]) + skin * (round_light * arm)[..., None]
    return to_pixels(light.astype(np.float32), rng)


def tool(good: Good, depth: float, rng: Rng) -> Pixels:
    """A gloved finger, a pen or a scanner: black, blue, green or orange."""
    colours = ((0.02, 0.02, 0.02), (0.35, 0.10, 0.03), (0.08, 0.25, 0.05), (0.03, 0.2, 0.75), (0.6, 0.6, 0.6))
    return reaching(good, depth, rng, colours[int(rng.integers(len(colours)))])


def cut_off(good: Good, share: float, rng: Rng) -> Pixels:
    """The item lies so that ``share`` of its box is outside the picture."""
    rows, columns = np.nonzero(good.item)
    height, width = good.item.shape
    across, down = np.ptp(columns) + 1, np.ptp(rows) + 1
    shifts = (
        (-columns.min() - share * across, 0),
        (width - columns.max() + share * across, 0),
        (0, -rows.min() - share * down),
        (0, height - rows.max() + share * down),
    )
    dx, dy = shifts[int(rng.integers(4))]
    return to_pixels(_pasted(_bare(good), good, np.array([[1, 0, dx], [0, 1, dy]], np.float32)), rng)


def shrunk(good: Good, side: float, rng: Rng) -> Pixels:
    """The item is so far away that its longer side is ``side`` pixels."""
    rows, columns = np.nonzero(good.item)
    scale = side / max(np.ptp(rows) + 1, np.ptp(columns) + 1)
    x, y = columns.mean(), rows.mean()
    warp = np.array([[scale, 0, x * (1 - scale)], [0, scale, y * (1 - scale)]], np.float32)
    return to_pixels(_pasted(_bare(good), good, warp), rng)


def second(good: Good, scale: float, rng: Rng) -> Pixels:
    """Another item beside it, ``scale`` of its size; both are made smaller until both have room."""
    other = good.other
    if other is None:
        raise ValueError("two items need another item")
    height, width = good.item.shape
    light = _bare(good)
    for one, place, size in ((good, 0.27, 0.4), (other, 0.76, 0.4 * scale)):
        rows, columns = np.nonzero(one.item)
        ratio = size * width / max(np.ptp(columns) + 1, (np.ptp(rows) + 1) * 0.7)
        dx = place * width - ratio * columns.mean()
        dy = (0.5 + rng.uniform(-0.05, 0.05)) * height - ratio * rows.mean()
        light = _pasted(light, one, np.array([[ratio, 0, dx], [0, ratio, dy]], np.float32))
    return to_pixels(light, rng)


def emptied(good: Good, gain: float, rng: Rng) -> Pixels:
    """Nothing lies there; the light differs a little."""
    return to_pixels(_bare(good) * np.float32(gain), rng)


CAUSES: Mapping[str, Cause] = {
    "defocus": Cause("blurred", "px radius", (1, 2, 3, 5, 8), defocus, also=("moved",)),
    "motion": Cause("moved", "px", (3, 6, 9, 15, 25), motion, also=("blurred",)),
    "too dark": Cause("too_dark", "x light", (0.7, 0.5, 0.35, 0.2, 0.1), exposure),
    "overexposed": Cause("overexposed", "x light", (1.4, 2.0, 2.8, 4.0, 6.0), exposure),
    "glare": Cause("glare", "of item", (0.03, 0.06, 0.12, 0.2, 0.3), glare, also=("overexposed",)),
    "hand": Cause("hand_in_view", "of way", (0.2, 0.4, 0.6, 0.8, 1.0), reaching),
    "tool": Cause("hand_in_view", "of way", (0.2, 0.4, 0.6, 0.8, 1.0), tool, also=("cut_off",)),
    "cut off": Cause("cut_off", "of item", (0.02, 0.05, 0.1, 0.25, 0.5), cut_off, True, also=("hand_in_view",)),
    "too small": Cause("too_small", "px", (120, 95, 70, 50, 30), shrunk, True, also=("nothing_there",)),
    "two items": Cause("two_items", "x size", (0.3, 0.5, 0.7, 0.85, 1.0), second, True),
    "nothing": Cause("nothing_there", "x light", (0.9, 0.95, 1.0, 1.05, 1.1), emptied, True),
}
_SKINS = ((0.14, 0.26, 0.48), (0.22, 0.36, 0.62), (0.07, 0.14, 0.29), (0.03, 0.06, 0.12), (0.30, 0.45, 0.72))
"""Linear BGR of skin, from dark to light complexions, in white light."""


def _filtered(good: Good, kernel: npt.NDArray[np.float32], rng: Rng) -> Pixels:
    light = cv2.filter2D(to_light(good.pixels), -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT)
    return to_pixels(np.asarray(light, np.float32), rng)


def _bare(good: Good) -> Light:
    if good.empty is None:
        raise ValueError("this needs a picture of the empty station")
    return to_light(good.empty)


def _pasted(onto: Light, good: Good, warp: npt.NDArray[np.float32]) -> Light:
    """The item and its contact shadow, moved by a 2x3 matrix, on another picture."""
    size = (onto.shape[1], onto.shape[0])
    soft = np.asarray(cv2.GaussianBlur(good.item.astype(np.float32), (0, 0), 0.7), np.float32)
    shade = np.asarray(cv2.GaussianBlur(good.item.astype(np.float32), (0, 0), 12), np.float32)
    moved = cv2.warpAffine(to_light(good.pixels), warp, size, flags=cv2.INTER_AREA)
    alpha = cv2.warpAffine(soft, warp, size)[..., None]
    dark = cv2.warpAffine(shade, warp, size)[..., None]
    return np.asarray(onto * (1 - 0.45 * dark) * (1 - alpha) + moved * alpha, np.float32)


def _point(place: npt.NDArray[np.float64]) -> tuple[int, int]:
    return round(float(place[0])), round(float(place[1]))
