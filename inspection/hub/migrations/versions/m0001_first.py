"""First schema: merchants, stations, tokens, returns, inspections, images, and the append-only events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NOW = sa.text("now()")
WHEN = sa.DateTime(timezone=True)
NEW_ID = sa.text("gen_random_uuid()")


def upgrade() -> None:
    """Create everything."""
    _merchants_and_events()
    _accounts()
    _returns()
    _images()
    _inspections()
    op.execute("INSERT INTO merchants (name) VALUES ('default')")


def downgrade() -> None:
    """There is nothing before the first schema."""
    raise NotImplementedError("migrations go forward only; restore a backup instead")


def _merchants_and_events() -> None:
    op.create_table(
        "merchants",
        sa.Column("id", sa.Uuid, server_default=NEW_ID, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("created_at", WHEN, nullable=False, server_default=NOW),
        sa.PrimaryKeyConstraint("id", name="merchants_pkey"),
        sa.UniqueConstraint("name", name="merchants_name_key"),
    )
    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("payload", JSONB, nullable=False),
        sa.Column("recorded_at", WHEN, nullable=False, server_default=NOW),
        sa.PrimaryKeyConstraint("id", name="events_pkey"),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name="events_merchant_id_fkey"),
    )
    op.create_index("events_merchant_id_kind_idx", "events", ["merchant_id", "kind", "id"])
    op.create_index("events_merchant_id_subject_idx", "events", ["merchant_id", "subject"])
    op.execute(
        """
        CREATE FUNCTION events_are_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'events are append-only: % refused', TG_OP USING ERRCODE = 'restrict_violation';
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON events "
        "FOR EACH STATEMENT EXECUTE FUNCTION events_are_append_only()"
    )


def _accounts() -> None:
    op.create_table(
        "stations",
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("station_id", sa.Text, nullable=False),
        sa.Column("created_at", WHEN, nullable=False, server_default=NOW),
        sa.PrimaryKeyConstraint("merchant_id", "station_id", name="stations_pkey"),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name="stations_merchant_id_fkey"),
    )
    op.create_table(
        "access_tokens",
        sa.Column("id", sa.Uuid, server_default=NEW_ID, nullable=False),
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column(
            "station_id", sa.Text, comment="the only station this token may report for; null for any of the merchant"
        ),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("token_sha256", sa.Text, nullable=False),
        sa.Column("created_at", WHEN, nullable=False, server_default=NOW),
        sa.Column("revoked_at", WHEN),
        sa.PrimaryKeyConstraint("id", name="access_tokens_pkey"),
        sa.UniqueConstraint("token_sha256", name="access_tokens_token_sha256_key"),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name="access_tokens_merchant_id_fkey"),
        sa.ForeignKeyConstraint(
            ["merchant_id", "station_id"],
            ["stations.merchant_id", "stations.station_id"],
            name="access_tokens_merchant_id_station_id_fkey",
        ),
        sa.CheckConstraint("scope IN ('station', 'admin')", name=op.f("access_tokens_scope_check")),
        sa.CheckConstraint("length(token_sha256) = 64", name=op.f("access_tokens_token_sha256_check")),
    )


def _returns() -> None:
    op.create_table(
        "returns",
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("rma", sa.Text, nullable=False),
        sa.Column("order_ref", sa.Text),
        sa.Column("opened_at", WHEN),
        sa.Column(
            "content_sha256",
            sa.Text,
            nullable=False,
            comment="of the canonical request; tells a repeat from a conflict",
        ),
        sa.Column("created_at", WHEN, nullable=False, server_default=NOW),
        sa.PrimaryKeyConstraint("merchant_id", "rma", name="returns_pkey"),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name="returns_merchant_id_fkey"),
    )
    op.create_table(
        "return_lines",
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("rma", sa.Text, nullable=False),
        sa.Column("line_no", sa.Integer, nullable=False),
        sa.Column("gtin", sa.Text),
        sa.Column("serial", sa.Text),
        sa.Column("sku", sa.Text),
        sa.Column("quantity", sa.Integer, nullable=False),
        sa.Column("reason_code", sa.Text),
        sa.Column("declared_defects", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "rma", "line_no", name="return_lines_pkey"),
        sa.ForeignKeyConstraint(
            ["merchant_id", "rma"], ["returns.merchant_id", "returns.rma"], name="return_lines_merchant_id_rma_fkey"
        ),
        sa.CheckConstraint("line_no >= 1", name=op.f("return_lines_line_no_check")),
        sa.CheckConstraint("quantity >= 1", name=op.f("return_lines_quantity_check")),
    )


