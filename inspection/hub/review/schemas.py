"""What the review API takes and gives."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from inspection.finding import Condition, Defect
from inspection.hub.review.reasons import Reason

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class State(StrEnum):
    """Where a picture stands.

    ``second``: one person labelled it, another must. ``disputed``: two said different things. ``folded``: another
    picture, of which this is a near-duplicate, is asked in its place.
    """

    OPEN = "open"
    SECOND = "second"
    DISPUTED = "disputed"
    ACCEPTED = "accepted"
    FOLDED = "folded"


class Source(StrEnum):
    """Whose proposal a label was, when it was taken as it stood: the worker's who overrode, or the model's."""

    PERSON = "person"
    OVERRIDE = "override"
    MODEL = "model"


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Box(_Body):
    """Pixels of the picture; a defect of `null` is damage whose type is not said."""

    x: Annotated[int, Field(ge=0, le=20_000)]
    y: Annotated[int, Field(ge=0, le=20_000)]
    width: Annotated[int, Field(ge=1, le=20_000)]
    height: Annotated[int, Field(ge=1, le=20_000)]
    defect: Defect | None = None


class NewLabel(_Body):
    """What somebody says a picture shows."""

    condition: Condition | None = Field(None, description="of what is to be seen; null exactly when `useless`")
    defects: Annotated[list[Defect], Field(max_length=14)] = Field(default_factory=list)
    boxes: Annotated[list[Box], Field(max_length=50)] = Field(default_factory=list)
    useless: bool = Field(default=False, description="nothing can be said of this picture")
    source: Source = Field(Source.PERSON, description="whose proposal it is, when it was taken as it stood")
    took_ms: Annotated[int, Field(ge=0, le=86_400_000)] | None = Field(None, description="from shown to labelled")


class NewLease(_Body):
    """Pictures to be given to one person."""

    count: Annotated[int, Field(ge=1, le=20)] = 1
    reason: Reason | None = Field(None, description="only those asked for this reason")
    besides: Annotated[list[UUID], Field(max_length=50)] = Field(
        default_factory=list, description="pictures that the asker has already"
    )


class Proposal(BaseModel):
    """What the model, or a worker who overrode it, said of the picture."""

    condition: Condition | None
    defects: list[Defect]
    boxes: list[Box]
    probability: float | None = Field(None, description="of the condition, by the model")
    bundle: str | None = None
    reason: str | None = Field(None, description="why the worker overrode")


class ReviewItem(BaseModel):
    """One picture that is asked, or was."""

    id: UUID
    state: State
    image_sha256: str
    width: int
    height: int
    inspection_id: UUID | None
    view: str
    station_id: str
    captured_at: datetime
    gtin: str | None
    goods: str
    reasons: dict[Reason, float]
    value: float = Field(description="uncertainty x share of the goods x cost of a mistake; money, major units")
    needed: int = Field(description="people who must label it")
    alike: int = Field(description="near-duplicates that are not asked by themselves")
    model: Proposal | None
    override: Proposal | None
    asked_at: datetime
    leased_until: datetime | None


class LabelView(BaseModel):
    """What one person said."""

    id: UUID
    kind: Literal["label", "adjudication"]
    labeller: str
    source: Source
    condition: Condition | None
    defects: list[Defect]
    boxes: list[Box]
    useless: bool
    at: datetime
    undone: bool


class ReviewItemDetail(ReviewItem):
    """With what was said; before a second person has labelled it, what others said is not told."""

    labels: list[LabelView]


class ReviewPage(BaseModel):
    """The most valuable first."""

    items: list[ReviewItem]
    next_cursor: str | None


class Leased(BaseModel):
    """Pictures that nobody else is given until the lease ends."""

    items: list[ReviewItem]


class Labelled(BaseModel):
    """What became of a label."""

    label_id: UUID
    item_id: UUID
    state: State


class Undone(BaseModel):
    """The picture is the asker's again."""

    item: ReviewItem


class Counts(BaseModel):
    """How much there is."""

    states: dict[State, int]
    reasons: dict[Reason, int] = Field(description="of the pictures that wait; one may have several")
    labelled_today: int = Field(description="by the asker, since midnight UTC")


class DefectAgreement(BaseModel):
    """Of one defect."""

    defect: Defect
    kappa: float | None = Field(description="Cohen's; null when it is not defined: nobody ever named it, or always")
    both: int
    one: int


class AgreementReport(BaseModel):
    """Of pictures that two people labelled, before anybody decided between them."""

    pairs: int
    condition_pairs: int = Field(description="of which both gave a condition")
    condition_kappa: float | None = Field(description="Cohen's, weighted by the square of the distance")
    useless_kappa: float | None
    same: int = Field(description="pairs that said the same in everything but boxes")
    disputed: int
    defects: list[DefectAgreement]


class Given(_Body):
    """A label in short."""

    condition: Condition
    defects: Annotated[list[Defect], Field(max_length=14)] = Field(default_factory=list)


class NewSuspect(_Body):
    """A label that models doubt which never saw its picture."""

    image_sha256: Sha256
    goods: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00]*$")] = "unknown"
    given: Given
    suggested: Given
    score: Annotated[float, Field(ge=0, le=1)]


class NewSuspects(_Body):
    """As `python -m models suspects` lists them."""

    suspects: Annotated[list[NewSuspect], Field(min_length=1, max_length=1000)]


class SuspectsTaken(BaseModel):
    """What became of a list."""

    listed: int
    known: int = Field(description="already listed, or already decided")
    unheld: int = Field(description="the hub holds no such picture")


class SuspectView(BaseModel):
    """One doubted label."""

    id: UUID
    item_id: UUID
    image_sha256: str
    width: int
    height: int
    goods: str
    given: dict[str, Any]
    suggested: dict[str, Any]
    score: float
    state: Literal["open", "confirmed", "dismissed"]


class SuspectPage(BaseModel):
    """The surest first."""

    suspects: list[SuspectView]
    next_cursor: str | None


class SuspectRuling(_Body):
    """`confirm`: the label was wrong, what is suggested is right. `dismiss`: the label is right."""

    decision: Literal["confirm", "dismiss"]


BODIES = (NewLabel, NewLease, NewSuspects, SuspectRuling)
"""Models that routes read themselves."""
