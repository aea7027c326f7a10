"""Subscriptions are made, listed, ended; and those whose schedule has come are told."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection, Row

from inspection.hub.accounts.tokens import Caller
from inspection.hub.connectors.configured import SUBSCRIPTION, enqueue_slot
from inspection.hub.connectors.queue import State
from inspection.hub.connectors.tables import deliveries, destinations
from inspection.hub.epcis import reading
from inspection.hub.epcis.formats import EpcFormat
from inspection.hub.epcis.pages import MAX_PER_PAGE, Page
from inspection.hub.epcis.queries import from_body
from inspection.hub.epcis.subscriptions.asked import Asked
from inspection.hub.epcis.subscriptions.schedule import read_schedule, refused
from inspection.hub.epcis.subscriptions.tables import pending, subscriptions
from inspection.hub.epcis.tables import epcis_events, epcis_queries
from inspection.hub.events import EventKind
from inspection.hub.images.vault import MasterKey
from inspection.hub.problems import Problem
from inspection.hub.tables import events

PREFIX = "epcis-"
MOST = 100
"""Subscriptions of one merchant; a schedule that looks for events costs a query each time."""
MOST_AT_FIRST = 10_000
AT_ONCE = 1000
NONCE_BYTES = 12


def name_of(subscription_id: UUID) -> str:
    """What the connectors call its destination."""
    return f"{PREFIX}{subscription_id.hex}"


def subscribe(
    connection: Connection, caller: Caller, query_name: str, asked: Asked, epc_format: EpcFormat, key: MasterKey
) -> Row[Any]:
    """Make a subscription, and with an initial record time have it told of what was stored since.

    Raises:
        Problem: ``epcis.query`` when there are too many; ``epcis.result_too_large``.
    """
    merchant_id, subscription_id, now = caller.merchant_id, uuid4(), datetime.now(UTC)
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(f"{merchant_id}/subs", 0))))
    count = sa.select(sa.func.count()).select_from(subscriptions).where(subscriptions.c.merchant_id == merchant_id)
    if connection.execute(count).scalar_one() >= MOST:
        raise refused("", f"there are {MOST} subscriptions already")
    if asked.initial_record_time is not None:
        # Who is storing events ends first, and who comes later sees this subscription: nothing falls between.
        connection.execute(sa.text("LOCK TABLE epcis_events IN SHARE MODE"))
    row = {
        "merchant_id": merchant_id,
        "subscription_id": subscription_id,
        "query_name": query_name,
        "dest": asked.dest,
        "token": None if asked.token is None else sealed(key, subscription_id, asked.token),
        "stream": asked.schedule is None,
        "schedule": asked.spelled,
        "next_at": None if asked.schedule is None else asked.schedule.next_after(now),
        "report_if_empty": asked.report_if_empty,
        "initial_record_time": asked.initial_record_time,
        "epc_format": epc_format.value,
        "created_via": caller.token_id,
    }
    made = connection.execute(subscriptions.insert().values(row).returning(subscriptions)).one()
    connection.execute(
        destinations.insert().values(
            merchant_id=merchant_id,
            name=name_of(subscription_id),
            kind=SUBSCRIPTION,
            events=[EventKind.EPCIS_STORED.value] if made.stream else [],
            parallel=1,
            enabled=True,
        )
    )
    if asked.initial_record_time is not None:
        _tell_from_the_beginning(connection, made)
    return made


def listed(connection: Connection, merchant_id: UUID, query_name: str, page: Page) -> tuple[list[Row[Any]], Any]:
    """A page of a query's subscriptions, oldest first, and where the next one begins."""
    query = _shown().where(subscriptions.c.merchant_id == merchant_id, subscriptions.c.query_name == query_name)
    if page.after is not None:
        query = query.where(subscriptions.c.subscription_id > _place(page.after))
    rows = list(connection.execute(query.order_by(subscriptions.c.subscription_id).limit(page.size + 1)))
    more = len(rows) > page.size
    return rows[: page.size], [str(rows[page.size - 1].subscription_id)] if more else None


