"""The inspection station as a Mitsuba scene: table, wall, soft lights, two cameras, and the item under them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import mitsuba as mi
import numpy as np
import numpy.typing as npt

from datasets.render.goods import Finish, Goods, Mask, Material, Part
from datasets.render.meshes import Array, write_ply
from datasets.render.textures import Texture, mat_texture

if mi.variant() is None:
    mi.set_variant("scalar_rgb")

VIEWS = ("top", "front")
_CAMERAS = {  # origin, target in mm; field of view along x in degrees
    "top": ((0.0, -70.0, 640.0), (0.0, -2.0, 30.0), 23.0),
    "front": ((0.0, -500.0, 390.0), (0.0, 4.0, 36.0), 23.0),
}
VEIL_OPACITY = 0.16
KNEE = 0.8  # of full white, where highlights begin to roll off
SRGB_LINEAR = 0.0031308  # IEC 61966-2-1: below this the curve is a line
Linear = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Station:
    """What varies from one picture to the next even at a fixed station.

    Attributes:
        seed: of the mat's grain and of the sampler.
        key, fill: radiance of the two lamps; ambient: of the room.
        warmth: red over blue of the lamps, 1 is neutral.
        lamp_shift_mm: lamp positions, (x, y).
        camera_shift_mm: (x, y, z) of each camera's origin.
    """

    seed: int
    key: float
    fill: float
    ambient: float
    warmth: float
    lamp_shift_mm: tuple[float, float]
    camera_shift_mm: tuple[float, float, float]


def draw_station(rng: np.random.Generator) -> Station:
    """A station with slightly different light and camera mounting."""
    return Station(
        seed=int(rng.integers(1, 2**31)),
        key=round(float(rng.uniform(13.0, 16.0)), 3),
        fill=round(float(rng.uniform(2.6, 4.4)), 3),
        ambient=round(float(rng.uniform(0.24, 0.34)), 3),
        warmth=round(float(rng.uniform(0.94, 1.10)), 3),
        lamp_shift_mm=(round(float(rng.uniform(-40, 40)), 1), round(float(rng.uniform(-40, 40)), 1)),
        camera_shift_mm=(
            round(float(rng.uniform(-7, 7)), 1),
            round(float(rng.uniform(-7, 7)), 1),
            round(float(rng.uniform(-7, 7)), 1),
        ),
    )


def write_meshes(goods: Goods, folder: Path) -> dict[str, Path]:
    """One PLY a part, in the item's coordinates after damage."""
    paths = {}
    for name, (points, normals) in goods.shaped().items():
        patch = goods.part(name).patch
        paths[name] = folder / f"{name}.ply"
        write_ply(paths[name], points, normals, patch.uv, patch.faces)
    return paths


def render_picture(
    goods: Goods | None,
    meshes: dict[str, Path],
    station: Station,
    view: str,
    size: tuple[int, int],
    spp: int,
    item: Mask | None = None,
) -> Texture:
    """Photograph the item (or the empty station): uint8 (H, W, 3) BGR, sRGB.

    Args:
        item: where the item is, bool (H, W); sparkle outside it (caustics that did not converge) is taken out.
    """
    scene = _station_dict(station)
    scene["sensor"] = sensor(station, view, size)
    scene["integrator"] = {
        "type": "aov",
        "aovs": "albedo:albedo,normal:sh_normal",
        # volpath sees lamps through walls that do not bend light, path does not
        "image": {"type": "volpath", "max_depth": 8, "rr_depth": 4}
        if _is_clear(goods)
        else {"type": "path", "max_depth": 5, "rr_depth": 4},
    }
    if goods is not None:
        pose = matrix(goods.pose)
        for part in goods.parts:
            scene[f"item-{part.name}"] = {
                "type": "ply",
                "filename": str(meshes[part.name]),
                "to_world": pose,
                "bsdf": part_bsdf(part),
                **_glow(part.material),
            }
    # in parallel, or merged, the lamps come in any order, and with them what the random numbers mean
    loaded = mi.load_dict(scene, parallel=False, optimize=False)
    channels = np.array(mi.render(loaded, spp=spp, seed=station.seed), dtype=np.float32)
    colour = without_sparkle(channels[..., :3], item, clear=_is_clear(goods))
    return develop(denoise(colour, channels[..., 3:6], channels[..., 6:9]))


