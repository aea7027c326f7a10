"""Brakes on guessing, in PostgreSQL, so that they hold for all processes together.

An attempt is counted before it is checked: however many come at once, no more than allowed get as far as a check.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection

from inspection.hub.accounts import clock
from inspection.hub.accounts.hashing import digest
from inspection.hub.accounts.tables import sign_in_attempts
from inspection.hub.database import Database
from inspection.hub.problems import Problem

FORGOTTEN_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Brake:
    """How often one subject may be tried.

    Attributes:
        subject: what is counted.
        free: attempts in one window that cost nothing; the last of them locks.
        window: after so long without success counting begins anew.
        lock: how long the first lock lasts; each further attempt doubles it.
        longest: the longest lock.
        forgiven: whether success clears it.
    """

    subject: str
    free: int
    window: timedelta
    lock: timedelta
    longest: timedelta
    forgiven: bool


def account(kind: str, typed: str) -> Brake:
    """Of an account, by what is typed or scanned for it, whether it exists or not."""
    minute = timedelta(minutes=1)
    return Brake(f"{kind}/{digest(typed)}", 5, timedelta(hours=1), minute, 15 * minute, forgiven=True)


def place(kind: str, name: str, free: int = 30) -> Brake:
    """Of a place that attempts come from: a station, a network address."""
    minutes = timedelta(minutes=5)
    return Brake(f"{kind}/{name[:100]}", free, minutes, minutes, minutes, forgiven=False)


def admit(database: Database, merchant_id: UUID, brakes: Sequence[Brake]) -> None:
    """Count one attempt against each brake.

    Raises:
        Problem: ``sign_in.locked`` with ``Retry-After`` when one of them holds; nothing is counted then.
    """
    with database.transaction() as connection:
        wait = _admit(connection, merchant_id, brakes)
    if wait is not None:
        seconds = max(1, round(wait.total_seconds() + 0.5))
        raise Problem(
            "sign_in.locked", f"too many attempts; try again in {seconds} s", headers={"Retry-After": f"{seconds}"}
        )


def forgive(connection: Connection, merchant_id: UUID, brakes: Sequence[Brake]) -> None:
    """After success: let go of the brakes that success clears."""
    table = sign_in_attempts
    subjects = [each.subject for each in brakes if each.forgiven]
    connection.execute(table.delete().where(table.c.merchant_id == merchant_id, table.c.subject.in_(subjects)))


def _admit(connection: Connection, merchant_id: UUID, brakes: Sequence[Brake]) -> timedelta | None:
    table = sign_in_attempts
    mine = table.c.merchant_id == merchant_id
    now = clock.now(connection)
    connection.execute(table.delete().where(mine, table.c.started_at < now - FORGOTTEN_AFTER))
    ordered = sorted(brakes, key=lambda each: each.subject)  # all lock in one order, so that none waits in a ring
    fresh = {"merchant_id": merchant_id, "attempts": 0, "started_at": now}
    for brake in ordered:
        row = fresh | {"subject": brake.subject}
        connection.execute(postgresql.insert(table).values(row).on_conflict_do_nothing())
    names = [each.subject for each in ordered]
    query = sa.select(table).where(mine, table.c.subject.in_(names)).order_by(table.c.subject).with_for_update()
    rows = {row.subject: row for row in connection.execute(query)}
    now = clock.now(connection)  # we may have waited
    states = {each.subject: _next(each, rows[each.subject], now) for each in ordered if each.subject in rows}
    waits = [state for state in states.values() if isinstance(state, timedelta)]
    if waits:
        return max(waits)
    for subject, state in states.items():
        if isinstance(state, dict):
            connection.execute(table.update().where(mine, table.c.subject == subject).values(state))
    return None


def _next(brake: Brake, row: sa.Row[tuple[object, ...]], now: datetime) -> dict[str, object] | timedelta:
    """The row after one more attempt; or how long to wait. A lock from a clock that went wrong ends in good time."""
    started, attempts, until = row.started_at, row.attempts, row.locked_until
    if until is not None and now < until <= now + brake.longest:
        return until - now  # type: ignore[no-any-return]
    if not started <= now < started + brake.window:
        started, attempts = now, 0
    attempts += 1
    locked = None
    if attempts >= brake.free:
        locked = now + min(brake.lock * 2 ** min(attempts - brake.free, 16), brake.longest)
    return {"started_at": started, "attempts": attempts, "locked_until": locked}
