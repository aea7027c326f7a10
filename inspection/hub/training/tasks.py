"""The job of this capability."""

from __future__ import annotations

from uuid import UUID

from procrastinate import JobContext

from inspection.hub.jobs.context import work_of
from inspection.hub.training import running


def train(context: JobContext, *, merchant_id: str, job: str) -> None:
    """Do one training."""
    work = work_of(context)
    running.run(work.hub, UUID(merchant_id), UUID(job), work.stopping.wait)
