"""A customer's case: opened for a return, moved from state to state, reached through its one link."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection, Row

from inspection.hub.accounts import clock
from inspection.hub.events import EventKind, record
from inspection.hub.precheck.links import LinkKey, Ticket
from inspection.hub.precheck.tables import cases, links
from inspection.hub.problems import Problem
from inspection.hub.returns.tables import returns

MAX_PROBLEM = 2000
LINK_RENEWED = timedelta(days=1)
"""A link that lasts no longer than this is replaced when it is asked for."""


class State(StrEnum):
    """Where a case stands.

    ``open``: nothing has come; ``checking``: something waits to be looked at; ``answered``: all was; ``with_person``:
    the customer or the rules asked for a person; ``decided``: a person has.
    """

    OPEN = "open"
    CHECKING = "checking"
    ANSWERED = "answered"
    WITH_PERSON = "with_person"
    DECIDED = "decided"


MOVES: Mapping[State, frozenset[State]] = {
    State.OPEN: frozenset({State.CHECKING, State.WITH_PERSON, State.DECIDED}),
    State.CHECKING: frozenset({State.ANSWERED, State.WITH_PERSON, State.DECIDED}),
    State.ANSWERED: frozenset({State.CHECKING, State.WITH_PERSON, State.DECIDED}),
    State.WITH_PERSON: frozenset({State.DECIDED}),
    State.DECIDED: frozenset(),
}
"""From each state where it may go. More pictures for a person to look at leave a case with the person."""


def open_case(connection: Connection, merchant_id: UUID, rma: str, known: Mapping[str, Any]) -> tuple[Row[Any], bool]:
    """The case of a return, made when there is none; says whether it is new.

    Args:
        connection: the transaction.
        merchant_id: whose return it is.
        rma: its number.
        known: of ``tier``, ``answer_by``, ``check_hmac``, ``language``, ``email`` what is to be set; nothing is a
            blank.

    Raises:
        Problem: ``return.unknown``.
    """
    mine = sa.and_(returns.c.merchant_id == merchant_id, returns.c.rma == rma)
    if connection.execute(sa.select(sa.literal(1)).where(mine)).scalar() is None:
        raise Problem("return.unknown", "import the return first")
    row = {"merchant_id": merchant_id, "rma": rma, **known}
    insert = postgresql.insert(cases).values(row).on_conflict_do_nothing().returning(cases.c.id)
    is_new = connection.execute(insert).scalar() is not None
    if is_new:
        record(connection, merchant_id, EventKind.PRECHECK_OPENED, rma, {"rma": rma})
    elif known:
        its = sa.and_(cases.c.merchant_id == merchant_id, cases.c.rma == rma)
        connection.execute(cases.update().where(its).values(dict(known)))
    found = of_return(connection, merchant_id, rma)
    return found, is_new


def of_return(connection: Connection, merchant_id: UUID, rma: str) -> Row[Any]:
    """The case of a return.

    Raises:
        Problem: ``precheck.not_found``.
    """
    mine = sa.and_(cases.c.merchant_id == merchant_id, cases.c.rma == rma)
    row = connection.execute(sa.select(cases).where(mine)).one_or_none()
    if row is None:
        raise Problem("precheck.not_found", "this return has no pre-check")
    return row


def locked(connection: Connection, merchant_id: UUID, case_id: UUID) -> Row[Any]:
    """The case's row, which nobody else changes until this transaction ends."""
    query = sa.select(cases).where(cases.c.merchant_id == merchant_id, cases.c.id == case_id)
    return connection.execute(query.with_for_update()).one()


def link_of(
    connection: Connection, merchant_id: UUID, case_id: UUID, key: LinkKey, lasts: timedelta
) -> tuple[str, datetime]:
    """The token of the case's one link and when it ends: the live one, or a new one when that is nearly over."""
    locked(connection, merchant_id, case_id)  # of two that ask, one makes it
    now = clock.now(connection)
    mine = sa.and_(links.c.merchant_id == merchant_id, links.c.case_id == case_id, links.c.revoked_at.is_(None))
    live = connection.execute(sa.select(links.c.id, links.c.expires_at).where(mine)).one_or_none()
    if live is not None and live.expires_at > now + min(LINK_RENEWED, lasts / 2):
        return key.token(Ticket(live.id, live.expires_at)), live.expires_at
    connection.execute(links.update().where(mine).values(revoked_at=sa.func.now()))
    link_id, expires_at = uuid4(), (now + lasts).replace(microsecond=0)
    row = {"merchant_id": merchant_id, "id": link_id, "case_id": case_id, "expires_at": expires_at}
    connection.execute(links.insert().values(row))
    return key.token(Ticket(link_id, expires_at)), expires_at


