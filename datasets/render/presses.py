"""Dents and crushes: a blunt tool pressed into the item moves every vertex that stands above the tool."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from datasets.render.goods import Goods
from datasets.render.meshes import Array, outward
from datasets.render.textures import noise
from inspection.finding import Defect

YIELD = 0.9  # walls give way this far; the rest keeps what lies behind each other apart


@dataclass(frozen=True, slots=True)
class Press:
    """A tool with a blunt ridge, pressed in along ``-normal`` at ``centre``; all in the item's coordinates, mm.

    The tool's surface rises from its ridge, ``depth`` below the centre, as a blunt cone: slower along ``along`` than
    across it. Whatever of the item stands above is moved down onto it, with a soft shoulder of ``soft`` mm, so the
    edge of a dent is as sharp as the tool makes it and nothing outside moves at all.

    Attributes:
        rise_along, rise_across: how steeply the tool rises from its ridge, mm per mm; small is a long dent.
        wrinkle: height of the buckles left in the pressed surface, mm; ``seed`` varies them.
    """

    centre: tuple[float, float, float]
    normal: tuple[float, float, float]
    along: tuple[float, float, float]
    depth: float
    rise_along: float
    rise_across: float
    soft: float
    wrinkle: float = 0.0
    seed: int = 0

    def above_tool(self, points: Array) -> Array:
        """How far points stand above the tool's surface, mm; negative below. (N, 3) -> (N,)."""
        normal, along = _unit(self.normal), _unit(self.along)
        across = np.cross(normal, along)
        away = points - np.array(self.centre)
        a, b, height = away @ along, away @ across, away @ normal
        rise = np.hypot(self.rise_along * a, self.rise_across * b)
        rounded = rise * rise / (rise + 1.5)  # the ridge itself is blunt
        above: Array = height + self.depth - rounded
        return above

    def covers(self, points: Array) -> npt.NDArray[np.bool_]:
        """Which rest points the press moves; (..., 3) -> (...)."""
        flat = points.reshape(-1, 3)
        return (self.above_tool(flat) > -self.soft).reshape(points.shape[:-1])

    def offset(self, points: Array) -> Array:
        """Displacement of rest points, mm; zero exactly where :meth:`covers` is false."""
        above = self.above_tool(points)
        push = np.where(above > self.soft, above, np.clip(above + self.soft, 0, None) ** 2 / (4 * self.soft))
        if self.wrinkle:
            inside = np.clip((above + self.soft) / (self.depth * 0.5 + self.soft), 0, 1)
            touched = inside > 0
            buckles = np.abs(2 * noise(points[touched], 16.0, self.seed, octaves=2) - 1) * 2.2
            push[touched] += self.wrinkle * buckles * inside[touched] ** 2
        return -_unit(self.normal) * (YIELD * push)[:, None]


def press_item(goods: Goods, press: Press, defect: Defect) -> None:
    """Press the tool into the item and mark what it moved on every part that belongs to the item."""
    for part in goods.parts:
        if part.belongs:
            rest = part.texel_carrier()
            part.mark(defect, press.covers(goods.displaced(rest.reshape(-1, 3)).reshape(rest.shape)))
    goods.displacements.append(press.offset)


def facing(goods: Goods, part_name: str, u: float, v: float) -> tuple[Array, Array]:
    """Point and unit outward normal of a part at chart position (u, v), in the item's coordinates."""
    patch = goods.part(part_name).patch
    place = np.array([[u, v]])
    return patch.shape(place)[0], outward(patch, place)[0]


def _unit(vector: Sequence[float] | Array) -> Array:
    array = np.asarray(vector, dtype=float)
    unit: Array = array / np.linalg.norm(array)
    return unit
