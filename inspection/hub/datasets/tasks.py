"""The job of this capability."""

from __future__ import annotations

from uuid import UUID

from procrastinate import JobContext

from inspection.hub.datasets import erasing
from inspection.hub.jobs.context import work_of


def exclude(context: JobContext, *, merchant_id: str) -> None:
    """Make versions without what was erased."""
    erasing.exclude(work_of(context).hub, UUID(merchant_id))
