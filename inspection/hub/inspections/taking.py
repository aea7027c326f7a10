"""One report into the database: stored, its EPCIS events with it, and the sender's clock noted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import structlog

from inspection.epcis import Names
from inspection.hub.accounts.tokens import Caller
from inspection.hub.epcis.verdicts import record_verdict
from inspection.hub.hub import Hub
from inspection.hub.inspections import clocks
from inspection.hub.inspections.intake import Receipt, accept, check_report
from inspection.hub.problems import Problem

log = structlog.get_logger("hub.inspections")


def take_in(hub: Hub, caller: Caller, text: str, value: Any, *, sent: str | None = None) -> Receipt:
    """Check and store one report; a repeat changes nothing.

    Args:
        text: the report as it was received.
        value: the JSON value of ``text``.
        sent: the sender's header ``Date``.

    Raises:
        Problem: what is wrong with it; nothing was stored.
    """
    checked = check_report(text, value)
    offset = clocks.offset_s(sent, datetime.now(UTC))
    try:
        with hub.database.transaction() as connection:
            receipt = accept(connection, caller, checked, clock_offset_s=offset)
            if receipt.new:
                record_verdict(connection, caller.merchant_id, checked.report, names(hub))
            if offset is not None:
                tolerance = hub.config.reports.clock_tolerance_s
                clocks.note(connection, caller.merchant_id, checked.report.station_id, offset, tolerance)
    except Problem as problem:
        if problem.code == "inspection.conflict":
            hub.metrics.inspections.labels("conflict").inc()
        raise
    outcome = "stored" if receipt.new else "exists"
    hub.metrics.inspections.labels(outcome).inc()
    log.info("inspection", inspection_id=str(receipt.inspection_id), revision=receipt.revision, outcome=outcome)
    return receipt


def names(hub: Hub) -> Names:
    """How this hub's things are called in EPCIS."""
    return Names(base_uri=hub.config.epcis.base_uri, gln=hub.config.epcis.gln)
