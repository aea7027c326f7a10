"""Asking for trainings, reading how far they are, and cancelling them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from datasets.versions.entry import Split
from inspection.hub.datasets import service as datasets
from inspection.hub.events import EventKind, record
from inspection.hub.hub import Hub
from inspection.hub.jobs.enqueue import enqueue
from inspection.hub.problems import Problem
from inspection.hub.training.estimate import Estimate, estimate, measured, options_of
from inspection.hub.training.tables import jobs, points

TASK, QUEUE = "training.train", "training"
NAME_PATTERN = r"^[a-z][a-z0-9-]{0,39}$"
VERSION_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$"
ENDED = frozenset({"done", "failed", "cancelled"})
LISTED, MOST_POINTS = 100, 5000


@dataclass(frozen=True, slots=True)
class Wanted:
    """A training to be done.

    Attributes:
        kind: ``full``: everything is learned anew; ``refresh``: only the heads of the last training's weights.
        dataset: id of the data version.
        name: of the bundle.
        version: of the bundle; ``None``: the day and the first digits of the training's id.
    """

    kind: str
    dataset: str
    name: str = "default"
    version: str | None = None


def ask(hub: Hub, merchant_id: UUID, wanted: Wanted, by: str) -> Row[Any]:
    """Put a training into the queue; one of a merchant runs at a time.

    Raises:
        Problem: ``dataset.unknown``; ``training.nothing_to_refresh``; ``store.unavailable``.
    """
    thought = foresee(hub, merchant_id, wanted)
    job = uuid4()
    version = wanted.version or f"{datetime.now(UTC):%Y.%m.%d}-{job.hex[:6]}"
    row = {
        "merchant_id": merchant_id, "id": job, "kind": wanted.kind, "dataset": wanted.dataset, "name": wanted.name,
        "version": version, "estimate_s": thought.seconds, "asked_by": by[:200],
    }  # fmt: skip
    with hub.database.transaction() as connection:
        if wanted.kind == "refresh" and _last(connection, merchant_id, wanted.name) is None:
            raise Problem("training.nothing_to_refresh", f"no training of {wanted.name} has been done here; train full")
        connection.execute(jobs.insert().values(row))
        _leave(connection, merchant_id, job)
        record(
            connection,
            merchant_id,
            EventKind.TRAINING_ASKED,
            str(job),
            {"kind": wanted.kind, "dataset": wanted.dataset},
        )
        return find(connection, merchant_id, job)


def foresee(hub: Hub, merchant_id: UUID, wanted: Wanted) -> Estimate:
    """What a training will take, without asking for it. Raises what :func:`ask` raises of the data version."""
    with hub.database.transaction() as connection:
        version = datasets.find(connection, merchant_id, wanted.dataset)
        speed = measured(connection, merchant_id)
        last = _last(connection, merchant_id, wanted.name)
        before = None if last is None else datasets.find(connection, merchant_id, last.dataset)
    known: frozenset[str] = frozenset()
    if before is not None:
        entries = datasets.read(hub, merchant_id, before).entries
        known = frozenset(entry.sha256 for entry in entries if entry.split is Split.TRAIN)
    options = options_of(hub.config.training.options)
    found = datasets.read(hub, merchant_id, version)
    return estimate(options, found, known, speed, refresh=wanted.kind == "refresh")


def again(hub: Hub, merchant_id: UUID, job: UUID) -> None:
    """Leave a training to another worker, which goes on where it is."""
    with hub.database.transaction() as connection:
        connection.execute(
            this(merchant_id, job).values(state="queued", attempts=sa.func.greatest(jobs.c.attempts - 1, 0))
        )
        _leave(connection, merchant_id, job)


def cancel(connection: Connection, merchant_id: UUID, job: UUID) -> Row[Any]:
    """Have a training end; what it has computed is kept for the next one. A second time changes nothing.

    Raises:
        Problem: ``training.unknown``; ``training.over`` for one that has ended otherwise or is being published.
    """
    row = find(connection, merchant_id, job, lock=True)
    if row.state == "cancelled" or row.cancel_asked_at is not None:
        return row
    if row.state not in {"queued", "running"}:
        raise Problem("training.over", "this training has ended, or its bundle is being published")
    changed: dict[str, Any] = {"cancel_asked_at": sa.func.clock_timestamp(), "changed": jobs.c.changed + 1}
    if row.state == "queued":
        changed |= {"state": "cancelled", "ended_at": sa.func.clock_timestamp()}
    connection.execute(this(merchant_id, job).values(changed))
    return find(connection, merchant_id, job)


def listed(connection: Connection, merchant_id: UUID) -> list[Row[Any]]:
    """The newest trainings."""
    query = sa.select(jobs).where(jobs.c.merchant_id == merchant_id)
    return list(connection.execute(query.order_by(jobs.c.asked_at.desc(), jobs.c.id).limit(LISTED)))


def find(connection: Connection, merchant_id: UUID, job: UUID, *, lock: bool = False) -> Row[Any]:
    """The row of a training.

    Raises:
        Problem: ``training.unknown``.
    """
    query = sa.select(jobs).where(jobs.c.merchant_id == merchant_id, jobs.c.id == job)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise Problem("training.unknown", "there is no training of this id")
    return row


def points_of(connection: Connection, merchant_id: UUID, job: UUID, after: int = 0) -> list[Row[Any]]:
    """Points of its curves with a greater number than ``after``, in their order."""
    mine = sa.and_(points.c.merchant_id == merchant_id, points.c.job_id == job, points.c.seq > after)
    return list(connection.execute(sa.select(points).where(mine).order_by(points.c.seq).limit(MOST_POINTS)))


def this(merchant_id: UUID, job: UUID) -> sa.Update:
    """An update of one training."""
    return jobs.update().where(jobs.c.merchant_id == merchant_id, jobs.c.id == job)


def _last(connection: Connection, merchant_id: UUID, name: str) -> Row[Any] | None:
    """The newest training of a bundle's name that was done."""
    mine = sa.and_(jobs.c.merchant_id == merchant_id, jobs.c.name == name, jobs.c.state == "done")
    return connection.execute(sa.select(jobs).where(mine).order_by(jobs.c.ended_at.desc()).limit(1)).one_or_none()


def _leave(connection: Connection, merchant_id: UUID, job: UUID) -> None:
    enqueue(connection, TASK, {"job": str(job)}, merchant_id=merchant_id, lock=f"training/{merchant_id}", queue=QUEUE)


def is_name(text: str) -> bool:
    """Whether a bundle may be called so."""
    return re.match(NAME_PATTERN, text) is not None
