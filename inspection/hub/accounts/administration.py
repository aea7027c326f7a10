"""What administrators do, as the API and the console both call it: checks, hashes, and the transaction."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Protocol
from uuid import UUID

import sqlalchemy as sa
from pydantic import SecretStr
from sqlalchemy.engine import Connection

from inspection.hub.accounts import audit, clock, enrolment, hashing, sessions, staff
from inspection.hub.accounts.audit import Act, Actor, Origin
from inspection.hub.accounts.schemas import NewStaffMember, NewToken, StaffChange, Station
from inspection.hub.accounts.tables import access_tokens, stations
from inspection.hub.accounts.tokens import Caller, ensure_station, is_live, new_token
from inspection.hub.config import HubConfig
from inspection.hub.database import Database
from inspection.hub.problems import Problem


class Place(Protocol):
    """What administration needs of a hub."""

    @property
    def config(self) -> HubConfig: ...

    @property
    def database(self) -> Database: ...


NO_OWNER = sa.null().label("disabled_at")


def add_staff(hub: Place, who: Caller | Actor, new: NewStaffMember, origin: Origin) -> sa.Row[Any]:
    """Add a member of staff.

    Raises:
        Problem: ``request.invalid``, ``staff.conflict``.
    """
    columns = _columns(new, new.login)
    disabled = columns.pop("disabled", None)
    with hub.database.transaction() as connection:
        if disabled:
            columns |= staff.shut_out(connection)
        return staff.create(connection, who, columns | {"login": new.login}, origin)


def change_staff(hub: Place, who: Caller | Actor, staff_id: UUID, change: StaffChange, origin: Origin) -> sa.Row[Any]:
    """Change a member of staff.

    Raises:
        Problem: ``request.invalid``, ``staff.unknown``, ``staff.conflict``, ``staff.last_admin``.
    """
    with hub.database.transaction() as connection:
        before = staff.find(connection, who.merchant_id, staff_id)
    columns = _columns(change, before.login)
    disabled = columns.pop("disabled", None)
    with hub.database.transaction() as connection:
        if disabled is not None:
            columns |= staff.shut_out(connection) if disabled else {"disabled_at": None}
        return staff.change(connection, who, staff_id, columns, origin)


def change_own_password(hub: Place, caller: Caller, old: str, new: str, origin: Origin) -> None:
    """Change the caller's password; other sessions of theirs end.

    Raises:
        Problem: ``sign_in.failed`` when the old one is wrong; ``request.invalid``; ``staff.unknown`` for a token.
    """
    if caller.staff_id is None:
        raise Problem("staff.unknown", "a token has no password")
    with hub.database.transaction() as connection:
        me = staff.find(connection, caller.merchant_id, caller.staff_id)
    if not hashing.fits(old, me.password_hash):
        raise Problem("sign_in.failed", "the old password is wrong")
    kept = _hash("new", new, hashing.password_fault(new, me.login))
    with hub.database.transaction() as connection:
        staff.change(connection, caller, caller.staff_id, {"password_hash": kept}, origin)
        audit.note(connection, caller, Act.PASSWORD_CHANGED, f"staff/{caller.staff_id}", origin)


def end_session(hub: Place, caller: Caller, session_id: UUID, origin: Origin, *, anybody: bool) -> None:
    """End one session: the caller's own, or with ``anybody`` whosever it is.

    Raises:
        Problem: ``session.unknown``.
    """
    if not anybody and caller.staff_id is None:
        raise Problem("session.unknown", "a token has no sessions")
    with hub.database.transaction() as connection:
        sessions.revoke(connection, caller.merchant_id, session_id, of=None if anybody else caller.staff_id)
        audit.note(connection, caller, Act.SESSION_REVOKED, f"session/{session_id}", origin)


def end_sessions(hub: Place, caller: Caller, staff_id: UUID, origin: Origin) -> int:
    """End every session of one person.

    Raises:
        Problem: ``staff.unknown``.
    """
    with hub.database.transaction() as connection:
        staff.find(connection, caller.merchant_id, staff_id)
        ended = sessions.revoke_all(connection, caller.merchant_id, staff_id)
        audit.note(connection, caller, Act.SESSION_REVOKED, f"staff/{staff_id}", origin, details={"revoked": ended})
    return ended


def make_token(hub: Place, caller: Caller | Actor, new: NewToken, origin: Origin) -> tuple[str, sa.Row[Any]]:
    """Make a token for a program; the secret and its row."""
    secret = new_token(new.role)
    with hub.database.transaction() as connection:
        now = clock.now(connection)
        if new.station_id is not None:
            ensure_station(connection, caller.merchant_id, new.station_id)
        row = {
            "merchant_id": caller.merchant_id,
            "station_id": new.station_id,
            "scope": new.role.value,
            "label": new.label,
            "token_sha256": hashing.digest(secret),
            "created_at": now,
            "expires_at": None if new.expires_in_days is None else now + timedelta(days=new.expires_in_days),
            "source": origin.source,
        }
        made = connection.execute(access_tokens.insert().values(row).returning(access_tokens)).one()
        audit.note(connection, caller, Act.TOKEN_MADE, f"token/{made.id}", origin, details={"role": new.role})
    return secret, made


def revoke_token(hub: Place, caller: Caller, token_id: UUID, origin: Origin) -> None:
    """Shut a token or credential out; a second time changes nothing.

    Raises:
        Problem: ``token.unknown``.
    """
    table = access_tokens
    mine = sa.and_(table.c.merchant_id == caller.merchant_id, table.c.id == token_id, table.c.staff_id.is_(None))
    with hub.database.transaction() as connection:
        ended = sa.func.coalesce(table.c.revoked_at, clock.sql())
        if connection.execute(table.update().where(mine).values(revoked_at=ended)).rowcount == 0:
            raise Problem("token.unknown", "there is no such token")
        audit.note(connection, caller, Act.TOKEN_REVOKED, f"token/{token_id}", origin)


def live_tokens(connection: Connection, merchant_id: UUID) -> list[sa.Row[Any]]:
    """Tokens and credentials that let in now, newest first."""
    table = access_tokens
    columns = sa.select(table, NO_OWNER, clock.sql().label("now"))
    query = columns.where(table.c.merchant_id == merchant_id, table.c.staff_id.is_(None), table.c.revoked_at.is_(None))
    return [row for row in connection.execute(query.order_by(table.c.created_at.desc())) if is_live(row, row.now)]


def all_stations(connection: Connection, merchant_id: UUID) -> list[Station]:
    """Stations by name, with how many credentials let them in, and when one was used last."""
    known = sa.select(stations).where(stations.c.merchant_id == merchant_id).order_by(stations.c.station_id)
    held: dict[str, list[sa.Row[Any]]] = {}
    for token in live_tokens(connection, merchant_id):
        held.setdefault(token.station_id, []).append(token)
    return [
        Station(
            station_id=row.station_id,
            created_at=row.created_at,
            credentials=len(held.get(row.station_id, [])),
            last_used_at=max((t.last_used_at for t in held.get(row.station_id, []) if t.last_used_at), default=None),
        )
        for row in connection.execute(known)
    ]


def make_code(hub: Place, who: Caller | Actor, station_id: str, origin: Origin) -> tuple[str, Any]:
    """A one-time code for one station, and when it is over."""
    with hub.database.transaction() as connection:
        valid = timedelta(hours=hub.config.access.code_valid_h)
        return enrolment.make_code(connection, who, station_id, valid, origin)


def _columns(change: StaffChange, login: str) -> dict[str, Any]:
    """Columns for what the request names; secrets are hashed here, outside of any transaction."""
    given = change.model_dump(exclude_unset=True, exclude={"login"})
    columns = {name: value for name, value in given.items() if name not in {"password", "pin", "badge"}}
    for name in ("name", "role"):
        if name in columns and columns[name] is None:
            raise _invalid(name, "must not be null")
    if "oidc_email" in columns:
        columns["oidc_subject"] = None  # another address is another person there
    if "badge" in given:
        badge = _plain(given["badge"])
        columns["badge_sha256"] = None if badge is None else hashing.digest(badge.strip())
        if badge is None:
            columns["pin_hash"] = None
    for name, fault in (("password", lambda it: hashing.password_fault(it, login)), ("pin", hashing.pin_fault)):
        if name in given:
            secret = _plain(given[name])
            columns[f"{name}_hash"] = None if secret is None else _hash(name, secret, fault(secret))
    return columns


def _hash(name: str, secret: str, fault: str | None) -> str:
    if fault is not None:
        raise _invalid(name, fault)
    return hashing.hashed(secret)


def _plain(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


def _invalid(name: str, message: str) -> Problem:
    return Problem("request.invalid", f"{name} {message}", errors=[{"pointer": f"/{name}", "message": message}])
