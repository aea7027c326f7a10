"""The job of this capability: compare the pictures of one upload with what was sent before and with what was sold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import structlog
from procrastinate import JobContext
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection, Row

from inspection.frame import Pixels
from inspection.hub.hub import Hub
from inspection.hub.jobs.context import work_of
from inspection.hub.jobs.enqueue import enqueue
from inspection.hub.precheck import keeping
from inspection.hub.precheck.tables import cases, pictures, uploads
from inspection.hub.precheck.trust import articles, seen_before
from inspection.hub.precheck.trust.prints import network_of, print_of, prints_asked
from inspection.hub.precheck.trust.tables import prints, signals
from inspection.hub.problems import Problem
from inspection.hub.returns.tables import return_lines
from models.runtime import Judge

TASK = "precheck_compare"
REPRINT_TASK = "precheck_reprint"
QUEUE = "precheck_compare"
PICTURE_SEEN_BEFORE, OTHER_ARTICLE = "picture_seen_before", "other_article"
REPRINTS = 20
"""Prints that one job makes anew."""
log = structlog.get_logger()


def wanted(connection: Connection, merchant_id: UUID, upload_id: UUID) -> None:
    """Leave the job behind; the customer's answer does not wait for it."""
    enqueue(connection, TASK, {"upload": str(upload_id)}, merchant_id=merchant_id, queue=QUEUE, priority=-10)


def compare(context: JobContext, *, merchant_id: str, upload: str) -> None:
    """Compare the pictures of one upload."""
    work = work_of(context)
    with work.lookers.one() as bench:
        judge = bench.looker.judge
    if isinstance(judge, Judge):
        compare_upload(work.hub, judge, UUID(merchant_id), UUID(upload))


def compare_upload(hub: Hub, judge: Judge, merchant_id: UUID, upload_id: UUID) -> int:
    """Write down the signals of an upload's pictures, those that were there before included; how many.

    A second time finds the same and changes nothing.

    Raises:
        Problem: ``store.unavailable``; the job comes again.
    """
    with hub.database.transaction() as connection:
        found = _pictures(connection, merchant_id, upload_id)
        sold = _sold(connection, merchant_id, upload_id)
    count = 0
    for row in found:
        pixels = _kept(hub, merchant_id, row.object_sha256)
        if pixels is not None:
            count += _compare_picture(hub, judge, row, pixels, sold)
    with hub.database.transaction() as connection:
        if _outdated(connection, merchant_id, network_of(judge)):
            _want_reprint(connection, merchant_id)
    log.info("precheck_compared", upload=str(upload_id), pictures=len(found), signals=count)
    return count


def reprint(context: JobContext, *, merchant_id: str) -> None:
    """Make prints of another bundle anew, some at a time, so that pictures from before it are found again."""
    work = work_of(context)
    with work.lookers.one() as bench:
        judge = bench.looker.judge
    if isinstance(judge, Judge):
        reprint_some(work.hub, judge, UUID(merchant_id))


def reprint_some(hub: Hub, judge: Judge, merchant_id: UUID) -> int:
    """Make up to 20 prints anew, and leave a job behind for the others; how many. A picture that is gone loses its.

    Raises:
        Problem: ``store.unavailable``; the job comes again.
    """
    network = network_of(judge)
    with hub.database.transaction() as connection:
        rows = _outdated(connection, merchant_id, network)
    for row in rows:
        pixels = _kept(hub, merchant_id, row.object_sha256)
        with hub.database.transaction() as connection:
            if pixels is not None:
                vector = print_of(judge, pixels)
                seen_before.enter(connection, merchant_id, row.case_id, row.picture_id, network, vector)
            else:
                mine = sa.and_(prints.c.merchant_id == merchant_id, prints.c.picture_id == row.picture_id)
                connection.execute(prints.delete().where(mine))
    with hub.database.transaction() as connection:
        if _outdated(connection, merchant_id, network):
            _want_reprint(connection, merchant_id)
    return len(rows)


def _outdated(connection: Connection, merchant_id: UUID, network: str) -> Sequence[Row[Any]]:
    of = sa.and_(pictures.c.merchant_id == prints.c.merchant_id, pictures.c.id == prints.c.picture_id)
    columns = prints.c.picture_id, prints.c.case_id, pictures.c.object_sha256
    query = (
        sa.select(*columns).join(pictures, of).where(prints.c.merchant_id == merchant_id, prints.c.network != network)
    )
    return connection.execute(query.limit(REPRINTS)).all()


