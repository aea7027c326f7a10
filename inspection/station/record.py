"""What the journal holds about one inspection, and how it becomes the report for the hub.

The parts are those of :mod:`inspection.report`, so that what was journaled is, byte for byte, what will be reported.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import Enum, StrEnum
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

from inspection.finding import Assessment, Box, Finding
from inspection.item import Item
from inspection.reading import BarcodeReading, CodeInView, Reading, TagReading, WeightReading
from inspection.report import (
    AnswerPart,
    AssessmentPart,
    BoxPart,
    FindingPart,
    InspectionReport,
    ItemPart,
    PersonPart,
    PicturePart,
    PolicyPart,
    ReadingPart,
    VerdictPart,
    VersionsPart,
    seal,
)
from inspection.verdict import PolicyVerdict

MAX_READINGS = 200
MAX_RAW_BYTES = 2048
MAX_TEXT = 500
MAX_FINDINGS = 500


class State(StrEnum):
    """Where an inspection stands. ``IDLE`` is the station's state while there is no inspection."""

    IDLE = "idle"
    IDENTIFIED = "identified"
    CAPTURING = "capturing"
    JUDGED = "judged"
    CONFIRMED = "confirmed"
    HOLD = "hold"
    REPORTED = "reported"
    CANCELLED = "cancelled"


OPEN_STATES = frozenset({State.IDENTIFIED, State.CAPTURING, State.JUDGED})
"""States in which the item is still on the table and the worker's."""

SETTLED_STATES = frozenset({State.CONFIRMED, State.HOLD})
"""States in which a person has decided and the report waits in the outbox."""


