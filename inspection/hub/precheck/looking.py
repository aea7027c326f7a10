"""A customer's file to an answer: opened in the worker, looked at, judged and decided as at the station."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import structlog

from inspection import pipeline
from inspection.errors import InspectionError
from inspection.finding import Condition, Finding
from inspection.frame import Frame, Pixels, ViewPicture
from inspection.hub.precheck.decoder import Decoder, Opened, PictureRefused
from inspection.hub.precheck.messages import PERSON, sentence
from inspection.hub.precheck.photo_quality import PhotoQuality, photo_quality
from inspection.hub.precheck.video import VideoDecoder
from inspection.item import Item
from inspection.pipeline import Context, Judge, Seen
from inspection.policy import Policy
from inspection.policy.facts import DAMAGE
from inspection.products import Catalogue, Product
from inspection.verdict import PolicyVerdict

log = structlog.get_logger(__name__)

CUSTOMER_POLICY = Path(__file__).with_name("customer.yaml")
VIEW = "customer"
_OUTCOME = "customer_"


class Outcome(StrEnum):
    """What will probably happen; a machine never refuses."""

    REFUND_WITHOUT_RETURN = "refund_without_return"
    SEND_BACK = "send_back"
    REPAIR = "repair"
    MORE_PHOTOS = "more_photos"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Look:
    """The answer to one file.

    Attributes:
        accepted: whether it gave a picture that may be kept.
        code: ``precheck.ok``, why it was refused, or the first thing wrong with the photograph.
        outcome: ``more_photos`` also for what was refused.
        why: sentence per language of the rule that decided; empty when nothing was judged.
        rule: its id.
        jpeg: the picture as it may be kept; findings lie in it. Empty when refused.
        width, height: of it, pixels.
        told: what the file said about itself before that was dropped.
        model, policy: versions that stand behind the answer; empty when not asked.
        timings_ms: ``open``, ``encode``, ``quality``, ``judge``, ``decide`` as far as it came.
    """

    accepted: bool
    code: str
    outcome: Outcome
    why: Mapping[str, str] = field(default_factory=dict)
    rule: str = ""
    quality: PhotoQuality | None = None
    findings: tuple[Finding, ...] = ()
    condition: Condition | None = None
    jpeg: bytes = field(default=b"", repr=False)
    width: int = 0
    height: int = 0
    told: Mapping[str, Any] = field(default_factory=dict)
    model: str = ""
    policy: str = ""
    timings_ms: Mapping[str, float] = field(default_factory=dict)

    def as_json(self, language: str) -> dict[str, Any]:
        """The answer in words of one language, as the command prints it and the page shows it."""
        quality = self.quality
        return {
            "accepted": self.accepted,
            "code": self.code,
            "message": sentence(self.code, language),
            "width": self.width,
            "height": self.height,
            "quality": None if quality is None else quality_json(quality, language),
            "findings": [finding_json(finding, self.condition) for finding in self.findings],
            "outcome": str(self.outcome),
            "ms": round(sum(self.timings_ms.values())),
            "condition": None if self.condition is None else str(self.condition),
            "why": self.why.get(language, sentence(self.code, language)),
            "automatic": True,
            "person": PERSON[language],
            "told": dict(self.told),
            "model": self.model,
            "policy": self.policy,
            "timings_ms": {name: round(ms, 1) for name, ms in self.timings_ms.items()},
        }


@dataclass(frozen=True, slots=True)
class Glance:
    """A picture opened and measured, which takes a fraction of a second, before it is judged.

    Attributes:
        opened: its pixels.
        jpeg: as it may be kept and shown.
        quality: what is wrong with it.
        at_ms: place in the video; ``None`` for a photograph.
        timings_ms: ``open``, ``encode``, ``quality``.
    """

    opened: Opened
    jpeg: bytes = field(repr=False)
    quality: PhotoQuality
    at_ms: int | None = None
    timings_ms: Mapping[str, float] = field(default_factory=dict)

    @property
    def code(self) -> str:
        """``precheck.ok``, or the first thing wrong with the photograph."""
        return f"precheck.{self.quality.problems[0]}" if self.quality.problems else "precheck.ok"


def glance(decoder: Decoder, data: bytes) -> Glance:
    """Open and measure a photograph.

    Raises:
        PictureRefused: it gives no picture.
    """
    start = time.perf_counter()
    opened = decoder.open(data)
    return measured(opened, None, (time.perf_counter() - start) * 1e3)


def glances(decoder: VideoDecoder, data: bytes) -> list[Glance]:
    """Open a video and measure the frames worth judging, in the order of time.

    Raises:
        PictureRefused: it gives no picture.
    """
    start = time.perf_counter()
    frames = decoder.frames(data)
    open_ms = (time.perf_counter() - start) * 1e3 / len(frames)
    return [measured(each.opened, each.at_ms, open_ms) for each in frames]


def measured(opened: Opened, at_ms: int | None, open_ms: float) -> Glance:
    """An opened picture, encoded and measured."""
    start = time.perf_counter()
    jpeg = opened.jpeg()
    encoded = time.perf_counter()
    quality = photo_quality(opened.pixels)
    spent = {"encode": (encoded - start) * 1e3, "quality": (time.perf_counter() - encoded) * 1e3}
    return Glance(opened, jpeg, quality, at_ms, {"open": open_ms, **spent})


@dataclass(frozen=True, slots=True)
class Looker:
    """Everything that an answer needs.

    Attributes:
        decoder: opens files.
        policy: the customer's rules.
        catalogue: what goods are worth.
        judge: the model; without one a person answers.
    """

    decoder: Decoder
    policy: Policy
    catalogue: Catalogue
    judge: Judge | None

    def look(self, data: bytes, item: Item, context: Context | None = None) -> Look:
        """Answer one photograph; no content makes it fail.

        Args:
            data: the file.
            item: what was sold, as the return says.
            context: what else is known of the case.
        """
        start = time.perf_counter()
        try:
            seen = glance(self.decoder, data)
        except PictureRefused as refused:
            return refusal(refused, (time.perf_counter() - start) * 1e3)
        return self.judged(seen, item, context)

    def judged(self, seen: Glance, item: Item, context: Context | None = None) -> Look:
        """Answer a picture that was opened and measured; see :meth:`look`."""
        inspected = self._inspect(seen.opened.pixels, seen.quality, item, context or Context())
        assessment = inspected.assessment
        return Look(
            accepted=True,
            code=seen.code,
            outcome=outcome_of(inspected.verdict),
            why=inspected.verdict.reason,
            rule=inspected.verdict.rule_id,
            quality=seen.quality,
            findings=() if assessment is None else assessment.findings,
            condition=None if assessment is None else assessment.condition,
            jpeg=seen.jpeg,
            width=int(seen.opened.pixels.shape[1]),
            height=int(seen.opened.pixels.shape[0]),
            told=seen.opened.told,
            model="" if assessment is None else assessment.bundle_id,
            policy=inspected.verdict.policy_version,
            timings_ms={
                **seen.timings_ms,
                "judge": inspected.timings_ms["judge"],
                "decide": inspected.timings_ms["decide"],
            },
        )

    def _inspect(self, pixels: Pixels, quality: PhotoQuality, item: Item, context: Context) -> pipeline.Outcome:
        def with_judge(judge: Judge | None) -> pipeline.Outcome:
            return pipeline.inspect(
                item,
                {VIEW: _frame(pixels)},
                judge=judge,
                correct=pipeline.uncorrected,
                policy=self.policy,
                catalogue=self.catalogue,
                context=context,
                examine=_Examined(quality),
            )

        try:
            return with_judge(self.judge)
        except InspectionError as error:  # the model cannot say anything of it, so a person does
            log.warning("precheck.not_judged", code=error.code)
            return with_judge(None)


@dataclass(frozen=True, slots=True)
class _Examined:
    """The pipeline's examiner for a picture whose quality is already measured."""

    quality: PhotoQuality

    def __call__(self, shown: ViewPicture, product: Product | None) -> Seen:  # noqa: ARG002 -- the form of an examiner
        return Seen(self.quality.problems)


