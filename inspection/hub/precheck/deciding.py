"""A person's decision of a case: kept beside earlier ones, told to the customer's page, to the events and to the audit.

Nothing is overwritten: who thinks again decides again, and the newest decision counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from inspection.hub.accounts.tokens import Caller
from inspection.hub.events import EventKind, record
from inspection.hub.precheck import cases
from inspection.hub.precheck.cases import State
from inspection.hub.precheck.replies import Decision, Reason
from inspection.hub.precheck.tables import cases as case_rows
from inspection.hub.precheck.tables import decisions
from inspection.hub.problems import Problem

MAX_NOTE = 1000
PAGE = 50


@dataclass(frozen=True, slots=True)
class Ruling:
    """What somebody decided.

    Attributes:
        decision: what happens.
        reason: why.
        note: shown to the customer after the canned answer; may be empty.
        version: of the case that was read; a case that has changed since is to be read again. ``None``: as it is.
    """

    decision: Decision
    reason: Reason
    note: str = ""
    version: int | None = None


def decide(connection: Connection, caller: Caller, rma: str, ruling: Ruling) -> Row[Any]:
    """Decide a case; two that decide at once do it one after the other, and the second is told.

    Raises:
        Problem: ``precheck.not_found``; ``precheck.changed`` when the case is not what was read.
    """
    found = cases.of_return(connection, caller.merchant_id, rma)
    case = cases.locked(connection, caller.merchant_id, found.id)
    if ruling.version is not None and ruling.version != case.version:
        raise Problem("precheck.changed", "read the case again, then decide")
    row = {
        "merchant_id": caller.merchant_id,
        "case_id": case.id,
        "decision": ruling.decision,
        "reason": ruling.reason,
        "note": _clean(ruling.note),
        "staff_id": caller.staff_id,
        "state_before": case.state,
    }
    made = connection.execute(decisions.insert().values(row).returning(decisions)).one()
    to = State.ANSWERED if ruling.decision is Decision.MORE_PHOTOS else State.DECIDED
    values: dict[str, Any] = {"decided_by": made.id, "state": to, "changed_at": sa.func.now()}
    if to is State.ANSWERED:  # the customer goes on; with new pictures the case comes back
        values |= {"outcome": str(ruling.decision), "answer": None, "person_asked_at": None}
    mine = sa.and_(case_rows.c.merchant_id == caller.merchant_id, case_rows.c.id == case.id)
    connection.execute(case_rows.update().where(mine).values(**values, version=case_rows.c.version + 1))
    payload = {"rma": rma, "decision": str(ruling.decision), "reason": str(ruling.reason)}
    record(connection, caller.merchant_id, EventKind.PRECHECK_DECIDED, rma, payload)
    return made


def decisions_of(connection: Connection, merchant_id: UUID, case_id: UUID) -> Sequence[Row[Any]]:
    """All decisions of a case, the newest first."""
    mine = sa.and_(decisions.c.merchant_id == merchant_id, decisions.c.case_id == case_id)
    return connection.execute(sa.select(decisions).where(mine).order_by(decisions.c.decided_at.desc())).all()


def queue(
    connection: Connection, merchant_id: UUID, state: State | None = None, limit: int = PAGE
) -> Sequence[Row[Any]]:
    """Cases for a person: those that asked for one first, then by what was promised, tier and age.

    Args:
        connection: the transaction.
        merchant_id: whose.
        state: only these; by default all that are not decided.
        limit: at most so many.
    """
    table = case_rows
    query = sa.select(table).where(table.c.merchant_id == merchant_id)
    query = query.where(table.c.state != State.DECIDED if state is None else table.c.state == state)
    for_person = sa.case((table.c.state == State.WITH_PERSON, 0), else_=1)
    order = for_person, table.c.answer_by.asc().nulls_last(), table.c.tier.desc(), table.c.opened_at
    return connection.execute(query.order_by(*order).limit(limit)).all()


def _clean(note: str) -> str:
    return "".join(c for c in note if c.isprintable() or c == "\n").strip()[:MAX_NOTE]
