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
from inspection.hub.precheck.decoder import Decoder, PictureRefused
from inspection.hub.precheck.messages import PERSON, sentence
from inspection.hub.precheck.photo_quality import PhotoQuality, photo_quality
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
            "quality": None if quality is None else _quality_json(quality, language),
            "findings": [_finding_json(finding, self.condition) for finding in self.findings],
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
        """Answer one file; no content makes it fail.

        Args:
            data: the file.
            item: what was sold, as the return says.
            context: what else is known of the case.
        """
        start = time.perf_counter()
        try:
            opened = self.decoder.open(data)
        except PictureRefused as refused:
            spent = {"open": (time.perf_counter() - start) * 1e3}
            return Look(False, refused.code, Outcome.MORE_PHOTOS, timings_ms=spent)
        decoded = time.perf_counter()
        jpeg = opened.jpeg()
        encoded = time.perf_counter()
        quality = photo_quality(opened.pixels)
        looked = time.perf_counter()
        inspected = self._inspect(opened.pixels, quality, item, context or Context())
        assessment = inspected.assessment
        return Look(
            accepted=True,
            code=f"precheck.{quality.problems[0]}" if quality.problems else "precheck.ok",
            outcome=outcome_of(inspected.verdict),
            why=inspected.verdict.reason,
            quality=quality,
            findings=() if assessment is None else assessment.findings,
            condition=None if assessment is None else assessment.condition,
            jpeg=jpeg,
            width=int(opened.pixels.shape[1]),
            height=int(opened.pixels.shape[0]),
            told=opened.told,
            model="" if assessment is None else assessment.bundle_id,
            policy=inspected.verdict.policy_version,
            timings_ms={
                "open": (decoded - start) * 1e3,
                "encode": (encoded - decoded) * 1e3,
                "quality": (looked - encoded) * 1e3,
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


def _quality_json(quality: PhotoQuality, language: str) -> dict[str, Any]:
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


def _finding_json(finding: Finding, condition: Condition | None) -> dict[str, Any]:
    box, region = finding.box, finding.region
    return {
        "type": str(finding.defect),
        "probability": round(finding.probability, 4),
        "severity": str(severity(finding, condition)),
        "box": None if box is None else [box.x, box.y, box.width, box.height],
        "outline": None if region is None else [[round(x, 1), round(y, 1)] for x, y in region.outline],
    }
