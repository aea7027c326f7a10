"""What most likely changed, and what to do about it: from which figures moved together."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from inspection.hub.drift.figures import FIGURES, Family


class Cause(StrEnum):
    """What most likely changed."""

    LIGHT = "light"
    FOCUS = "focus"
    CAPTURE = "capture"
    NEW_GOODS = "new_goods"
    PEOPLE_DISAGREE = "people_disagree"
    OTHER_MIX = "other_mix"
    MORE_HOLDS = "more_holds"


class Action(StrEnum):
    """What is proposed."""

    RECALIBRATE = "recalibrate"
    RELABEL = "relabel"
    RETRAIN = "retrain"
    LOOK = "look"


@dataclass(frozen=True, slots=True)
class Proposal:
    """Cause and action."""

    cause: Cause
    action: Action


def proposal(moved: Collection[str]) -> Proposal:
    """The proposal for figures that moved at one station and kind of goods.

    A change of the pictures themselves explains all others, so it comes first; then goods that the model does not know;
    then people who decide otherwise than the machine; what is left are scores alone.
    """
    families = {FIGURES[name].family for name in moved}
    if Family.CAPTURE in families:
        return Proposal(_of_capture(moved), Action.RECALIBRATE)
    for family, proposed in _OTHERWISE.items():
        if family in families:
            return proposed
    return Proposal(Cause.MORE_HOLDS, Action.LOOK)


_OTHERWISE = {
    Family.NOVELTY: Proposal(Cause.NEW_GOODS, Action.RETRAIN),
    Family.PEOPLE: Proposal(Cause.PEOPLE_DISAGREE, Action.RELABEL),
    Family.SCORES: Proposal(Cause.OTHER_MIX, Action.RELABEL),
}


def _of_capture(moved: Collection[str]) -> Cause:
    if "brightness" in moved:
        return Cause.LIGHT
    if "sharpness" in moved:
        return Cause.FOCUS
    return Cause.LIGHT if "contrast" in moved else Cause.CAPTURE
