"""What the API says of published bundles."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from inspection.hub.bundles.identity import Kind
from inspection.hub.bundles.registry import BundleRow


class PublishedBundle(BaseModel):
    """A bundle, policy or set of reference banks that stations may fetch."""

    bundle_id: str = Field(examples=["default@4+2975abc28640"])
    kind: Kind
    name: str
    version: str
    sha256: str = Field(description="of `bundle.json`, of the policy's file, or of the list of the banks' hashes")
    archive_sha256: str = Field(description="of the zip; also its ETag")
    archive_bytes: int
    signers: list[str] = Field(description="names of the hub's trusted keys that signed it")
    parent: str | None = Field(description="what it was made from; of reference banks, the bundle that made them")
    lineage: dict[str, Any] = Field(description="parent, code and options, as the bundle tells them")
    data: dict[str, str] = Field(description="digest of the samples of each set it was trained on")
    figures: dict[str, Any] = Field(description="what it says of its own quality")
    state: str = Field(description="`published`, or `withdrawn`: no station is given it any more")
    published_at: datetime
    published_by: str
    withdrawn_at: datetime | None
    withdrawn_by: str | None

    @classmethod
    def of(cls, row: BundleRow) -> PublishedBundle:
        """What is said of a row."""
        return cls.model_validate(row, from_attributes=True)


class BundlePage(BaseModel):
    """Published bundles, newest first."""

    bundles: list[PublishedBundle]
    next_cursor: str | None = Field(description="give it as `cursor` for the next page; null at the end")
