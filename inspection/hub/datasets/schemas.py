"""What ``/v1/datasets`` takes and gives."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from inspection.hub.datasets.service import ID_PATTERN, NAME_PATTERN


class NewDataset(BaseModel):
    """What a version is to be made of."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    name: Annotated[str, Field(pattern=NAME_PATTERN, examples=["returns"])]
    base: Annotated[str, Field(pattern=ID_PATTERN)] | None = Field(
        None, description="version whose pictures, groups and splits are kept; accepted labels go over its own"
    )
    exam_share: Annotated[float, Field(ge=0, le=0.9)] | None = Field(
        None, description="of new groups, the share that no training sees; null: as in the base, or 0.15"
    )


class Dataset(BaseModel):
    """A data version; it never changes."""

    model_config = ConfigDict(from_attributes=True)

    id: str = Field(examples=["returns@0123456789ab"])
    name: str
    parent: str | None
    reason: Literal["made", "labels", "erasure", "import"]
    sha256: str = Field(description="of its manifest")
    pictures: int
    counts: dict[str, dict[str, int]] = Field(
        description="by set, goods, condition, split, licence, consent, source, defect"
    )
    seen_by: dict[str, list[str]] = Field(
        description="after an erasure: models that had learned from what was erased, and through which versions"
    )
    made_at: datetime
    made_by: str


class MadeDataset(Dataset):
    """A version that was just made."""

    useless: int = Field(description="pictures left out, as people found nothing can be said of them")
    contradicting: int = Field(description="labels left out, as they say what cannot be")
    erased: int = Field(description="pictures left out, as they were erased")


class DatasetWithModels(Dataset):
    """One version."""

    trained: list[str] = Field(description="ids of published bundles that were trained on it")


class Datasets(BaseModel):
    """Versions, newest first."""

    datasets: list[Dataset]


class DatasetChanges(BaseModel):
    """What is otherwise in another version."""

    model_config = ConfigDict(populate_by_name=True)

    old: str = Field(alias="from")
    new: str = Field(alias="to")
    counts: dict[str, int]
    added: list[dict[str, JsonValue]]
    removed: list[dict[str, JsonValue]]
    relabelled: list[dict[str, JsonValue]]
    moved: list[dict[str, JsonValue]]
    restated: list[dict[str, JsonValue]]
