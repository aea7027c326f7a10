"""Sessions of staff: opened by a sign-in, listed, revoked. Kept in the database; the browser holds only the token."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from inspection.hub.accounts import clock
from inspection.hub.accounts.hashing import digest
from inspection.hub.accounts.tables import access_tokens, staff
from inspection.hub.accounts.tokens import Kind, is_live, new_token
from inspection.hub.problems import Problem

KINDS = (Kind.SESSION, Kind.BADGE)


def begin(
    connection: Connection,
    person: sa.Row[Any],
    kind: Kind,
    longest: timedelta,
    *,
    idle: timedelta | None = None,
    station_id: str | None = None,
    source: str | None = None,
) -> tuple[str, sa.Row[Any]]:
    """A new session of ``person``: its token, which is nowhere else, and its row."""
    token, now = new_token(person.role, kind), clock.now(connection)
    row = {
        "merchant_id": person.merchant_id,
        "station_id": station_id,
        "scope": person.role,
        "label": kind.value,
        "token_sha256": digest(token),
        "created_at": now,
        "kind": kind.value,
        "staff_id": person.id,
        "expires_at": now + longest,
        "idle_s": None if idle is None else int(idle.total_seconds()),
        "last_used_at": now,
        "source": source,
    }
    return token, connection.execute(access_tokens.insert().values(row).returning(access_tokens)).one()


def listed(connection: Connection, merchant_id: UUID, staff_id: UUID) -> list[sa.Row[Any]]:
    """The sessions of one person that still let in, newest first."""
    table = access_tokens
    columns = sa.select(table, staff.c.disabled_at, clock.sql().label("now")).join_from(table, staff, _owner())
    query = columns.where(
        table.c.merchant_id == merchant_id, table.c.staff_id == staff_id, table.c.revoked_at.is_(None)
    )
    return [row for row in connection.execute(query.order_by(table.c.created_at.desc())) if is_live(row, row.now)]


def revoke(connection: Connection, merchant_id: UUID, session_id: UUID, *, of: UUID | None = None) -> None:
    """End one session, of anybody or only ``of`` one person; a second time changes nothing.

    Raises:
        Problem: ``session.unknown``.
    """
    table = access_tokens
    mine = [table.c.merchant_id == merchant_id, table.c.id == session_id, table.c.staff_id.is_not(None)]
    if of is not None:
        mine.append(table.c.staff_id == of)
    ended = sa.func.coalesce(table.c.revoked_at, clock.sql())
    if connection.execute(table.update().where(*mine).values(revoked_at=ended)).rowcount == 0:
        raise Problem("session.unknown", "there is no such session")


def revoke_all(connection: Connection, merchant_id: UUID, staff_id: UUID, *, spare: UUID | None = None) -> int:
    """End all sessions of one person but one; how many that were."""
    table = access_tokens
    mine = [table.c.merchant_id == merchant_id, table.c.staff_id == staff_id, table.c.revoked_at.is_(None)]
    if spare is not None:
        mine.append(table.c.id != spare)
    return connection.execute(table.update().where(*mine).values(revoked_at=clock.sql())).rowcount


def _owner() -> sa.ColumnElement[bool]:
    return sa.and_(staff.c.merchant_id == access_tokens.c.merchant_id, staff.c.id == access_tokens.c.staff_id)
