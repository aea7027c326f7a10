"""What if: one stored inspection judged and decided again, with another model or other rules. Pure: no file, no clock.

The station's own pipeline looks at the stored frames; everything that pictures do not show (identity, weight, answers,
prices, what was wrong with capture and calibration) is taken from the facts that the report carries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from statistics import median
from typing import Any

from pydantic import ValidationError

from inspection.finding import Assessment, Box, Finding
from inspection.frame import Frame, ViewPicture
from inspection.item import Item
from inspection.pipeline import Context, Corrector, Judge, Seen, inspect, uncorrected
from inspection.policy import Policy
from inspection.policy.facts import VARIABLES, Facts
from inspection.products import Catalogue, Product
from inspection.report import InspectionReport
from inspection.verdict import Disposition, PolicyVerdict
from inspection.worth import worth

SEEN = frozenset(
    {"judged", "novel", "novelty", "confident", "trials", "confidence", "condition", "p_sellable", "defects"}
    | {"p_damage", "capture_problems", "sizes_known"}
    | {name for name in VARIABLES if name.endswith(("_count", "_max_mm"))}
)
"""Variables that follow from what the machine sees; all others stay as they were."""
MOST_FINDINGS = 8
_SAME_PLACE = 0.3


class NotReplayable(Exception):
    """An inspection that cannot be decided again; ``code`` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Opinion:
    """A verdict in short.

    Attributes:
        confirm: whether a person had to confirm it.
        worth: what it brings, minor units of money; see :mod:`inspection.worth`.
    """

    disposition: str
    grade: str | None
    rule: str
    confirm: bool
    worth: float

    @property
    def outcome(self) -> tuple[str, str | None]:
        """What happens to the item."""
        return self.disposition, self.grade


@dataclass(frozen=True, slots=True)
class Marked:
    """A finding of the replay, in pixels of its view's picture."""

    view: str
    defect: str
    probability: float
    box: tuple[int, int, int, int] | None


