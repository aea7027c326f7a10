"""Cans, cartons, bottles and phones as they leave the factory: parts, materials and how they lie on the table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from datasets.render import labels
from datasets.render.meshes import (
    Array,
    Patch,
    ShapeFn,
    lathe,
    plate,
    rounded_box,
    rounded_slab,
    texel_uv,
    vertex_normals,
)
from datasets.render.textures import Rgb, Texture
from inspection.finding import Defect

Mask = npt.NDArray[np.bool_]
Bend = Callable[[Array, Array], Array]  # rest points and normals, (N, 3) each -> offsets in mm, (N, 3)


class Finish(StrEnum):
    """How a surface answers light."""

    MATTE = "matte"  # diffuse
    SATIN = "satin"  # rough coat over colour: print, painted plastic
    GLOSS = "gloss"  # smooth coat over colour: glass over a display
    METAL = "metal"  # rough bare metal
    SHELL = "shell"  # thin clear wall, mirrors a little and does not bend light
    VEIL = "veil"  # the look of a liquid behind a clear wall: lets most light through unbent, scatters the rest


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """Finish, colour (sRGB texture or one colour), roughness; ``glow`` is light given off, a part of the colour."""

    finish: Finish
    colour: Rgb | Texture
    roughness: float = 0.2
    glow: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """Another material lying on a part: ``weight`` 0..1, float32 (rows, cols), says where."""

    weight: npt.NDArray[np.float32]
    material: Material


@dataclass(slots=True, eq=False)
class Part:
    """One surface with its material and what happened to it.

    Attributes:
        layers: from the lowest to the uppermost.
        opacity: 1 where the surface is there, 0 where it is gone; ``None`` when whole. uint8 texture, 0 or 255.
        regions: where each defect is, bool textures; any resolution.
        bends: displacements of this part alone.
        skin: for what lies on another surface (a label on its can), the point of that surface under each chart
            position; damage moves the part as it moves that point, so that neither comes through the other.
        belongs: whether the part is the item's (a puddle is not).
    """

    name: str
    patch: Patch
    material: Material
    layers: list[Layer] = field(default_factory=list)
    opacity: npt.NDArray[np.uint8] | None = None
    regions: dict[Defect, Mask] = field(default_factory=dict)
    bends: list[Bend] = field(default_factory=list)
    skin: ShapeFn | None = None
    belongs: bool = True
    px_per_mm: float = 4.0

    def texture_shape(self) -> tuple[int, int]:
        return self.patch.texture_shape(self.px_per_mm)

    def texel_points(self) -> Array:
        return self.patch.texel_points(*self.texture_shape())

    def carrier(self) -> Array:
        """Rest points that damage acts on, one for each vertex, (N, 3)."""
        return self.patch.points() if self.skin is None else self.skin(self.patch.uv)

    def texel_carrier(self) -> Array:
        """Rest points that damage acts on, one for each pixel of the texture, (rows, cols, 3)."""
        rows, cols = self.texture_shape()
        return (self.skin or self.patch.shape)(texel_uv(rows, cols)).reshape(rows, cols, 3)

    def mark(self, defect: Defect, region: Mask) -> None:
        """Add to where ``defect`` is; the mask has this part's texture shape."""
        if region.any():
            before = self.regions.get(defect)
            self.regions[defect] = region if before is None else before | region


@dataclass(slots=True, eq=False)
class Goods:
    """One item in its own coordinates, mm, z up.

    Attributes:
        parts: its surfaces.
        pose: 4 x 4 matrix from its own coordinates to the table's (z = 0 is the table, -y towards the front camera).
        front_u: chart coordinate u of turned bodies that faces between the cameras.
        displacements: how damage moved it; shared by all parts so that a label follows the metal.
    """

    kind: str
    parts: list[Part]
    pose: Array
    front_u: float = 0.5
    displacements: list[Callable[[Array], Array]] = field(default_factory=list)

    def part(self, name: str) -> Part:
        return next(part for part in self.parts if part.name == name)

    def rest_normals(self) -> dict[str, Array]:
        """Unit normals of every part's vertices before damage."""
        return _welded_normals({part.name: (part.patch.points(), part.patch.faces) for part in self.parts})

    def shaped(self) -> dict[str, tuple[Array, Array]]:
        """Vertices and normals of every part after damage, in the item's coordinates."""
        rest = self.rest_normals()
        moved = {part.name: (self.moved(part, rest[part.name]), part.patch.faces) for part in self.parts}
        normals = _welded_normals(moved)
        return {name: (points, normals[name]) for name, (points, _) in moved.items()}

    def moved(self, part: Part, normals: Array) -> Array:
        """Where the vertices of a part end up, given their rest normals."""
        points = part.patch.points()
        if part.belongs:
            carrier = part.carrier()
            points = points + self.displaced(carrier) - carrier
        for bend in part.bends:
            points = points + bend(part.patch.points(), normals)
        return points

    def displaced(self, points: Array) -> Array:
        """Rest points (N, 3) after all presses, in their order."""
        for displacement in self.displacements:
            points = points + displacement(points)
        return points


