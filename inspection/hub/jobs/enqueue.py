"""Leaving a job behind, in the transaction that causes it: it is there if and only if that transaction commits."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Connection

DEFAULT_QUEUE = "default"
_ENQUEUE = sa.text("SELECT jobs.enqueue(:task, :args, :lock, :queue, :at, :once, :priority)").bindparams(
    sa.bindparam("args", type_=JSONB), sa.bindparam("at", type_=sa.DateTime(timezone=True))
)


def enqueue(
    connection: Connection,
    task: str,
    args: Mapping[str, Any],
    *,
    merchant_id: UUID | None = None,
    lock: str | None = None,
    queue: str = DEFAULT_QUEUE,
    at: datetime | None = None,
    once: bool = False,
    priority: int = 0,
) -> int | None:
    """Add a job.

    Args:
        connection: the transaction that causes it.
        task: name it was registered under.
        args: JSON values it is called with.
        merchant_id: whose work it is; given to the task as ``merchant_id``.
        lock: of the jobs of one lock, one runs at a time, in the order they were added.
        queue: workers may be told to serve some queues only.
        at: not before; ``None`` is at once.
        once: add none when one of this task and lock waits already that will run by then. It may already be on its
            way, so this is for tasks that look for themselves what there is to do.
        priority: of the jobs that could begin, that of the highest does; 32 bits with sign.

    Returns:
        The job's id, ``None`` when none was added.
    """
    values = dict(args) | ({} if merchant_id is None else {"merchant_id": str(merchant_id)})
    row = {"task": task, "args": values, "lock": lock, "queue": queue, "at": at, "once": once, "priority": priority}
    found: int | None = connection.execute(_ENQUEUE, row).scalar_one()
    return found
