"""A return is received when the first of its items is reported by a station."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection

from inspection.hub.events import EventKind
from inspection.hub.tables import events
from inspection.report import InspectionReport

ONCE = sa.text("kind = 'return_received'")


def receive(connection: Connection, merchant_id: UUID, report: InspectionReport) -> None:
    """Add the event ``return_received``, once for each RMA number, whether the return itself was imported or not.

    Of several first reports at once, one adds it; the others see that after its transaction.
    """
    if report.rma is None:
        return
    payload = {
        "station_id": report.station_id,
        "inspection_id": str(report.inspection_id),
        "arrived_at": report.started_at.isoformat(),
    }
    row = {
        "merchant_id": merchant_id,
        "kind": EventKind.RETURN_RECEIVED.value,
        "subject": report.rma,
        "payload": payload,
    }
    adding = postgresql.insert(events).values(row)
    connection.execute(adding.on_conflict_do_nothing(index_elements=["merchant_id", "subject"], index_where=ONCE))
