"""Settings of the watch for drift."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class DriftSection(BaseModel):
    """When a change is told.

    Attributes:
        reference_items: of a station and kind of goods, before it is watched; reference_days: with items, likewise.
        false_alarms_a_week: that are expected at most on stable data, over all stations and kinds of goods together.
        every_min: how often it is looked.
        picture_wait_min: a picture that has not arrived by then is not waited for.
        keep_days: figures of single inspections are kept so long.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    reference_items: Annotated[int, Field(ge=60, le=100_000)] = 200
    reference_days: Annotated[int, Field(ge=1, le=60)] = 10
    false_alarms_a_week: Annotated[float, Field(gt=0, le=10)] = 0.5
    every_min: Annotated[float, Field(gt=0, le=1440)] = 10.0
    picture_wait_min: Annotated[float, Field(ge=0, le=1440)] = 60.0
    keep_days: Annotated[int, Field(ge=30, le=3650)] = 180
