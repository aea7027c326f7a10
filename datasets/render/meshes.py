"""Surfaces of goods as parametric patches: a chart (u, v) in the unit square mapped to millimetres in space."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Faces = npt.NDArray[np.int64]
ShapeFn = Callable[[Array], Array]

WELD_MM = 1e-3  # vertices closer than this are one point of the surface


@dataclass(frozen=True, slots=True)
class Patch:
    """One surface of an item, before any damage.

    Attributes:
        shape: maps chart coordinates (N, 2) in 0..1 to points (N, 3) in mm; row 0 of a texture is v = 0.
        uv: chart coordinates of the vertices, (N, 2).
        faces: vertex indices of the triangles, (M, 3), counter-clockwise seen from outside.
        size_mm: width (along u) and height (along v) of the chart on the surface.
        vertices: rest points of the vertices in mm where ``shape`` alone cannot give them (walls of a slab).
    """

    shape: ShapeFn
    uv: Array
    faces: Faces
    size_mm: tuple[float, float]
    vertices: Array | None = None

    def points(self) -> Array:
        """Vertices at rest, (N, 3), mm."""
        return self.shape(self.uv) if self.vertices is None else self.vertices.copy()

    def texel_points(self, rows: int, cols: int) -> Array:
        """Rest positions of the centres of a texture's pixels, (rows, cols, 3), mm."""
        return self.shape(texel_uv(rows, cols)).reshape(rows, cols, 3)

    def texture_shape(self, px_per_mm: float) -> tuple[int, int]:
        """Rows and columns of a texture of this resolution."""
        width, height = self.size_mm
        return max(2, round(height * px_per_mm)), max(2, round(width * px_per_mm))


def texel_uv(rows: int, cols: int) -> Array:
    """Chart coordinates of the pixel centres of a texture, (rows * cols, 2), row by row."""
    u, v = np.meshgrid((np.arange(cols) + 0.5) / cols, (np.arange(rows) + 0.5) / rows)
    return np.stack([u.ravel(), v.ravel()], axis=1)


def grid(us: Array, vs: Array, *, flip: bool = False) -> tuple[Array, Faces]:
    """Regular chart grid: vertices (len(vs) * len(us), 2) and two triangles a cell; ``flip`` turns them inside out."""
    u, v = np.meshgrid(us, vs)
    cols = len(us)
    first = (np.arange(len(vs) - 1)[:, None] * cols + np.arange(cols - 1)[None, :]).ravel()
    a, b, c, d = first, first + 1, first + cols + 1, first + cols
    faces = np.concatenate([np.stack([a, d, c], axis=1), np.stack([a, c, b], axis=1)])
    return np.stack([u.ravel(), v.ravel()], axis=1), faces[:, ::-1] if flip else faces


def lathe(profile: Array, *, segments: int, step_mm: float) -> Patch:
    """Surface of revolution about z.

    u runs around, counter-clockwise seen from above, starting at -y turned by half a circle so that u = 0.5 faces
    -y; v runs along the profile from its first point.

    Args:
        profile: (K, 2) radius and height in mm, from top to bottom on the outside.
        segments: cells around.
        step_mm: largest cell along the profile; the profile's own corners are always kept.
    """
    steps = np.hypot(*np.diff(profile, axis=0).T)
    length = np.concatenate([[0.0], np.cumsum(steps)])
    total = float(length[-1])

    def shape(uv: Array) -> Array:
        radius = np.interp(uv[:, 1] * total, length, profile[:, 0])
        height = np.interp(uv[:, 1] * total, length, profile[:, 1])
        angle = 2 * np.pi * (uv[:, 0] - 0.5) - np.pi / 2
        return np.stack([radius * np.cos(angle), radius * np.sin(angle), height], axis=1)

    pieces = [
        np.linspace(start, stop, max(2, int(np.ceil((stop - start) / step_mm)) + 1))[:-1]
        for start, stop in pairwise(length)
        if stop > start
    ]
    uv, faces = grid(np.linspace(0, 1, segments + 1), np.append(np.concatenate(pieces), total) / total)
    width = 2 * np.pi * float(profile[:, 0].max())
    return Patch(shape, uv, faces, (width, total))


