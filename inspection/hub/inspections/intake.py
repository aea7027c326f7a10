"""A report comes in: checked to the last byte, stored once, never overwritten."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import rfc8785
import sqlalchemy as sa
from pydantic import ValidationError
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Connection

from inspection.evidence import evidence_hash
from inspection.hub.accounts.tokens import Caller, ensure_station
from inspection.hub.events import EventKind, record
from inspection.hub.evidence import station_keys
from inspection.hub.evidence.entering import enter_verdict
from inspection.hub.images.service import held
from inspection.hub.inspections.tables import inspection_images, inspections
from inspection.hub.problems import Problem, faults
from inspection.hub.returns.receiving import receive
from inspection.report import InspectionReport


@dataclass(frozen=True, slots=True)
class CheckedReport:
    """A report whose evidence hash matches; ``text`` is what was received, to the letter."""

    text: str
    report: InspectionReport
    confirmed_at: datetime


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
    """Store a report, its pictures' names and the event in one transaction; a repeat changes nothing.

    Raises:
        Problem: ``station.mismatch``, ``inspection.signature``; ``inspection.conflict`` when this id and revision hold
            another report.
    """
    report = checked.report
    if caller.station_id is not None and caller.station_id != report.station_id:
        raise Problem("station.mismatch", f"this token reports for station {caller.station_id} only")
    ensure_station(connection, caller.merchant_id, report.station_id)
    signed = station_keys.examine(connection, caller, report)
    first = _insert(connection, caller, checked, clock_offset_s)
    if first is not None:
        _name_images(connection, caller, report)
        receive(connection, caller.merchant_id, report)
        _record(connection, caller, report)
        enter_verdict(connection, caller.merchant_id, report.inspection_id, report.revision, signed)
    received_at = first or _repeated(connection, caller, report)
    hashes = list(dict.fromkeys(picture.sha256 for picture in report.pictures))
    there = held(connection, caller.merchant_id, hashes)
    missing = [sha256 for sha256 in hashes if sha256 not in there]
    return Receipt(first is not None, report.inspection_id, report.revision, report.evidence_hash, received_at, missing)


def _insert(
    connection: Connection, caller: Caller, checked: CheckedReport, clock_offset_s: float | None
) -> datetime | None:
    """When the row was written; ``None`` when this id and revision are there already."""
    report = checked.report
    row = {
        "merchant_id": caller.merchant_id,
        "inspection_id": report.inspection_id,
        "revision": report.revision,
        "station_id": report.station_id,
        "rma": report.rma,
        "gtin": report.item.gtin,
        "serial": report.item.serial,
        "epc": report.item.epc_uri,
        "disposition": report.verdict.disposition.value,
        "grade": report.verdict.grade and report.verdict.grade.value,
        "decided_by": report.verdict.decided_by,
        "confirmed_at": checked.confirmed_at,
        "received_via": caller.token_id,
        "evidence_hash": report.evidence_hash,
        "clock_offset_s": clock_offset_s,
        "report": sa.cast(sa.literal(checked.text, sa.Text), JSONB),
    }
    # Of several that arrive at once, the others wait here until the first commits, then see its row.
    statement = postgresql.insert(inspections).values(row).on_conflict_do_nothing()
    return connection.execute(statement.returning(inspections.c.received_at)).scalar_one_or_none()


def _repeated(connection: Connection, caller: Caller, report: InspectionReport) -> datetime:
    """When this very report was received first."""
    key = sa.and_(
        inspections.c.merchant_id == caller.merchant_id,
        inspections.c.inspection_id == report.inspection_id,
        inspections.c.revision == report.revision,
    )
    columns = sa.select(inspections.c.evidence_hash, inspections.c.received_at)
    stored = connection.execute(columns.where(key)).one()
    if stored.evidence_hash != report.evidence_hash:
        detail = (
            f"revision {report.revision} of inspection {report.inspection_id} is another report; nothing was changed"
        )
        raise Problem("inspection.conflict", detail, stored_evidence_hash=stored.evidence_hash)
    moment: datetime = stored.received_at
    return moment


def _name_images(connection: Connection, caller: Caller, report: InspectionReport) -> None:
    rows = [
        {
            "merchant_id": caller.merchant_id,
            "inspection_id": report.inspection_id,
            "revision": report.revision,
            "position": position,
            "view": picture.view,
            "sha256": picture.sha256,
        }
        for position, picture in enumerate(report.pictures)
    ]
    if rows:
        connection.execute(inspection_images.insert(), rows)


def _record(connection: Connection, caller: Caller, report: InspectionReport) -> None:
    kind = EventKind.INSPECTION_CONFIRMED if report.revision == 1 else EventKind.INSPECTION_CORRECTED
    payload = {
        "revision": report.revision,
        "station_id": report.station_id,
        "rma": report.rma,
        "disposition": report.verdict.disposition.value,
        "evidence_hash": report.evidence_hash,
    }
    record(connection, caller.merchant_id, kind, str(report.inspection_id), payload)
