"""Whether a stage's figures take a candidate back, let it go on, or decide nothing yet. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from inspection.hub.rollouts.plan import Limit, Plan
from inspection.hub.rollouts.sequential import Bounds, Count, excess_bounds, rate_bounds
from inspection.rollout import Stage


class Word(StrEnum):
    """What figures say."""

    HARM = "harm"
    FINE = "fine"
    OPEN = "open"


class Move(StrEnum):
    """What is to be done."""

    BACK = "back"
    ON = "on"
    WAIT = "wait"
    ASK = "ask"


@dataclass(frozen=True, slots=True)
class Figures:
    """What is known of one stage so far.

    Attributes:
        items: about which the candidate said something.
        hours: since the stage began.
        override: items of which a person decided otherwise than was proposed; only where the candidate's word counts.
        hold: items that were left to a person.
        disagreement: of the items about which both said something, where they differ; likewise ``slow`` and
            ``error`` of those about which the candidate was asked.
    """

    items: int = 0
    hours: float = 0.0
    override: tuple[Count, Count] = (Count(), Count())
    hold: tuple[Count, Count] = (Count(), Count())
    disagreement: Count = field(default_factory=Count)
    slow: Count = field(default_factory=Count)
    error: Count = field(default_factory=Count)


@dataclass(frozen=True, slots=True)
class Weighed:
    """One thing that is watched.

    Attributes:
        candidate, champion: what was counted; the champion is ``None`` for a share that stands alone.
        bounds: of the share, or of its excess, for harm.
        fine_high: upper bound of the same for going on, which needs no allowance for there being several.
        limit: beyond what it is too much.
    """

    name: str
    candidate: Count
    champion: Count | None
    bounds: Bounds
    fine_high: float
    limit: Limit
    word: Word


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done and why: what did harm, or what is still open."""

    move: Move
    reasons: tuple[str, ...]
    weighed: tuple[Weighed, ...]


def decide(stage: Stage, figures: Figures, plan: Plan) -> Decision:
    """Weigh the figures of a stage.

    A candidate that harms nowhere is taken back with a probability of at most ``plan.alpha``, however often this is
    asked: each of the things watched has its part of it. Going on needs every one of them to be surely fine, each at
    ``plan.alpha``: one that is not fine lets a candidate through with at most that probability.
    """
    weighed = weigh(stage, figures, plan)
    harmful = tuple(each.name for each in weighed if each.word is Word.HARM)
    if harmful:
        return Decision(Move.BACK, harmful, weighed)
    wanted = plan.of(stage)
    open_still = tuple(each.name for each in weighed if each.word is not Word.FINE)
    if figures.items < wanted.min_items:
        open_still = ("items", *open_still)
    if figures.hours < wanted.min_hours:
        open_still = ("hours", *open_still)
    if not open_still:
        return Decision(Move.ON if plan.automatic else Move.ASK, (), weighed)
    if figures.hours > plan.max_days * 24:
        return Decision(Move.ASK, open_still, weighed)
    return Decision(Move.WAIT, open_still, weighed)


def weigh(stage: Stage, figures: Figures, plan: Plan) -> tuple[Weighed, ...]:
    """Each thing that is watched in this stage.

    In its shadow a candidate's proposals cannot be overridden: people had the champion's before their eyes.
    """
    pairs = {"hold": figures.hold}
    if stage is Stage.CANARY:
        pairs = {"override": figures.override, **pairs}
    shares = {"disagreement": figures.disagreement, "slow": figures.slow, "error": figures.error}
    alpha = plan.alpha / (len(pairs) + len(shares))
    found = []
    for name, (ours, theirs) in pairs.items():
        limit: Limit = getattr(plan.limits, name)
        bounds = excess_bounds(ours, theirs, alpha)
        high = excess_bounds(ours, theirs, plan.alpha).high
        found.append(Weighed(name, ours, theirs, bounds, high, limit, _word(bounds, high, limit)))
    for name, count in shares.items():
        limit = getattr(plan.limits, name)
        bounds, high = rate_bounds(count, alpha), rate_bounds(count, plan.alpha).high
        found.append(Weighed(name, count, None, bounds, high, limit, _word(bounds, high, limit)))
    return tuple(found)


def _word(bounds: Bounds, fine_high: float, limit: Limit) -> Word:
    if bounds.low > limit.harm:
        return Word.HARM
    return Word.FINE if fine_high < limit.fine else Word.OPEN
