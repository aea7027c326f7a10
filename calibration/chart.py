"""What pictures of a colour chart say about its patches: mean colours, and which patches cannot be used and why."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from calibration.colour import Patches
from calibration.correct import gain_map
from calibration.detect import Sighting
from calibration.record import FlatField
from calibration.sample import CLIPPED, linear_light, sample_patches
from calibration.targets import Card, ColourChart
from inspection.errors import CalibrationError
from inspection.frame import Pixels

LEAST_SPAN = 0.25
"""The lightest patch must be at least this bright, in linear light, or noise is measured instead of colours."""

Floats = npt.NDArray[np.float64]


def patches_of(
    shown: Sequence[tuple[Pixels, Sighting]], target: ColourChart | Card, flat: FlatField | None = None
) -> Patches:
    """Mean colour of each patch over pictures, as the flat field would show it.

    Args:
        shown: pictures, uint8 (H, W, 3) BGR, as the camera gives them, and where the target is in each.
        target: the chart or card.
        flat: evens out the light; ``None`` takes the picture as it is.

    Raises:
        CalibrationError: no picture; ``calibration.dark``; ``calibration.partial_target``: a patch is too small.
    """
    if not shown:
        raise CalibrationError("no picture shows the chart", code="no_target")
    sampled = [sample_patches(picture, target, sighting) for picture, sighting in shown]
    gains = [
        np.ones(len(target.patches)) if flat is None else _gains_at(flat, picture, samples.quads_px)
        for (picture, _), samples in zip(shown, sampled, strict=True)
    ]
    weights = np.stack([np.where(samples.good, samples.used, 0.0) for samples in sampled])
    light = np.stack([samples.rgb for samples in sampled])
    even = light * np.stack(gains)[..., None]
    good = weights.sum(axis=0) > 0
    used = np.where(good, weights, 1.0)[..., None]
    rgb = (even * used).sum(axis=0) / used.sum(axis=0)
    brightest = float(light.max())
    if brightest < linear_light(np.array([CLIPPED]))[0] * LEAST_SPAN:
        raise CalibrationError(
            f"the lightest patch has {brightest:.0%} of full light, at least {LEAST_SPAN:.0%} is needed",
            code="dark",
            hint="turn the light up or expose longer until white paper is light grey",
        )
    names = [patch.name for patch in target.patches]
    bright = light.max(axis=(0, 2)) > linear_light(np.array([CLIPPED]))[0] * 0.95
    refused = {name: "clipped" if bright[place] else "glare" for place, name in enumerate(names) if not good[place]}
    return Patches(names, np.array([patch.lab for patch in target.patches]), rgb, refused)


def _gains_at(flat: FlatField, picture: Pixels, quads_px: Floats) -> Floats:
    """Gain at the middle of each quad, float64 (N,)."""
    height, width = picture.shape[:2]
    middle = np.rint(quads_px.mean(axis=1)).astype(np.int64)
    gains = gain_map(flat, (width, height))
    return np.asarray(gains[middle[:, 1].clip(0, height - 1), middle[:, 0].clip(0, width - 1)], np.float64)