@dataclass(frozen=True, slots=True)
class Replayed:
    """One inspection before and after.

    Attributes:
        before: as recorded, or decided again by the given rules where only the model is asked about.
        after: with the other model or rules.
        redecided: whether ``before`` is not the recorded verdict.
        person: what a person decided in the end; ``None`` when nobody did or it is still on hold.
        goods: kind of thing; ``unknown`` when nobody knows.
        condition: most probable one now, ``unknown`` when nothing was judged.
        view: whose picture tells most.
        pictures: how many were judged.
        unsized: whether sizes that the station measured could not be had again.
        findings: of the replay, strongest first; empty when the model did not run.
    """

    before: Opinion
    after: Opinion
    redecided: bool
    person: str | None
    goods: str
    condition: str
    view: str
    pictures: int
    unsized: bool = False
    findings: tuple[Marked, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether something else happens to the item."""
        return self.before.outcome != self.after.outcome

    def as_json(self) -> dict[str, Any]:
        """JSON values; :meth:`of` reads them."""
        return asdict(self)

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Replayed:
        """What :meth:`as_json` wrote."""
        marked = tuple(
            Marked(one["view"], one["defect"], one["probability"], tuple(one["box"]) if one["box"] else None)
            for one in said["findings"]
        )
        opinions = {name: Opinion(**said[name]) for name in ("before", "after")}
        return cls(**{**said, **opinions, "findings": marked})


def needed(report: InspectionReport) -> tuple[str, ...]:
    """Hashes of the pictures that judging it again needs, in the order of the views."""
    return tuple(picture.sha256 for picture in report.pictures)


def replayed(
    report: InspectionReport,
    policy: Policy,
    *,
    as_of: date,
    rules_given: bool,
    judge: Judge | None = None,
    frames: Mapping[str, Frame] | None = None,
    correct: Corrector = uncorrected,
) -> Replayed:
    """Decide one inspection again.

    Args:
        report: its newest revision.
        policy: the rules; those in effect at ``as_of`` count: a rule of today is asked about items of last week.
        rules_given: the question is about rules (with a judge, about both): the recorded verdict is compared.
            Otherwise it is about the model, and where the recorded verdict was by other rules, the given rules first
            decide over the stored assessment, so that only the model makes a difference.
        judge: the model; ``None``: the stored assessment stands.
        frames: the stored pictures by view; needed with ``judge``.
        correct: applies calibrations, where those are at hand.

    Raises:
        NotReplayable: the report carries no policy or no facts, or it has no pictures to be judged.
    """
    said = report.policy
    if said is None:
        raise NotReplayable("no_policy")
    if not said.facts:
        raise NotReplayable("no_facts")
    stored = replace(facts_of(said.facts), today=as_of.isoformat())
    sold = _person(report)
    if judge is None:
        after = policy.decide(stored)
        return _told(report, _recorded(report, stored, sold), after, stored, sold)
    if not frames:
        raise NotReplayable("no_pictures")
    assessment, seen = _judged(report, frames, judge, correct, policy, stored)
    after = policy.decide(seen)
    redecided = not rules_given and said.policy_version != policy.version
    before = _opinion(policy.decide(stored), stored, sold) if redecided else _recorded(report, stored, sold)
    told = _told(report, before, after, seen, sold)
    return replace(
        told,
        redecided=redecided,
        view=assessment.decided_by or told.view,
        pictures=len(frames),
        unsized=stored.sizes_known and bool(seen.defects) and not seen.sizes_known,
        findings=tuple(map(_marked, assessment.findings[:MOST_FINDINGS])),
    )


def facts_of(variables: Mapping[str, Any]) -> Facts:
    """Facts from what a report carries; variables that it does not know yet have their defaults."""
    return Facts.of({name: value for name, value in variables.items() if name in VARIABLES and value is not None})


def _judged(
    report: InspectionReport,
    frames: Mapping[str, Frame],
    judge: Judge,
    correct: Corrector,
    policy: Policy,
    stored: Facts,
) -> tuple[Assessment, Facts]:
    """What the model says now, and the facts with that in the place of what it said then."""
    item = Item(gtin=report.item.gtin, serial=report.item.serial)
    problems = _problems(report, stored)
    outcome = inspect(
        item,
        frames,
        judge=_Sized(judge, report),
        correct=correct,
        policy=policy,
        catalogue=_catalogue(item, stored),
        context=Context(today=date.fromisoformat(stored.today)),
        examine=lambda shown, _product: Seen(problems.get(shown.view, ())),
    )
    if outcome.assessment is None:
        raise NotReplayable("no_pictures")
    now = outcome.verdict.facts
    return outcome.assessment, facts_of({**stored.variables(), **{name: now[name] for name in SEEN}})


def _problems(report: InspectionReport, stored: Facts) -> dict[str, tuple[str, ...]]:
    """What was wrong with the capture of each view, as the station saw it beside its calibration."""
    if report.assessment is not None:
        return {view: tuple(codes) for view, codes in report.assessment.capture_problems.items()}
    return {picture.view: stored.capture_problems for picture in report.pictures}


class _Sized:
    """A judge whose findings get sizes from what the station measured in the same view.

    The hub has no calibrations. A finding in the place of a recorded one has its size; another in that view is scaled
    by the view's millimetres a pixel, which its recorded findings tell.
    """

    def __init__(self, judge: Judge, report: InspectionReport) -> None:
        self._judge = judge
        recorded = report.assessment.findings if report.assessment is not None else ()
        self._known: list[tuple[str, Box, tuple[float, float], float]] = [
            (
                finding.view,
                Box(finding.box.x, finding.box.y, finding.box.width, finding.box.height),
                finding.size_mm,
                finding.size_uncertainty_mm or 0.0,
            )
            for finding in recorded
            if finding.box is not None and finding.size_mm is not None
        ]

    @property
    def bundle_id(self) -> str:
        return self._judge.bundle_id

    def assess(self, pictures: Sequence[ViewPicture], goods: str | None = None) -> Assessment:
        """As the judge says, with sizes."""
        said = self._judge.assess(pictures, goods)
        corrected = {shown.view for shown in pictures if shown.geometry is not None}
        return replace(said, findings=tuple(f if f.view in corrected else self._sized(f) for f in said.findings))

    def _sized(self, finding: Finding) -> Finding:
        box = finding.box
        known = [one for one in self._known if one[0] == finding.view]
        if box is None or not known or finding.size_mm is not None:
            return finding
        _, place, size, off = max(known, key=lambda one: _overlap(one[1], box))
        if _overlap(place, box) >= _SAME_PLACE:
            return replace(finding, size_mm=size, size_uncertainty_mm=off)
        scale = median(length / max(at.width, at.height) for _, at, (length, _), _ in known)
        sides = sorted((box.width * scale, box.height * scale), reverse=True)
        return replace(finding, size_mm=(sides[0], sides[1]), size_uncertainty_mm=0.25 * sides[0])


def _overlap(one: Box, other: Box) -> float:
    """Intersection over union."""
    wide = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    high = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    common = max(0, wide) * max(0, high)
    return common / (one.width * one.height + other.width * other.height - common)


def _catalogue(item: Item, stored: Facts) -> Catalogue:
    """The one product that the facts speak of, for the judge to know its kind of goods."""
    if item.gtin is None or not stored.product_known:
        return Catalogue("replay", "XXX", {})
    money = {name: int(getattr(stored, name)) for name in Product.model_fields if name.startswith(("price_", "cost_"))}
    said = {
        "gtin": item.gtin,
        "name": {"en": "-"},
        "goods": stored.goods,
        "category": stored.category,
        "p_fix": stored.p_fix,
        "value_limit": int(stored.value_limit),
        "hygiene": stored.hygiene,
        "data_carrier": stored.data_carrier,
        "min_confidence": stored.min_confidence,
        **money,
    }
    try:
        return Catalogue("replay", "XXX", {item.gtin: Product.model_validate(said)})
    except ValidationError:
        return Catalogue("replay", "XXX", {})


def _recorded(report: InspectionReport, stored: Facts, person: str | None) -> Opinion:
    said = report.policy
    if said is None:
        raise NotReplayable("no_policy")
    grade = None if said.grade is None else str(said.grade)
    value = worth(stored, said.disposition, grade, person)
    return Opinion(str(said.disposition), grade, said.rule_id, said.needs_confirmation, value)


def _opinion(verdict: PolicyVerdict, facts: Facts, person: str | None) -> Opinion:
    grade = None if verdict.grade is None else str(verdict.grade)
    value = worth(facts, verdict.disposition, grade, person)
    return Opinion(str(verdict.disposition), grade, verdict.rule_id, verdict.needs_confirmation, value)


def _told(
    report: InspectionReport, before: Opinion, after: PolicyVerdict, facts: Facts, person: str | None
) -> Replayed:
    decided_by = report.assessment.decided_by if report.assessment is not None else None
    return Replayed(
        before=before,
        after=_opinion(after, facts, person),
        redecided=False,
        person=person,
        goods=facts.goods,
        condition=facts.condition,
        view=decided_by or (report.pictures[0].view if report.pictures else ""),
        pictures=0,
    )


def _person(report: InspectionReport) -> str | None:
    """What a person decided in the end."""
    person = report.person
    if person is None or person.disposition is Disposition.HOLD:
        return None
    return str(person.disposition)


def _marked(finding: Finding) -> Marked:
    box = finding.box
    place = None if box is None else (box.x, box.y, box.width, box.height)
    return Marked(finding.view, str(finding.defect), round(float(finding.probability), 4), place)
