"""The ways a picture is changed before a reader looks again; each knows the way back to the picture's own pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from devices.barcode.in_frame_code import Corners
from inspection.frame import Pixels

Affine = npt.NDArray[np.float64]
"""float64, shape (2, 3): from pixels of the rendering to pixels of the original picture."""

_GOOD_SIDE = 280  # pixels; a linear code of 95 modules then has three a module
_MARGIN_ABOVE = 0.4  # of the longer side; a square code that stands askew needs it
_LONGEST_SIDE = 1200
_FEWEST_PIXELS = 4
_TENSOR_SIDE = 96  # so many rows and columns tell a direction
_STRIPED = 0.4  # coherence: 1 is stripes, 0 is dots
_HALF = 0.5  # a pixel's centre lies half a pixel from its edge


@dataclass(frozen=True, slots=True, eq=False)
class Rendering:
    """A changed picture: gray ``pixels`` (uint8, H x W) and the way ``back`` to the picture's own pixels."""

    pixels: Pixels
    back: Affine

    @property
    def area(self) -> int:
        return int(self.pixels.size)

    def changed(self, pixels: object) -> Rendering:
        """The same geometry with other gray values."""
        return Rendering(np.asarray(pixels, np.uint8), self.back)

    def in_picture(self, points: npt.ArrayLike) -> list[tuple[float, float]]:
        """``points`` (N, 2) of the rendering as points of the original picture."""
        homogeneous = np.column_stack([np.asarray(points, np.float64), np.ones(np.shape(points)[0])])
        return [(float(x), float(y)) for x, y in homogeneous @ self.back.T]


def original(gray: Pixels) -> Rendering:
    """The picture as it is."""
    return Rendering(gray, np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]))


def scaled(rendering: Rendering, factor: float) -> Rendering:
    """Larger (cubic) or smaller (area average) by ``factor``."""
    if factor == 1:
        return rendering
    height, width = rendering.pixels.shape
    size = max(1, round(width * factor)), max(1, round(height * factor))
    how = cv2.INTER_CUBIC if factor > 1 else cv2.INTER_AREA
    pixels = cv2.resize(rendering.pixels, size, interpolation=how)
    x, y = width / size[0], height / size[1]
    step = np.array([[x, 0, _HALF * x - _HALF], [0, y, _HALF * y - _HALF]])
    return Rendering(np.asarray(pixels, np.uint8), _after(step, rendering.back))


def at_most(rendering: Rendering, pixels: int) -> Rendering:
    """No larger than so many pixels in all."""
    return rendering if rendering.area <= pixels else scaled(rendering, math.sqrt(pixels / rendering.area))


