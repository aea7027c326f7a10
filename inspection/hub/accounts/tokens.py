"""Tokens: 256 random bits, shown once, stored as SHA-256, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection

from inspection.hub.accounts.matrix import Role
from inspection.hub.accounts.tables import access_tokens, stations
from inspection.hub.tables import merchants

DEFAULT_MERCHANT = "default"


class Scope(StrEnum):
    """What a token is for."""

    STATION = "station"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    Attributes:
        token_id: the token's row; recorded with what it delivered.
        merchant_id: whose rows the caller may see and add.
        scope: what it may do.
        station_id: the only station it may report for; ``None`` for any of the merchant.
    """

    token_id: UUID
    merchant_id: UUID
    scope: Scope
    station_id: str | None

    @property
    def role(self) -> Role:
        """What the caller is in the matrix of roles and permissions."""
        return Role(self.scope.value)


def new_token(scope: Scope) -> str:
    """A fresh token. The prefix lets a person, or a scanner for leaked secrets, recognise it."""
    return f"rx-{scope.value}-{secrets.token_urlsafe(32)}"


def merchant_id(connection: Connection, name: str = DEFAULT_MERCHANT) -> UUID:
    """Id of the merchant called ``name``."""
    found: UUID = connection.execute(sa.select(merchants.c.id).where(merchants.c.name == name)).scalar_one()
    return found


def ensure_station(connection: Connection, merchant: UUID, station_id: str) -> None:
    """Make the station known when it is not."""
    row = {"merchant_id": merchant, "station_id": station_id}
    connection.execute(postgresql.insert(stations).values(row).on_conflict_do_nothing())


def grant(
    connection: Connection, merchant: UUID, token: str, scope: Scope, label: str, *, station_id: str | None = None
) -> None:
    """Let ``token`` in; a second time changes nothing."""
    if station_id is not None:
        ensure_station(connection, merchant, station_id)
    row = {
        "merchant_id": merchant,
        "station_id": station_id,
        "scope": scope.value,
        "label": label,
        "token_sha256": _digest(token),
    }
    connection.execute(postgresql.insert(access_tokens).values(row).on_conflict_do_nothing())


def revoke_others(connection: Connection, merchant: UUID, label: str, token: str) -> None:
    """Shut out every token of this label except ``token``."""
    table = access_tokens
    mine = sa.and_(table.c.merchant_id == merchant, table.c.label == label)
    other = sa.and_(table.c.token_sha256 != _digest(token), table.c.revoked_at.is_(None))
    connection.execute(table.update().where(mine, other).values(revoked_at=sa.func.now()))


def authenticate(connection: Connection, token: str) -> Caller | None:
    """Who ``token`` stands for, or ``None`` when it is unknown or revoked."""
    table = access_tokens
    digest = _digest(token)
    row = connection.execute(sa.select(table).where(table.c.token_sha256 == digest)).one_or_none()
    if row is None or not hmac.compare_digest(row.token_sha256, digest) or row.revoked_at is not None:
        return None
    return Caller(row.id, row.merchant_id, Scope(row.scope), row.station_id)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
