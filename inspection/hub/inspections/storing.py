"""The statements that store reports: one of each for any number of them.

They are written out, with one parameter for all rows: an insert that SQLAlchemy builds anew for every number of rows
takes longer to build than to run.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Connection

from inspection.hub.accounts.tokens import Caller
from inspection.report import InspectionReport

Key = tuple[UUID, int]
"""Inspection id and revision."""

_INSERT = sa.text(
    """
    WITH given AS (
        SELECT * FROM json_to_recordset(CAST(:rows AS json)) AS row (inspection_id uuid, revision int, station_id text,
            rma text, gtin text, serial text, epc text, disposition text, grade text, decided_by text,
            confirmed_at timestamptz, received_via uuid, evidence_hash text, clock_offset_s float8, report text)
    ), met AS (
        INSERT INTO stations (merchant_id, station_id)
        SELECT DISTINCT CAST(:merchant_id AS uuid), station_id FROM given ORDER BY station_id
        ON CONFLICT DO NOTHING
    ), made AS (
        INSERT INTO inspections (merchant_id, inspection_id, revision, station_id, rma, gtin, serial, epc, disposition,
            grade, decided_by, confirmed_at, received_via, evidence_hash, clock_offset_s, report)
        SELECT :merchant_id, inspection_id, revision, station_id, rma, gtin, serial, epc, disposition, grade,
            decided_by, confirmed_at, received_via, evidence_hash, clock_offset_s, CAST(report AS jsonb)
        FROM given
        ON CONFLICT DO NOTHING
        RETURNING inspection_id, revision, received_at,
            encode(sha256(convert_to(CAST(report AS text), 'UTF8')), 'hex') AS record_sha256
    )
    SELECT inspection_id, revision, received_at, record_sha256, NULL AS evidence_hash, CAST(NULL AS jsonb) AS report
    FROM made
    UNION ALL
    SELECT inspection_id, revision, received_at, NULL, evidence_hash, report FROM inspections
    WHERE merchant_id = :merchant_id AND inspection_id = ANY(:ids)
    """
).bindparams(
    sa.bindparam("merchant_id", type_=sa.Uuid),
    sa.bindparam("ids", type_=ARRAY(sa.Uuid)),
    sa.bindparam("rows", type_=sa.Text),
)
"""Written now, and beside it what was there before: a statement does not see what it writes itself."""
_NAME_IMAGES = sa.text(
    """
    INSERT INTO inspection_images (merchant_id, inspection_id, revision, position, view, sha256)
    SELECT :merchant_id, row.* FROM json_to_recordset(CAST(:rows AS json)) AS row (inspection_id uuid, revision int,
        position int, view text, sha256 text)
    """
).bindparams(sa.bindparam("merchant_id", type_=sa.Uuid), sa.bindparam("rows", type_=sa.Text))


@dataclass(frozen=True, slots=True)
class CheckedReport:
    """A report whose evidence hash matches; ``text`` is what was received, to the letter."""

    text: str
    report: InspectionReport
    confirmed_at: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """A checked report and who brought it. ``clock_offset_s``: the sender's clock minus ours, when it said the time."""

    caller: Caller
    checked: CheckedReport
    clock_offset_s: float | None = None

    @property
    def report(self) -> InspectionReport:
        """What was brought."""
        return self.checked.report

    @property
    def key(self) -> Key:
        """Its inspection and revision."""
        return self.report.inspection_id, self.report.revision


@dataclass(frozen=True, slots=True)
class Written:
    """A row that was written now. ``record_sha256`` is of the report's text as PostgreSQL spells it."""

    received_at: datetime
    record_sha256: str


@dataclass(frozen=True, slots=True)
class Stored:
    """A row that was there before; ``report`` is its JSON value."""

    received_at: datetime
    evidence_hash: str
    report: Any


def insert(
    connection: Connection, merchant_id: UUID, deliveries: Sequence[Delivery]
) -> tuple[dict[Key, Written], dict[Key, Stored]]:
    """Write reports, and their stations when they are new; those whose id and revision are there already are not.

    Of two with one id and revision, the first is written.

    Returns:
        What was written, and every revision of these inspections that was there before.
    """
    values = {
        "merchant_id": merchant_id,
        "ids": list({each.report.inspection_id for each in deliveries}),
        "rows": json.dumps([_row(each) for each in deliveries], ensure_ascii=False),
    }
    written: dict[Key, Written] = {}
    there: dict[Key, Stored] = {}
    for row in connection.execute(_INSERT, values):
        key = (row.inspection_id, row.revision)
        if row.evidence_hash is None:
            written[key] = Written(row.received_at, row.record_sha256)
        else:
            there[key] = Stored(row.received_at, row.evidence_hash, row.report)
    return written, there


def name_images(connection: Connection, merchant_id: UUID, reports: Iterable[InspectionReport]) -> None:
    """Write down which pictures these reports, just written, name."""
    rows = [
        {
            "inspection_id": str(report.inspection_id),
            "revision": report.revision,
            "position": position,
            "view": picture.view,
            "sha256": picture.sha256,
        }
        for report in reports
        for position, picture in enumerate(report.pictures)
    ]
    if rows:
        connection.execute(_NAME_IMAGES, {"merchant_id": merchant_id, "rows": json.dumps(rows)})


def _row(delivery: Delivery) -> dict[str, Any]:
    report = delivery.report
    return {
        "inspection_id": str(report.inspection_id),
        "revision": report.revision,
        "station_id": report.station_id,
        "rma": report.rma,
        "gtin": report.item.gtin,
        "serial": report.item.serial,
        "epc": report.item.epc_uri,
        "disposition": report.verdict.disposition.value,
        "grade": report.verdict.grade and report.verdict.grade.value,
        "decided_by": report.verdict.decided_by,
        "confirmed_at": delivery.checked.confirmed_at.isoformat(),
        "received_via": str(delivery.caller.token_id),
        "evidence_hash": report.evidence_hash,
        "clock_offset_s": delivery.clock_offset_s,
        "report": delivery.checked.text,
    }
