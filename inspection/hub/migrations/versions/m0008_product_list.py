"""The newest inspections of one product, without looking at all of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the index."""
    newest = [sa.text("received_at DESC"), sa.text("inspection_id DESC")]
    op.create_index("inspections_product_idx", "inspections", ["merchant_id", "gtin", *newest])


def downgrade() -> None:
    """Migrations go forward only."""
    raise NotImplementedError("migrations go forward only; restore a backup instead")
