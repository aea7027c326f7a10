"""From frames to a verdict: correct, judge, decide. Pure: it reads no file, no clock but a stopwatch, and no device."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from inspection.finding import Assessment, CaptureQuality
from inspection.frame import Frame, ViewPicture
from inspection.item import Item
from inspection.item_size import ItemSize, steepest
from inspection.policy import Policy
from inspection.policy.context import Context, Hazard
from inspection.policy.facts import Facts, establish
from inspection.products import Catalogue, Product
from inspection.verdict import PolicyVerdict

__all__ = ["Context", "Corrector", "Examiner", "Facts", "Hazard", "Judge", "Outcome", "Seen", "inspect", "uncorrected"]


class Judge(Protocol):
    """A model ready to run."""

    @property
    def bundle_id(self) -> str:
        """``name@version+hash`` of the bundle."""
        ...

    def assess(self, pictures: Sequence[ViewPicture], goods: str | None = None) -> Assessment:
        """Judge all views of one item in one batch; ``pictures`` is never empty, ``goods`` is its kind where known."""
        ...


class Corrector(Protocol):
    """Turns a camera's frame into the picture the judge sees: lens, colour and light corrected."""

    def __call__(self, view: str, frame: Frame) -> ViewPicture: ...


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look at a corrected picture says before it is judged.

    Attributes:
        problems: why it cannot carry a verdict, by code, what to put right first; empty when it can.
        calibration_problems: what it says is wrong with the view's calibration, e.g. that the camera has moved.
        size: of the item beside its product's; ``None`` when this view cannot tell.
        timings_ms: of the parts of the look that are told apart from ``quality``: ``drift``, ``size``.
    """

    problems: tuple[str, ...] = ()
    calibration_problems: tuple[str, ...] = ()
    size: ItemSize | None = None
    timings_ms: Mapping[str, float] = field(default_factory=dict)


Examiner = Callable[[ViewPicture, Product | None], Seen]
"""Looks at a corrected picture of an item of a product, ``None`` when that is not known."""


def uncorrected(view: str, frame: Frame) -> ViewPicture:
    """The frame as it is, for a view without calibration."""
    return ViewPicture(view, frame.pixels)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an inspection came to.

    Attributes:
        assessment: the model's opinion; ``None`` without a model or without pictures.
        verdict: the policy's opinion.
        timings_ms: milliseconds spent in ``correct``, ``quality``, ``drift`` and ``size`` where these were looked at,
            ``judge`` and ``decide``.
        capture: what is wrong with the picture of each view, by code; only views with which something is.
        calibration: version of the calibration applied, by view, for the views that have one.
    """

    assessment: Assessment | None
    verdict: PolicyVerdict
    timings_ms: Mapping[str, float]
    calibration: Mapping[str, str] = field(default_factory=dict)
    capture: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def inspect(
    item: Item,
    frames: Mapping[str, Frame],
    *,
    judge: Judge | None,
    correct: Corrector,
    policy: Policy,
    catalogue: Catalogue,
    context: Context,
    examine: Examiner | None = None,
) -> Outcome:
    """Inspect one item.

    Args:
        item: who it is, as far as its codes say.
        frames: one young frame per view, in the order of the views.
        judge: the model; ``None`` when the station has none, then the policy holds the item.
        correct: applies each view's calibration.
        policy: decides.
        catalogue: what the item is worth and what its kind demands.
        context: what else the station knows.
        examine: looks at every corrected picture before it is judged. A bad one is not judged beside good ones, and
            without clear damage in one of those it leads to a hold.
    """
    start = time.perf_counter()
    pictures = tuple(correct(view, frame) for view, frame in frames.items())
    corrected = time.perf_counter()
    product = catalogue.find(item.gtin)
    looks = {shown.view: examine(shown, product) for shown in pictures} if examine is not None else {}
    seen = {view: look.problems for view, look in looks.items()}
    calibration_problems = _calibration_problems(pictures, looks)
    examined = time.perf_counter()
    fit = tuple(shown for shown in pictures if not seen.get(shown.view)) or pictures
    assessment = (
        _in_frames(judge.assess(fit, product.goods if product else None), pictures, seen)
        if judge is not None and pictures
        else None
    )
    judged = time.perf_counter()
    facts = establish(
        item,
        assessment,
        product,
        context,
        pictured=bool(pictures),
        calibrated=_calibrated(pictures, calibration_problems, context),
        capture_problems=_together(seen),
        calibration_problems=calibration_problems,
        size=None if _together(seen) else steepest(look.size for look in looks.values()),
    )
    verdict = policy.decide(facts)
    decided = time.perf_counter()
    apart = _apart(looks)
    timings_ms = {
        "correct": (corrected - start) * 1e3,
        "quality": (examined - corrected) * 1e3 - sum(apart.values()),
        **apart,
        "judge": (judged - examined) * 1e3,
        "decide": (decided - judged) * 1e3,
    }
    calibration = {shown.view: shown.calibration_id for shown in pictures if shown.calibration_id is not None}
    capture = {quality.view: quality.problems for quality in assessment.capture} if assessment is not None else seen
    capture = {view: problems for view, problems in capture.items() if problems}
    return Outcome(assessment, verdict, timings_ms, calibration, capture)


def _together(seen: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(code for problems in seen.values() for code in problems))


def _calibration_problems(pictures: Sequence[ViewPicture], looks: Mapping[str, Seen]) -> tuple[str, ...]:
    known = [code for shown in pictures for code in shown.calibration_problems]
    return tuple(dict.fromkeys((*known, *(code for look in looks.values() for code in look.calibration_problems))))


def _apart(looks: Mapping[str, Seen]) -> dict[str, float]:
    """Milliseconds of what is told apart, over all views."""
    spent: dict[str, float] = {}
    for look in looks.values():
        for name, ms in look.timings_ms.items():
            spent[name] = spent.get(name, 0.0) + ms
    return spent


def _in_frames(
    assessment: Assessment, pictures: Sequence[ViewPicture], seen: Mapping[str, tuple[str, ...]]
) -> Assessment:
    """The judge speaks of the corrected pictures; what is kept and shown are the frames, and what was seen wrong."""
    geometry = {shown.view: shown.geometry for shown in pictures}
    findings = []
    for finding in assessment.findings:
        known = geometry.get(finding.view)
        findings.append(finding if known is None else known.in_frame(finding))
    said = {quality.view: quality.problems for quality in assessment.capture}
    capture = tuple(
        CaptureQuality(shown.view, tuple(dict.fromkeys((*seen.get(shown.view, ()), *said.get(shown.view, ())))))
        for shown in pictures
    )
    return replace(assessment, findings=tuple(findings), capture=capture)


def _calibrated(pictures: Sequence[ViewPicture], problems: tuple[str, ...], context: Context) -> bool:
    if context.calibrated is not None:
        return context.calibrated
    return bool(pictures) and not problems and all(picture.calibrated for picture in pictures)
