"""How different two colours look: CIE L*a*b* of linear sRGB, and the CIEDE2000 difference."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
"""Linear sRGB to CIE XYZ, D65, 2 degrees (IEC 61966-2-1)."""
_FROM_XYZ = np.linalg.inv(TO_XYZ)
_WHITE = TO_XYZ.sum(axis=1)
_STEP = 6 / 29
_C7 = 25.0**7


def lab_of_linear(rgb: Floats) -> Floats:
    """CIE L*a*b* (CIE 15, white of sRGB) of linear sRGB (..., 3), R, G, B, 0..1; values outside continue smoothly."""
    ratio = np.asarray(rgb, np.float64) @ TO_XYZ.T / _WHITE
    f = np.where(ratio > _STEP**3, np.cbrt(ratio), ratio / (3 * _STEP**2) + 4 / 29)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)


def linear_of_lab(lab: Floats) -> Floats:
    """The inverse of `lab_of_linear`; colours outside of sRGB have values below 0 or above 1."""
    lab = np.asarray(lab, np.float64)
    base = (lab[..., 0] + 16) / 116
    f = np.stack([base + lab[..., 1] / 500, base, base - lab[..., 2] / 200], axis=-1)
    ratio = np.where(f > _STEP, f**3, 3 * _STEP**2 * (f - 4 / 29))
    return np.asarray(ratio * _WHITE @ _FROM_XYZ.T, np.float64)


def ciede2000(one: Floats, other: Floats) -> Floats:
    """Colour difference of L*a*b* values (..., 3), >= 0; 1 is about the least that is seen (CIE 142:2001)."""
    return np.asarray(np.linalg.norm(difference_parts(one, other), axis=-1), np.float64)


def difference_parts(one: Floats, other: Floats) -> Floats:
    """Three signed numbers (..., 3) whose root of the sum of squares is the CIEDE2000 difference.

    Smooth where the difference itself has a kink, at zero, which is what a least squares solver needs. The formulas are
    those of Sharma, Wu and Dalal, "The CIEDE2000 color-difference formula", Color Research and Application 30(1), 2005.
    """
    one, other = np.broadcast_arrays(np.asarray(one, np.float64), np.asarray(other, np.float64))
    chroma, hue = _chroma_and_hue(one, other)
    light = other[..., 0] - one[..., 0]
    step = chroma[1] - chroma[0]
    grey = chroma[0] * chroma[1] == 0
    turn = np.where(grey, 0.0, (hue[1] - hue[0] + 180) % 360 - 180)
    turn = np.where((turn == -180) & (hue[1] > hue[0]), 180.0, turn)  # noqa: PLR2004 -- half a turn
    around = 2 * np.sqrt(chroma[0] * chroma[1]) * np.sin(np.deg2rad(turn) / 2)
    mean_hue = np.where(grey, hue[0] + hue[1], _mean_hue(hue[0], hue[1]))
    mean_chroma = (chroma[0] + chroma[1]) / 2
    s_light, s_chroma, s_hue = _weights((one[..., 0] + other[..., 0]) / 2, mean_chroma, mean_hue)
    seventh = mean_chroma**7
    bend = np.deg2rad(60 * np.exp(-np.square((mean_hue - 275) / 25)))
    rotation = -np.sin(bend) * 2 * np.sqrt(seventh / (seventh + _C7))
    x, y, z = light / s_light, step / s_chroma, around / s_hue
    return np.stack([x, y + rotation / 2 * z, np.sqrt(1 - np.square(rotation) / 4) * z], axis=-1)


def _chroma_and_hue(one: Floats, other: Floats) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    """C' and h' (degrees) of both, with a* stretched by the mean chroma."""
    plain = (np.hypot(one[..., 1], one[..., 2]) + np.hypot(other[..., 1], other[..., 2])) / 2
    seventh = plain**7
    stretch = 1.5 - 0.5 * np.sqrt(seventh / (seventh + _C7))
    a = (one[..., 1] * stretch, other[..., 1] * stretch)
    b = (one[..., 2], other[..., 2])
    chroma = (np.hypot(a[0], b[0]), np.hypot(a[1], b[1]))
    hue = (np.rad2deg(np.arctan2(b[0], a[0])) % 360, np.rad2deg(np.arctan2(b[1], a[1])) % 360)
    return chroma, hue


def _mean_hue(one: Floats, other: Floats) -> Floats:
    total = one + other
    far = np.abs(one - other) > 180  # noqa: PLR2004 -- half a turn
    return np.asarray(np.where(far, np.where(total < 360, total + 360, total - 360), total) / 2, np.float64)  # noqa: PLR2004


def _weights(light: Floats, chroma: Floats, hue: Floats) -> tuple[Floats, Floats, Floats]:
    from_middle = np.square(light - 50)
    turn = (
        1
        - 0.17 * np.cos(np.deg2rad(hue - 30))
        + 0.24 * np.cos(np.deg2rad(2 * hue))
        + 0.32 * np.cos(np.deg2rad(3 * hue + 6))
        - 0.20 * np.cos(np.deg2rad(4 * hue - 63))
    )
    s_light = 1 + 0.015 * from_middle / np.sqrt(20 + from_middle)
    return s_light, 1 + 0.045 * chroma, 1 + 0.015 * chroma * turn
