"""One report into the database: stored, its EPCIS events with it, and the sender's clock noted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import structlog

from inspection.epcis import Names
from inspection.hub.accounts.tokens import Caller
from inspection.hub.epcis.verdicts import record_verdicts
from inspection.hub.hub import Hub
from inspection.hub.inspections import clocks
from inspection.hub.inspections.intake import Receipt, accept_all, check_report
from inspection.hub.inspections.storing import CheckedReport
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
    (outcome,) = take_all(hub, caller, [(text, value)], sent=sent)
    if isinstance(outcome, Problem):
        raise outcome
    return outcome


def take_all(
    hub: Hub, caller: Caller, reports: Sequence[tuple[str, Any]], *, sent: str | None = None
) -> list[Receipt | Problem]:
    """Check and store reports, each by itself, in one transaction; see :func:`take_in`.

    Returns:
        For each in order its receipt, or what is wrong with it.
    """
    checked = [_checked(text, value) for text, value in reports]
    sound = [each for each in checked if isinstance(each, CheckedReport)]
    stored = iter(_store(hub, caller, sound, clocks.offset_s(sent, datetime.now(UTC))) if sound else [])
    outcomes = [each if isinstance(each, Problem) else next(stored) for each in checked]
    for outcome in outcomes:
        _count(hub, outcome)
    return outcomes


def _checked(text: str, value: Any) -> CheckedReport | Problem:
    try:
        return check_report(text, value)
    except Problem as problem:
        return problem


def _store(hub: Hub, caller: Caller, reports: Sequence[CheckedReport], offset: float | None) -> list[Receipt | Problem]:
    with hub.database.transaction() as connection:
        outcomes = accept_all(connection, caller, reports, clock_offset_s=offset)
        pairs = list(zip(reports, outcomes, strict=True))
        new = [each.report for each, outcome in pairs if isinstance(outcome, Receipt) and outcome.new]
        if new:
            record_verdicts(connection, caller.merchant_id, new, names(hub))
        taken = {each.report.station_id for each, outcome in pairs if isinstance(outcome, Receipt)}
        if offset is not None:
            tolerance = hub.config.reports.clock_tolerance_s
            for station_id in sorted(taken):
                clocks.note(connection, caller.merchant_id, station_id, offset, tolerance)
    return outcomes


def _count(hub: Hub, outcome: Receipt | Problem) -> None:
    if isinstance(outcome, Receipt):
        became = "stored" if outcome.new else "exists"
        hub.metrics.inspections.labels(became).inc()
        log.info("inspection", inspection_id=str(outcome.inspection_id), revision=outcome.revision, outcome=became)
    elif outcome.code == "inspection.conflict":
        hub.metrics.inspections.labels("conflict").inc()


def names(hub: Hub) -> Names:
    """How this hub's things are called in EPCIS."""
    return Names(base_uri=hub.config.epcis.base_uri, gln=hub.config.epcis.gln)
