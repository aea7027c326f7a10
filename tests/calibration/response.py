"""Pictures of a station through a camera whose response is known: colour mix, white balance, shading, noise, JPEG."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from calibration.draw import draw_target
from calibration.sample import linear_light
from calibration.targets import Target
from inspection.frame import Pixels

Floats = npt.NDArray[np.float64]
SIZE = (640, 360)


def encoded(light: Floats) -> Floats:
    """Linear light to sRGB codes 0..255 (IEC 61966-2-1)."""
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055) * 255


@dataclass(frozen=True)
class Response:
    """A camera and its light.

    ``shading``: (H, W), the light that arrives of what is there, 1 at its brightest. ``mix``: 3x3, what the camera's R,
    G and B take of the scene's; white balance and exposure are in it. ``bend``: exponent on the signal, 1 is linear.
    """

    mix: Floats
    shading: Floats
    noise: float = 0.004
    bend: float = 1.0
    jpeg: int | None = 92

    def level(self, factor: float) -> Response:
        return replace(self, mix=self.mix * factor)

    def picture(self, scene: Floats, rng: np.random.Generator, blur_px: float = 0.6) -> Pixels:
        """uint8 (H, W, 3) BGR of a scene (H, W, 3), linear R, G, B."""
        light = np.clip((scene * self.shading[..., None]) @ self.mix.T, 0, None)
        if blur_px:
            light = cv2.GaussianBlur(light, (0, 0), blur_px)
        light = np.clip(light, 0, None) ** self.bend
        light = light + rng.normal(0, self.noise, light.shape) * np.sqrt(0.1 + light)
        picture = np.clip(np.rint(encoded(light)), 0, 255).astype(np.uint8)[..., ::-1]
        if self.jpeg is None:
            return np.ascontiguousarray(picture)
        coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, self.jpeg])[1]
        return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)


def random_response(rng: np.random.Generator, size: tuple[int, int] = SIZE, bend: float = 0.0) -> Response:
    """Channels that see each other's light, a wrong white balance, vignetting off the middle and a lamp on one side."""
    mix = np.eye(3) + rng.uniform(0.0, 0.3, (3, 3)) * (1 - np.eye(3))
    mix /= mix.sum(axis=1, keepdims=True)
    balance = rng.uniform(0.55, 1.0, 3)
    mix = np.diag(balance / balance.max() * rng.uniform(0.75, 0.88)) @ mix
    return Response(
        mix=mix,
        shading=random_shading(rng, size),
        noise=float(rng.uniform(0.002, 0.012)),
        bend=float(rng.uniform(1 - bend, 1 + bend)),
        jpeg=int(rng.integers(85, 97)),
    )


def random_shading(rng: np.random.Generator, size: tuple[int, int] = SIZE) -> Floats:
    width, height = size
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    y = y * height / width
    off = rng.uniform(-0.2, 0.2, 2)
    vignetting = 1 / (1 + rng.uniform(0.1, 0.35) * ((x - off[0]) ** 2 + (y - off[1]) ** 2)) ** 2
    lamp = rng.uniform(-0.8, 0.8, 2)
    spot = 0.15 * np.exp(-((x - lamp[0]) ** 2 + (y - lamp[1]) ** 2) / 0.4)
    shading = vignetting * (1 + rng.uniform(-0.15, 0.15) * x + rng.uniform(-0.15, 0.15) * y + spot)
    return shading / shading.max()


@lru_cache(maxsize=4)
def drawn_light(target: Target, px_per_mm: float, margin_mm: float) -> Floats:
    """The target's light, linear R, G, B; only to be looked at, as all tests share it."""
    light = linear_light(cv2.cvtColor(draw_target(target, px_per_mm, margin_mm), cv2.COLOR_BGR2RGB))
    light.flags.writeable = False
    return light


def lying(
    target: Target,
    rng: np.random.Generator | None = None,
    size: tuple[int, int] = SIZE,
    *,
    fill: float = 0.85,
    table: tuple[float, float, float] = (0.05, 0.055, 0.065),
    shift: tuple[float, float] = (0, 0),
) -> Floats:
    """The target on a table, (H, W, 3) linear R, G, B; turned and tilted a little when ``rng`` is given."""
    width, height = size
    scale = fill * min(width / target.width_mm, height / target.height_mm)
    margin = 4.0
    fine = max(2.0, 2 * scale)
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [target.width_mm / 2, target.height_mm / 2]
    if rng is not None:
        turn = np.deg2rad(rng.uniform(-6, 6))
        turned = corners @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        corners = turned * 0.93 + rng.uniform(-0.02, 0.02, (4, 2)) * target.width_mm
    places = corners * scale + np.array([width, height]) / 2 + shift
    w, h = target.width_mm, target.height_mm
    known = (np.array([[0, 0], [w, 0], [w, h], [0, h]]) + margin) * fine - 0.5
    homography = cv2.getPerspectiveTransform(known.astype(np.float32), places.astype(np.float32))
    double = np.diag([2.0, 2.0, 1.0]) @ homography
    light = cv2.warpPerspective(
        drawn_light(target, fine, margin),
        double,
        (2 * width, 2 * height),
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(*table, 0),
    )
    return np.asarray(cv2.resize(light, size, interpolation=cv2.INTER_AREA), np.float64)


def white_sheet(rng: np.random.Generator, size: tuple[int, int] = SIZE, dust: int = 20) -> Floats:
    """An even sheet with specks of dust, (H, W, 3) linear R, G, B."""
    sheet = np.full((size[1], size[0], 3), 0.62)
    for _ in range(dust):
        place = (int(rng.integers(size[0])), int(rng.integers(size[1])))
        cv2.circle(sheet, place, int(rng.integers(1, 3)), (0.3, 0.3, 0.3), -1)
    return sheet


def mat(rng: np.random.Generator, size: tuple[int, int] = SIZE, contrast: float = 0.12) -> Floats:
    """A table with the fine grain of a cutting mat, (H, W, 3) linear R, G, B."""
    grain = cv2.GaussianBlur(rng.normal(0, 1, (size[1], size[0])), (0, 0), 1.5)
    coarse = cv2.GaussianBlur(rng.normal(0, 1, (size[1], size[0])), (0, 0), 12)
    grain = grain / grain.std() + 0.5 * coarse / coarse.std()
    return np.array([0.095, 0.105, 0.125]) * np.clip(1 + contrast * grain, 0.2, 3)[..., None]
