"""The question of `benchmarks.calibration_geometry`, asked of path-traced pictures: a lamp, another projection.

    python -m benchmarks.calibration_rendered --setups 2 [--spp 24] [--out DIR]

Mitsuba renders the printed target under a lamp and the light of a room through a pinhole of its own; a known
distortion, blur, noise and JPEG are then laid over the picture. Takes minutes; needs the training extra.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import cv2
import mitsuba as mi
import numpy as np
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.calibration_geometry import SIZE, Pose, lens_error_px, lying, random_camera, scale_error
from calibration.cli.lens import lens_of
from calibration.detect import find_target
from calibration.draw import draw_target
from calibration.lens import NamedSighting, solve_lens
from calibration.plane import solve_plane
from calibration.record import Made
from calibration.targets import Target, make_target
from inspection.errors import CalibrationError
from inspection.frame import Pixels
from tests.calibration.scenes import Camera, look_at

HELD = 9
MARGIN_MM = 12.0
PX_PER_MM = 10.0


def main(
    setups: Annotated[int, typer.Option(min=1, help="How many set-ups.")] = 2,
    seed: Annotated[int, typer.Option(help="Of the random set-ups.")] = 1,
    spp: Annotated[int, typer.Option(min=1, help="Samples a pixel.")] = 24,
    out: Annotated[Path | None, typer.Option(help="Folder for the pictures.")] = None,
) -> None:
    """Print the table."""
    if mi.variant() is None:
        mi.set_variant("scalar_rgb")
    console = Console(width=120)
    result = Table(title=f"Lens and table from rendered pictures, {SIZE[0]} x {SIZE[1]}, errors against the truth")
    for column in (
        "focal px",
        "frames",
        "rms px",
        "lens off px",
        "focal off %",
        "scale off %, board",
        "scale off %, card",
    ):
        result.add_column(column, justify="right")
    for index in range(setups):
        result.add_row(
            *measure(np.random.default_rng([seed, index]), spp, None if out is None else out / f"{index:02}")
        )
    console.print(result)


def measure(rng: np.random.Generator, spp: int, out: Path | None) -> list[str]:
    """One set-up: a row of the table."""
    camera, board, card = random_camera(rng), make_target("charuco"), make_target("card")
    fill = camera.matrix[0, 0] / SIZE[1]
    held = [
        look_at(
            board,
            fill * rng.uniform(240, 320),
            (rng.uniform(-35, 35), rng.uniform(-35, 35)),
            rng.uniform(-180, 180),
            (rng.uniform(-130, 130), rng.uniform(-60, 60)),
        )
        for _ in range(HELD)
    ]
    table = look_at(board, fill * 300, (rng.uniform(-12, 12), rng.uniform(-12, 12)), rng.uniform(-10, 10))
    shots = [(board, pose) for pose in held] + [(one, lying(one, table, 90, 120, 20)) for one in (board, card)]
    seen = []
    for index, (target, pose) in enumerate(track(shots, "rendering", console=Console(stderr=True), transient=True)):
        picture = rendered(camera, target, pose, spp, rng)
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(out / f"{index:02}.png"), picture)
        try:
            seen.append(NamedSighting(str(index), find_target(picture, target)))
        except CalibrationError as error:
            Console(stderr=True).print(f"{index}: {error}")
    solution = solve_lens([one for one in seen if int(one.name) < HELD], SIZE)
    now = datetime.now(UTC)
    lens = lens_of(solution, Made(by="", at=now, software="", frames=(), valid_until=now + timedelta(days=1)))
    focal_off = 100 * float(np.abs(np.diag(solution.camera_matrix)[:2] / np.diag(camera.matrix)[:2] - 1).max())
    scales = [
        scale_error(solve_plane([one for one in seen if one.name == str(HELD + number)], lens), camera, lens, table)
        for number in (0, 1)
    ]
    accepted = sum(frame.accepted for frame in solution.frames)
    figures = (solution.rms_px, lens_error_px(camera, lens), focal_off, *scales)
    return [f"{camera.matrix[0, 0]:.0f}", str(accepted), *(f"{value:.3f}" for value in figures)]


def rendered(camera: Camera, target: Target, pose: Pose, spp: int, rng: np.random.Generator) -> Pixels:
    """A path-traced picture through the camera's distortion, uint8 (H, W, 3) BGR."""
    rays = camera.rays()
    reach = 1.02 * np.abs(rays).max(axis=(0, 1))
    focal = float(camera.matrix[0, 0])
    size = tuple(int(2 * np.ceil(focal * side)) for side in reach)
    light = trace(target, pose, focal, size, spp, int(rng.integers(1 << 30)))
    at = rays * focal + (np.array(size) / 2 - 0.5)
    seen = cv2.remap(light, at[..., 0].astype(np.float32), at[..., 1].astype(np.float32), cv2.INTER_LINEAR)
    seen = cv2.GaussianBlur(cv2.resize(seen, SIZE, interpolation=cv2.INTER_AREA), (0, 0), rng.uniform(0.2, 0.5))
    seen = seen * (0.8 / np.percentile(seen, 99.5))
    code = np.where(seen <= 0.0031308, seen * 12.92, 1.055 * np.power(np.maximum(seen, 1e-6), 1 / 2.4) - 0.055) * 255
    code = code + rng.normal(0, rng.uniform(0.5, 3), code.shape)
    picture = np.clip(np.rint(code), 0, 255).astype(np.uint8)
    packed = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(80, 96))])[1]
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)


def trace(target: Target, pose: Pose, focal: float, size: tuple[int, int], spp: int, seed: int) -> Any:
    """Linear BGR, float32 (H, W, 3), of the target in front of a pinhole at the origin that looks along z, y down."""
    sheet = draw_target(target, PX_PER_MM, MARGIN_MM)[..., ::-1]
    width, height = target.width_mm + 2 * MARGIN_MM, target.height_mm + 2 * MARGIN_MM
    flat = np.array(
        [
            [width / 2, 0, 0, width / 2 - MARGIN_MM],
            [0, height / 2, 0, height / 2 - MARGIN_MM],
            [0, 0, 1, 0],
            [0, 0, 0, 1],
        ]
    )
    place = np.eye(4)
    place[:3, :3], place[:3, 3] = cv2.Rodrigues(pose[0])[0], pose[1]
    print_ = {
        "type": "diffuse",
        "reflectance": {"type": "bitmap", "bitmap": mi.Bitmap(np.ascontiguousarray(sheet)), "filter_type": "bilinear"},
    }
    table = np.eye(4)
    table[:3, :3] = place[:3, :3] @ np.diag([900.0, 900.0, 1.0])
    table[:3, 3] = place[:3, 3] + place[:3, 2] * 3
    scene = {
        "type": "scene",
        "integrator": {"type": "path", "max_depth": 2},
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
            "to_world": mi.ScalarTransform4f((place @ flat).tolist()),
            "bsdf": {"type": "twosided", "print": print_},
        },
        "table": {
            "type": "rectangle",
            "to_world": mi.ScalarTransform4f(table.tolist()),
            "bsdf": {"type": "twosided", "grey": {"type": "diffuse", "reflectance": {"type": "rgb", "value": 0.08}}},
        },
        "lamp": {"type": "point", "position": [350.0, -300.0, -50.0], "intensity": {"type": "rgb", "value": 400000.0}},
        "room": {"type": "constant", "radiance": {"type": "rgb", "value": 0.6}},
    }
    return np.ascontiguousarray(np.array(mi.render(mi.load_dict(scene), spp=spp, seed=seed), np.float32)[..., ::-1])


if __name__ == "__main__":
    typer.run(main)
