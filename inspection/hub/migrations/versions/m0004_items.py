"""Items matched later, stations' clocks, uploads that go on, and the indexes of new lists."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

NOW = sa.text("now()")
WHEN = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables and indexes."""
    _matches()
    _clocks()
    _pieces()
    op.create_index("returns_newest_idx", "returns", ["merchant_id", sa.text("created_at DESC"), sa.text("rma DESC")])
    op.create_index("returns_order_ref_idx", "returns", ["merchant_id", "order_ref"])
    op.create_index("return_lines_item_idx", "return_lines", ["merchant_id", "gtin", "serial"])


def downgrade() -> None:
    """What people said of items is never dropped."""
    raise NotImplementedError("migrations go forward only; restore a backup instead")


def _matches() -> None:
    op.create_table(
        "item_matches",
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("inspection_id", sa.Uuid, nullable=False),
        sa.Column("rma", sa.Text),
        sa.Column("gtin", sa.Text),
        sa.Column("serial", sa.Text),
        sa.Column("epc", sa.Text),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("matched_by", sa.Text, nullable=False),
        sa.Column("matched_at", WHEN, nullable=False, server_default=NOW),
        sa.PrimaryKeyConstraint("merchant_id", "id", name="item_matches_pkey"),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name="item_matches_merchant_id_fkey"),
    )
    op.create_index("item_matches_inspection_idx", "item_matches", ["merchant_id", "inspection_id", "id"])
    op.create_index("item_matches_rma_idx", "item_matches", ["merchant_id", "rma"])
    op.create_index("item_matches_item_idx", "item_matches", ["merchant_id", "gtin", "serial"])
    op.create_index("item_matches_epc_idx", "item_matches", ["merchant_id", "epc"])


def _clocks() -> None:
    op.add_column(
        "inspections",
        sa.Column(
            "clock_offset_s", sa.Float, comment="station's clock minus ours when it reported; null when it did not say"
        ),
    )
    newest = sa.text("received_at DESC")
    op.create_index("inspections_station_idx", "inspections", ["merchant_id", "station_id", newest])
    op.create_index(
        "inspections_unidentified_idx",
        "inspections",
        ["merchant_id", newest],
        postgresql_where=sa.text("gtin IS NULL AND epc IS NULL"),
    )
    op.create_table(
        "station_clocks",
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("station_id", sa.Text, nullable=False),
        sa.Column("offset_s", sa.Float, nullable=False, comment="station's clock minus ours"),
        sa.Column("wrong", sa.Boolean, nullable=False),
        sa.Column("measured_at", WHEN, nullable=False, server_default=NOW),
        sa.PrimaryKeyConstraint("merchant_id", "station_id", name="station_clocks_pkey"),
        sa.ForeignKeyConstraint(
            ["merchant_id", "station_id"],
            ["stations.merchant_id", "stations.station_id"],
            name="station_clocks_merchant_id_station_id_fkey",
        ),
    )


def _pieces() -> None:
    op.create_table(
        "image_pieces",
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False, comment="of the whole picture, as the sender says"),
        sa.Column("start", sa.Integer, nullable=False, comment="offset of the piece's first byte"),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.Column("received_at", WHEN, nullable=False, server_default=NOW),
        sa.PrimaryKeyConstraint("merchant_id", "sha256", "start", name="image_pieces_pkey"),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name="image_pieces_merchant_id_fkey"),
        sa.CheckConstraint("length(sha256) = 64", name="sha256"),
        sa.CheckConstraint("start >= 0", name="start"),
    )
    op.create_index("image_pieces_received_idx", "image_pieces", ["merchant_id", "received_at"])
