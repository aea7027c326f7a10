"""Damage that lies in a surface rather than in its shape: stains, smudges, wear, rust, tears and holes."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from datasets.render.goods import Finish, Goods, Layer, Mask, Material, Part
from datasets.render.meshes import Array, Patch, grid, lathe, outward
from datasets.render.textures import Rgb, noise
from inspection.finding import Defect

SEEN = 0.25  # a layer at least this heavy counts as the defect
SPLASH_REACH = 2.0  # drops fly this many radii of their stain
RUST_REACH = 1.6  # radii beyond which there is no rust
LIP_MM, CURL_MM = 4.0, 3.0  # widest bare lip of a tear, and how far from it paper lifts
Weight = npt.NDArray[np.float32]


def stain(
    part: Part, centre: tuple[float, float], radius_mm: float, colour: Rgb, seed: int, *, defect: Defect = Defect.STAIN
) -> None:
    """A dried splash with a darker rim and a few drops around it; centre in chart millimetres."""
    far = _chart_distance(part, centre) / radius_mm
    near = far < SPLASH_REACH
    points, distance = part.texel_points()[near], far[near]
    ragged = distance + 1.1 * (noise(points, radius_mm * 0.8, seed) - 0.5)
    pool = _smooth(1.0 - ragged, 0.0, 0.12)
    rim = np.exp(-(((ragged - 0.93) / 0.08) ** 2))
    spots = _smooth(noise(points, 5.0, seed + 1, octaves=1) - 0.48 - 0.20 * distance, 0.0, 0.04)
    weight = np.zeros(near.shape)
    weight[near] = np.clip(
        0.55 * pool + 0.30 * rim + 0.7 * spots * (1 - pool) * (distance < 0.95 * SPLASH_REACH), 0, 0.9
    )
    _cover(part, weight, Material(Finish.SATIN, colour, 0.35), defect)


def smudge(part: Part, centre: tuple[float, float], radius_mm: float, seed: int, rng: np.random.Generator) -> None:
    """Grease wiped over glass and finger prints: a haze that scatters what the glass would mirror."""
    points = part.texel_points()
    weight = np.zeros(part.texture_shape())
    angle = rng.uniform(0, np.pi)
    away = _chart_offset(part, centre)
    along = away[..., 0] * np.cos(angle) + away[..., 1] * np.sin(angle)
    across = -away[..., 0] * np.sin(angle) + away[..., 1] * np.cos(angle)
    patch = np.clip(1.25 - np.hypot(along / radius_mm, across / (0.55 * radius_mm)) ** 2, 0, 1)
    wiped = patch > 0
    streaks = 0.5 + 0.5 * np.sin(across[wiped] * 1.9 + 5 * noise(points[wiped], 18.0, seed))
    weight[wiped] = patch[wiped] * (0.35 + 0.45 * streaks * noise(points[wiped], 9.0, seed + 1))
    for _ in range(int(rng.integers(3, 6))):
        finger = _chart_offset(part, (centre[0] + rng.normal(0, radius_mm), centre[1] + rng.normal(0, 0.6 * radius_mm)))
        oval = np.hypot(finger[..., 0] / 7.5, finger[..., 1] / 9.5)
        ridges = 0.5 + 0.5 * np.sin(7.0 * np.hypot(finger[..., 0] + 3, finger[..., 1] * 0.8 + 2))
        weight = np.maximum(weight, (oval < 1) * _smooth(1 - oval, 0, 0.3) * (0.40 + 0.35 * ridges))
    _cover(part, weight, Material(Finish.SATIN, (150, 152, 156), 0.32), Defect.SMUDGE)


def rust(part: Part, centre: Array, radius_mm: float, seed: int) -> None:
    """Corrosion around a point of the item (3,), mm: orange-brown, in patches that eat their way outwards."""
    points = part.texel_points()
    distance = np.linalg.norm(points - centre, axis=-1) / radius_mm
    near = distance < RUST_REACH
    weight, tone = np.zeros(near.shape), np.zeros((*near.shape, 1))
    weight[near] = _smooth(noise(points[near], 7.0, seed, octaves=5) + 0.30 - 0.62 * distance[near], 0.22, 0.40)
    tone[near] = noise(points[near], 3.0, seed + 3)[..., None]
    dark, light = np.array([56.0, 28.0, 16.0]), np.array([146.0, 76.0, 38.0])
    colour = np.clip(dark + (light - dark) * (1.5 * tone - 0.2), 0, 255).astype(np.uint8)
    _cover(part, weight, Material(Finish.MATTE, colour), Defect.CORROSION)


def wear(part: Part, half_size: Array, middle: Array, reach_mm: float, seed: int) -> None:
    """Print rubbed off along the edges of a box, down to the board; ``half_size`` and ``middle`` of the box, mm."""
    points = part.texel_points()
    to_faces = np.sort(np.abs(half_size - np.abs(points - middle)), axis=-1)
    to_edge = to_faces[..., 1]
    near = to_edge < 1.5 * reach_mm  # further in, not even the roughest spot is rubbed
    rubbed = noise(points[near], 12.0, seed) * 1.6 - 0.35 + 0.25 * noise(points[near], 1.6, seed + 1)
    weight = np.zeros(near.shape)
    weight[near] = _smooth(rubbed - to_edge[near] / reach_mm, 0.05, 0.3)
    _cover(part, np.clip(weight, 0, 0.95), Material(Finish.MATTE, (222, 212, 196)), Defect.WEAR)


def tear(part: Part, outline_mm: Array, lift_mm: float, seed: int) -> Mask:
    """Paper or film torn off inside a closed outline (K, 2) in chart millimetres, with a white lip that stands up.

    Returns where it is gone, bool texture.
    """
    gone = _filled(part, _roughened(outline_mm, 0.7, seed))
    inside = cv2.distanceTransform((~gone).astype(np.uint8), cv2.DIST_L2, 5) / part.px_per_mm
    lip = (inside > 0) & (inside < LIP_MM)
    lip[lip] = inside[lip] < 1.6 + 2.4 * noise(part.texel_points()[lip], 5.0, seed + 1)
    part.layers.append(Layer(_weight(lip.astype(float)), Material(Finish.MATTE, (242, 238, 228))))
    part.opacity = np.where(gone, 0, 255 if part.opacity is None else part.opacity).astype(np.uint8)
    part.mark(Defect.TEAR, gone | lip)
    rows, cols = gone.shape
    row = np.clip((part.patch.uv[:, 1] * rows).astype(int), 0, rows - 1)
    col = np.clip((part.patch.uv[:, 0] * cols).astype(int), 0, cols - 1)
    raised = np.where(inside[row, col] < CURL_MM, lift_mm * (1 - inside[row, col] / CURL_MM) ** 2, 0.0)

    def curl(points: Array, normals: Array) -> Array:  # noqa: ARG001 - the lip is known vertex by vertex
        return normals * raised[:, None]

    part.bends.append(curl)
    return gone


def hole(part: Part, outline_mm: Array, board: Rgb, lip_mm: float, defect: Defect, seed: int) -> npt.NDArray[np.uint8]:
    """A hole through a wall: nothing inside the outline, bare board or metal along its ragged edge.

    Returns the part's opacity, 0 where it is gone.
    """
    gone = _filled(part, _roughened(outline_mm, 0.9, seed))
    away = cv2.distanceTransform((~gone).astype(np.uint8), cv2.DIST_L2, 5) / part.px_per_mm
    lip = (away > 0) & (away < 1.6 * lip_mm)
    lip[lip] = away[lip] < lip_mm * (0.4 + 1.2 * noise(part.texel_points()[lip], 4.0, seed + 1))
    part.layers.append(Layer(_weight(lip.astype(float)), Material(Finish.MATTE, board)))
    opacity = np.where(gone, 0, 255 if part.opacity is None else part.opacity).astype(np.uint8)
    part.opacity = opacity
    part.mark(defect, gone | lip)
    return opacity


def star_outline(
    rng: np.random.Generator, centre: tuple[float, float], radius_mm: float, points: int = 9, stretch: float = 1.0
) -> Array:
    """Closed ragged outline of a puncture with a few rips running out of it, (N, 2), chart millimetres."""
    angle = np.linspace(0, 2 * np.pi, 6 * points, endpoint=False)
    radius = np.full(len(angle), 0.8)
    for wave in range(2, 6):
        radius += 0.28 / wave * np.sin(wave * angle + rng.uniform(0, 2 * np.pi))
    for rip in rng.choice(len(angle), size=points // 2, replace=False):
        radius[rip] += rng.uniform(0.35, 0.9)
    radius += rng.normal(0, 0.05, len(angle))
    circle = np.column_stack([stretch * np.cos(angle), np.sin(angle)])
    outline: Array = np.array(centre) + radius_mm * radius[:, None] * circle
    return outline


def puddle(goods: Goods, at: Array, radius_mm: float, colour: Rgb, seed: int) -> None:
    """Spilled content on the table around ``at`` (3,) in the table's coordinates; not a part of the item."""
    t = np.linspace(0, 1, 14)
    dome = lathe(np.column_stack([0.01 + t, (1 - t**4)]), segments=120, step_mm=0.1)

    def shape(uv: Array) -> Array:
        unit = dome.shape(uv)
        angle = np.arctan2(unit[:, 1], unit[:, 0])
        ring = np.column_stack([np.cos(angle), np.sin(angle), np.zeros_like(angle)]) * 2.0
        grow = radius_mm * (0.65 + 0.9 * noise(ring, 1.3, seed, octaves=3))
        table = np.column_stack([unit[:, 0] * grow, unit[:, 1] * grow, 1.3 * unit[:, 2]]) + at
        return (table - goods.pose[:3, 3]) @ goods.pose[:3, :3]

    patch = Patch(shape, dome.uv, dome.faces, (2 * radius_mm, radius_mm))
    goods.parts.append(Part("puddle", patch, Material(Finish.GLOSS, colour), belongs=False))


