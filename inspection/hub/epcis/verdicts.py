"""What our own verdicts stand for, in the repository: written in the transaction that stores the verdict."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from inspection.epcis import CONTEXT, NAMESPACES, Event, Names, epcis_document
from inspection.hub.epcis.contexts import read_context
from inspection.hub.epcis.documents import Candidate
from inspection.hub.epcis.repository import store
from inspection.hub.epcis.tables import epcis_events
from inspection.hub.inspections.tables import inspections
from inspection.report import InspectionReport

_OUTER = [CONTEXT, dict(NAMESPACES)]
_CONTEXT = read_context(_OUTER)


def record_verdict(connection: Connection, merchant_id: UUID, report: InspectionReport, names: Names) -> None:
    """Add the events of a revision that was just stored.

    Whatever the order in which revisions arrive, in the end each has its events, and those that a later revision takes
    back have one error declaration beside them: that of the first later revision that was known. What is there already
    is not written again.

    Args:
        connection: the transaction that stored the revision.
        merchant_id: whose it is.
        report: the revision.
        names: how our own things are named.
    """
    # Two revisions that arrive at once would not see each other; the later to come here sees both.
    key = (merchant_id.int ^ report.inspection_id.int) & 0x7FFFFFFFFFFFFFFF
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.literal(key, sa.BigInteger))))
    reports = _revisions(connection, merchant_id, report)
    own = epcis_document([report], names)["epcisBody"]["eventList"]
    whole = epcis_document(reports, names)["epcisBody"]["eventList"] if len(reports) > 1 else []
    distinct = {(event["eventID"], "errorDeclaration" in event): event for event in [*whole, *own]}
    taken_back = _declared(connection, merchant_id, [event_id for event_id, declared in distinct if declared])
    fresh = [event for (event_id, declared), event in distinct.items() if not (declared and event_id in taken_back)]
    store(connection, merchant_id, [_candidate(event) for event in fresh])


def _revisions(connection: Connection, merchant_id: UUID, report: InspectionReport) -> list[InspectionReport]:
    """All revisions of the inspection that are there, oldest first."""
    table = inspections
    query = sa.select(table.c.report).where(
        table.c.merchant_id == merchant_id,
        table.c.inspection_id == report.inspection_id,
        table.c.revision != report.revision,
    )
    others = [InspectionReport.model_validate(row.report) for row in connection.execute(query)]
    return sorted([report, *others], key=lambda each: each.revision)


def _declared(connection: Connection, merchant_id: UUID, event_ids: Collection[str]) -> set[str]:
    """Which of these events have an error declaration of ours already."""
    if not event_ids:
        return set()
    table = epcis_events
    mine = sa.and_(
        table.c.merchant_id == merchant_id, table.c.event_id.in_(event_ids), table.c.declared_at.is_not(None)
    )
    return set(connection.execute(sa.select(table.c.event_id).where(mine)).scalars())


def _candidate(event: Event) -> Candidate:
    """Our own events are valid by construction, and their ids are their hashes; tests hold them to both."""
    return Candidate(event, _CONTEXT, _OUTER, event["eventID"], event["eventID"], [])
