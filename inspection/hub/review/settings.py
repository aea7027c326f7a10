"""The section ``review`` of the hub's configuration."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]


class ReviewSection(BaseModel):
    """What is asked of people who label.

    Attributes:
        audit_share: share of all inspections that is asked whatever the model said.
        double_share: share of the pictures that two people label, so that their agreement is known; 0 when one labels.
        seed: decides with a picture's or inspection's name which ones these are; nobody can choose them.
        low_confidence: a most probable condition of less than this is asked.
        lease_s: how long a picture is one person's after they were shown it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    audit_share: Share = 0.01
    double_share: Share = 0.1
    seed: Annotated[str, Field(min_length=1, max_length=64)] = "review"
    low_confidence: Share = 0.6
    lease_s: Annotated[int, Field(ge=30, le=86_400)] = 600