def drip(
    goods: Goods,
    base: Part,
    start: tuple[float, float],
    end: tuple[float, float],
    width_mm: float,
    colour: Rgb,
    defect: Defect,
) -> None:
    """A run of liquid over a part from ``start`` to ``end`` in chart millimetres, as a raised bead."""
    size = np.array(base.patch.size_mm)
    s, e = np.array(start), np.array(end)
    direction = (e - s) / np.linalg.norm(e - s)
    normal = np.array([-direction[1], direction[0]])
    length = float(np.linalg.norm(e - s))

    def place(uv: Array) -> Array:
        t, across = uv[:, 0], (uv[:, 1] - 0.5) * 2
        half = width_mm / 2 * (0.65 + 0.5 * t**3) * np.sqrt(np.clip(1 - (2 * np.clip(t, 0.93, 1) - 1.93) ** 2, 0.02, 1))
        sway = 0.12 * width_mm * np.sin(5 * t + 1)
        chart = s + np.outer(t * length, direction) + np.outer(across * half + sway, normal)
        on_base: Array = chart / size
        return on_base

    def shape(uv: Array) -> Array:
        bead = 0.03 + 0.9 * np.clip(1 - (2 * uv[:, 1] - 1) ** 2, 0, 1)
        return base.patch.shape(place(uv)) + outward(base.patch, place(uv)) * bead[:, None]

    carrier = base.skin or base.patch.shape
    uv, faces = grid(np.linspace(0, 1, max(8, int(length))), np.linspace(0, 1, 9))
    part = Part(
        f"drip-{len(goods.parts)}",
        Patch(shape, uv, faces, (length, width_mm)),
        Material(Finish.GLOSS, colour),
        skin=lambda uv: carrier(place(uv)),
    )
    part.regions[defect] = np.ones((2, 2), bool)
    goods.parts.append(part)


