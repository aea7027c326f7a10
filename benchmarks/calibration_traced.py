"""Path-traced pictures of a sheet on a table under one lamp, through a camera whose lens and noise are known."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import mitsuba as mi
import numpy as np
import numpy.typing as npt

from inspection.frame import Pixels
from tests.calibration.response import encoded
from tests.calibration.scenes import Camera, Floats

Light = npt.NDArray[np.float32]
Pose = tuple[Floats, Floats]
TABLE = 0.08
BELOW_MM = 3.0
REACH = 1.02
BRIGHTEST = 99.5
"""Percentile of light that counts as the brightest place: what the exposure is set by."""


@dataclass(frozen=True, eq=False)
class Sheet:
    """What lies there: its print, uint8 (h, w, 3) BGR, and its sides; the pose's origin is ``margin_mm`` inside."""

    print: Pixels
    width_mm: float
    height_mm: float
    margin_mm: float = 0.0


@dataclass(frozen=True)
class Lamp:
    """A square lamp that shines at the table's middle: where it hangs in the camera's frame, mm, and its colour."""

    place_mm: tuple[float, float, float]
    middle_mm: tuple[float, float, float]
    side_mm: float = 90.0
    rgb: tuple[float, float, float] = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Sensor:
    """What a picture suffers behind the lens: blur, noise in codes, JPEG quality."""

    blur_px: float
    noise: float
    jpeg: int


def traced(camera: Camera, sheet: Sheet, pose: Pose, lamp: Lamp, spp: int, seed: int) -> Light:
    """Linear light, R, G, B, float32 (H, W, 3), as it arrives behind the camera's distortion; of any brightness."""
    rays = camera.rays()
    reach = REACH * np.abs(rays).max(axis=(0, 1))
    focal = float(camera.matrix[0, 0])
    size = (int(2 * np.ceil(focal * reach[0])), int(2 * np.ceil(focal * reach[1])))
    light = _render(sheet, pose, lamp, focal, size, spp, seed)
    at = rays * focal + (np.array(size) / 2 - 0.5)
    seen = cv2.remap(light, at[..., 0].astype(np.float32), at[..., 1].astype(np.float32), cv2.INTER_LINEAR)
    return np.asarray(cv2.resize(seen, camera.size, interpolation=cv2.INTER_AREA), np.float32)


def brightest(light: Light) -> float:
    """Of the brightest channel."""
    return float(np.percentile(light.max(axis=2), BRIGHTEST))


def developed(light: Light | Floats, sensor: Sensor, rng: np.random.Generator) -> Pixels:
    """uint8 (H, W, 3) BGR of linear light, R, G, B, 0..1: blur, sRGB curve, noise, JPEG."""
    soft = cv2.GaussianBlur(np.asarray(light, np.float64), (0, 0), sensor.blur_px)
    code = encoded(np.asarray(soft, np.float64))
    code = code + rng.normal(0, sensor.noise, code.shape)
    picture = np.clip(np.rint(code), 0, 255).astype(np.uint8)[..., ::-1]
    packed = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, sensor.jpeg])[1]
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)


def random_lamp(rng: np.random.Generator, distance_mm: float) -> Lamp:
    """Beside the camera, on either side, of the white of a halogen or of a cold LED."""
    side = rng.choice([-1, 1])
    x, y = side * rng.uniform(0.2, 0.6) * distance_mm, rng.uniform(-0.4, 0.4) * distance_mm
    warm = rng.uniform(-0.25, 0.25)
    place = (float(x), float(y), float(rng.uniform(-1.2, -0.5) * distance_mm))
    return Lamp(place, (0.0, 0.0, distance_mm), rgb=(float(1 + warm), 1.0, float(1 - warm)))


def _render(sheet: Sheet, pose: Pose, lamp: Lamp, focal: float, size: tuple[int, int], spp: int, seed: int) -> Light:
    """Linear R, G, B, float32 (H, W, 3), through a pinhole at the origin that looks along z, y down."""
    margin = sheet.margin_mm
    half = np.diag([sheet.width_mm / 2, sheet.height_mm / 2, 1.0, 1.0])
    half[:2, 3] = sheet.width_mm / 2 - margin, sheet.height_mm / 2 - margin
    place = np.eye(4)
    place[:3, :3], place[:3, 3] = cv2.Rodrigues(pose[0])[0], pose[1]
    table = np.eye(4)
    table[:3, :3] = place[:3, :3] @ np.diag([900.0, 900.0, 1.0])
    table[:3, 3] = place[:3, 3] + place[:3, 2] * BELOW_MM
    rgb = np.ascontiguousarray(sheet.print[..., ::-1])
    paper = {"type": "bitmap", "bitmap": mi.Bitmap(rgb), "filter_type": "bilinear", "wrap_mode": "clamp"}
    hangs = mi.ScalarTransform4f().look_at(origin=list(lamp.place_mm), target=list(lamp.middle_mm), up=[0, 0.1, 1])
    scene = {
        "type": "scene",
        # light from the lamp only: nothing is reflected twice, and one sample of the lamp at a time has little noise
        "integrator": {"type": "direct", "emitter_samples": 1, "bsdf_samples": 0},
        "sensor": {
            "type": "perspective",
            "fov": float(np.degrees(2 * np.arctan(size[0] / 2 / focal))),
            "fov_axis": "x",
            "near_clip": 1.0,
            "far_clip": 10000.0,
            "to_world": mi.ScalarTransform4f(np.diag([-1.0, -1.0, 1.0, 1.0]).tolist()),
            "film": {
                "type": "hdrfilm",
                "width": size[0],
                "height": size[1],
                "pixel_format": "rgb",
                "rfilter": {"type": "box"},
            },
            "sampler": {"type": "multijitter", "sample_count": spp},
        },
        "sheet": {
            "type": "rectangle",
            "to_world": mi.ScalarTransform4f((place @ half).tolist()),
            "bsdf": {"type": "twosided", "print": {"type": "diffuse", "reflectance": paper}},
        },
        "table": {
            "type": "rectangle",
            "to_world": mi.ScalarTransform4f(table.tolist()),
            "bsdf": {"type": "twosided", "grey": {"type": "diffuse", "reflectance": {"type": "rgb", "value": TABLE}}},
        },
        "lamp": {
            "type": "rectangle",
            "to_world": hangs @ mi.ScalarTransform4f().scale([lamp.side_mm / 2, lamp.side_mm / 2, 1]),
            "emitter": {"type": "area", "radiance": {"type": "rgb", "value": list(lamp.rgb)}},
        },
    }
    return np.asarray(mi.render(mi.load_dict(scene), spp=spp, seed=seed), np.float32)
