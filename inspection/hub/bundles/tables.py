"""What was published: one row a bundle, its bytes in the object store under the hash of its archive."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, ForeignKey, Index, Table, Text, Uuid, func
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from inspection.hub.tables import METADATA

bundles = Table(
    "bundles",
    METADATA,
    Column("merchant_id", Uuid, ForeignKey("merchants.id"), primary_key=True),
    Column("bundle_id", Text, primary_key=True, comment="name@version+first 12 hex digits of sha256"),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("sha256", Text, nullable=False, comment="of what the id is made of"),
    Column("archive_sha256", Text, nullable=False, comment="of the zip; its name in the object store"),
    Column("archive_bytes", BigInteger, nullable=False),
    Column("signers", ARRAY(Text), nullable=False, comment="names of the trusted keys that signed it"),
    Column("parent", Text, comment="id of the bundle it was made from or is to replace"),
    Column("lineage", JSONB, nullable=False),
    Column("data", JSONB, nullable=False, comment="digest of the samples of each set"),
    Column("figures", JSONB, nullable=False, comment="what it says of its own quality"),
    Column("state", Text, nullable=False, server_default="published"),
    Column("published_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("published_by", Text, nullable=False),
    Column("withdrawn_at", DateTime(timezone=True)),
    Column("withdrawn_by", Text),
    CheckConstraint("kind IN ('bundle', 'policy', 'references')", name="kind"),
    CheckConstraint("state IN ('published', 'withdrawn')", name="state"),
    CheckConstraint("(state = 'withdrawn') = (withdrawn_at IS NOT NULL)", name="withdrawn"),
    CheckConstraint("length(sha256) = 64 AND length(archive_sha256) = 64", name="sha256"),
    Index("bundles_published_idx", "merchant_id", "published_at", "bundle_id"),
    Index("bundles_archive_idx", "merchant_id", "archive_sha256"),
)
