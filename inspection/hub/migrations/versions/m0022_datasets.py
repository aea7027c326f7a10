"""Data versions, trainings and the points of their curves."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

WHEN = sa.DateTime(timezone=True)
NOW = sa.text("now()")


def upgrade() -> None:
    """Create the tables."""
    _versions()
    _trainings()


def _versions() -> None:
    name = "dataset_versions"
    op.create_table(
        name,
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Text, nullable=False, comment="name@first 12 hex digits of sha256"),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("parent", sa.Text),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False, comment="of the manifest; its name in the object store"),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("pictures", sa.Integer, nullable=False),
        sa.Column("counts", JSONB, nullable=False),
        sa.Column("digests", ARRAY(sa.Text), nullable=False, comment="of its sets, as a model's lineage names them"),
        sa.Column("seen_by", JSONB, nullable=False, comment="models that had learned from what was erased"),
        sa.Column("made_at", WHEN, nullable=False, server_default=NOW),
        sa.Column("made_by", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=f"{name}_pkey"),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name=f"{name}_merchant_id_fkey"),
        sa.CheckConstraint("length(sha256) = 64", name="sha256"),
    )
    op.create_index("dataset_versions_made_idx", name, ["merchant_id", "made_at"])
    name = "dataset_members"
    op.create_table(
        name,
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False, comment="of a picture"),
        sa.PrimaryKeyConstraint("merchant_id", "version", "sha256", name=f"{name}_pkey"),
        sa.ForeignKeyConstraint(
            ["merchant_id", "version"],
            ["dataset_versions.merchant_id", "dataset_versions.id"],
            name=f"{name}_merchant_id_version_fkey",
        ),
    )
    op.create_index("dataset_members_sha256_idx", name, ["merchant_id", "sha256"])
    name = "dataset_objects"
    op.create_table(
        name,
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False, comment="of what lies in the object store"),
        sa.Column("media_type", sa.Text, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("stored_at", WHEN, nullable=False, server_default=NOW),
        sa.PrimaryKeyConstraint("merchant_id", "sha256", name=f"{name}_pkey"),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name=f"{name}_merchant_id_fkey"),
        sa.CheckConstraint("length(sha256) = 64", name="sha256"),
    )


def _trainings() -> None:
    name = "training_jobs"
    op.create_table(
        name,
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False, server_default=sa.text("gen_random_uuid()")),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("dataset", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False, comment="of the bundle"),
        sa.Column("version", sa.Text, nullable=False, comment="of the bundle"),
        sa.Column("state", sa.Text, nullable=False, server_default=sa.text("'queued'")),
        sa.Column(
            "estimate_s", sa.Integer, nullable=False, comment="what it was thought to take when it was asked for"
        ),
        sa.Column("asked_by", sa.Text, nullable=False),
        sa.Column("asked_at", WHEN, nullable=False, server_default=NOW),
        sa.Column("started_at", WHEN),
        sa.Column("ended_at", WHEN),
        sa.Column("attempts", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("cancel_asked_at", WHEN),
        sa.Column("bundle_id", sa.Text),
        sa.Column("failure", sa.Text, comment="why it failed, in one line of the trainer's"),
        sa.Column("stage", sa.Text),
        sa.Column("done", sa.Float),
        sa.Column("total", sa.Float),
        sa.Column("left_s", sa.Float),
        sa.Column(
            "speed", JSONB, nullable=False, server_default=sa.text("'{}'::jsonb"), comment="measured; see estimate.py"
        ),
        sa.Column("log", sa.Text, nullable=False, server_default=sa.text("''"), comment="the end of it"),
        sa.Column(
            "changed",
            sa.Integer,
            nullable=False,
            server_default=sa.text("0"),
            comment="grows with all that can be seen",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=f"{name}_pkey"),
        sa.ForeignKeyConstraint(
            ["merchant_id", "dataset"],
            ["dataset_versions.merchant_id", "dataset_versions.id"],
            name=f"{name}_merchant_id_dataset_fkey",
        ),
        sa.CheckConstraint("kind IN ('full', 'refresh')", name="kind"),
        sa.CheckConstraint("state IN ('queued', 'running', 'publishing', 'done', 'failed', 'cancelled')", name="state"),
    )
    op.create_index("training_jobs_asked_idx", name, ["merchant_id", "asked_at"])
    name = "training_points"
    op.create_table(
        name,
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("job_id", sa.Uuid, nullable=False),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False, comment="loss, or the name of a figure"),
        sa.Column("fit", sa.Text, nullable=False),
        sa.Column("step", sa.Integer, nullable=False),
        sa.Column("steps", sa.Integer, nullable=False),
        sa.Column("value", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "job_id", "seq", name=f"{name}_pkey"),
        sa.ForeignKeyConstraint(
            ["merchant_id", "job_id"],
            ["training_jobs.merchant_id", "training_jobs.id"],
            name=f"{name}_merchant_id_job_id_fkey",
        ),
    )


def downgrade() -> None:
    """What models were made of is never dropped."""
    raise NotImplementedError("migrations go forward only; restore a backup instead")
