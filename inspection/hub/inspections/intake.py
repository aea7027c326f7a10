"""A report comes in: checked to the last byte, stored once, never overwritten."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import rfc8785
from pydantic import ValidationError
from sqlalchemy.engine import Connection

from inspection.evidence import evidence_hash
from inspection.hub.accounts.tokens import Caller
from inspection.hub.epcis.verdicts import serialise
from inspection.hub.events import EventKind, Happened, record_each
from inspection.hub.evidence import station_keys
from inspection.hub.evidence.entering import enter
from inspection.hub.images.service import held
from inspection.hub.inspections import storing
from inspection.hub.inspections.storing import CheckedReport, Key, Stored, Written
from inspection.hub.problems import Problem, faults
from inspection.hub.returns.receiving import receive
from inspection.ledger import leaves
from inspection.ledger.leaves import new_leaf
from inspection.report import InspectionReport


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a report. ``new`` is false when this very revision was already there."""

    new: bool
    inspection_id: UUID
    revision: int
    evidence_hash: str
    received_at: datetime
    missing_images: list[str]


def check_report(text: str, value: Any) -> CheckedReport:
    """Whether ``value``, parsed from ``text``, is a report whose evidence hash is that of the received members.

    The hash is taken over the JSON that came in, not over our reading of it: the two could differ.

    Raises:
        Problem: ``request.invalid``, ``inspection.evidence_mismatch``.
    """
    try:
        report = InspectionReport.model_validate(value)
        confirmed_at = report.confirmed_at.astimezone(UTC)
        actual = evidence_hash(value)
    except ValidationError as error:
        raise Problem("request.invalid", "see errors", errors=faults(error)) from None
    except OverflowError:
        fault = {"pointer": "/confirmed_at", "message": "out of range"}
        raise Problem("request.invalid", "see errors", errors=[fault]) from None
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError):
        fault = {"pointer": "", "message": "has no canonical form (RFC 8785): a number or a text is out of range"}
        raise Problem("request.invalid", "see errors", errors=[fault]) from None
    if actual != report.evidence_hash:
        detail = f"the report says {report.evidence_hash}, its content has {actual}"
        raise Problem("inspection.evidence_mismatch", detail, actual=actual)
    return CheckedReport(text, report, confirmed_at)


def accept(
    connection: Connection, caller: Caller, checked: CheckedReport, *, clock_offset_s: float | None = None
) -> Receipt:
    """Store one report in the caller's transaction; see :func:`accept_all`.

    Raises:
        Problem: why it was not stored.
    """
    (outcome,) = accept_all(connection, caller, [checked], clock_offset_s=clock_offset_s)
    if isinstance(outcome, Problem):
        raise outcome
    return outcome


def accept_all(
    connection: Connection, caller: Caller, reports: Sequence[CheckedReport], *, clock_offset_s: float | None = None
) -> list[Receipt | Problem]:
    """Store reports, their pictures' names, events and ledger entries in one transaction; a repeat changes nothing.

    Returns:
        For each report in order its receipt, or why it was not stored: ``station.mismatch``,
        ``inspection.signature``, or ``inspection.conflict`` when its id and revision hold another report.
    """
    merchant_id = caller.merchant_id
    refused = {place: problem for place, each in enumerate(reports) if (problem := _unfit(caller, each.report))}
    fit = [each for place, each in enumerate(reports) if place not in refused]
    if not fit:
        return list(refused.values())
    serialise(connection, merchant_id, {each.report.inspection_id for each in fit})
    written = storing.insert(connection, caller, fit, clock_offset_s)
    fresh = {each.key: each.report for each in reversed(fit) if each.key in written}  # the first of a key stays
    new = [each for each in fit if fresh.get(each.key) is each.report]
    _follow_up(connection, caller, [each.report for each in new], written, clock_offset_s)
    there = storing.stored(
        connection, merchant_id, {each.key for each in fit} - {each.key for each in new} | _twice(fit)
    )
    hashes = {picture.sha256 for each in fit for picture in each.report.pictures}
    held_now = held(connection, merchant_id, hashes)
    return [
        refused.get(place) or _outcome(each.report, fresh.get(each.key) is each.report, written, there, held_now)
        for place, each in enumerate(reports)
    ]


def _unfit(caller: Caller, report: InspectionReport) -> Problem | None:
    """Why ``caller`` cannot deliver this report, whatever is stored."""
    if caller.station_id is not None and caller.station_id != report.station_id:
        return Problem("station.mismatch", f"this token reports for station {caller.station_id} only")
    if report.signature is not None and not report.is_signed():
        return Problem("inspection.signature", "the station's signature is not one over this report's evidence hash")
    return None


def _follow_up(
    connection: Connection,
    caller: Caller,
    new: Sequence[InspectionReport],
    written: Mapping[Key, Written],
    clock_offset_s: float | None,
) -> None:
    """What is written beside reports that were stored just now."""
    if not new:
        return
    storing.name_images(connection, caller.merchant_id, new)
    receive(connection, caller.merchant_id, new)
    record_each(connection, caller.merchant_id, [_happened(report) for report in new])
    facts = []
    for report in new:
        signed = station_keys.examine(connection, caller, report)
        row = written[report.inspection_id, report.revision]
        facts.append(
            leaves.verdict(
                report.inspection_id,
                report.revision,
                evidence_hash=report.evidence_hash,
                record_sha256=row.record_sha256,
                received_at=row.received_at,
                received_via=caller.token_id,
                station_key=signed.key,
                station_key_trusted=signed.trusted,
                clock_offset_s=clock_offset_s,
            )
        )
    enter(connection, caller.merchant_id, map(new_leaf, facts))


def _twice(reports: Sequence[CheckedReport]) -> set[Key]:
    """Ids and revisions that more than one of these reports has."""
    return {key for key, number in Counter(each.key for each in reports).items() if number > 1}


def _outcome(
    report: InspectionReport,
    is_new: bool,
    written: Mapping[Key, Written],
    there: Mapping[Key, Stored],
    held_now: Collection[str],
) -> Receipt | Problem:
    key = (report.inspection_id, report.revision)
    if not is_new and there[key].evidence_hash != report.evidence_hash:
        detail = f"revision {key[1]} of inspection {key[0]} is another report; nothing was changed"
        return Problem("inspection.conflict", detail, stored_evidence_hash=there[key].evidence_hash)
    received_at = written[key].received_at if is_new else there[key].received_at
    hashes = dict.fromkeys(picture.sha256 for picture in report.pictures)
    missing = [sha256 for sha256 in hashes if sha256 not in held_now]
    return Receipt(is_new, *key, report.evidence_hash, received_at, missing)


def _happened(report: InspectionReport) -> Happened:
    kind = EventKind.INSPECTION_CONFIRMED if report.revision == 1 else EventKind.INSPECTION_CORRECTED
    payload = {
        "revision": report.revision,
        "station_id": report.station_id,
        "rma": report.rma,
        "disposition": report.verdict.disposition.value,
        "evidence_hash": report.evidence_hash,
    }
    return kind, str(report.inspection_id), payload
