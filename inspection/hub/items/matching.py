"""A person says later what an unidentified item was, or takes that back."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from inspection.hub.events import EventKind, record
from inspection.hub.inspections.reading import known
from inspection.hub.items.identity import ItemKey, item_key
from inspection.hub.items.schemas import Match, NewMatch
from inspection.hub.items.tables import CURRENT, item_matches


def match(connection: Connection, merchant_id: UUID, inspection_id: UUID, new: NewMatch, who: str) -> Match:
    """Note what an inspection was of; the newest note counts.

    Raises:
        Problem: ``inspection.unknown``, ``item.ambiguous``, ``item.not_an_identity``.
    """
    known(connection, merchant_id, inspection_id)
    key = ItemKey(None, None, ())
    if new.gtin is not None or new.epc is not None or new.serial is not None:
        key = item_key(gtin=new.gtin, serial=new.serial, epc=new.epc)
    row = {
        "merchant_id": merchant_id,
        "inspection_id": inspection_id,
        "rma": new.rma,
        "gtin": key.gtin,
        "serial": key.serial,
        "epc": new.epc,
        "reason": new.reason,
        "matched_by": who,
    }
    stored = connection.execute(item_matches.insert().values(row).returning(item_matches)).one()
    payload = {name: row[name] for name in ("rma", "gtin", "serial", "epc")}
    record(connection, merchant_id, EventKind.ITEM_MATCHED, str(inspection_id), payload)
    return Match.model_validate(stored, from_attributes=True)


def current(connection: Connection, merchant_id: UUID, inspection_ids: Collection[UUID]) -> dict[UUID, Match]:
    """The newest match of each of these inspections that has one."""
    if not inspection_ids:
        return {}
    mine = sa.and_(item_matches.c.merchant_id == merchant_id, item_matches.c.inspection_id.in_(inspection_ids))
    rows = connection.execute(sa.select(item_matches).where(mine, CURRENT))
    return {row.inspection_id: Match.model_validate(row, from_attributes=True) for row in rows}
