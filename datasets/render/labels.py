"""Artwork of the demo products: labels, carton faces and phone screens. All brands are invented."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from datasets.render.textures import BLACK, WHITE, Canvas, Rgb, Texture, barcode_label
from inspection.errors import ConfigError

SMALL_PRINT = (
    "Store in a cool dry place. Best before: see base. Recycle where facilities exist. Packed for the demo station."
)
Motif = Callable[[Canvas, float, float, float], None]


@dataclass(frozen=True, slots=True)
class Style:
    """How a product looks: its words, colours, the drawing on it, and the colour of what it holds."""

    brand: str
    variety: str
    content: str
    base: Rgb
    accent: Rgb
    ink: Rgb
    motif: Motif
    content_colour: Rgb = BLACK


def style_of(gtin: str) -> Style:
    """Artwork of a product.

    Raises:
        ConfigError: nobody has drawn this product yet.
    """
    try:
        return STYLES[gtin]
    except KeyError:
        raise ConfigError(
            f"no artwork for GTIN {gtin}", hint="Add it to STYLES in datasets/render/labels.py."
        ) from None


def can_label(gtin: str, width_mm: float, height_mm: float) -> Texture:
    """Paper label around a can; u = 0.5 is its middle, the bar code stands to the right of it."""
    style = style_of(gtin)
    art = Canvas(width_mm, height_mm, style.base)
    art.rect(0, 0, width_mm, 7, style.accent)
    art.rect(0, height_mm - 9, width_mm, 9, style.accent)
    art.rect(0, 8.2, width_mm, 1.0, WHITE)
    for centre in (width_mm * 0.5, width_mm * 0.02, width_mm * 1.02):
        art.ellipse(centre, height_mm * 0.30, 37, 15, WHITE)
        art.ellipse(centre, height_mm * 0.30, 35.4, 13.6, style.accent)
        art.text(
            style.brand,
            centre,
            height_mm * 0.30 + 4.6,
            _fitting(style.brand, 14),
            WHITE,
            weight=800,
            centre=True,
        )
        art.text(style.variety, centre, height_mm * 0.56, 8.5, style.ink, weight=700, centre=True)
        style.motif(art, centre, height_mm * 0.73, 11)
        art.text(style.content, centre, height_mm - 2.6, 6, WHITE, weight=700, centre=True)
    code = np.rot90(barcode_label(gtin, module_mm=0.62, bar_height_mm=24, px_per_mm=art.px_per_mm))
    art.paste(np.ascontiguousarray(code), width_mm * 0.69, (height_mm - 70) / 2)
    _small_print(art, width_mm * 0.21, 16, 34, style.ink)
    return art.pixels


def bottle_label(gtin: str, width_mm: float, height_mm: float) -> Texture:
    """Wrap-around film of a bottle; u = 0.5 is its middle."""
    style = style_of(gtin)
    art = Canvas(width_mm, height_mm, style.base)
    for i in range(5):
        x = np.linspace(0, width_mm, 160)
        y = height_mm * 0.80 + i * 3.4 + 2.2 * np.sin(2 * np.pi * x / width_mm * 4 + i)
        art.line(np.column_stack([x, y]), style.accent if i % 2 else WHITE, 1.5)
    for centre in (width_mm * 0.5, width_mm * 0.02, width_mm * 1.02):
        art.text(
            style.brand,
            centre,
            height_mm * 0.36,
            _fitting(style.brand, 15),
            style.ink,
            weight=800,
            centre=True,
        )
        art.text(style.variety, centre, height_mm * 0.50, 6, style.ink, weight=500, centre=True)
        style.motif(art, centre, height_mm * 0.66, 7)
        art.text(style.content, centre + 24, height_mm * 0.70, 5.5, style.ink, weight=700, centre=True)
    code = np.rot90(barcode_label(gtin, module_mm=0.5, bar_height_mm=20, px_per_mm=art.px_per_mm))
    art.paste(np.ascontiguousarray(code), width_mm * 0.67, (height_mm - 56.5) / 2)
    _small_print(art, width_mm * 0.22, 6, 30, style.ink)
    return art.pixels


def carton_faces(gtin: str, sizes: dict[str, tuple[float, float]]) -> dict[str, Texture]:
    """Printed faces of a brick carton lying on its back; words run along its long side."""
    style = style_of(gtin)
    faces = {}
    for name, (width, height) in sizes.items():
        art = Canvas(width, height, style.base)
        if name in {"top", "bottom"}:
            art.rect(0, 0, width * 0.12, height, style.accent)
            art.polygon([(width * 0.66, 0), (width, 0), (width, height), (width * 0.58, height)], style.accent)
            art.text(style.brand, 27, height * 0.42, _fitting(style.brand, 15.5, letters=10), style.ink, weight=800)
            art.text(style.variety, 29, height * 0.64, 11, style.ink, weight=600)
            art.text(style.content, 29, height * 0.86, 8, style.ink, weight=700)
            style.motif(art, width * 0.83, height * 0.5, 25)
        elif name in {"front", "back"}:
            art.rect(0, height - 7, width, 7, style.accent)
            code = barcode_label(gtin, module_mm=0.66, bar_height_mm=30, px_per_mm=art.px_per_mm)
            art.paste(code, width - 88, 12)
            art.text(style.brand, 8, 22, 12, style.ink, weight=800)
            art.text(style.variety, 8, 32, 7, style.ink, weight=500)
            _small_print(art, 8, 37, 60, style.ink)
        else:
            fold: Rgb = (max(0, style.base[0] - 26), max(0, style.base[1] - 26), max(0, style.base[2] - 26))
            for y in (height * 0.46, height * 0.54):
                art.rect(0, y, width, 0.7, fold)
            art.polygon([(0, height * 0.5), (width * 0.24, 0), (0, 0)], fold)
            art.polygon([(width, height * 0.5), (width * 0.76, 0), (width, 0)], fold)
            art.polygon([(0, height * 0.5), (width * 0.24, height), (0, height)], fold)
            art.polygon([(width, height * 0.5), (width * 0.76, height), (width, height)], fold)
        faces[name] = art.pixels
    return faces


def phone_screen(gtin: str, length: float, width: float, *, awake: bool, hour: tuple[int, int]) -> Texture:
    """What the glass of a lying phone shows: bezel, camera and, when awake, a lock screen; u runs along the phone."""
    style = style_of(gtin)
    art = Canvas(width, length, (9, 9, 11), 6.0)
    inset = 3.2
    if awake:
        rows, cols = art.pixels.shape[:2]
        v, u = np.mgrid[0:rows, 0:cols] / np.array([rows, cols]).reshape(2, 1, 1)
        wave = 0.5 + 0.5 * np.sin(3.2 * u + 5.5 * v + 0.7 * np.sin(6 * u))
        wall = (np.array(style.base) * (1 - wave[..., None]) + np.array(style.accent) * wave[..., None]).astype(
            np.uint8
        )
        screen = np.zeros((rows, cols), np.uint8)
        _rounded(screen, inset, 8.5, art.px_per_mm)
        art.pixels[screen > 0] = wall[screen > 0]
        middle = width / 2
        art.text(f"{hour[0]:02d}:{hour[1]:02d}", middle, 40, 17, WHITE, weight=500, centre=True)
        art.text("Monday 12 May", middle, 48, 5, WHITE, weight=400, centre=True)
        style.motif(art, middle, 92, 14)
        art.text(style.brand, middle, 122, 6.5, WHITE, weight=600, centre=True)
        art.rect(middle - 12, length - 8, 24, 1.1, WHITE)
        for x in (14.0, width - 14.0):
            art.ellipse(x, length - 18, 4.6, 4.6, (60, 62, 70))
    art.ellipse(width / 2, 8.6, 2.1, 2.1, BLACK)
    art.ellipse(width / 2, 8.6, 0.9, 0.9, (26, 30, 52))
    return np.ascontiguousarray(np.rot90(art.pixels))


def phone_sticker(gtin: str, serial: str) -> Texture:
    """Paper sticker with bar code and serial number, 60 x 30 mm."""
    art = Canvas(60, 30, WHITE, 8.0)
    art.paste(barcode_label(gtin, module_mm=0.5, bar_height_mm=15, px_per_mm=8.0), 1.7, 0.5)
    art.text(f"S/N {serial}", 30, 27.5, 5, BLACK, weight=500, centre=True)
    return art.pixels


def _fitting(words: str, size_mm: float, letters: int = 7) -> float:
    """Letter size for ``words``: smaller when they are longer than ``letters``."""
    return size_mm if len(words) <= letters else 12.5


def _small_print(art: Canvas, x: float, y: float, width: float, ink: Rgb) -> None:
    words = SMALL_PRINT.split()
    line, row = "", 0
    for word in [*words, ""]:
        if not word or len(line) + len(word) > width / 1.5:
            art.text(line.strip(), x, y + 4 + row * 3.6, 2.9, ink, weight=400)
            line, row = "", row + 1
        line += word + " "


def _rounded(mask: Texture, inset_mm: float, radius_mm: float, px_per_mm: float) -> None:
    rows, cols = mask.shape
    i, r = round(inset_mm * px_per_mm), round(radius_mm * px_per_mm)
    mask[i + r : rows - i - r, i : cols - i] = 255
    mask[i : rows - i, i + r : cols - i - r] = 255
    for y in (i + r, rows - i - r - 1):
        for x in (i + r, cols - i - r - 1):
            cv2.circle(mask, (x, y), r, 255, -1)


def _tomato(art: Canvas, x: float, y: float, size: float) -> None:
    for dx, dy, scale in ((-0.9, 0.15, 0.8), (0.9, 0.2, 0.75), (0, 0, 1)):
        art.ellipse(x + dx * size, y + dy * size, size * scale, size * scale * 0.86, (196, 38, 28))
        art.ellipse(x + (dx - 0.3) * size, y + (dy - 0.3) * size, size * 0.22, size * 0.12, (240, 130, 110), -30)
        for turn in range(0, 180, 36):
            art.ellipse(x + dx * size, y + (dy - 0.62 * scale) * size, size * 0.42, size * 0.08, (60, 120, 40), turn)


def _fish(art: Canvas, x: float, y: float, size: float) -> None:
    for dy, shade in ((-0.5, 178), (0.45, 150)):
        cy = y + dy * size
        art.ellipse(x, cy, size * 1.8, size * 0.38, (shade - 60, shade - 20, shade + 30))
        art.polygon(
            [(x + 1.6 * size, cy), (x + 2.4 * size, cy - 0.42 * size), (x + 2.4 * size, cy + 0.42 * size)],
            (shade - 70, shade - 30, shade + 10),
        )
        art.ellipse(x - 0.1 * size, cy + 0.12 * size, size * 1.5, size * 0.17, (226, 232, 236))
        art.ellipse(x - 1.35 * size, cy - 0.07 * size, size * 0.09, size * 0.09, BLACK)


def _oat(art: Canvas, x: float, y: float, size: float) -> None:
    t = np.linspace(0, 1, 24)
    stem = np.column_stack([x + 0.35 * size * np.sin(t * 2.2) - 0.1 * size, y + size * (1.1 - 2.1 * t)])
    art.line(stem, (166, 128, 60), 1.4)
    for i in range(3, 22, 3):
        for side in (-1, 1):
            sx, sy = stem[i]
            art.ellipse(sx + side * 0.26 * size, sy - 0.08 * size, 0.25 * size, 0.10 * size, (214, 172, 92), side * -38)


def _apple(art: Canvas, x: float, y: float, size: float) -> None:
    art.ellipse(x - 0.32 * size, y, 0.66 * size, 0.82 * size, (176, 34, 40), 8)
    art.ellipse(x + 0.32 * size, y, 0.66 * size, 0.82 * size, (198, 44, 46), -8)
    art.ellipse(x - 0.5 * size, y - 0.3 * size, 0.10 * size, 0.24 * size, (240, 150, 140), 20)
    art.line([(x, y - 0.6 * size), (x + 0.1 * size, y - 1.05 * size)], (92, 60, 30), 1.6)
    art.ellipse(x + 0.42 * size, y - 0.95 * size, 0.34 * size, 0.14 * size, (70, 140, 50), -24)


def _drop(art: Canvas, x: float, y: float, size: float) -> None:
    t = np.linspace(0, 2 * np.pi, 60)
    art.polygon(np.column_stack([x + 0.62 * size * np.sin(t) * np.sin(t / 2), y - size * np.cos(t)]), (36, 128, 205))
    art.ellipse(x - 0.14 * size, y + 0.35 * size, 0.10 * size, 0.26 * size, (200, 230, 250), 12)


def _lemon(art: Canvas, x: float, y: float, size: float) -> None:
    art.ellipse(x, y, size * 1.15, size * 0.82, (246, 206, 40), -18)
    art.ellipse(x, y, size * 0.84, size * 0.60, (252, 236, 150), -18)
    for turn in range(0, 180, 45):
        art.ellipse(x, y, size * 0.80, size * 0.035, (246, 206, 40), turn - 18)


def _halo(art: Canvas, x: float, y: float, size: float) -> None:
    art.ellipse(x, y, size, size, (255, 244, 214))
    art.ellipse(x, y, size * 0.82, size * 0.82, (64, 84, 170))
    art.ellipse(x + size * 0.25, y - size * 0.2, size * 0.3, size * 0.3, (250, 190, 120))


def _cloud(art: Canvas, x: float, y: float, size: float) -> None:
    for dx, dy, r in ((-0.7, 0.1, 0.5), (0, -0.2, 0.68), (0.7, 0.1, 0.52), (0, 0.25, 0.45)):
        art.ellipse(x + dx * size, y + dy * size, r * size, r * size * 0.9, (240, 246, 250))


STYLES = {
    "00614141401017": Style(
        "Sunrise", "Tomato soup", "400 g", (245, 226, 178), (178, 32, 28), (120, 24, 18), _tomato, (150, 34, 16)
    ),
    "00614141401024": Style(
        "Harbour", "Sardines in oil", "425 g", (214, 228, 236), (22, 64, 116), (16, 40, 78), _fish, (150, 120, 60)
    ),
    "00614141402014": Style(
        "Northfield", "Oat drink", "1 l", (240, 234, 216), (70, 116, 86), (42, 74, 54), _oat, (226, 214, 188)
    ),
    "00614141402021": Style(
        "Orchard Lane", "Apple juice", "1 l", (246, 240, 206), (232, 178, 58), (122, 36, 30), _apple, (196, 140, 52)
    ),
    "00614141403011": Style(
        "Clearwell",
        "Natural spring water",
        "0.5 l",
        (226, 240, 250),
        (120, 186, 228),
        (14, 70, 140),
        _drop,
        (120, 130, 136),
    ),
    "00614141403028": Style(
        "Zestra", "Lemon soda", "0.5 l", (62, 142, 70), (246, 214, 66), (252, 250, 232), _lemon, (190, 190, 110)
    ),
    "00614141404018": Style("Halo S3", "Phone", "128 GB", (48, 40, 112), (214, 108, 130), WHITE, _halo),
    "00614141404025": Style("Nimbus One", "Phone", "64 GB", (18, 66, 110), (86, 164, 188), WHITE, _cloud),
}
