"""Data versions: manifests lie in the object store; rows say what they hold, so that a picture is found in them."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    func,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from inspection.hub.tables import METADATA

WHEN = DateTime(timezone=True)

versions = Table(
    "dataset_versions",
    METADATA,
    Column("merchant_id", Uuid, ForeignKey("merchants.id"), primary_key=True),
    Column("id", Text, primary_key=True, comment="name@first 12 hex digits of sha256"),
    Column("name", Text, nullable=False),
    Column("parent", Text),
    Column("reason", Text, nullable=False),
    Column("sha256", Text, nullable=False, comment="of the manifest; its name in the object store"),
    Column("size_bytes", BigInteger, nullable=False),
    Column("pictures", Integer, nullable=False),
    Column("counts", JSONB, nullable=False),
    Column("digests", ARRAY(Text), nullable=False, comment="of its sets, as a model's lineage names them"),
    Column("seen_by", JSONB, nullable=False, comment="models that had learned from what was erased"),
    Column("made_at", WHEN, nullable=False, server_default=func.now()),
    Column("made_by", Text, nullable=False),
    CheckConstraint("length(sha256) = 64", name="sha256"),
    Index("dataset_versions_made_idx", "merchant_id", "made_at"),
)

members = Table(
    "dataset_members",
    METADATA,
    Column("merchant_id", Uuid, primary_key=True),
    Column("version", Text, primary_key=True),
    Column("sha256", Text, primary_key=True, comment="of a picture"),
    ForeignKeyConstraint(["merchant_id", "version"], ["dataset_versions.merchant_id", "dataset_versions.id"]),
    Index("dataset_members_sha256_idx", "merchant_id", "sha256"),
)

objects = Table(
    "dataset_objects",
    METADATA,
    Column("merchant_id", Uuid, ForeignKey("merchants.id"), primary_key=True),
    Column("sha256", Text, primary_key=True, comment="of what lies in the object store"),
    Column("media_type", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("stored_at", WHEN, nullable=False, server_default=func.now()),
    CheckConstraint("length(sha256) = 64", name="sha256"),
)
"""Manifests, masks, and pictures that were brought in with a version and belong to no inspection."""
