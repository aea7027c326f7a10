"""The signals of a case, as a person reads them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from inspection.finding import Defect
from inspection.hub.precheck.summary import seen_in
from inspection.hub.precheck.tables import cases
from inspection.hub.precheck.trust.claims import Claim, compared
from inspection.hub.precheck.trust.tables import prints, signals


def signals_of(connection: Connection, merchant_id: UUID, case_id: UUID) -> Sequence[Row[Any]]:
    """Each signal with ``other_rma``, the case of the picture that was seen before; the strongest first."""
    earlier = sa.and_(prints.c.merchant_id == signals.c.merchant_id, prints.c.picture_id == signals.c.other_picture_id)
    of = sa.and_(cases.c.merchant_id == prints.c.merchant_id, cases.c.id == prints.c.case_id)
    query = sa.select(signals, cases.c.rma.label("other_rma")).outerjoin(prints, earlier).outerjoin(cases, of)
    mine = sa.and_(signals.c.merchant_id == merchant_id, signals.c.case_id == case_id)
    return connection.execute(query.where(mine).order_by(signals.c.strength.desc(), signals.c.found_at)).all()


def claim_of(connection: Connection, case: Row[Any]) -> Claim | None:
    """What the customer wrote beside what was seen; ``None`` when it says nothing of damage.

    Made when it is read, from text and pictures as they are now: nothing has to be kept in step, or erased.
    """
    seen = seen_in(connection, case.merchant_id, case.id)
    return compared(case.problem, None if seen is None else frozenset(map(Defect, seen)))
