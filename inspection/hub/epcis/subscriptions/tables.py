"""Subscriptions, and what was stored since a scheduled one was last told."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    Table,
    Text,
    Uuid,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB

from inspection.hub.tables import METADATA

subscriptions = Table(
    "epcis_subscriptions",
    METADATA,
    Column("merchant_id", Uuid, primary_key=True),
    Column("subscription_id", Uuid, primary_key=True, server_default=func.gen_random_uuid()),
    Column("query_name", Text(collation="C"), nullable=False),
    Column("dest", Text, nullable=False),
    Column("token", LargeBinary, comment="what it is signed with, encrypted with the key that wraps pictures' keys"),
    Column("stream", Boolean, nullable=False, comment="told as events are stored; otherwise by its schedule"),
    Column("schedule", JSONB(none_as_null=True)),
    Column("next_at", DateTime(timezone=True), comment="when its schedule comes next"),
    Column("report_if_empty", Boolean, nullable=False),
    Column("initial_record_time", DateTime(timezone=True)),
    Column("epc_format", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("created_via", Uuid, ForeignKey("access_tokens.id"), nullable=False),
    ForeignKeyConstraint(["merchant_id", "query_name"], ["epcis_queries.merchant_id", "epcis_queries.name"]),
    CheckConstraint("stream = (schedule IS NULL) AND stream = (next_at IS NULL)", name="schedule"),
    Index("epcis_subscriptions_query_idx", "merchant_id", "query_name"),
)

pending = Table(
    "epcis_pending",
    METADATA,
    Column("merchant_id", Uuid, primary_key=True),
    Column("subscription_id", Uuid, primary_key=True),
    Column("seq", BigInteger, primary_key=True, comment="of an event that was stored since"),
    ForeignKeyConstraint(
        ["merchant_id", "subscription_id"],
        ["epcis_subscriptions.merchant_id", "epcis_subscriptions.subscription_id"],
        ondelete="CASCADE",
    ),
)
