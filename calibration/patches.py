"""The colours of the printed chart: a grey ramp and two rings of hues that sRGB and most printers can make."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Srgb = tuple[int, int, int]

GREYS_L = (96.0, 81.0, 66.0, 51.0, 36.0, 21.0)
RINGS = ((70.0, 38.0, 0.0), (48.0, 46.0, 15.0))
HUES = 12

_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_WHITE = _TO_XYZ.sum(axis=1)
_STEP = 6 / 29
_CODE_KNEE, _LINEAR_KNEE = 0.04045, 0.0031308


def chart_colours() -> dict[str, Srgb]:
    """Name and 8 bit sRGB of 30 colours: six greys from light to dark, then twelve light and twelve dark hues."""
    found = {f"grey{index}": _srgb(lightness, 0, 0) for index, lightness in enumerate(GREYS_L)}
    for ring, (lightness, chroma, start) in enumerate(RINGS):
        for index in range(HUES):
            found[f"{'light' if ring == 0 else 'dark'}{index}"] = _srgb(lightness, chroma, start + index * 360 / HUES)
    return found


def lab_of_srgb(srgb: Srgb) -> tuple[float, float, float]:
    """CIE L*a*b* (D65, 2 degrees; CIE 15) of 8 bit sRGB (IEC 61966-2-1), rounded to 0.001."""
    code = np.asarray(srgb, np.float64) / 255
    linear = np.where(code <= _CODE_KNEE, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
    ratio = _TO_XYZ @ linear / _WHITE
    f = np.where(ratio > _STEP**3, np.cbrt(ratio), ratio / (3 * _STEP**2) + 4 / 29)
    lab = (116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2]))
    return (round(float(lab[0]), 3), round(float(lab[1]), 3), round(float(lab[2]), 3))


def _srgb(lightness: float, chroma: float, hue: float) -> Srgb:
    """The sRGB code of a colour; its chroma shrinks until it is in the gamut."""
    turn = np.deg2rad(hue)
    for share in np.linspace(1, 0, 21):
        a, b = chroma * share * np.cos(turn), chroma * share * np.sin(turn)
        linear = _linear(lightness, a, b)
        if linear.min() >= 0 and linear.max() <= 1:
            break
    code = np.where(linear <= _LINEAR_KNEE, linear * 12.92, 1.055 * np.clip(linear, 0, 1) ** (1 / 2.4) - 0.055)
    red, green, blue = (int(value) for value in np.rint(code * 255))
    return (red, green, blue)


def _linear(lightness: float, a: float, b: float) -> Floats:
    base = (lightness + 16) / 116
    f = np.array([base + a / 500, base, base - b / 200])
    ratio = np.where(f > _STEP, f**3, 3 * _STEP**2 * (f - 4 / 29))
    return np.asarray(np.linalg.solve(_TO_XYZ, ratio * _WHITE), np.float64)
