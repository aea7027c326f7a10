"""What ``/v1/training`` takes and gives."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from inspection.hub.datasets.service import ID_PATTERN
from inspection.hub.training.service import NAME_PATTERN, VERSION_PATTERN, Wanted


class NewTraining(BaseModel):
    """A training to be done."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["full", "refresh"] = Field(
        description="`full`: everything is learned anew; `refresh`: only the heads of the last training's weights"
    )
    dataset: Annotated[str, Field(pattern=ID_PATTERN, examples=["returns@0123456789ab"])]
    name: Annotated[str, Field(pattern=NAME_PATTERN)] = Field("default", description="of the bundle")
    version: Annotated[str, Field(pattern=VERSION_PATTERN)] | None = Field(
        None, description="of the bundle; null: the day and the first digits of the training's id"
    )

    def wanted(self) -> Wanted:
        """As the service takes it."""
        return Wanted(self.kind, self.dataset, self.name, self.version)


class TrainingEstimate(BaseModel):
    """What a training will take."""

    model_config = ConfigDict(from_attributes=True)

    pictures: int = Field(description="that are learned from")
    features: int = Field(description="versions of pictures whose features are computed")
    steps: int = Field(description="of all fits")
    seconds: int
    measured: bool = Field(description="whether the speed was measured by a training here; else it is of two cores")


class TrainingJob(BaseModel):
    """A training."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    kind: Literal["full", "refresh"]
    dataset: str
    name: str
    version: str
    state: Literal["queued", "running", "publishing", "done", "failed", "cancelled"]
    estimate_s: int
    asked_by: str
    asked_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    cancel_asked_at: datetime | None
    attempts: int = Field(description="how often it was begun; it goes on where it was")
    bundle_id: str | None = Field(description="what was published")
    failure: str | None
    stage: str | None = Field(examples=["fine-tuning"])
    done: float | None
    total: float | None
    left_s: float | None = Field(description="of the stage, seconds")
    changed: int = Field(description="grows with all that can be seen of it")


class TrainingJobs(BaseModel):
    """Trainings, newest first."""

    trainings: list[TrainingJob]


class TrainingPoint(BaseModel):
    """A point of a curve."""

    model_config = ConfigDict(from_attributes=True)

    seq: int
    kind: str = Field(description="`loss`, or the name of a figure on pictures that the fit did not learn from")
    fit: str
    step: int
    steps: int
    value: float


class TrainingPoints(BaseModel):
    """Points of the curves, at most 5,000; ask again after the last."""

    points: list[TrainingPoint]
