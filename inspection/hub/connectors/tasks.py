"""The connectors' jobs."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from procrastinate import JobContext

from inspection.hub.connectors.configured import enqueue_slot
from inspection.hub.connectors.delivering import Slot
from inspection.hub.jobs.context import work_of


def deliver(context: JobContext, *, merchant_id: str, destination: str, slot: int) -> None:
    """Deliver what is due in one slot, and plan the next time."""
    work = work_of(context)
    merchant = UUID(merchant_id)
    again_at = work.deliverer.drain(Slot(merchant, destination, slot), work.stopping.is_set)
    if again_at is not None:
        with work.hub.database.transaction() as connection:
            enqueue_slot(connection, merchant, destination, slot, at=max(again_at, datetime.now(UTC)))
