"""Members of staff: made, changed, shut out. Somebody is always administrator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from inspection.hub.accounts import audit, clock, sessions
from inspection.hub.accounts.audit import Act, Actor, Origin
from inspection.hub.accounts.matrix import Role
from inspection.hub.accounts.tables import staff
from inspection.hub.accounts.tokens import Caller
from inspection.hub.problems import Problem

Row = sa.Row[Any]
ADMIN_LOCK = 0x61646D69  # "admi"


def create(connection: Connection, who: Caller | Actor, values: Mapping[str, Any], origin: Origin) -> Row:
    """Add a member of staff; ``values`` are columns, with hashes made already.

    Raises:
        Problem: ``staff.conflict`` when the sign-in name, badge or address is somebody's.
    """
    row = {"merchant_id": who.merchant_id, **values}
    with _conflicts():
        made = connection.execute(staff.insert().values(row).returning(staff)).one()
    details = {"role": made.role, "with": _named(values)}
    audit.note(connection, who, Act.STAFF_CREATED, f"staff/{made.id}", origin, details=details)
    return made


def change(
    connection: Connection, who: Caller | Actor, staff_id: UUID, values: Mapping[str, Any], origin: Origin
) -> Row:
    """Change columns of a member of staff. A new password, PIN or badge, and being shut out, end their sessions.

    Raises:
        Problem: ``staff.unknown``; ``staff.conflict``; ``staff.last_admin`` when nobody would be administrator.
    """
    before = find(connection, who.merchant_id, staff_id, lock=True)
    mine = sa.and_(staff.c.merchant_id == who.merchant_id, staff.c.id == staff_id)
    if values:
        with _conflicts():
            connection.execute(staff.update().where(mine).values(dict(values)))
    after = find(connection, who.merchant_id, staff_id)
    if _is_admin(before) and not _is_admin(after):
        _keep_one_admin(connection, who.merchant_id)
    if after.disabled_at is not None or {"password_hash", "pin_hash", "badge_sha256"} & values.keys():
        sessions.revoke_all(
            connection, who.merchant_id, staff_id, spare=who.token_id if isinstance(who, Caller) else None
        )
    details: dict[str, Any] = {"changed": _named(values)}
    if before.role != after.role:
        details["role"] = [before.role, after.role]
    audit.note(connection, who, Act.STAFF_CHANGED, f"staff/{staff_id}", origin, details=details)
    return after


def find(connection: Connection, merchant_id: UUID, staff_id: UUID, *, lock: bool = False) -> Row:
    """One member of staff.

    Raises:
        Problem: ``staff.unknown``.
    """
    query = sa.select(staff).where(staff.c.merchant_id == merchant_id, staff.c.id == staff_id)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise Problem("staff.unknown", "no member of staff has this id")
    return row


def find_by(connection: Connection, merchant_id: UUID, column: str, value: str) -> Row | None:
    """Whose ``login``, ``badge_sha256``, ``oidc_email`` or ``oidc_subject`` this is."""
    query = sa.select(staff).where(staff.c.merchant_id == merchant_id, staff.c[column] == value)
    return connection.execute(query).one_or_none()


def everybody(connection: Connection, merchant_id: UUID) -> list[Row]:
    """All members of staff by sign-in name."""
    return list(connection.execute(sa.select(staff).where(staff.c.merchant_id == merchant_id).order_by(staff.c.login)))


def _is_admin(row: Row) -> bool:
    return row.role == Role.ADMIN and row.disabled_at is None


def _keep_one_admin(connection: Connection, merchant_id: UUID) -> None:
    """Of two administrators who shut each other out at one moment, the second to get the lock fails."""
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(ADMIN_LOCK, sa.func.hashtext(str(merchant_id)))))
    query = sa.select(staff.c.id).where(
        staff.c.merchant_id == merchant_id, staff.c.role == Role.ADMIN, staff.c.disabled_at.is_(None)
    )
    if connection.execute(query.limit(1)).first() is None:
        raise Problem("staff.last_admin", "make somebody else administrator first")


def _named(values: Mapping[str, Any]) -> list[str]:
    return sorted(
        name.removesuffix("_hash").removesuffix("_sha256") for name, value in values.items() if value is not None
    )


@contextmanager
def _conflicts() -> Iterator[None]:
    try:
        yield
    except sa.exc.IntegrityError as error:
        constraint = getattr(getattr(error.orig, "diag", None), "constraint_name", "") or ""
        if constraint == "staff_pin_check":
            raise Problem("request.invalid", "a PIN needs a badge") from None
        field = constraint.removeprefix("staff_merchant_id_").removesuffix("_key").removesuffix("_sha256")
        raise Problem("staff.conflict", f"another member of staff has this {field}") from None


def shut_out(connection: Connection) -> Mapping[str, Any]:
    """The columns of somebody who may no longer sign in."""
    return {"disabled_at": clock.now(connection)}
