"""Pictures that customers sent before, in another case of the same merchant: found by print, then looked at.

Of a million pictures the index gives those whose prints are nearest; they are opened and laid over the one asked for.
Nothing is compared across merchants: what customers of one sent is none of another's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import cv2
import numpy as np
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection

from inspection.frame import Pixels
from inspection.hub.images.store import ImageStore
from inspection.hub.precheck import keeping
from inspection.hub.precheck.tables import pictures
from inspection.hub.precheck.trust.prints import Vectors
from inspection.hub.precheck.trust.sameness import Agreement, agreement, view, views
from inspection.hub.precheck.trust.tables import prints
from inspection.hub.problems import Problem

NEAREST = 40
"""Prints per search that are looked at closely."""
MIN_ALIKE = 0.5
"""Inner product of prints below which pictures have nothing in common; measured by ``benchmarks.precheck_reuse``."""
SEARCH = 100
"""Length of the index's list of candidates (hnsw.ef_search)."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A picture that was seen before.

    Attributes:
        picture_id: of the earlier one.
        case_id: whose it is.
        agreement: how well they lie over each other.
    """

    picture_id: UUID
    case_id: UUID
    agreement: Agreement


def enter(
    connection: Connection, merchant_id: UUID, case_id: UUID, picture_id: UUID, network: str, vector: Vectors
) -> None:
    """Keep the print (256,) of a picture; the same again changes nothing."""
    row = {"merchant_id": merchant_id, "picture_id": picture_id, "case_id": case_id, "network": network}
    new = postgresql.insert(prints).values(row | {"print": vector.tolist()})
    again = {"network": new.excluded.network, "print": new.excluded.print, "made_at": sa.func.now()}
    connection.execute(new.on_conflict_do_update(index_elements=["merchant_id", "picture_id"], set_=again))


def near(
    connection: Connection, merchant_id: UUID, case_id: UUID, network: str, asked: Vectors
) -> list[tuple[UUID, UUID, str]]:
    """(picture, case, object in the store) of other cases' pictures whose prints are nearest to any asked (N, 256)."""
    connection.execute(sa.text(f"SET LOCAL hnsw.ef_search = {SEARCH}"))
    connection.execute(sa.text("SET LOCAL hnsw.iterative_scan = 'relaxed_order'"))
    found: dict[UUID, tuple[float, UUID, str]] = {}
    of = sa.and_(pictures.c.merchant_id == prints.c.merchant_id, pictures.c.id == prints.c.picture_id)
    for vector in asked:
        away = prints.c.print.max_inner_product(vector.tolist())
        query = (
            sa.select(prints.c.picture_id, prints.c.case_id, pictures.c.object_sha256, away.label("away"))
            .join(pictures, of)
            .where(prints.c.merchant_id == merchant_id, prints.c.network == network, prints.c.case_id != case_id)
            .order_by(away)
            .limit(NEAREST)
        )
        for row in connection.execute(query):
            if -row.away >= MIN_ALIKE:
                earlier = found.get(row.picture_id)
                nearest = row.away if earlier is None else min(row.away, earlier[0])
                found[row.picture_id] = (nearest, row.case_id, row.object_sha256)
    ranked = sorted(found.items(), key=lambda each: each[1][0])[:NEAREST]
    return [(picture_id, of_case, sha256) for picture_id, (_, of_case, sha256) in ranked]


def seen_before(
    store: ImageStore, merchant_id: UUID, pixels: Pixels, candidates: Sequence[tuple[UUID, UUID, str]]
) -> list[Seen]:
    """Those of ``candidates`` that show the photograph ``pixels``, the surest first.

    A candidate whose bytes were shredded or are away is passed over.
    """
    asked = views(pixels)
    found = []
    for picture_id, case_id, sha256 in candidates:
        try:
            content = keeping.get(store, merchant_id, sha256)
        except Problem:
            continue
        known = opened(content)
        if known is None:
            continue
        how = agreement(asked, view(known))
        if how.same:
            found.append(Seen(picture_id, case_id, how))
    return sorted(found, key=lambda each: -each.agreement.score)


def opened(content: bytes) -> Pixels | None:
    """A kept picture; ``None`` when it is none any more. It was encoded here, so it may be decoded here."""
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    return None if pixels is None else np.asarray(pixels, np.uint8)
