"""Looking after deliveries: lists, one with its attempts, sending again, pausing, what a destination calls our things.

For the API and the console; every function works in the caller's transaction and within one merchant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Connection, Row

from inspection.hub.connectors import breaker, configured, overview
from inspection.hub.connectors.overview import DestinationCounts
from inspection.hub.connectors.queue import State, one
from inspection.hub.connectors.tables import attempts, deliveries, destinations, references
from inspection.hub.problems import Problem
from inspection.hub.tables import events

MAX_REPLAY = 10_000


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which deliveries: all that fit everything that is said."""

    state: State | None = None
    subject: str | None = None
    before: int | None = None


def list_destinations(connection: Connection, merchant_id: UUID) -> list[DestinationCounts]:
    """All destinations with their counts."""
    return overview.counts(connection, merchant_id)


def list_deliveries(
    connection: Connection, merchant_id: UUID, destination: str, chosen: Chosen, limit: int
) -> list[Row[Any]]:
    """Deliveries of a destination, newest event first, ``before`` an event id.

    Raises:
        Problem: ``connector.unknown``.
    """
    _known(connection, merchant_id, destination)
    query = sa.select(deliveries).where(
        deliveries.c.merchant_id == merchant_id, deliveries.c.destination == destination
    )
    if chosen.state is not None:
        query = query.where(deliveries.c.state == chosen.state.value)
    if chosen.subject is not None:
        query = query.where(deliveries.c.subject == chosen.subject)
    if chosen.before is not None:
        query = query.where(deliveries.c.event_id < chosen.before)
    return list(connection.execute(query.order_by(deliveries.c.event_id.desc()).limit(limit)))


def read_delivery(
    connection: Connection, merchant_id: UUID, destination: str, delivery_id: UUID
) -> tuple[Row[Any], Sequence[Row[Any]]]:
    """One delivery and its attempts, newest first, at most 200.

    Raises:
        Problem: ``delivery.unknown``.
    """
    row = _delivery(connection, merchant_id, destination, delivery_id)
    mine = sa.and_(attempts.c.merchant_id == merchant_id, attempts.c.delivery_id == delivery_id)
    made = connection.execute(sa.select(attempts).where(mine).order_by(attempts.c.attempt_id.desc()).limit(200))
    return row, list(made)


def send_again(connection: Connection, merchant_id: UUID, destination: str, delivery_id: UUID) -> Row[Any]:
    """Have one delivery sent again, whatever became of it; its id stays the same.

    Raises:
        Problem: ``delivery.unknown``.
    """
    _delivery(connection, merchant_id, destination, delivery_id)
    _again(connection, one(merchant_id, delivery_id))
    configured.wake(connection, merchant_id, destination)
    return _delivery(connection, merchant_id, destination, delivery_id)


def send_all_again(
    connection: Connection, merchant_id: UUID, destination: str, state: State, since: datetime | None
) -> int:
    """Have deliveries of one state sent again, at most :data:`MAX_REPLAY`, oldest first; returns how many.

    Raises:
        Problem: ``connector.unknown``.
    """
    _known(connection, merchant_id, destination)
    query = sa.select(deliveries.c.delivery_id).where(
        deliveries.c.merchant_id == merchant_id,
        deliveries.c.destination == destination,
        deliveries.c.state == state.value,
    )
    if since is not None:
        query = query.where(deliveries.c.created_at >= since)
    ids = list(connection.execute(query.order_by(deliveries.c.event_id).limit(MAX_REPLAY)).scalars())
    if ids:
        _again(connection, sa.and_(deliveries.c.merchant_id == merchant_id, deliveries.c.delivery_id.in_(ids)))
        configured.wake(connection, merchant_id, destination)
    return len(ids)


