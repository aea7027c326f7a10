"""A return is received when the first of its items is reported by a station."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Connection

from inspection.hub.events import EventKind
from inspection.report import InspectionReport

_INSERT = sa.text(
    """
    INSERT INTO events (merchant_id, kind, subject, payload)
    SELECT :merchant_id, :kind, row.* FROM jsonb_to_recordset(:rows) AS row (subject text, payload jsonb)
    ON CONFLICT (merchant_id, subject) WHERE kind = 'return_received' DO NOTHING
    """
).bindparams(sa.bindparam("merchant_id", type_=sa.Uuid), sa.bindparam("rows", type_=JSONB))


def receive(connection: Connection, merchant_id: UUID, reports: Iterable[InspectionReport]) -> None:
    """Add the event ``return_received``, once for each RMA number, whether the return itself was imported or not.

    Of several first reports at once, one adds it; the others see that after its transaction. By RMA number, so that
    two batches with the same ones cannot block each other.
    """
    first: dict[str, InspectionReport] = {}
    for report in reports:
        if report.rma is not None:
            first.setdefault(report.rma, report)
    rows = [{"subject": rma, "payload": _payload(first[rma])} for rma in sorted(first)]
    if rows:
        connection.execute(_INSERT, {"merchant_id": merchant_id, "kind": EventKind.RETURN_RECEIVED.value, "rows": rows})


def _payload(report: InspectionReport) -> dict[str, str]:
    return {
        "station_id": report.station_id,
        "inspection_id": str(report.inspection_id),
        "arrived_at": report.started_at.isoformat(),
    }
