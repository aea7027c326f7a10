"""Tokens: 256 random bits, shown once, stored as SHA-256, compared in constant time.

A token is one of four kinds: a *token* that an administrator made, a station's *credential*, and of a member of staff
the *session* at a console or the one that a *badge* opened at a station.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection

from inspection.hub.accounts import clock
from inspection.hub.accounts.hashing import digest
from inspection.hub.accounts.matrix import Role
from inspection.hub.accounts.tables import access_tokens, staff, stations
from inspection.hub.tables import merchants

DEFAULT_MERCHANT = "default"
USED_EVERY = timedelta(minutes=1)
"""The last use is written down no finer than this, so that reading costs no writing."""
SKEW = timedelta(minutes=5)
"""A session from further in the future than this was made by a clock that was wrong, and is over."""
Scope = Role
"""What a token is for: the role it stands for."""


class Kind(StrEnum):
    """What a row of ``access_tokens`` is."""

    TOKEN = "token"  # noqa: S105 - a kind, no password
    CREDENTIAL = "credential"
    SESSION = "session"
    BADGE = "badge"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    Attributes:
        token_id: the token's row; recorded with what it delivered.
        merchant_id: whose rows the caller may see and add.
        scope: the role the caller has now.
        station_id: the only station it may report for; ``None`` for any of the merchant.
        kind: what it showed.
        staff_id: the member of staff; ``None`` for a device or program.
        language: the member's language tag, when known.
    """

    token_id: UUID
    merchant_id: UUID
    scope: Role
    station_id: str | None
    kind: Kind = Kind.TOKEN
    staff_id: UUID | None = None
    language: str | None = None

    @property
    def role(self) -> Role:
        """What the caller is in the matrix of roles and permissions."""
        return self.scope


def new_token(scope: Role, kind: Kind = Kind.TOKEN) -> str:
    """A fresh token. The prefix lets a person, or a scanner for leaked secrets, recognise it."""
    return f"rx-{scope.value if kind is Kind.TOKEN else kind.value}-{secrets.token_urlsafe(32)}"


def merchant_id(connection: Connection, name: str = DEFAULT_MERCHANT) -> UUID:
    """Id of the merchant called ``name``."""
    found: UUID = connection.execute(sa.select(merchants.c.id).where(merchants.c.name == name)).scalar_one()
    return found


def ensure_station(connection: Connection, merchant: UUID, station_id: str) -> None:
    """Make the station known when it is not."""
    row = {"merchant_id": merchant, "station_id": station_id}
    connection.execute(postgresql.insert(stations).values(row).on_conflict_do_nothing())


def grant(
    connection: Connection, merchant: UUID, token: str, scope: Role, label: str, *, station_id: str | None = None
) -> None:
    """Let ``token`` in; a second time changes nothing."""
    if station_id is not None:
        ensure_station(connection, merchant, station_id)
    row = {
        "merchant_id": merchant,
        "station_id": station_id,
        "scope": scope.value,
        "label": label,
        "token_sha256": digest(token),
    }
    connection.execute(postgresql.insert(access_tokens).values(row).on_conflict_do_nothing())


def revoke_others(connection: Connection, merchant: UUID, label: str, token: str) -> None:
    """Shut out every token of this label except ``token``."""
    table = access_tokens
    mine = sa.and_(table.c.merchant_id == merchant, table.c.label == label)
    other = sa.and_(table.c.token_sha256 != digest(token), table.c.revoked_at.is_(None))
    connection.execute(table.update().where(mine, other).values(revoked_at=sa.func.now()))


def authenticate(connection: Connection, token: str) -> Caller | None:
    """Who ``token`` stands for, or ``None`` when it is unknown, revoked or over, or its owner is shut out."""
    table, wanted = access_tokens, digest(token)
    person = sa.and_(staff.c.merchant_id == table.c.merchant_id, staff.c.id == table.c.staff_id)
    columns = sa.select(table, staff.c.role, staff.c.language, staff.c.disabled_at, clock.sql().label("now"))
    query = columns.join_from(table, staff, person, isouter=True).where(table.c.token_sha256 == wanted)
    row = connection.execute(query).one_or_none()
    if row is None or not hmac.compare_digest(row.token_sha256, wanted) or not is_live(row, row.now):
        return None
    if row.last_used_at is None or row.now - row.last_used_at >= USED_EVERY or row.last_used_at > row.now + SKEW:
        # Of several at once one writes; nobody waits for a row that another holds.
        free = sa.select(table.c.id).where(table.c.id == row.id).with_for_update(skip_locked=True).scalar_subquery()
        connection.execute(table.update().where(table.c.id == free).values(last_used_at=row.now))
    return Caller(
        row.id,
        row.merchant_id,
        Role(row.role or row.scope),
        row.station_id,
        Kind(row.kind),
        row.staff_id,
        row.language,
    )


def is_live(row: sa.Row[Any], now: datetime) -> bool:
    """Whether a row of ``access_tokens``, with ``disabled_at`` of its member of staff, still lets in."""
    if row.revoked_at is not None or row.disabled_at is not None:
        return False
    if row.expires_at is not None and now >= row.expires_at:
        return False
    if row.staff_id is None:
        return True
    if row.created_at > now + SKEW:
        return False
    used = row.last_used_at or row.created_at
    return row.idle_s is None or now - used < timedelta(seconds=row.idle_s)
