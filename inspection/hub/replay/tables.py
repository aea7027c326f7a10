"""Replays, and what each of their inspections came to; a row without an outcome is still to be done."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Float,
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

replays = Table(
    "replays",
    METADATA,
    Column("merchant_id", Uuid, ForeignKey("merchants.id"), primary_key=True),
    Column("id", Uuid, primary_key=True, server_default=func.gen_random_uuid()),
    Column("asked_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("asked_by", Text, nullable=False, comment="id of a member of staff or token, or: command line"),
    Column("since", DateTime(timezone=True), nullable=False, comment="received by the hub from then on"),
    Column("until", DateTime(timezone=True), nullable=False, comment="and before"),
    Column("as_of", Date, nullable=False, comment="rules in effect on this day count"),
    Column("bundle", Text, comment="id, or the folder that the command line named; null: rules only"),
    Column("rules", Text, nullable=False, comment="the policy file"),
    Column("rules_version", Text, nullable=False),
    Column("rules_asked", Text, nullable=False, comment="given: the question is about rules; default: it is not"),
    Column("engine", Text, nullable=False),
    Column("state", Text, nullable=False, server_default="waiting"),
    Column("total", Integer, nullable=False),
    Column("started_at", DateTime(timezone=True)),
    Column("ended_at", DateTime(timezone=True)),
    Column("busy_s", Float, nullable=False, server_default="0", comment="time spent, over all runs"),
    Column("failure", Text, comment="why it ended early"),
    Column("summary", JSONB, comment="what it came to, once done"),
    CheckConstraint("state IN ('waiting', 'running', 'done', 'cancelled', 'failed')", name="state"),
    CheckConstraint("engine IN ('pool', 'ray')", name="engine"),
    CheckConstraint("rules_asked IN ('given', 'default')", name="rules_asked"),
    CheckConstraint("since < until", name="since"),
    CheckConstraint("(state = 'done') = (summary IS NOT NULL)", name="summary"),
    Index("replays_asked_idx", "merchant_id", "asked_at", "id"),
)

replay_items = Table(
    "replay_items",
    METADATA,
    Column("merchant_id", Uuid, primary_key=True),
    Column("replay_id", Uuid, primary_key=True),
    Column("position", Integer, primary_key=True, comment="from 0, in the order of their reports"),
    Column("inspection_id", Uuid, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("outcome", Text, comment="same, changed, skipped; null: to be done"),
    Column("reason", Text, comment="why it was skipped"),
    Column("result", JSONB),
    ForeignKeyConstraint(["merchant_id", "replay_id"], ["replays.merchant_id", "replays.id"]),
    CheckConstraint("outcome IN ('same', 'changed', 'skipped')", name="outcome"),
    CheckConstraint("(outcome IS NOT NULL) = (num_nonnulls(reason, result) = 1)", name="result"),
    Index("replay_items_outcome_idx", "merchant_id", "replay_id", "outcome", "position"),
)
