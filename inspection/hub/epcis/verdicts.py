"""What our own verdicts stand for, in the repository: written in the transaction that stores the verdict."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from inspection.epcis import CONTEXT, NAMESPACES, Event, Names, epcis_document
from inspection.hub.epcis.contexts import read_context
from inspection.hub.epcis.documents import Candidate
from inspection.hub.epcis.repository import store
from inspection.hub.epcis.tables import epcis_events
from inspection.hub.inspections.storing import Stored
from inspection.report import InspectionReport

_OUTER = [CONTEXT, dict(NAMESPACES)]
_CONTEXT = read_context(_OUTER)


def record_verdicts(
    connection: Connection,
    merchant_id: UUID,
    reports: Sequence[InspectionReport],
    there: Mapping[tuple[UUID, int], Stored],
    names: Names,
) -> None:
    """Add the events of revisions that were just stored.

    Whatever the order in which revisions arrive, in the end each has its events, and those that a later revision takes
    back have one error declaration beside them: that of the first later revision that was known. What is there already
    is not written again.

    Args:
        connection: the transaction that stored the revisions, at its turn with these inspections.
        merchant_id: whose they are.
        reports: the revisions.
        there: other revisions, of these inspections or any, by inspection and revision.
        names: how our own things are named.
    """
    by_inspection: dict[UUID, list[InspectionReport]] = {}
    for report in reports:
        by_inspection.setdefault(report.inspection_id, []).append(report)
    known: dict[UUID, list[InspectionReport]] = {}
    for (inspection_id, _), row in there.items():
        if inspection_id in by_inspection:
            known.setdefault(inspection_id, []).append(InspectionReport.model_validate(row.report))
    distinct: dict[tuple[str, bool], Event] = {}
    for inspection_id, new in by_inspection.items():
        revisions = sorted([*new, *known.get(inspection_id, [])], key=lambda each: each.revision)
        whole = [revisions] if len(revisions) > 1 else []
        for each in (*whole, *([report] for report in new)):
            for event in epcis_document(each, names)["epcisBody"]["eventList"]:
                distinct[event["eventID"], "errorDeclaration" in event] = event
    taken_back = _declared(connection, merchant_id, [event_id for event_id, declared in distinct if declared])
    fresh = [event for (event_id, declared), event in distinct.items() if not (declared and event_id in taken_back)]
    store(connection, merchant_id, [_candidate(event) for event in fresh])


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
