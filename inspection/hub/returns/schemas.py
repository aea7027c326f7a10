"""What the return routes take and say. Nothing personal: who the customer is stays in the shop's system."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from inspection.finding import Defect
from inspection.hub.inspections.schemas import InspectionSummary
from inspection.hub.moments import Moment

MAX_LINES = 500
RMA_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
Code = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$")]


class ReturnLine(BaseModel):
    """One line of a return: so many of one product."""

    model_config = ConfigDict(extra="forbid")

    gtin: Annotated[str, Field(pattern=r"^\d{14}$")] | None = None
    serial: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    sku: Code | None = None
    quantity: Annotated[int, Field(ge=1, le=10_000)] = 1
    reason_code: Code | None = None
    declared_defects: Annotated[list[Defect], Field(max_length=20)] = []


class NewReturn(BaseModel):
    """A customer's case."""

    model_config = ConfigDict(extra="forbid")

    rma: Annotated[str, Field(pattern=RMA_PATTERN)]
    order_ref: Code | None = None
    opened_at: Moment | None = None
    lines: Annotated[list[ReturnLine], Field(min_length=1, max_length=MAX_LINES)]


class StoredLine(ReturnLine):
    """A line with its number, from 1."""

    line_no: int


class StoredReturn(BaseModel):
    """A return that the hub knows."""

    rma: str
    order_ref: str | None
    opened_at: AwareDatetime | None
    created_at: AwareDatetime
    lines: list[StoredLine]


class ReturnView(BaseModel):
    """Everything under one RMA number."""

    model_config = ConfigDict(serialize_by_alias=True)

    rma: str
    known: bool = Field(description="whether the return itself was imported")
    case: StoredReturn | None = Field(
        serialization_alias="return", description="null when only inspections name this number so far"
    )
    inspections: list[InspectionSummary] = Field(description="newest revision of each, oldest first, at most 500")


class ReturnSummary(BaseModel):
    """A return in lists."""

    rma: str
    order_ref: str | None
    opened_at: AwareDatetime | None
    created_at: AwareDatetime
    lines: int = Field(description="how many lines it has")
    inspections: int = Field(description="how many inspections name it or were matched with it")


class ReturnPage(BaseModel):
    """A page of a list, newest first."""

    returns: list[ReturnSummary]
    next_cursor: str | None = Field(description="give it as `cursor` for the next page; null on the last")
