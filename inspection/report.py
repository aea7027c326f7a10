"""The record a station sends to the hub: everything a verdict stands on, sealed by its evidence hash."""

from __future__ import annotations

from base64 import b64decode, b64encode
from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

from inspection.evidence import evidence_hash
from inspection.finding import Condition, Defect
from inspection.item import IdentityIssue
from inspection.ledger.keys import is_signed, public_bytes
from inspection.verdict import Disposition, Grade

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._@+:-]*$")]
Text = Annotated[str, Field(max_length=500)]
Probability = Annotated[float, Field(ge=0, le=1)]


class Part(BaseModel):
    """Base of the report's parts: unknown keys are refused, values are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ItemPart(Part):
    """Identity of the unit; see :class:`inspection.item.Item`."""

    gtin: Annotated[str, Field(pattern=r"^\d{14}$")] | None = None
    serial: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    lot: Annotated[str, Field(min_length=1, max_length=20)] | None = None
    expiry: date | None = None
    epc_uri: Annotated[str, Field(max_length=200, pattern=r"^urn:epc:id:")] | None = None
    sources: tuple[Name, ...] = ()
    issues: tuple[IdentityIssue, ...] = ()


class ReadingPart(Part):
    """One raw message of a device, so that a dispute can be settled from bytes.

    Attributes:
        view, corners: for a code that a camera read, the picture and the code's four corners in it, pixels, clockwise
            from its top left. Other readings do not have them, nor have reports from before cameras read codes.
    """

    device_id: Name
    kind: Literal["barcode", "tag", "weight"]
    raw_hex: Annotated[str, Field(max_length=4096, pattern=r"^([0-9a-f]{2})*$")]
    value: Text
    at: AwareDatetime
    view: Name | None = Field(None, exclude_if=lambda value: value is None)
    corners: Annotated[tuple[tuple[float, float], ...], Field(min_length=4, max_length=4)] | None = Field(
        None, exclude_if=lambda value: value is None
    )


class PicturePart(Part):
    """One stored picture: its name is the SHA-256 of its bytes.

    Attributes:
        offset_ms: by the monotonic clock, after the first picture of its set; the largest is the set's skew. Not told
            by stations from before it was measured, whose reports keep their hash.
    """

    view: Name
    sha256: Sha256
    media_type: Literal["image/jpeg", "image/png"]
    size_bytes: Annotated[int, Field(gt=0, le=20_000_000)]
    width: Annotated[int, Field(gt=0, le=20_000)]
    height: Annotated[int, Field(gt=0, le=20_000)]
    captured_at: AwareDatetime
    camera_id: Text
    sequence: Annotated[int, Field(ge=0)]
    settings_digest: Annotated[str, Field(max_length=64)]
    offset_ms: Annotated[float, Field(ge=0)] | None = Field(None, exclude_if=lambda value: value is None)


class BoxPart(Part):
    """Pixels of the view's picture."""

    x: Annotated[int, Field(ge=0)]
    y: Annotated[int, Field(ge=0)]
    width: Annotated[int, Field(gt=0)]
    height: Annotated[int, Field(gt=0)]


class FindingPart(Part):
    """One defect in one view; see :class:`inspection.finding.Finding`.

    Area and uncertainty are not told by stations from before they were measured, whose reports keep their hash.
    """

    defect: Defect
    probability: Probability
    view: Name
    box: BoxPart | None = None
    size_mm: tuple[float, float] | None = None
    area_mm2: Annotated[float, Field(ge=0)] | None = Field(None, exclude_if=lambda value: value is None)
    size_uncertainty_mm: Annotated[float, Field(ge=0)] | None = Field(None, exclude_if=lambda value: value is None)


class AssessmentPart(Part):
    """The machine's opinion; see :class:`inspection.finding.Assessment`.

    Attributes:
        decided_by: the view that decided the condition; not in reports from before it was told.
    """

    bundle_id: Text
    findings: Annotated[tuple[FindingPart, ...], Field(max_length=500)]
    p_defect: dict[Defect, Probability]
    p_condition: dict[Condition, Probability]
    novelty: Probability
    novel: bool
    confident: bool
    capture_problems: dict[Name, tuple[Name, ...]]
    decided_by: Name | None = Field(None, exclude_if=lambda value: value is None)


class PolicyPart(Part):
    """The policy's opinion; see :class:`inspection.verdict.PolicyVerdict`."""

    disposition: Disposition
    grade: Grade | None = None
    rule_id: Name
    reason: dict[Name, Text]
    reason_codes: tuple[Name, ...] = ()
    needs_confirmation: bool
    policy_version: Name
    values: dict[str, JsonValue]
    disclosures: dict[Name, dict[Name, Text]] = Field(default_factory=dict)
    work_list: dict[Name, dict[Name, Text]] = Field(default_factory=dict)
    facts: dict[str, JsonValue] = Field(default_factory=dict)


