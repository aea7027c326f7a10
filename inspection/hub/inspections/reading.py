"""Looking up inspections."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from inspection.hub.cursors import encode_cursor
from inspection.hub.images.tables import image_keys, images
from inspection.hub.inspections.schemas import (
    ImageState,
    InspectionDetail,
    InspectionPage,
    InspectionSummary,
    RevisionSummary,
)
from inspection.hub.inspections.tables import inspection_images, inspections
from inspection.hub.items.tables import CURRENT, item_matches
from inspection.hub.problems import Problem
from inspection.report import InspectionReport
from inspection.verdict import Disposition, Grade

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
        complete=all(state.held or state.erased for state in states),
        revisions=[RevisionSummary.model_validate(row, from_attributes=True) for row in rows],
    )


def reports(connection: Connection, merchant_id: UUID, inspection_id: UUID) -> list[InspectionReport]:
    """All revisions of an inspection, oldest first.

    Raises:
        Problem: ``inspection.unknown``.
    """
    rows = _revisions(connection, merchant_id, inspection_id)
    return [InspectionReport.model_validate(row.report) for row in rows]


def known(connection: Connection, merchant_id: UUID, inspection_id: UUID) -> None:
    """Make sure that the hub has a report of this inspection.

    Raises:
        Problem: ``inspection.unknown``.
    """
    mine = sa.and_(inspections.c.merchant_id == merchant_id, inspections.c.inspection_id == inspection_id)
    if connection.execute(sa.select(inspections.c.revision).where(mine).limit(1)).one_or_none() is None:
        raise _unknown()


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which inspections a list is asked for; what is ``None`` is not asked.

    Attributes:
        since: received by the hub at this time or later; station clocks are not asked.
        until: received before.
        identified: whether a product or EPC was read; ``False`` leaves out what a person has matched since.
    """

    rma: str | None = None
    disposition: Disposition | None = None
    grade: Grade | None = None
    station_id: str | None = None
    gtin: str | None = None
    serial: str | None = None
    epc: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    identified: bool | None = None


def page(
    connection: Connection, merchant_id: UUID, wanted: Wanted, *, limit: int, after: tuple[datetime, UUID] | None = None
) -> InspectionPage:
    """A page of the newest revisions, newest first."""
    table = inspections
    query = sa.select(*_SUMMARY).where(table.c.merchant_id == merchant_id, NEWEST)
    for name in ("rma", "disposition", "grade", "station_id", "gtin", "serial", "epc"):
        value = getattr(wanted, name)
        if value is not None:
            query = query.where(table.c[name] == str(value))
    if wanted.since is not None:
        query = query.where(table.c.received_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(table.c.received_at < wanted.until)
    if wanted.identified is not None:
        query = query.where(_identified() if wanted.identified else ~_identified())
    if after is not None:
        place = sa.tuple_(sa.literal(after[0]), sa.literal(after[1]))
        query = query.where(sa.tuple_(table.c.received_at, table.c.inspection_id) < place)
    query = query.order_by(table.c.received_at.desc(), table.c.inspection_id.desc()).limit(limit + 1)
    rows = connection.execute(query).all()
    shown = rows[:limit]
    more = encode_cursor(shown[-1].received_at, shown[-1].inspection_id) if len(rows) > limit else None
    return InspectionPage(inspections=[_summary(row) for row in shown], next_cursor=more)


def some(connection: Connection, merchant_id: UUID, inspection_ids: Collection[UUID]) -> list[InspectionSummary]:
    """The newest revisions of these inspections, as far as they are known, in no order."""
    if not inspection_ids:
        return []
    table = inspections
    mine = sa.and_(table.c.merchant_id == merchant_id, table.c.inspection_id.in_(inspection_ids))
    return [_summary(row) for row in connection.execute(sa.select(*_SUMMARY).where(mine, NEWEST))]


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
        raise _unknown()
    return list(rows)


def _unknown() -> Problem:
    return Problem("inspection.unknown", "the hub has no report of this inspection")


def _identified() -> sa.ColumnElement[bool]:
    table, said = inspections, item_matches
    matched = sa.exists().where(
        said.c.merchant_id == table.c.merchant_id,
        said.c.inspection_id == table.c.inspection_id,
        sa.or_(said.c.gtin.is_not(None), said.c.epc.is_not(None)),
        CURRENT,
    )
    return sa.or_(table.c.gtin.is_not(None), table.c.epc.is_not(None), matched)


def _images(connection: Connection, merchant_id: UUID, inspection_id: UUID, revision: int) -> list[ImageState]:
    named = inspection_images
    same = sa.and_(images.c.merchant_id == named.c.merchant_id, images.c.sha256 == named.c.sha256)
    its_key = sa.and_(image_keys.c.merchant_id == named.c.merchant_id, image_keys.c.sha256 == named.c.sha256)
    query = (
        sa.select(
            named.c.view,
            named.c.sha256,
            images.c.sha256.is_not(None).label("held"),
            image_keys.c.destroyed_at.is_not(None).label("erased"),
        )
        .select_from(named.outerjoin(images, same).outerjoin(image_keys, its_key))
        .where(
            named.c.merchant_id == merchant_id,
            named.c.inspection_id == inspection_id,
            named.c.revision == revision,
        )
        .order_by(named.c.position)
    )
    return [ImageState.model_validate(row, from_attributes=True) for row in connection.execute(query)]


def _summary(row: Row[Any]) -> InspectionSummary:
    return InspectionSummary.model_validate(row, from_attributes=True)
