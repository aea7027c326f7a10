"""What the pre-check's API takes and says."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

from inspection.hub.connectors.mail import ADDRESS, MAX_ADDRESS
from inspection.hub.moments import Moment
from inspection.hub.precheck.replies import Decision, Reason
from inspection.hub.returns.schemas import RMA_PATTERN

Language = Literal["zh-CN", "en", "th", "vi"]
MAIL_PATTERN = f"^$|{ADDRESS}"
CHECK_PATTERN = r"^[^\x00-\x1f\x7f]{4,64}$"


class NewCase(BaseModel):
    """A case to be opened, or the link of one that is."""

    model_config = ConfigDict(extra="forbid")

    rma: Annotated[str, Field(pattern=RMA_PATTERN, examples=["RMA-1001"])]
    tier: Annotated[int, Field(ge=0, le=9, description="of the member; higher is answered sooner")] | None = None
    answer_by: Annotated[Moment, Field(description="when the customer was promised an answer")] | None = None
    language: Language | None = None
    email: (
        Annotated[
            str,
            Field(
                pattern=MAIL_PATTERN,
                max_length=MAX_ADDRESS,
                examples=["customer@shop.example"],
                description="where the customer is told of the case, when a destination `mail` is configured; empty "
                "takes it away. Never shown or told to other systems, and erased with the case",
            ),
        ]
        | None
    ) = None
    check_value: (
        Annotated[
            str,
            Field(
                pattern=CHECK_PATTERN,
                description="what the customer types beside the order number to open the case without the link, "
                "e.g. a postcode; kept as a keyed hash only",
            ),
        ]
        | None
    ) = None


class CaseLink(BaseModel):
    """A case and its one link."""

    rma: str
    state: str
    url: str = Field(description="opens the case; give it to the customer alone")
    expires_at: AwareDatetime


class PictureView(BaseModel):
    """What was seen in one picture."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    number: int
    at_ms: int | None = Field(description="place in the video")
    width: int
    height: int
    quality: dict[str, JsonValue]
    findings: list[dict[str, Any]]
    condition: str | None
    outcome: str
    rule: str
    why: dict[str, str]
    model: str
    policy: str


class UploadView(BaseModel):
    """One file that the customer sent."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    step: str
    kind: str | None
    state: str
    code: str | None
    size_bytes: int
    told: dict[str, JsonValue] | None
    sent_anyway: bool
    received_at: AwareDatetime | None
    done_at: AwareDatetime | None
    pictures: list[PictureView] = []


class NewDecision(BaseModel):
    """What a person decides."""

    model_config = ConfigDict(extra="forbid")

    decision: Annotated[Decision, Field(examples=["send_back"])]
    reason: Annotated[Reason, Field(examples=["must_be_inspected"])]
    note: Annotated[str, Field(max_length=1000, description="shown to the customer after the canned answer")] = ""
    version: Annotated[int, Field(ge=1, description="of the case that was read; another is refused")] | None = None


class ChallengeView(BaseModel):
    """A paper with characters that the customer was asked to lay beside the item."""

    model_config = ConfigDict(from_attributes=True)

    code: str = Field(examples=["K7WD"])
    asked_at: AwareDatetime
    expires_at: AwareDatetime
    upload_id: UUID | None = Field(description="the file that answers it; a person compares, nothing reads the paper")
    live: bool = Field(description="the customer is still asked for it")


class DecisionView(BaseModel):
    """What a person decided."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    decision: str
    reason: str
    note: str
    staff_id: UUID | None
    state_before: str
    decided_at: AwareDatetime


class SignalView(BaseModel):
    """Something for a person to weigh; it decides nothing by itself."""

    model_config = ConfigDict(from_attributes=True)

    kind: str
    picture_id: UUID
    other_picture_id: UUID | None
    other_rma: str | None = Field(description="case of the picture that was seen before")
    strength: float
    detail: dict[str, JsonValue]
    found_at: AwareDatetime


class ClaimView(BaseModel):
    """Kinds of damage in the customer's own words beside what was seen; it decides nothing by itself."""

    model_config = ConfigDict(from_attributes=True)

    named: list[str] = Field(examples=[["crack", "scratch"]])
    denied: list[str] = Field(description="the words say that they are not there", examples=[["dent"]])
    not_seen: list[str] = Field(description="named, and nothing like it was seen in judged pictures")
    seen_though_denied: list[str]


class CaseSummary(BaseModel):
    """A case in the queue."""

    model_config = ConfigDict(from_attributes=True)

    rma: str
    state: str
    tier: int
    language: str | None
    outcome: str | None
    person_asked_at: AwareDatetime | None
    answer_by: AwareDatetime | None
    opened_at: AwareDatetime
    changed_at: AwareDatetime


class CaseInShort(BaseModel):
    """A case without anything personal: no word and no picture of the customer."""

    model_config = ConfigDict(from_attributes=True)

    rma: str
    state: str
    outcome: str | None = Field(description="what will probably happen; the automatic answer")
    defects: list[str] = Field(description="kinds of damage seen in the pictures, the most probable first")
    decision: str | None = Field(description="of a person; the newest")


class CaseQueue(BaseModel):
    """Cases for a person, the most urgent first."""

    cases: list[CaseSummary]


class KindView(BaseModel):
    """Pre-check beside station, for one kind of goods."""

    model_config = ConfigDict(from_attributes=True)

    goods: str
    agree: int
    not_confirmed: int = Field(description="damage in the pictures, none at the station")
    not_seen: int = Field(description="damage at the station, none in the pictures")
    undecided: int = Field(description="one of the two did not decide")
    share: float | None = Field(description="that agrees, of those that both decided")


class AgreementView(BaseModel):
    """How often what was seen in pictures is what the station found."""

    days: int
    kinds: list[KindView]


class CaseView(BaseModel):
    """A case with all that came and was seen."""

    model_config = ConfigDict(from_attributes=True)

    rma: str
    version: int = Field(description="grows with every change; name it when you decide")
    state: str
    tier: int
    language: str | None
    problem: str = Field(description="in the customer's words")
    outcome: str | None
    answer: dict[str, JsonValue] | None
    person_asked_at: AwareDatetime | None
    answer_by: AwareDatetime | None
    opened_at: AwareDatetime
    changed_at: AwareDatetime
    uploads: list[UploadView] = []
    signals: list[SignalView] = []
    claim: ClaimView | None = Field(None, description="null when the customer's words say nothing of damage")
    challenges: list[ChallengeView] = Field([], description="the newest first")
    decisions: list[DecisionView] = Field([], description="the newest first; it counts")
