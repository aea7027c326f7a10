"""Stations come in with a one-time code, and keep a credential that is theirs alone and is rotated."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from inspection.hub.accounts import audit, clock
from inspection.hub.accounts.audit import Act, Actor, Origin
from inspection.hub.accounts.hashing import digest
from inspection.hub.accounts.matrix import Role
from inspection.hub.accounts.tables import access_tokens, enrolment_codes
from inspection.hub.accounts.tokens import SKEW, Caller, Kind, ensure_station, new_token
from inspection.hub.problems import Problem

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's Base32: no letter that looks like a digit."""
CODE_LENGTH = 16
ROTATE_AT = 3
"""A credential asks to be rotated when a third of its life is over: two thirds are left to notice that it fails."""


@dataclass(frozen=True, slots=True)
class Credential:
    """What a station gets; ``token`` is shown this once."""

    station_id: str
    token: str
    expires_at: datetime
    rotate_after: datetime


def make_code(
    connection: Connection, who: Caller | Actor, station_id: str, valid: timedelta, origin: Origin
) -> tuple[str, datetime]:
    """A code of 80 random bits that enrols one station once; codes made for it before are good no longer."""
    table, now = enrolment_codes, clock.now(connection)
    merchant = who.merchant_id
    ensure_station(connection, merchant, station_id)
    unused = sa.and_(table.c.merchant_id == merchant, table.c.station_id == station_id, table.c.used_at.is_(None))
    connection.execute(table.update().where(unused, table.c.expires_at > now).values(expires_at=now))
    code = "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))
    row = {"merchant_id": merchant, "code_sha256": digest(code), "station_id": station_id, "created_at": now}
    connection.execute(table.insert().values(row | {"expires_at": now + valid}))
    audit.note(connection, who, Act.CODE_MADE, f"station/{station_id}", origin)
    return "-".join(code[start : start + 4] for start in range(0, CODE_LENGTH, 4)), now + valid


def plain_code(typed: str) -> str:
    """A code as it was made, however it was typed."""
    letters = typed.upper().translate(str.maketrans("OIL", "011", "- \t"))
    return letters if len(letters) == CODE_LENGTH and set(letters) <= set(ALPHABET) else ""


def enrol(connection: Connection, typed: str, life: timedelta, origin: Origin) -> Credential | None:
    """Use a code up. Credentials the station had are revoked; ``None`` when the code is unknown, used or over."""
    table, now = enrolment_codes, clock.now(connection)
    known = table.c.code_sha256 == digest(plain_code(typed))
    good = sa.and_(known, table.c.used_at.is_(None), table.c.expires_at > now, table.c.created_at <= now + SKEW)
    # Of two that come at once, the second waits here until the first commits, and then finds it used.
    used = connection.execute(table.update().where(good).values(used_at=now).returning(table)).one_or_none()
    if used is None:
        replayed = connection.execute(sa.select(table).where(known)).one_or_none()
        if replayed is not None:
            who, reason = Actor(replayed.merchant_id, "nobody"), "used" if replayed.used_at else "over"
            subject = f"station/{replayed.station_id}"
            audit.note(connection, who, Act.STATION_ENROLLED, subject, origin, denied=True, details={"code": reason})
        return None
    revoked = _revoke_credentials(connection, used.merchant_id, used.station_id)
    made = _issue(connection, used.merchant_id, used.station_id, life, origin)
    actor = Actor(used.merchant_id, "station", None, Role.STATION)
    details = {"revoked": revoked}
    audit.note(connection, actor, Act.STATION_ENROLLED, f"station/{used.station_id}", origin, details=details)
    return made


def rotate(connection: Connection, caller: Caller, life: timedelta, grace: timedelta, origin: Origin) -> Credential:
    """A new credential for the station that asks; the old one works for ``grace`` more, so a lost answer costs nothing.

    Asked again with the old one, the new one that nobody used is revoked, and another made.

    Raises:
        Problem: ``credential.fixed`` when the caller's token is no credential; ``credential.replaced`` when the new one
            is in use already, so that whoever asks holds a copy.
    """
    if caller.kind is not Kind.CREDENTIAL or caller.station_id is None:
        raise Problem("credential.fixed", "only a credential from an enrolment is rotated")
    table = access_tokens
    mine = sa.and_(table.c.merchant_id == caller.merchant_id, table.c.id == caller.token_id)
    old = connection.execute(sa.select(table).where(mine).with_for_update()).one()
    now = clock.now(connection)
    if old.revoked_at is not None:
        raise Problem("token.invalid", "the credential was revoked")
    later = sa.and_(table.c.merchant_id == caller.merchant_id, table.c.replaces == old.id, table.c.revoked_at.is_(None))
    for row in connection.execute(sa.select(table).where(later).with_for_update()).all():
        if row.last_used_at is not None:
            raise Problem("credential.replaced", "use the credential that replaced this one")
        connection.execute(table.update().where(table.c.id == row.id).values(revoked_at=now))
    ends = min(old.expires_at, now + grace) if old.expires_at else now + grace
    connection.execute(table.update().where(mine).values(expires_at=ends))
    made = _issue(connection, caller.merchant_id, caller.station_id, life, origin, replaces=old.id)
    audit.note(connection, caller, Act.CREDENTIAL_ROTATED, f"station/{caller.station_id}", origin)
    return made


def revoke_station(connection: Connection, who: Caller | Actor, station_id: str, origin: Origin) -> int:
    """Shut a station out: its credentials, tokens, codes, and sessions that badges opened there. How many tokens."""
    table, codes, now = access_tokens, enrolment_codes, clock.now(connection)
    merchant = who.merchant_id
    unused = sa.and_(codes.c.merchant_id == merchant, codes.c.station_id == station_id, codes.c.used_at.is_(None))
    connection.execute(codes.update().where(unused, codes.c.expires_at > now).values(expires_at=now))
    mine = sa.and_(table.c.merchant_id == merchant, table.c.station_id == station_id, table.c.revoked_at.is_(None))
    revoked = connection.execute(table.update().where(mine).values(revoked_at=now)).rowcount
    details = {"revoked": revoked}
    audit.note(connection, who, Act.STATION_REVOKED, f"station/{station_id}", origin, details=details)
    return revoked


def _issue(
    connection: Connection,
    merchant: UUID,
    station_id: str,
    life: timedelta,
    origin: Origin,
    replaces: UUID | None = None,
) -> Credential:
    token, now = new_token(Role.STATION, Kind.CREDENTIAL), clock.now(connection)
    row: dict[str, Any] = {
        "merchant_id": merchant,
        "station_id": station_id,
        "scope": Role.STATION.value,
        "label": f"credential of {station_id}",
        "token_sha256": digest(token),
        "created_at": now,
        "kind": Kind.CREDENTIAL.value,
        "expires_at": now + life,
        "replaces": replaces,
        "source": origin.source,
    }
    connection.execute(access_tokens.insert().values(row))
    return Credential(station_id, token, now + life, now + life / ROTATE_AT)


def _revoke_credentials(connection: Connection, merchant: UUID, station_id: str) -> int:
    table = access_tokens
    mine = sa.and_(table.c.merchant_id == merchant, table.c.station_id == station_id, table.c.revoked_at.is_(None))
    held = sa.and_(mine, table.c.kind == Kind.CREDENTIAL.value)
    return connection.execute(table.update().where(held).values(revoked_at=clock.sql())).rowcount
