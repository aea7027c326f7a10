"""What was published for stations to run: model bundles, policies, reference banks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

WHEN = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the table."""
    name = "bundles"
    op.create_table(
        name,
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("bundle_id", sa.Text, nullable=False, comment="name@version+first 12 hex digits of sha256"),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False, comment="of what the id is made of"),
        sa.Column("archive_sha256", sa.Text, nullable=False, comment="of the zip; its name in the object store"),
        sa.Column("archive_bytes", sa.BigInteger, nullable=False),
        sa.Column("signers", ARRAY(sa.Text), nullable=False, comment="names of the trusted keys that signed it"),
        sa.Column("parent", sa.Text, comment="id of the bundle it was made from or is to replace"),
        sa.Column("lineage", JSONB, nullable=False),
        sa.Column("data", JSONB, nullable=False, comment="digest of the samples of each set"),
        sa.Column("figures", JSONB, nullable=False, comment="what it says of its own quality"),
        sa.Column("state", sa.Text, nullable=False, server_default=sa.text("'published'")),
        sa.Column("published_at", WHEN, nullable=False, server_default=sa.text("clock_timestamp()")),
        sa.Column("published_by", sa.Text, nullable=False),
        sa.Column("withdrawn_at", WHEN),
        sa.Column("withdrawn_by", sa.Text),
        sa.PrimaryKeyConstraint("merchant_id", "bundle_id", name=f"{name}_pkey"),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name=f"{name}_merchant_id_fkey"),
        sa.CheckConstraint("kind IN ('bundle', 'policy', 'references')", name="kind"),
        sa.CheckConstraint("state IN ('published', 'withdrawn')", name="state"),
        sa.CheckConstraint("(state = 'withdrawn') = (withdrawn_at IS NOT NULL)", name="withdrawn"),
        sa.CheckConstraint("length(sha256) = 64 AND length(archive_sha256) = 64", name="sha256"),
    )
    op.create_index("bundles_published_idx", name, ["merchant_id", "published_at", "bundle_id"])
    op.create_index("bundles_archive_idx", name, ["merchant_id", "archive_sha256"])


def downgrade() -> None:
    """Migrations go forward only."""
    raise NotImplementedError("migrations go forward only; restore a backup instead")
