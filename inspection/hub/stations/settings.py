"""Settings of the supervisor's view of the stations."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class StationsSection(BaseModel):
    """What a supervisor is told of stations.

    Attributes:
        silent_after_min: a station that says nothing for so long is marked.
        hold_due_h: hours within which a person should have decided about an item on hold.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    silent_after_min: Annotated[float, Field(ge=0.1, le=1440)] = 2.0
    hold_due_h: Annotated[float, Field(gt=0, le=8760)] = 24.0
