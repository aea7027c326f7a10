"""A return is received when the first of its items is reported by a station."""

from __future__ import annotations

from collections.abc import Iterable

from inspection.hub.events import EventKind, Happened
from inspection.report import InspectionReport


def received(reports: Iterable[InspectionReport]) -> list[Happened]:
    """The events ``return_received`` of these first reports, whether the return itself was imported or not.

    The table of events holds one for each RMA number (:func:`~inspection.hub.events.record_each`): of several first
    reports at once, one adds it; the others see that after its transaction. By RMA number, so that two transactions
    with the same ones cannot block each other.
    """
    first: dict[str, InspectionReport] = {}
    for report in reports:
        if report.rma is not None:
            first.setdefault(report.rma, report)
    return [(EventKind.RETURN_RECEIVED, rma, _payload(first[rma])) for rma in sorted(first)]


def _payload(report: InspectionReport) -> dict[str, str]:
    return {
        "station_id": report.station_id,
        "inspection_id": str(report.inspection_id),
        "arrived_at": report.started_at.isoformat(),
    }
