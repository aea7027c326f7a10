"""Why a picture is worth a person's look: read from a report alone, so that a second reading finds the same."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from inspection.hub.precheck.agreement import Pair
from inspection.report import AssessmentPart, InspectionReport
from inspection.verdict import Disposition

CLEAR = 0.5
"""Probability from which a finding is one that another view should not be without, when the model is not sure."""
DIFFERENT, HELD, AUDITED = 0.9, 0.5, 0.1
"""Least uncertainty of what pre-check and station saw differently, of a hold, and of a random audit."""
MISSED, FALSE = "missed_damage", "false_damage"
"""Reasons of overrides, as stations are delivered; others may be configured."""


class Reason(StrEnum):
    """Why it is asked."""

    OVERRIDE = "override"
    HOLD = "hold"
    VIEWS = "views"
    PRECHECK = "precheck"
    MODELS = "models"
    LOW_CONFIDENCE = "low_confidence"
    NOVEL = "novel"
    AUDIT = "audit"


Asked = dict[str, dict[Reason, float]]
"""By view, the strength (0..1) of each reason."""


@dataclass(frozen=True, slots=True)
class Rules:
    """See :class:`inspection.hub.review.settings.ReviewSection`."""

    audit_share: float
    double_share: float
    seed: str
    low_confidence: float


def reasons(report: InspectionReport, rules: Rules, pair: Pair | None = None) -> Asked:
    """The views of a report that a person should label, and why.

    Args:
        report: with its pictures.
        rules: what is configured.
        pair: what the customer's pictures and this verdict come to; ``None`` without pre-check.
    """
    shown = tuple(dict.fromkeys(picture.view for picture in report.pictures))
    found: Asked = defaultdict(dict)

    def ask(views: Iterable[str], reason: Reason, strength: float) -> None:
        for view in views:
            if view in shown:
                found[view][reason] = round(max(strength, found[view].get(reason, 0.0)), 4)

    said = report.assessment
    doubt = entropy(said) if said is not None else 1.0
    deciding = (said.decided_by,) if said is not None and said.decided_by in shown else shown
    if report.person is not None and report.person.overrides:
        ask(_overridden(report, shown), Reason.OVERRIDE, 1.0)
    if report.verdict.disposition is Disposition.HOLD:
        ask(deciding, Reason.HOLD, max(doubt, HELD))
    if pair in (Pair.NOT_CONFIRMED, Pair.NOT_SEEN):
        ask(shown if pair is Pair.NOT_CONFIRMED else deciding, Reason.PRECHECK, max(doubt, DIFFERENT))
    if said is not None:
        apart = apartness(said, shown)
        if apart >= CLEAR:
            ask(shown, Reason.VIEWS, apart)
        if not said.confident or max(said.p_condition.values(), default=0.0) < rules.low_confidence:
            ask(deciding, Reason.LOW_CONFIDENCE, doubt)
        if said.novel:
            ask(shown, Reason.NOVEL, said.novelty)
    if chosen(rules.seed, f"audit/{report.inspection_id}", rules.audit_share):
        ask(shown, Reason.AUDIT, max(doubt, AUDITED) if said is not None else AUDITED)
    return dict(found)


def entropy(said: AssessmentPart) -> float:
    """Shannon entropy of the condition's probabilities, as a share of the largest: 0 (sure) .. 1 (no idea)."""
    total = sum(said.p_condition.values())
    if total <= 0:
        return 1.0
    shares = [p / total for p in said.p_condition.values() if p > 0]
    return min(1.0, max(0.0, -sum(p * math.log(p) for p in shares) / math.log(4)))


def apartness(said: AssessmentPart, shown: tuple[str, ...]) -> float:
    """How far views of one item are apart: of any defect, the largest less the smallest probability over the views.

    A sure model has seen the item from all sides, and a scratch on one of them is no contradiction: then it is halved.
    """
    if len(shown) < 2:  # noqa: PLR2004 - one view agrees with itself
        return 0.0
    by_defect: dict[str, dict[str, float]] = defaultdict(dict)
    for each in said.findings:
        if each.view in shown:
            of = by_defect[each.defect]
            of[each.view] = max(each.probability, of.get(each.view, 0.0))
    apart = max((_spread(of, shown) for of in by_defect.values()), default=0.0)
    return apart / 2 if said.confident else apart


def chosen(seed: str, name: str, share: float) -> bool:
    """Whether ``name`` is in a random ``share`` of all names; the same on every machine and for ever."""
    rank = int.from_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:8])
    return rank < share * 2**64


def _overridden(report: InspectionReport, shown: tuple[str, ...]) -> tuple[str, ...]:
    """Where the worker marked it; else where the model could have been wrong in the way the worker says."""
    person, said = report.person, report.assessment
    if person is None:
        return ()
    marked = tuple(dict.fromkeys(mark.view for mark in person.marks))
    if marked:
        return marked
    if person.reason_code == MISSED or said is None:
        return shown
    if person.reason_code == FALSE:
        return tuple(dict.fromkeys(each.view for each in said.findings)) or shown
    return (said.decided_by,) if said.decided_by in shown else shown


def _spread(of: Mapping[str, float], shown: tuple[str, ...]) -> float:
    values = [of.get(view, 0.0) for view in shown]
    return max(values) - min(values)
