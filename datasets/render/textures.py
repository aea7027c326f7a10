"""Pictures drawn by us that go onto surfaces: a canvas in millimetres, noise, and the station's own surfaces."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from datasets.render.barcodes import MODULES, QUIET_LEFT, QUIET_RIGHT, ean13_modules, ean13_of
from datasets.render.meshes import Array

Rgb = tuple[int, int, int]
Texture = npt.NDArray[np.uint8]

WHITE, BLACK = (250, 250, 247), (20, 20, 22)
_SHIFT = 4  # OpenCV draws in 1/16 pixel


class Canvas:
    """An RGB picture addressed in millimetres, origin at the upper left.

    Attributes:
        pixels: uint8, (H, W, 3), RGB.
        px_per_mm: resolution.
    """

    def __init__(self, width_mm: float, height_mm: float, colour: Rgb, px_per_mm: float = 5.0) -> None:
        self.px_per_mm = px_per_mm
        self.pixels: Texture = np.full((round(height_mm * px_per_mm), round(width_mm * px_per_mm), 3), colour, np.uint8)

    def polygon(self, points_mm: Sequence[tuple[float, float]] | Array, colour: Rgb) -> None:
        scaled = np.round(np.asarray(points_mm) * self.px_per_mm * 2**_SHIFT).astype(np.int32)
        cv2.fillPoly(self.pixels, [scaled], colour, cv2.LINE_AA, _SHIFT)

    def rect(self, x: float, y: float, width: float, height: float, colour: Rgb) -> None:
        self.polygon([(x, y), (x + width, y), (x + width, y + height), (x, y + height)], colour)

    def ellipse(self, x: float, y: float, rx: float, ry: float, colour: Rgb, turn_deg: float = 0.0) -> None:
        t, turn = np.linspace(0, 2 * np.pi, 72, endpoint=False), np.radians(turn_deg)
        a, b = rx * np.cos(t), ry * np.sin(t)
        self.polygon(
            np.column_stack([x + a * np.cos(turn) - b * np.sin(turn), y + a * np.sin(turn) + b * np.cos(turn)]), colour
        )

    def line(self, points_mm: Sequence[tuple[float, float]] | Array, colour: Rgb, width_mm: float) -> None:
        scaled = np.round(np.asarray(points_mm) * self.px_per_mm * 2**_SHIFT).astype(np.int32)
        cv2.polylines(
            self.pixels, [scaled], False, colour, max(1, round(width_mm * self.px_per_mm)), cv2.LINE_AA, _SHIFT
        )

    def text(
        self, text: str, x: float, y: float, size_mm: float, colour: Rgb, *, weight: int = 600, centre: bool = False
    ) -> None:
        """Draw ``text`` with its baseline at y; ``size_mm`` is the em height."""
        font, size = cv2.FontFace("sans"), max(4, round(size_mm * self.px_per_mm))
        left = x * self.px_per_mm
        if centre:
            _, _, width, _ = cv2.getTextSize((10_000, 10_000), text, (0, 0), font, size, weight)
            left -= width / 2
        cv2.putText(self.pixels, text, (round(left), round(y * self.px_per_mm)), colour, font, size, weight)

    def paste(self, other: Texture, x: float, y: float) -> None:
        """Put a picture of the same resolution with its upper left corner at (x, y); what sticks out is cut off."""
        left, top = max(0, round(x * self.px_per_mm)), max(0, round(y * self.px_per_mm))
        target = self.pixels[top : top + other.shape[0], left : left + other.shape[1]]
        target[:] = other[: target.shape[0], : target.shape[1]]


def barcode_label(gtin: str, *, module_mm: float, bar_height_mm: float, px_per_mm: float) -> Texture:
    """EAN-13 symbol with quiet zones and the digits beneath, black on white, RGB."""
    modules = np.concatenate([np.zeros(QUIET_LEFT, bool), ean13_modules(gtin), np.zeros(QUIET_RIGHT, bool)])
    width_mm = len(modules) * module_mm
    canvas = Canvas(width_mm, bar_height_mm + 7.0, (255, 255, 255), px_per_mm)
    row = np.where(np.repeat(modules, 16), 12, 255).astype(np.uint8)[None, :]
    line = cv2.resize(row, (canvas.pixels.shape[1], 1), interpolation=cv2.INTER_AREA)
    top, bottom = round(1.5 * px_per_mm), round((1.5 + bar_height_mm) * px_per_mm)
    canvas.pixels[top:bottom] = line[0][None, :, None]
    digits = ean13_of(gtin)
    middle = (QUIET_LEFT + MODULES / 2) * module_mm
    canvas.text(
        f"{digits[0]}  {digits[1:7]}  {digits[7:]}", middle, bar_height_mm + 6.0, 4.6, BLACK, weight=400, centre=True
    )
    return canvas.pixels


def noise(points: Array, cell_mm: float, seed: int, octaves: int = 4) -> Array:
    """Fractal value noise at points (..., 3), 0..1, mean about 0.5; the same everywhere for the same point."""
    flat = points.reshape(-1, 3) / cell_mm
    total, weight, norm = np.zeros(len(flat)), 1.0, 0.0
    for octave in range(octaves):
        total += weight * _value_noise(flat * 2.0**octave, seed * 1013 + octave)
        norm += weight
        weight *= 0.5
    return (total / norm).reshape(points.shape[:-1])


def mat_texture(rng: np.random.Generator, size: int = 1024) -> Texture:
    """The station's rubber mat, sRGB, grey with fine grain."""
    speckle = rng.normal(0.0, 5.0, (size, size))
    broad = cv2.resize(rng.normal(0.0, 1.2, (24, 24)), (size, size), interpolation=cv2.INTER_CUBIC)
    base = np.array([74.0, 80.0, 88.0])
    return np.clip(base + (speckle + broad)[..., None], 0, 255).astype(np.uint8)


def _value_noise(points: Array, seed: int) -> Array:
    floor = np.floor(points)
    part = points - floor
    smooth = part * part * (3 - 2 * part)
    share = [(1 - smooth[:, axis], smooth[:, axis]) for axis in range(3)]
    cell = floor.astype(np.int64).astype(np.uint64)
    # one product an axis and side; a corner of the lattice cell is a sum of three
    keys = [(cell[:, axis] * factor, (cell[:, axis] + np.uint64(1)) * factor) for axis, factor in enumerate(_LATTICE)]
    total = np.zeros(len(points))
    for corner in range(8):
        x, y, z = corner & 1, corner >> 1 & 1, corner >> 2 & 1
        total += share[0][x] * share[1][y] * share[2][z] * _hash01(keys[0][x] + keys[1][y] + keys[2][z], seed)
    return total


_LATTICE = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F), np.uint64(0x165667B19E3779F9))


def _hash01(key: npt.NDArray[np.uint64], seed: int) -> Array:
    """Hash to 0..1 (the finaliser of MurmurHash3, 64 bit)."""
    mixed = key + np.uint64(seed * 0x27D4EB2F & 0xFFFFFFFF)
    for factor in (np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)):
        mixed ^= mixed >> np.uint64(33)
        mixed *= factor
    mixed ^= mixed >> np.uint64(33)
    fraction: Array = (mixed >> np.uint64(11)).astype(np.float64) / float(1 << 53)
    return fraction
