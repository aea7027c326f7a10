"""What the item routes take and say."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from inspection.hub.inspections.schemas import InspectionSummary
from inspection.hub.returns.schemas import RMA_PATTERN, ReturnSummary

Short = Annotated[str, Field(min_length=1, max_length=200)]


class NewMatch(BaseModel):
    """What a person found out about an inspection; without any identifier, an earlier match is taken back."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"rma": "RMA-2026-000123", "gtin": "04012345111118", "serial": "6789", "reason": "label found"}
            ]
        },
    )

    rma: Annotated[str, Field(pattern=RMA_PATTERN)] | None = None
    gtin: Annotated[str, Field(pattern=r"^\d{8,14}$")] | None = None
    serial: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    epc: Annotated[str, Field(max_length=200, pattern=r"^urn:epc:id:")] | None = None
    reason: Short = Field(description="how it was found out, for who reads the history")


class Match(BaseModel):
    """What an inspection was matched with; all identifiers null when it was taken back."""

    inspection_id: UUID
    rma: str | None
    gtin: str | None
    serial: str | None
    epc: str | None
    reason: str
    matched_by: str
    matched_at: datetime


class HistoryEntry(InspectionSummary):
    """One inspection of the item, with what a person said of it later."""

    match: Match | None


class ItemHistory(BaseModel):
    """Everything known of one physical item."""

    gtin: str | None
    serial: str | None
    epcs: list[str] = Field(description="EPC URNs that name it")
    rmas: list[str] = Field(description="returns it came with, the first one first")
    inspections: list[HistoryEntry] = Field(description="newest revision of each, oldest first; at most 500")


class Found(BaseModel):
    """What a code leads to."""

    code: str
    item: ItemHistory | None = Field(description="when the code names one item or product that was seen here")
    returns: list[ReturnSummary] = Field(description="by RMA or order number, or with a line of this item; at most 50")
    inspections: list[InspectionSummary] = Field(description="by plate, RMA number or item; newest first, at most 50")
