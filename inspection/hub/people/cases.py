"""Which cases are one person's, and which pictures are those cases' alone."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from inspection.hub.images.tables import images
from inspection.hub.inspections.tables import inspection_images, inspections
from inspection.hub.items.tables import CURRENT, item_matches
from inspection.hub.people.tables import legal_holds
from inspection.hub.problems import Problem
from inspection.hub.returns.tables import returns


def cases_of(connection: Connection, merchant_id: UUID, *, rma: str | None, order_ref: str | None) -> list[str]:
    """The RMA numbers of one person: the one that was named, or all under an order number.

    Raises:
        Problem: ``return.unknown`` when the hub knows nothing of that name.
    """
    if rma is not None:
        for table in (returns, inspections, item_matches):
            mine = sa.and_(table.c.merchant_id == merchant_id, table.c.rma == rma)
            if connection.execute(sa.select(sa.literal(1)).where(mine).limit(1)).scalar() is not None:
                return [rma]
        raise Problem("return.unknown", "nothing here has this RMA number")
    mine = sa.and_(returns.c.merchant_id == merchant_id, returns.c.order_ref == order_ref)
    found = list(connection.execute(sa.select(returns.c.rma).where(mine).order_by(returns.c.rma)).scalars())
    if not found:
        raise Problem("return.unknown", "no return has this order number")
    return found


def inspections_of(connection: Connection, merchant_id: UUID, cases: Collection[str]) -> set[UUID]:
    """The inspections that name one of ``cases``, in any revision, or were matched with one."""
    table, said = inspections, item_matches
    named = sa.select(table.c.inspection_id).where(table.c.merchant_id == merchant_id, table.c.rma.in_(cases))
    matched = sa.select(said.c.inspection_id).where(said.c.merchant_id == merchant_id, said.c.rma.in_(cases), CURRENT)
    return set(connection.execute(named).scalars()) | set(connection.execute(matched).scalars())


def pictures_of(connection: Connection, merchant_id: UUID, of: Collection[UUID]) -> tuple[set[str], set[str]]:
    """Hashes of the pictures that only these inspections name, and of those that others name too."""
    named = inspection_images
    mine = sa.and_(named.c.merchant_id == merchant_id, named.c.inspection_id.in_(of))
    hashes = set(connection.execute(sa.select(named.c.sha256).where(mine)).scalars())
    elsewhere = sa.and_(
        named.c.merchant_id == merchant_id, named.c.sha256.in_(hashes), named.c.inspection_id.not_in(of)
    )
    shared = set(connection.execute(sa.select(named.c.sha256).where(elsewhere)).scalars()) if hashes else set()
    return hashes - shared, shared


def held_pictures(connection: Connection, merchant_id: UUID, hashes: Collection[str]) -> set[str]:
    """Which of these pictures the hub holds the bytes of."""
    mine = sa.and_(images.c.merchant_id == merchant_id, images.c.sha256.in_(hashes))
    return set(connection.execute(sa.select(images.c.sha256).where(mine)).scalars())


def holds_on(connection: Connection, merchant_id: UUID, cases: Collection[str]) -> list[str]:
    """Which of ``cases`` a legal hold keeps."""
    mine = sa.and_(legal_holds.c.merchant_id == merchant_id, legal_holds.c.rma.in_(cases))
    query = sa.select(legal_holds.c.rma).where(mine, legal_holds.c.released_at.is_(None)).distinct()
    return sorted(connection.execute(query).scalars())
