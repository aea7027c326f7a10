"""Looking up inspections."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from inspection.hub.cursors import encode_cursor
from inspection.hub.images.tables import images
from inspection.hub.inspections.schemas import (
    ImageState,
    InspectionDetail,
    InspectionPage,
    InspectionSummary,
    RevisionSummary,
)
from inspection.hub.inspections.tables import inspection_images, inspections
from inspection.hub.problems import Problem
from inspection.report import InspectionReport
from inspection.verdict import Disposition

_later = inspections.alias("later")
NEWEST = ~sa.exists().where(
    _later.c.merchant_id == inspections.c.merchant_id,
    _later.c.inspection_id == inspections.c.inspection_id,
    _later.c.revision > inspections.c.revision,
)
_SUMMARY = [column for column in inspections.c if column.name not in {"report", "merchant_id", "received_via"}]


def detail(connection: Connection, merchant_id: UUID, inspection_id: UUID) -> InspectionDetail:
    """One inspection.

    Raises:
        Problem: ``inspection.unknown``.
    """
    rows = _revisions(connection, merchant_id, inspection_id)
    newest = rows[-1]
    states = _images(connection, merchant_id, inspection_id, newest.revision)
    return InspectionDetail(
        **_summary(newest).model_dump(),
        report=newest.report,
        images=states,
        complete=all(state.held for state in states),
        revisions=[RevisionSummary.model_validate(row, from_attributes=True) for row in rows],
    )


def reports(connection: Connection, merchant_id: UUID, inspection_id: UUID) -> list[InspectionReport]:
    """All revisions of an inspection, oldest first.

    Raises:
        Problem: ``inspection.unknown``.
    """
    rows = _revisions(connection, merchant_id, inspection_id)
    return [InspectionReport.model_validate(row.report) for row in rows]


def page(
    connection: Connection,
    merchant_id: UUID,
    *,
    limit: int,
    after: tuple[datetime, UUID] | None = None,
    rma: str | None = None,
    disposition: Disposition | None = None,
) -> InspectionPage:
    """A page of the newest revisions, newest first."""
    table = inspections
    query = sa.select(*_SUMMARY).where(table.c.merchant_id == merchant_id, NEWEST)
    if rma is not None:
        query = query.where(table.c.rma == rma)
    if disposition is not None:
        query = query.where(table.c.disposition == disposition.value)
    if after is not None:
        place = sa.tuple_(sa.literal(after[0]), sa.literal(after[1]))
        query = query.where(sa.tuple_(table.c.received_at, table.c.inspection_id) < place)
    query = query.order_by(table.c.received_at.desc(), table.c.inspection_id.desc()).limit(limit + 1)
    rows = connection.execute(query).all()
    shown = rows[:limit]
    more = encode_cursor(shown[-1].received_at, shown[-1].inspection_id) if len(rows) > limit else None
    return InspectionPage(inspections=[_summary(row) for row in shown], next_cursor=more)


def of_return(connection: Connection, merchant_id: UUID, rma: str) -> list[InspectionSummary]:
    """The newest revisions of every inspection that names ``rma``, oldest first; at most 500."""
    table = inspections
    query = sa.select(*_SUMMARY).where(table.c.merchant_id == merchant_id, table.c.rma == rma, NEWEST)
    rows = connection.execute(query.order_by(table.c.received_at, table.c.inspection_id).limit(500))
    return [_summary(row) for row in rows]


def _revisions(connection: Connection, merchant_id: UUID, inspection_id: UUID) -> list[Row[Any]]:
    mine = sa.and_(inspections.c.merchant_id == merchant_id, inspections.c.inspection_id == inspection_id)
    rows = connection.execute(sa.select(inspections).where(mine).order_by(inspections.c.revision)).all()
    if not rows:
        raise Problem("inspection.unknown", "the hub has no report of this inspection")
    return list(rows)


def _images(connection: Connection, merchant_id: UUID, inspection_id: UUID, revision: int) -> list[ImageState]:
    named = inspection_images
    same = sa.and_(images.c.merchant_id == named.c.merchant_id, images.c.sha256 == named.c.sha256)
    query = (
        sa.select(named.c.view, named.c.sha256, images.c.sha256.is_not(None).label("held"))
        .select_from(named.outerjoin(images, same))
        .where(
            named.c.merchant_id == merchant_id,
            named.c.inspection_id == inspection_id,
            named.c.revision == revision,
        )
        .order_by(named.c.position)
    )
    return [ImageState(view=row.view, sha256=row.sha256, held=row.held) for row in connection.execute(query)]


def _summary(row: Row[Any]) -> InspectionSummary:
    return InspectionSummary.model_validate(row, from_attributes=True)
