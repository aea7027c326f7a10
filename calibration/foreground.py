"""What in a picture is not the empty station: by difference from its background, or, without one, by what stands out.

Everything here works on a reduced picture; lengths are given for one whose longer side is `LONG_SIDE` pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from calibration.record import Background
from inspection.frame import Pixels

Mask = npt.NDArray[np.uint8]
Plane = npt.NDArray[np.float32]

LONG_SIDE = 640
_EPSILON = 0.004
"""Added to linear light before the logarithm: about the black level of an 8 bit picture."""
_GREYS = np.arange(256) / 255
_CURVED = 0.04045  # IEC 61966-2-1: below this the curve is a line
_LINEAR = np.where(_GREYS <= _CURVED, _GREYS / 12.92, ((_GREYS + 0.055) / 1.055) ** 2.4)
_LOG = np.log(_LINEAR + _EPSILON).astype(np.float32)
_LOG_PER_GREY = np.gradient(_LOG).astype(np.float32)

CHROMA = 0.06
"""Change of the logarithm of one channel against the mean of all: an item's own colour, unless it is a tinted shade."""
BRIGHTER = 0.25
DARKER = -1.6
"""Change of the logarithm of light: no lamp's shadow takes away four fifths of it, and nothing but an item adds."""
EDGE = 0.08
"""Change of the logarithm of light from one pixel to the next: shadows of wide lamps have no such edges."""
TINT = 0.5
SPREADS = 4.0
"""Where the empty station itself changes, a change must be as many of its standard deviations."""
RING = 12
"""The outermost twelfth of the picture tells how the light has changed since the background was taken."""
UNEVEN = 0.5
CLUSTERS = 6
LOUD = 12.0
PLAIN_COLOUR, PLAIN_DETAIL = 12.0, 0.25
"""Distance in Lab of most of the border from its median, and its mean slope of lightness, up to which it shows one
plain table. Those of rendered stations are 4 to 11 and 0.13 to 0.17; of things photographed anywhere, 30 and 1."""
PLAIN_SHARE = 90


