"""The daily check: the reference card under a view, compared with what the view's record says.

The card may lie anywhere, so it tells focus, light, colour and lengths; whether the camera has moved is told by the
table around it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from calibration.ciede2000 import TO_XYZ, ciede2000, lab_of_linear, linear_of_lab
from calibration.correct import Corrector
from calibration.detect import Sighting, find_target, homography_of, map_points
from calibration.drift import DriftWatch
from calibration.moves import Move
from calibration.record import CalibrationRecord, CardSeen, Made, Plane
from calibration.sample import PatchSamples, sample_patches
from calibration.targets import Card
from inspection.errors import CalibrationError
from inspection.frame import Pixels

EXPOSURE = 0.12
EXPOSURE_PRINT = 0.25
"""Relative change of light; the second against the card's description only, as prints differ from it."""
COLOUR = 3.0
COLOUR_PRINT = 8.0
"""Mean CIEDE2000 of the patches, brought to the same light; likewise."""
BLUR_GROWTH = 1.5
LEAST_BLUR_PX = 0.9
BLUR_SHARE = 0.0014
"""Of the frame's longer side, where the card was not seen before: 1.8 px at 1280."""
SCALE = 0.01
LEAST_PATCHES = 3
GREY_CHROMA = 4.0
MARGIN = 0.08
"""Of the card's size, around it, that does not count as table."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Check:
    """What the card says about a view.

    Attributes:
        exposure: light now over then.
        delta_e: mean CIEDE2000 of the patches, in the same light.
        blur_px: standard deviation of the blur of the card's edges; infinite when it is too blurred to be read.
        scale: measured over true length, where it is furthest off; ``None`` without plane.
        shift_px: how far the table has moved in the frame; ``None`` without background or texture.
        shift_mm: the same on the table; ``None`` without plane.
        moves: what is out of its limits.
        compared: ``card`` when the card was seen after calibration, ``description`` when only its description is known.
        not_measured: what could not be: ``scale``, ``shift``, ``exposure``, ``colour``.
    """

    exposure: float | None
    delta_e: float | None
    blur_px: float
    scale: float | None
    shift_px: float | None
    shift_mm: float | None
    moves: tuple[Move, ...]
    compared: str
    not_measured: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return not self.moves


def check_card(frame: Pixels, card: Card, record: CalibrationRecord) -> Check:
    """Compare the card under a view with the view's record.

    Args:
        frame: uint8 (H, W, 3) BGR as the camera gives it.
        card: its description.
        record: of the view.

    Raises:
        CalibrationError: the card is not in view, partly covered, or another; the frame is of another size.
    """
    picture = Corrector(record)(frame)
    try:
        sighting = find_target(picture, card, max_blur_px=float("inf"))
    except CalibrationError as error:
        if error.code != "calibration.blurred":
            raise
        return _unreadable(record, max(picture.shape))
    samples = sample_patches(picture, card, sighting)
    exposure, delta_e = _colours(card, samples, record.card)
    scale = None if record.plane is None else furthest_scale(sighting, record.plane)
    shift_px, shift_mm, view = _shift(picture, card, sighting, record)
    moves = [
        *_light_moves(exposure, delta_e, known=record.card is not None),
        *_focus_move(sighting.blur_px, record, max(picture.shape)),
        *view,
    ]
    if scale is not None and abs(scale - 1) > SCALE:
        moves.append(Move("scale", scale, SCALE, "ratio"))
    found = {
        "scale": scale,
        "shift": None if shift_px is None and not view else 0,
        "exposure": exposure,
        "colour": delta_e,
    }
    return Check(
        exposure=exposure,
        delta_e=delta_e,
        blur_px=sighting.blur_px,
        scale=scale,
        shift_px=shift_px,
        shift_mm=shift_mm,
        moves=tuple(moves),
        compared=_compared(record),
        not_measured=tuple(name for name, value in found.items() if value is None),
    )


def see_card(frame: Pixels, card: Card, record: CalibrationRecord, made: Made) -> CardSeen:
    """How the card looks now, for the checks to come; to be taken right after calibration.

    Raises:
        CalibrationError: as `check_card`; ``calibration.clipped``, ``.blurred``.
    """
    picture = Corrector(record)(frame)
    sighting = find_target(picture, card)
    samples = sample_patches(picture, card, sighting)
    bad = [patch.name for patch, good in zip(card.patches, samples.good, strict=True) if not good]
    if bad:
        raise CalibrationError(
            f"patches of the card are clipped or glare: {', '.join(bad)}",
            code="clipped",
            hint="turn the card or the lamps, or shorten the exposure",
        )
    light = {
        patch.name: (float(rgb[0]), float(rgb[1]), float(rgb[2]))
        for patch, rgb in zip(card.patches, samples.rgb, strict=True)
    }
    return CardSeen(made=made, light=light, blur_px=sighting.blur_px)


def furthest_scale(sighting: Sighting, plane: Plane) -> float:
    """Measured over true length on the table, in the direction in which it is furthest from 1."""
    there = map_points(np.asarray(plane.homography, np.float64), sighting.points_px)
    true = sighting.points_mm - sighting.points_mm.mean(axis=0)
    affine = np.linalg.lstsq(true, there - there.mean(axis=0), rcond=None)[0]
    lengths = np.linalg.svd(affine, compute_uv=False)
    return float(lengths[np.argmax(np.abs(np.log(np.maximum(lengths, 1e-9))))])


def _colours(card: Card, samples: PatchSamples, then: CardSeen | None) -> tuple[float | None, float | None]:
    """Light now over then, and the mean difference of the colours in the same light."""
    names = [patch.name for patch in card.patches]
    usable = samples.good.copy()
    if then is not None:
        usable &= np.array([name in then.light for name in names])
        known = np.array([then.light.get(name, (0.0, 0.0, 0.0)) for name in names])
    else:
        known = linear_of_lab(np.array([patch.lab for patch in card.patches]))
    if usable.sum() < LEAST_PATCHES:
        return None, None
    known, now = known[usable], samples.rgb[usable]
    exposure = float(np.sum(now @ TO_XYZ[1]) / max(float(np.sum(known @ TO_XYZ[1])), 1e-6))
    off = ciede2000(lab_of_linear(now / max(exposure, 1e-6)), lab_of_linear(known))
    return exposure, float(off.mean())


def _light_moves(exposure: float | None, delta_e: float | None, *, known: bool) -> list[Move]:
    moves = []
    light, colour = (EXPOSURE, COLOUR) if known else (EXPOSURE_PRINT, COLOUR_PRINT)
    if exposure is not None and abs(np.log(max(exposure, 1e-6))) > -np.log(1 - light):
        moves.append(Move("exposure", exposure, light, "ratio"))
    if delta_e is not None and delta_e > colour:
        moves.append(Move("colour", delta_e, colour, "deltaE"))
    return moves


def _focus_move(blur_px: float, record: CalibrationRecord, long_side: int) -> list[Move]:
    limit = _blur_limit(record, long_side)
    return [Move("focus", blur_px, limit, "px")] if blur_px > limit else []


def _blur_limit(record: CalibrationRecord, long_side: int) -> float:
    if record.card is None:
        return BLUR_SHARE * long_side
    return max(LEAST_BLUR_PX, BLUR_GROWTH * record.card.blur_px)


def _unreadable(record: CalibrationRecord, long_side: int) -> Check:
    """The card is there, and so blurred that nothing but that can be said."""
    limit = _blur_limit(record, long_side)
    moves = (Move("focus", float("inf"), limit, "px"),)
    names = ("scale", "shift", "exposure", "colour")
    return Check(None, None, float("inf"), None, None, None, moves, _compared(record), names)


def _shift(
    picture: Pixels, card: Card, sighting: Sighting, record: CalibrationRecord
) -> tuple[float | None, float | None, list[Move]]:
    """Pixels, millimetres, and the move, by the table around the card."""
    if record.background is None:
        return None, None, []
    drift = DriftWatch.of(record)(picture, _card_mask(picture, card, sighting))
    return drift.shift_px, drift.shift_mm, [move for move in drift.moves if move.code in {"shift", "view"}]


def _card_mask(picture: Pixels, card: Card, sighting: Sighting) -> npt.NDArray[np.uint8]:
    """uint8 (H, W), 1 on the card and a margin of the paper around it."""
    w, h = card.width_mm, card.height_mm
    edge = MARGIN * max(w, h)
    corners = np.array([[-edge, -edge], [w + edge, -edge], [w + edge, h + edge], [-edge, h + edge]]) * card.print_scale
    mask = np.zeros(picture.shape[:2], np.uint8)
    outline = np.rint(map_points(homography_of(sighting), corners)).clip(-30000, 30000).astype(np.int32)
    return np.asarray(cv2.fillConvexPoly(mask, outline, (1,)), np.uint8)


def _compared(record: CalibrationRecord) -> str:
    return "description" if record.card is None else "card"
