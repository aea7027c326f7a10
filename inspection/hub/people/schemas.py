"""What the routes of people's data take and say."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from inspection.hub.returns.schemas import RMA_PATTERN, Code

Rma = Annotated[str, Field(pattern=RMA_PATTERN)]
Reason = Annotated[str, Field(min_length=1, max_length=500, description="no names: it is kept")]


class Person(BaseModel):
    """One person, by what the hub knows of them: a case, or all cases of an order."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"rma": "RMA-2026-000123"}]})

    rma: Rma | None = None
    order_ref: Code | None = None

    @model_validator(mode="after")
    def _one(self) -> Person:
        if (self.rma is None) == (self.order_ref is None):
            raise ValueError("give rma or order_ref")
        return self


class NewErasure(BaseModel):
    """Whose data to erase, and why."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"person": {"rma": "RMA-2026-000123"}, "reason": "asked for by the customer"}]},
    )

    person: Person
    reason: Reason


class Erasure(BaseModel):
    """How an erasure stands."""

    id: UUID
    state: str = Field(description="`waiting`, `done` or `failed`; a failed one is tried again")
    cases: list[str]
    asked_by: str
    asked_at: datetime
    done_at: datetime | None
    failure: str | None
    certificate: dict[str, Any] | None = Field(
        description="what was erased and how, signed (Ed25519, over the RFC 8785 form without `public_key` and "
        "`signature`) with the key of the evidence log"
    )


class NewHold(BaseModel):
    """A case that must be kept."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"rma": "RMA-2026-000123", "reason": "dispute 77"}]}
    )

    rma: Rma
    reason: Reason


class Hold(BaseModel):
    """A legal hold."""

    id: UUID
    rma: str
    reason: str
    placed_by: str
    placed_at: datetime
    released_by: str | None
    released_at: datetime | None