def sensor(station: Station, view: str, size: tuple[int, int], *, filter_type: str = "gaussian") -> dict[str, Any]:
    """Camera of a view as a Mitsuba dictionary."""
    origin, target, fov = _CAMERAS[view]
    up = (0, 1, 0) if view == "top" else (0, 0, 1)
    place = [float(a + b) for a, b in zip(origin, station.camera_shift_mm, strict=True)]
    return {
        "type": "perspective",
        "fov": fov,
        "fov_axis": "x",
        "to_world": mi.ScalarTransform4f().look_at(origin=place, target=list(target), up=list(up)),
        "film": {
            "type": "hdrfilm",
            "width": size[0],
            "height": size[1],
            "pixel_format": "rgb",
            "rfilter": {"type": filter_type},
        },
        "sampler": {"type": "multijitter"},
    }


def matrix(pose: Array) -> mi.ScalarTransform4f:
    """A 4 x 4 pose as Mitsuba has it."""
    return mi.ScalarTransform4f(pose.tolist())


def part_bsdf(part: Part) -> dict[str, Any]:
    """Material, layers and holes of a part as a Mitsuba dictionary."""
    bsdf = _material_bsdf(part.material)
    for layer in part.layers:
        weight = np.ascontiguousarray(layer.weight.astype(np.float32)[..., None])
        bsdf = {
            "type": "blendbsdf",
            "weight": {"type": "bitmap", "bitmap": mi.Bitmap(weight), "raw": True, "wrap_mode": "clamp"},
            "below": bsdf,
            "above": _material_bsdf(layer.material),
        }
    if part.material.finish not in {Finish.SHELL, Finish.VEIL}:
        inside = {"type": "diffuse", "reflectance": {"type": "rgb", "value": [0.55, 0.52, 0.46]}}
        bsdf = {"type": "twosided", "outside": bsdf, "inside": inside}
    if part.opacity is not None:
        alpha = np.ascontiguousarray((part.opacity.astype(np.float32) / 255.0)[..., None])
        bsdf = {
            "type": "mask",
            "opacity": {"type": "bitmap", "bitmap": mi.Bitmap(alpha), "raw": True, "wrap_mode": "clamp"},
            "nested": bsdf,
        }
    return bsdf


