"""What people ask customers to write on a paper beside the item, and the step of a file that shows it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, and take files that show a challenge."""
    name = "precheck_challenges"
    op.create_table(
        name,
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False, server_default=sa.text("gen_random_uuid()")),
        sa.Column("case_id", sa.Uuid, nullable=False),
        sa.Column("code", sa.Text, nullable=False, comment="what the customer writes on a paper"),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("clock_timestamp()")),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=f"{name}_pkey"),
        sa.ForeignKeyConstraint(
            ["merchant_id", "case_id"],
            ["precheck_cases.merchant_id", "precheck_cases.id"],
            name=f"{name}_merchant_id_case_id_fkey",
        ),
        sa.CheckConstraint("length(code) = 4", name="code"),
        sa.CheckConstraint("expires_at > asked_at", name="expires_at"),
    )
    op.create_index("precheck_challenges_case_idx", name, ["merchant_id", "case_id", "asked_at"])
    op.drop_constraint("precheck_uploads_step_check", "precheck_uploads")
    steps = "step IN ('whole', 'damage', 'label', 'video', 'challenge', 'other')"
    op.create_check_constraint("step", "precheck_uploads", steps)


def downgrade() -> None:
    """What was asked is never dropped."""
    raise NotImplementedError("migrations go forward only; restore a backup instead")
