"""How often what was seen in customers' pictures is what the station then found, by kind of goods.

A case counts when its pictures were judged and its item was inspected: the newest revision of the newest inspection
under its number. Holds and pictures that only a person could judge agree with nothing; they are counted by themselves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from inspection.finding import Condition
from inspection.hub.inspections.tables import inspections
from inspection.hub.precheck.tables import cases, pictures, uploads
from inspection.products import Catalogue
from inspection.verdict import Disposition, Grade

UNKNOWN = "unknown"
DAMAGED = (Condition.MAJOR, Condition.CRITICAL)


class Pair(StrEnum):
    """What pre-check and station said of one item."""

    AGREE = "agree"
    NOT_CONFIRMED = "not_confirmed"
    NOT_SEEN = "not_seen"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Kind:
    """Counts of one kind of goods.

    Attributes:
        goods: word of the catalogue; ``unknown`` for an article that is not in it.
        agree: both saw damage, or neither.
        not_confirmed: damage in the pictures, none at the station.
        not_seen: damage at the station, none in the pictures.
        undecided: one of the two did not decide.
    """

    goods: str
    agree: int
    not_confirmed: int
    not_seen: int
    undecided: int

    @property
    def compared(self) -> int:
        """Items of which both said something."""
        return self.agree + self.not_confirmed + self.not_seen

    @property
    def share(self) -> float | None:
        """Of those, the share that agrees; ``None`` when there is none."""
        return self.agree / self.compared if self.compared else None


def agreement(connection: Connection, merchant_id: UUID, catalogue: Catalogue | None, days: int) -> tuple[Kind, ...]:
    """By kind of goods, the most frequent first; of inspections received in the last ``days`` days."""
    counts: dict[str, Counter[Pair]] = {}
    for row in connection.execute(_query(merchant_id, days)):
        product = catalogue.find(row.gtin) if catalogue is not None and row.gtin else None
        goods = product.goods if product is not None else UNKNOWN
        counts.setdefault(goods, Counter())[pair(row.conditions or (), row.disposition, row.grade)] += 1
    ranked = sorted(counts.items(), key=lambda each: (-each[1].total(), each[0]))
    return tuple(Kind(goods, *(found[which] for which in Pair)) for goods, found in ranked)


def pair(conditions: Iterable[str | None], disposition: str, grade: str | None) -> Pair:
    """What the conditions of a case's judged pictures and a station's verdict come to."""
    seen = [Condition(each) for each in conditions if each is not None]
    if not seen or disposition == Disposition.HOLD:
        return Pair.UNDECIDED
    said = any(each in DAMAGED for each in seen)
    found = disposition != Disposition.RESELL or grade == Grade.PARTS
    if said == found:
        return Pair.AGREE
    return Pair.NOT_CONFIRMED if said else Pair.NOT_SEEN


def total(kinds: Iterable[Kind]) -> Mapping[str, int]:
    """All kinds together."""
    counted = list(kinds)
    return {str(which): sum(getattr(each, which) for each in counted) for which in Pair}


def _query(merchant_id: UUID, days: int) -> sa.Select[tuple[str | None, str, str | None, list[str | None]]]:
    newest = (
        sa.select(inspections.c.rma, inspections.c.gtin, inspections.c.disposition, inspections.c.grade)
        .distinct(inspections.c.rma)
        .where(
            inspections.c.merchant_id == merchant_id,
            inspections.c.rma.is_not(None),
            inspections.c.received_at > sa.func.now() - timedelta(days=days),
        )
        .order_by(inspections.c.rma, inspections.c.received_at.desc(), inspections.c.revision.desc())
        .subquery()
    )
    seen = (
        sa.select(sa.func.array_agg(pictures.c.condition))
        .join(uploads, sa.and_(uploads.c.merchant_id == pictures.c.merchant_id, uploads.c.id == pictures.c.upload_id))
        .where(
            pictures.c.merchant_id == merchant_id,
            uploads.c.case_id == cases.c.id,
            uploads.c.state == "answered",
        )
        .correlate(cases)
        .scalar_subquery()
    )
    columns = newest.c.gtin, newest.c.disposition, newest.c.grade, seen.label("conditions")
    of = sa.and_(cases.c.merchant_id == merchant_id, cases.c.rma == newest.c.rma)
    return sa.select(*columns).join(cases, of)