CAN_HEIGHT, CAN_RADIUS = 108.0, 36.5
CARTON = (195.0, 92.0, 64.0)
PHONE = (150.0, 72.0, 8.2)
NECK_Z = 186.0
FOOT_Z = 6.0
AWAKE_SHARE = 0.65  # of phones whose display is on


def build_can(gtin: str, rng: np.random.Generator) -> Goods:
    """A standing food can, 73 x 108 mm: tinplate body and ring-pull lid, paper label."""
    r = CAN_RADIUS
    groove = [
        (rad + d, CAN_HEIGHT - 4.2 - h)
        for rad, d, h in ((12, 0, 0), (12, 1.2, 0.7), (26, 0, 0.7), (26, 1.2, 0), (32, 0, 0))
    ]
    lid = [(0.01, CAN_HEIGHT - 4.2), *groove, (33.2, CAN_HEIGHT - 5.0), (34.0, CAN_HEIGHT - 4.6)]
    rim = [
        (34.5, CAN_HEIGHT - 0.8),
        (35.0, CAN_HEIGHT - 0.15),
        (36.6, CAN_HEIGHT),
        (37.4, CAN_HEIGHT - 0.6),
        (37.5, CAN_HEIGHT - 2.6),
    ]
    neck = [(37.0, CAN_HEIGHT - 3.1), (r - 0.3, CAN_HEIGHT - 3.4), (r, CAN_HEIGHT - 5.0), (r, CAN_HEIGHT - 7.8)]
    wall = [(r - 0.8, CAN_HEIGHT - 9.0), (r - 0.8, 9.0)]  # stands back behind the label
    foot = [(r, 7.8), (r, 5.0), (r - 0.3, 3.6), (37.0, 3.2), (37.5, 2.6), (37.4, 0.5), (36.6, 0.0), (0.01, 0.0)]
    metal = Material(Finish.METAL, (226, 224, 220), 0.17)
    body = Part("body", lathe(np.array([*lid, *rim, *neck, *wall, *foot]), segments=230, step_mm=1.2), metal)
    label_patch = lathe(np.array([(r + 0.1, CAN_HEIGHT - 7.5), (r + 0.1, 7.5)]), segments=230, step_mm=0.9)
    wall_patch = lathe(np.array([(r - 0.8, CAN_HEIGHT - 7.5), (r - 0.8, 7.5)]), segments=230, step_mm=0.9)
    art = labels.can_label(gtin, *label_patch.size_mm)
    label = Part("label", label_patch, Material(Finish.SATIN, art, 0.25), skin=wall_patch.shape, px_per_mm=5.0)
    turn = float(rng.choice([rng.uniform(-12, 12), rng.uniform(-62, -48)]))
    pose = translation(rng.uniform(-6, 6), rng.uniform(-6, 6), 0) @ rotation("z", turn)
    return Goods("can", [body, label, *_ring_pull(metal)], pose, front_u=0.5 - turn / 360)


def build_carton(gtin: str, rng: np.random.Generator) -> Goods:
    """A lying brick carton of one litre, 195 x 92 x 64 mm, with a screw cap on its right end."""
    patches = rounded_box(CARTON, 1.6, 1.5, bulge=1.2)
    art = labels.carton_faces(gtin, {name: patch.size_mm for name, patch in patches.items()})
    parts = [Part(name, patch, Material(Finish.SATIN, art[name], 0.28)) for name, patch in patches.items()]
    spout = lathe(np.array([(10.0, 5.0), (11.5, 4.8), (12.0, 0.0)]), segments=60, step_mm=1.0)
    hollow = lathe(np.array([(0.01, 0.6), (10.0, 0.6), (10.0, 5.0)]), segments=60, step_mm=1.0)
    cap = lathe(
        np.array([(0.01, 15.0), (12.0, 15.0), (13.2, 14.2), (13.6, 12.0), (13.6, 2.0)]), segments=120, step_mm=1.0
    )
    to_end = rotation("y", 90)
    to_end[:3, 3] = (CARTON[0] / 2 - 0.3, -16.0, CARTON[2] / 2)
    white = Material(Finish.SATIN, (238, 238, 232), 0.2)
    parts += [
        Part("spout", _posed(spout, to_end), white),
        Part("mouth", _posed(hollow, to_end), Material(Finish.MATTE, (70, 64, 58))),
        Part("cap", _posed(cap, to_end), white, bends=[_knurl(to_end, 13.4)]),
    ]
    return Goods(
        "carton", parts, translation(rng.uniform(-8, 0), rng.uniform(-8, 8), 0) @ rotation("z", rng.uniform(-11, 11))
    )


