"""How a bottle is damaged, and what its label shares with a can's: crushed, dented, torn, stained, scratched."""

from __future__ import annotations

import numpy as np

from datasets.render import blemishes
from datasets.render.blow import Blow
from inspection.finding import Defect


def crush(blow: Blow) -> None:
    """Squeezed from several sides: four creases along the body."""
    for z, side in ((120.0, 0.0), (86.0, 0.42), (60.0, -0.12), (32.0, 0.2)):
        angle = 2 * np.pi * (blow.goods.front_u - 0.5 + side + blow.between(-0.05, 0.05)) - np.pi / 2
        normal = np.array([np.cos(angle), np.sin(angle), blow.between(-0.2, 0.2)])
        point = np.array([32 * np.cos(angle), 32 * np.sin(angle), z + blow.between(-6, 6)])
        along = np.cross((0.0, 0.0, 1.0), normal) + np.array([0, 0, blow.between(-0.5, 0.5)])
        depth = 7 + 12 * blow.scale
        blow.press(point, normal, along, Defect.CRUSH, depth=depth, rise=(0.22, 0.5), soft=0.9, wrinkle=0.9)


def dent(blow: Blow) -> None:
    """One dent in the label's zone."""
    u = blow.goods.front_u + blow.between(-0.05, 0.05)
    v, turn = blow.between(0.2, 0.6), blow.between(-0.6, 0.6)
    blow.press_label(u, v, turn, Defect.DENT, depth=5.0 + 7.0 * blow.scale, rise=(0.25, 0.6), soft=0.7)


def tear(blow: Blow) -> None:
    """A strip of the film torn off."""
    label = blow.goods.part("label")
    width, height = label.patch.size_mm
    u = (blow.goods.front_u + blow.between(-0.06, 0.06)) * width
    blemishes.tear(label, blow.torn_strip(u, 14 + 22 * blow.scale, height * (0.5 + 0.5 * blow.scale)), 1.8, blow.seed())


def stain_label(blow: Blow) -> None:
    """A dried splash on the label."""
    label = blow.goods.part("label")
    width, height = label.patch.size_mm
    centre = ((blow.goods.front_u + blow.between(-0.06, 0.06)) * width, blow.between(0.35, 0.65) * height)
    blemishes.stain(label, centre, 8 + 15 * blow.scale, (82, 54, 30), blow.seed())


def scratch_label(blow: Blow) -> None:
    """Scratches through the print of the label."""
    width, height = blow.size_of("label")
    centre = ((blow.goods.front_u + blow.between(-0.05, 0.05)) * width, height / 2)
    blow.scratch(
        "label",
        centre,
        22 + 34 * blow.scale,
        2 + round(4 * blow.scale),
        0.5 + 0.5 * blow.scale,
        ((236, 234, 226), (150, 148, 142)),
    )
