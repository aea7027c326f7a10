"""The log's entries, the inner nodes of its tree, its checkpoints and who cosigned them.

Nothing is in these tables that could be changed without being found: each column is hashed, derived or signed.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)

from inspection.hub.tables import METADATA

entries = Table(
    "evidence_entries",
    METADATA,
    Column("merchant_id", Uuid, ForeignKey("merchants.id"), primary_key=True),
    Column("leaf_hash", LargeBinary, primary_key=True),
    Column("leaf_index", BigInteger, comment="null until the sequencer gives it its place"),
    Column("subject", Text(collation="C"), comment="what the leaf is about; null once erased"),
    Column("salt", LargeBinary, comment="null once erased"),
    Column("leaf", Text, comment="canonical JSON; null once erased"),
    UniqueConstraint("merchant_id", "leaf_index"),
    UniqueConstraint("merchant_id", "subject"),
    CheckConstraint("length(leaf_hash) = 32", name="leaf_hash"),
    CheckConstraint("length(salt) = 32", name="salt"),
    CheckConstraint("num_nulls(subject, salt, leaf) IN (0, 3)", name="erased"),
)
Index(
    "evidence_entries_pending_idx",
    entries.c.merchant_id,
    entries.c.leaf_hash,
    postgresql_where=entries.c.leaf_index.is_(None),
)

nodes = Table(
    "evidence_nodes",
    METADATA,
    Column("merchant_id", Uuid, ForeignKey("merchants.id"), primary_key=True),
    Column("level", SmallInteger, primary_key=True, comment="1 joins two leaves"),
    Column("node_index", BigInteger, primary_key=True),
    Column("hash", LargeBinary, nullable=False),
    CheckConstraint("length(hash) = 32", name="hash"),
)

checkpoints = Table(
    "evidence_checkpoints",
    METADATA,
    Column("merchant_id", Uuid, ForeignKey("merchants.id"), primary_key=True),
    Column("size", BigInteger, primary_key=True),
    Column("note", Text, nullable=False, comment="signed by the log only"),
)

cosignatures = Table(
    "evidence_cosignatures",
    METADATA,
    Column("merchant_id", Uuid, primary_key=True),
    Column("size", BigInteger, primary_key=True),
    Column("witness", Text, primary_key=True, comment="verifier key of the witness"),
    Column("line", Text, nullable=False, comment="its signature line"),
    ForeignKeyConstraint(["merchant_id", "size"], ["evidence_checkpoints.merchant_id", "evidence_checkpoints.size"]),
)