@dataclass(frozen=True, slots=True, eq=False)
class EmptyView:
    """A background prepared for pictures of one reduced size.

    Attributes:
        log_light: float32 (h, w, 3), logarithm of linear light.
        spread: float32 (h, w), standard deviation of it while the station is empty.
    """

    log_light: Plane
    spread: Plane

    @classmethod
    def of(cls, background: Background | Pixels, size: tuple[int, int]) -> EmptyView:
        """Prepare a record's background, or one picture of the empty station, for a reduced (width, height)."""
        if isinstance(background, Background):
            mean, greys = background.mean(), background.spread()
        else:
            mean, greys = background, np.full(background.shape[:2], 1.0, np.float32)
        calm = cv2.GaussianBlur(resized(mean, size), (0, 0), max(0.5, 4 * scale_of(size)))
        spread = cv2.resize(greys, size, interpolation=cv2.INTER_AREA)
        per_grey = _LOG_PER_GREY[cv2.cvtColor(calm, cv2.COLOR_BGR2GRAY)]
        return cls(logarithm(calm), np.asarray(spread * per_grey, np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class Foreground:
    """What stands out of a reduced picture.

    Attributes:
        mask: uint8 (h, w), 1 where something is.
        score: float32 (h, w), how clearly; 1 is the threshold.
        gain: how many times as much light falls on the empty places as on the background; ``None`` without one.
        sure: what stands out is what lies there: there is a background, or the border shows one plain table.
    """

    mask: Mask
    score: Plane
    gain: float | None = None
    sure: bool = True


def scale_of(size: tuple[int, int]) -> float:
    """How large a reduced (width, height) is, 1 for a longer side of `LONG_SIDE`."""
    return max(size) / LONG_SIDE


def reduced_size(width: int, height: int, long_side: int = LONG_SIDE) -> tuple[int, int]:
    """(width, height) with the longer side at most ``long_side``, at least 1 pixel each."""
    factor = min(1.0, long_side / max(width, height))
    return max(1, round(width * factor)), max(1, round(height * factor))


def resized(picture: Pixels, size: tuple[int, int]) -> Pixels:
    """The picture as (width, height): averaged when it gets smaller, interpolated when larger."""
    if (picture.shape[1], picture.shape[0]) == size:
        return picture
    smaller = picture.shape[1] >= size[0]
    while min(picture.shape[1] // size[0], picture.shape[0] // size[1]) > 1:  # halving is far faster, and as good
        half = (picture.shape[1] // 2, picture.shape[0] // 2)
        picture = np.asarray(cv2.resize(picture, half, interpolation=cv2.INTER_AREA), np.uint8)
    return np.asarray(
        cv2.resize(picture, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR), np.uint8
    )


def logarithm(picture: npt.NDArray[Any]) -> Plane:
    """Logarithm of linear light, float32 of the same shape."""
    return np.asarray(cv2.LUT(picture, _LOG), np.float32)


def linear(grey: npt.NDArray[np.uint8]) -> Plane:
    """Linear light 0..1 of sRGB grey values, float32."""
    return np.asarray(_LINEAR, np.float32)[grey]


def differing(small: Pixels, empty: EmptyView, gap_px: float = 36) -> Foreground:
    """What differs from the empty station; an even change of light and soft shadows do not count.

    Args:
        small: uint8 (h, w, 3) BGR of the size that ``empty`` was prepared for.
        gap_px: half the width of gaps that are closed: plain places of clear bottles, but also the room between items.
    """
    unit = scale_of((small.shape[1], small.shape[0]))
    change = logarithm(cv2.GaussianBlur(small, (0, 0), max(0.5, unit))) - empty.log_light
    gain = _light_change(change)
    light = np.asarray(cv2.transform(change, np.full((1, 3), 1 / 3)), np.float32) - float(np.mean(gain))
    planes = cv2.split(change)  # plane by plane: far faster than over the last axis
    apart = [cv2.absdiff(plane - shift, light) for plane, shift in zip(planes, gain, strict=True)]
    chroma = cv2.max(cv2.max(apart[0], apart[1]), apart[2])
    noise = SPREADS * empty.spread
    shade = (light < -CHROMA) & (light > DARKER) & (chroma < TINT)
    colour = np.where(shade, 0, chroma) / np.maximum(CHROMA, noise)
    level = np.where(light > 0, light / np.maximum(BRIGHTER, noise), light / DARKER)
    edge = slope(cv2.GaussianBlur(light, (0, 0), max(0.5, 0.8 * unit))) * unit / np.maximum(EDGE, noise)
    edge = np.where(opened(as_mask(edge > 1), 1) > 0, edge, 0)
    score = np.asarray(np.maximum(np.maximum(colour, level), edge), np.float32)
    seeds = without_specks(opened(as_mask(score > 1), 1), 60 * unit * unit)
    mask = opened(filled(closed(seeds, round(gap_px * unit))), round(4 * unit))
    return Foreground(mask, score, float(np.exp(np.mean(gain))))


def standing_out(small: Pixels) -> Foreground:
    """What stands out of one picture alone: other colours than along the border, and more detail, rather in the middle.

    Args:
        small: uint8 (h, w, 3) BGR.
    """
    height, width = small.shape[:2]
    unit = scale_of((width, height))
    lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_BGR2LAB)
    border = border_ring(height, width, max(2, min(height, width) // 16))
    other = _unlike_border(cv2.GaussianBlur(lab, (0, 0), max(0.5, 3 * unit)), border)
    edges = slope(np.ascontiguousarray(lab[..., 0]))
    window = 2 * round(10 * unit) + 1
    detail = np.asarray(cv2.blur(edges, (window, window)), np.float32)
    sure = _plain(lab[border], float(np.mean(edges[border])) * unit)
    other = other / max(float(np.percentile(other[border], 90)), 4.0)
    detail = detail / max(float(np.percentile(detail[border], 85)), 0.8)
    loud = (np.minimum(other, LOUD / 2) + np.minimum(detail, LOUD / 2)) * (0.3 + 0.7 * middle(height, width))
    otsu, _ = cv2.threshold(as_mask(loud / LOUD * 255), 0, 255, cv2.THRESH_OTSU)
    score = np.asarray(loud / max(otsu / 255 * LOUD, 1.2), np.float32)
    mask = opened(filled(closed(as_mask(score > 1), round(8 * unit))), round(6 * unit))
    return Foreground(mask, score, sure=sure)


def middle(height: int, width: int) -> Plane:
    """1 in the middle of the picture, 0.03 in its corners: where an item is to be expected, float32 (h, w)."""
    down = np.exp(-((((np.arange(height) + 0.5) / height - 0.5) / 0.38) ** 2))
    across = np.exp(-((((np.arange(width) + 0.5) / width - 0.5) / 0.38) ** 2))
    return np.asarray(down[:, None] * across[None, :], np.float32)


def border_ring(height: int, width: int, breadth: int) -> npt.NDArray[np.bool_]:
    """True along the border of a picture, bool (height, width)."""
    ring = np.ones((height, width), np.bool_)
    ring[breadth : height - breadth, breadth : width - breadth] = False
    return ring


def as_mask(mask: npt.ArrayLike) -> Mask:
    """uint8, 1 for true."""
    return np.asarray(mask, np.uint8)


def disc(radius: int) -> Mask:
    """A round structuring element."""
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1)), np.uint8)


def closed(mask: Mask, radius: int) -> Mask:
    """Gaps narrower than twice the radius are filled; at the border of the picture as elsewhere."""
    if radius < 1:
        return mask
    wide = cv2.copyMakeBorder(mask, radius, radius, radius, radius, cv2.BORDER_CONSTANT)
    outline = cv2.distanceTransform(1 - wide, cv2.DIST_L2, 3) <= radius  # a large disc costs as much as a small one
    inner = cv2.distanceTransform(as_mask(outline), cv2.DIST_L2, 3) > radius
    return np.asarray(as_mask(inner)[radius:-radius, radius:-radius] | mask, np.uint8)


def filled(mask: Mask) -> Mask:
    """The mask without holes."""
    wide = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    cv2.floodFill(wide, None, (0, 0), (2,))
    return as_mask(wide[1:-1, 1:-1] != 2)  # noqa: PLR2004 -- the colour of the flood


def without_specks(mask: Mask, least_area: float) -> Mask:
    """Only parts of at least that many pixels."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    keep = stats[:, cv2.CC_STAT_AREA] >= least_area
    keep[0] = False
    return as_mask(keep[np.asarray(labels)])


def parts_of(mask: Mask, least_area: float = 0) -> list[Mask]:
    """The separate parts of a mask of at least that many pixels, largest first."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    areas = stats[:, cv2.CC_STAT_AREA]
    order = sorted((label for label in range(1, count) if areas[label] >= least_area), key=lambda label: -areas[label])
    return [as_mask(labels == label) for label in order]


def solidity(mask: Mask) -> float:
    """Share of its convex hull that the largest part of a mask covers, 0..1."""
    outline = max(cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0], key=cv2.contourArea)
    return cv2.contourArea(outline) / max(1.0, cv2.contourArea(cv2.convexHull(outline)))


def opened(mask: Mask, radius: int) -> Mask:
    """Without what is narrower than twice the radius."""
    return mask if radius < 1 else np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, disc(radius)), np.uint8)


