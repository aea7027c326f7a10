"""What the replay routes take and say."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from inspection.hub.bundles.registry import ID_PATTERN
from inspection.hub.replay.asking import MAX_RULES_BYTES, MOST


class NewReplay(BaseModel):
    """What is asked: a model, rules, or both, over a time."""

    model_config = ConfigDict(extra="forbid")

    days: Annotated[float, Field(gt=0, le=3650)] = Field(7, description="the last so many days")
    bundle: Annotated[str, Field(pattern=ID_PATTERN)] | None = Field(
        None, description="id of a published bundle, or of the one that comes with the software"
    )
    rules: Annotated[str, Field(max_length=MAX_RULES_BYTES)] | None = Field(
        None, description="text of a policy file; null: the shipped rules, which then are not what is asked about"
    )
    station_id: Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._@+:-]*$")] | None = None
    most: Annotated[int, Field(ge=1, le=MOST)] = Field(MOST, description="the newest so many inspections")

    @model_validator(mode="after")
    def _asks_something(self) -> NewReplay:
        if self.bundle is None and self.rules is None:
            raise ValueError("name a bundle, rules, or both")
        return self


class Replay(BaseModel):
    """One replay and how far it is."""

    id: UUID
    asked_at: datetime
    asked_by: str
    since: datetime
    until: datetime
    as_of: date = Field(description="rules in effect on this day count")
    bundle: str | None
    rules_version: str
    rules_asked: Literal["given", "default"]
    engine: Literal["pool", "ray"]
    state: Literal["waiting", "running", "done", "cancelled", "failed"]
    total: int
    done: int
    changed: int
    skipped: int
    busy_s: float
    failure: str | None
    summary: dict[str, Any] | None = Field(description="see inspection.replay_summary.Summary; null until done")


class ReplayList(BaseModel):
    """The newest replays."""

    replays: list[Replay]


class ReplayItem(BaseModel):
    """What one inspection came to."""

    position: int
    inspection_id: UUID
    revision: int
    outcome: Literal["same", "changed", "skipped"]
    reason: str | None
    result: dict[str, Any] | None = Field(description="see inspection.replaying.Replayed")


class ReplayItems(BaseModel):
    """A page of them, in the order of their reports."""

    items: list[ReplayItem]
    next_after: int | None = Field(description="give as `after` for the next page")
