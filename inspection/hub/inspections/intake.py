"""A report comes in: checked to the last byte, stored once, never overwritten."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import rfc8785
from pydantic import ValidationError
from sqlalchemy.engine import Connection

from inspection.epcis import Names
from inspection.evidence import evidence_hash
from inspection.hub.accounts.remembered import DEVICES, shut_out
from inspection.hub.accounts.tokens import Caller
from inspection.hub.epcis.verdicts import record_verdicts
from inspection.hub.events import EventKind, Happened, record_each
from inspection.hub.evidence import station_keys
from inspection.hub.evidence.entering import enter
from inspection.hub.images.service import held
from inspection.hub.inspections import storing
from inspection.hub.inspections.storing import CheckedReport, Delivery, Key, Stored, Written
from inspection.hub.inspections.turns import enter_turn
from inspection.hub.problems import Problem, faults
from inspection.hub.returns.receiving import received
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
    (outcome,) = accept_all(connection, caller.merchant_id, [Delivery(caller, checked, clock_offset_s)], Names())
    if isinstance(outcome, Problem):
        raise outcome
    return outcome


def accept_all(
    connection: Connection, merchant_id: UUID, deliveries: Sequence[Delivery], names: Names
) -> list[Receipt | Problem]:
    """Store one merchant's reports, their pictures' names, events and ledger entries; a repeat changes nothing.

    All of it is written in the caller's transaction, which is the first to see whether who brought them is let in yet.

    Returns:
        For each report in order its receipt, or why it was not stored: ``token.invalid``, ``station.mismatch``,
        ``inspection.signature``, or ``inspection.conflict`` when its id and revision hold another report.
    """
    refused = {place: problem for place, each in enumerate(deliveries) if (problem := _unfit(each))}
    live = enter_turn(connection, merchant_id, [each for place, each in enumerate(deliveries) if place not in refused])
    for place, each in enumerate(deliveries):
        if each.caller.kind in DEVICES and each.caller.token_id not in live:
            refused.setdefault(place, shut_out())
    fit = [each for place, each in enumerate(deliveries) if place not in refused]
    if not fit:
        return [refused[place] for place in range(len(deliveries))]
    written, there = storing.insert(connection, merchant_id, fit)
    fresh = {each.key: each for each in reversed(fit) if each.key in written}  # the first of a key stays
    new = [each for each in fit if fresh.get(each.key) is each]
    _follow_up(connection, merchant_id, new, written)
    record_verdicts(connection, merchant_id, [each.report for each in new], there, names)
    hashes = {picture.sha256 for each in fit for picture in each.report.pictures}
    held_now = held(connection, merchant_id, hashes)
    stored = {
        key: Stored(written[key].received_at, each.report.evidence_hash, None) for key, each in fresh.items()
    } | there
    return [
        refused.get(place) or _outcome(each.report, fresh.get(each.key) is each, stored, held_now)
        for place, each in enumerate(deliveries)
    ]


def _unfit(delivery: Delivery) -> Problem | None:
    """Why this report cannot be delivered by who brought it, whatever is stored."""
    caller, report = delivery.caller, delivery.report
    if caller.station_id is not None and caller.station_id != report.station_id:
        return Problem("station.mismatch", f"this token reports for station {caller.station_id} only")
    if report.signature is not None and not report.is_signed():
        return Problem("inspection.signature", "the station's signature is not one over this report's evidence hash")
    return None


def _follow_up(
    connection: Connection, merchant_id: UUID, new: Sequence[Delivery], written: Mapping[Key, Written]
) -> None:
    """What is written beside reports that were stored just now."""
    if not new:
        return
    reports = [each.report for each in new]
    storing.name_images(connection, merchant_id, reports)
    record_each(connection, merchant_id, [*received(reports), *map(_happened, reports)])
    facts = []
    for each in new:
        signed = station_keys.examine(connection, each.caller, each.report)
        row = written[each.key]
        facts.append(
            leaves.verdict(
                *each.key,
                evidence_hash=each.report.evidence_hash,
                record_sha256=row.record_sha256,
                received_at=row.received_at,
                received_via=each.caller.token_id,
                station_key=signed.key,
                station_key_trusted=signed.trusted,
                clock_offset_s=each.clock_offset_s,
            )
        )
    enter(connection, merchant_id, map(new_leaf, facts))


def _outcome(
    report: InspectionReport, is_new: bool, stored: Mapping[Key, Stored], held_now: Collection[str]
) -> Receipt | Problem:
    key = (report.inspection_id, report.revision)
    row = stored[key]
    if row.evidence_hash != report.evidence_hash:
        detail = f"revision {key[1]} of inspection {key[0]} is another report; nothing was changed"
        return Problem("inspection.conflict", detail, stored_evidence_hash=row.evidence_hash)
    hashes = dict.fromkeys(picture.sha256 for picture in report.pictures)
    missing = [sha256 for sha256 in hashes if sha256 not in held_now]
    return Receipt(is_new, *key, report.evidence_hash, row.received_at, missing)


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
