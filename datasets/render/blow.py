"""One act of damage in the making: the item, how hard it is hit and the dice, and what kinds of goods share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from datasets.render import cuts
from datasets.render.goods import Goods
from datasets.render.meshes import Array
from datasets.render.presses import Press, facing, press_item
from datasets.render.textures import Rgb
from inspection.finding import Defect

Vector = Array | tuple[float, float, float]
FEWEST_POINTS = 4  # a scratch shorter than this on the part is not worth cutting


@dataclass(frozen=True, slots=True, eq=False)
class Blow:
    """What an act of damage works with.

    Attributes:
        goods: the item, changed in place.
        scale: 0..1, from the condition.
        rng: the item's dice; the order of throws is a part of the recipe.
        content: colour of what the item holds.
    """

    goods: Goods
    scale: float
    rng: np.random.Generator
    content: Rgb

    def between(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def seed(self) -> int:
        """A seed for noise of its own."""
        return int(self.rng.integers(1, 10_000))

    def sign(self) -> float:
        return float(self.rng.choice([-1.0, 1.0]))

    def size_of(self, part: str) -> tuple[float, float]:
        """Chart of a part, mm."""
        return self.goods.part(part).patch.size_mm

    def press(
        self,
        centre: Vector,
        normal: Vector,
        along: Vector,
        defect: Defect,
        *,
        depth: float,
        rise: tuple[float, float],
        soft: float,
        wrinkle: float = 0.0,
    ) -> None:
        """Press a tool into the item, see :class:`Press`; ``rise`` is along and across its ridge."""
        place = (triple(centre), triple(normal), triple(along))
        press_item(self.goods, Press(*place, depth, *rise, soft, wrinkle, self.seed()), defect)

    def press_label(
        self,
        u: float,
        v: float,
        turn: float,
        defect: Defect,
        *,
        depth: float,
        rise: tuple[float, float],
        soft: float,
        wrinkle: float = 0.0,
    ) -> None:
        """Press a turned body at chart position (u, v) of its label, the ridge at ``turn`` radians to its axis."""
        point, normal = facing(self.goods, "label", u, v)
        axis = np.array([0.0, 0.0, 1.0])
        along = np.cos(turn) * axis + np.sin(turn) * np.cross(normal, axis)
        self.press(point, normal, along, defect, depth=depth, rise=rise, soft=soft, wrinkle=wrinkle)

    def torn_strip(self, x: float, width: float, length: float) -> Array:
        """Outline of a strip torn down from the upper edge of a chart, narrowing to a point, (5, 2) mm."""
        return np.array(
            [
                (x - width / 2, -3),
                (x + width / 2, -3),
                (x + width * self.between(0.2, 0.4), length * 0.5),
                (x + self.between(-4, 4), length),
                (x - width * self.between(0.2, 0.4), length * 0.6),
            ]
        )

    def scratch(
        self, part: str, centre: tuple[float, float], length: float, count: int, width: float, tones: tuple[Rgb, Rgb]
    ) -> None:
        """Scratch a part; ``tones`` are the colours of the two walls of each groove; mm of the chart."""
        walls = np.array([[tones[0]], [tones[1]]], np.uint8)
        size = np.array(self.size_of(part))
        angle = self.between(0.25, 0.9) * self.sign()
        for line in cuts.scratch_lines(self.rng, centre, length, count, angle):
            inside = line[np.all((line > 1.0) & (line < size - 1.0), axis=1)]
            if len(inside) >= FEWEST_POINTS:
                cuts.groove(self.goods, part, inside, width * self.between(0.6, 1.1), walls, Defect.SCRATCH)


def uncap(blow: Blow) -> None:
    """Take the cap away; what it covered shows that it is missing."""
    blow.goods.parts.remove(blow.goods.part("cap"))
    for name in ("neck", "spout", "mouth"):
        for part in blow.goods.parts:
            if part.name == name:
                part.mark(Defect.MISSING_PART, np.ones(part.texture_shape(), bool))


def triple(vector: Vector) -> tuple[float, float, float]:
    """A vector as three floats, rounded to a nanometre."""
    x, y, z = (round(float(value), 6) for value in vector)
    return x, y, z
