"""What the gate was asked and said, and exceptions of it by two persons."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

WHEN = sa.DateTime(timezone=True)
NOW = sa.text("clock_timestamp()")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "gates",
        sa.Column("merchant_id", sa.Uuid, sa.ForeignKey("merchants.id"), nullable=False),
        sa.Column("id", sa.Uuid, nullable=False, server_default=sa.text("gen_random_uuid()")),
        sa.Column("candidate_id", sa.Text, nullable=False),
        sa.Column("champion_id", sa.Text, comment="what it is to replace; null where there was nothing of its kind"),
        sa.Column(
            "judge_id", sa.Text, nullable=False, comment="the bundle that judges for the candidate; itself if it is one"
        ),
        sa.Column("exam", sa.Text, nullable=False, comment="name in the configuration, or id of a data version"),
        sa.Column("exam_sha256", sa.Text, comment="over pictures and labels"),
        sa.Column("state", sa.Text, nullable=False, server_default=sa.text("'waiting'")),
        sa.Column("attempts", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("asked_by", sa.Text, nullable=False),
        sa.Column("asked_at", WHEN, nullable=False, server_default=NOW),
        sa.Column("ended_at", WHEN),
        sa.Column("report", JSONB, comment="what it said, as python -m models gate writes it"),
        sa.Column(
            "pictures_sha256", sa.Text, comment="of the zip with the pictures of the report, in the object store"
        ),
        sa.Column("trouble", sa.Text, comment="why it came to no end"),
        sa.PrimaryKeyConstraint("merchant_id", "id", name="gates_pkey"),
        *(
            sa.ForeignKeyConstraint(
                ["merchant_id", name],
                ["bundles.merchant_id", "bundles.bundle_id"],
                name=f"gates_merchant_id_{name}_fkey",
            )
            for name in ("candidate_id", "champion_id", "judge_id")
        ),
        sa.CheckConstraint("state IN ('waiting', 'running', 'passed', 'failed', 'broken')", name="state"),
        sa.CheckConstraint("(state IN ('passed', 'failed', 'broken')) = (ended_at IS NOT NULL)", name="ended"),
        sa.CheckConstraint("(state IN ('passed', 'failed')) = (report IS NOT NULL)", name="report"),
    )
    op.create_index("gates_candidate_idx", "gates", ["merchant_id", "candidate_id", "asked_at"])
    name = "gate_exceptions"
    op.create_table(
        name,
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("gate_id", sa.Uuid, nullable=False, comment="the one that failed"),
        sa.Column("reason", sa.Text, nullable=False, comment="why it should run although it failed"),
        sa.Column("asked_by", sa.Uuid, nullable=False, comment="member of staff"),
        sa.Column("asked_at", WHEN, nullable=False, server_default=NOW),
        sa.Column("decided_by", sa.Uuid, comment="another one"),
        sa.Column("decided_at", WHEN),
        sa.Column("granted", sa.Text, comment="yes or no"),
        sa.Column("answer", sa.Text, comment="what the second person says to it"),
        sa.PrimaryKeyConstraint("merchant_id", "gate_id", name=f"{name}_pkey"),
        sa.ForeignKeyConstraint(
            ["merchant_id", "gate_id"], ["gates.merchant_id", "gates.id"], name=f"{name}_merchant_id_gate_id_fkey"
        ),
        *(
            sa.ForeignKeyConstraint(
                ["merchant_id", each], ["staff.merchant_id", "staff.id"], name=f"{name}_merchant_id_{each}_fkey"
            )
            for each in ("asked_by", "decided_by")
        ),
        sa.CheckConstraint("decided_by <> asked_by", name="two_persons"),
        sa.CheckConstraint("granted IN ('yes', 'no')", name="granted"),
        sa.CheckConstraint(
            "(granted IS NULL) = (decided_by IS NULL) AND (granted IS NULL) = (decided_at IS NULL)", name="decided"
        ),
    )


def downgrade() -> None:
    """Migrations go forward only."""
    raise NotImplementedError("migrations go forward only; restore a backup instead")