class InspectionRecord(BaseModel):
    """One inspection as the journal keeps it.

    Attributes:
        revision: counts the reports of this inspection from 1.
        scanned_item: the item as scanner and tag reader named it, where the cameras then added to or contradicted it.
        answers: to the questions about the item; they stay when pictures are taken again.
        takes: how many times pictures were taken; a recapture replaces them, the journal keeps what was said of them.
        capture_problems: what is wrong with the pictures, by view; only views with which something is.
        timings_ms: duration of each stage of the last take: identify, capture, store, correct, quality, judge, decide,
            journal.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    inspection_id: UUID
    revision: int = 1
    state: State
    started_at: AwareDatetime
    judged_at: AwareDatetime | None = None
    confirmed_at: AwareDatetime | None = None
    rma: str | None = None
    item: ItemPart
    scanned_item: ItemPart | None = None
    readings: tuple[ReadingPart, ...] = ()
    pictures: tuple[PicturePart, ...] = ()
    assessment: AssessmentPart | None = None
    policy: PolicyPart | None = None
    person: PersonPart | None = None
    answers: tuple[AnswerPart, ...] = ()
    versions: VersionsPart | None = None
    takes: int = 0
    capture_problems: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    timings_ms: dict[str, float] = Field(default_factory=dict)

    @property
    def verdict(self) -> VerdictPart | None:
        """The opinion that counts: the person's where it overrides, otherwise the policy's."""
        if self.person is not None and self.person.overrides:
            return VerdictPart(disposition=self.person.disposition, grade=self.person.grade, decided_by="person")
        if self.policy is not None:
            return VerdictPart(disposition=self.policy.disposition, grade=self.policy.grade, decided_by="policy")
        return None


def build_report(record: InspectionRecord, station_id: str, key: Ed25519PrivateKey | None = None) -> InspectionReport:
    """The sealed report of a confirmed inspection, signed when there is a key.

    Raises:
        ValueError: when the inspection was not judged and confirmed (pydantic's ValidationError is one, too).
    """
    if record.verdict is None or record.confirmed_at is None or record.versions is None:
        raise ValueError(f"inspection {record.inspection_id} is {record.state}, not confirmed: nothing to report")
    return seal(
        {
            "inspection_id": record.inspection_id,
            "revision": record.revision,
            "station_id": station_id,
            "started_at": record.started_at,
            "judged_at": record.judged_at,
            "confirmed_at": record.confirmed_at,
            "rma": record.rma,
            "item": record.item,
            "readings": record.readings,
            "pictures": record.pictures,
            "assessment": record.assessment,
            "policy": record.policy,
            "person": record.person,
            "answers": record.answers,
            "verdict": record.verdict,
            "versions": record.versions,
        },
        key,
    )


def item_part(item: Item) -> ItemPart:
    """The domain's item as a part of the record."""
    return ItemPart(
        gtin=item.gtin,
        serial=item.serial or None,
        lot=item.lot or None,
        expiry=item.expiry,
        epc_uri=item.epc_uri,
        sources=item.sources,
        issues=item.issues,
    )


def item_of(part: ItemPart) -> Item:
    """The domain's item of a journaled part."""
    return Item(
        gtin=part.gtin,
        serial=part.serial,
        lot=part.lot,
        expiry=part.expiry,
        epc_uri=part.epc_uri,
        sources=tuple(part.sources),
        issues=tuple(part.issues),
    )


def reading_parts(readings: Sequence[Reading]) -> tuple[ReadingPart, ...]:
    """Readings as parts: at most 200 of 2048 bytes each, lest a babbling device swell a report."""
    return tuple(_reading_part(reading) for reading in readings[:MAX_READINGS])


def weighed(parts: Sequence[ReadingPart], weight: WeightReading | None) -> tuple[ReadingPart, ...]:
    """The parts with the weight that was judged in place of an earlier one."""
    others = tuple(part for part in parts if part.kind != "weight")
    return others if weight is None else (*others[: MAX_READINGS - 1], _reading_part(weight))


def sighted(parts: Sequence[ReadingPart], codes: Sequence[CodeInView]) -> tuple[ReadingPart, ...]:
    """The parts with the codes that the cameras read in this take in place of those of an earlier one."""
    others = tuple(part for part in parts if part.view is None)
    room = MAX_READINGS - len(codes)
    return (*others[:room], *(_reading_part(code) for code in codes))


def _reading_part(reading: Reading) -> ReadingPart:
    match reading:
        case BarcodeReading():
            kind, value = "barcode", reading.text
        case TagReading():
            kind, value = "tag", reading.epc
        case WeightReading() if reading.grams is not None:
            kind, value = "weight", f"{reading.grams.normalize():f} g"
        case _:
            raise TypeError(f"no part for a {type(reading).__name__}")
    return ReadingPart.model_validate(
        {
            "device_id": reading.device_id,
            "kind": kind,
            "raw_hex": reading.raw[:MAX_RAW_BYTES].hex(),
            "value": value[:MAX_TEXT],
            "at": reading.at,
            **_place(reading),
        }
    )


def _place(reading: Reading) -> dict[str, object]:
    if not isinstance(reading, CodeInView):
        return {}
    return {"view": reading.view, "corners": tuple((round(x, 1), round(y, 1)) for x, y in reading.corners)}


def assessment_part(assessment: Assessment) -> AssessmentPart:
    """The model's opinion as a part of the record; probabilities are clipped to 0..1 against rounding of float32."""
    return AssessmentPart(
        bundle_id=assessment.bundle_id,
        findings=tuple(_finding_part(finding) for finding in assessment.findings[:MAX_FINDINGS]),
        p_defect={defect: _unit(p) for defect, p in assessment.p_defect.items()},
        p_condition={condition: _unit(p) for condition, p in assessment.p_condition.items()},
        novelty=_unit(assessment.novelty),
        novel=bool(assessment.novel),
        confident=bool(assessment.confident),
        capture_problems={quality.view: tuple(quality.problems) for quality in assessment.capture},
        decided_by=assessment.decided_by or None,
    )


def _finding_part(finding: Finding) -> FindingPart:
    size = finding.size_mm
    return FindingPart(
        defect=finding.defect,
        probability=_unit(finding.probability),
        view=finding.view,
        box=None if finding.box is None else _box_part(finding.box),
        size_mm=None if size is None else (round(float(size[0]), 3), round(float(size[1]), 3)),
        area_mm2=None if finding.area_mm2 is None else round(float(finding.area_mm2), 3),
        size_uncertainty_mm=(
            None if finding.size_uncertainty_mm is None else round(float(finding.size_uncertainty_mm), 3)
        ),
    )


def _box_part(box: Box) -> BoxPart:
    return BoxPart(x=int(box.x), y=int(box.y), width=int(box.width), height=int(box.height))


def policy_part(verdict: PolicyVerdict) -> PolicyPart:
    """The policy's opinion as a part of the record, with its values as plain JSON."""
    return PolicyPart(
        disposition=verdict.disposition,
        grade=verdict.grade,
        rule_id=verdict.rule_id,
        reason={language: text[:MAX_TEXT] for language, text in verdict.reason.items()},
        reason_codes=tuple(verdict.reason_codes),
        needs_confirmation=verdict.needs_confirmation,
        policy_version=verdict.policy_version,
        values={name: plain_json(value) for name, value in verdict.values.items()},
        disclosures={code: dict(texts) for code, texts in verdict.disclosures.items()},
        work_list={code: dict(texts) for code, texts in verdict.work_list.items()},
        facts={name: plain_json(value) for name, value in verdict.facts.items()},
    )


def plain_json(value: object) -> JsonValue:
    """``value`` with only JSON types: enums by value, dates in ISO 8601, NaN and infinities as ``None``."""
    result: JsonValue
    match value:
        case Enum():
            result = plain_json(value.value)
        case None | bool() | int() | str():
            result = value
        case float():
            result = value if math.isfinite(value) else None
        case datetime() | date():
            result = value.isoformat()
        case Mapping():
            result = {str(key): plain_json(member) for key, member in value.items()}
        case set() | frozenset():
            result = [plain_json(member) for member in sorted(value, key=str)]
        case Sequence():
            result = [plain_json(member) for member in value]
        case _:
            result = str(value)
    return result


def _unit(probability: float) -> float:
    return min(1.0, max(0.0, float(probability)))
