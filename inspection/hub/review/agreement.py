"""How far two people say the same of the same picture, before anybody decides between them."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from inspection.finding import Condition, Defect
from inspection.hub.review.kappa import kappa, squared
from inspection.hub.review.opinions import Opinion, stored
from inspection.hub.review.schemas import AgreementReport, DefectAgreement, State
from inspection.hub.review.tables import items, labels

MOST_LABELS = 20_000
_ORDER = list(Condition)


def agreement(connection: Connection, merchant_id: UUID, days: int) -> AgreementReport:
    """Of the pictures that two people labelled within the last ``days`` days; the newest 20,000 labels."""
    pairs = _pairs(connection, merchant_id, days)
    graded = [
        (_ORDER.index(one.condition), _ORDER.index(other.condition))
        for one, other in pairs
        if one.condition is not None and other.condition is not None
    ]
    useful = [(one, other) for one, other in pairs if not one.useless and not other.useless]
    mine = sa.and_(items.c.merchant_id == merchant_id, items.c.state == State.DISPUTED)
    return AgreementReport(
        pairs=len(pairs),
        condition_pairs=len(graded),
        condition_kappa=kappa(graded, squared),
        useless_kappa=kappa([(one.useless, other.useless) for one, other in pairs]),
        same=sum(one.same_as(other) for one, other in pairs),
        disputed=connection.execute(sa.select(sa.func.count()).where(mine)).scalar_one(),
        defects=[_of_defect(defect, useful) for defect in Defect],
    )


def _of_defect(defect: Defect, pairs: list[tuple[Opinion, Opinion]]) -> DefectAgreement:
    said = [(defect in one.defects, defect in other.defects) for one, other in pairs]
    both, one = sum(a and b for a, b in said), sum(a != b for a, b in said)
    return DefectAgreement(defect=defect, kappa=kappa(said), both=both, one=one)


def _pairs(connection: Connection, merchant_id: UUID, days: int) -> list[tuple[Opinion, Opinion]]:
    """The first two live labels of each picture, in the order in which they were given."""
    mine = sa.and_(
        labels.c.merchant_id == merchant_id,
        labels.c.kind == "label",
        labels.c.undone_at.is_(None),
        labels.c.at > sa.func.now() - timedelta(days=days),
    )
    query = sa.select(labels).where(mine).order_by(labels.c.at.desc()).limit(MOST_LABELS)
    by_item: dict[UUID, list[Opinion]] = {}
    for row in reversed(connection.execute(query).all()):
        by_item.setdefault(row.item_id, []).append(stored(row))
    return [(found[0], found[1]) for found in by_item.values() if len(found) > 1]
