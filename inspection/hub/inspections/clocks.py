"""Stations' clocks: compared with the hub's at every report, noted, never trusted.

A station says in the header ``Date`` (RFC 9110, 6.6.1) what time it is when it sends. The difference is kept with the
report, so that its times can be read rightly years later; lists and look-ups go by the hub's own clock.
"""

from __future__ import annotations

import email.utils
from datetime import UTC, datetime
from uuid import UUID

import sqlalchemy as sa
import structlog
from pydantic import BaseModel, Field
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection

from inspection.hub.events import EventKind, record
from inspection.hub.inspections.tables import station_clocks

MAX_OFFSET_S = 1e10
log = structlog.get_logger()


class StationClock(BaseModel):
    """How a station's clock went when it last reported."""

    station_id: str
    offset_s: float = Field(description="station minus hub, seconds; the header has whole seconds")
    wrong: bool = Field(description="whether that is more than `reports.clock_tolerance_s`")
    measured_at: datetime


def offset_s(sent: str | None, now: datetime) -> float | None:
    """Seconds that the clock behind the header ``Date`` is ahead; ``None`` without a date that could be read."""
    if not sent:
        return None
    try:
        said = email.utils.parsedate_to_datetime(sent)
        said = said if said.tzinfo is not None else said.replace(tzinfo=UTC)
        offset = max(-MAX_OFFSET_S, min(MAX_OFFSET_S, round((said - now).total_seconds(), 1)))
        return offset + 0.0  # one zero: the ledger has but one spelling for it
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def note(connection: Connection, merchant_id: UUID, station_id: str, offset: float, tolerance_s: float) -> None:
    """Keep the newest difference of a station; an event when its clock goes wrong or comes right."""
    wrong = abs(offset) > tolerance_s
    table = station_clocks
    mine = sa.and_(table.c.merchant_id == merchant_id, table.c.station_id == station_id)
    before = connection.execute(sa.select(table.c.wrong).where(mine).with_for_update()).scalar_one_or_none()
    row = {"merchant_id": merchant_id, "station_id": station_id, "offset_s": offset, "wrong": wrong}
    insert = postgresql.insert(table).values(row)
    newer = {"offset_s": offset, "wrong": wrong, "measured_at": sa.func.now()}
    connection.execute(insert.on_conflict_do_update(index_elements=["merchant_id", "station_id"], set_=newer))
    if wrong != bool(before):
        payload = {"offset_s": offset, "wrong": wrong}
        record(connection, merchant_id, EventKind.STATION_CLOCK, station_id, payload)
        log.warning("station_clock", station_id=station_id, offset_s=offset, wrong=wrong)


def clocks(connection: Connection, merchant_id: UUID) -> list[StationClock]:
    """The clocks of all stations that ever said the time, by name; at most 1000."""
    query = sa.select(station_clocks).where(station_clocks.c.merchant_id == merchant_id)
    rows = connection.execute(query.order_by(station_clocks.c.station_id).limit(1000))
    return [StationClock.model_validate(row, from_attributes=True) for row in rows]
