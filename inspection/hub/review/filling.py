"""From a report to pictures that are asked: looked through once its pictures are here, as often as it takes.

Everything is written so that a second time changes nothing: a worker may be killed anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection, Row

from inspection.frame import Pixels
from inspection.hub.hub import Hub
from inspection.hub.images.tables import image_keys, images
from inspection.hub.inspections.tables import inspections
from inspection.hub.precheck.agreement import Pair, pair
from inspection.hub.precheck.tables import cases, pictures, uploads
from inspection.hub.problems import Problem
from inspection.hub.returns.tables import returns
from inspection.hub.review import folding
from inspection.hub.review.opinions import of_model, of_override
from inspection.hub.review.reasons import Reason, Rules, chosen, reasons
from inspection.hub.review.settings import ReviewSection
from inspection.hub.review.tables import due, items
from inspection.hub.review.worth import cost_of, goods_of
from inspection.products import Catalogue
from inspection.report import InspectionReport, PicturePart

BATCH = 50
FIRST_WAIT, LONGEST_WAIT, GIVEN_UP_AFTER = timedelta(seconds=15), timedelta(hours=1), timedelta(days=7)
"""For pictures that are named and not here: a station that was offline sends them when it can."""
MAX_PIXELS = 60_000_000
SMALL = 2_000_000
UNCHANGED = ("accepted", "disputed")
"""States in which a picture is not asked again, whatever is heard of it."""
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Asked:
    """One picture to be asked, not stored yet."""

    picture: PicturePart
    why: dict[Reason, float]
    pixels: Pixels | None


def rules_of(section: ReviewSection) -> Rules:
    """What is configured."""
    return Rules(section.audit_share, section.double_share, section.seed, section.low_confidence)


def fill_some(hub: Hub, merchant_id: UUID, catalogue: Catalogue | None) -> int:
    """Look through up to 50 reports; how many there were.

    Raises:
        Problem: ``store.unavailable``; the job comes again.
    """
    with hub.database.transaction() as connection:
        ready = sa.and_(due.c.merchant_id == merchant_id, due.c.not_before <= sa.func.clock_timestamp())
        rows = connection.execute(sa.select(due).where(ready).order_by(due.c.not_before).limit(BATCH)).all()
    for row in rows:
        _look_through(hub, row, catalogue)
    return len(rows)


def next_at(connection: Connection, merchant_id: UUID) -> datetime | None:
    """When the next report is to be looked through; ``None`` when none waits."""
    query = sa.select(sa.func.min(due.c.not_before)).where(due.c.merchant_id == merchant_id)
    found: datetime | None = connection.execute(query).scalar()
    return found


def ask(
    connection: Connection, hub: Hub, merchant_id: UUID, report: InspectionReport, asked: Asked,
    catalogue: Catalogue | None,
) -> UUID | None:  # fmt: skip
    """Ask one picture of a report, or add to why it is asked; its item.

    What was labelled or folded stays so. ``None`` when the picture is not held any more.
    """
    held = _held(connection, merchant_id, asked.picture.sha256)
    if held is None:
        return None
    known = _known(connection, merchant_id, asked.picture.sha256)
    size = (held.width, held.height)
    said = None if report.assessment is None else of_model(report.assessment, asked.picture.view, size)
    override = of_override(report, asked.picture.view, size)
    if known is not None:
        _ask_more(connection, known, asked.why, override)
        return UUID(str(known.id))
    row = _row(connection, hub, merchant_id, report, asked, catalogue)
    row |= {"width": held.width, "height": held.height, "model": said, "override": override}
    row |= folding.fold(connection, hub.images, merchant_id, asked.pixels)
    made = connection.execute(postgresql.insert(items).values(row).on_conflict_do_nothing().returning(items.c.id))
    return made.scalar_one_or_none()


def _look_through(hub: Hub, waiting: Row[Any], catalogue: Catalogue | None) -> None:
    merchant_id = waiting.merchant_id
    with hub.database.transaction() as connection:
        report = _report(connection, waiting)
        wanted = {} if report is None else reasons(report, rules_of(hub.config.review), _pair(connection, waiting))
        shown = [] if report is None else [each for each in report.pictures if each.view in wanted]
        missing = _missing(connection, merchant_id, [each.sha256 for each in shown])
        if missing and _postponed(connection, waiting):
            return
    asked = [
        Asked(each, wanted[each.view], _pixels(hub, merchant_id, each.sha256))
        for each in shown
        if each.sha256 not in missing
    ]
    with hub.database.transaction() as connection:
        if report is not None:
            for each in asked:
                ask(connection, hub, merchant_id, report, each, catalogue)
        connection.execute(due.delete().where(_this(waiting)))


def _report(connection: Connection, waiting: Row[Any]) -> InspectionReport | None:
    table = inspections
    mine = sa.and_(
        table.c.merchant_id == waiting.merchant_id,
        table.c.inspection_id == waiting.inspection_id,
        table.c.revision == waiting.revision,
    )
    found = connection.execute(sa.select(table.c.report).where(mine)).scalar_one_or_none()
    return None if found is None else InspectionReport.model_validate(found)


def _pair(connection: Connection, waiting: Row[Any]) -> Pair | None:
    """What the customer's pictures and this verdict come to; ``None`` without pre-check."""
    table = inspections
    seen = (
        sa.select(sa.func.array_agg(pictures.c.condition))
        .join(uploads, sa.and_(uploads.c.merchant_id == pictures.c.merchant_id, uploads.c.id == pictures.c.upload_id))
        .where(pictures.c.merchant_id == table.c.merchant_id, uploads.c.case_id == cases.c.id)
        .correlate(cases, table)
        .scalar_subquery()
    )
    of = sa.and_(cases.c.merchant_id == table.c.merchant_id, cases.c.rma == table.c.rma)
    mine = sa.and_(
        table.c.merchant_id == waiting.merchant_id,
        table.c.inspection_id == waiting.inspection_id,
        table.c.revision == waiting.revision,
    )
    query = sa.select(table.c.disposition, table.c.grade, seen.label("seen")).join(cases, of).where(mine)
    row = connection.execute(query).one_or_none()
    return None if row is None else pair(row.seen or (), row.disposition, row.grade)