def _images() -> None:
    op.create_table(
        "images",
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("size_bytes", sa.Integer, nullable=False),
        sa.Column("media_type", sa.Text, nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("received_at", WHEN, nullable=False, server_default=NOW),
        sa.PrimaryKeyConstraint("merchant_id", "sha256", name="images_pkey"),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name="images_merchant_id_fkey"),
        sa.CheckConstraint("length(sha256) = 64", name=op.f("images_sha256_check")),
    )


def _inspections() -> None:
    op.create_table(
        "inspections",
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("inspection_id", sa.Uuid, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("station_id", sa.Text, nullable=False),
        sa.Column("rma", sa.Text, comment="as the station gave it; the hub need not know the return yet"),
        sa.Column("gtin", sa.Text),
        sa.Column("serial", sa.Text),
        sa.Column("epc", sa.Text),
        sa.Column("disposition", sa.Text, nullable=False),
        sa.Column("grade", sa.Text),
        sa.Column("decided_by", sa.Text, nullable=False),
        sa.Column("confirmed_at", WHEN, nullable=False, comment="by the station's clock"),
        sa.Column("received_at", WHEN, nullable=False, server_default=NOW),
        sa.Column("received_via", sa.Uuid, nullable=False),
        sa.Column(
            "evidence_hash", sa.Text, nullable=False, comment="SHA-256 of the canonical report without this member"
        ),
        sa.Column("report", JSONB, nullable=False, comment="the report as it was received"),
        sa.PrimaryKeyConstraint("merchant_id", "inspection_id", "revision", name="inspections_pkey"),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name="inspections_merchant_id_fkey"),
        sa.ForeignKeyConstraint(["received_via"], ["access_tokens.id"], name="inspections_received_via_fkey"),
        sa.ForeignKeyConstraint(
            ["merchant_id", "station_id"],
            ["stations.merchant_id", "stations.station_id"],
            name="inspections_merchant_id_station_id_fkey",
        ),
        sa.CheckConstraint("revision >= 1", name=op.f("inspections_revision_check")),
        sa.CheckConstraint(
            "disposition IN ('resell', 'repair', 'scrap', 'hold')", name=op.f("inspections_disposition_check")
        ),
        sa.CheckConstraint("length(evidence_hash) = 64", name=op.f("inspections_evidence_hash_check")),
    )
    newest: list[str | sa.TextClause] = ["merchant_id", sa.text("received_at DESC"), sa.text("inspection_id DESC")]
    op.create_index("inspections_newest_idx", "inspections", newest)
    op.create_index("inspections_rma_idx", "inspections", ["merchant_id", "rma"])
    op.create_index("inspections_item_idx", "inspections", ["merchant_id", "gtin", "serial"])
    op.create_index("inspections_epc_idx", "inspections", ["merchant_id", "epc"])
    op.create_table(
        "inspection_images",
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("inspection_id", sa.Uuid, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("position", sa.Integer, nullable=False, comment="from 0, in the order of the report"),
        sa.Column("view", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "inspection_id", "revision", "position", name="inspection_images_pkey"),
        sa.ForeignKeyConstraint(
            ["merchant_id", "inspection_id", "revision"],
            ["inspections.merchant_id", "inspections.inspection_id", "inspections.revision"],
            name="inspection_images_merchant_id_inspection_id_revision_fkey",
        ),
        sa.CheckConstraint("length(sha256) = 64", name=op.f("inspection_images_sha256_check")),
    )
    op.create_index("inspection_images_sha256_idx", "inspection_images", ["merchant_id", "sha256"])
