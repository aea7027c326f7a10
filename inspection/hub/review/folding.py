"""Near-duplicates are asked once: of pictures that are one photograph, the first stands for all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import cv2
import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from inspection.frame import Pixels
from inspection.hub.images.store import ImageStore
from inspection.hub.precheck.trust.sameness import agreement, view
from inspection.hub.problems import Problem
from inspection.hub.review.prints import Print, print_of
from inspection.hub.review.tables import items

NEAREST, MIN_ALIKE, SEARCH = 6, 0.8, 80
"""How many are looked at, how alike their prints must be, and how far the index is searched (hnsw.ef_search)."""


def fold(connection: Connection, store: ImageStore, merchant_id: UUID, pixels: Pixels | None) -> dict[str, Any]:
    """The columns ``print``, ``state`` and ``folded_into`` of a picture that is new.

    Raises:
        Problem: ``store.unavailable``.
    """
    asked = None if pixels is None else print_of(pixels)
    if pixels is None or asked is None:
        return {"print": None, "state": "open", "folded_into": None}
    into = _same(store, merchant_id, pixels, _near(connection, merchant_id, asked))
    return {"print": asked.tolist(), "state": "open" if into is None else "folded", "folded_into": into}


def unfold(connection: Connection, merchant_id: UUID, gone: Sequence[UUID]) -> int:
    """Ask what was folded into pictures that are about to go: the oldest of each, the others folded into it."""
    mine = sa.and_(items.c.merchant_id == merchant_id, items.c.folded_into.in_(gone), items.c.id.not_in(gone))
    rows = connection.execute(sa.select(items.c.id, items.c.folded_into).where(mine).order_by(items.c.asked_at)).all()
    heads: dict[UUID, UUID] = {}
    for row in rows:
        head = heads.setdefault(row.folded_into, row.id)
        values = {"state": "open", "folded_into": None} if head == row.id else {"folded_into": head}
        this = sa.and_(items.c.merchant_id == merchant_id, items.c.id == row.id)
        connection.execute(items.update().where(this).values(values))
    return len(rows)


def opened(content: bytes, *, small: bool = False) -> Pixels | None:
    """A picture (H, W, 3) BGR, half as large when ``small``; ``None`` when it is none."""
    how = cv2.IMREAD_REDUCED_COLOR_2 if small else cv2.IMREAD_COLOR
    try:
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), how)
    except cv2.error:
        return None
    return None if pixels is None else np.asarray(pixels, np.uint8)


def _near(connection: Connection, merchant_id: UUID, asked: Print) -> Sequence[Row[Any]]:
    connection.execute(sa.text(f"SET LOCAL hnsw.ef_search = {SEARCH}"))
    connection.execute(sa.text("SET LOCAL hnsw.iterative_scan = 'relaxed_order'"))
    away = items.c.print.max_inner_product(asked.tolist())
    mine = sa.and_(items.c.merchant_id == merchant_id, items.c.folded_into.is_(None), items.c.print.is_not(None))
    query = sa.select(items.c.id, items.c.image_sha256, away.label("away")).where(mine).order_by(away).limit(NEAREST)
    return [row for row in connection.execute(query) if -row.away >= MIN_ALIKE]


def _same(store: ImageStore, merchant_id: UUID, pixels: Pixels, near: Sequence[Row[Any]]) -> UUID | None:
    """The first of ``near`` that is this photograph; what was shredded is passed over."""
    asked = [(view(pixels), False)] if near else []
    for row in near:
        try:
            known = opened(store.get(merchant_id, row.image_sha256))
        except Problem as problem:
            if problem.code == "image.erased":
                continue
            raise
        if known is not None and agreement(asked, view(known)).same:
            found: UUID = row.id
            return found
    return None
