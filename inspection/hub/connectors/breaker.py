"""Circuit breaker of a destination, shared by all workers: after failures in a row nothing is sent for a while, then
one delivery tries, and when it succeeds, all go on."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from inspection.hub.connectors.sections import RetrySection
from inspection.hub.connectors.tables import destinations

PROBE_S = 120.0
UNUSABLE_S = 60.0
MAX_PAUSE_S = 3600.0
FRESH = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Gate:
    """Whether something may be sent.

    Attributes:
        is_open: whether it may.
        until: when to ask again; ``None`` when it may, and when a person must resume first.
        is_fresh: whether a success was noted a moment ago, and no failure since.
    """

    is_open: bool
    until: datetime | None = None
    is_fresh: bool = False


def gate(connection: Connection, merchant_id: UUID, name: str) -> Gate:
    """Whether to send now. The one that is let through to a broken destination has :data:`PROBE_S` for it."""
    mine = _mine(merchant_id, name)
    now = sa.func.now()
    row = connection.execute(sa.select(destinations, now.label("now")).where(mine)).one_or_none()
    if row is None or not row.enabled or row.paused:
        return Gate(is_open=False)
    if row.open_until is None:
        said_at = row.last_success_at
        is_fresh = not row.failures and said_at is not None and row.now - said_at < FRESH
        return Gate(is_open=True, is_fresh=is_fresh)
    if row.open_until > row.now:
        return Gate(is_open=False, until=row.open_until)
    free = sa.or_(destinations.c.probing_until.is_(None), destinations.c.probing_until <= now)
    claim = destinations.update().where(mine, destinations.c.open_until.is_not(None), free)
    claimed = connection.execute(claim.values(probing_until=now + timedelta(seconds=PROBE_S)))
    if claimed.rowcount:
        return Gate(is_open=True)
    return Gate(is_open=False, until=row.now + timedelta(seconds=1))


def succeeded(connection: Connection, merchant_id: UUID, name: str) -> None:
    """It took a message: everything may go on."""
    values = {"failures": 0, "open_until": None, "probing_until": None, "last_success_at": sa.func.now()}
    cleared = sa.case((destinations.c.paused, destinations.c.reason), else_=None)
    connection.execute(destinations.update().where(_mine(merchant_id, name)).values(**values, reason=cleared))


def released(connection: Connection, merchant_id: UUID, name: str) -> None:
    """Nothing was sent after all: another one may try."""
    mine = sa.and_(_mine(merchant_id, name), destinations.c.probing_until.is_not(None))
    connection.execute(destinations.update().where(mine).values(probing_until=None))


def took_others_since(connection: Connection, merchant_id: UUID, name: str, moment: datetime) -> bool:
    """Whether it took a message after ``moment``."""
    query = sa.select(destinations.c.last_success_at).where(_mine(merchant_id, name))
    found: datetime | None = connection.execute(query).scalar_one_or_none()
    return found is not None and found > moment


def failed(connection: Connection, merchant_id: UUID, name: str, reason: str, retry: RetrySection) -> bool:
    """It failed once more; says whether the breaker is open now."""
    mine = _mine(merchant_id, name)
    count = destinations.update().where(mine).values(failures=destinations.c.failures + 1, probing_until=None)
    failures = connection.execute(count.returning(destinations.c.failures)).scalar_one()
    if failures < retry.break_after:
        return False
    after_s = back_off_s(failures - retry.break_after, retry.break_s, retry.cap_s)
    hold(connection, merchant_id, name, after_s, reason)
    return True


def hold(connection: Connection, merchant_id: UUID, name: str, after_s: float, reason: str) -> None:
    """Send nothing for ``after_s``; a longer pause that there is already stays."""
    until = sa.func.now() + timedelta(seconds=min(max(after_s, 0.0), 86_400.0))
    values = {
        "open_until": sa.func.greatest(sa.func.coalesce(destinations.c.open_until, until), until),
        "probing_until": None,
        "reason": reason[:500],
    }
    connection.execute(destinations.update().where(_mine(merchant_id, name)).values(**values))


def pause(connection: Connection, merchant_id: UUID, name: str, reason: str) -> bool:
    """Send nothing until a person resumes it; says whether there is such a destination."""
    values = {"paused": True, "reason": reason[:500]}
    return bool(connection.execute(destinations.update().where(_mine(merchant_id, name)).values(**values)).rowcount)


def resume(connection: Connection, merchant_id: UUID, name: str) -> bool:
    """Send again, at once; says whether there is such a destination."""
    values = {"paused": False, "failures": 0, "open_until": None, "probing_until": None, "reason": None}
    return bool(connection.execute(destinations.update().where(_mine(merchant_id, name)).values(**values)).rowcount)


def back_off_s(failures: int, first_s: float, cap_s: float, chance: random.Random | None = None) -> float:
    """Wait before the next attempt: doubles from ``first_s`` to ``cap_s``, of which a random part of up to a half is
    taken off, so that many that failed together do not come back together."""
    draw = (chance or random).random()
    whole = min(first_s * 2.0 ** min(failures, 40), cap_s)
    return whole * (1 - draw / 2)


def _mine(merchant_id: UUID, name: str) -> sa.ColumnElement[Any]:
    return sa.and_(destinations.c.merchant_id == merchant_id, destinations.c.name == name)
