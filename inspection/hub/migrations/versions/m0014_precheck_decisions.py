"""What people decide of pre-checks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, and name the decision that counts with its case."""
    name = "precheck_decisions"
    op.create_table(
        name,
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False, server_default=sa.text("gen_random_uuid()")),
        sa.Column("case_id", sa.Uuid, nullable=False),
        sa.Column("decision", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False, server_default=sa.text("''"), comment="to the customer"),
        sa.Column("staff_id", sa.Uuid, comment="who decided; null for a token of another system"),
        sa.Column("state_before", sa.Text, nullable=False),
        sa.Column(
            "decided_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("clock_timestamp()")
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=f"{name}_pkey"),
        sa.ForeignKeyConstraint(
            ["merchant_id", "case_id"],
            ["precheck_cases.merchant_id", "precheck_cases.id"],
            name=f"{name}_merchant_id_case_id_fkey",
        ),
    )
    op.create_index("precheck_decisions_case_idx", name, ["merchant_id", "case_id", "decided_at"])
    comment = "the decision that counts, of precheck_decisions"
    op.add_column("precheck_cases", sa.Column("decided_by", sa.Uuid, comment=comment))


def downgrade() -> None:
    """What was decided is never dropped."""
    raise NotImplementedError("migrations go forward only; restore a backup instead")