def _want_reprint(connection: Connection, merchant_id: UUID) -> None:
    lock = f"{REPRINT_TASK}/{merchant_id}"
    enqueue(connection, REPRINT_TASK, {}, merchant_id=merchant_id, queue=QUEUE, lock=lock, once=True, priority=-20)


def _kept(hub: Hub, merchant_id: UUID, sha256: str) -> Pixels | None:
    """The picture as it is shown; ``None`` when it was shredded."""
    try:
        return seen_before.opened(keeping.get(hub.images, merchant_id, sha256))
    except Problem as problem:
        if problem.code == "image.erased":
            return None
        raise


def _compare_picture(hub: Hub, judge: Judge, row: Row[Any], pixels: Pixels, sold: Sequence[str]) -> int:
    network, vector, asked = network_of(judge), print_of(judge, pixels), prints_asked(judge, pixels)
    with hub.database.transaction() as connection:
        candidates = seen_before.near(connection, row.merchant_id, row.case_id, network, asked)
    alike = seen_before.seen_before(hub.images, row.merchant_id, pixels, candidates)
    values = [
        _signal(row, PICTURE_SEEN_BEFORE, each.agreement.score, {"mirrored": each.agreement.mirrored}, each.picture_id)
        for each in alike
    ]
    others = [gtin for gtin in articles.gtins_in(pixels) if sold and gtin not in sold]
    if others:
        values.append(_signal(row, OTHER_ARTICLE, 1.0, {"read": others, "sold": list(sold)}))
    with hub.database.transaction() as connection:
        still = sa.and_(pictures.c.merchant_id == row.merchant_id, pictures.c.id == row.id)
        if connection.execute(sa.select(pictures.c.id).where(still).with_for_update(read=True)).scalar() is None:
            return 0  # a later look replaced it, and compares its own
        seen_before.enter(connection, row.merchant_id, row.case_id, row.id, network, vector)
        earlier = [each["other_picture_id"] for each in values if each["other_picture_id"] is not None]
        there = sa.and_(prints.c.merchant_id == row.merchant_id, prints.c.picture_id.in_(earlier))
        kept = set(connection.execute(sa.select(prints.c.picture_id).where(there)).scalars())
        values = [each for each in values if each["other_picture_id"] in kept | {None}]
        if values:
            connection.execute(postgresql.insert(signals).values(values).on_conflict_do_nothing())
    return len(values)


def _signal(
    row: Row[Any], kind: str, strength: float, detail: dict[str, Any], other: UUID | None = None
) -> dict[str, Any]:
    return {
        "merchant_id": row.merchant_id,
        "case_id": row.case_id,
        "picture_id": row.id,
        "kind": kind,
        "about": str(other) if other is not None else " ".join(detail.get("read", ())),
        "other_picture_id": other,
        "strength": min(1.0, strength),
        "detail": detail,
    }


def _pictures(connection: Connection, merchant_id: UUID, upload_id: UUID) -> Sequence[Row[Any]]:
    of = sa.and_(uploads.c.merchant_id == pictures.c.merchant_id, uploads.c.id == pictures.c.upload_id)
    columns = pictures.c.merchant_id, pictures.c.id, pictures.c.object_sha256, uploads.c.case_id
    mine = sa.and_(pictures.c.merchant_id == merchant_id, pictures.c.upload_id == upload_id)
    return connection.execute(sa.select(*columns).join(uploads, of).where(mine).order_by(pictures.c.number)).all()


def _sold(connection: Connection, merchant_id: UUID, upload_id: UUID) -> list[str]:
    """GTINs of the return."""
    of_case = sa.and_(cases.c.merchant_id == return_lines.c.merchant_id, cases.c.rma == return_lines.c.rma)
    of_upload = sa.and_(uploads.c.merchant_id == cases.c.merchant_id, uploads.c.case_id == cases.c.id)
    query = sa.select(return_lines.c.gtin).join(cases, of_case).join(uploads, of_upload)
    mine = sa.and_(uploads.c.merchant_id == merchant_id, uploads.c.id == upload_id, return_lines.c.gtin.is_not(None))
    return sorted(set(connection.execute(query.where(mine)).scalars()))