class AnswerPart(Part):
    """What was answered to a question about the item.

    Attributes:
        fact: the policy's variable that it set; ``""`` for one that is no variable, such as which of two tags is its.
        by: ``model`` for what the machine answered and nobody corrected.
    """

    question: Name
    fact: Annotated[str, Field(max_length=64)] = ""
    value: Text
    by: Literal["person", "model"] = "person"
    who: Name | None = None


class MarkPart(Part):
    """Where a person saw what the model got wrong, in pixels of a view's picture: a label for training."""

    view: Name
    box: BoxPart
    defect: Defect | None = None


class PersonPart(Part):
    """The person's opinion; see :class:`inspection.verdict.HumanDecision`. ``who`` is a pseudonymous badge id.

    Attributes:
        approved_by: badge id of the supervisor who agreed, where one had to.
        marks: where the person saw what made them override.
    """

    disposition: Disposition
    grade: Grade | None = None
    overrides: bool
    reason_code: Name | None = None
    note: Text = ""
    who: Name
    at: AwareDatetime
    approved_by: Annotated[Name | None, Field(exclude_if=lambda value: value is None)] = None
    marks: Annotated[tuple[MarkPart, ...], Field(max_length=20, exclude_if=lambda value: not value)] = ()


class VerdictPart(Part):
    """The outcome that counts, and whose opinion it is."""

    disposition: Disposition
    grade: Grade | None = None
    decided_by: Literal["policy", "person"]


class VersionsPart(Part):
    """What produced this record. ``bundle`` and ``calibration`` are ``None`` when there was none."""

    software: Name
    policy: Name
    products: Name
    bundle: Text | None = None
    calibration: dict[Name, Text] = Field(default_factory=dict)


class SignaturePart(Part):
    """The station's Ed25519 signature (RFC 8032) over :func:`signed_message` of the evidence hash.

    Attributes:
        public_key: 32 bytes in Base64.
        value: 64 bytes in Base64.
    """

    public_key: Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$")]
    value: Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]{85}[AQgw]==$")]


class InspectionReport(Part):
    """One revision of one inspection, as a station reports it to ``POST /v1/inspections``.

    Attributes:
        signature: ``None`` from stations that do not sign; the evidence hash does not cover it.
    """

    schema_version: Literal["1"] = "1"
    inspection_id: UUID
    revision: Annotated[int, Field(ge=1, le=10_000)]
    station_id: Name
    started_at: AwareDatetime
    judged_at: AwareDatetime | None = None
    confirmed_at: AwareDatetime
    rma: Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")] | None = None
    item: ItemPart
    readings: Annotated[tuple[ReadingPart, ...], Field(max_length=200)] = ()
    pictures: Annotated[tuple[PicturePart, ...], Field(max_length=32)] = ()
    assessment: AssessmentPart | None = None
    policy: PolicyPart | None = None
    person: PersonPart | None = None
    answers: Annotated[tuple[AnswerPart, ...], Field(max_length=50, exclude_if=lambda value: not value)] = ()
    verdict: VerdictPart
    versions: VersionsPart
    evidence_hash: Sha256
    signature: SignaturePart | None = Field(None, exclude_if=lambda value: value is None)

    def expected_hash(self) -> str:
        """The evidence hash this report must carry."""
        return evidence_hash(self.model_dump(mode="json"))

    def is_sealed(self) -> bool:
        """Whether ``evidence_hash`` matches the content."""
        return self.evidence_hash == self.expected_hash()

    def is_signed(self) -> bool:
        """Whether there is a signature and it is that of its key over the evidence hash; trusts no key."""
        if self.signature is None:
            return False
        public, value = b64decode(self.signature.public_key), b64decode(self.signature.value)
        return is_signed(public, value, signed_message(self.evidence_hash))


def seal(fields: dict[str, Any], key: Ed25519PrivateKey | None = None) -> InspectionReport:
    """Build a report from ``fields`` (without ``evidence_hash``), seal it, and sign it when there is a key.

    Raises:
        pydantic.ValidationError: when a field does not fit.
    """
    draft = InspectionReport.model_validate({**fields, "evidence_hash": "0" * 64})
    sealed = draft.model_copy(update={"evidence_hash": draft.expected_hash()})
    if key is None:
        return sealed
    value = key.sign(signed_message(sealed.evidence_hash))
    signature = SignaturePart(public_key=_base64(public_bytes(key)), value=_base64(value))
    return sealed.model_copy(update={"signature": signature})


def signed_message(evidence_hash: str) -> bytes:
    """What a station signs: a line that says what for, and the evidence hash."""
    return f"returns-inspection/evidence/v1\n{evidence_hash}\n".encode()


def _base64(data: bytes) -> str:
    return b64encode(data).decode("ascii")
