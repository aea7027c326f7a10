"""Capture jobs: a document's events into the repository, all or as many as can be (EPCIS 2.0, 8.1 and 12.7)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from inspection.hub.accounts.tokens import Caller
from inspection.hub.epcis import reading, repository
from inspection.hub.epcis.documents import Candidate, Document, with_events
from inspection.hub.epcis.pages import Page
from inspection.hub.epcis.tables import epcis_captures
from inspection.hub.problems import Problem

MAX_ERRORS = 50


class Behaviour(StrEnum):
    """What one bad event means for the others of its capture."""

    ROLLBACK = "rollback"
    PROCEED = "proceed"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one capture may bring."""

    events: int
    bytes: int

    def headers(self) -> dict[str, str]:
        """As the standard announces them."""
        return {
            "GS1-EPCIS-Capture-Limit": str(self.events),
            "GS1-EPCIS-Capture-File-Size-Limit": str(self.bytes),
        }


def refuse_invalid(document: Document, behaviour: Behaviour, limits: Limits) -> None:
    """Whether a capture may begin at all.

    Raises:
        Problem: ``epcis.capture_limit``; ``epcis.invalid`` when the document does not fit, or one of its events does
            not and ``behaviour`` is ``rollback``.
    """
    if len(document.candidates) > limits.events:
        detail = f"{len(document.candidates)} events; at most {limits.events} are taken"
        raise Problem("epcis.capture_limit", detail, headers=limits.headers())
    found = list(document.faults)
    if behaviour is Behaviour.ROLLBACK or document.frame is None:
        found += [fault for candidate in document.candidates for fault in candidate.faults]
    if found:
        first = found[0]
        raise Problem(
            "epcis.invalid", f"{first['pointer'] or 'the document'}: {first['message']}", errors=found[:MAX_ERRORS]
        )


def capture(connection: Connection, caller: Caller, document: Document, behaviour: Behaviour) -> UUID:
    """Store what ``document`` brings, and the job that tells of it, in one transaction. Returns the job's id."""
    good = [candidate for candidate in document.candidates if not candidate.faults]
    errors = [_invalid(candidate) for candidate in document.candidates if candidate.faults]
    repository.serialise_captures(connection, caller.merchant_id)
    attempt = connection.begin_nested()
    stored = repository.store(connection, caller.merchant_id, good)
    errors += [_conflict(each.event_id) for each in stored if each.seq is None]
    seqs = [each.seq for each in stored if each.seq is not None]
    if errors and behaviour is Behaviour.ROLLBACK:
        attempt.rollback()
        seqs = []
    else:
        attempt.commit()
        repository.note_master_data(connection, caller.merchant_id, document.frame or {})
    row = {
        "merchant_id": caller.merchant_id,
        "finished_at": datetime.now(UTC),
        "captured_via": caller.token_id,
        "success": not errors,
        "behaviour": behaviour.value,
        "event_count": len(seqs),
        "errors": errors[:MAX_ERRORS],
        "frame": document.frame if document.frame is not None else sa.null(),
        "event_seqs": seqs,
    }
    statement = epcis_captures.insert().values(row).returning(epcis_captures.c.capture_id)
    found: UUID = connection.execute(statement).scalar_one()
    return found


def capture_one(connection: Connection, caller: Caller, candidate: Candidate) -> str:
    """Store a single event. Returns its id.

    Raises:
        Problem: ``epcis.exists`` when its id is taken, be it by the same event.
    """
    repository.serialise_captures(connection, caller.merchant_id)
    (stored,) = repository.store(connection, caller.merchant_id, [candidate])
    if not stored.new:
        detail = "this very event is there already" if stored.seq is not None else "another event has this id"
        raise Problem("epcis.exists", f"{detail}; nothing was changed")
    return stored.event_id


def job(connection: Connection, merchant_id: UUID, capture_id: str) -> dict[str, Any]:
    """One capture job as the standard shows it.

    Raises:
        Problem: ``epcis.unknown``.
    """
    return _shown(_row(connection, merchant_id, capture_id))


def jobs(connection: Connection, merchant_id: UUID, page: Page) -> tuple[list[dict[str, Any]], list[Any] | None]:
    """A page of capture jobs, newest first, and the place of the next."""
    table = epcis_captures
    query = sa.select(table).where(table.c.merchant_id == merchant_id)
    if page.after is not None:
        if len(page.after) != 1 or not isinstance(page.after[0], int) or abs(page.after[0]) >= 1 << 62:
            raise Problem("epcis.query", "nextPageToken: use the link of the page before, unchanged")
        query = query.where(table.c.seq < page.after[0])
    rows = connection.execute(query.order_by(table.c.seq.desc()).limit(page.size + 1)).all()
    shown = rows[: page.size]
    return [_shown(row) for row in shown], [shown[-1].seq] if len(rows) > page.size else None


def document_of(connection: Connection, merchant_id: UUID, capture_id: str) -> dict[str, Any]:
    """The document that a capture brought, with the events that were stored, without record times.

    Raises:
        Problem: ``epcis.unknown``.
    """
    row = _row(connection, merchant_id, capture_id)
    held = reading.by_seq(connection, merchant_id, row.event_seqs)
    if row.frame is None:
        if not held:
            raise Problem("epcis.unknown", "the event of this capture was not stored")
        (one,) = held
        return {"@context": one.context, **one.event}
    return with_events(row.frame, [each.event for each in held])


def _row(connection: Connection, merchant_id: UUID, capture_id: str) -> Row[Any]:
    table = epcis_captures
    try:
        key = UUID(capture_id)
    except ValueError:
        raise Problem("epcis.unknown", "no such capture job") from None
    found = connection.execute(
        sa.select(table).where(table.c.merchant_id == merchant_id, table.c.capture_id == key)
    ).one_or_none()
    if found is None:
        raise Problem("epcis.unknown", "no such capture job")
    return found


def _shown(row: Row[Any]) -> dict[str, Any]:
    return {
        "captureID": str(row.capture_id),
        "createdAt": _instant(row.created_at),
        "finishedAt": _instant(row.finished_at),
        "running": False,
        "success": row.success,
        "captureErrorBehaviour": row.behaviour,
        "eventCount": row.event_count,
        "errors": row.errors,
    }


def _invalid(candidate: Candidate) -> dict[str, Any]:
    first = candidate.faults[0]
    return {
        "type": "epcisException:ValidationException",
        "title": "Not valid EPCIS 2.0",
        "status": 400,
        "detail": f"{first['pointer']}: {first['message']}",
        "errors": candidate.faults,
    }


def _conflict(event_id: str) -> dict[str, Any]:
    return {
        "type": "epcisException:ResourceAlreadyExistsException",
        "title": "Another event has this id",
        "status": 409,
        "detail": f"the repository holds another event as {event_id}",
    }


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
