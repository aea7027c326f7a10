"""Keys of pictures, legal holds, and what was erased."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

NOW = sa.text("now()")
WHEN = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "image_keys",
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False, comment="of the picture"),
        sa.Column("wrapped", sa.LargeBinary, comment="its key under the master key; null once destroyed"),
        sa.Column("made_at", WHEN, nullable=False, server_default=NOW),
        sa.Column("destroyed_at", WHEN),
        sa.PrimaryKeyConstraint("merchant_id", "sha256", name="image_keys_pkey"),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name="image_keys_merchant_id_fkey"),
        sa.CheckConstraint("length(sha256) = 64", name="sha256"),
        sa.CheckConstraint("(wrapped IS NULL) = (destroyed_at IS NOT NULL)", name="destroyed"),
    )
    op.create_table(
        "legal_holds",
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False, server_default=sa.text("gen_random_uuid()")),
        sa.Column("rma", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("placed_by", sa.Text, nullable=False),
        sa.Column("placed_at", WHEN, nullable=False, server_default=NOW),
        sa.Column("released_by", sa.Text),
        sa.Column("released_at", WHEN),
        sa.PrimaryKeyConstraint("merchant_id", "id", name="legal_holds_pkey"),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name="legal_holds_merchant_id_fkey"),
        sa.CheckConstraint("(released_by IS NULL) = (released_at IS NULL)", name="released"),
    )
    op.create_index("legal_holds_rma_idx", "legal_holds", ["merchant_id", "rma"])
    op.create_table(
        "erasures",
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False, server_default=sa.text("gen_random_uuid()")),
        sa.Column("cases", JSONB, nullable=False, comment="RMA numbers; what they name is gone, the numbers are not"),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("asked_by", sa.Text, nullable=False),
        sa.Column("asked_at", WHEN, nullable=False, server_default=NOW),
        sa.Column("done_at", WHEN),
        sa.Column("certificate", JSONB),
        sa.Column("failure", sa.Text, comment="why it could not be done; the job tries again"),
        sa.PrimaryKeyConstraint("merchant_id", "id", name="erasures_pkey"),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name="erasures_merchant_id_fkey"),
        sa.CheckConstraint("(certificate IS NULL) = (done_at IS NULL)", name="done"),
    )
    op.create_index("erasures_asked_idx", "erasures", ["merchant_id", sa.text("asked_at DESC"), "id"])


def downgrade() -> None:
    """What was erased stays erased."""
    raise NotImplementedError("migrations go forward only; restore a backup instead")
