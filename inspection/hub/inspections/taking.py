"""Reports into the database: stored, their EPCIS events with them, and the senders' clocks noted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
import structlog

from inspection.epcis import Names
from inspection.hub.accounts.tokens import Caller
from inspection.hub.hub import Hub
from inspection.hub.inspections import clocks
from inspection.hub.inspections.intake import Receipt, accept_all, check_report
from inspection.hub.inspections.storing import CheckedReport, Delivery
from inspection.hub.problems import Problem

Outcome = Receipt | Exception
"""What became of a report. A :class:`Problem` is what is wrong with it; any other exception, that we failed."""
FAULTS_OF_ONE = (sa.exc.DataError, sa.exc.IntegrityError, sa.exc.ProgrammingError)
"""What the database says when it finds fault with one report of many."""
log = structlog.get_logger("hub.inspections")


@dataclass(frozen=True, slots=True)
class Brought:
    """A report as it was received.

    Attributes:
        text: to the letter.
        value: the JSON value of ``text``.
        sent: the sender's header ``Date``.
    """

    caller: Caller
    text: str
    value: Any
    sent: str | None = None


def take_all(hub: Hub, brought: Sequence[Brought]) -> list[Outcome]:
    """Check and store reports, each by itself, in one transaction a merchant; a repeat changes nothing.

    When the database finds fault with one of them, each has a transaction of its own.

    Returns:
        For each in order its receipt, what is wrong with it, or why it could not be stored.
    """
    now = datetime.now(UTC)
    outcomes: list[Outcome | None] = [None] * len(brought)
    by_merchant: dict[Any, list[tuple[int, Delivery]]] = {}
    for place, each in enumerate(brought):
        checked = _checked(each)
        if isinstance(checked, Problem):
            outcomes[place] = checked
        else:
            delivery = Delivery(each.caller, checked, clocks.offset_s(each.sent, now))
            by_merchant.setdefault(each.caller.merchant_id, []).append((place, delivery))
    for placed in by_merchant.values():
        for (place, _), outcome in zip(placed, _stored(hub, [each for _, each in placed]), strict=True):
            outcomes[place] = outcome
    return [each for each in outcomes if each is not None]


def told(hub: Hub, outcome: Outcome) -> Receipt:
    """The receipt, counted and logged.

    Raises:
        Problem: what is wrong with the report. Exception: why it could not be stored.
    """
    if isinstance(outcome, Receipt):
        became = "stored" if outcome.new else "exists"
        hub.metrics.inspections.labels(became).inc()
        log.info("inspection", inspection_id=str(outcome.inspection_id), revision=outcome.revision, outcome=became)
        return outcome
    if isinstance(outcome, Problem) and outcome.code == "inspection.conflict":
        hub.metrics.inspections.labels("conflict").inc()
    raise outcome


def names(hub: Hub) -> Names:
    """How this hub's things are called in EPCIS."""
    return Names(base_uri=hub.config.epcis.base_uri, gln=hub.config.epcis.gln)


def _checked(brought: Brought) -> CheckedReport | Problem:
    try:
        return check_report(brought.text, brought.value)
    except Problem as problem:
        return problem


def _stored(hub: Hub, deliveries: Sequence[Delivery]) -> Sequence[Outcome]:
    """What became of one merchant's reports."""
    try:
        return _store(hub, deliveries)
    except FAULTS_OF_ONE as error:
        if len(deliveries) == 1:
            return [error]
        return [outcome for each in deliveries for outcome in _stored(hub, [each])]
    except Exception as error:  # noqa: BLE001 - whoever waits for one of them is told
        return [error] * len(deliveries)


def _store(hub: Hub, deliveries: Sequence[Delivery]) -> list[Receipt | Problem]:
    merchant_id = deliveries[0].caller.merchant_id
    with hub.database.transaction() as connection:
        outcomes = accept_all(connection, merchant_id, deliveries, names(hub))
        offsets = {
            each.report.station_id: each.clock_offset_s
            for each, outcome in zip(deliveries, outcomes, strict=True)
            if isinstance(outcome, Receipt) and each.clock_offset_s is not None
        }
        clocks.note(connection, merchant_id, offsets, hub.config.reports.clock_tolerance_s)
    return outcomes
