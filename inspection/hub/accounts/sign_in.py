"""Signing in: with a password at the console, with badge and PIN at a station. Every failure looks the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from inspection.hub.accounts import audit, sessions, staff, throttle
from inspection.hub.accounts.audit import Act, Actor, Origin
from inspection.hub.accounts.hashing import digest, fits
from inspection.hub.accounts.throttle import Brake
from inspection.hub.accounts.tokens import Caller, Kind, merchant_id
from inspection.hub.hub import Hub
from inspection.hub.problems import Problem


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who came in, and the new session; ``token`` is shown to nobody else."""

    token: str
    person: sa.Row[Any]
    session: sa.Row[Any]


def by_password(hub: Hub, login: str, password: str, origin: Origin) -> SignedIn:
    """Sign in at the console.

    Raises:
        Problem: ``sign_in.failed``, ``sign_in.locked``, ``rate.limited``.
    """
    typed = login.strip().lower()[:200]
    with hub.database.transaction() as connection:
        merchant = merchant_id(connection)
    brakes = [throttle.account("login", typed), throttle.place("address", origin.source or "")]
    throttle.admit(hub.database, merchant, brakes)
    with hub.database.transaction() as connection:
        person = staff.find_by(connection, merchant, "login", typed)
    good = fits(password, person.password_hash if person is not None else None)
    return _come_in(hub, merchant, person, brakes, origin, "password", good=good)


def by_badge(hub: Hub, station: Caller, badge: str, pin: str, origin: Origin) -> SignedIn:
    """Sign in at a station, which asks with its own credential; what the session reports is of that station only.

    Raises:
        Problem: ``sign_in.failed``, ``sign_in.locked``, ``rate.limited``.
    """
    merchant, place = station.merchant_id, station.station_id or str(station.token_id)
    scanned = badge.strip()
    brakes = [throttle.account("badge", scanned), throttle.place("station", place)]
    throttle.admit(hub.database, merchant, brakes)
    with hub.database.transaction() as connection:
        person = staff.find_by(connection, merchant, "badge_sha256", digest(scanned))
    good = fits(pin, person.pin_hash if person is not None else None)
    return _come_in(hub, merchant, person, brakes, origin, "badge", good=good, station_id=station.station_id)


def known(hub: Hub, merchant: UUID, person: sa.Row[Any], origin: Origin) -> SignedIn:
    """Sign in whom an identity provider vouches for.

    Raises:
        Problem: ``sign_in.failed`` when the account is shut out.
    """
    return _come_in(hub, merchant, person, [], origin, "oidc", good=True)


def _come_in(
    hub: Hub,
    merchant: UUID,
    person: sa.Row[Any] | None,
    brakes: Sequence[Brake],
    origin: Origin,
    way: str,
    *,
    good: bool,
    station_id: str | None = None,
) -> SignedIn:
    if person is None or not good or person.disabled_at is not None:
        if person is not None:
            _note_failure(hub, merchant, person, origin, way)
        raise Problem("sign_in.failed", "name or secret is wrong, or the account is shut out")
    access = hub.config.access
    kind = Kind.BADGE if way == "badge" else Kind.SESSION
    longest = timedelta(hours=access.shift_max_h if kind is Kind.BADGE else access.session_max_h)
    idle = None if kind is Kind.BADGE else timedelta(minutes=access.session_idle_min)
    with hub.database.transaction() as connection:
        throttle.forgive(connection, merchant, brakes)
        token, session = sessions.begin(
            connection, person, kind, longest, idle=idle, station_id=station_id, source=origin.source
        )
        details = {"way": way, "session": str(session.id)} | ({"station": station_id} if station_id else {})
        audit.note(connection, _actor(merchant, person), Act.SIGNED_IN, f"staff/{person.id}", origin, details=details)
    return SignedIn(token, person, session)


def _note_failure(hub: Hub, merchant: UUID, person: sa.Row[Any], origin: Origin, way: str) -> None:
    """An entry in the audit trail; how many there can be, the brakes decide."""
    with hub.database.transaction() as connection:
        actor, subject = _actor(merchant, person), f"staff/{person.id}"
        audit.note(connection, actor, Act.SIGNED_IN, subject, origin, denied=True, details={"way": way})


def _actor(merchant: UUID, person: sa.Row[Any]) -> Actor:
    return Actor(merchant, "staff", str(person.id), person.role)
