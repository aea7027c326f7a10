"""Alarms, standings and trends as they are shown."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from inspection.hub.accounts import clock
from inspection.hub.drift.figures import FIGURES
from inspection.hub.drift.schemas import Alarm, StreamStanding, Trend
from inspection.hub.drift.tables import alarms, observations
from inspection.hub.problems import Problem

MOST = 200
TREND_DAYS = 45

_STANDINGS = sa.text(
    """
    SELECT DISTINCT ON (station_id, goods, figure) station_id, goods, figure, basis, first_day, last_day,
        CAST(state ->> 'seen' AS integer) AS items,
        CASE WHEN jsonb_typeof(state -> 'alarm') <> 'null' THEN 'alarm'
            WHEN jsonb_array_length(state -> 'bets') > 0 THEN 'watching' ELSE 'learning' END AS state
    FROM drift_streams WHERE merchant_id = :merchant_id
    ORDER BY station_id, goods, figure, last_number DESC LIMIT 5000
    """
).bindparams(sa.bindparam("merchant_id", type_=sa.Uuid))


def newest(connection: Connection, merchant_id: UUID, *, is_open: bool | None = None) -> list[Alarm]:
    """The newest 200 alarms; only open or closed ones when asked."""
    query = sa.select(alarms).where(alarms.c.merchant_id == merchant_id)
    if is_open is not None:
        query = query.where(alarms.c.closed_at.is_(None) if is_open else alarms.c.closed_at.is_not(None))
    rows = connection.execute(query.order_by(alarms.c.opened_at.desc(), alarms.c.id).limit(MOST))
    return [Alarm.model_validate(row, from_attributes=True) for row in rows]


def find(connection: Connection, merchant_id: UUID, alarm_id: UUID) -> Row[Any]:
    """The row of one alarm, locked.

    Raises:
        Problem: ``drift.unknown``.
    """
    mine = sa.and_(alarms.c.merchant_id == merchant_id, alarms.c.id == alarm_id)
    row = connection.execute(sa.select(alarms).where(mine).with_for_update()).one_or_none()
    if row is None:
        raise Problem("drift.unknown", "no alarm has this id")
    return row


def standings(connection: Connection, merchant_id: UUID) -> list[StreamStanding]:
    """How every figure stands, of its newest basis."""
    return [
        StreamStanding(
            station_id=row.station_id,
            goods=row.goods,
            figure=row.figure,
            basis=row.basis,
            state=row.state,
            items=row.items,
            since=row.first_day,
            until=row.last_day,
        )
        for row in connection.execute(_STANDINGS, {"merchant_id": merchant_id})
    ]


def trends(connection: Connection, merchant_id: UUID, station_id: str, goods: str) -> list[Trend]:
    """The mean of each figure by day, of the last 45 days."""
    table = observations
    since = clock.now(connection).date() - timedelta(days=TREND_DAYS)
    here = sa.and_(
        table.c.merchant_id == merchant_id,
        table.c.station_id == station_id,
        table.c.goods == goods,
        table.c.day >= since,
    )
    means = [sa.func.avg(table.c.figures[name][0].astext.cast(sa.Float)).label(name) for name in FIGURES]
    query = sa.select(table.c.day, sa.func.count().label("items"), *means).where(here)
    rows = connection.execute(query.group_by(table.c.day).order_by(table.c.day)).all()
    return [_trend(name, [(row.day, row.items, getattr(row, name)) for row in rows]) for name in FIGURES]


def _trend(name: str, days: list[tuple[date, int, float | None]]) -> Trend:
    known = [(day, items, mean) for day, items, mean in days if mean is not None]
    return Trend(
        figure=name,
        days=[day for day, _, _ in known],
        means=[mean for _, _, mean in known],
        items=[items for _, items, _ in known],
    )
