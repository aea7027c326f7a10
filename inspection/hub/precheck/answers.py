"""What a case comes to from all its pictures: the likely outcome, and which picture says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from inspection.finding import Condition
from inspection.hub.events import EventKind, record
from inspection.hub.precheck import cases
from inspection.hub.precheck.cases import State
from inspection.hub.precheck.looking import Outcome
from inspection.hub.precheck.tables import pictures, uploads

DAMAGED = frozenset({Condition.MAJOR, Condition.CRITICAL})
NOT_JUDGED = frozenset({"label", "challenge"})
"""Steps whose pictures say who the item is, or that it is there now, and not how it is."""
_ORDER = (
    Outcome.REFUND_WITHOUT_RETURN,
    Outcome.REPAIR,
    Outcome.SEND_BACK,
    Outcome.PERSON,
)
"""Between pictures that show damage clearly and others that are doubtful, the clear ones answer, the customer's
favour first. Nothing here is final: the station and people decide."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a case.

    Attributes:
        outcome: what will probably happen.
        picture_id: of the picture that says so, when one does.
        why: sentence per language; empty where the outcome speaks for itself.
    """

    outcome: Outcome
    picture_id: UUID | None = None
    why: dict[str, str] | None = None

    def as_json(self) -> dict[str, Any]:
        """The answer as the case keeps it."""
        picture = None if self.picture_id is None else str(self.picture_id)
        return {"outcome": str(self.outcome), "picture": picture, "why": self.why or {}}


def answer(sent: Sequence[Row[Any]], seen: Sequence[Row[Any]]) -> Answer:
    """The answer of a case.

    Args:
        sent: its uploads.
        seen: their pictures.
    """
    states = {row.id: row for row in sent}
    judged = [row for row in seen if _counts(states.get(row.upload_id))]
    ranked = sorted(judged, key=_rank)
    best = ranked[0] if ranked else None
    if any(row.state == "parked" for row in sent) and (best is None or _rank(best) >= _ORDER.index(Outcome.PERSON)):
        return Answer(Outcome.PERSON)
    if best is None:
        return Answer(Outcome.MORE_PHOTOS)
    return Answer(_outcome(best), best.id, dict(best.why))


def settle(connection: Connection, case: Row[Any]) -> None:
    """Bring a locked case's answer up to date, once nothing of it waits; tells of it in the same transaction."""
    mine = sa.and_(uploads.c.merchant_id == case.merchant_id, uploads.c.case_id == case.id)
    sent = connection.execute(sa.select(uploads).where(mine, uploads.c.state != "receiving")).all()
    if any(row.state == "waiting" for row in sent):
        cases.move(connection, case, State.CHECKING)
        return
    of = sa.and_(pictures.c.merchant_id == case.merchant_id, pictures.c.upload_id.in_([row.id for row in sent]))
    seen = connection.execute(sa.select(pictures).where(of).order_by(pictures.c.judged_at, pictures.c.number)).all()
    found = answer(sent, seen)
    to = State.WITH_PERSON if found.outcome is Outcome.PERSON else State.ANSWERED
    cases.move(connection, case, to, outcome=found.outcome, answer=found.as_json())
    if case.state == State.CHECKING or case.outcome != found.outcome:
        payload = {"rma": case.rma, "outcome": str(found.outcome), "automatic": True}
        record(connection, case.merchant_id, EventKind.PRECHECK_ANSWERED, case.rma, payload)


def _counts(upload: Row[Any] | None) -> bool:
    return upload is not None and upload.state == "answered" and upload.step not in NOT_JUDGED


def _outcome(picture: Row[Any]) -> Outcome:
    """A picture that is not good and shows no damage proves nothing: a person looks."""
    outcome = Outcome(picture.outcome)
    if not picture.quality.get("ok", True) and picture.condition not in DAMAGED:
        return Outcome.PERSON
    return outcome


def _rank(picture: Row[Any]) -> int:
    outcome = _outcome(picture)
    if outcome is Outcome.SEND_BACK and picture.condition not in DAMAGED:
        return len(_ORDER)
    return _ORDER.index(outcome) if outcome in _ORDER else len(_ORDER) + 1
