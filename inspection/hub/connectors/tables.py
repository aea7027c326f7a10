"""Destinations, what is to be delivered to each, what each attempt brought, and what a destination calls our things."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from inspection.hub.tables import METADATA

WAITING = text("state = 'waiting'")

destinations = Table(
    "connector_destinations",
    METADATA,
    Column("merchant_id", Uuid, ForeignKey("merchants.id"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("events", ARRAY(Text), nullable=False, comment="kinds of events that are delivered"),
    Column("parallel", Integer, nullable=False, comment="slots that deliver side by side"),
    Column("enabled", Boolean, nullable=False, comment="whether the configuration has it"),
    Column("paused", Boolean, nullable=False, server_default=text("false"), comment="until a person resumes it"),
    Column("failures", Integer, nullable=False, server_default=text("0"), comment="in a row"),
    Column("open_until", DateTime(timezone=True), comment="nothing is sent before; the circuit breaker's moment"),
    Column("probing_until", DateTime(timezone=True), comment="one delivery tries whether it answers again"),
    Column("last_success_at", DateTime(timezone=True)),
    Column("reason", Text, comment="why it is paused or open"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("parallel BETWEEN 1 AND 64", name="parallel"),
)

deliveries = Table(
    "connector_deliveries",
    METADATA,
    Column("merchant_id", Uuid, primary_key=True),
    Column("delivery_id", Uuid, primary_key=True, server_default=func.gen_random_uuid()),
    Column("destination", Text, nullable=False),
    Column("event_id", BigInteger, ForeignKey("events.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("lane", Text, nullable=False, comment="of one lane, one at a time, by event id"),
    Column("slot", Integer, nullable=False, comment="who delivers the lane"),
    Column("state", Text, nullable=False, server_default="waiting"),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("first_attempt_at", DateTime(timezone=True)),
    Column("next_attempt_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("notes", JSONB, nullable=False, server_default=text("'{}'::jsonb"), comment="steps done; see contract.py"),
    Column("reason", Text, comment="why it waits, is dead or was skipped"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("finished_at", DateTime(timezone=True)),
    UniqueConstraint("merchant_id", "destination", "event_id"),
    ForeignKeyConstraint(
        ["merchant_id", "destination"], ["connector_destinations.merchant_id", "connector_destinations.name"]
    ),
    CheckConstraint("state IN ('waiting', 'delivered', 'skipped', 'dead')", name="state"),
)
Index(
    "connector_deliveries_due_idx",
    deliveries.c.merchant_id,
    deliveries.c.destination,
    deliveries.c.slot,
    deliveries.c.next_attempt_at,
    postgresql_where=WAITING,
)
Index(
    "connector_deliveries_lane_idx",
    deliveries.c.merchant_id,
    deliveries.c.destination,
    deliveries.c.lane,
    deliveries.c.event_id,
    postgresql_where=WAITING,
)
Index(
    "connector_deliveries_subject_idx",
    deliveries.c.merchant_id,
    deliveries.c.destination,
    deliveries.c.subject,
    deliveries.c.event_id,
)
Index(
    "connector_deliveries_state_idx",
    deliveries.c.merchant_id,
    deliveries.c.destination,
    deliveries.c.state,
    deliveries.c.event_id,
)

attempts = Table(
    "connector_attempts",
    METADATA,
    Column("merchant_id", Uuid, primary_key=True),
    Column("attempt_id", BigInteger, Identity(always=True), primary_key=True),
    Column("delivery_id", Uuid, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("request", Text, nullable=False, comment="method and URL, without query"),
    Column("status", Integer, comment="of HTTP; null when there was no answer"),
    Column("duration_ms", Integer, nullable=False),
    Column("response", Text, nullable=False, comment="its beginning"),
    Column("problem", Text, comment="why it did not do; null when it did"),
    ForeignKeyConstraint(
        ["merchant_id", "delivery_id"], ["connector_deliveries.merchant_id", "connector_deliveries.delivery_id"]
    ),
)
Index("connector_attempts_delivery_idx", attempts.c.merchant_id, attempts.c.delivery_id, attempts.c.attempt_id)

references = Table(
    "connector_references",
    METADATA,
    Column("merchant_id", Uuid, primary_key=True),
    Column("destination", Text, primary_key=True),
    Column("rma", Text, primary_key=True),
    Column("gtin", Text, primary_key=True, comment="empty for the whole return"),
    Column("serial", Text, primary_key=True, comment="empty for every unit"),
    Column("ids", JSONB, nullable=False, comment="what the destination calls it"),
    ForeignKeyConstraint(
        ["merchant_id", "destination"], ["connector_destinations.merchant_id", "connector_destinations.name"]
    ),
)
