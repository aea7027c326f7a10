"""Answers: events that a question finds, page by page, in one EPCIS query document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from inspection.epcis import CONTEXT
from inspection.hub.epcis.contexts import merged, read_context
from inspection.hub.epcis.formats import EpcFormat, translated
from inspection.hub.epcis.pages import Page
from inspection.hub.epcis.queries import Parameters, understand
from inspection.hub.epcis.question import Lookups, Question
from inspection.hub.epcis.tables import epcis_events as events
from inspection.hub.epcis.tables import epcis_master_data, epcis_names
from inspection.hub.problems import Problem

MAX_COMPANIES = 2000
MAX_WITHIN = 10_000
FEW = 2000


@dataclass(frozen=True, slots=True)
class Answer:
    """A page of events.

    Attributes:
        rows: the events, with ``event``, ``context`` and ``record_time``.
        place: where the next page begins; ``None`` on the last one.
    """

    rows: Sequence[Row[Any]]
    place: list[Any] | None


def lookups(connection: Connection, merchant_id: UUID, *contexts: Any) -> Lookups:
    """What a query needs to know of the repository; ``contexts`` are those that the query itself brings."""
    context = read_context(*contexts) if any(each is not None for each in contexts) else read_context(CONTEXT)

    def expand(name: str) -> list[str]:
        prefix, _, local = name.partition(":")
        if prefix in context.namespaces or local.startswith("//"):
            return [context.expand(name)]
        return [name, *(namespace + local for namespace in _namespaces(connection, merchant_id, prefix))]

    def within(places: Sequence[str]) -> list[str]:
        return _within(connection, merchant_id, places)

    return Lookups(expand, context.expand, within)


def find(
    connection: Connection,
    merchant_id: UUID,
    parameters: Parameters,
    page: Page,
    known: Lookups,
    *,
    condition: sa.ColumnElement[bool] | None = None,
    is_search: bool = False,
) -> Answer:
    """The events that ``parameters`` ask for, in the order they ask for, else as they were recorded.

    Args:
        connection: within a transaction.
        merchant_id: whose events.
        parameters: of the query.
        page: which part of the answer.
        known: what the query needs to know.
        condition: holds besides; ``is_search`` when an inverted index serves it.
        is_search: see there.

    Raises:
        Problem: ``epcis.query``; ``epcis.result_too_large`` when there are more than ``maxEventCount``.
    """
    question = understand(parameters, known)
    if condition is not None:
        (question.searches if is_search else question.conditions).append(condition)
    left = question.count_limit
    after = None
    if page.after is not None:
        after, left = _read_place(page.after, question)
    if question.max_count is not None and page.after is None:
        _count(connection, merchant_id, question)
    size = page.size if left is None else min(page.size, left)
    rows = _rows(connection, merchant_id, question, after, size + 1)
    shown = rows[:size]
    if len(rows) <= size or (left is not None and left <= size):
        return Answer(shown, None)
    last = shown[-1]
    value = getattr(last, question.order_by).isoformat() if question.order_by else None
    return Answer(shown, [value, last.seq, None if left is None else left - size])


def by_id(connection: Connection, merchant_id: UUID, event_id: str) -> Sequence[Row[Any]]:
    """The event of this id and its error declarations, as they were recorded.

    Raises:
        Problem: ``epcis.unknown``.
    """
    query = _columns().where(events.c.merchant_id == merchant_id, events.c.event_id == event_id)
    rows = connection.execute(query.order_by(events.c.seq)).all() if "\0" not in event_id else []
    if not rows:
        raise Problem("epcis.unknown", "the repository holds no event of this id")
    return rows


def by_seq(connection: Connection, merchant_id: UUID, seqs: Sequence[int]) -> list[Row[Any]]:
    """These rows, in this order."""
    query = _columns().where(events.c.merchant_id == merchant_id, _among(seqs))
    found = {row.seq: row for row in connection.execute(query)}
    return [found[seq] for seq in seqs if seq in found]


def companies(connection: Connection, merchant_id: UUID, wanted: EpcFormat) -> list[str]:
    """Company prefixes that captured URNs show; asked for only where URNs are wanted."""
    if wanted is not EpcFormat.URN:
        return []
    table = epcis_names
    query = sa.select(table.c.name).where(table.c.merchant_id == merchant_id, table.c.kind == "company")
    return list(connection.execute(query.order_by(table.c.name).limit(MAX_COMPANIES)).scalars())


def query_document(
    rows: Sequence[Row[Any]], wanted: EpcFormat, prefixes: Sequence[str], name: str = "SimpleEventQuery"
) -> dict[str, Any]:
    """An ``EPCISQueryDocument`` that holds these events, valid against the EPCIS 2.0 JSON schema.

    Its ``@context`` is that of the events; where two of them give a prefix two meanings, each event has its own.
    """
    shared = merged(row.context for row in rows)
    made = []
    for row in rows:
        event = translated(row.event, wanted, prefixes) | {"recordTime": _instant(row.record_time)}
        if shared is None:
            own = event.get("@context")
            event["@context"] = row.context if own is None else merged([row.context, own]) or own
        made.append(event)
    return {
        "@context": shared if shared is not None else [CONTEXT],
        "type": "EPCISQueryDocument",
        "schemaVersion": "2.0",
        "creationDate": _instant(datetime.now(UTC)),
        "epcisBody": {"queryResults": {"queryName": name, "resultsBody": {"eventList": made}}},
    }


def _columns() -> sa.Select[Any]:
    return sa.select(events.c.seq, events.c.event_time, events.c.record_time, events.c.context, events.c.event)


def _where(merchant_id: UUID, question: Question) -> list[sa.ColumnElement[bool]]:
    return [events.c.merchant_id == merchant_id, *question.conditions, *question.searches]


def _rows(
    connection: Connection, merchant_id: UUID, question: Question, after: tuple[Any, int] | None, number: int
) -> Sequence[Row[Any]]:
    """The next ``number`` rows.

    The planner cannot know how rare an EPC is. So a few hits of the inverted indexes are looked up first and put in
    order then; when there are many, some of them lie close ahead in the order of the answer, and that order is walked.
    """
    narrow = sa.select(events.c.seq, events.c.event_time, events.c.record_time).where(*_where(merchant_id, question))
    columns: Any = events.c
    if question.searches:
        _plan(connection, indexscan=False, seqscan=False)
        probed = narrow.limit(FEW + 1).cte("hits").prefix_with("MATERIALIZED")
        seqs = connection.execute(sa.select(probed.c.seq)).scalars().all()
        if len(seqs) <= FEW:
            _plan(connection)
            narrow = sa.select(events.c.seq, events.c.event_time, events.c.record_time).where(
                events.c.merchant_id == merchant_id, _among(seqs)
            )
        else:
            _plan(connection, bitmapscan=False, seqscan=False)
    if after is not None:
        narrow = narrow.where(_beyond(columns, question, after))
    chosen = narrow.order_by(*_order(columns, question)).limit(number).subquery("chosen")
    same = sa.and_(events.c.merchant_id == merchant_id, events.c.seq == chosen.c.seq)
    query = _columns().select_from(events.join(chosen, same))
    rows = connection.execute(query.order_by(*_order(events.c, question))).all()
    if question.searches:
        _plan(connection)
    return rows


def _plan(connection: Connection, *, indexscan: bool = True, bitmapscan: bool = True, seqscan: bool = True) -> None:
    """Which ways to rows the planner may take, until the end of the transaction."""
    ways = {"enable_indexscan": indexscan, "enable_bitmapscan": bitmapscan, "enable_seqscan": seqscan}
    settings = (sa.func.set_config(name, "on" if allowed else "off", True) for name, allowed in ways.items())
    connection.execute(sa.select(*settings))


def _among(seqs: Sequence[int]) -> sa.ColumnElement[bool]:
    return events.c.seq == sa.any_(sa.cast(list(seqs), sa.ARRAY(sa.BigInteger)))


def _order(columns: Any, question: Question) -> list[Any]:
    if question.order_by is None:
        return [columns.seq]
    by = [columns[question.order_by], columns.seq]
    return [each.desc() for each in by] if question.descending else by


def _beyond(columns: Any, question: Question, after: tuple[Any, int]) -> sa.ColumnElement[bool]:
    value, seq = after
    if question.order_by is None:
        return columns.seq > seq  # type: ignore[no-any-return]
    here = sa.tuple_(columns[question.order_by], columns.seq)
    there = sa.tuple_(sa.literal(value, sa.DateTime(timezone=True)), sa.literal(seq, sa.BigInteger))
    return here < there if question.descending else here > there


def _read_place(place: list[Any], question: Question) -> tuple[tuple[Any, int], int | None]:
    unusable = Problem("epcis.query", "nextPageToken: use the link of the page before, unchanged")
    try:
        value, seq, left = place
        when = datetime.fromisoformat(value).astimezone(UTC) if question.order_by else None
    except (ValueError, TypeError, OverflowError):
        raise unusable from None
    if not isinstance(seq, int) or not 0 <= seq < 1 << 62 or not isinstance(left, int | None):
        raise unusable
    if left is not None and not 0 < left < 1 << 31:
        raise unusable
    return (when, seq), left


def _count(connection: Connection, merchant_id: UUID, question: Question) -> None:
    most = question.max_count or 0
    found = sa.select(sa.literal(1)).select_from(events).where(*_where(merchant_id, question)).limit(most + 1)
    number = connection.execute(sa.select(sa.func.count()).select_from(found.subquery())).scalar_one()
    if number > most:
        raise Problem("epcis.result_too_large", f"more than {most} events match; narrow the query, or read it by pages")


def _namespaces(connection: Connection, merchant_id: UUID, prefix: str) -> list[str]:
    table = epcis_names
    mine = sa.and_(table.c.merchant_id == merchant_id, table.c.kind == "prefix")
    query = sa.select(table.c.shown).where(mine, table.c.name.startswith(f"{prefix} ", autoescape=True))
    return list(connection.execute(query.order_by(table.c.name).limit(20)).scalars())


def _within(connection: Connection, merchant_id: UUID, places: Sequence[str]) -> list[str]:
    """These places and, by master data, all that lie within them."""
    table = epcis_master_data
    found = dict.fromkeys(places)
    new = list(found)
    while new and len(found) < MAX_WITHIN:
        query = sa.select(table.c.children).where(table.c.merchant_id == merchant_id, table.c.name.in_(new))
        children = [child for row in connection.execute(query) for child in row.children]
        new = [child for child in dict.fromkeys(children) if child not in found]
        found |= dict.fromkeys(new)
    return list(found)


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