def has_link(connection: Connection, merchant_id: UUID, case_id: UUID) -> bool:
    """Whether the shop left the case a link: one that it revoked is not to be made anew by somebody else."""
    mine = sa.and_(links.c.merchant_id == merchant_id, links.c.case_id == case_id)
    states = list(connection.execute(sa.select(links.c.revoked_at).where(mine)).scalars())
    return not states or None in states


def revoke_link(connection: Connection, merchant_id: UUID, rma: str) -> None:
    """Shut the case's link; asked for again, there will be another.

    Raises:
        Problem: ``precheck.not_found``.
    """
    case = of_return(connection, merchant_id, rma)
    mine = sa.and_(links.c.merchant_id == merchant_id, links.c.case_id == case.id, links.c.revoked_at.is_(None))
    if connection.execute(links.update().where(mine).values(revoked_at=sa.func.now())).rowcount:
        record(connection, merchant_id, EventKind.PRECHECK_LINK_REVOKED, rma, {"rma": rma})


def by_token(connection: Connection, key: LinkKey, token: str) -> Row[Any]:
    """The case that a link opens.

    Raises:
        Problem: ``precheck.unknown`` for what this hub did not sign, and for what was revoked; ``precheck.expired``.
    """
    ticket = key.read(token)
    if ticket is None:
        raise Problem("precheck.unknown", "this link opens no case")
    joined = sa.and_(cases.c.merchant_id == links.c.merchant_id, cases.c.id == links.c.case_id)
    query = sa.select(cases, links.c.expires_at, links.c.revoked_at).join(links, joined)
    row = connection.execute(query.where(links.c.id == ticket.link_id)).one_or_none()
    if row is None or row.revoked_at is not None:
        raise Problem("precheck.unknown", "this link opens no case")
    if clock.now(connection) >= min(row.expires_at, ticket.expires_at):
        raise Problem("precheck.expired", "the link is over; ask for another")
    return row


def by_order(connection: Connection, merchant_id: UUID, order_ref: str, matches: Any) -> Row[Any] | None:
    """The case under an order number whose check value ``matches(rma, check_hmac)``; the newest of several.

    As much is compared when there is none, so that time tells nothing.
    """
    joined = sa.and_(cases.c.merchant_id == returns.c.merchant_id, cases.c.rma == returns.c.rma)
    mine = sa.and_(returns.c.merchant_id == merchant_id, returns.c.order_ref == order_ref)
    query = sa.select(cases).join(returns, joined).where(mine, cases.c.check_hmac.is_not(None))
    rows = connection.execute(query.order_by(cases.c.opened_at.desc()).limit(20)).all()
    found = None
    for row in rows:
        if matches(row.rma, row.check_hmac) and found is None:
            found = row
    if not rows:
        matches("", "0" * 64)
    return found


def move(connection: Connection, case: Row[Any], to: State, **values: Any) -> None:
    """Move a locked case; a second time, or where it may not go, its state stays and only ``values`` change."""
    state = State(case.state)
    goes = to if to in MOVES[state] else state
    mine = sa.and_(cases.c.merchant_id == case.merchant_id, cases.c.id == case.id)
    change = {"state": goes, "version": cases.c.version + 1, "changed_at": sa.func.now(), **values}
    connection.execute(cases.update().where(mine).values(change))


def ask_person(connection: Connection, merchant_id: UUID, case_id: UUID) -> None:
    """The customer wants a person; asked again nothing changes."""
    case = locked(connection, merchant_id, case_id)
    if case.person_asked_at is not None:
        return
    move(connection, case, State.WITH_PERSON, person_asked_at=sa.func.now())
    record(connection, merchant_id, EventKind.PRECHECK_PERSON_ASKED, case.rma, {"rma": case.rma})


def tell_by_mail(connection: Connection, merchant_id: UUID, case_id: UUID, address: str | None) -> None:
    """Where the customer is told of what becomes of the case; ``None``: nowhere."""
    mine = sa.and_(cases.c.merchant_id == merchant_id, cases.c.id == case_id)
    connection.execute(cases.update().where(mine).values(email=address))


def describe(connection: Connection, merchant_id: UUID, case_id: UUID, problem: str, language: str | None) -> None:
    """Keep what the customer wrote; an empty text leaves the earlier one."""
    mine = sa.and_(cases.c.merchant_id == merchant_id, cases.c.id == case_id)
    values: dict[str, Any] = {} if language is None else {"language": language}
    text = "".join(c for c in problem if c.isprintable() or c == "\n").strip()[:MAX_PROBLEM]
    if text:
        values["problem"] = text
    if values:
        connection.execute(cases.update().where(mine).values(**values, version=cases.c.version + 1))
