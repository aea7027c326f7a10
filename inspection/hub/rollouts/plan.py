"""What a rollout is to do, stage by stage, and where harm begins."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from inspection.report import Name
from inspection.rollout import Stage

Rate = Annotated[float, Field(ge=0, le=1)]


class PlanPart(BaseModel):
    """Base of the plan's parts: unknown keys are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Limit(PlanPart):
    """How much of something is too much.

    Of a share (disagreement, slow, errors) both are the share itself; of overrides and holds, by how much the
    candidate's share exceeds the champion's.

    Attributes:
        harm: surely more than this takes the candidate back.
        fine: surely less than this lets it go on.
    """

    harm: Rate
    fine: Rate

    @model_validator(mode="after")
    def _leaves_room(self) -> Limit:
        if self.fine <= self.harm:
            raise ValueError("fine must be more than harm: between the two nothing is decided")
        return self


class Limits(PlanPart):
    """What is watched."""

    override: Limit = Limit(harm=0.02, fine=0.06)
    hold: Limit = Limit(harm=0.03, fine=0.08)
    disagreement: Limit = Limit(harm=0.20, fine=0.35)
    slow: Limit = Limit(harm=0.05, fine=0.15)
    error: Limit = Limit(harm=0.01, fine=0.05)


class StagePlan(PlanPart):
    """One stage.

    Attributes:
        stations: where it takes place; empty is everywhere.
        share: of the items there that the candidate judges; its shadow judges none.
        min_items: about which the candidate must have said something before it goes on.
        min_hours: likewise; a shift sees other goods than an hour.
    """

    stations: Annotated[tuple[Name, ...], Field(max_length=500)] = ()
    share: Annotated[float, Field(gt=0, le=1)] = 0.1
    min_items: Annotated[int, Field(ge=1, le=1_000_000)] = 200
    min_hours: Annotated[float, Field(ge=0, le=2000)] = 1.0


class Plan(PlanPart):
    """The whole way of a candidate.

    Attributes:
        slow_ms: an opinion that takes longer is slow.
        budget_ms: what a second opinion may cost a station, on average an item.
        alpha: probability of taking back a harmless candidate, over a whole stage and all that is watched.
        max_days: a stage that decides nothing for so long waits for a person.
        automatic: whether it goes on by itself; it is taken back by itself in any case.
    """

    shadow: StagePlan = StagePlan()
    canary: StagePlan = StagePlan(min_items=500, min_hours=4.0)
    limits: Limits = Limits()
    slow_ms: Annotated[float, Field(ge=1, le=60_000)] = 1000.0
    budget_ms: Annotated[float, Field(ge=0, le=10_000)] = 150.0
    alpha: Annotated[float, Field(ge=0.0001, le=0.5)] = 0.05
    max_days: Annotated[float, Field(gt=0, le=365)] = 14.0
    automatic: bool = True

    def of(self, stage: Stage) -> StagePlan:
        """The plan of one stage."""
        return self.shadow if stage is Stage.SHADOW else self.canary
