"""A return is received once: the event of it is unique."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the index; what came before it was received without an event."""
    only = sa.text("kind = 'return_received'")
    op.create_index(
        "events_return_received_idx", "events", ["merchant_id", "subject"], unique=True, postgresql_where=only
    )


def downgrade() -> None:
    """Migrations go forward only."""
    raise NotImplementedError("migrations go forward only; restore a backup instead")