def turned(rendering: Rendering, degrees: float) -> Rendering:
    """Turned counter-clockwise about its centre, the whole of it kept; outside, the border's pixels go on."""
    height, width = rendering.pixels.shape
    cosine, sine = abs(math.cos(math.radians(degrees))), abs(math.sin(math.radians(degrees)))
    size = math.ceil(width * cosine + height * sine), math.ceil(width * sine + height * cosine)
    forward = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1)
    forward[:, 2] += ((size[0] - width) / 2, (size[1] - height) / 2)
    pixels = cv2.warpAffine(rendering.pixels, forward, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return Rendering(
        np.asarray(pixels, np.uint8), _after(np.asarray(cv2.invertAffineTransform(forward), np.float64), rendering.back)
    )


def upright(rendering: Rendering, corners: Corners, *, margin: float) -> Rendering:
    """Cut-out around a code, turned so that it is read from left to right, a small one up to twice as large.

    A reader's corners say little about the slant of a linear code, of which it may have seen one line; where there are
    bars, they say how the cut-out must be turned.

    Args:
        rendering: the original picture.
        corners: the code in it.
        margin: what is added on the left and right, of the code's longer side; above and below no more than needed.
    """
    top_left, top_right, bottom_right, bottom_left = (np.array(point) for point in corners)
    along = (top_right - top_left + bottom_right - bottom_left) / 2
    across = (bottom_left - top_left + bottom_right - top_right) / 2
    width, height = float(np.hypot(*along)), float(np.hypot(*across))
    direction = _across_bars(rendering.pixels, corners, along / width if width else np.array([1.0, 0.0]))
    longer = max(width, height, 1.0)
    beside, above = margin * longer, min(margin, _MARGIN_ABOVE) * longer
    factor = min(2.0, max(1.0, _GOOD_SIDE / longer), _LONGEST_SIDE / longer)
    size = math.ceil((width + 2 * beside) * factor), math.ceil((height + 2 * above) * factor)
    normal = np.array([-direction[1], direction[0]])
    centre = (top_left + top_right + bottom_right + bottom_left) / 4
    linear = np.column_stack([direction, normal]) / factor
    offset = centre - linear @ ((np.array(size) - 1) / 2)
    back = np.column_stack([linear, offset])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    pixels = cv2.warpAffine(rendering.pixels, back, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return Rendering(np.asarray(pixels, np.uint8), _after(back, rendering.back))


def _across_bars(pixels: Pixels, corners: Corners, reading: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Unit vector across the bars around ``corners``, the way nearest to ``reading``; that itself where no bars are.

    The direction is that of the structure tensor; see ``in_frame_patches`` for the same over a whole picture.
    """
    points = np.array(corners)
    reach = 0.1 * float(np.ptp(points, axis=0).max()) + 4
    left, top = np.maximum(np.floor(points.min(axis=0) - reach), 0).astype(int)
    right, bottom = (np.ceil(points.max(axis=0) + reach)).astype(int)
    around = pixels[top:bottom, left:right]
    if min(around.shape) < _FEWEST_PIXELS:
        return reading
    stride = math.ceil(max(around.shape) / _TENSOR_SIDE)
    here = around[:-1:stride, :-1:stride].astype(np.float32)
    dx = around[:-1:stride, 1::stride].astype(np.float32) - here
    dy = around[1::stride, :-1:stride].astype(np.float32) - here
    xx, yy, xy = float((dx * dx).sum()), float((dy * dy).sum()), float((dx * dy).sum())
    if math.hypot(xx - yy, 2 * xy) < _STRIPED * (xx + yy) or xx + yy == 0:
        return reading
    angle = math.atan2(2 * xy, xx - yy) / 2
    across = np.array([math.cos(angle), math.sin(angle)])
    return across if across @ reading >= 0 else -across


def unsharp(rendering: Rendering, sigma: float, amount: float) -> Rendering:
    """Unsharp mask: what a Gaussian of ``sigma`` pixels takes away is added ``amount`` times; against blur."""
    soft = cv2.GaussianBlur(rendering.pixels, (0, 0), sigma)
    return rendering.changed(cv2.addWeighted(rendering.pixels, 1 + amount, soft, -amount, 0))


def soft(rendering: Rendering, sigma: float) -> Rendering:
    """Gaussian blur; against noise and the rings of coarse JPEG."""
    return rendering.changed(cv2.GaussianBlur(rendering.pixels, (0, 0), sigma))


def even(rendering: Rendering) -> Rendering:
    """Contrast made even (CLAHE, limit 3, 8 x 8 fields); against shade, glare and weak print."""
    return rendering.changed(cv2.createCLAHE(3, (8, 8)).apply(rendering.pixels))


def levelled(rendering: Rendering, radius: int) -> Rendering:
    """Each neighbourhood stretched from its darkest to its brightest, those of ``radius`` pixels around."""
    side = 2 * radius + 1
    window = np.ones((side, side), np.uint8)
    darkest = cv2.blur(cv2.erode(rendering.pixels, window), (side, side))
    brightest = cv2.blur(cv2.dilate(rendering.pixels, window), (side, side))
    span = np.maximum(cv2.subtract(brightest, darkest), 16)  # what is flat stays flat
    return rendering.changed(cv2.divide(cv2.subtract(rendering.pixels, darkest), span, scale=255))


def darker(rendering: Rendering) -> Rendering:
    """Gray values squared; tells bars from each other that glare has washed out."""
    levels = np.arange(256, dtype=np.float64) / 255
    return rendering.changed(cv2.LUT(rendering.pixels, np.round(255 * levels**2).astype(np.uint8)))


def _after(first: Affine, then: Affine) -> Affine:
    """The affine map ``first`` followed by ``then``."""
    matrix: Affine = np.vstack([then, [0, 0, 1]]) @ np.vstack([first, [0, 0, 1]])
    return matrix[:2]


__all__ = [
    "Affine",
    "Rendering",
    "at_most",
    "darker",
    "even",
    "levelled",
    "original",
    "scaled",
    "soft",
    "turned",
    "unsharp",
    "upright",
]
