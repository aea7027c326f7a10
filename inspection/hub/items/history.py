"""The history of one physical item across returns, and what any code leads to."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from inspection.hub.inspections import reading
from inspection.hub.inspections.schemas import InspectionSummary
from inspection.hub.inspections.tables import inspections
from inspection.hub.items import matching
from inspection.hub.items.identity import ItemKey, Meaning
from inspection.hub.items.schemas import Found, HistoryEntry, ItemHistory
from inspection.hub.items.tables import CURRENT, item_matches
from inspection.hub.returns import service as returns
from inspection.hub.returns.schemas import ReturnSummary

MOST = 500
SHOWN = 50


def history(connection: Connection, merchant_id: UUID, key: ItemKey) -> ItemHistory:
    """Every inspection of the item: those that read its identifiers, and those that were matched with it later.

    An inspection that was matched with something else is left out: a person knew better.
    """
    found = _of_item(connection, merchant_id, key, MOST)
    found.sort(key=lambda each: (each.received_at, each.inspection_id))
    matches = matching.current(connection, merchant_id, [each.inspection_id for each in found])
    entries = [HistoryEntry(**each.model_dump(), match=matches.get(each.inspection_id)) for each in found]
    rmas = dict.fromkeys(filter(None, ((entry.match and entry.match.rma) or entry.rma for entry in entries)))
    return ItemHistory(gtin=key.gtin, serial=key.serial, epcs=_seen(key, entries), rmas=list(rmas), inspections=entries)


def look_up(connection: Connection, merchant_id: UUID, meant: Meaning) -> Found:
    """Everything that a scanned or typed code may mean."""
    item = history(connection, merchant_id, meant.item) if meant.item is not None else None
    cases: dict[str, ReturnSummary] = {}
    for wanted in _returns_meant(meant):
        page = returns.page(connection, merchant_id, wanted, limit=SHOWN, after=None)
        cases.update((case.rma, case) for case in page.returns)
    seen: dict[UUID, InspectionSummary] = {}
    if meant.plate is not None:
        seen.update((each.inspection_id, each) for each in reading.some(connection, merchant_id, [meant.plate]))
    if meant.rma is not None:
        seen.update((each.inspection_id, each) for each in reading.of_return(connection, merchant_id, meant.rma))
    if item is not None:
        seen.update((each.inspection_id, each) for each in item.inspections)
    newest = sorted(seen.values(), key=lambda each: (each.received_at, each.inspection_id), reverse=True)
    return Found(
        code=meant.text,
        item=item if item is not None and item.inspections else None,
        returns=list(cases.values())[:SHOWN],
        inspections=[InspectionSummary.model_validate(each, from_attributes=True) for each in newest[:SHOWN]],
    )


def _returns_meant(meant: Meaning) -> list[returns.Wanted]:
    asked = []
    if meant.rma is not None:
        asked.append(returns.Wanted(rma=meant.rma))
    if meant.order_ref is not None:
        asked.append(returns.Wanted(order_ref=meant.order_ref))
    if meant.item is not None and meant.item.gtin is not None:
        asked.append(returns.Wanted(gtin=meant.item.gtin, serial=meant.item.serial))
    return asked


def _of_item(connection: Connection, merchant_id: UUID, key: ItemKey, limit: int) -> list[InspectionSummary]:
    table, said = inspections, item_matches
    matched = sa.select(said.c.inspection_id).where(said.c.merchant_id == merchant_id, CURRENT)
    theirs = matched.where(_is(said, key))
    elsewhere = matched.where(
        said.c.inspection_id == table.c.inspection_id,
        sa.or_(said.c.gtin.is_not(None), said.c.epc.is_not(None)),
        sa.not_(sa.func.coalesce(_is(said, key), sa.false())),
    ).correlate(table)
    read = sa.select(table.c.inspection_id).where(
        table.c.merchant_id == merchant_id, reading.NEWEST, _is(table, key), ~sa.exists(elsewhere)
    )
    newest_first = read.order_by(table.c.received_at.desc()).limit(limit)
    ids = set(connection.execute(newest_first).scalars()) | set(connection.execute(theirs.limit(limit)).scalars())
    return reading.some(connection, merchant_id, ids)[:limit]


def _is(table: sa.Table, key: ItemKey) -> sa.ColumnElement[bool]:
    """Whether a row names the item."""
    ways = []
    if key.gtin is not None:
        serial = [] if key.serial is None else [table.c.serial == key.serial]
        ways.append(sa.and_(table.c.gtin == key.gtin, *serial))
    if key.epcs:
        ways.append(table.c.epc.in_(key.epcs))
    return sa.or_(*ways)


def _seen(key: ItemKey, entries: list[HistoryEntry]) -> list[str]:
    """The EPC URNs under which the item was seen; of an item without a GTIN its own."""
    seen = {entry.epc for entry in entries} | {entry.match.epc for entry in entries if entry.match}
    return [urn for urn in key.epcs if urn in seen or key.gtin is None]
