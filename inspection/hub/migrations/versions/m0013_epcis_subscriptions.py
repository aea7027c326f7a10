"""Subscriptions of named EPCIS queries, told of by a trigger in the transaction that stores an event."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None
WHEN = sa.DateTime(timezone=True)

NOTE_STORED = """
CREATE FUNCTION epcis_note_stored() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO epcis_pending (merchant_id, subscription_id, seq)
    SELECT told.merchant_id, told.subscription_id, fresh.seq
    FROM fresh JOIN epcis_subscriptions told ON told.merchant_id = fresh.merchant_id
    WHERE NOT told.stream;
    INSERT INTO events (merchant_id, kind, subject, payload)
    SELECT fresh.merchant_id, 'epcis_stored', 'epcis',
           jsonb_build_object('seqs', jsonb_agg(fresh.seq ORDER BY fresh.seq))
    FROM fresh
    WHERE EXISTS (
        SELECT FROM epcis_subscriptions told WHERE told.merchant_id = fresh.merchant_id AND told.stream
    )
    GROUP BY fresh.merchant_id;
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    """Create tables and trigger."""
    op.create_table(
        "epcis_subscriptions",
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("subscription_id", sa.Uuid, nullable=False, server_default=sa.func.gen_random_uuid()),
        sa.Column("query_name", sa.Text(collation="C"), nullable=False),
        sa.Column("dest", sa.Text, nullable=False),
        sa.Column(
            "token", sa.LargeBinary, comment="what it is signed with, encrypted with the key that wraps pictures' keys"
        ),
        sa.Column("stream", sa.Boolean, nullable=False, comment="told as events are stored; otherwise by its schedule"),
        sa.Column("schedule", JSONB),
        sa.Column("next_at", WHEN, comment="when its schedule comes next"),
        sa.Column("report_if_empty", sa.Boolean, nullable=False),
        sa.Column("initial_record_time", WHEN),
        sa.Column("epc_format", sa.Text, nullable=False),
        sa.Column("created_at", WHEN, nullable=False, server_default=sa.func.now()),
        sa.Column("created_via", sa.Uuid, nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "subscription_id", name="epcis_subscriptions_pkey"),
        sa.ForeignKeyConstraint(["created_via"], ["access_tokens.id"], name="epcis_subscriptions_created_via_fkey"),
        sa.ForeignKeyConstraint(
            ["merchant_id", "query_name"],
            ["epcis_queries.merchant_id", "epcis_queries.name"],
            name="epcis_subscriptions_merchant_id_query_name_fkey",
        ),
        sa.CheckConstraint("stream = (schedule IS NULL) AND stream = (next_at IS NULL)", name="schedule"),
    )
    op.create_index("epcis_subscriptions_query_idx", "epcis_subscriptions", ["merchant_id", "query_name"])
    op.create_table(
        "epcis_pending",
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("subscription_id", sa.Uuid, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False, comment="of an event that was stored since"),
        sa.PrimaryKeyConstraint("merchant_id", "subscription_id", "seq", name="epcis_pending_pkey"),
        sa.ForeignKeyConstraint(
            ["merchant_id", "subscription_id"],
            ["epcis_subscriptions.merchant_id", "epcis_subscriptions.subscription_id"],
            name="epcis_pending_merchant_id_subscription_id_fkey",
            ondelete="CASCADE",
        ),
    )
    op.execute(NOTE_STORED)
    op.execute(
        "CREATE TRIGGER epcis_note_stored AFTER INSERT ON epcis_events REFERENCING NEW TABLE AS fresh "
        "FOR EACH STATEMENT EXECUTE FUNCTION epcis_note_stored()"
    )


def downgrade() -> None:
    """Migrations go forward only."""
    raise NotImplementedError("migrations go forward only; restore a backup instead")
