"""How a carton is damaged: pressed in, pierced, soaked, rubbed, torn and scratched."""

from __future__ import annotations

import numpy as np

from datasets.render import blemishes
from datasets.render.blow import Blow
from datasets.render.goods import CARTON, Finish, Layer, Material
from datasets.render.presses import facing
from inspection.finding import Defect

LOW_SPRING = 0.5  # share of breaches that run out half-way down the side


def dent(blow: Blow) -> None:
    """The upper front edge pressed in."""
    point, normal = facing(blow.goods, "top", blow.between(0.3, 0.7), blow.between(0.62, 0.9))
    turn = blow.between(0.2, 1.2)
    tilt, along = normal + np.array([0, -0.55, 0]), (np.cos(turn), np.sin(turn), 0.0)
    depth, wrinkle = 3.5 + 6.0 * blow.scale, 0.5 * blow.scale
    blow.press(point, tilt, along, Defect.DENT, depth=depth, rise=(0.16, 0.4), soft=0.5, wrinkle=wrinkle)


def crush(blow: Blow) -> None:
    """A corner stove in at the end without the cap, and the edge beside it."""
    corner = (-CARTON[0] / 2, -CARTON[1] / 2, CARTON[2])
    normal = (-blow.between(0.7, 1.0), -blow.between(0.45, 0.8), blow.between(0.5, 0.8))
    depth, wrinkle = 16 + 20 * blow.scale, 2.6 * blow.scale
    blow.press(
        corner,
        normal,
        (0.4, 0.8, 0.2),
        Defect.CRUSH,
        depth=depth,
        rise=(0.10, 0.16),
        soft=1.2,
        wrinkle=wrinkle,
    )
    edge, normal = (-CARTON[0] / 2 + 42 * blow.scale + 18, -CARTON[1] / 2, CARTON[2]), (0.1, -0.8, 0.9)
    depth = 9 + 5 * blow.scale
    blow.press(edge, normal, (0.1, 0.5, 0.4), Defect.CRUSH, depth=depth, rise=(0.45, 0.55), soft=0.8, wrinkle=1.0)


def pierce(blow: Blow) -> None:
    """A ragged hole through the wall."""
    _puncture(blow, Defect.HOLE)


def breach(blow: Blow) -> None:
    """A hole with the content running out of it over the table."""
    front = blow.goods.part("front")
    _, (x, y) = _puncture(blow, Defect.BREACH)
    width, height = front.patch.size_mm
    x = min(max(x, 20.0), width - 20)
    top_of_run = min(y, height * 0.5) if blow.rng.random() < LOW_SPRING else 1.0
    for _ in range(3):
        dx = blow.between(-12, 12)
        blemishes.drip(
            blow.goods,
            front,
            (x + dx, top_of_run),
            (x + dx + blow.between(-3, 3), height - 1.5),
            blow.between(4, 8),
            blow.content,
            Defect.BREACH,
        )
    foot = blow.goods.pose @ np.array([x - width / 2, -CARTON[1] / 2 - 12, 0.0, 1.0])
    blemishes.puddle(blow.goods, np.array([foot[0], foot[1], 0.02]), 42.0, blow.content, blow.seed())


def stain(blow: Blow) -> None:
    """Something spilled on the top and dried."""
    width, height = blow.size_of("top")
    centre = (blow.between(0.35, 0.6) * width, blow.between(0.4, 0.7) * height)
    blemishes.stain(blow.goods.part("top"), centre, 10 + 20 * blow.scale, (96, 62, 32), blow.seed())


def wear(blow: Blow) -> None:
    """All edges rubbed."""
    seed, half = blow.seed(), np.array(CARTON) / 2
    for name in ("top", "front", "left", "right", "back"):
        blemishes.wear(blow.goods.part(name), half, np.array([0, 0, CARTON[2] / 2]), 5.0 + 9.0 * blow.scale, seed)


def tear(blow: Blow) -> None:
    """The printed ply torn off, the board beneath still whole: bare board, no way through."""
    part = blow.goods.part("top")
    width, height = part.patch.size_mm
    x = blow.between(0.3, 0.6) * width
    outline = blow.torn_strip(x, 18 + 26 * blow.scale, height * (0.3 + 0.5 * blow.scale))
    gone = blemishes.tear(part, outline, 0.9, blow.seed())
    part.opacity = None
    part.layers.append(Layer(gone.astype(np.float32), Material(Finish.MATTE, (196, 170, 132))))


def scratch(blow: Blow) -> None:
    """Scratches through the print of the top."""
    width, height = blow.size_of("top")
    blow.scratch(
        "top",
        (width * blow.between(0.35, 0.6), height / 2),
        30 + 60 * blow.scale,
        3,
        0.6 + 0.6 * blow.scale,
        ((240, 236, 226), (170, 160, 146)),
    )


def _puncture(blow: Blow, defect: Defect) -> tuple[str, tuple[float, float]]:
    """Press in and pierce the top or the front; the face and where, in chart millimetres."""
    name = str(blow.rng.choice(["top", "front"]))
    part = blow.goods.part(name)
    width, height = part.patch.size_mm
    centre = (blow.between(0.25, 0.5) * width, blow.between(0.42, 0.6) * height)
    point, normal = facing(blow.goods, name, centre[0] / width, centre[1] / height)
    depth, radius = 4.0 * blow.scale + 1.5, 6.0 + 11.0 * blow.scale
    blow.press(point, normal, (1.0, 0.3, 0.0), defect, depth=depth, rise=(0.24, 0.3), soft=0.5, wrinkle=0.5)
    outline = blemishes.star_outline(blow.rng, centre, radius, points=int(blow.rng.integers(5, 8)), stretch=1.35)
    blemishes.hole(part, outline, (206, 186, 156), 2.6, defect, blow.seed())
    return name, centre
