"""What the gate was asked and said, and who let something through although it failed."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB

from inspection.hub.tables import METADATA

WHEN = DateTime(timezone=True)

gates = Table(
    "gates",
    METADATA,
    Column("merchant_id", Uuid, ForeignKey("merchants.id"), primary_key=True),
    Column("id", Uuid, primary_key=True, server_default=func.gen_random_uuid()),
    Column("candidate_id", Text, nullable=False),
    Column("champion_id", Text, comment="what it is to replace; null where there was nothing of its kind"),
    Column("judge_id", Text, nullable=False, comment="the bundle that judges for the candidate; itself if it is one"),
    Column("exam", Text, nullable=False, comment="name in the configuration, or id of a data version"),
    Column("exam_sha256", Text, comment="over pictures and labels"),
    Column("state", Text, nullable=False, server_default="waiting"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("asked_by", Text, nullable=False),
    Column("asked_at", WHEN, nullable=False, server_default=func.clock_timestamp()),
    Column("ended_at", WHEN),
    Column("report", JSONB, comment="what it said, as python -m models gate writes it"),
    Column("pictures_sha256", Text, comment="of the zip with the pictures of the report, in the object store"),
    Column("trouble", Text, comment="why it came to no end"),
    ForeignKeyConstraint(["merchant_id", "candidate_id"], ["bundles.merchant_id", "bundles.bundle_id"]),
    ForeignKeyConstraint(["merchant_id", "champion_id"], ["bundles.merchant_id", "bundles.bundle_id"]),
    ForeignKeyConstraint(["merchant_id", "judge_id"], ["bundles.merchant_id", "bundles.bundle_id"]),
    CheckConstraint("state IN ('waiting', 'running', 'passed', 'failed', 'broken')", name="state"),
    CheckConstraint("(state IN ('passed', 'failed', 'broken')) = (ended_at IS NOT NULL)", name="ended"),
    CheckConstraint("(state IN ('passed', 'failed')) = (report IS NOT NULL)", name="report"),
    Index("gates_candidate_idx", "merchant_id", "candidate_id", "asked_at"),
)

exceptions = Table(
    "gate_exceptions",
    METADATA,
    Column("merchant_id", Uuid, primary_key=True),
    Column("gate_id", Uuid, primary_key=True, comment="the one that failed"),
    Column("reason", Text, nullable=False, comment="why it should run although it failed"),
    Column("asked_by", Uuid, nullable=False, comment="member of staff"),
    Column("asked_at", WHEN, nullable=False, server_default=func.clock_timestamp()),
    Column("decided_by", Uuid, comment="another one"),
    Column("decided_at", WHEN),
    Column("granted", Text, comment="yes or no"),
    Column("answer", Text, comment="what the second person says to it"),
    ForeignKeyConstraint(["merchant_id", "gate_id"], ["gates.merchant_id", "gates.id"]),
    ForeignKeyConstraint(["merchant_id", "asked_by"], ["staff.merchant_id", "staff.id"]),
    ForeignKeyConstraint(["merchant_id", "decided_by"], ["staff.merchant_id", "staff.id"]),
    CheckConstraint("decided_by <> asked_by", name="two_persons"),
    CheckConstraint("granted IN ('yes', 'no')", name="granted"),
    CheckConstraint(
        "(granted IS NULL) = (decided_by IS NULL) AND (granted IS NULL) = (decided_at IS NULL)", name="decided"
    ),
)
