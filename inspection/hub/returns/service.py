"""Importing returns and looking them up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection

from inspection.evidence import canonical_json, sha256_hex
from inspection.hub.cursors import encode_cursor
from inspection.hub.events import EventKind, record_all
from inspection.hub.inspections.reading import of_return
from inspection.hub.inspections.tables import inspections
from inspection.hub.problems import Problem
from inspection.hub.returns.schemas import (
    NewReturn,
    ReturnPage,
    ReturnSummary,
    ReturnView,
    StoredLine,
    StoredReturn,
)
from inspection.hub.returns.tables import return_lines, returns

BATCH = 1000
T = TypeVar("T")


def create(connection: Connection, merchant_id: UUID, new: NewReturn) -> tuple[StoredReturn, bool]:
    """Import one return; says whether it is new.

    Raises:
        Problem: ``return.conflict`` when the RMA number holds another return.
    """
    imported = create_all(connection, merchant_id, [new])
    if imported.conflicts:
        raise Problem("return.conflict", f"{new.rma} is another return; nothing was changed")
    return _known(connection, merchant_id, new.rma), bool(imported.new)


@dataclass(frozen=True, slots=True)
class Imported:
    """RMA numbers by what became of them: stored now, there already with this content, there with another."""

    new: frozenset[str]
    same: frozenset[str]
    conflicts: frozenset[str]


def create_all(connection: Connection, merchant_id: UUID, news: Sequence[NewReturn]) -> Imported:
    """Import returns, each with an RMA number of its own; one that conflicts changes nothing."""
    rows = [
        {
            "merchant_id": merchant_id,
            "rma": new.rma,
            "order_ref": new.order_ref,
            "opened_at": new.opened_at,
            "content_sha256": sha256_hex(canonical_json(new.model_dump(mode="json"))),
        }
        for new in news
    ]
    stored: set[str] = set()
    for part in batched(rows):
        insert = postgresql.insert(returns).values(part).on_conflict_do_nothing().returning(returns.c.rma)
        stored.update(connection.execute(insert).scalars())
    told = compare(connection, merchant_id, [row for row in rows if row["rma"] not in stored])
    added = [new for new in news if new.rma in stored]
    lines = [
        {"merchant_id": merchant_id, "rma": new.rma, "line_no": number, **line.model_dump(mode="json")}
        for new in added
        for number, line in enumerate(new.lines, start=1)
    ]
    if lines:
        connection.execute(return_lines.insert(), lines)
    # Events are never changed, so nothing goes into them that may have to be erased.
    payloads = {new.rma: {"lines": len(new.lines)} for new in added}
    record_all(connection, merchant_id, EventKind.RETURN_CREATED, payloads)
    return Imported(frozenset(stored), told.same, told.conflicts)


def foresee(connection: Connection, merchant_id: UUID, news: Sequence[NewReturn]) -> Imported:
    """What :func:`create_all` would do, with nothing changed."""
    rows = [{"rma": new.rma, "content_sha256": sha256_hex(canonical_json(new.model_dump(mode="json")))} for new in news]
    return compare(connection, merchant_id, rows)


def compare(connection: Connection, merchant_id: UUID, rows: Sequence[Mapping[str, Any]]) -> Imported:
    """Which of these RMA numbers are free, hold the same content, or another."""
    there: dict[str, str] = {}
    for part in batched(rows):
        mine = sa.and_(returns.c.merchant_id == merchant_id, returns.c.rma.in_([row["rma"] for row in part]))
        found = connection.execute(sa.select(returns.c.rma, returns.c.content_sha256).where(mine))
        there.update((row.rma, row.content_sha256) for row in found)
    same = {row["rma"] for row in rows if there.get(row["rma"]) == row["content_sha256"]}
    free = {row["rma"] for row in rows if row["rma"] not in there}
    return Imported(frozenset(free), frozenset(same), frozenset(there) - same)


def batched(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    """Parts small enough for one statement."""
    for start in range(0, len(rows), BATCH):
        yield rows[start : start + BATCH]


def view(connection: Connection, merchant_id: UUID, rma: str) -> ReturnView:
    """Everything under one RMA number, also when only inspections name it.

    Raises:
        Problem: ``return.unknown`` when nothing does.
    """
    stored = _find(connection, merchant_id, rma)
    found = of_return(connection, merchant_id, rma)
    if stored is None and not found:
        raise Problem("return.unknown", "neither a return nor an inspection has this RMA number")
    return ReturnView(rma=rma, known=stored is not None, case=stored, inspections=found)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which returns a list is asked for; what is ``None`` is not asked."""

    rma: str | None = None
    order_ref: str | None = None
    gtin: str | None = None
    serial: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    inspected: bool | None = None


