"""How long a customer will wait: told instead of failing when there is more than can be looked at at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from inspection.hub.precheck.tables import uploads

USUAL_S = 0.5
RECENT = 30
SILENT = sa.text("interval '10 minutes'")


def pace_s(answered: Sequence[datetime]) -> float | None:
    """Seconds from one answer to the next; ``None`` when too few are known.

    The longest tenth of the gaps is left out: in them nobody asked.
    """
    moments = sorted(answered)
    gaps = sorted((then - first).total_seconds() for first, then in pairwise(moments))
    kept = gaps[: len(gaps) - math.ceil(len(gaps) / 10)] or gaps
    return max(0.05, sum(kept) / len(kept)) if kept else None


def expected_wait_s(connection: Connection, waiting: Row[Any]) -> int:
    """Seconds until an upload that waits is answered, rounded up to 5: what is due before it, at the recent pace.

    The queue is one for all merchants, so what is ahead is counted over all; nothing else of others is looked at.
    """
    table = uploads
    is_waiting = table.c.state == "waiting"
    ahead = connection.execute(
        sa.select(sa.func.count()).select_from(table).where(is_waiting, table.c.due_at < waiting.due_at)
    ).scalar_one()
    busy = connection.execute(
        sa.select(sa.func.count()).select_from(table).where(is_waiting, table.c.looking_since.is_not(None))
    ).scalar_one()
    last = (
        sa.select(table.c.done_at)
        .where(table.c.state == "answered", table.c.done_at > sa.func.now() - SILENT)
        .order_by(table.c.done_at.desc())
        .limit(RECENT)
    )
    each_s = USUAL_S
    if ahead >= max(1, busy):  # under load the time between answers is the pace of all workers together
        each_s = pace_s(list(connection.execute(last).scalars())) or USUAL_S
    return 5 * math.ceil(max(1.0, (ahead + 1) * min(each_s, 60.0)) / 5)
