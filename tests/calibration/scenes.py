"""Pictures of targets through a camera that is known: matrix, distortion, pose, light, blur, noise, JPEG."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from calibration.draw import draw_target
from calibration.targets import Target
from inspection.frame import Pixels

Floats = npt.NDArray[np.float64]
FINE = 2
MARGIN_MM = 12.0
CRITERIA = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 60, 1e-10)


@dataclass
class Camera:
    """A pinhole camera with OpenCV's distortion."""

    matrix: Floats
    distortion: Floats
    size: tuple[int, int] = (1280, 720)
    _rays: Floats | None = field(default=None, repr=False)

    @classmethod
    def of(cls, focal: float, distortion: tuple[float, ...], size: tuple[int, int] = (1280, 720)) -> Camera:
        matrix = np.array([[focal, 0, size[0] / 2 + 7.3], [0, focal * 1.001, size[1] / 2 - 4.6], [0, 0, 1]])
        return cls(matrix, np.array(distortion), size)

    def rays(self) -> Floats:
        """float32 (H * FINE, W * FINE, 2): normalised direction of every sub-pixel."""
        if self._rays is None:
            width, height = self.size
            u, v = np.meshgrid(np.arange(-2, width + 2), np.arange(-2, height + 2))
            points = np.stack([u, v], axis=-1).reshape(-1, 1, 2).astype(np.float64)
            rays = cv2.undistortPoints(points, self.matrix, self.distortion, criteria=CRITERIA)
            rays = rays.reshape(height + 4, width + 4, 2).astype(np.float32)
            fine_u = (np.arange(width * FINE) + 0.5) / FINE - 0.5 + 2
            fine_v = (np.arange(height * FINE) + 0.5) / FINE - 0.5 + 2
            at_u, at_v = np.meshgrid(fine_u.astype(np.float32), fine_v.astype(np.float32))
            self._rays = cv2.remap(rays, at_u, at_v, cv2.INTER_LINEAR)
        return self._rays

    def project(self, points_mm: Floats, rotation: Floats, translation: Floats) -> Floats:
        """float64 (N, 2) pixels of points (N, 2) on the target."""
        solid = np.column_stack([points_mm, np.zeros(len(points_mm))])
        return cv2.projectPoints(solid, rotation, translation, self.matrix, self.distortion)[0].reshape(-1, 2)


def look_at(
    target: Target,
    distance: float,
    tilt: tuple[float, float] = (0, 0),
    turn: float = 0,
    shift: tuple[float, float] = (0, 0),
) -> tuple[Floats, Floats]:
    """Rodrigues vector and translation: the target's middle ``shift`` mm off the axis, tilted and turned in degrees."""
    about_x, about_y, about_z = (cv2.Rodrigues(np.deg2rad(axis))[0] for axis in np.diag([tilt[0], tilt[1], turn]))
    rotation = about_x @ about_y @ about_z
    middle = np.array([target.width_mm / 2, target.height_mm / 2, 0]) * target.print_scale
    translation = np.array([*shift, distance]) - rotation @ middle
    return cv2.Rodrigues(rotation)[0].ravel(), translation


@lru_cache(maxsize=8)
def drawn(target: Target, px_per_mm: float, gamma: float) -> npt.NDArray[np.float32]:
    """The light that the target with its margin throws back, 0..1; only to be looked at, as all tests share it."""
    sheet = cv2.LUT(draw_target(target, px_per_mm, MARGIN_MM), ((np.arange(256) / 255) ** gamma).astype(np.float32))
    sheet.flags.writeable = False
    return sheet


def photograph(
    camera: Camera,
    target: Target,
    pose: tuple[Floats, Floats],
    *,
    blur_px: float = 0.6,
    noise: float = 1.5,
    jpeg: int | None = 90,
    shading: float = 0.25,
    table: int = 70,
    seed: int = 0,
    gamma: float = 2.2,
) -> Pixels:
    """The target lying on a plain table, uint8 (H, W, 3) BGR; blur mixes light, which ``gamma`` encodes."""
    rng = np.random.default_rng(seed)
    scale = camera.matrix[0, 0] * target.print_scale / np.linalg.norm(pose[1])
    px_per_mm = float(np.clip(np.ceil(FINE * scale), 2, 12))  # whole, so that the drawing rounds nothing
    sheet = drawn(target, px_per_mm, gamma)
    matrix = cv2.Rodrigues(pose[0])[0]
    to_ray = np.column_stack([matrix[:, 0], matrix[:, 1], pose[1]])
    to_sheet = np.array(
        [[px_per_mm, 0, MARGIN_MM * px_per_mm - 0.5], [0, px_per_mm, MARGIN_MM * px_per_mm - 0.5], [0, 0, 1]]
    )
    homography = to_sheet @ np.diag([1 / target.print_scale, 1 / target.print_scale, 1]) @ np.linalg.inv(to_ray)
    rays = camera.rays()
    at = cv2.perspectiveTransform(rays.reshape(-1, 1, 2).astype(np.float32), homography).reshape(rays.shape)
    seen = cv2.remap(
        sheet,
        at[..., 0],
        at[..., 1],
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=((table / 255) ** gamma,) * 3,
    )
    light = cv2.resize(seen, camera.size, interpolation=cv2.INTER_AREA)
    if blur_px:
        light = cv2.GaussianBlur(light, (0, 0), blur_px)
    picture = 255 * np.asarray(light ** (1 / gamma), np.float32)
    u, v = np.meshgrid(np.linspace(-1, 1, camera.size[0]), np.linspace(-1, 1, camera.size[1]))
    picture *= (0.92 * (1 - shading * (u**2 + v**2) / 2))[..., None].astype(np.float32)
    picture += rng.normal(0, noise, picture.shape).astype(np.float32)
    done = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
    if jpeg is not None:
        done = cv2.imdecode(cv2.imencode(".jpg", done, [cv2.IMWRITE_JPEG_QUALITY, jpeg])[1], cv2.IMREAD_COLOR)
    return done
