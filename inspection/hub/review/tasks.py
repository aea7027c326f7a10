"""The job of this capability: look through what was reported for pictures that a person should label."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import cache
from pathlib import Path
from uuid import UUID

import structlog
from procrastinate import JobContext

from inspection.hub.hub import Hub
from inspection.hub.jobs.context import work_of
from inspection.hub.review.due import TASK, again
from inspection.hub.review.filling import fill_some, next_at
from inspection.hub.review.worth import count_goods
from inspection.products import Catalogue

__all__ = ["TASK", "fill", "fill_all"]
log = structlog.get_logger()


def fill(context: JobContext, *, merchant_id: str) -> None:
    """Look through all reports that wait."""
    work = work_of(context)
    fill_all(work.hub, UUID(merchant_id), stop=work.stopping.is_set)


def fill_all(hub: Hub, merchant_id: UUID, stop: Callable[[], bool] = lambda: False) -> int:
    """Look through all reports that can be; leaves a job behind for those that wait for pictures. How many.

    Args:
        hub: the parts.
        merchant_id: whose reports.
        stop: called between batches; true leaves the rest to another worker.

    Raises:
        Problem: ``store.unavailable``; the job comes again.
    """
    known = catalogue_of(hub)
    count = 0
    with hub.database.transaction() as connection:
        count_goods(connection, merchant_id, known)
    while not stop():
        done = fill_some(hub, merchant_id, known)
        count += done
        if not done:
            break
    with hub.database.transaction() as connection:
        at = next_at(connection, merchant_id)
        if at is not None:
            again(connection, merchant_id, at + timedelta(seconds=1))
    if count:
        log.info("review_filled", reports=count)
    return count


def catalogue_of(hub: Hub) -> Catalogue | None:
    """The products of the configuration; ``None`` when it names none."""
    path = hub.config.precheck.products
    return None if path is None else _catalogue(path)


@cache
def _catalogue(path: Path) -> Catalogue:
    return Catalogue.load(path)