def one(connection: Connection, merchant_id: UUID, query_name: str, subscription_id: str) -> Row[Any]:
    """One subscription.

    Raises:
        Problem: ``epcis.unknown``.
    """
    try:
        wanted = UUID(subscription_id)
    except ValueError:
        raise _unknown() from None
    mine = sa.and_(subscriptions.c.merchant_id == merchant_id, subscriptions.c.query_name == query_name)
    row = connection.execute(_shown().where(mine, subscriptions.c.subscription_id == wanted)).one_or_none()
    if row is None:
        raise _unknown()
    return row


def end(connection: Connection, merchant_id: UUID, subscription_id: UUID) -> None:
    """Forget a subscription; what waits to be sent is not sent any more, what was sent stays on record."""
    name = name_of(subscription_id)
    waits = sa.and_(deliveries.c.merchant_id == merchant_id, deliveries.c.destination == name)
    ended = {"state": State.SKIPPED.value, "reason": "unsubscribed", "finished_at": sa.func.now()}
    connection.execute(deliveries.update().where(waits, deliveries.c.state == State.WAITING.value).values(ended))
    gone = sa.and_(destinations.c.merchant_id == merchant_id, destinations.c.name == name)
    connection.execute(destinations.update().where(gone).values(enabled=False))
    mine = sa.and_(subscriptions.c.merchant_id == merchant_id, subscriptions.c.subscription_id == subscription_id)
    connection.execute(subscriptions.delete().where(mine))


def end_all(connection: Connection, merchant_id: UUID, query_name: str) -> None:
    """End every subscription of a query that goes."""
    mine = sa.and_(subscriptions.c.merchant_id == merchant_id, subscriptions.c.query_name == query_name)
    for subscription_id in connection.execute(sa.select(subscriptions.c.subscription_id).where(mine)).scalars():
        end(connection, merchant_id, subscription_id)


def tell_due(connection: Connection, now: datetime | None = None) -> int:
    """Have those told whose schedule has come; a moment that was missed counts once. Returns how many were due.

    What was stored since the last time becomes events of the hub in this transaction, and is taken off the list.
    """
    now = now or datetime.now(UTC)
    due = subscriptions.c.next_at <= now
    query = sa.select(subscriptions).where(due).order_by(subscriptions.c.next_at).limit(MOST)
    rows = list(connection.execute(query.with_for_update(skip_locked=True)))
    for row in rows:
        mine = sa.and_(pending.c.merchant_id == row.merchant_id, pending.c.subscription_id == row.subscription_id)
        taken = sorted(connection.execute(pending.delete().where(mine).returning(pending.c.seq)).scalars())
        _tell(connection, row, list(_asked_for(connection, row, taken)))
        following = read_schedule(row.schedule).next_after(now)
        same = sa.and_(
            subscriptions.c.merchant_id == row.merchant_id, subscriptions.c.subscription_id == row.subscription_id
        )
        connection.execute(subscriptions.update().where(same).values(next_at=following))
    return len(rows)


def matching(
    connection: Connection, merchant_id: UUID, query: dict[str, Any], condition: sa.ColumnElement[bool]
) -> Iterator[Row[Any]]:
    """Events that fulfil ``condition`` and that the query asks for, as they were recorded."""
    known = reading.lookups(connection, merchant_id, query.get("@context"))
    place: list[Any] | None = None
    while True:
        page = Page(MAX_PER_PAGE, place, "")
        found = reading.find(connection, merchant_id, from_body(query), page, known, condition=condition)
        yield from found.rows
        if found.place is None:
            return
        place = found.place


def among(seqs: Sequence[int]) -> sa.ColumnElement[bool]:
    """The events of these numbers."""
    return epcis_events.c.seq == sa.any_(sa.cast(list(seqs), sa.ARRAY(sa.BigInteger)))


