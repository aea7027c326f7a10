"""How destinations are doing, in numbers: for metrics, the console and the API."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from inspection.hub.connectors.queue import State
from inspection.hub.connectors.tables import deliveries, destinations


@dataclass(frozen=True, slots=True)
class DestinationCounts:
    """One destination.

    Attributes:
        shut: whether nothing is sent to it now; ``reason`` says why, ``open_until`` for how long.
        oldest_s: age of the oldest delivery that waits, in seconds; 0 when none does.
    """

    merchant_id: UUID
    name: str
    kind: str
    events: list[str]
    enabled: bool
    paused: bool
    shut: bool
    open_until: datetime | None
    failures: int
    last_success_at: datetime | None
    reason: str | None
    waiting: int
    dead: int
    oldest_s: float


def counts(connection: Connection, merchant_id: UUID | None = None) -> list[DestinationCounts]:
    """All destinations by name; of one merchant, or for the operator's metrics of all."""
    now = sa.func.now()
    open_ends = [State.WAITING.value, State.DEAD.value]
    its = (
        sa.select(
            deliveries.c.merchant_id,
            deliveries.c.destination,
            sa.func.count().filter(deliveries.c.state == State.WAITING.value).label("waiting"),
            sa.func.count().filter(deliveries.c.state == State.DEAD.value).label("dead"),
            sa.func.min(deliveries.c.created_at).filter(deliveries.c.state == State.WAITING.value).label("oldest"),
        )
        .where(deliveries.c.state.in_(open_ends))
        .group_by(deliveries.c.merchant_id, deliveries.c.destination)
        .subquery()
    )
    on = sa.and_(its.c.merchant_id == destinations.c.merchant_id, its.c.destination == destinations.c.name)
    query = (
        sa.select(
            destinations,
            sa.func.coalesce(its.c.waiting, 0).label("waiting"),
            sa.func.coalesce(its.c.dead, 0).label("dead"),
            sa.func.coalesce(sa.extract("epoch", now - its.c.oldest), 0).label("oldest_s"),
            sa.or_(destinations.c.paused, sa.func.coalesce(destinations.c.open_until > now, sa.false())).label("shut"),
        )
        .select_from(destinations.outerjoin(its, on))
        .order_by(destinations.c.name)
    )
    if merchant_id is not None:
        query = query.where(destinations.c.merchant_id == merchant_id)
    names = DestinationCounts.__dataclass_fields__
    return [
        DestinationCounts(
            **{name: getattr(row, name) for name in names if name != "oldest_s"}, oldest_s=float(row.oldest_s)
        )
        for row in connection.execute(query)
    ]
