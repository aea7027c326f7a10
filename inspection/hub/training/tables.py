"""Trainings, and the points of their curves."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from inspection.hub.tables import METADATA

WHEN = DateTime(timezone=True)

jobs = Table(
    "training_jobs",
    METADATA,
    Column("merchant_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True, server_default=func.gen_random_uuid()),
    Column("kind", Text, nullable=False),
    Column("dataset", Text, nullable=False),
    Column("name", Text, nullable=False, comment="of the bundle"),
    Column("version", Text, nullable=False, comment="of the bundle"),
    Column("state", Text, nullable=False, server_default=text("'queued'")),
    Column("estimate_s", Integer, nullable=False, comment="what it was thought to take when it was asked for"),
    Column("asked_by", Text, nullable=False),
    Column("asked_at", WHEN, nullable=False, server_default=func.now()),
    Column("started_at", WHEN),
    Column("ended_at", WHEN),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("cancel_asked_at", WHEN),
    Column("bundle_id", Text),
    Column("failure", Text, comment="why it failed, in one line of the trainer's"),
    Column("stage", Text),
    Column("done", Float),
    Column("total", Float),
    Column("left_s", Float),
    Column("speed", JSONB, nullable=False, server_default=text("'{}'::jsonb"), comment="measured; see estimate.py"),
    Column("log", Text, nullable=False, server_default=text("''"), comment="the end of it"),
    Column("changed", Integer, nullable=False, server_default=text("0"), comment="grows with all that can be seen"),
    ForeignKeyConstraint(["merchant_id", "dataset"], ["dataset_versions.merchant_id", "dataset_versions.id"]),
    CheckConstraint("kind IN ('full', 'refresh')", name="kind"),
    CheckConstraint("state IN ('queued', 'running', 'publishing', 'done', 'failed', 'cancelled')", name="state"),
    Index("training_jobs_asked_idx", "merchant_id", "asked_at"),
)

points = Table(
    "training_points",
    METADATA,
    Column("merchant_id", Uuid, primary_key=True),
    Column("job_id", Uuid, primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("kind", Text, nullable=False, comment="loss, or the name of a figure"),
    Column("fit", Text, nullable=False),
    Column("step", Integer, nullable=False),
    Column("steps", Integer, nullable=False),
    Column("value", Float, nullable=False),
    ForeignKeyConstraint(["merchant_id", "job_id"], ["training_jobs.merchant_id", "training_jobs.id"]),
)
