"""How a can is damaged: dented, crushed, pierced, its label torn, its metal rusted."""

from __future__ import annotations

import cv2
import numpy as np

from datasets.render import blemishes
from datasets.render.blow import Blow
from datasets.render.goods import CAN_HEIGHT, CAN_RADIUS
from inspection.finding import Defect


def dent(blow: Blow) -> None:
    """A crease pressed into the wall, label and all."""
    u, v = blow.goods.front_u + blow.between(-0.07, 0.07), blow.between(0.30, 0.62)
    turn = blow.between(0.35, 1.2) * blow.sign()
    depth, wrinkle = 4.5 + 9.5 * blow.scale, 0.3 * blow.scale
    blow.press_label(u, v, turn, Defect.DENT, depth=depth, rise=(0.22, 0.52), soft=0.4, wrinkle=wrinkle)


def crush(blow: Blow) -> None:
    """The wall caved in from three sides and the rim bent."""
    for i, side in enumerate((-0.10, 0.13, 0.36)):
        u = blow.goods.front_u + side + blow.between(-0.03, 0.03)
        v = 0.40 + 0.14 * i * blow.sign() + blow.between(-0.05, 0.05)
        turn = np.pi / 2 + blow.between(-0.5, 0.5)
        depth, wrinkle = 10.0 * blow.scale + 1.5, 1.1 * blow.scale
        blow.press_label(u, v, turn, Defect.CRUSH, depth=depth, rise=(0.28, 0.42), soft=0.7, wrinkle=wrinkle)
    rim, normal = (0.0, -CAN_RADIUS * 0.8, CAN_HEIGHT), (0.25 * blow.sign(), -0.6, 0.8)
    depth = 5.0 * blow.scale
    blow.press(rim, normal, (1.0, 0.2, 0.0), Defect.CRUSH, depth=depth, rise=(0.3, 0.5), soft=0.6, wrinkle=0.4)


def breach(blow: Blow) -> None:
    """A hole through label and wall, the content running down and over the table."""
    label, body = blow.goods.part("label"), blow.goods.part("body")
    width, height = label.patch.size_mm
    centre = ((blow.goods.front_u + blow.between(0.03, 0.07)) * width, blow.between(0.46, 0.56) * height)
    outline = blemishes.star_outline(blow.rng, centre, 5.0 + 5.0 * blow.scale, points=5, stretch=1.5)
    whole = blemishes.hole(label, outline, (205, 204, 200), 2.2, Defect.BREACH, blow.seed())
    points = body.texel_points()
    u = (np.arctan2(points[..., 1], points[..., 0]) + np.pi / 2) / (2 * np.pi) + 0.5
    column = np.mod(u, 1.0) * whole.shape[1]
    row = (CAN_HEIGHT - 7.5 - points[..., 2]) / height * whole.shape[0]
    row = np.where(np.hypot(points[..., 0], points[..., 1]) > CAN_RADIUS - 1.2, row, -10)
    opacity = cv2.remap(
        whole,
        column.astype(np.float32),
        row.astype(np.float32),
        cv2.INTER_NEAREST,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=255,
    )
    body.opacity = np.asarray(opacity, np.uint8)
    colour = blow.content
    for shift in (-4.0, 3.0, 7.0):
        start = (centre[0] + shift, centre[1] + 4.0)
        end = (centre[0] + shift + blow.between(-3, 3), height - blow.between(0.0, 16.0))
        blemishes.drip(blow.goods, label, start, end, blow.between(3.0, 6.5), colour, Defect.BREACH)
    spill = blow.goods.pose @ np.array(
        [*(label.patch.shape(np.array([[centre[0] / width, 0.9]]))[0] * [1.25, 1.25, 0]), 1.0]
    )
    blemishes.puddle(blow.goods, np.array([spill[0], spill[1], 0.02]), 30.0, colour, blow.seed())


def tear(blow: Blow) -> None:
    """A strip of the label torn off, bare metal beneath."""
    label = blow.goods.part("label")
    width, height = label.patch.size_mm
    u = (blow.goods.front_u + blow.between(-0.05, 0.05)) * width
    blemishes.tear(
        label, blow.torn_strip(u, 16 + 26 * blow.scale, height * (0.45 + 0.5 * blow.scale)), 1.6, blow.seed()
    )


def rust(blow: Blow) -> None:
    """Corrosion from the rim over the lid, at the foot, and through the label's edge."""
    angle = 2 * np.pi * (blow.goods.front_u - 0.5 + blow.between(-0.10, 0.10)) - np.pi / 2
    edge = np.array([34.0 * np.cos(angle), 34.0 * np.sin(angle), CAN_HEIGHT - 3.0])
    seed = blow.seed()
    for place, radius in (
        (edge, 34 * blow.scale),
        (edge * [0.2, 0.2, 1], 18 * blow.scale),
        (edge * [1.05, 1.05, 0.02], 26 * blow.scale),
    ):
        blemishes.rust(blow.goods.part("body"), place, radius, seed)
    blemishes.rust(blow.goods.part("label"), edge * [1.07, 1.07, 0.97], 17 * blow.scale, seed)
