"""What the API says of gates and takes for them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from inspection.hub.bundles.registry import ID_PATTERN

BundleName = Annotated[str, Field(pattern=ID_PATTERN, examples=["default@4+2975abc28640"])]
Words = Annotated[str, Field(min_length=1, max_length=1000)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewGate(_Body):
    """A candidate that is to take an exam."""

    candidate_id: BundleName
    champion_id: BundleName | None = Field(default=None, description="what it is to replace; needed for a bundle")
    exam: Annotated[str, Field(min_length=1, max_length=100)]
    judge_id: BundleName | None = Field(default=None, description="the bundle that judges, for a policy")


class NewException(_Body):
    """What failed is to run all the same."""

    reason: Words


class ExceptionDecision(_Body):
    """The second person's word."""

    granted: bool
    answer: Annotated[str, Field(max_length=1000)] = ""


class ExceptionView(BaseModel):
    """An exception that was asked for."""

    reason: str
    asked_by: UUID
    asked_at: datetime
    granted: str | None = Field(description="`yes`, `no`, or null while nobody has decided")
    decided_by: UUID | None
    decided_at: datetime | None
    answer: str | None


class GateEntry(BaseModel):
    """One gate, in short."""

    id: UUID
    candidate_id: str
    champion_id: str | None
    judge_id: str
    exam: str
    exam_sha256: str | None
    state: str = Field(description="`waiting`, `running`, `passed`, `failed`, or `broken`: it came to no end")
    asked_by: str
    asked_at: datetime
    ended_at: datetime | None
    trouble: str | None


class GateView(GateEntry):
    """One gate with all that it said."""

    report: dict[str, Any] | None = Field(description="as `python -m models gate` prints it; money in minor units")
    exception: ExceptionView | None


class GateList(BaseModel):
    """The newest gates."""

    gates: list[GateEntry]
    exams: list[str] = Field(description="that can be taken")


class RulingView(BaseModel):
    """Whether something may be rolled out."""

    model_config = ConfigDict(from_attributes=True)

    candidate_id: str
    allowed: bool
    passed: bool
    forced_by: str | None = Field(description="the second member of staff, where it failed and was let through")
    code: str = Field(description="`passed`, `forced`, `failed`, `not_gated`, `withdrawn`")
    gate_id: UUID | None
    champion_id: str | None
    exam_sha256: str | None


BODIES = (NewGate, NewException, ExceptionDecision)
