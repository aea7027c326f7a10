"""The EPCIS repository: events, captures, the names that events use, master data, named queries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NOW = sa.text("now()")
NEW_ID = sa.text("gen_random_uuid()")
WHEN = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables."""
    _events()
    _captures()
    _names_and_queries()


def downgrade() -> None:
    """Events are never dropped."""
    raise NotImplementedError("migrations go forward only; restore a backup instead")


def _events() -> None:
    op.create_table(
        "epcis_events",
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("seq", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("variant", sa.Text, nullable=False, comment="tells events of one id apart; see repository.py"),
        sa.Column("content_hash", sa.Text, nullable=False, comment="CBV 2.0 event hash"),
        sa.Column("event_type", sa.Text, nullable=False),
        sa.Column("event_time", WHEN, nullable=False),
        sa.Column("record_time", WHEN, nullable=False, server_default=NOW),
        sa.Column("action", sa.Text),
        sa.Column("biz_step", sa.Text),
        sa.Column("disposition", sa.Text),
        sa.Column("read_point", sa.Text),
        sa.Column("biz_location", sa.Text),
        sa.Column("declared_at", WHEN),
        sa.Column("epcs", sa.ARRAY(sa.Text), nullable=False, comment="every EPC, canonical"),
        sa.Column("facts", JSONB, nullable=False, comment="what queries look at; see facts.py"),
        sa.Column("context", JSONB, nullable=False, comment="the @context it came with"),
        sa.Column(
            "event", JSONB, nullable=False, comment="as it was captured, with its event id, without a record time"
        ),
        sa.PrimaryKeyConstraint("merchant_id", "seq", name="epcis_events_pkey"),
        sa.UniqueConstraint("merchant_id", "event_id", "variant", name="epcis_events_merchant_id_event_id_variant_key"),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name="epcis_events_merchant_id_fkey"),
    )
    for name in ("event_type", "biz_step", "disposition", "read_point", "biz_location"):
        op.create_index(f"epcis_events_{name}_idx", "epcis_events", ["merchant_id", name, "event_time", "seq"])
    op.create_index("epcis_events_time_idx", "epcis_events", ["merchant_id", "event_time", "seq"])
    op.create_index("epcis_events_record_idx", "epcis_events", ["merchant_id", "record_time", "seq"])
    op.create_index("epcis_events_epcs_idx", "epcis_events", ["epcs"], postgresql_using="gin")
    op.create_index(
        "epcis_events_facts_idx",
        "epcis_events",
        ["facts"],
        postgresql_using="gin",
        postgresql_ops={"facts": "jsonb_path_ops"},
    )


def _captures() -> None:
    op.create_table(
        "epcis_captures",
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("capture_id", sa.Uuid, server_default=NEW_ID, nullable=False),
        sa.Column("seq", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("created_at", WHEN, nullable=False, server_default=NOW),
        sa.Column("finished_at", WHEN),
        sa.Column("captured_via", sa.Uuid, nullable=False),
        sa.Column("success", sa.Boolean, nullable=False),
        sa.Column("behaviour", sa.Text, nullable=False),
        sa.Column(
            "event_count", sa.Integer, nullable=False, comment="events of the document that are in the repository"
        ),
        sa.Column("errors", JSONB, nullable=False),
        sa.Column("frame", JSONB, comment="the document without its events; null for a single event"),
        sa.Column("event_seqs", sa.ARRAY(sa.BigInteger), nullable=False, comment="its events in order"),
        sa.PrimaryKeyConstraint("merchant_id", "capture_id", name="epcis_captures_pkey"),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name="epcis_captures_merchant_id_fkey"),
        sa.ForeignKeyConstraint(["captured_via"], ["access_tokens.id"], name="epcis_captures_captured_via_fkey"),
        sa.CheckConstraint("behaviour IN ('rollback', 'proceed')", name=op.f("epcis_captures_behaviour_check")),
    )
    op.create_index("epcis_captures_newest_idx", "epcis_captures", ["merchant_id", "seq"])


def _names_and_queries() -> None:
    op.create_table(
        "epcis_names",
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column(
            "kind",
            sa.Text,
            nullable=False,
            comment="epc, bizStep, …, prefix (of extensions), company (prefix of URNs)",
        ),
        sa.Column("name", sa.Text(collation="C"), nullable=False, comment="canonical"),
        sa.Column("shown", sa.Text, nullable=False, comment="as it was written first"),
        sa.PrimaryKeyConstraint("merchant_id", "kind", "name", name="epcis_names_pkey"),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name="epcis_names_merchant_id_fkey"),
    )
    op.create_table(
        "epcis_master_data",
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("vocabulary", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False, comment="canonical"),
        sa.Column("element", JSONB, nullable=False, comment="as it was captured last"),
        sa.Column("children", sa.ARRAY(sa.Text), nullable=False, comment="canonical"),
        sa.Column("captured_at", WHEN, nullable=False, server_default=NOW),
        sa.PrimaryKeyConstraint("merchant_id", "vocabulary", "name", name="epcis_master_data_pkey"),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name="epcis_master_data_merchant_id_fkey"),
    )
    op.create_index("epcis_master_data_name_idx", "epcis_master_data", ["merchant_id", "name"])
    op.create_table(
        "epcis_queries",
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("name", sa.Text(collation="C"), nullable=False),
        sa.Column("query", JSONB, nullable=False),
        sa.Column("created_at", WHEN, nullable=False, server_default=NOW),
        sa.Column("created_via", sa.Uuid, nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "name", name="epcis_queries_pkey"),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name="epcis_queries_merchant_id_fkey"),
        sa.ForeignKeyConstraint(["created_via"], ["access_tokens.id"], name="epcis_queries_created_via_fkey"),
    )
