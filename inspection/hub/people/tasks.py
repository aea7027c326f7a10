"""The jobs of this capability."""

from __future__ import annotations

from uuid import UUID

from procrastinate import JobContext

from inspection.hub.jobs.context import work_of
from inspection.hub.people import retention
from inspection.hub.people.erasing import carry_out


def erase(context: JobContext, *, merchant_id: str, erasure: str) -> None:
    """Carry out one erasure."""
    carry_out(work_of(context).hub, UUID(merchant_id), UUID(erasure))


def sweep(context: JobContext, *, merchant_id: str) -> None:
    """Remove what is over its time, and leave the next run behind."""
    hub = work_of(context).hub
    retention.sweep(hub, UUID(merchant_id))
    with hub.database.transaction() as connection:
        retention.keep_sweeping(connection)
