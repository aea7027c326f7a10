"""The evidence ledger: entries, tree, checkpoints, cosignatures; what the hub holds already is entered."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BATCH = 2000


def upgrade() -> None:
    """Create the tables, forbid to change them, enter what is there."""
    _tables()
    _append_only()
    connection = op.get_bind()
    for query, facts in ((VERDICTS, _verdict), (PICTURES, _picture)):
        for rows in _batches(connection, query):
            connection.execute(ENTER, [_entry(row.merchant_id, facts(row)) for row in rows])


def downgrade() -> None:
    """Evidence is not thrown away."""
    raise NotImplementedError("migrations go forward only; restore a backup instead")


def _tables() -> None:
    def merchant_id() -> sa.Column[Any]:
        return sa.Column("merchant_id", sa.Uuid, nullable=False)

    def of_merchant(table: str) -> sa.ForeignKeyConstraint:
        return sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name=f"{table}_merchant_id_fkey")

    op.create_table(
        "evidence_entries",
        merchant_id(),
        sa.Column("leaf_hash", sa.LargeBinary, nullable=False),
        sa.Column("leaf_index", sa.BigInteger, comment="null until the sequencer gives it its place"),
        sa.Column("subject", sa.Text(collation="C"), comment="what the leaf is about; null once erased"),
        sa.Column("salt", sa.LargeBinary, comment="null once erased"),
        sa.Column("leaf", sa.Text, comment="canonical JSON; null once erased"),
        sa.PrimaryKeyConstraint("merchant_id", "leaf_hash", name="evidence_entries_pkey"),
        of_merchant("evidence_entries"),
        sa.UniqueConstraint("merchant_id", "leaf_index", name="evidence_entries_merchant_id_leaf_index_key"),
        sa.UniqueConstraint("merchant_id", "subject", name="evidence_entries_merchant_id_subject_key"),
        sa.CheckConstraint("length(leaf_hash) = 32", name=op.f("evidence_entries_leaf_hash_check")),
        sa.CheckConstraint("length(salt) = 32", name=op.f("evidence_entries_salt_check")),
        sa.CheckConstraint("num_nulls(subject, salt, leaf) IN (0, 3)", name=op.f("evidence_entries_erased_check")),
    )
    op.create_index(
        "evidence_entries_pending_idx",
        "evidence_entries",
        ["merchant_id", "leaf_hash"],
        postgresql_where=sa.text("leaf_index IS NULL"),
    )
    op.create_table(
        "evidence_nodes",
        merchant_id(),
        sa.Column("level", sa.SmallInteger, nullable=False, comment="1 joins two leaves"),
        sa.Column("node_index", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "level", "node_index", name="evidence_nodes_pkey"),
        of_merchant("evidence_nodes"),
        sa.CheckConstraint("length(hash) = 32", name=op.f("evidence_nodes_hash_check")),
    )
    op.create_table(
        "evidence_checkpoints",
        merchant_id(),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("note", sa.Text, nullable=False, comment="signed by the log only"),
        sa.PrimaryKeyConstraint("merchant_id", "size", name="evidence_checkpoints_pkey"),
        of_merchant("evidence_checkpoints"),
    )
    op.create_table(
        "evidence_cosignatures",
        merchant_id(),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("witness", sa.Text, nullable=False, comment="verifier key of the witness"),
        sa.Column("line", sa.Text, nullable=False, comment="its signature line"),
        sa.PrimaryKeyConstraint("merchant_id", "size", "witness", name="evidence_cosignatures_pkey"),
        sa.ForeignKeyConstraint(
            ["merchant_id", "size"],
            ["evidence_checkpoints.merchant_id", "evidence_checkpoints.size"],
            name="evidence_cosignatures_merchant_id_size_fkey",
        ),
    )


def _append_only() -> None:
    op.execute(
        """
        CREATE FUNCTION evidence_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
        END $$
        """
    )
    for table in ("evidence_nodes", "evidence_checkpoints", "evidence_cosignatures"):
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION evidence_is_append_only()"
        )
    op.execute(
        "CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON evidence_entries "
        "FOR EACH STATEMENT EXECUTE FUNCTION evidence_is_append_only()"
    )
    # An entry gets its place once, and what it says may be erased; nothing else about it ever changes.
    op.execute(
        """
        CREATE TRIGGER placed_once_or_erased BEFORE UPDATE ON evidence_entries FOR EACH ROW
        WHEN (NEW.merchant_id <> OLD.merchant_id OR NEW.leaf_hash <> OLD.leaf_hash
            OR OLD.leaf_index IS NOT NULL AND NEW.leaf_index IS DISTINCT FROM OLD.leaf_index
            OR NEW.subject IS NOT NULL AND NEW.subject IS DISTINCT FROM OLD.subject
            OR NEW.salt IS NOT NULL AND NEW.salt IS DISTINCT FROM OLD.salt
            OR NEW.leaf IS NOT NULL AND NEW.leaf IS DISTINCT FROM OLD.leaf)
        EXECUTE FUNCTION evidence_is_append_only()
        """
    )


VERDICTS = """
    SELECT merchant_id, inspection_id, revision, evidence_hash, received_at, received_via,
        encode(sha256(convert_to(report::text, 'UTF8')), 'hex') AS record_sha256
    FROM inspections
"""
PICTURES = "SELECT merchant_id, sha256, size_bytes, media_type, width, height, received_at FROM images"
ENTER = sa.text(
    "INSERT INTO evidence_entries (merchant_id, leaf_hash, subject, salt, leaf) "
    "VALUES (:merchant_id, :leaf_hash, :subject, :salt, :leaf)"
)


def _batches(connection: sa.Connection, query: str) -> Iterator[Sequence[Any]]:
    result = connection.execute(sa.text(query).execution_options(stream_results=True, max_row_buffer=BATCH))
    return iter(result.partitions(BATCH))


def _verdict(row: Any) -> tuple[str, dict[str, Any]]:
    return f"verdict/{row.inspection_id}/{row.revision}", {
        "kind": "verdict",
        "inspection_id": str(row.inspection_id),
        "revision": row.revision,
        "evidence_hash": row.evidence_hash,
        "record_sha256": row.record_sha256,
        "received_at": _moment(row.received_at),
        "received_via": str(row.received_via),
        "station_key": None,
        "station_key_trusted": False,
    }


def _picture(row: Any) -> tuple[str, dict[str, Any]]:
    return f"picture/{row.sha256}", {
        "kind": "picture",
        "sha256": row.sha256,
        "size_bytes": row.size_bytes,
        "media_type": row.media_type,
        "width": row.width,
        "height": row.height,
        "received_at": _moment(row.received_at),
    }


def _entry(merchant_id: Any, described: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    subject, facts = described
    salt = secrets.token_bytes(32)
    # For ASCII texts and whole numbers this is the canonical JSON of RFC 8785.
    leaf = json.dumps(facts, sort_keys=True, separators=(",", ":"))
    leaf_hash = hashlib.sha256(b"\x00" + salt + leaf.encode()).digest()
    return {"merchant_id": merchant_id, "leaf_hash": leaf_hash, "subject": subject, "salt": salt, "leaf": leaf}


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")
