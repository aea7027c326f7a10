"""Rollouts: what stations run, what is tried, every step of it, second opinions, and how far each station is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

WHEN = sa.DateTime(timezone=True)
NOW = sa.text("clock_timestamp()")
NOTHING = sa.text("'{}'")
KINDS = "kind IN ('bundle', 'policy', 'references')"
DISPOSITIONS = "('resell', 'repair', 'scrap', 'hold')"


def upgrade() -> None:
    """Create the tables."""
    _champions()
    _rollouts()
    _steps()
    _opinions()
    _standings()


def _champions() -> None:
    name = "rollout_champions"
    op.create_table(
        name,
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("bundle_id", sa.Text, nullable=False, comment="what all stations run"),
        sa.Column("previous_id", sa.Text, comment="what they ran before it; null: what each is configured with"),
        sa.Column("since", WHEN, nullable=False, server_default=NOW),
        sa.PrimaryKeyConstraint("merchant_id", "kind", name=f"{name}_pkey"),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name=f"{name}_merchant_id_fkey"),
        sa.ForeignKeyConstraint(
            ["merchant_id", "bundle_id"],
            ["bundles.merchant_id", "bundles.bundle_id"],
            name=f"{name}_merchant_id_bundle_id_fkey",
        ),
        sa.CheckConstraint(KINDS, name="kind"),
    )


def _rollouts() -> None:
    name = "rollouts"
    op.create_table(
        name,
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False, server_default=sa.text("gen_random_uuid()")),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("candidate_id", sa.Text, nullable=False),
        sa.Column(
            "champion_id", sa.Text, comment="of this kind when it began; null: what stations are configured with"
        ),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column(
            "paused", sa.Boolean, nullable=False, server_default=sa.text("false"), comment="decides nothing by itself"
        ),
        sa.Column("plan", JSONB, nullable=False),
        sa.Column("forced_by", sa.Text, comment="who let it begin although the gate refused it"),
        sa.Column("started_at", WHEN, nullable=False, server_default=NOW),
        sa.Column("stage_at", WHEN, nullable=False, server_default=NOW),
        sa.Column("looked_at", WHEN, comment="when its figures were weighed last"),
        sa.Column("figures", JSONB, nullable=False, server_default=NOTHING, comment="as they were then"),
        sa.Column("ended_at", WHEN),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=f"{name}_pkey"),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name=f"{name}_merchant_id_fkey"),
        sa.ForeignKeyConstraint(
            ["merchant_id", "candidate_id"],
            ["bundles.merchant_id", "bundles.bundle_id"],
            name=f"{name}_merchant_id_candidate_id_fkey",
        ),
        sa.CheckConstraint(KINDS, name="kind"),
        sa.CheckConstraint("state IN ('shadow', 'canary', 'full', 'rolled_back')", name="state"),
        sa.CheckConstraint("(state IN ('full', 'rolled_back')) = (ended_at IS NOT NULL)", name="ended_at"),
    )
    live = sa.text("ended_at IS NULL")
    op.create_index("rollouts_one_at_a_time_idx", name, ["merchant_id"], unique=True, postgresql_where=live)
    op.create_index("rollouts_started_idx", name, ["merchant_id", "started_at"])


def _steps() -> None:
    name = "rollout_steps"
    op.create_table(
        name,
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("rollout_id", sa.Uuid, nullable=False),
        sa.Column("at", WHEN, nullable=False, server_default=NOW),
        sa.Column("act", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False, comment="after it"),
        sa.Column(
            "by", sa.Text, nullable=False, comment="id of a member of staff or token, command line, or automatic"
        ),
        sa.Column("reason", sa.Text, nullable=False, server_default=sa.text("''")),
        sa.Column("figures", JSONB, nullable=False, server_default=NOTHING, comment="that it was decided from"),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=f"{name}_pkey"),
        _of_rollout(name),
    )
    op.create_index("rollout_steps_rollout_idx", name, ["merchant_id", "rollout_id", "id"])


def _opinions() -> None:
    name = "rollout_opinions"
    op.create_table(
        name,
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("rollout_id", sa.Uuid, nullable=False),
        sa.Column("inspection_id", sa.Uuid, nullable=False),
        sa.Column("station_id", sa.Text, nullable=False),
        sa.Column("stage", sa.Text, nullable=False),
        sa.Column("judged_by", sa.Text, nullable=False),
        sa.Column("champion", sa.Text, comment="disposition that it proposed; null: it was not asked"),
        sa.Column("candidate", sa.Text, comment="likewise"),
        sa.Column("candidate_ms", sa.Float),
        sa.Column("candidate_error", sa.Text, nullable=False, server_default=sa.text("''")),
        sa.Column("said", JSONB, nullable=False, comment="as it was received"),
        sa.Column("received_at", WHEN, nullable=False, server_default=NOW),
        sa.PrimaryKeyConstraint("merchant_id", "rollout_id", "inspection_id", name=f"{name}_pkey"),
        _of_rollout(name),
        sa.CheckConstraint(f"champion IS NULL OR champion IN {DISPOSITIONS}", name="champion"),
        sa.CheckConstraint(f"candidate IS NULL OR candidate IN {DISPOSITIONS}", name="candidate"),
        sa.CheckConstraint("stage IN ('shadow', 'canary')", name="stage"),
        sa.CheckConstraint("judged_by IN ('champion', 'candidate')", name="judged_by"),
    )
    op.create_index("rollout_opinions_stage_idx", name, ["merchant_id", "rollout_id", "stage"])
    op.create_index("rollout_opinions_inspection_idx", name, ["merchant_id", "inspection_id"])


def _standings() -> None:
    name = "rollout_standings"
    op.create_table(
        name,
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("station_id", sa.Text, nullable=False),
        sa.Column("standing", JSONB, nullable=False, comment="as it was received"),
        sa.Column("received_at", WHEN, nullable=False, server_default=NOW),
        sa.PrimaryKeyConstraint("merchant_id", "station_id", name=f"{name}_pkey"),
        sa.ForeignKeyConstraint(
            ["merchant_id", "station_id"],
            ["stations.merchant_id", "stations.station_id"],
            name=f"{name}_merchant_id_station_id_fkey",
        ),
    )


def _of_rollout(name: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["merchant_id", "rollout_id"],
        ["rollouts.merchant_id", "rollouts.id"],
        name=f"{name}_merchant_id_rollout_id_fkey",
    )


def downgrade() -> None:
    """Migrations go forward only."""
    raise NotImplementedError("migrations go forward only; restore a backup instead")