def _cover(part: Part, weight: Array, material: Material, defect: Defect) -> None:
    part.layers.append(Layer(_weight(weight), material))
    part.mark(defect, weight >= SEEN)


def _weight(values: Array) -> Weight:
    return np.clip(values, 0, 1).astype(np.float32)


def _chart_offset(part: Part, centre: tuple[float, float]) -> Array:
    rows, cols = part.texture_shape()
    width, height = part.patch.size_mm
    x, y = np.meshgrid((np.arange(cols) + 0.5) / cols * width, (np.arange(rows) + 0.5) / rows * height)
    return np.stack([x - centre[0], y - centre[1]], axis=-1)


def _chart_distance(part: Part, centre: tuple[float, float]) -> Array:
    distance: Array = np.linalg.norm(_chart_offset(part, centre), axis=-1)
    return distance


def _filled(part: Part, outline_mm: Array) -> Mask:
    mask = np.zeros(part.texture_shape(), np.uint8)
    cv2.fillPoly(mask, [np.round(outline_mm * part.px_per_mm).astype(np.int32)], 255)
    return mask > 0


def _roughened(outline: Array, amount_mm: float, seed: int) -> Array:
    rng = np.random.default_rng(seed)
    closed = np.vstack([outline, outline[:1]])
    lengths = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    at = np.arange(0, lengths[-1], 1.2)
    dense = np.column_stack([np.interp(at, lengths, closed[:, i]) for i in (0, 1)])
    rough: Array = dense + rng.normal(0, amount_mm / 2, dense.shape)
    return rough


def _smooth(values: Array, low: float, high: float) -> Array:
    t = np.clip((values - low) / max(high - low, 1e-9), 0, 1)
    return t * t * (3 - 2 * t)
