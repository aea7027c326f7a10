"""What each station says of itself, and an index of what is on hold."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

WHEN = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create table and index."""
    op.create_table(
        "station_status",
        sa.Column("merchant_id", sa.Uuid, primary_key=True),
        sa.Column("station_id", sa.Text, primary_key=True),
        sa.Column("status", JSONB, nullable=False, comment="as it was received"),
        sa.Column("state_since", WHEN, nullable=False, comment="by the hub's clock"),
        sa.Column("received_at", WHEN, nullable=False, server_default=sa.text("now()")),
        sa.ForeignKeyConstraint(["merchant_id", "station_id"], ["stations.merchant_id", "stations.station_id"]),
    )
    held = sa.text("disposition = 'hold'")
    op.create_index("inspections_hold_idx", "inspections", ["merchant_id", "station_id"], postgresql_where=held)


def downgrade() -> None:
    """Migrations go forward only."""
    raise NotImplementedError("migrations go forward only; restore a backup instead")
