"""Random views of an item that was found: cut out more or less well, on another table, in other light, or damaged.

Where shooting days tell the label, neither the table nor the light of the day may. So the item, whose mask is known, is
put before other backgrounds, and the light is changed more than for pictures judged whole (:mod:`.augment`).
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from inspection.finding import Box
from inspection.frame import Pixels
from models.training.paint import paint, smooth

FREE_TURN, MIRROR, UPSIDE_DOWN, BLACK_CORNERS, BLUR, NOISE = 0.35, 0.5, 0.2, 0.3, 0.3, 0.3
OTHER_BACKGROUND, PHOTOGRAPHED_BACKGROUND = 0.5, 0.6
UNFOUND = 0.05
"""Share of cut pictures shown whole, as when the finder sees nothing."""
SMALLER, LARGER, SHIFT = 0.14, 0.25, 0.06
WITHOUT_COLOUR, UNEVEN_LIGHT, COMPRESSED = 0.15, 0.4, 0.6


def item_view(
    pixels: Pixels,
    mask: Pixels | None,
    rng: np.random.Generator,
    size: int,
    crop: Box,
    *,
    item: Pixels | None = None,
    backgrounds: Sequence[Pixels] = (),
    painted: bool = False,
) -> tuple[Pixels, Pixels | None]:
    """One random version (uint8, (size, size, 3), BGR) of a picture, and its mask codes (uint8, (size, size)).

    Args:
        pixels: uint8 (H, W, 3) BGR.
        mask: mask codes, uint8 (H, W).
        rng: decides everything.
        size: side of the version.
        crop: what the finder cuts out; the version is cut about there.
        item: mask of the item, uint8 (H, W), 255 on it; needed for another background and for painted damage.
        backgrounds: photographs to take backgrounds from.
        painted: whether damage is painted on the item.
    """
    height, width = pixels.shape[:2]
    matrix = _matrix(rng, size, Box(0, 0, width, height), crop)
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    source = pixels if scale > 0.7 else cv2.GaussianBlur(pixels, (0, 0), 0.35 / scale)  # noqa: PLR2004 - no aliasing
    border = cv2.BORDER_CONSTANT if rng.random() < BLACK_CORNERS else cv2.BORDER_REFLECT
    turned = np.asarray(cv2.warpAffine(source, matrix, (size, size), borderMode=border), np.uint8)
    if mask is not None:
        codes = cv2.warpAffine(mask, matrix, (size, size), flags=cv2.INTER_NEAREST, borderMode=border)
        mask = np.asarray(codes, np.uint8)
    if item is not None:
        shown = np.asarray(cv2.warpAffine(item, matrix, (size, size)), np.uint8)
        if painted:
            turned = paint(turned, shown, rng)
        if rng.random() < OTHER_BACKGROUND:
            turned = put_on(turned, shown, background(rng, size, backgrounds))
    return relight(turned, rng), mask


def put_on(pixels: Pixels, item: Pixels, behind: Pixels) -> Pixels:
    """The item (mask uint8, 255 on it) of one picture before another, with a soft edge; all of one size."""
    soft = cv2.GaussianBlur(cv2.dilate(item, np.ones((5, 5), np.uint8)), (0, 0), 1.5)[..., None] / np.float32(255)
    return np.asarray(pixels * soft + behind * (1 - soft), np.uint8)


def background(rng: np.random.Generator, size: int, photographs: Sequence[Pixels]) -> Pixels:
    """A background (uint8, (size, size, 3), BGR): a part of a photograph, sharp or not, or an uneven plain colour."""
    if photographs and rng.random() < PHOTOGRAPHED_BACKGROUND:
        picture = photographs[int(rng.integers(len(photographs)))]
        side = int(min(picture.shape[:2]) * rng.uniform(0.4, 1))
        y, x = (int(rng.integers(length - side + 1)) for length in picture.shape[:2])
        part = cv2.resize(picture[y : y + side, x : x + side], (size, size))
        if rng.random() < 0.6:  # noqa: PLR2004 - mostly out of focus
            part = cv2.GaussianBlur(part, (0, 0), rng.uniform(1, 12))
        return np.asarray(part * (rng.uniform(0.2, 0.8) if rng.random() < 0.5 else 1.0), np.uint8)  # noqa: PLR2004
    colour = rng.uniform(10, 200) + rng.normal(0, 12, 3)
    grain = smooth(rng, size, size, 4) * rng.uniform(0, 25) + rng.normal(0, rng.uniform(0, 8), (size, size))
    return np.asarray(np.clip(colour + grain[..., None], 0, 255), np.uint8)


def relight(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Other light, colour, contrast, focus, noise and compression."""
    light = pixels.astype(np.float32) / np.float32(255)
    grey = cv2.cvtColor(light, cv2.COLOR_BGR2GRAY)[..., None]
    colour = 0.0 if rng.random() < WITHOUT_COLOUR else rng.uniform(0.5, 1.3)
    light = np.clip(grey + (light - grey) * np.float32(colour), 1e-4, 1) ** np.float32(rng.uniform(0.7, 1.4))
    light = light * np.exp(rng.normal(0, 0.08, 3)).astype(np.float32) * np.float32(rng.uniform(0.7, 1.3))
    if rng.random() < UNEVEN_LIGHT:
        light *= np.exp(0.15 * smooth(rng, pixels.shape[0], pixels.shape[1], 3))[..., None]
    mean = light.mean()
    light = mean + (light - mean) * np.float32(rng.uniform(0.75, 1.25))
    if rng.random() < NOISE:
        light += rng.standard_normal(pixels.shape[:2], np.float32)[..., None] * np.float32(rng.uniform(0.005, 0.03))
    result = np.clip(light * 255, 0, 255).astype(np.uint8)
    if rng.random() < BLUR:
        result = np.asarray(cv2.GaussianBlur(result, (0, 0), rng.uniform(0.4, 1.3)), np.uint8)
    if rng.random() < COMPRESSED:
        encoded = cv2.imencode(".jpg", result, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(45, 95))])[1]
        result = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)
    return np.asarray(result, np.uint8)


def _matrix(rng: np.random.Generator, size: int, whole: Box, crop: Box) -> np.ndarray:
    """From the picture to its version, 2 x 3: about the crop, or now and then about the whole."""
    part = whole if rng.random() < UNFOUND else crop
    side = max(part.width, part.height) * np.exp(rng.uniform(-SMALLER, LARGER))
    x = part.x + part.width / 2 + rng.uniform(-SHIFT, SHIFT) * side
    y = part.y + part.height / 2 + rng.uniform(-SHIFT, SHIFT) * side
    angle = np.deg2rad(rng.uniform(-180, 180) if rng.random() < FREE_TURN else rng.uniform(-8, 8))
    scale, aspect = size / side, np.exp(rng.normal(0, 0.05))
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turn[0] *= aspect * (-1 if rng.random() < MIRROR else 1)
    turn[1] *= (-1 if rng.random() < UPSIDE_DOWN else 1) / aspect
    return np.asarray(np.c_[turn, np.array([size / 2, size / 2]) - turn @ np.array([x, y])])
