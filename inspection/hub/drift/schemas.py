"""What the drift routes say."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field


class Evidence(BaseModel):
    """One item behind an alarm."""

    inspection_id: UUID
    sha256: str | None = Field(description="of its picture; null when there was none")
    value: float


class Alarm(BaseModel):
    """A figure of a station and kind of goods is no longer what it was."""

    id: UUID
    station_id: str
    goods: str
    figure: str = Field(examples=["brightness"])
    basis: str = Field(description="the bundle, rules or calibration that its reference belongs to")
    direction: Literal["up", "down", "spread"]
    effect: float = Field(
        description="of what is since it began: standard deviations of the reference, times the spread, or share"
    )
    items: int = Field(description="since it began, when it was raised")
    cause: str = Field(examples=["light"])
    action: Literal["recalibrate", "relabel", "retrain", "look"]
    opened_at: datetime
    closed_at: datetime | None
    closed_by: str | None = Field(description="`cured`, `superseded`, or who took it as the new normal")
    evidence: list[Evidence]
    chart: dict[str, Any] = Field(description="edges of bins, and shares `before` and `since`; rates for yes and no")


class AlarmList(BaseModel):
    """Alarms, newest first."""

    alarms: list[Alarm]


class StreamStanding(BaseModel):
    """How one figure of a station and kind of goods stands."""

    station_id: str
    goods: str
    figure: str
    basis: str
    state: Literal["learning", "watching", "alarm"]
    items: int
    since: date
    until: date


class Standings(BaseModel):
    """Every figure that is watched or learnt, of its newest basis."""

    streams: list[StreamStanding]


class Trend(BaseModel):
    """The mean of a figure by day."""

    figure: str
    days: list[date]
    means: list[float]
    items: list[int]