def query_of(connection: Connection, merchant_id: UUID, name: str) -> dict[str, Any]:
    """The query of this name, which is there as long as it has subscriptions."""
    mine = sa.and_(epcis_queries.c.merchant_id == merchant_id, epcis_queries.c.name == name)
    found: dict[str, Any] = connection.execute(sa.select(epcis_queries.c.query).where(mine)).scalar_one()
    return found


def sealed(key: MasterKey, subscription_id: UUID, token: str) -> bytes:
    """A signature token as it lies in the database: nonce, and AES-256-GCM bound to the subscription."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + key.secret.encrypt(nonce, token.encode(), subscription_id.bytes)


def opened(key: MasterKey, subscription_id: UUID, kept: bytes) -> str:
    """What :func:`sealed` sealed; raises cryptography's ``InvalidTag`` with another key."""
    return key.secret.decrypt(kept[:NONCE_BYTES], kept[NONCE_BYTES:], subscription_id.bytes).decode()


def _tell_from_the_beginning(connection: Connection, row: Row[Any]) -> None:
    query = query_of(connection, row.merchant_id, row.query_name)
    seqs: list[int] = []
    for found in matching(connection, row.merchant_id, query, epcis_events.c.record_time >= row.initial_record_time):
        seqs.append(found.seq)
        if len(seqs) > MOST_AT_FIRST:
            message = f"more than {MOST_AT_FIRST} events since initialRecordTime; read them with the query first"
            raise Problem("epcis.result_too_large", message)
    if row.stream:
        _tell(connection, row, seqs)
    elif seqs:
        mine = {"merchant_id": row.merchant_id, "subscription_id": row.subscription_id}
        values = [{**mine, "seq": seq} for seq in seqs]
        connection.execute(postgresql.insert(pending).on_conflict_do_nothing(), values)


def _asked_for(connection: Connection, row: Row[Any], seqs: Sequence[int]) -> Iterator[int]:
    query = query_of(connection, row.merchant_id, row.query_name)
    for start in range(0, len(seqs), AT_ONCE):
        for found in matching(connection, row.merchant_id, query, among(seqs[start : start + AT_ONCE])):
            yield found.seq


def _tell(connection: Connection, row: Row[Any], seqs: Sequence[int]) -> None:
    """Leave events and deliveries behind, for this subscription only, in the order the events were stored."""
    parts = [seqs[start : start + AT_ONCE] for start in range(0, len(seqs), AT_ONCE)]
    if not parts and row.report_if_empty:
        parts = [[]]
    name, subject = name_of(row.subscription_id), f"subscription {row.subscription_id}"
    kind = EventKind.EPCIS_QUERY_DUE.value
    for part in parts:
        payload = {"subscription": str(row.subscription_id), "seqs": list(part)}
        event = {"merchant_id": row.merchant_id, "kind": kind, "subject": subject, "payload": payload}
        event_id = connection.execute(events.insert().values(event).returning(events.c.id)).scalar_one()
        connection.execute(
            deliveries.insert().values(
                merchant_id=row.merchant_id,
                destination=name,
                event_id=event_id,
                kind=kind,
                subject=subject,
                lane="epcis",
                slot=0,
            )
        )
    if parts:
        enqueue_slot(connection, row.merchant_id, name, 0)


def _shown() -> sa.Select[Any]:
    name = sa.literal(PREFIX).concat(sa.func.replace(sa.cast(subscriptions.c.subscription_id, sa.Text), "-", ""))
    on = sa.and_(destinations.c.merchant_id == subscriptions.c.merchant_id, destinations.c.name == name)
    return sa.select(subscriptions, destinations.c.last_success_at).join_from(
        subscriptions, destinations, on, isouter=True
    )


def _place(after: list[Any]) -> UUID:
    try:
        (text,) = after
        return UUID(text)
    except (ValueError, TypeError, AttributeError):
        raise Problem("epcis.query", "nextPageToken: use the link of the page before, unchanged") from None


def _unknown() -> Problem:
    return Problem("epcis.unknown", "the query has no such subscription")
