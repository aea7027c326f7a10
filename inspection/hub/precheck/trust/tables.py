"""Prints of customers' pictures, and the signals that people weigh."""

from __future__ import annotations

from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import (
    REAL,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB

from inspection.hub.tables import METADATA

DIMENSIONS = 256
"""Of a print."""
_PICTURE = ["precheck_pictures.merchant_id", "precheck_pictures.id"]

prints = Table(
    "precheck_prints",
    METADATA,
    Column("merchant_id", Uuid, primary_key=True),
    Column("picture_id", Uuid, primary_key=True),
    Column("case_id", Uuid, nullable=False),
    Column("network", Text, nullable=False, comment="that made it; only prints of one network are compared"),
    Column("print", HALFVEC(DIMENSIONS), nullable=False, comment="of length 1"),
    Column("made_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    ForeignKeyConstraint(["merchant_id", "picture_id"], _PICTURE, ondelete="CASCADE"),
    Index("precheck_prints_case_idx", "merchant_id", "case_id"),
    Index(
        "precheck_prints_near_idx",
        "print",
        postgresql_using="hnsw",
        postgresql_ops={"print": "halfvec_ip_ops"},
    ),
)

signals = Table(
    "precheck_signals",
    METADATA,
    Column("merchant_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True, server_default=func.gen_random_uuid()),
    Column("case_id", Uuid, nullable=False),
    Column("picture_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("about", Text, nullable=False, comment="the other picture, or the numbers that were read"),
    Column("other_picture_id", Uuid, comment="the picture that was seen before"),
    Column("strength", REAL, nullable=False, comment="0..1"),
    Column("detail", JSONB, nullable=False),
    Column("found_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    UniqueConstraint("merchant_id", "picture_id", "kind", "about", name="precheck_signals_once_key"),
    ForeignKeyConstraint(["merchant_id", "picture_id"], _PICTURE, ondelete="CASCADE"),
    ForeignKeyConstraint(["merchant_id", "other_picture_id"], _PICTURE, ondelete="CASCADE"),
    CheckConstraint("kind IN ('picture_seen_before', 'other_article')", name="kind"),
    CheckConstraint("strength BETWEEN 0 AND 1", name="strength"),
    Index("precheck_signals_case_idx", "merchant_id", "case_id"),
    Index("precheck_signals_other_idx", "merchant_id", "other_picture_id"),
)
