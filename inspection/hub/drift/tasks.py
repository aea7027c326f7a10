"""The job of this capability: measure what came in, take it into the streams, and leave the next run behind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from procrastinate import JobContext
from sqlalchemy.engine import Connection

from inspection.hub.drift import watching
from inspection.hub.drift.observing import AT_ONCE, observe
from inspection.hub.drift.settings import DriftSection
from inspection.hub.hub import Hub
from inspection.hub.jobs.context import work_of
from inspection.hub.jobs.enqueue import enqueue
from inspection.hub.tables import merchants

TASK = "drift_watch"
QUEUE = "drift"


def watch(context: JobContext, *, merchant_id: str) -> None:
    """Measure and take in what there is."""
    work = work_of(context)
    look(work.hub, UUID(merchant_id), stopping=work.stopping.is_set)
    with work.hub.database.transaction() as connection:
        keep_watching(connection, work.hub.config.drift)


def look(hub: Hub, merchant_id: UUID, stopping: object = None) -> int:
    """Measure and take in everything that there is; how many inspections. Twice finds nothing the second time.

    Raises:
        Problem: ``store.unavailable``.
    """
    section, count = hub.config.drift, 0
    is_stopping = stopping if callable(stopping) else lambda: False
    while not is_stopping():
        measured = observe(hub, merchant_id, section)
        while watching.advance(hub, merchant_id, section) and not is_stopping():
            pass
        count += measured
        if measured < AT_ONCE:
            break
    watching.forget_old(hub, merchant_id, section)
    return count


def keep_watching(connection: Connection, section: DriftSection, now: datetime | None = None) -> None:
    """Make sure that a run waits for every merchant; harmless when one does."""
    at = (now or datetime.now(UTC)) + timedelta(minutes=section.every_min)
    for merchant_id in connection.execute(sa.select(merchants.c.id)).scalars():
        lock = f"drift/{merchant_id}"
        enqueue(connection, TASK, {}, merchant_id=merchant_id, lock=lock, queue=QUEUE, at=at, once=True, priority=-15)