def build_bottle(gtin: str, rng: np.random.Generator, *, full: bool = True) -> Goods:
    """A lying PET bottle of half a litre, 66 x 214 mm, cap to the right; built standing, then laid down."""
    r = 32.0
    ribs = [
        (r - 1.5 * np.exp(-(((z - c) / 2.2) ** 2)), z)
        for c in (112.0, 122.0, 132.0)
        for z in np.linspace(c - 5, c + 5, 11)
    ][::-1]
    low = [(r - 1.5 * np.exp(-(((z - c) / 2.2) ** 2)), z) for c in (26.0, 36.0) for z in np.linspace(c - 5, c + 5, 11)][
        ::-1
    ]
    t = np.linspace(0, 1, 18)
    shoulder = np.column_stack(
        [13.2 + (r - 13.2) * (0.5 - 0.5 * np.cos(np.pi * t)) ** 0.85, NECK_Z - (NECK_Z - 139.0) * t]
    )
    body_profile = [
        *shoulder,
        *ribs,
        (r, 106.0),
        (r - 0.9, 104.0),
        (r - 0.9, 43.0),
        (r, 41.5),
        *low,
        (r, 12),
        (r - 1.5, 5),
        (r - 6, 0.8),
        (22, 0),
        (14, 4),
        (0.01, 6),
    ]
    tint = (252, 254, 255) if labels.style_of(gtin).brand == "Clearwell" else (236, 246, 205)
    clear = Material(Finish.SHELL, tint)
    thread = [(12.4 + 0.9 * max(0.0, np.sin(z * 1.6)), z) for z in np.linspace(207, 192, 40)]
    neck_profile = [
        (10.6, 207.5),
        (12.0, 207.6),
        *thread,
        (15.6, 190.6),
        (16.0, 190.0),
        (16.0, 188.6),
        (13.4, 188.0),
        (13.2, NECK_Z),
    ]
    film = lathe(np.array([(r - 0.1, 104.5), (r - 0.1, 42.5)]), segments=200, step_mm=0.9)
    under_film = lathe(np.array([(r - 0.9, 104.5), (r - 0.9, 42.5)]), segments=200, step_mm=0.9)
    cap = lathe(
        np.array([(0.01, 210.0), (13.6, 210.0), (14.9, 209.0), (15.2, 206.0), (15.2, 193.0)]), segments=180, step_mm=1.2
    )
    cap_colour = (32, 98, 178) if labels.style_of(gtin).brand == "Clearwell" else (226, 184, 36)
    stand = np.eye(4)
    parts = [
        Part("body", lathe(np.array(body_profile), segments=200, step_mm=1.4), clear),
        Part(
            "neck",
            lathe(np.array(neck_profile), segments=90, step_mm=0.8),
            Material(Finish.SATIN, (216, 224, 228), 0.15),
        ),
        Part(
            "mouth",
            lathe(np.array([(0.01, 200.0), (10.6, 200.0), (10.6, 207.5)]), segments=60, step_mm=2.0),
            Material(Finish.MATTE, (62, 70, 76)),
        ),
        Part(
            "label",
            film,
            Material(Finish.SATIN, labels.bottle_label(gtin, *film.size_mm), 0.18),
            skin=under_film.shape,
            px_per_mm=5.0,
        ),
        Part("cap", cap, Material(Finish.SATIN, cap_colour, 0.2), bends=[_knurl(stand, 15.0)]),
    ]
    if full:
        content = np.array([(max(0.01, radius - 1.2), z + (1.2 if z < FOOT_Z else 0)) for radius, z in body_profile])
        colour = (206, 226, 236) if labels.style_of(gtin).brand == "Clearwell" else (196, 206, 92)
        parts.insert(1, Part("content", lathe(content, segments=200, step_mm=1.4), Material(Finish.VEIL, colour)))
    roll = float(rng.choice([rng.uniform(-55, -35), rng.uniform(-105, -88)]))
    lie = translation(-104.0, 0, r) @ rotation("y", 90) @ rotation("z", roll)
    pose = translation(rng.uniform(-6, 6), rng.uniform(-8, 8), 0) @ rotation("z", rng.uniform(-12, 12)) @ lie
    return Goods("bottle", parts, pose, front_u=0.5 - (roll + 45) / 360)


