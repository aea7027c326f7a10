"""The audit trail: who did what, when, from where, on what. Append-only; never a secret, a name or a typed text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from starlette.requests import Request

from inspection.hub.accounts.tables import audit_entries
from inspection.hub.accounts.tokens import Caller


class Act(StrEnum):
    """What is audited. ``access.*`` comes from the guard of routes, everything else from the act's own transaction."""

    ACCESS_DENIED = "access.denied"
    ACCESS_USED = "access.used"
    SIGNED_IN = "sign_in"
    SIGNED_OUT = "sign_out"
    SESSION_REVOKED = "session.revoke"
    STAFF_CREATED = "staff.create"
    STAFF_CHANGED = "staff.change"
    PASSWORD_CHANGED = "password.change"  # noqa: S105 - an act, no password
    CODE_MADE = "enrolment_code.make"
    STATION_ENROLLED = "station.enrol"
    STATION_REVOKED = "station.revoke"
    CREDENTIAL_ROTATED = "credential.rotate"
    TOKEN_MADE = "token.make"  # noqa: S105
    TOKEN_REVOKED = "token.revoke"  # noqa: S105
    PRECHECK_CHALLENGED = "precheck.challenge"
    PRECHECK_DECIDED = "precheck.decide"
    BUNDLE_PUBLISHED = "bundle.publish"
    BUNDLE_WITHDRAWN = "bundle.withdraw"
    GATE_ASKED = "gate.ask"
    EXCEPTION_ASKED = "gate.ask_exception"
    EXCEPTION_DECIDED = "gate.decide_exception"
    ROLLOUT_STARTED = "rollout.start"
    ROLLOUT_PROMOTED = "rollout.promote"
    ROLLOUT_PAUSED = "rollout.pause"
    ROLLOUT_ROLLED_BACK = "rollout.rollback"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from."""

    source: str | None = None
    request_id: str | None = None

    @classmethod
    def of(cls, request: Request) -> Origin:
        """Of one request; behind a proxy that is trusted, the client's own address."""
        source = request.client.host[:64] if request.client else None
        return cls(source, getattr(request.state, "request_id", None))


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts when it is no caller of a route: somebody who signs in, or the command line."""

    merchant_id: UUID
    kind: str
    id: str | None = None
    role: str | None = None

    @classmethod
    def of(cls, caller: Caller) -> Actor:
        """The person where a session is used, else the token."""
        if caller.staff_id is not None:
            return cls(caller.merchant_id, "staff", str(caller.staff_id), caller.role)
        kind = "station" if caller.station_id is not None else "token"
        return cls(caller.merchant_id, kind, str(caller.token_id), caller.role)


def note(
    connection: Connection,
    who: Caller | Actor,
    act: Act,
    subject: str,
    origin: Origin = Origin(),
    *,
    denied: bool = False,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Add one entry.

    Args:
        connection: the transaction that does it; for a denial, one of its own.
        who: the caller, or who acts without one.
        act: what was done.
        subject: on what, as ``kind/id``.
        origin: where the request came from; none on the command line.
        denied: whether it was refused.
        details: JSON values; ids and names of fields, never what a person typed.
    """
    actor = Actor.of(who) if isinstance(who, Caller) else who
    row = {
        "merchant_id": actor.merchant_id,
        "actor_kind": actor.kind,
        "actor_id": actor.id,
        "actor_role": actor.role,
        "act": act.value,
        "subject": subject[:300],
        "outcome": "denied" if denied else "done",
        "source": origin.source,
        "request_id": origin.request_id,
        "details": dict(details or {}),
    }
    connection.execute(audit_entries.insert().values(row))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries: all that is not ``None`` must fit."""

    act: str | None = None
    actor_id: str | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def page(
    connection: Connection, merchant_id: UUID, wanted: Wanted, limit: int, before: int | None
) -> list[sa.Row[Any]]:
    """Entries, newest first, that are older than the entry ``before``; one more than ``limit`` when there are more."""
    table = audit_entries
    query = sa.select(table).where(table.c.merchant_id == merchant_id)
    if before is not None:
        query = query.where(table.c.id < before)
    for column, value in (
        (table.c.act, wanted.act),
        (table.c.actor_id, wanted.actor_id),
        (table.c.subject, wanted.subject),
    ):
        if value is not None:
            query = query.where(column == value)
    if wanted.since is not None:
        query = query.where(table.c.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(table.c.at < wanted.until)
    return list(connection.execute(query.order_by(table.c.id.desc()).limit(limit + 1)))
