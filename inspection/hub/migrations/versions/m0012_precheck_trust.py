"""Prints of customers' pictures, found by nearness (pgvector), and the signals that people weigh."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import HALFVEC
from sqlalchemy.dialects.postgresql import JSONB

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

NOW = sa.text("now()")
WHEN = sa.DateTime(timezone=True)
PICTURE = ["precheck_pictures.merchant_id", "precheck_pictures.id"]


def upgrade() -> None:
    """Create the tables; pgvector is there already, see :meth:`inspection.hub.database.Database.require_vector`."""
    name = "precheck_prints"
    op.create_table(
        name,
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("picture_id", sa.Uuid, nullable=False),
        sa.Column("case_id", sa.Uuid, nullable=False),
        sa.Column("network", sa.Text, nullable=False, comment="that made it; only prints of one network are compared"),
        sa.Column("print", HALFVEC(256), nullable=False, comment="of length 1"),
        sa.Column("made_at", WHEN, nullable=False, server_default=NOW),
        sa.PrimaryKeyConstraint("merchant_id", "picture_id", name=f"{name}_pkey"),
        sa.ForeignKeyConstraint(
            ["merchant_id", "picture_id"], PICTURE, name=f"{name}_merchant_id_picture_id_fkey", ondelete="CASCADE"
        ),
    )
    op.create_index("precheck_prints_case_idx", name, ["merchant_id", "case_id"])
    op.create_index(
        "precheck_prints_near_idx",
        name,
        ["print"],
        postgresql_using="hnsw",
        postgresql_ops={"print": "halfvec_ip_ops"},
    )
    _signals()


def downgrade() -> None:
    """What was found is never dropped."""
    raise NotImplementedError("migrations go forward only; restore a backup instead")


def _signals() -> None:
    name = "precheck_signals"
    op.create_table(
        name,
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False, server_default=sa.text("gen_random_uuid()")),
        sa.Column("case_id", sa.Uuid, nullable=False),
        sa.Column("picture_id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("about", sa.Text, nullable=False, comment="the other picture, or the numbers that were read"),
        sa.Column("other_picture_id", sa.Uuid, comment="the picture that was seen before"),
        sa.Column("strength", sa.REAL, nullable=False, comment="0..1"),
        sa.Column("detail", JSONB, nullable=False),
        sa.Column("found_at", WHEN, nullable=False, server_default=NOW),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=f"{name}_pkey"),
        sa.UniqueConstraint("merchant_id", "picture_id", "kind", "about", name="precheck_signals_once_key"),
        sa.ForeignKeyConstraint(
            ["merchant_id", "picture_id"], PICTURE, name=f"{name}_merchant_id_picture_id_fkey", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "other_picture_id"],
            PICTURE,
            name=f"{name}_merchant_id_other_picture_id_fkey",
            ondelete="CASCADE",
        ),
        sa.CheckConstraint("kind IN ('picture_seen_before', 'other_article')", name="kind"),
        sa.CheckConstraint("strength BETWEEN 0 AND 1", name="strength"),
    )
    op.create_index("precheck_signals_case_idx", name, ["merchant_id", "case_id"])
    op.create_index("precheck_signals_other_idx", name, ["merchant_id", "other_picture_id"])