def tell_of_the_past(connection: Connection, merchant_id: UUID, destination: str, since: datetime) -> int:
    """Have a destination told of events from before it was configured, oldest first; returns how many are new.

    Raises:
        Problem: ``connector.unknown``.
    """
    target = _known(connection, merchant_id, destination)
    past = (
        sa.select(events)
        .where(events.c.merchant_id == merchant_id, events.c.kind.in_(target.events), events.c.recorded_at >= since)
        .order_by(events.c.id)
        .limit(MAX_REPLAY)
        .subquery()
    )
    rma = sa.func.nullif(sa.cast(past.c.payload, JSONB)["rma"].astext, "")
    lane = sa.func.coalesce(rma, past.c.subject)
    slot = sa.cast(
        sa.func.mod(sa.func.abs(sa.cast(sa.func.hashtext(lane), sa.BigInteger)), target.parallel), sa.Integer
    )
    columns = [past.c.merchant_id, sa.literal(destination), past.c.id, past.c.kind, past.c.subject, lane, slot]
    names = ["merchant_id", "destination", "event_id", "kind", "subject", "lane", "slot"]
    insert = postgresql.insert(deliveries).from_select(names, sa.select(*columns)).on_conflict_do_nothing()
    added = connection.execute(insert.returning(deliveries.c.delivery_id)).all()
    configured.wake(connection, merchant_id, destination)
    return len(added)


def pause(connection: Connection, merchant_id: UUID, destination: str) -> DestinationCounts:
    """Send nothing there until it is resumed.

    Raises:
        Problem: ``connector.unknown``.
    """
    _known(connection, merchant_id, destination)
    breaker.pause(connection, merchant_id, destination, "paused by hand")
    return _counts(connection, merchant_id, destination)


def resume(connection: Connection, merchant_id: UUID, destination: str) -> DestinationCounts:
    """Send again, at once, also when the circuit breaker was open.

    Raises:
        Problem: ``connector.unknown``.
    """
    _known(connection, merchant_id, destination)
    breaker.resume(connection, merchant_id, destination)
    now = sa.func.now()
    waiting = sa.and_(
        deliveries.c.merchant_id == merchant_id,
        deliveries.c.destination == destination,
        deliveries.c.state == sa.literal_column("'waiting'"),
        deliveries.c.next_attempt_at > now,
    )
    connection.execute(deliveries.update().where(waiting).values(next_attempt_at=now))
    configured.wake(connection, merchant_id, destination)
    return _counts(connection, merchant_id, destination)


def refer(
    connection: Connection, merchant_id: UUID, destination: str, rma: str, rows: Sequence[dict[str, Any]]
) -> None:
    """Say what a destination calls a return and its items; replaces what was said of this return before.

    Raises:
        Problem: ``connector.unknown``.
    """
    _known(connection, merchant_id, destination)
    mine = sa.and_(
        references.c.merchant_id == merchant_id, references.c.destination == destination, references.c.rma == rma
    )
    connection.execute(references.delete().where(mine))
    key = {"merchant_id": merchant_id, "destination": destination, "rma": rma}
    if rows:
        connection.execute(references.insert(), [key | row for row in rows])


def _again(connection: Connection, which: sa.ColumnElement[bool]) -> None:
    """Only notes that begin with an underscore are kept, see contract.py."""
    kept = sa.text(
        "(SELECT coalesce(jsonb_object_agg(key, value), '{}'::jsonb) "
        "FROM jsonb_each(connector_deliveries.notes) WHERE starts_with(key, '_'))"
    )
    values = {
        "state": State.WAITING.value,
        "attempts": 0,
        "next_attempt_at": sa.func.now(),
        "finished_at": None,
        "notes": kept,
    }
    connection.execute(deliveries.update().where(which).values(**values))


def _delivery(connection: Connection, merchant_id: UUID, destination: str, delivery_id: UUID) -> Row[Any]:
    query = sa.select(deliveries).where(one(merchant_id, delivery_id), deliveries.c.destination == destination)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise Problem("delivery.unknown", f"{destination} has no such delivery")
    return row


def _known(connection: Connection, merchant_id: UUID, destination: str) -> Row[Any]:
    mine = sa.and_(destinations.c.merchant_id == merchant_id, destinations.c.name == destination)
    row = connection.execute(sa.select(destinations).where(mine)).one_or_none()
    if row is None:
        raise Problem("connector.unknown", "no destination of this name is configured")
    return row


def _counts(connection: Connection, merchant_id: UUID, destination: str) -> DestinationCounts:
    return next(each for each in overview.counts(connection, merchant_id) if each.name == destination)
