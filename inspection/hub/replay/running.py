"""Carries a replay out: lots of inspections to an engine, what they came to into the journal, and the sum at the end.

The journal is the table `replay_items`: a lot is written in one transaction, so after a kill exactly the lots that
were not written are done again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Connection, Row

from inspection.errors import InspectionError
from inspection.hub.accounts import clock
from inspection.hub.hub import Hub
from inspection.hub.problems import Problem
from inspection.hub.replay import asking
from inspection.hub.replay.asking import find, mine
from inspection.hub.replay.bench import Done, Key, Plan
from inspection.hub.replay.engines import ENGINES, cores
from inspection.hub.replay.tables import replay_items, replays
from inspection.replay_summary import summed
from inspection.replaying import Replayed

LOT = 16
PAGE = 2000
log = structlog.get_logger()

_WRITE = sa.text(
    """
    UPDATE replay_items item SET outcome = row.outcome, reason = row.reason, result = row.result
    FROM jsonb_to_recordset(:rows) AS row (position int, outcome text, reason text, result jsonb)
    WHERE item.merchant_id = :merchant_id AND item.replay_id = :replay_id AND item.position = row.position
        AND item.outcome IS NULL
    """
).bindparams(
    sa.bindparam("rows", type_=JSONB(none_as_null=True)),
    sa.bindparam("merchant_id", type_=sa.Uuid),
    sa.bindparam("replay_id", type_=sa.Uuid),
)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a replay is."""

    total: int
    done: int
    state: str

    @property
    def over(self) -> bool:
        """Whether nothing more will be done."""
        return self.state in ("done", "cancelled", "failed")


def run(
    hub: Hub,
    merchant_id: UUID,
    replay_id: UUID,
    *,
    processes: int | None = None,
    nice: int = 0,
    told: Callable[[Progress], None] = lambda _: None,
    stopping: threading.Event | None = None,
) -> Progress:
    """Do what is left of a replay.

    Args:
        processes: how many side by side; ``None``: one a core.
        nice: how far they step back behind others.
        told: hears of every lot that was written.
        stopping: once set, no more is begun, and the rest is left.

    Raises:
        Problem: ``replay.unknown``; ``bundle.unknown``, ``store.unavailable``.
        InspectionError: the model, the rules or a process failed; retryable ones may be tried again.
    """
    with hub.database.transaction() as connection:
        row = find(connection, merchant_id, replay_id)
        live = sa.and_(mine(merchant_id, replay_id), replays.c.state.in_(["waiting", "running", "failed"]))
        begun = {"state": "running", "failure": None, "ended_at": None}
        first = {"started_at": sa.func.coalesce(replays.c.started_at, clock.sql())}
        if connection.execute(replays.update().where(live).values(**begun, **first)).rowcount == 0:
            return _progress(connection, merchant_id, replay_id)
    try:
        _work(hub, row, processes or cores(), nice, told, stopping or threading.Event())
    except (InspectionError, Problem) as error:
        if not getattr(error, "retryable", False):
            _fail(hub, merchant_id, replay_id, error.code)
        raise
    with hub.database.transaction() as connection:
        found = _progress(connection, merchant_id, replay_id)
    if found.state == "running" and found.done == found.total:
        _finish(hub, merchant_id, replay_id)
        found = Progress(found.total, found.done, "done")
        told(found)
    return found


def _work(
    hub: Hub,
    row: Row[Any],
    processes: int,
    nice: int,
    told: Callable[[Progress], None],
    stopping: threading.Event,
) -> None:
    plan = Plan(
        config=hub.config,
        dsn=hub.database.dsn,
        merchant_id=row.merchant_id,
        rules=row.rules,
        rules_given=row.rules_asked == "given",
        as_of=row.as_of,
        bundle=None if row.bundle is None else asking.folder_of(hub, row.merchant_id, row.bundle),
        nice=nice,
    )
    lots = list(_pending(hub, row.merchant_id, row.id))
    if not lots:
        return
    since = time.monotonic()
    # An engine is a generator: closed, it ends its processes.
    with closing(_engine(row.engine)(plan, lots, min(processes, len(lots)))) as running:
        for done in running:
            now = time.monotonic()
            found = _write(hub, row.merchant_id, row.id, done, now - since)
            since = now
            told(found)
            if found.over or stopping.is_set():
                return


