"""What the lineage of a verdict says."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from inspection.verdict import Disposition, Grade

HASH = "0" * 64


class LedgerTrace(BaseModel):
    """The entry of a report or picture in the evidence ledger."""

    leaf_hash: str = Field(description="lower-case hex", examples=[HASH])
    leaf_index: int | None = Field(description="place in the log; null until it is sequenced", examples=[41])
    checkpoint: int | None = Field(description="leaves of the first signed checkpoint that covers it", examples=[50])


class PersonTrace(BaseModel):
    """A person's opinion; ``who`` is the pseudonymous badge id of the station."""

    who: str
    at: datetime
    disposition: Disposition
    overrides: bool = Field(description="whether it is another outcome than the policy's")
    reason_code: str | None
    approved_by: str | None = Field(description="the supervisor who agreed, where one had to")


class PolicyTrace(BaseModel):
    """What the policy said, and by which rule."""

    version: str
    products: str = Field(description="version of the product catalogue")
    rule_id: str
    disposition: Disposition
    reason: dict[str, str] = Field(description="a sentence per language tag")
    published: bool = Field(description="whether this version lies in the registry of this hub")


class RevisionTrace(BaseModel):
    """One revision of the verdict: the newest counts."""

    revision: int
    disposition: Disposition
    grade: Grade | None
    decided_by: Literal["policy", "person"]
    person: PersonTrace | None
    policy: PolicyTrace | None
    software: str = Field(description="version of the station's software")
    bundle_id: str | None
    confirmed_at: datetime
    received_at: datetime
    evidence_hash: str
    ledger: LedgerTrace | None = Field(description="null once erased")


class LabelTrace(BaseModel):
    """An accepted label."""

    label_id: UUID
    condition: str | None
    defects: list[str]
    useless: bool
    labellers: list[str] = Field(description="ids of members of staff")
    at: datetime
    source: str


class PictureTrace(BaseModel):
    """One picture the newest revision stands on."""

    view: str
    sha256: str
    captured_at: datetime | None
    camera_id: str | None
    calibration: str | None = Field(description="id of the calibration that was applied; null: none")
    held: bool
    erased: bool
    ledger: LedgerTrace | None
    label: LabelTrace | None = Field(description="what people said of this picture since")


class DataTrace(BaseModel):
    """One set of pictures that a bundle was trained on."""

    name: str
    sha256: str = Field(description="of all its samples' labels and bytes")
    pictures: int | None


class DatasetTrace(BaseModel):
    """An immutable data version of this hub that a bundle was trained on."""

    version_id: str
    made_at: datetime | None
    pictures: int
    known: bool = Field(description="whether it lies on this hub")
    labels: int = Field(description="of its pictures, how many carry an accepted label of this hub")
    labellers: list[str] = Field(description="ids of the members of staff who gave those labels")


class BundleTrace(BaseModel):
    """A bundle, or one of those it was made from."""

    bundle_id: str
    known: Literal["registry", "shipped", "no"] = Field(description="where this hub knows it from")
    signers: list[str] = Field(description="names on its signatures")
    code: str | None = Field(description="version and commit of the software that trained it")
    made_at: datetime | None
    published_by: str | None
    parent: str | None
    data: list[DataTrace]
    datasets: list[DatasetTrace]


class LineageTrace(BaseModel):
    """Everything the newest verdict of an inspection stands on."""

    inspection_id: UUID
    station_id: str
    gtin: str | None
    serial: str | None
    revisions: list[RevisionTrace] = Field(description="newest first")
    pictures: list[PictureTrace]
    bundles: list[BundleTrace] = Field(description="the one that judged, then its parents as far as they are known")
