"""Bringing the destinations of the configuration into the database, where events find them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection

from inspection.hub.connectors.config import ConnectorsConfig
from inspection.hub.connectors.queue import State
from inspection.hub.connectors.tables import deliveries, destinations
from inspection.hub.jobs.enqueue import enqueue

TASK = "connectors.deliver"
QUEUE = "connectors"
SUBSCRIPTION = "epcis-subscription"
"""Kind of the destinations that no configuration names: subscriptions of EPCIS queries."""
LOCK = 0x636F6E66  # "conf"; any number will do, as long as every process takes the same


def configure(connection: Connection, merchant_id: UUID, config: ConnectorsConfig) -> None:
    """Make the database know what ``config`` says; what it does not name any more gets no new deliveries.

    A destination that is new hears of events from now on. What waits for one that was taken out stays, and goes on
    when it is back.
    """
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK, sa.func.hashtext(str(merchant_id)))))
    mine = destinations.c.merchant_id == merchant_id
    before = {row.name: row for row in connection.execute(sa.select(destinations).where(mine))}
    for name, section in config.destinations.items():
        values = {
            "kind": section.kind,
            "events": [each.value for each in section.events],
            "parallel": section.parallel,
            "enabled": True,
        }
        insert = postgresql.insert(destinations).values(merchant_id=merchant_id, name=name, **values)
        connection.execute(insert.on_conflict_do_update(index_elements=["merchant_id", "name"], set_=values))
        known = before.get(name)
        if known is not None and known.parallel != section.parallel:
            _share_anew(connection, merchant_id, name, section.parallel)
    gone = [name for name, row in before.items() if name not in config.destinations and row.kind != SUBSCRIPTION]
    if gone:
        connection.execute(destinations.update().where(mine, destinations.c.name.in_(gone)).values(enabled=False))
    wake(connection, merchant_id)


def wake(connection: Connection, merchant_id: UUID | None = None, name: str | None = None) -> int:
    """Add a job for every slot in which something is due and none waits; returns in how many something is due.

    A job may have been over just before a delivery of another transaction could be seen; this finds what was missed.
    """
    due = sa.and_(
        deliveries.c.state == sa.literal_column("'waiting'"),
        deliveries.c.next_attempt_at <= sa.func.now(),
        destinations.c.enabled,
        ~destinations.c.paused,
        sa.func.coalesce(destinations.c.open_until <= sa.func.now(), sa.true()),
    )
    on = sa.and_(
        deliveries.c.merchant_id == destinations.c.merchant_id, deliveries.c.destination == destinations.c.name
    )
    query = (
        sa.select(deliveries.c.merchant_id, deliveries.c.destination, deliveries.c.slot)
        .select_from(deliveries.join(destinations, on))
        .where(due)
        .distinct()
    )
    if merchant_id is not None:
        query = query.where(deliveries.c.merchant_id == merchant_id)
    if name is not None:
        query = query.where(deliveries.c.destination == name)
    slots = list(connection.execute(query))
    for row in slots:
        enqueue_slot(connection, row.merchant_id, row.destination, row.slot)
    return len(slots)


def enqueue_slot(connection: Connection, merchant_id: UUID, name: str, slot: int, at: datetime | None = None) -> None:
    """Have a slot delivered; nothing is added when that is planned already."""
    enqueue(
        connection,
        TASK,
        {"destination": name, "slot": slot},
        merchant_id=merchant_id,
        lock=f"connectors/{merchant_id}/{name}/{slot}",
        queue=QUEUE,
        once=True,
        at=at,
    )


def _share_anew(connection: Connection, merchant_id: UUID, name: str, parallel: int) -> None:
    mine = sa.and_(deliveries.c.merchant_id == merchant_id, deliveries.c.destination == name)
    slot = sa.func.mod(sa.func.abs(sa.cast(sa.func.hashtext(deliveries.c.lane), sa.BigInteger)), parallel)
    waiting = deliveries.c.state == State.WAITING.value
    connection.execute(deliveries.update().where(mine, waiting).values(slot=sa.cast(slot, sa.Integer)))
