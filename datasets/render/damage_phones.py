"""How a phone is damaged: cracked, scratched, greasy, stained, its corner dented."""

from __future__ import annotations

import numpy as np

from datasets.render import blemishes, cuts
from datasets.render.blow import Blow
from datasets.render.goods import PHONE
from inspection.finding import Defect

WIDE_CRACKS = 9  # the first rays gape; what branches off them is finer


def crack(blow: Blow) -> None:
    """Struck near one end: rays, arcs between them, and splinters where it was hit."""
    size = blow.size_of("glass")
    impact = (
        float(blow.rng.choice([blow.between(0.12, 0.3), blow.between(0.7, 0.88)])) * size[0],
        blow.between(0.2, 0.8) * size[1],
    )
    walls = np.array([[(238, 242, 246)], [(120, 126, 132)]], np.uint8)
    lines = cuts.crack_star(blow.rng, size, impact, 4 + round(8 * blow.scale), 0.25 + 0.55 * blow.scale)
    for i, line in enumerate(lines):
        width = blow.between(0.4, 0.75) if i < WIDE_CRACKS else blow.between(0.25, 0.45)
        cuts.groove(blow.goods, "glass", line, width, walls, Defect.CRACK)
    for _ in range(round(26 * blow.scale)):
        start = np.array(impact) + blow.rng.normal(0, 2.2, 2)
        angle = blow.between(0, 2 * np.pi)
        line = start + np.outer(np.array([0.0, 0.6, 1.0]) * blow.between(1.2, 4.0), [np.cos(angle), np.sin(angle)])
        cuts.groove(blow.goods, "glass", line, blow.between(0.3, 0.7), walls, Defect.CRACK)


def scratch(blow: Blow) -> None:
    """Scratches across the display."""
    size = blow.size_of("glass")
    centre = (size[0] * blow.between(0.35, 0.65), size[1] * blow.between(0.4, 0.6))
    blow.scratch(
        "glass",
        centre,
        22 + 34 * blow.scale,
        2 + round(6 * blow.scale),
        0.3 + 0.3 * blow.scale,
        ((206, 210, 214), (120, 124, 130)),
    )


def smudge(blow: Blow) -> None:
    """Grease and finger prints."""
    size = blow.size_of("glass")
    blemishes.smudge(
        blow.goods.part("glass"),
        (size[0] * blow.between(0.35, 0.65), size[1] * 0.5),
        20 + 22 * blow.scale,
        blow.seed(),
        blow.rng,
    )


def stain(blow: Blow) -> None:
    """A dried splash on the glass."""
    size = blow.size_of("glass")
    centre = (size[0] * blow.between(0.3, 0.7), size[1] * blow.between(0.4, 0.6))
    blemishes.stain(blow.goods.part("glass"), centre, 6 + 10 * blow.scale, (168, 158, 138), blow.seed())


def dent(blow: Blow) -> None:
    """A corner of the frame knocked in."""
    corner = (-PHONE[0] / 2 + 2.5, -PHONE[1] / 2 + 2.5, PHONE[2] - 1.0)
    normal, along, depth = (-0.7, -0.7, 0.45), (0.7, -0.7, 0.0), 1.2 + 2.8 * blow.scale
    blow.press(corner, normal, along, Defect.DENT, depth=depth, rise=(0.25, 0.35), soft=0.3, wrinkle=0.2)