def slope(plane: npt.NDArray[Any]) -> Plane:
    """Length of the gradient per pixel, float32 of the same shape."""
    across = cv2.Sobel(plane, cv2.CV_32F, 1, 0, scale=1 / 8)
    down = cv2.Sobel(plane, cv2.CV_32F, 0, 1, scale=1 / 8)
    return np.asarray(cv2.magnitude(across, down), np.float32)


def _light_change(change: Plane) -> npt.NDArray[np.float32]:
    """How the logarithm of light changed on the whole, per channel; 0 when the border is no even table any more."""
    height, width = change.shape[:2]
    breadth = max(1, min(height, width) // RING)
    inner = change[breadth:-breadth]
    sides = (change[:breadth], change[-breadth:], inner[:, :breadth], inner[:, -breadth:])
    ring = np.concatenate([side.reshape(-1, 3) for side in sides])[::3]
    median = np.median(ring, axis=0)
    uneven = float(np.median(np.abs(ring - median)))
    return np.asarray(median if uneven < UNEVEN else np.zeros(3), np.float32)


def _plain(border: npt.NDArray[Any], detail: float) -> bool:
    """Whether a border's colours, Lab (N, 3), are those of one plain table."""
    apart = np.linalg.norm((border - np.median(border, axis=0)) * np.array([1, 1.5, 1.5], np.float32), axis=1)
    return detail < PLAIN_DETAIL and bool(np.percentile(apart, PLAIN_SHARE) < PLAIN_COLOUR)


def _unlike_border(lab: npt.NDArray[Any], border: npt.NDArray[np.bool_]) -> Plane:
    """Distance in Lab, chroma counted half again, from the nearest of the border's colours."""
    weighted = lab * np.array([1, 1.5, 1.5], np.float32)
    samples = np.ascontiguousarray(weighted[border][::3])
    if len(samples) < CLUSTERS:
        return np.zeros(lab.shape[:2], np.float32)
    centres = _colours(samples)
    # |x - c|^2 = |x|^2 - 2 x.c + |c|^2, of all centres in one pass
    table = np.column_stack([-2 * centres, np.square(centres).sum(axis=1)]).astype(np.float32)
    nearest = cv2.reduce(cv2.transform(weighted.reshape(-1, 1, 3), table).reshape(-1, len(table)), 1, cv2.REDUCE_MIN)
    squares = cv2.transform(np.square(weighted), np.ones((1, 3), np.float32)) + np.reshape(nearest, lab.shape[:2])
    return np.asarray(np.sqrt(np.maximum(squares, 0)), np.float32)


def _colours(samples: Plane) -> Plane:
    """Up to `CLUSTERS` colours that make up the border, by k-means from quantiles of lightness, without chance."""
    order = np.argsort(samples[:, 0], kind="stable")
    ranks = (np.arange(len(samples)) * CLUSTERS) // len(samples)
    labels = np.empty((len(samples), 1), np.int32)
    labels[order, 0] = ranks
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 10, 0.5)
    _, nearest, centres = cv2.kmeans(samples, CLUSTERS, labels, criteria, 1, cv2.KMEANS_USE_INITIAL_LABELS)
    share = np.bincount(np.asarray(nearest).ravel(), minlength=CLUSTERS) / len(samples)
    return np.asarray(centres[share > 0.03], np.float32)  # noqa: PLR2004 -- rarer colours are specks
