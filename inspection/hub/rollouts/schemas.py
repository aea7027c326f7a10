"""What the API says and takes about rollouts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from inspection.hub.bundles.registry import ID_PATTERN
from inspection.hub.rollouts.plan import Plan
from inspection.rollout import Kind

Reason = Annotated[str, Field(min_length=3, max_length=500)]


class NewRollout(BaseModel):
    """A rollout to be started."""

    model_config = ConfigDict(extra="forbid")

    candidate_id: Annotated[str, Field(pattern=ID_PATTERN, examples=["default@4+0123456789ab"])]
    plan: Plan = Plan()


class Why(BaseModel):
    """Why a person does something to a rollout."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason


class WeighedFigure(BaseModel):
    """One thing that is watched; a rate, or by how much the candidate's exceeds the champion's."""

    name: str
    candidate_hits: int
    candidate_items: int
    champion_hits: int | None = Field(description="null: a rate that stands alone")
    champion_items: int | None
    value: float
    low: float = Field(description="surely at least this, however often one looks")
    high: float
    fine_high: float = Field(description="upper bound for going on")
    harm: float = Field(description="surely more takes the candidate back")
    fine: float = Field(description="surely less lets it go on")
    word: str = Field(description="`harm`, `fine` or `open`")


class StageFigures(BaseModel):
    """A stage's figures when they were weighed last."""

    at: datetime | None = None
    items: int = 0
    hours: float = 0.0
    min_items: int = 0
    min_hours: float = 0.0
    move: str = Field(default="wait", description="`on`, `back`, `wait`, or `ask`: a person must decide")
    reasons: list[str] = Field(default_factory=list)
    weighed: list[WeighedFigure] = Field(default_factory=list)


class RolloutStep(BaseModel):
    """One thing that happened to a rollout."""

    at: datetime
    act: str
    state: str = Field(description="after it")
    by: str
    reason: str
    figures: dict[str, Any] = Field(description="that it was decided from")


class StationStep(BaseModel):
    """How far a station is with the candidate."""

    station_id: str
    at: datetime
    step: str
    code: str = ""
    detail: str = ""


class Rollout(BaseModel):
    """A rollout as it is."""

    id: UUID
    kind: Kind
    candidate_id: str
    champion_id: str | None
    state: str = Field(description="`shadow`, `canary`, `full` or `rolled_back`")
    paused: bool
    plan: Plan
    forced_by: str | None
    started_at: datetime
    stage_at: datetime
    ended_at: datetime | None
    figures: StageFigures
    judged: int = Field(default=0, description="items whose verdict was made from the candidate's word")
    wrong: int = Field(default=0, description="of them, those about which a person decided otherwise")
    steps: list[RolloutStep] = Field(default_factory=list)
    stations: list[StationStep] = Field(default_factory=list)


class RolloutPage(BaseModel):
    """Rollouts, newest first, and what all stations run."""

    rollouts: list[Rollout]
    champions: dict[Kind, str]


class Taken(BaseModel):
    """What became of opinions."""

    taken: int
    ignored: int = Field(description="of a rollout that is over or unknown")
