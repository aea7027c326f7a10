"""Cracks and scratches: grooves laid along polylines on a part, as geometry of their own with two rough walls."""

from __future__ import annotations

import numpy as np

from datasets.render.goods import Finish, Goods, Material, Part
from datasets.render.meshes import Array, Patch, grid, outward
from datasets.render.textures import Texture
from inspection.finding import Defect

LIFT_MM = 0.05  # burr of the groove's edges over the surface
SHORTEST_BRANCHING = 8  # points of a crack that may branch
ARC_CHANCE = 0.62  # of an arc between neighbouring cracks
FLOOR_MM = 0.015  # its bottom; the surface below would hide anything lower


def groove(goods: Goods, part_name: str, path_mm: Array, width_mm: float, walls: Texture, defect: Defect) -> None:
    """Cut along a polyline (K, 2) in chart millimetres of a part; tapers to nothing at both ends.

    Args:
        walls: colours of the two walls, uint8 (2, 1, 3) RGB.
    """
    carrying = goods.part(part_name)
    base = carrying.patch
    path, length = _resampled(path_mm, 0.8)
    tangent = np.gradient(path, axis=0)
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-9)
    sideways = np.column_stack([-tangent[:, 1], tangent[:, 0]])
    t = np.linspace(0, 1, len(path))
    half = width_mm / 2 * np.minimum(1.0, 0.25 + np.minimum(t, 1 - t) * length / 4.0)

    def place(uv: Array) -> Array:
        across = (uv[:, 1] - 0.5) * 2
        centre = np.column_stack([np.interp(uv[:, 0], t, path[:, i]) for i in (0, 1)])
        side = np.column_stack([np.interp(uv[:, 0], t, sideways[:, i]) for i in (0, 1)])
        chart = centre + side * (across * np.interp(uv[:, 0], t, half))[:, None]
        on_base: Array = chart / np.array(base.size_mm)
        return on_base

    def shape(uv: Array) -> Array:
        across = (uv[:, 1] - 0.5) * 2
        lift = FLOOR_MM + (LIFT_MM - FLOOR_MM) * np.abs(across)
        return base.shape(place(uv)) + outward(base, place(uv)) * lift[:, None]

    carrier = carrying.skin or base.shape

    uv, faces = grid(t, np.array([0.0, 0.5, 1.0]), flip=False)
    number = sum(part.name.startswith("groove") for part in goods.parts)
    patch = Patch(shape, uv, faces, (length, width_mm))
    part = Part(f"groove-{number}", patch, Material(Finish.MATTE, walls), skin=lambda uv: carrier(place(uv)))
    part.regions[defect] = np.ones((2, 2), bool)
    goods.parts.append(part)


def crack_star(
    rng: np.random.Generator, size_mm: tuple[float, float], impact: tuple[float, float], rays: int, spread: float
) -> list[Array]:
    """Crack lines of struck glass in chart millimetres: jagged rays that branch, and arcs that join neighbours.

    Args:
        size_mm: width and height of the chart; lines end at its edge.
        impact: where it was struck, chart millimetres.
        rays: number of main cracks.
        spread: 0..1, how far the cracks run, as a part of the way to the edge.
    """
    angles = np.sort(np.linspace(0, 2 * np.pi, rays, endpoint=False) + rng.normal(0, 0.16, rays))
    lines: list[Array] = []
    main: list[Array] = []
    for angle in angles:
        reach = float(np.hypot(*size_mm)) * spread * rng.uniform(0.45, 1.0)
        ray = _walk(rng, np.array(impact), angle, reach, size_mm)
        main.append(ray)
        for _ in range(int(rng.integers(0, 3))):
            if len(ray) > SHORTEST_BRANCHING:
                start = int(rng.integers(3, len(ray) - 2))
                turn = float(rng.choice([-1, 1])) * rng.uniform(0.35, 0.8)
                lines.append(_walk(rng, ray[start], angle + turn, reach * rng.uniform(0.2, 0.5), size_mm))
    for radius in np.cumsum(rng.uniform(4.0, 9.0, 5)):
        for i, ray in enumerate(main):
            other = main[(i + 1) % len(main)]
            k = int(radius / 2.0)
            if k < len(ray) and k < len(other) and rng.random() < ARC_CHANCE:
                bend = (ray[k] + other[k]) / 2 + rng.normal(0, 0.6, 2)
                lines.append(np.array([ray[k], bend, other[k]]))
    return [line for line in (*main, *lines) if len(line) > 1]


def scratch_lines(
    rng: np.random.Generator, centre: tuple[float, float], length: float, count: int, angle: float
) -> list[Array]:
    """Nearly parallel, slightly bent strokes in chart millimetres."""
    lines = []
    direction = np.array([np.cos(angle), np.sin(angle)])
    normal = np.array([-direction[1], direction[0]])
    for i in range(count):
        own = length * (1.0 if i == 0 else rng.uniform(0.3, 0.9))
        t = np.linspace(-0.5, 0.5, 24)
        bow = rng.uniform(-0.05, 0.05) * length * (1 - 4 * t * t)
        shift = 0.0 if i == 0 else rng.normal(0, 2.6)
        jitter = rng.normal(0, 0.06, len(t))
        along = own * t + (0 if i == 0 else rng.normal(0, length * 0.12))
        lines.append(np.array(centre) + along[:, None] * direction + (bow + shift + jitter)[:, None] * normal)
    return lines


def _walk(rng: np.random.Generator, start: Array, angle: float, reach: float, size_mm: tuple[float, float]) -> Array:
    points, step, margin = [start], 2.0, 0.6
    heading = angle
    for _ in range(int(reach / step)):
        heading = angle + 0.75 * (heading - angle) + rng.normal(0, 0.17)
        following = points[-1] + step * np.array([np.cos(heading), np.sin(heading)])
        if not _inside(following, size_mm, margin):
            break
        points.append(following)
    return np.array(points)


def _inside(point: Array, size_mm: tuple[float, float], margin: float, corner: float = 10.0) -> bool:
    half = np.array(size_mm) / 2
    away = np.abs(point - half) - (half - corner)
    return bool(np.linalg.norm(np.clip(away, 0, None)) < corner - margin)


def _resampled(path: Array, step: float) -> tuple[Array, float]:
    lengths = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    total = float(lengths[-1])
    at = np.linspace(0, total, max(3, int(np.ceil(total / step)) + 1))
    return np.column_stack([np.interp(at, lengths, path[:, i]) for i in (0, 1)]), total