def denoise(colour: Linear, albedo: Linear, normal: Linear) -> Linear:
    """Smooth the light but not the print: cross-bilateral filter of irradiance guided by albedo and normals.

    Args:
        colour, albedo, normal: float32 (H, W, 3), linear.
    """
    floor = 0.04
    light = colour / (albedo + floor)
    level = np.log1p(cv2.blur(light, (3, 3)))
    guide = np.concatenate([albedo * 4.0, normal * 3.0, level * 1.6], axis=2)
    total, weights = np.zeros_like(light), np.zeros((*light.shape[:2], 1), np.float32)
    radius = 3
    for dy in range(-radius, radius + 1):
        for dx in range(-radius, radius + 1):
            shift = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
            size = (light.shape[1], light.shape[0])
            moved = cv2.warpAffine(light, shift, size, flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
            planes = [
                cv2.warpAffine(guide[..., i], shift, size, flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
                for i in range(9)
            ]
            distance = sum((planes[i] - guide[..., i]) ** 2 for i in range(9))
            weight = np.exp(-8.0 * distance - (dx * dx + dy * dy) / 8.0)[..., None].astype(np.float32)
            total += weight * moved
            weights += weight
    smooth: Linear = total / weights * (albedo + floor)
    return smooth


def without_sparkle(colour: Linear, item: Mask | None, *, clear: bool = False) -> Linear:
    """Replace single pixels that outshine their 5 x 5 neighbours by far: on the table, and inside clear goods.

    Elsewhere on the item a bright pixel may be a true highlight of metal and stays.
    """
    median = cv2.merge([cv2.medianBlur(np.ascontiguousarray(colour[..., i]), 5) for i in range(3)])
    bright, around = colour.max(axis=2), median.max(axis=2)
    wild = bright > 1.6 * around + 0.02
    if item is not None:
        near = cv2.dilate(item.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        wild = np.where(near, clear & (bright > 2.0 * around + 0.12), wild)
    calm: Linear = np.where(wild[..., None], median, colour).astype(np.float32)
    return calm


def develop(linear: Linear) -> Texture:
    """Linear light to uint8 BGR: fixed exposure, soft shoulder, sRGB curve."""
    bright = np.clip(linear, 0, None)
    shoulder = np.where(bright > KNEE, KNEE + (1 - KNEE) * (1 - np.exp(-(bright - KNEE) / 0.35)), bright)
    encoded = np.where(
        shoulder <= SRGB_LINEAR, 12.92 * shoulder, 1.055 * np.power(np.maximum(shoulder, 1e-6), 1 / 2.4) - 0.055
    )
    picture: Texture = np.clip(np.round(encoded * 255), 0, 255).astype(np.uint8)[..., ::-1].copy()
    return picture


def _is_clear(goods: Goods | None) -> bool:
    return goods is not None and any(part.material.finish in {Finish.SHELL, Finish.VEIL} for part in goods.parts)


def _station_dict(station: Station) -> dict[str, Any]:
    rng = np.random.default_rng(station.seed)
    dx, dy = station.lamp_shift_mm
    tint = np.array([station.warmth, 1.0, 1.0 / station.warmth])
    at = mi.ScalarTransform4f()
    table = at.scale([600, 600, 1])
    return {
        "type": "scene",
        "room": {"type": "constant", "radiance": _rgb(tint * station.ambient)},
        "mat": {
            "type": "rectangle",
            "to_world": at.scale([420, 420, 1]),
            "bsdf": {"type": "diffuse", "reflectance": _texture(mat_texture(rng))},
        },
        "table": {
            "type": "rectangle",
            "to_world": at.translate([0, 0, -1.5]) @ table,
            "bsdf": {"type": "diffuse", "reflectance": {"type": "rgb", "value": [0.42, 0.42, 0.40]}},
        },
        "wall": {
            "type": "rectangle",
            "to_world": at.translate([0, 380, 300]).rotate([1, 0, 0], 90).scale([900, 400, 1]),
            "bsdf": {"type": "diffuse", "reflectance": {"type": "rgb", "value": [0.52, 0.53, 0.55]}},
        },
        "key": _lamp((-430 + dx, -180 + dy, 560), (180, 240), tint * station.key),
        "fill": _lamp((460 + dx, -40 + dy, 520), (150, 240), tint * station.fill),
    }


def _lamp(place: tuple[float, float, float], half_size: tuple[float, float], radiance: Array) -> dict[str, Any]:
    look = mi.ScalarTransform4f().look_at(origin=list(place), target=[0, 0, 30], up=[0, 1, 0])
    return {
        "type": "rectangle",
        "to_world": look @ mi.ScalarTransform4f().scale([half_size[0], half_size[1], 1]),
        "emitter": {"type": "area", "radiance": _rgb(radiance)},
    }


def _material_bsdf(material: Material) -> dict[str, Any]:
    colour = _colour(material.colour)
    rough = max(0.02, material.roughness)
    if material.finish is Finish.MATTE:
        return {"type": "diffuse", "reflectance": colour}
    if material.finish is Finish.SATIN:
        return {
            "type": "roughplastic",
            "diffuse_reflectance": colour,
            "alpha": rough,
            "int_ior": 1.45,
            "nonlinear": False,
        }
    if material.finish is Finish.GLOSS:
        return {"type": "plastic", "diffuse_reflectance": colour, "int_ior": 1.5}
    if material.finish is Finish.METAL:
        return {"type": "roughconductor", "material": "Al", "alpha": rough, "specular_reflectance": colour}
    if material.finish is Finish.VEIL:
        return {
            "type": "mask",
            "opacity": VEIL_OPACITY,
            "nested": {"type": "twosided", "bsdf": {"type": "diffuse", "reflectance": colour}},
        }
    return {"type": "thindielectric", "int_ior": 1.5, "ext_ior": 1.0, "specular_transmittance": colour}


def _glow(material: Material) -> dict[str, Any]:
    if material.glow <= 0 or not isinstance(material.colour, np.ndarray):
        return {}
    linear = np.power(material.colour.astype(np.float32) / 255.0, 2.2) * np.float32(material.glow)
    return {"emitter": {"type": "area", "radiance": {"type": "bitmap", "bitmap": mi.Bitmap(linear), "raw": True}}}


def _colour(colour: Texture | tuple[int, int, int]) -> dict[str, Any]:
    if isinstance(colour, np.ndarray):
        return _texture(colour)
    return _rgb(np.power(np.array(colour) / 255.0, 2.2))


def _texture(pixels: Texture) -> dict[str, Any]:
    return {"type": "bitmap", "bitmap": mi.Bitmap(np.ascontiguousarray(pixels)), "raw": False, "wrap_mode": "clamp"}


def _rgb(values: Array) -> dict[str, Any]:
    return {"type": "rgb", "value": [float(v) for v in values]}
