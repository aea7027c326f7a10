"""Keeping what stations say of themselves, and reading it beside what of their work is on hold."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel, Field
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection

from inspection.hub.accounts import clock
from inspection.hub.accounts.tables import stations
from inspection.hub.accounts.tokens import Caller, ensure_station
from inspection.hub.inspections.reading import NEWEST
from inspection.hub.inspections.tables import inspections
from inspection.hub.problems import Problem
from inspection.hub.stations.settings import StationsSection
from inspection.hub.stations.tables import station_status
from inspection.station_status import StationStatus
from inspection.verdict import Disposition

MOST = 500
"""Stations told of at once."""


class Holds(BaseModel):
    """Items of one station about which nobody has decided yet."""

    items: int = 0
    oldest_at: datetime | None = Field(default=None, description="when the hub got the oldest of them")
    due_at: datetime | None = Field(default=None, description="when that one should have been decided about")
    overdue: bool = False


class LiveStation(BaseModel):
    """One station as it is now."""

    station_id: str
    last_seen_at: datetime | None = Field(description="when it last said how it does; null: never")
    silent: bool = Field(description="whether that is longer ago than `stations.silent_after_min`")
    state_since: datetime | None = None
    status: StationStatus | None = Field(description="what it said last; null: nothing yet")
    holds: Holds = Holds()


class Floor(BaseModel):
    """All stations of a merchant, by name."""

    at: datetime
    stations: list[LiveStation]
    more: int = Field(default=0, description="stations beyond the first 500")


def keep(connection: Connection, caller: Caller, station_id: str, status: StationStatus) -> None:
    """Put ``status`` in the place of the station's last one.

    Raises:
        Problem: ``station.mismatch``.
    """
    if caller.station_id is not None and caller.station_id != station_id:
        raise Problem("station.mismatch", f"this token reports for station {caller.station_id} only")
    ensure_station(connection, caller.merchant_id, station_id)
    now = clock.sql()
    row: dict[str, Any] = {
        "status": status.model_dump(mode="json"),
        "state_since": now - sa.literal(timedelta(seconds=status.state_s), sa.Interval),
        "received_at": now,
    }
    insert = postgresql.insert(station_status).values(
        row | {"merchant_id": caller.merchant_id, "station_id": station_id}
    )
    connection.execute(insert.on_conflict_do_update(index_elements=["merchant_id", "station_id"], set_=row))


def floor(connection: Connection, merchant_id: UUID, section: StationsSection) -> Floor:
    """Every station of the merchant now."""
    now: datetime = connection.execute(sa.select(clock.sql())).scalar_one()
    own = sa.and_(
        station_status.c.merchant_id == stations.c.merchant_id, station_status.c.station_id == stations.c.station_id
    )
    columns = (stations.c.station_id, station_status.c.status, station_status.c.state_since)
    query = (
        sa.select(*columns, station_status.c.received_at)
        .join_from(stations, station_status, own, isouter=True)
        .where(stations.c.merchant_id == merchant_id)
        .order_by(stations.c.station_id)
    )
    rows = connection.execute(query.limit(MOST)).all()
    total: int = connection.execute(
        sa.select(sa.func.count()).select_from(stations).where(stations.c.merchant_id == merchant_id)
    ).scalar_one()
    held = _holds(connection, merchant_id, now, timedelta(hours=section.hold_due_h))
    silence = timedelta(minutes=section.silent_after_min)
    return Floor(
        at=now,
        stations=[
            LiveStation(
                station_id=row.station_id,
                last_seen_at=row.received_at,
                silent=row.received_at is not None and now - row.received_at > silence,
                state_since=row.state_since,
                status=None if row.status is None else _read(row.status),
                holds=held.get(row.station_id, Holds()),
            )
            for row in rows
        ],
        more=max(0, total - len(rows)),
    )


def _holds(connection: Connection, merchant_id: UUID, now: datetime, due: timedelta) -> dict[str, Holds]:
    """What is on hold by station; an inspection counts by its newest revision."""
    table = inspections
    query = (
        sa.select(table.c.station_id, sa.func.count().label("items"), sa.func.min(table.c.received_at).label("oldest"))
        .where(table.c.merchant_id == merchant_id, table.c.disposition == Disposition.HOLD.value, NEWEST)
        .group_by(table.c.station_id)
    )
    return {
        row.station_id: Holds(
            items=row.items, oldest_at=row.oldest, due_at=row.oldest + due, overdue=now > row.oldest + due
        )
        for row in connection.execute(query)
    }


def _read(status: dict[str, Any]) -> StationStatus:
    """A kept status; members that a later station added and this hub never took in cannot be there."""
    return StationStatus.model_validate(status)