def refusal(refused: PictureRefused, open_ms: float) -> Look:
    """The answer to a file that gives no picture."""
    return Look(False, refused.code, Outcome.MORE_PHOTOS, timings_ms={"open": open_ms})


def outcome_of(verdict: PolicyVerdict) -> Outcome:
    """What a verdict of the customer's rules means for the customer; a person where a rule names nothing."""
    named = (code.removeprefix(_OUTCOME) for code in verdict.reason_codes if code.startswith(_OUTCOME))
    name = next(named, "")
    return Outcome(name) if name in set(Outcome) else Outcome.PERSON


def severity(finding: Finding, condition: Condition | None) -> Condition:
    """How bad one finding is: a blemish is minor; damage is what it makes of the item, at least minor."""
    if finding.defect not in DAMAGE or condition in (None, Condition.INTACT):
        return Condition.MINOR
    return condition


def _frame(pixels: Pixels) -> Frame:
    now = datetime.now(UTC)
    return Frame(pixels, time.monotonic_ns(), now, 0, VIEW, "")


def quality_json(quality: PhotoQuality, language: str) -> dict[str, Any]:
    """What was measured, with the sentence of each problem in one language."""
    return {
        "ok": quality.ok,
        "problems": [
            {"code": f"precheck.{code}", "message": sentence(f"precheck.{code}", language)} for code in quality.problems
        ],
        "contrast": quality.contrast,
        "brightness": quality.brightness,
        "blur_px": quality.blur_px,
        "item_share": quality.item_share,
    }


def finding_json(finding: Finding, condition: Condition | None) -> dict[str, Any]:
    """One finding, in pixels of the picture as it is shown."""
    box, region = finding.box, finding.region
    return {
        "type": str(finding.defect),
        "probability": round(finding.probability, 4),
        "severity": str(severity(finding, condition)),
        "box": None if box is None else [box.x, box.y, box.width, box.height],
        "outline": None if region is None else [[round(x, 1), round(y, 1)] for x, y in region.outline],
    }
