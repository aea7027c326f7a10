"""Replays: what if stored inspections were judged or decided otherwise."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

NOW = sa.text("clock_timestamp()")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "replays",
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False, server_default=sa.text("gen_random_uuid()")),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False, server_default=NOW),
        sa.Column("asked_by", sa.Text, nullable=False, comment="id of a member of staff or token, or: command line"),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False, comment="received by the hub from then on"),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False, comment="and before"),
        sa.Column("as_of", sa.Date, nullable=False, comment="rules in effect on this day count"),
        sa.Column("bundle", sa.Text, comment="id, or the folder that the command line named; null: rules only"),
        sa.Column("rules", sa.Text, nullable=False, comment="the policy file"),
        sa.Column("rules_version", sa.Text, nullable=False),
        sa.Column(
            "rules_asked",
            sa.Text,
            nullable=False,
            comment="given: the question is about rules; default: it is not",
        ),
        sa.Column("engine", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False, server_default="waiting"),
        sa.Column("total", sa.Integer, nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True)),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("busy_s", sa.Float, nullable=False, server_default="0", comment="time spent, over all runs"),
        sa.Column("failure", sa.Text, comment="why it ended early"),
        sa.Column("summary", JSONB, comment="what it came to, once done"),
        sa.PrimaryKeyConstraint("merchant_id", "id", name="replays_pkey"),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name="replays_merchant_id_fkey"),
        sa.CheckConstraint("state IN ('waiting', 'running', 'done', 'cancelled', 'failed')", name="state"),
        sa.CheckConstraint("engine IN ('pool', 'ray')", name="engine"),
        sa.CheckConstraint("rules_asked IN ('given', 'default')", name="rules_asked"),
        sa.CheckConstraint("since < until", name="since"),
        sa.CheckConstraint("(state = 'done') = (summary IS NOT NULL)", name="summary"),
    )
    op.create_index("replays_asked_idx", "replays", ["merchant_id", "asked_at", "id"])
    op.create_table(
        "replay_items",
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("replay_id", sa.Uuid, nullable=False),
        sa.Column("position", sa.Integer, nullable=False, comment="from 0, in the order of their reports"),
        sa.Column("inspection_id", sa.Uuid, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("outcome", sa.Text, comment="same, changed, skipped; null: to be done"),
        sa.Column("reason", sa.Text, comment="why it was skipped"),
        sa.Column("result", JSONB),
        sa.PrimaryKeyConstraint("merchant_id", "replay_id", "position", name="replay_items_pkey"),
        sa.ForeignKeyConstraint(
            ["merchant_id", "replay_id"],
            ["replays.merchant_id", "replays.id"],
            name="replay_items_merchant_id_replay_id_fkey",
        ),
        sa.CheckConstraint("outcome IN ('same', 'changed', 'skipped')", name="outcome"),
        sa.CheckConstraint("(outcome IS NOT NULL) = (num_nonnulls(reason, result) = 1)", name="result"),
    )
    op.create_index("replay_items_outcome_idx", "replay_items", ["merchant_id", "replay_id", "outcome", "position"])


def downgrade() -> None:
    """What was found is never dropped."""
    raise NotImplementedError("migrations go forward only; restore a backup instead")
