"""Random views of a labelled picture: turned, mirrored, cropped, lit, blurred and compressed otherwise.

Every kind of goods gets the same treatment: turned with reflected borders, or now and then with black corners, so that
neither corners nor turns tell the label (the damaged phones of the training photographs come turned, the intact ones do
not).
"""

from __future__ import annotations

import random

import cv2
import numpy as np

from inspection.frame import Pixels

FREE_TURN, MIRROR, UPSIDE_DOWN, BLACK_CORNERS, BLUR, NOISE = 0.4, 0.5, 0.25, 0.3, 0.3, 0.3


def augment(pixels: Pixels, mask: Pixels | None, rng: random.Random) -> tuple[Pixels, Pixels | None]:
    """One random version of a picture (uint8, (H, W, 3), BGR) and of its mask codes (uint8, (H, W)), same size."""
    height, width = pixels.shape[:2]
    degrees = rng.uniform(-180, 180) if rng.random() < FREE_TURN else rng.uniform(-8, 8)
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, rng.uniform(0.9, 1.3))
    if rng.random() < MIRROR:
        matrix = matrix @ np.array([[-1, 0, width - 1], [0, 1, 0], [0, 0, 1]], np.float64)
    if rng.random() < UPSIDE_DOWN:
        matrix = matrix @ np.array([[1, 0, 0], [0, -1, height - 1], [0, 0, 1]], np.float64)
    matrix[:, 2] += rng.uniform(-0.05, 0.05) * width, rng.uniform(-0.05, 0.05) * height
    border = cv2.BORDER_CONSTANT if rng.random() < BLACK_CORNERS else cv2.BORDER_REFLECT
    turned = cv2.warpAffine(pixels, matrix, (width, height), borderMode=border)
    if mask is not None:
        codes = cv2.warpAffine(mask, matrix, (width, height), flags=cv2.INTER_NEAREST, borderMode=border)
        mask = np.asarray(codes, np.uint8)
    return _relight(np.asarray(turned, np.uint8), rng), mask


def _relight(pixels: Pixels, rng: random.Random) -> Pixels:
    tint = np.array([rng.uniform(0.92, 1.08) for _ in range(3)], np.float32)
    gamma = rng.uniform(0.8, 1.25)
    light = 255.0 * (pixels.astype(np.float32) / 255.0) ** gamma * tint * rng.uniform(0.75, 1.25)
    if rng.random() < NOISE:
        noise = np.random.default_rng(rng.getrandbits(32)).normal(0, rng.uniform(1, 6), pixels.shape)
        light += noise.astype(np.float32)
    result = np.clip(light, 0, 255).astype(np.uint8)
    if rng.random() < BLUR:
        result = np.asarray(cv2.GaussianBlur(result, (0, 0), rng.uniform(0.3, 1.1)), np.uint8)
    encoded = cv2.imencode(".jpg", result, [cv2.IMWRITE_JPEG_QUALITY, rng.randint(55, 95)])[1]
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)