def rounded_box(
    size: tuple[float, float, float], radius: float, step_mm: float, bulge: float = 0.0
) -> dict[str, Patch]:
    """Six patches of a box standing on z = 0 with rounded edges: ``top bottom front back left right``.

    ``front`` faces -y, ``right`` faces +x. Texture row 0 of a side is its upper edge; of the top, its +y edge.

    Args:
        size: length x, width y, height z, mm.
        radius: of the edges, mm.
        step_mm: cell size.
        bulge: how far the middle of each face but the bottom stands out, mm.
    """
    half = np.array(size) / 2
    frames = {  # origin corner (u = v = 0), direction of u, direction of v, in units of half sizes
        "top": ((-1, 1, 1), (2, 0, 0), (0, -2, 0)),
        "bottom": ((-1, -1, -1), (2, 0, 0), (0, 2, 0)),
        "front": ((-1, -1, 1), (2, 0, 0), (0, 0, -2)),
        "back": ((1, 1, 1), (-2, 0, 0), (0, 0, -2)),
        "right": ((1, -1, 1), (0, 2, 0), (0, 0, -2)),
        "left": ((-1, 1, 1), (0, -2, 0), (0, 0, -2)),
    }
    patches = {}
    for name, (corner, along_u, along_v) in frames.items():
        origin, eu, ev = (np.array(axis, dtype=float) * half for axis in (corner, along_u, along_v))
        width, height = float(np.linalg.norm(eu)), float(np.linalg.norm(ev))
        shape = _rounded_face(origin, eu, ev, half, radius, 0.0 if name == "bottom" else bulge)
        uv, faces = grid(_edge_refined(width, radius, step_mm), _edge_refined(height, radius, step_mm))
        patches[name] = Patch(shape, uv, faces, (width, height))
    return patches


def rounded_slab(length: float, width: float, corner: float, ring: Array, step_mm: float) -> Patch:
    """A slab with rounded corners in plan, closed above, open below where the last ring ends.

    Args:
        length, width: outline along x and y, mm.
        corner: radius of the corners in plan, mm.
        ring: (K, 2) inset from the outline and height, mm, from the top edge outwards and down.
        step_mm: cell size around the outline.

    The chart is the plan (u along x, v from +y to -y); side walls share the texels of the outline.
    """
    outline, normals = _rounded_rectangle(length, width, corner, step_mm)
    top_inset, top_height = ring[0]
    rings = [outline * s for s in np.linspace(0.0, 1.0, 40)[1:-1] ** 0.8]  # spread of rings over the flat top
    flat = [
        np.column_stack([xy - normals * top_inset * (i / 39), np.full(len(xy), top_height)])
        for i, xy in enumerate(rings)
    ]
    wall = [np.column_stack([outline - normals * inset, np.full(len(outline), z)]) for inset, z in ring]
    layers = np.array([*flat, *wall])
    count = len(outline)
    points = np.concatenate([[[0.0, 0.0, top_height]], layers.reshape(-1, 3)])
    around = np.arange(count)
    after = (around + 1) % count
    faces = [np.stack([np.zeros(count, dtype=np.int64), 1 + around, 1 + after], axis=1)]
    for k in range(len(layers) - 1):
        a, b = 1 + k * count + around, 1 + k * count + after
        faces += [np.stack([a, a + count, b + count], axis=1), np.stack([a, b + count, b], axis=1)]
    uv = np.column_stack([points[:, 0] / length + 0.5, 0.5 - points[:, 1] / width])

    def shape(query: Array) -> Array:
        flat_points = np.column_stack([(query[:, 0] - 0.5) * length, (0.5 - query[:, 1]) * width])
        return np.column_stack([flat_points, np.full(len(query), top_height)])

    return Patch(shape, uv, np.concatenate(faces), (length, width), vertices=points)


def plate(length: float, width: float, z: float, cells: int = 1) -> Patch:
    """A flat rectangle at height z facing up; u along x, v from +y to -y."""

    def shape(uv: Array) -> Array:
        x, y = (uv[:, 0] - 0.5) * length, (0.5 - uv[:, 1]) * width
        return np.column_stack([x, y, np.full(len(uv), z)])

    uv, faces = grid(np.linspace(0, 1, cells + 1), np.linspace(0, 1, cells + 1))
    return Patch(shape, uv, faces, (length, width))


