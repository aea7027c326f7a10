"""What the inspection routes say."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from inspection.hub.problems import Fault
from inspection.verdict import Disposition, Grade


class InspectionAccepted(BaseModel):
    """A report was stored."""

    inspection_id: UUID
    revision: int
    evidence_hash: str
    received_at: datetime
    missing_images: list[str] = Field(description="hashes of pictures that the hub has not got yet")


class ImageState(BaseModel):
    """A picture that a report names."""

    view: str
    sha256: str
    held: bool = Field(description="whether the hub has its bytes")
    erased: bool = Field(description="whether it was erased, on a person's request or because its time was over")


class RevisionSummary(BaseModel):
    """One revision of an inspection."""

    revision: int
    disposition: Disposition
    grade: Grade | None
    decided_by: str
    confirmed_at: datetime
    received_at: datetime
    evidence_hash: str


class InspectionSummary(RevisionSummary):
    """The newest revision of an inspection, in lists."""

    inspection_id: UUID
    station_id: str
    rma: str | None
    gtin: str | None
    serial: str | None
    epc: str | None
    clock_offset_s: float | None = Field(
        description="station's clock minus the hub's when this was reported; null when the station did not say the time"
    )


class InspectionDetail(InspectionSummary):
    """One inspection: its newest revision whole, the others by name."""

    report: dict[str, Any] = Field(description="exactly what the station reported")
    images: list[ImageState]
    complete: bool = Field(description="whether every picture came; also those that were erased since")
    revisions: list[RevisionSummary] = Field(description="all revisions, oldest first")


class InspectionPage(BaseModel):
    """A page of a list, newest first."""

    inspections: list[InspectionSummary]
    next_cursor: str | None = Field(description="give it as `cursor` for the next page; null on the last")


class BatchEntry(BaseModel):
    """What became of one report of a batch."""

    index: int = Field(description="its place in `reports`, from 0")
    status: int = Field(
        description="the status that it would have had alone: 201 stored, 409 there already, 422 refused"
    )
    code: str = Field(description="`stored`, or the problem's code")
    detail: str = ""
    inspection_id: UUID | None = None
    revision: int | None = None
    evidence_hash: str | None = None
    missing_images: list[str] = Field(default=[], description="hashes of pictures that the hub has not got yet")
    errors: list[Fault] | None = None


class BatchAnswer(BaseModel):
    """One entry for each report, in their order."""

    results: list[BatchEntry]