def _engine(name: str) -> Any:
    return ENGINES[name]


def _pending(hub: Hub, merchant_id: UUID, replay_id: UUID) -> Iterator[Sequence[Key]]:
    """What is not done yet, in lots."""
    here = sa.and_(
        replay_items.c.merchant_id == merchant_id,
        replay_items.c.replay_id == replay_id,
        replay_items.c.outcome.is_(None),
    )
    columns = replay_items.c.position, replay_items.c.inspection_id, replay_items.c.revision
    with hub.database.transaction() as connection:
        keys = [Key(*row) for row in connection.execute(sa.select(*columns).where(here).order_by(columns[0]))]
    for start in range(0, len(keys), LOT):
        yield keys[start : start + LOT]


def _write(hub: Hub, merchant_id: UUID, replay_id: UUID, done: Sequence[Done], spent_s: float) -> Progress:
    with hub.database.transaction() as connection:
        values = {"merchant_id": merchant_id, "replay_id": replay_id, "rows": [asdict(each) for each in done]}
        connection.execute(_WRITE, values)
        busy = replays.c.busy_s + spent_s
        connection.execute(replays.update().where(mine(merchant_id, replay_id)).values(busy_s=busy))
        return _progress(connection, merchant_id, replay_id)


def _progress(connection: Connection, merchant_id: UUID, replay_id: UUID) -> Progress:
    row = find(connection, merchant_id, replay_id)
    return Progress(row.total, sum(asking.progress(connection, merchant_id, replay_id).values()), row.state)


def _fail(hub: Hub, merchant_id: UUID, replay_id: UUID, code: str) -> None:
    with hub.database.transaction() as connection:
        live = sa.and_(mine(merchant_id, replay_id), replays.c.state == "running")
        values = {"state": "failed", "failure": code, "ended_at": clock.sql()}
        connection.execute(replays.update().where(live).values(values))


def _finish(hub: Hub, merchant_id: UUID, replay_id: UUID) -> None:
    with hub.database.transaction() as connection:
        skipped = _skipped(connection, merchant_id, replay_id)
        summary = summed(_results(connection, merchant_id, replay_id), skipped)
        live = sa.and_(mine(merchant_id, replay_id), replays.c.state == "running")
        values = {"state": "done", "summary": asdict(summary), "ended_at": clock.sql()}
        connection.execute(replays.update().where(live).values(values))
    log.info("replay_done", replay=str(replay_id), items=summary.items, changed=summary.changed)


def _skipped(connection: Connection, merchant_id: UUID, replay_id: UUID) -> dict[str, int]:
    here = sa.and_(replay_items.c.merchant_id == merchant_id, replay_items.c.replay_id == replay_id)
    query = sa.select(replay_items.c.reason, sa.func.count()).where(here, replay_items.c.outcome == "skipped")
    return {row[0]: int(row[1]) for row in connection.execute(query.group_by(replay_items.c.reason))}


def _results(connection: Connection, merchant_id: UUID, replay_id: UUID) -> Iterator[Replayed]:
    here = sa.and_(replay_items.c.merchant_id == merchant_id, replay_items.c.replay_id == replay_id)
    after = -1
    while True:
        query = sa.select(replay_items.c.position, replay_items.c.result).where(
            here, replay_items.c.result.is_not(None), replay_items.c.position > after
        )
        rows = connection.execute(query.order_by(replay_items.c.position).limit(PAGE)).all()
        yield from (Replayed.of(row.result) for row in rows)
        if len(rows) < PAGE:
            return
        after = rows[-1].position
