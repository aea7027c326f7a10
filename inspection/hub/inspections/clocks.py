"""Stations' clocks: compared with the hub's at every report, noted, never trusted.

A station says in the header ``Date`` (RFC 9110, 6.6.1) what time it is when it sends. The difference is kept with the
report, so that its times can be read rightly years later; lists and look-ups go by the hub's own clock.
"""

from __future__ import annotations

import email.utils
from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

import sqlalchemy as sa
import structlog
from pydantic import BaseModel, Field
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Connection

from inspection.hub.events import EventKind, record
from inspection.hub.inspections.tables import station_clocks

MAX_OFFSET_S = 1e10
_MERCHANT, _STATIONS = sa.bindparam("merchant_id", type_=sa.Uuid), sa.bindparam("stations", type_=ARRAY(sa.Text))
_BEFORE = sa.text(
    """
    SELECT station_id, wrong FROM station_clocks WHERE merchant_id = :merchant_id AND station_id = ANY(:stations)
    ORDER BY station_id FOR UPDATE
    """
).bindparams(_MERCHANT, _STATIONS)
_KEEP = sa.text(
    """
    INSERT INTO station_clocks (merchant_id, station_id, offset_s, wrong)
    SELECT :merchant_id, * FROM unnest(:stations, :offsets, :wrong)
    ON CONFLICT (merchant_id, station_id)
    DO UPDATE SET offset_s = excluded.offset_s, wrong = excluded.wrong, measured_at = now()
    """
).bindparams(
    _MERCHANT,
    _STATIONS,
    sa.bindparam("offsets", type_=ARRAY(sa.Double)),
    sa.bindparam("wrong", type_=ARRAY(sa.Boolean)),
)
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


def note(connection: Connection, merchant_id: UUID, offsets: Mapping[str, float], tolerance_s: float) -> None:
    """Keep the newest difference of each station; an event when its clock goes wrong or comes right.

    Args:
        connection: a transaction.
        merchant_id: whose stations they are.
        offsets: seconds by station; in order of their names, so that no two transactions can block each other.
        tolerance_s: a larger difference is wrong.
    """
    if not offsets:
        return
    stations = sorted(offsets)
    told = {"merchant_id": merchant_id, "stations": stations}
    before = {row.station_id: row.wrong for row in connection.execute(_BEFORE, told)}
    wrong = {each: abs(offsets[each]) > tolerance_s for each in stations}
    rows = {"offsets": [offsets[each] for each in stations], "wrong": [wrong[each] for each in stations]}
    connection.execute(_KEEP, told | rows)
    for each in stations:
        if wrong[each] != before.get(each, False):
            payload = {"offset_s": offsets[each], "wrong": wrong[each]}
            record(connection, merchant_id, EventKind.STATION_CLOCK, each, payload)
            log.warning("station_clock", station_id=each, offset_s=offsets[each], wrong=wrong[each])


def clocks(connection: Connection, merchant_id: UUID) -> list[StationClock]:
    """The clocks of all stations that ever said the time, by name; at most 1000."""
    query = sa.select(station_clocks).where(station_clocks.c.merchant_id == merchant_id)
    rows = connection.execute(query.order_by(station_clocks.c.station_id).limit(1000))
    return [StationClock.model_validate(row, from_attributes=True) for row in rows]
