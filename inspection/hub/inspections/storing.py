"""The statements that store reports: one of each for any number of them.

They are written out, with one parameter for all rows: an insert that SQLAlchemy builds anew for every number of rows
takes longer to build than to run.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
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
            confirmed_at timestamptz, evidence_hash text, report text)
    ), met AS (
        INSERT INTO stations (merchant_id, station_id)
        SELECT DISTINCT CAST(:merchant_id AS uuid), station_id FROM given ORDER BY station_id
        ON CONFLICT DO NOTHING
    )
    INSERT INTO inspections (merchant_id, inspection_id, revision, station_id, rma, gtin, serial, epc, disposition,
        grade, decided_by, confirmed_at, received_via, evidence_hash, clock_offset_s, report)
    SELECT :merchant_id, inspection_id, revision, station_id, rma, gtin, serial, epc, disposition, grade, decided_by,
        confirmed_at, :received_via, evidence_hash, :clock_offset_s, CAST(report AS jsonb)
    FROM given
    ON CONFLICT DO NOTHING
    RETURNING inspection_id, revision, received_at,
        encode(sha256(convert_to(CAST(report AS text), 'UTF8')), 'hex') AS record_sha256
    """
).bindparams(
    sa.bindparam("merchant_id", type_=sa.Uuid),
    sa.bindparam("received_via", type_=sa.Uuid),
    sa.bindparam("clock_offset_s", type_=sa.Float),
    sa.bindparam("rows", type_=sa.Text),
)
_NAME_IMAGES = sa.text(
    """
    INSERT INTO inspection_images (merchant_id, inspection_id, revision, position, view, sha256)
    SELECT :merchant_id, row.* FROM json_to_recordset(CAST(:rows AS json)) AS row (inspection_id uuid, revision int,
        position int, view text, sha256 text)
    """
).bindparams(sa.bindparam("merchant_id", type_=sa.Uuid), sa.bindparam("rows", type_=sa.Text))
_STORED = sa.text(
    """
    SELECT i.inspection_id, i.revision, i.evidence_hash, i.received_at
    FROM unnest(:ids, :revisions) AS asked (inspection_id, revision)
    JOIN inspections i ON i.merchant_id = :merchant_id AND i.inspection_id = asked.inspection_id
        AND i.revision = asked.revision
    """
).bindparams(
    sa.bindparam("merchant_id", type_=sa.Uuid),
    sa.bindparam("ids", type_=ARRAY(sa.Uuid)),
    sa.bindparam("revisions", type_=ARRAY(sa.Integer)),
)


@dataclass(frozen=True, slots=True)
class CheckedReport:
    """A report whose evidence hash matches; ``text`` is what was received, to the letter."""

    text: str
    report: InspectionReport
    confirmed_at: datetime

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
    """A row that is there."""

    received_at: datetime
    evidence_hash: str


def insert(
    connection: Connection, caller: Caller, reports: Sequence[CheckedReport], clock_offset_s: float | None
) -> dict[Key, Written]:
    """Write the reports, and their stations when they are new; those whose id and revision are there already are not.

    Of two with one id and revision, the first is written.
    """
    values = {
        "merchant_id": caller.merchant_id,
        "received_via": caller.token_id,
        "clock_offset_s": clock_offset_s,
        "rows": json.dumps([_row(each) for each in reports], ensure_ascii=False),
    }
    made = connection.execute(_INSERT, values)
    return {(row.inspection_id, row.revision): Written(row.received_at, row.record_sha256) for row in made}


def stored(connection: Connection, merchant_id: UUID, keys: Collection[Key]) -> dict[Key, Stored]:
    """What is there under these ids and revisions."""
    if not keys:
        return {}
    ids, revisions = [key[0] for key in keys], [key[1] for key in keys]
    found = connection.execute(_STORED, {"merchant_id": merchant_id, "ids": ids, "revisions": revisions})
    return {(row.inspection_id, row.revision): Stored(row.received_at, row.evidence_hash) for row in found}


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


def _row(checked: CheckedReport) -> dict[str, Any]:
    report = checked.report
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
        "confirmed_at": checked.confirmed_at.isoformat(),
        "evidence_hash": report.evidence_hash,
        "report": checked.text,
    }