def page(
    connection: Connection, merchant_id: UUID, wanted: Wanted, *, limit: int, after: tuple[datetime, str] | None
) -> ReturnPage:
    """A page of returns, the last imported first."""
    table, lines = returns, return_lines
    its_lines = sa.and_(lines.c.merchant_id == table.c.merchant_id, lines.c.rma == table.c.rma)
    its_inspections = sa.and_(
        inspections.c.merchant_id == table.c.merchant_id, inspections.c.rma == table.c.rma, inspections.c.revision == 1
    )
    query = sa.select(
        table,
        sa.select(sa.func.count()).select_from(lines).where(its_lines).scalar_subquery().label("lines"),
        sa.select(sa.func.count())
        .select_from(inspections)
        .where(its_inspections)
        .scalar_subquery()
        .label("inspections"),
    ).where(table.c.merchant_id == merchant_id)
    for column, value in ((table.c.rma, wanted.rma), (table.c.order_ref, wanted.order_ref)):
        if value is not None:
            query = query.where(column == value)
    for column, value in ((lines.c.gtin, wanted.gtin), (lines.c.serial, wanted.serial)):
        if value is not None:
            query = query.where(sa.exists().where(its_lines, column == value))
    if wanted.since is not None:
        query = query.where(table.c.created_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(table.c.created_at < wanted.until)
    if wanted.inspected is not None:
        any_of_its = sa.exists().where(its_inspections)
        query = query.where(any_of_its if wanted.inspected else ~any_of_its)
    if after is not None:
        place = sa.tuple_(sa.literal(after[0]), sa.literal(after[1]))
        query = query.where(sa.tuple_(table.c.created_at, table.c.rma) < place)
    query = query.order_by(table.c.created_at.desc(), table.c.rma.desc()).limit(limit + 1)
    rows = connection.execute(query).all()
    shown = rows[:limit]
    more = encode_cursor(shown[-1].created_at, shown[-1].rma) if len(rows) > limit else None
    found = [ReturnSummary.model_validate(row, from_attributes=True) for row in shown]
    return ReturnPage(returns=found, next_cursor=more)


def _known(connection: Connection, merchant_id: UUID, rma: str) -> StoredReturn:
    stored = _find(connection, merchant_id, rma)
    if stored is None:
        raise LookupError(rma)
    return stored


def _find(connection: Connection, merchant_id: UUID, rma: str) -> StoredReturn | None:
    mine = sa.and_(returns.c.merchant_id == merchant_id, returns.c.rma == rma)
    row = connection.execute(sa.select(returns).where(mine)).one_or_none()
    if row is None:
        return None
    its = sa.and_(return_lines.c.merchant_id == merchant_id, return_lines.c.rma == rma)
    lines = connection.execute(sa.select(return_lines).where(its).order_by(return_lines.c.line_no))
    names = StoredLine.model_fields
    return StoredReturn(
        rma=row.rma,
        order_ref=row.order_ref,
        opened_at=row.opened_at,
        created_at=row.created_at,
        lines=[StoredLine(**{name: getattr(line, name) for name in names}) for line in lines],
    )