def outward(patch: Patch, uv: Array) -> Array:
    """Unit normals of the rest surface at chart positions (N, 2), by finite differences."""
    step = 1e-4
    here = patch.shape(uv)
    du = patch.shape(uv + np.array([step, 0.0])) - here
    dv = patch.shape(uv + np.array([0.0, step])) - here
    normal = -np.cross(du, dv)
    unit: Array = normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    return unit


def vertex_normals(points: Array, faces: Faces) -> Array:
    """Area-weighted unit normals, (N, 3); vertices at the same place share one."""
    cross = np.cross(points[faces[:, 1]] - points[faces[:, 0]], points[faces[:, 2]] - points[faces[:, 0]])
    _, place = np.unique(np.round(points / WELD_MM).astype(np.int64), axis=0, return_inverse=True)
    place = place.reshape(-1)
    total = np.zeros((int(place.max()) + 1, 3))
    for corner in range(3):
        np.add.at(total, place[faces[:, corner]], cross)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    unit: Array = (total / np.maximum(length, 1e-12))[place]
    return unit


def write_ply(path: Path, points: Array, normals: Array, uv: Array, faces: Faces) -> None:
    """Binary little-endian PLY with normals and texture coordinates, as Mitsuba reads it."""
    names = ("x", "y", "z", "nx", "ny", "nz", "u", "v")
    vertices = np.empty(len(points), dtype=[(name, "<f4") for name in names])
    for name, column in zip(names, np.column_stack([points, normals, uv]).T, strict=True):
        vertices[name] = column
    triangles = np.empty(len(faces), dtype=[("count", "u1"), ("index", "<i4", (3,))])
    triangles["count"], triangles["index"] = 3, faces
    header = [
        "ply",
        "format binary_little_endian 1.0",
        f"element vertex {len(points)}",
        *(f"property float {name}" for name in names),
        f"element face {len(faces)}",
        "property list uchar int vertex_indices",
        "end_header\n",
    ]
    path.write_bytes("\n".join(header).encode() + vertices.tobytes() + triangles.tobytes())


def _rounded_face(origin: Array, eu: Array, ev: Array, half: Array, radius: float, bulge: float) -> ShapeFn:
    outward = np.cross(ev, eu)
    outward = outward / np.linalg.norm(outward)

    def shape(uv: Array) -> Array:
        flat = origin + uv[:, :1] * eu + uv[:, 1:] * ev
        core = np.clip(flat, -(half - radius), half - radius)
        away = flat - core
        points = core + radius * away / np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-12)
        swell = bulge * np.sin(np.pi * uv[:, :1]) * np.sin(np.pi * uv[:, 1:])
        bulged: Array = points + outward * swell + np.array([0.0, 0.0, half[2]])
        return bulged

    return shape


def _edge_refined(length: float, radius: float, step_mm: float) -> Array:
    inner = max(2, int(np.ceil((length - 2 * radius) / step_mm)) + 1)
    return (
        np.concatenate(
            [
                np.linspace(0, radius, 5)[:-1],
                np.linspace(radius, length - radius, inner),
                np.linspace(length - radius, length, 5)[1:],
            ]
        )
        / length
    )


def _rounded_rectangle(length: float, width: float, corner: float, step_mm: float) -> tuple[Array, Array]:
    """Outline points and outward normals, counter-clockwise seen from above, (N, 2) each."""
    points, normals = [], []
    for quarter, (sx, sy) in enumerate(((1, 1), (-1, 1), (-1, -1), (1, -1))):
        centre = np.array([sx * (length / 2 - corner), sy * (width / 2 - corner)])
        angle = np.linspace(0, np.pi / 2, 13) + quarter * np.pi / 2
        normal = np.column_stack([np.cos(angle), np.sin(angle)])
        points.append(centre + corner * normal)
        normals.append(normal)
    corners, directions = np.concatenate(points), np.concatenate(normals)
    out_points, out_normals = [], []
    for i in range(len(corners)):
        a, b = corners[i], corners[(i + 1) % len(corners)]
        cells = max(1, int(np.ceil(float(np.linalg.norm(b - a)) / step_mm)))
        t = np.arange(cells)[:, None] / cells
        out_points.append(a + (b - a) * t)
        out_normals.append(directions[i] + (directions[(i + 1) % len(corners)] - directions[i]) * t)
    return np.concatenate(out_points), np.concatenate(out_normals)
