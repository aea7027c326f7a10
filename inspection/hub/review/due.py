"""Reports that are to be looked through: a trigger on ``inspections`` names them in ``review_due``, in the transaction
that stores them and with no statement of its own, and leaves one job behind for all; see migration 0017.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.engine import Connection

from inspection.hub.jobs.enqueue import enqueue

TASK = "review.fill"
PRIORITY = -10


def again(connection: Connection, merchant_id: UUID, at: datetime) -> None:
    """Have what still waits looked through at ``at``."""
    lock = f"{TASK}/{merchant_id}"
    enqueue(connection, TASK, {}, merchant_id=merchant_id, lock=lock, at=at, once=True, priority=PRIORITY)
