"""The job of this capability: carry a replay out, or go on with one."""

from __future__ import annotations

from uuid import UUID

from procrastinate import JobContext

from inspection.hub.jobs.context import work_of
from inspection.hub.replay import asking, running

NICE = 10


def replay(context: JobContext, *, merchant_id: str, replay: str) -> None:
    """Do what is left; when the worker stops meanwhile, another goes on."""
    work = work_of(context)
    found = running.run(work.hub, UUID(merchant_id), UUID(replay), nice=NICE, stopping=work.stopping)
    if not found.over:
        with work.hub.database.transaction() as connection:
            asking.leave_job(connection, UUID(merchant_id), UUID(replay))
