"""Where a customer is told of the pre-check, and by what a file is found again that was cut off on its way."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both columns, and the index of the second."""
    where = "where the customer is told of the case; null: nowhere"
    op.add_column("precheck_cases", sa.Column("email", sa.Text, comment=where))
    mark = "of a file that is on its way: by it the sender finds it again"
    op.add_column("precheck_uploads", sa.Column("mark", sa.Text, comment=mark))
    op.create_index(
        "precheck_uploads_mark_idx",
        "precheck_uploads",
        ["merchant_id", "case_id", "mark"],
        postgresql_where=sa.text("state = 'receiving'"),
    )


def downgrade() -> None:
    """An address that customers gave is not dropped by accident."""
    raise NotImplementedError("migrations go forward only; restore a backup instead")
