"""The job of this capability: look at one upload, and answer once, whatever happens to the worker meanwhile."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import structlog
from procrastinate import JobContext
from sqlalchemy.engine import Connection, Row

from inspection.hub.hub import Hub
from inspection.hub.jobs.context import work_of
from inspection.hub.precheck import keeping, results
from inspection.hub.precheck.answers import NOT_JUDGED
from inspection.hub.precheck.decoder import PictureRefused
from inspection.hub.precheck.lookers import Bench, Lookers
from inspection.hub.precheck.looking import glance, glances
from inspection.hub.precheck.results import Seen
from inspection.hub.precheck.tables import cases, uploads
from inspection.hub.problems import Problem
from inspection.hub.returns.tables import return_lines
from inspection.item import Item

MAX_LOOKS = 4
"""Looks that were begun and never came to an end, after which a file is parked for a person."""
log = structlog.get_logger()


def look(context: JobContext, *, merchant_id: str, upload: str) -> None:
    """Look at one upload."""
    work = work_of(context)
    look_at(work.hub, work.lookers, UUID(merchant_id), UUID(upload))


def look_at(hub: Hub, lookers: Lookers, merchant_id: UUID, upload_id: UUID) -> None:
    """Look at an upload that waits; one that does not is left alone.

    A look is counted before it begins: a file that kills worker after worker is parked, and a person looks.
    """
    with hub.database.transaction() as connection:
        row = _begun(connection, merchant_id, upload_id)
        if row is None:
            return
        item = _item(connection, row)
        original = keeping.original_of(connection, merchant_id, upload_id)
    if row.attempts > MAX_LOOKS or original is None:
        log.warning("precheck_parked", upload=str(upload_id), looks=row.attempts)
        results.write(hub, merchant_id, upload_id, Seen("parked", "precheck.parked"))
        return
    try:
        data = keeping.get(hub.images, merchant_id, original)
        with lookers.one() as bench:
            seen = _seen(bench, row, data, item)
        results.write(hub, merchant_id, upload_id, seen)
    except Problem:  # the picture store does not answer, which is not the file's fault
        _not_counted(hub, merchant_id, upload_id)
        raise


def _not_counted(hub: Hub, merchant_id: UUID, upload_id: UUID) -> None:
    mine = sa.and_(uploads.c.merchant_id == merchant_id, uploads.c.id == upload_id, uploads.c.attempts > 0)
    with hub.database.transaction() as connection:
        connection.execute(uploads.update().where(mine).values(attempts=uploads.c.attempts - 1))


def _begun(connection: Connection, merchant_id: UUID, upload_id: UUID) -> Row[Any] | None:
    mine = sa.and_(uploads.c.merchant_id == merchant_id, uploads.c.id == upload_id, uploads.c.state == "waiting")
    begun = {"attempts": uploads.c.attempts + 1, "looking_since": sa.func.clock_timestamp()}
    return connection.execute(uploads.update().where(mine).values(begun).returning(uploads)).one_or_none()


def _seen(bench: Bench, row: Row[Any], data: bytes, item: Item) -> Seen:
    start = time.perf_counter()
    try:
        found = glances(bench.video, data) if row.kind == "video" else [glance(bench.looker.decoder, data)]
    except PictureRefused as refused:
        return results.refused(refused, (time.perf_counter() - start) * 1e3)
    good = [each for each in found if each.quality.ok]
    if not good and not row.sent_anyway:
        return results.not_good(found)
    chosen = good or found
    if row.step in NOT_JUDGED:
        return results.judged([results.shown(each) for each in chosen], [each.at_ms for each in chosen])
    looks = [bench.looker.judged(each, item) for each in chosen]
    return results.judged(looks, [each.at_ms for each in chosen])


def _item(connection: Connection, upload: Row[Any]) -> Item:
    """What was sold, when the return has one product only."""
    of = sa.and_(cases.c.merchant_id == return_lines.c.merchant_id, cases.c.rma == return_lines.c.rma)
    mine = sa.and_(cases.c.merchant_id == upload.merchant_id, cases.c.id == upload.case_id)
    query = sa.select(return_lines.c.gtin).join(cases, of).where(mine).distinct()
    gtins = list(connection.execute(query).scalars())
    if len(gtins) == 1 and gtins[0] is not None:
        return Item(gtin=gtins[0], sources=("return",))
    return Item()
