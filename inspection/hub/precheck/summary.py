"""A case in short, for who inspects the item: what was answered and decided, nothing of who the customer is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from inspection.hub.precheck import cases
from inspection.hub.precheck.answers import NOT_JUDGED
from inspection.hub.precheck.tables import decisions, pictures, uploads

LEAST_PROBABILITY = 0.5
MAX_DEFECTS = 5


@dataclass(frozen=True, slots=True)
class Summary:
    """One case.

    Attributes:
        rma: number of its return.
        state: of :class:`inspection.hub.precheck.cases.State`.
        outcome: the automatic answer; ``None`` while there is none.
        defects: kinds of damage seen in judged pictures, the most probable first; at most `MAX_DEFECTS`.
        decision: the decision of a person that counts.
    """

    rma: str
    state: str
    outcome: str | None
    defects: tuple[str, ...]
    decision: str | None


def summary(connection: Connection, merchant_id: UUID, rma: str) -> Summary:
    """The case of a return in short.

    Raises:
        Problem: ``precheck.not_found``.
    """
    case = cases.of_return(connection, merchant_id, rma)
    decision = None
    if case.decided_by is not None:
        mine = sa.and_(decisions.c.merchant_id == merchant_id, decisions.c.id == case.decided_by)
        decision = connection.execute(sa.select(decisions.c.decision).where(mine)).scalar()
    defects = (seen_in(connection, merchant_id, case.id) or ())[:MAX_DEFECTS]
    return Summary(rma, case.state, case.outcome, defects, decision)


def seen_in(connection: Connection, merchant_id: UUID, case_id: UUID) -> tuple[str, ...] | None:
    """Kinds of damage seen in a case's judged pictures, the most probable first; ``None`` when none was judged."""
    of = sa.and_(uploads.c.merchant_id == pictures.c.merchant_id, uploads.c.id == pictures.c.upload_id)
    counts = uploads.c.case_id == case_id, uploads.c.state == "answered", uploads.c.step.not_in(NOT_JUDGED)
    query = sa.select(pictures.c.findings).join(uploads, of).where(pictures.c.merchant_id == merchant_id, *counts)
    found = connection.execute(query).scalars().all()
    return _defects(found) if found else None


def _defects(seen: Iterable[Iterable[Mapping[str, Any]]]) -> tuple[str, ...]:
    surest: dict[str, float] = {}
    for finding in (each for findings in seen for each in findings):
        if finding["probability"] >= LEAST_PROBABILITY:
            surest[finding["type"]] = max(finding["probability"], surest.get(finding["type"], 0.0))
    return tuple(sorted(surest, key=lambda kind: (-surest[kind], kind)))
