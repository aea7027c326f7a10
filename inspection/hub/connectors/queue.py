"""The queue of a destination: in each lane one delivery at a time, in the order of events; lanes side by side."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from inspection.hub.connectors.tables import attempts, deliveries
from inspection.hub.tables import events

MAX_KEPT_RESPONSE = 2000
MAX_REASON = 500


class State(StrEnum):
    """What becomes of a delivery. All but the first are ends, which a person can undo by sending it again."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    SKIPPED = "skipped"
    DEAD = "dead"


# Written out, not bound: only so does the planner know that the partial indexes fit.
_WAITING: sa.ColumnElement[str] = sa.literal_column("'waiting'")
_BLOCKING: list[sa.ColumnElement[str]] = [_WAITING, sa.literal_column("'dead'")]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request and what came of it.

    Attributes:
        request: method and URL, without its query.
        status: of HTTP; ``None`` without an answer.
        response: how the answer begins.
        problem: why it did not do; ``None`` when it did.
    """

    request: str
    status: int | None
    duration_ms: int
    response: str
    problem: str | None = None


def due(
    connection: Connection, merchant_id: UUID, destination: str, slot: int, *, dead_block: bool, limit: int = 50
) -> list[Row[Any]]:
    """The first of each lane whose time has come, at most ``limit``.

    What is due for longest comes first: what failed was put off, so that it does not keep the others from being tried.
    """
    mine = _of_slot(merchant_id, destination, slot)
    earlier = deliveries.alias("earlier")
    before = sa.exists().where(
        earlier.c.merchant_id == deliveries.c.merchant_id,
        earlier.c.destination == deliveries.c.destination,
        earlier.c.lane == deliveries.c.lane,
        sa.or_(*[earlier.c.state == each for each in (_BLOCKING if dead_block else _BLOCKING[:1])]),
        earlier.c.event_id < deliveries.c.event_id,
    )
    ripe = deliveries.c.next_attempt_at <= sa.func.now()
    order = (deliveries.c.next_attempt_at, deliveries.c.event_id)
    query = sa.select(deliveries).where(mine, ripe, ~before).order_by(*order).limit(limit)
    return list(connection.execute(query))


def next_due(connection: Connection, merchant_id: UUID, destination: str, slot: int) -> datetime | None:
    """When the next delivery of a slot can be due, lanes aside; ``None`` when nothing waits."""
    query = sa.select(sa.func.min(deliveries.c.next_attempt_at)).where(_of_slot(merchant_id, destination, slot))
    found: datetime | None = connection.execute(query).scalar_one()
    return found


def start(connection: Connection, row: Row[Any]) -> bool:
    """Note that an attempt begins, before anything is sent; says whether the delivery still waits."""
    values = {
        "attempts": deliveries.c.attempts + 1,
        "first_attempt_at": sa.func.coalesce(deliveries.c.first_attempt_at, sa.func.now()),
    }
    waiting = sa.and_(one(row.merchant_id, row.delivery_id), deliveries.c.state == State.WAITING.value)
    return bool(connection.execute(deliveries.update().where(waiting).values(**values)).rowcount)


def save(connection: Connection, row: Row[Any], notes: dict[str, Any] | None, made: Iterable[Attempt]) -> None:
    """Keep notes (unless ``None``) and the attempts made since the last time."""
    if notes is not None:
        connection.execute(deliveries.update().where(one(row.merchant_id, row.delivery_id)).values(notes=notes))
    rows = [
        {
            "merchant_id": row.merchant_id,
            "delivery_id": row.delivery_id,
            "request": each.request[:MAX_KEPT_RESPONSE],
            "status": each.status,
            "duration_ms": each.duration_ms,
            "response": each.response[:MAX_KEPT_RESPONSE],
            "problem": each.problem and each.problem[:MAX_REASON],
        }
        for each in made
    ]
    if rows:
        connection.execute(attempts.insert(), rows)


def finish(connection: Connection, row: Row[Any], state: State, reason: str | None) -> None:
    """The delivery has ended."""
    values = {"state": state.value, "reason": reason and reason[:MAX_REASON], "finished_at": sa.func.now()}
    connection.execute(deliveries.update().where(one(row.merchant_id, row.delivery_id)).values(**values))


def put_off(connection: Connection, row: Row[Any], after_s: float, reason: str, *, counts: bool) -> None:
    """Another attempt after ``after_s``; one that does not count is not held against the message."""
    values: dict[str, Any] = {
        "next_attempt_at": sa.func.now() + timedelta(seconds=after_s),
        "reason": reason[:MAX_REASON],
    }
    if not counts:
        values["attempts"] = sa.func.greatest(deliveries.c.attempts - 1, 0)
    connection.execute(deliveries.update().where(one(row.merchant_id, row.delivery_id)).values(**values))


def superseded_by(connection: Connection, row: Row[Any], revision: int) -> int | None:
    """A later revision of the same inspection that this destination was told of, or will be."""
    later, event = deliveries.alias("later"), events
    told = sa.cast(event.c.payload["revision"].astext, sa.Integer)
    query = (
        sa.select(sa.func.max(told))
        .select_from(later.join(event, event.c.id == later.c.event_id))
        .where(
            later.c.merchant_id == row.merchant_id,
            event.c.merchant_id == row.merchant_id,
            later.c.destination == row.destination,
            later.c.subject == row.subject,
            later.c.delivery_id != row.delivery_id,
            later.c.state.in_([State.WAITING.value, State.DELIVERED.value]),
            told > revision,
        )
    )
    found: int | None = connection.execute(query).scalar_one()
    return found


def one(merchant_id: UUID, delivery_id: UUID) -> sa.ColumnElement[bool]:
    """The condition that picks one delivery."""
    return sa.and_(deliveries.c.merchant_id == merchant_id, deliveries.c.delivery_id == delivery_id)


def _of_slot(merchant_id: UUID, destination: str, slot: int) -> sa.ColumnElement[bool]:
    return sa.and_(
        deliveries.c.merchant_id == merchant_id,
        deliveries.c.destination == destination,
        deliveries.c.slot == slot,
        deliveries.c.state == _WAITING,
    )
