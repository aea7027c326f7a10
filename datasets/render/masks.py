"""Exact masks: the same geometry and camera once more, where only the item and its defects give light."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mitsuba as mi
import numpy as np
import numpy.typing as npt

from datasets.masks import defects_in, mask_code, read_codes
from datasets.render.goods import Goods, Mask, Part
from datasets.render.scene import Station, matrix, sensor
from inspection.finding import Defect

MASK_SPP = 16
HALF = 0.5  # of a pixel that must show the item
SHARE = 0.25  # of a pixel that must show the defect; cracks are thinner than a pixel


def render_masks(
    goods: Goods, meshes: dict[str, Path], station: Station, view: str, size: tuple[int, int]
) -> tuple[Mask, dict[Defect, Mask]]:
    """Where the item and each of its defects are seen in a view, bool (H, W); hidden parts count for nothing.

    Every surface of the item emits 1 in red, and 1 in green or blue where a defect is; nothing reflects. What a pixel
    receives is therefore the share of it that shows the item or the defect.
    """
    defects = sorted({defect for part in goods.parts for defect in part.regions}, key=list(Defect).index)
    item = np.zeros((size[1], size[0]), bool)
    found: dict[Defect, Mask] = {}
    for first in range(0, max(1, len(defects)), 2):
        pair = defects[first : first + 2]
        shares = _emission(goods, meshes, station, view, size, pair)
        item |= shares[..., 0] >= HALF
        for channel, defect in enumerate(pair, start=1):
            found[defect] = shares[..., channel] >= SHARE
    for mask in found.values():
        item |= mask
    return item, {defect: mask for defect, mask in found.items() if mask.any()}


def mask_picture(masks: dict[Defect, Mask], size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """One grey picture of all masks; where two meet, the smaller one is on top."""
    picture = np.zeros((size[1], size[0]), np.uint8)
    for defect, mask in sorted(masks.items(), key=lambda entry: -int(entry[1].sum())):
        picture[mask] = mask_code(defect)
    return picture


def read_mask(path: Path) -> dict[Defect, Mask]:
    """Masks of a mask picture by defect; empty for an intact item."""
    picture = read_codes(path)
    return {defect: picture == mask_code(defect) for defect in defects_in(picture)}


def _emission(
    goods: Goods, meshes: dict[str, Path], station: Station, view: str, size: tuple[int, int], pair: list[Defect]
) -> npt.NDArray[np.float32]:
    black = {"type": "diffuse", "reflectance": {"type": "rgb", "value": 0.0}}
    scene: dict[str, Any] = {
        "type": "scene",
        "integrator": {"type": "path", "max_depth": 1},
        "sensor": sensor(station, view, size, filter_type="box"),
        "table": {"type": "rectangle", "to_world": mi.ScalarTransform4f().scale([2000, 2000, 1]), "bsdf": black},
    }
    for part in goods.parts:
        shape: dict[str, Any] = {
            "type": "ply",
            "filename": str(meshes[part.name]),
            "to_world": matrix(goods.pose),
            "bsdf": {"type": "twosided", "bsdf": black},
        }
        if part.belongs:
            shape["emitter"] = {"type": "area", "radiance": _radiance(part, pair)}
        scene[f"item-{part.name}"] = shape
    image: npt.NDArray[np.float32] = np.array(
        mi.render(mi.load_dict(scene, parallel=False, optimize=False), spp=MASK_SPP, seed=station.seed),
        dtype=np.float32,
    )
    return image


def _radiance(part: Part, pair: list[Defect]) -> dict[str, Any]:
    regions = [part.regions.get(defect) for defect in pair]
    shape = next((region.shape for region in regions if region is not None), (2, 2))
    pixels = np.zeros((*shape, 3), np.float32)
    pixels[..., 0] = 1.0
    for channel, region in enumerate(regions, start=1):
        if region is not None:
            pixels[..., channel] = region
    return {"type": "bitmap", "bitmap": mi.Bitmap(pixels), "raw": True, "filter_type": "nearest", "wrap_mode": "clamp"}
