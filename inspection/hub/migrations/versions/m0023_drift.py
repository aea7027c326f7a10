"""Figures of inspections, how their streams stand, and alarms of drift."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

STREAM = ["merchant_id", "station_id", "goods", "figure", "basis"]


def _merchant(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name=f"{table}_merchant_id_fkey")


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def upgrade() -> None:
    """Create the tables."""
    name = "drift_observations"
    order = "the order in which they count"
    op.create_table(
        name,
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("number", sa.BigInteger, sa.Identity(always=True), nullable=False, comment=order),
        sa.Column("inspection_id", sa.Uuid, nullable=False),
        *_texts("station_id", "goods"),
        sa.Column("day", sa.Date, nullable=False, comment="when the hub received it, UTC"),
        sa.Column("figures", JSONB, nullable=False, comment="name: [value, what it rests on]"),
        sa.Column("sha256", sa.Text, comment="of the picture that tells most"),
        sa.PrimaryKeyConstraint("merchant_id", "number", name=f"{name}_pkey"),
        sa.UniqueConstraint("merchant_id", "inspection_id", name=f"{name}_merchant_id_inspection_id_key"),
        _merchant(name),
    )
    name = "drift_streams"
    op.create_table(
        name,
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        *_texts("station_id", "goods", "figure"),
        sa.Column("basis", sa.Text, nullable=False, comment="bundle, rules or calibration its reference belongs to"),
        sa.Column("state", JSONB, nullable=False, comment="see inspection.drifting.Watch"),
        sa.Column("first_day", sa.Date, nullable=False),
        sa.Column("last_day", sa.Date, nullable=False),
        sa.Column("days", sa.Integer, nullable=False, comment="days with items while the reference was learnt"),
        sa.Column("last_number", sa.BigInteger, nullable=False, comment="the last observation that went in"),
        sa.PrimaryKeyConstraint(*STREAM, name=f"{name}_pkey"),
        _merchant(name),
    )
    name = "drift_cursors"
    upto = "observations up to it went into the streams"
    op.create_table(
        name,
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False, comment=upto),
        sa.PrimaryKeyConstraint("merchant_id", name=f"{name}_pkey"),
        _merchant(name),
    )
    name, now = "drift_alarms", sa.text("clock_timestamp()")
    op.create_table(
        name,
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False, server_default=sa.text("gen_random_uuid()")),
        *_texts("station_id", "goods", "figure", "basis"),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False, server_default=now),
        sa.Column("number", sa.BigInteger, nullable=False, comment="the observation that raised it"),
        *_texts("direction"),
        sa.Column("effect", sa.Float, nullable=False),
        sa.Column("items", sa.Integer, nullable=False, comment="since it began"),
        *_texts("cause", "action"),
        sa.Column("evidence", JSONB, nullable=False, comment="inspections and their pictures behind it"),
        sa.Column("chart", JSONB, nullable=False, comment="reference and what came since, in bins"),
        sa.Column("closed_at", sa.DateTime(timezone=True)),
        sa.Column("closed_by", sa.Text, comment="cured, superseded, or who took it as the new normal"),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=f"{name}_pkey"),
        sa.ForeignKeyConstraint(STREAM, [f"drift_streams.{each}" for each in STREAM], name=f"{name}_stream_fkey"),
        sa.UniqueConstraint(*STREAM, "number", name=f"{name}_once_key"),
        sa.CheckConstraint("direction IN ('up', 'down', 'spread')", name="direction"),
        sa.CheckConstraint("action IN ('recalibrate', 'relabel', 'retrain', 'look')", name="action"),
        sa.CheckConstraint("(closed_at IS NULL) = (closed_by IS NULL)", name="closed"),
    )
    op.create_index(f"{name}_opened_idx", name, ["merchant_id", "opened_at", "id"])


def downgrade() -> None:
    """What was found is never dropped."""
    raise NotImplementedError("migrations go forward only; restore a backup instead")
