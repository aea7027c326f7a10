"""What becomes of a customer's pictures in the queue when the customer is erased: they go, with all that was said."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from inspection.hub.inspections.tables import inspections
from inspection.hub.items.tables import CURRENT, item_matches
from inspection.hub.review.folding import unfold
from inspection.hub.review.tables import accepted, due, items


def forget(connection: Connection, merchant_id: UUID, cases: list[str]) -> int:
    """Remove the pictures of these cases from the queue, with labels and doubts; what was folded into them is asked.

    Returns:
        How many pictures.
    """
    connection.execute(
        due.delete().where(due.c.merchant_id == merchant_id, due.c.inspection_id.in_(_inspections(merchant_id, cases)))
    )
    mine = sa.and_(items.c.merchant_id == merchant_id, _theirs(merchant_id, cases))
    gone = list(connection.execute(sa.select(items.c.id).where(mine).with_for_update()).scalars())
    if not gone:
        return 0
    unfold(connection, merchant_id, gone)
    these = sa.and_(items.c.merchant_id == merchant_id, items.c.id.in_(gone))
    connection.execute(items.update().where(these).values(folded_into=None, state="open"))
    return connection.execute(items.delete().where(these)).rowcount


def rows_of(connection: Connection, merchant_id: UUID, cases: list[str]) -> list[dict[str, Any]]:
    """What people said of the pictures of these cases, for the person's own archive; not who said it."""
    of = sa.and_(items.c.merchant_id == accepted.c.merchant_id, items.c.id == accepted.c.item_id)
    said = [accepted.c[name] for name in ("image_sha256", "condition", "defects", "boxes", "useless", "at")]
    query = sa.select(*said, items.c.view, items.c.inspection_id).join(items, of)
    mine = sa.and_(accepted.c.merchant_id == merchant_id, _theirs(merchant_id, cases))
    return [dict(row) for row in connection.execute(query.where(mine).order_by(accepted.c.at)).mappings()]


def _theirs(merchant_id: UUID, cases: list[str]) -> sa.ColumnElement[bool]:
    return sa.or_(items.c.rma.in_(cases), items.c.inspection_id.in_(_inspections(merchant_id, cases)))


def _inspections(merchant_id: UUID, cases: list[str]) -> sa.CompoundSelect[Any]:
    named = sa.select(inspections.c.inspection_id).where(
        inspections.c.merchant_id == merchant_id, inspections.c.rma.in_(cases)
    )
    matched = sa.select(item_matches.c.inspection_id).where(
        item_matches.c.merchant_id == merchant_id, item_matches.c.rma.in_(cases), CURRENT
    )
    return named.union(matched)
