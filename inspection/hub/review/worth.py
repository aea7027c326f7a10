"""What a label is worth: uncertainty x frequency of the goods x cost of a mistake.

    value = uncertainty * share * cost / 100

uncertainty
    0..1: the strongest of the reasons for asking, or the entropy of the condition's probabilities; see reasons.py.
share
    of the merchant's inspections in the last 30 days, how many were goods of this kind: (1 + n) / (1 + all).
cost
    of a mistake with one such item, minor units of the catalogue: the larger of what a bad one that is sold costs and
    what a good one that is scrapped loses. Of an article that is not in the catalogue: the catalogue's median.

So value is money: what the next mistakes of this kind are expected to cost, per inspection. Uncertainty sampling:
Lewis and Gale, SIGIR 1994; weighed by cost and by how many more like it will come: Settles, "Active Learning Literature
Survey", 2009, 3.6 (information density) and 6.3 (costs).
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from statistics import median
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection

from inspection.hub.inspections.tables import inspections
from inspection.hub.review.tables import goods, items
from inspection.products import Catalogue, Product

UNKNOWN = "unknown"
COUNTED_OVER = timedelta(days=30)
COUNT_EVERY = timedelta(minutes=10)
WITHOUT_CATALOGUE = 100
LEAST_SHARE = 1e-6
_OF_GOODS = sa.and_(goods.c.merchant_id == items.c.merchant_id, goods.c.goods == items.c.goods)
VALUE = (
    items.c.uncertainty
    * sa.func.coalesce(
        sa.select(goods.c.share).where(_OF_GOODS).correlate(items).scalar_subquery(), sa.literal(LEAST_SHARE)
    )
    * items.c.cost
    / 100.0
)
"""Of a row of ``review_items``: as it is now, however long the picture has waited."""


def goods_of(catalogue: Catalogue | None, gtin: str | None) -> str:
    """The kind of goods."""
    product = catalogue.find(gtin) if catalogue is not None else None
    return UNKNOWN if product is None else product.goods


def cost_of(catalogue: Catalogue | None, gtin: str | None) -> int:
    """What a mistake with this article costs, minor units."""
    if catalogue is None or not catalogue.products:
        return WITHOUT_CATALOGUE
    product = catalogue.find(gtin)
    if product is None:
        return int(median(map(_cost, catalogue.products.values())))
    return _cost(product)


def count_goods(connection: Connection, merchant_id: UUID, catalogue: Catalogue | None) -> bool:
    """Count anew how frequent each kind is, unless that was done within ten minutes; whether it was done now."""
    mine = goods.c.merchant_id == merchant_id
    fresh = sa.select(sa.literal(1)).where(mine, goods.c.counted_at > sa.func.now() - COUNT_EVERY).limit(1)
    if connection.execute(fresh).scalar() is not None:
        return False
    table = inspections
    recent = sa.and_(
        table.c.merchant_id == merchant_id,
        table.c.received_at > sa.func.now() - COUNTED_OVER,
        table.c.revision == 1,
    )
    by_gtin = sa.select(table.c.gtin, sa.func.count().label("seen")).where(recent).group_by(table.c.gtin)
    counts: Counter[str] = Counter()
    for row in connection.execute(by_gtin):
        counts[goods_of(catalogue, row.gtin)] += row.seen
    total = counts.total()
    if not counts:
        return False
    connection.execute(goods.delete().where(mine))
    rows = [{"merchant_id": merchant_id, "goods": kind, "share": (1 + n) / (1 + total)} for kind, n in counts.items()]
    connection.execute(postgresql.insert(goods).on_conflict_do_nothing(), rows)
    return True


def _cost(product: Product) -> int:
    scrapped = product.price_open_box - max(product.price_as_is, product.price_parts)
    return max(product.cost_bad_resale, scrapped, 0)