def build_phone(gtin: str, rng: np.random.Generator, *, serial: str, sticker: bool) -> Goods:
    """A phone lying on its back, 150 x 72 x 8.2 mm, with a display that is on or off."""
    length, width, thick = PHONE
    colour = (58, 60, 66) if labels.style_of(gtin).brand.startswith("Halo") else (196, 202, 208)
    edge = np.array([(1.0, thick - 0.5), (0.5, thick - 0.7), (0.0, thick - 1.6), (0.0, 1.6), (0.6, 0.5), (1.6, 0.0)])
    glass_edge = np.array([(0.5, thick), (0.15, thick - 0.12), (0.0, thick - 0.55)])
    awake = bool(rng.random() < AWAKE_SHARE)
    hour = (int(rng.integers(7, 20)), int(rng.integers(0, 60)))
    screen = labels.phone_screen(gtin, length, width, awake=awake, hour=hour)
    glass = rounded_slab(length - 1.4, width - 1.4, 10.3, glass_edge, 0.9)
    parts = [
        Part("frame", rounded_slab(length, width, 11.0, edge, 0.9), Material(Finish.METAL, colour, 0.22)),
        Part("glass", glass, Material(Finish.GLOSS, screen, glow=0.42 if awake else 0.0), px_per_mm=8.0),
    ]
    for name, x, y, size in (("power", 22.0, width / 2, 12.0), ("volume", -2.0, width / 2, 22.0)):
        key = {k: _posed(p, translation(x, y, 3.0)) for k, p in rounded_box((size, 0.9, 2.4), 0.4, 1.0).items()}
        parts += [Part(f"{name}-{face}", patch, Material(Finish.METAL, colour, 0.2)) for face, patch in key.items()]
    if sticker:
        paper = _posed(plate(60, 30, thick + 0.12, cells=8), translation(30.0, 0, 0) @ rotation("z", 90))
        parts.append(Part("sticker", paper, Material(Finish.MATTE, labels.phone_sticker(gtin, serial)), px_per_mm=8.0))
    pose = translation(rng.uniform(-8, 8), rng.uniform(-8, 8), 0.2) @ rotation("z", rng.uniform(-14, 14))
    return Goods("phone", parts, pose)


def rotation(axis: str, degrees: float) -> Array:
    """4 x 4 right-handed rotation about a coordinate axis."""
    i = "xyz".index(axis)
    a, b = (i + 1) % 3, (i + 2) % 3
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix = np.eye(4)
    matrix[a, a], matrix[a, b], matrix[b, a], matrix[b, b] = c, -s, s, c
    return matrix


def translation(x: float, y: float, z: float) -> Array:
    """4 x 4 translation, mm."""
    matrix = np.eye(4)
    matrix[:3, 3] = (x, y, z)
    return matrix


def _welded_normals(parts: dict[str, tuple[Array, npt.NDArray[np.int64]]]) -> dict[str, Array]:
    """Normals over all parts at once, so that faces of a carton share the normals of their common edge."""
    counts = np.cumsum([0, *(len(points) for points, _ in parts.values())])
    points = np.concatenate([points for points, _ in parts.values()])
    faces = np.concatenate([part[1] + start for part, start in zip(parts.values(), counts, strict=False)])
    normals = vertex_normals(points, faces)
    return {name: normals[a:b] for name, a, b in zip(parts, counts[:-1], counts[1:], strict=True)}


def _posed(patch: Patch, pose: Array) -> Patch:
    def shape(uv: Array) -> Array:
        return patch.shape(uv) @ pose[:3, :3].T + pose[:3, 3]

    vertices = None if patch.vertices is None else patch.vertices @ pose[:3, :3].T + pose[:3, 3]
    return Patch(shape, patch.uv, patch.faces, patch.size_mm, vertices)


def _knurl(pose: Array, from_radius: float) -> Bend:
    """Grip ridges of a cap: 0.35 mm deep, 48 around, on everything beyond ``from_radius`` of the cap's axis."""

    def offset(points: Array, normals: Array) -> Array:
        local = (points - pose[:3, 3]) @ pose[:3, :3]
        depth = np.where(np.hypot(local[:, 0], local[:, 1]) > from_radius, 0.35, 0.0)
        ridge = 0.5 + 0.5 * np.cos(48 * np.arctan2(local[:, 1], local[:, 0]))
        inwards: Array = -normals * (depth * ridge)[:, None]
        return inwards

    return offset


def _ring_pull(metal: Material) -> list[Part]:
    """Tab and rivet on the lid."""
    z = CAN_HEIGHT - 3.2
    a = np.linspace(0, 2 * np.pi, 25)
    ring = lathe(np.column_stack([7.0 + 2.0 * np.cos(a), z + 0.8 * np.sin(a)])[::-1], segments=60, step_mm=1.0)
    squeeze = np.diag([1.0, 1.5, 1.0, 1.0])
    rivet = np.array([(0.01, z + 1.0), (2.6, z + 0.8), (3.4, z), (3.4, z - 1.2)])
    return [
        Part("tab", _posed(ring, translation(0, 8.0, 0) @ squeeze), metal),
        Part("rivet", _posed(lathe(rivet, segments=40, step_mm=1.0), translation(0, 21.0, 0)), metal),
    ]
