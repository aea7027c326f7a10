"""Where a customer is told of the pre-check, and by what a file is found again that was cut off on its way."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both columns."""
    where = "where the customer is told of the case; null: nowhere"
    op.add_column("precheck_cases", sa.Column("email", sa.Text, comment=where))
    mark = "by it the sender finds a file again that was cut off; for a day"
    op.add_column("precheck_uploads", sa.Column("mark", sa.Text, comment=mark))


def downgrade() -> None:
    """An address that customers gave is not dropped by accident."""
    raise NotImplementedError("migrations go forward only; restore a backup instead")
