"""A one-time challenge: the customer lays a paper with four characters beside the item and photographs both.

It shows that somebody has the item at hand now. Nothing reads the paper here: a person sees the picture beside the code
and compares. It decides nothing by itself.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from inspection.hub.accounts import clock
from inspection.hub.accounts.tokens import Caller
from inspection.hub.events import EventKind, record
from inspection.hub.precheck import cases
from inspection.hub.precheck.cases import State
from inspection.hub.precheck.tables import cases as case_rows
from inspection.hub.precheck.tables import challenges, uploads
from inspection.hub.problems import Problem

ALPHABET = "CDFHJKMNPRTWXY34679"
"""Written by hand, none of them looks like another; without vowels they make no words."""
LENGTH = 4
STEPS = frozenset({"challenge", "other"})
_GOOD = frozenset({"waiting", "answered", "parked"})


@dataclass(frozen=True, slots=True)
class Challenge:
    """What was asked for, and what came.

    Attributes:
        code: the characters.
        asked_at: when.
        expires_at: until when a picture answers it.
        upload_id: the file that answers it: the first that could be used; while there is none, the newest that came.
        live: the customer is still asked for it.
    """

    code: str
    asked_at: datetime
    expires_at: datetime
    upload_id: UUID | None
    live: bool


def ask(connection: Connection, caller: Caller, rma: str, lasts: timedelta) -> tuple[Challenge, bool]:
    """Ask the customer of a case for a picture with a new code; says whether it is new.

    Asked again while one is live, it is the same, so that a second press confuses nobody.

    Raises:
        Problem: ``precheck.not_found``; ``precheck.decided``.
    """
    found = cases.of_return(connection, caller.merchant_id, rma)
    case = cases.locked(connection, caller.merchant_id, found.id)
    if case.state == State.DECIDED:
        raise Problem("precheck.decided", "the customer can send nothing more; ask for more pictures first")
    known = challenges_of(connection, case)
    if known and known[0].live:
        return known[0], False
    now = clock.now(connection)
    code = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    row = {"merchant_id": caller.merchant_id, "case_id": case.id, "code": code, "expires_at": now + lasts}
    connection.execute(challenges.insert().values(**row, asked_at=now))
    mine = sa.and_(case_rows.c.merchant_id == caller.merchant_id, case_rows.c.id == case.id)
    change = {"version": case_rows.c.version + 1, "changed_at": sa.func.now()}
    connection.execute(case_rows.update().where(mine).values(change))
    record(connection, caller.merchant_id, EventKind.PRECHECK_CHALLENGED, rma, {"rma": rma})
    return challenges_of(connection, case)[0], True


def challenges_of(connection: Connection, case: Row[Any]) -> Sequence[Challenge]:
    """All challenges of a case, the newest first."""
    mine = sa.and_(challenges.c.merchant_id == case.merchant_id, challenges.c.case_id == case.id)
    asked = connection.execute(sa.select(challenges).where(mine).order_by(challenges.c.asked_at.desc())).all()
    if not asked:
        return ()
    sent = sa.and_(uploads.c.merchant_id == case.merchant_id, uploads.c.case_id == case.id)
    of = sa.and_(sent, uploads.c.step.in_(STEPS), uploads.c.received_at.is_not(None), uploads.c.state != "refused")
    came = connection.execute(sa.select(uploads).where(of).order_by(uploads.c.received_at)).all()
    now, until, found = clock.now(connection), None, []
    for row in asked:
        end = row.expires_at if until is None else min(until, row.expires_at)
        found.append(_challenge(row, [each for each in came if row.asked_at <= each.received_at < end], now, end))
        until = row.asked_at
    return found


def _challenge(row: Row[Any], came: Sequence[Row[Any]], now: datetime, end: datetime) -> Challenge:
    good = [each.id for each in came if each.state in _GOOD]
    upload_id = good[0] if good else came[-1].id if came else None
    return Challenge(row.code, row.asked_at, row.expires_at, upload_id, not good and now < end)