def _missing(connection: Connection, merchant_id: UUID, hashes: list[str]) -> set[str]:
    """Pictures that may still come: neither here nor erased."""
    held = sa.select(images.c.sha256).where(images.c.merchant_id == merchant_id, images.c.sha256.in_(hashes))
    gone = sa.select(image_keys.c.sha256).where(
        image_keys.c.merchant_id == merchant_id,
        image_keys.c.sha256.in_(hashes),
        image_keys.c.destroyed_at.is_not(None),
    )
    return set(hashes) - set(connection.execute(held.union(gone)).scalars())


def _postponed(connection: Connection, waiting: Row[Any]) -> bool:
    """Whether there is still hope for pictures that are missing; then the report waits on."""
    age = waiting.not_before - waiting.reported_at
    if age > GIVEN_UP_AFTER:
        return False
    wait = min(max(FIRST_WAIT, age), LONGEST_WAIT)
    connection.execute(due.update().where(_this(waiting)).values(not_before=sa.func.clock_timestamp() + wait))
    return True


def _pixels(hub: Hub, merchant_id: UUID, sha256: str) -> Pixels | None:
    """A picture as it is compared: no larger than it must be; ``None`` when it cannot be opened."""
    with hub.database.transaction() as connection:
        row = _held(connection, merchant_id, sha256)
    if row is None or row.width * row.height > MAX_PIXELS:
        return None
    try:
        return folding.opened(hub.images.get(merchant_id, sha256), small=row.width * row.height > SMALL)
    except Problem as problem:
        if problem.code == "image.erased":
            return None
        raise


def _held(connection: Connection, merchant_id: UUID, sha256: str) -> Row[Any] | None:
    mine = sa.and_(images.c.merchant_id == merchant_id, images.c.sha256 == sha256)
    query = sa.select(images.c.width, images.c.height).where(mine).with_for_update(read=True)
    return connection.execute(query).one_or_none()


def _known(connection: Connection, merchant_id: UUID, sha256: str) -> Row[Any] | None:
    mine = sa.and_(items.c.merchant_id == merchant_id, items.c.image_sha256 == sha256)
    columns = items.c.merchant_id, items.c.id, items.c.state, items.c.reasons, items.c.override
    return connection.execute(sa.select(*columns).where(mine).with_for_update()).one_or_none()


def _ask_more(
    connection: Connection, known: Row[Any], why: dict[Reason, float], override: dict[str, Any] | None
) -> None:
    if known.state in UNCHANGED:
        return
    merged = dict(known.reasons)
    for reason, strength in why.items():
        merged[str(reason)] = max(strength, merged.get(str(reason), 0.0))
    values = {"reasons": merged, "uncertainty": max(merged.values()), "override": override or known.override}
    mine = sa.and_(items.c.merchant_id == known.merchant_id, items.c.id == known.id)
    if merged != known.reasons or values["override"] != known.override:
        connection.execute(items.update().where(mine).values(values))


def _row(
    connection: Connection, hub: Hub, merchant_id: UUID, report: InspectionReport, asked: Asked,
    catalogue: Catalogue | None,
) -> dict[str, Any]:  # fmt: skip
    rules, item = hub.config.review, report.item
    twice = chosen(rules.seed, f"double/{asked.picture.sha256}", rules.double_share)
    unit = item.epc_uri or (f"{item.gtin}/{item.serial}" if item.gtin and item.serial else None)
    return {
        "merchant_id": merchant_id,
        "image_sha256": asked.picture.sha256,
        "inspection_id": report.inspection_id,
        "rma": report.rma,
        "view": asked.picture.view,
        "station_id": report.station_id,
        "item_key": unit or f"inspection/{report.inspection_id}",
        "customer_key": None if report.rma is None else _customer(connection, merchant_id, report.rma),
        "captured_at": asked.picture.captured_at,
        "gtin": item.gtin,
        "goods": goods_of(catalogue, item.gtin),
        "needed": 2 if twice else 1,
        "reasons": {str(reason): strength for reason, strength in asked.why.items()},
        "uncertainty": max(asked.why.values()),
        "cost": cost_of(catalogue, item.gtin),
    }


def _customer(connection: Connection, merchant_id: UUID, rma: str) -> UUID:
    """The random key that the cases of one order share; a new one for the first of them."""
    mine = sa.and_(returns.c.merchant_id == merchant_id, returns.c.rma == rma)
    order_ref = connection.execute(sa.select(returns.c.order_ref).where(mine)).scalar_one_or_none()
    same = sa.select(returns.c.rma).where(returns.c.merchant_id == merchant_id, returns.c.order_ref == order_ref)
    theirs = items.c.rma == rma if order_ref is None else sa.or_(items.c.rma == rma, items.c.rma.in_(same))
    query = sa.select(items.c.customer_key).where(items.c.merchant_id == merchant_id, theirs).limit(1)
    found: UUID | None = connection.execute(query.where(items.c.customer_key.is_not(None))).scalar()
    return found or uuid4()


def _this(waiting: Row[Any]) -> sa.ColumnElement[bool]:
    return sa.and_(
        due.c.merchant_id == waiting.merchant_id,
        due.c.inspection_id == waiting.inspection_id,
        due.c.revision == waiting.revision,
    )
