"""Which figures of an inspection are watched, and how they are had from its report and the picture that decided."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import cv2
import numpy as np

from calibration.acuity import sharpness
from inspection.drifting import Kind
from inspection.frame import Pixels

MOST_PIXELS = 60_000_000


class Family(StrEnum):
    """What a figure speaks of; it decides what can have caused a change."""

    CAPTURE = "capture"
    NOVELTY = "novelty"
    SCORES = "scores"
    PEOPLE = "people"
    WORK = "work"


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure that is watched."""

    kind: Kind
    family: Family


FIGURES: Mapping[str, Figure] = {
    "brightness": Figure(Kind.NUMBER, Family.CAPTURE),
    "contrast": Figure(Kind.NUMBER, Family.CAPTURE),
    "sharpness": Figure(Kind.NUMBER, Family.CAPTURE),
    "bad_capture": Figure(Kind.YES_NO, Family.CAPTURE),
    "distance": Figure(Kind.NUMBER, Family.NOVELTY),
    "novel": Figure(Kind.YES_NO, Family.NOVELTY),
    "p_sellable": Figure(Kind.NUMBER, Family.SCORES),
    "p_damage": Figure(Kind.NUMBER, Family.SCORES),
    "override": Figure(Kind.YES_NO, Family.PEOPLE),
    "hold": Figure(Kind.YES_NO, Family.WORK),
}

Measured = dict[str, tuple[float, str]]
"""Value of each figure, and the basis: what its reference belongs to, so that another bundle or camera begins anew."""


def of_report(report: Mapping[str, Any]) -> Measured:
    """The figures that the report itself carries."""
    found: Measured = {}
    assessment, policy, person = report.get("assessment"), report.get("policy"), report.get("person")
    if assessment is not None:
        bundle = assessment["bundle_id"]
        p = assessment["p_condition"]
        found["distance"] = distance_of(assessment["novelty"]), bundle
        found["novel"] = float(assessment["novel"]), bundle
        found["p_sellable"] = _log_odds(p.get("intact", 0.0) + p.get("minor", 0.0)), bundle
        damage = [value for name, value in assessment["p_defect"].items() if name != "novel"]
        found["p_damage"] = _log_odds(max(damage, default=0.0)), bundle
        found["bad_capture"] = float(any(assessment["capture_problems"].values())), ""
    if policy is not None:
        basis = f"{assessment['bundle_id'] if assessment else 'none'} {policy['policy_version']}"
        found["hold"] = float(policy["disposition"] == "hold"), basis
        if person is not None:
            found["override"] = float(person["overrides"]), basis
    return found


def of_picture(pixels: Pixels, basis: str) -> Measured:
    """What is measured of the picture that decided: uint8 (H, W, 3) BGR; ``basis``: its camera and calibration.

    Brightness is the median of the border: it shows the table, and items of any colour leave it as it is.
    """
    grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    dark, bright = np.percentile(grey[::4, ::4], (2, 98))
    rim = max(1, min(grey.shape) // 12)
    border = np.concatenate([part.ravel() for part in (grey[:rim], grey[-rim:], grey[:, :rim], grey[:, -rim:])])
    return {
        "brightness": (round(float(np.median(border)), 2), basis),
        "contrast": (round(float(bright - dark), 2), basis),
        "sharpness": (round(float(sharpness(pixels)), 4), basis),
    }


def distance_of(novelty: float) -> float:
    """The distance beside the bundle's threshold that a novelty of 0..1 stands for; the judge's formula turned round.

    ``models.runtime``: novelty = 1 - 0.5 ** (distance ** 2); over 1 is novel. What rounding hides counts as 7.
    """
    return round(math.sqrt(-math.log2(max(1.0 - novelty, 2.0**-49))), 5)


def deciding(report: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The picture that tells most: of the view that decided, else the first."""
    pictures: list[Mapping[str, Any]] = report["pictures"]
    view = (report.get("assessment") or {}).get("decided_by")
    return next((each for each in pictures if each["view"] == view), pictures[0] if pictures else None)


def basis_of(report: Mapping[str, Any], picture: Mapping[str, Any]) -> str:
    """View, camera and calibration of a picture."""
    calibration = report["versions"].get("calibration", {}).get(picture["view"], "-")
    return f"{picture['view']} {picture['camera_id']} {calibration}"


def goods_of(report: Mapping[str, Any]) -> str:
    """Kind of thing; ``unknown`` when nobody knows."""
    facts = (report.get("policy") or {}).get("facts") or {}
    return str(facts.get("goods") or "unknown")[:64]


def _log_odds(p: float) -> float:
    kept = min(max(p, 1e-4), 1 - 1e-4)
    return round(math.log(kept / (1 - kept)), 4)
