"""Jobs that failed so often that they wait for a person: list them, and let them go on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from inspection.hub.problems import Problem


@dataclass(frozen=True, slots=True)
class ParkedJob:
    """One job.

    Attributes:
        args: what it was called with.
        attempts: how often it was tried.
        failed_at: when it was parked.
    """

    id: int
    task: str
    args: dict[str, Any]
    attempts: int
    failed_at: datetime | None


_MINE = "job.args ->> 'merchant_id' = :merchant AND job.status = 'failed'"
_LIST = sa.text(f"""
    SELECT job.id, job.task_name AS task, job.args, job.attempts,
           (SELECT max(event.at) FROM jobs.procrastinate_events event WHERE event.job_id = job.id) AS failed_at
    FROM jobs.procrastinate_jobs job WHERE {_MINE} ORDER BY job.id DESC LIMIT :limit
""")  # noqa: S608 - a constant
_ONE = sa.text(f"SELECT 1 FROM jobs.procrastinate_jobs job WHERE {_MINE} AND job.id = :id FOR UPDATE")  # noqa: S608
_RETRY = sa.text("SELECT jobs.procrastinate_retry_job_v2(:id, now(), NULL, NULL, NULL)")


def parked(connection: Connection, merchant_id: UUID, limit: int = 100) -> list[ParkedJob]:
    """The merchant's parked jobs, newest first."""
    rows = connection.execute(_LIST, {"merchant": str(merchant_id), "limit": limit})
    return [ParkedJob(row.id, row.task, row.args, row.attempts, row.failed_at) for row in rows]


def run_again(connection: Connection, merchant_id: UUID, job_id: int) -> None:
    """Let a parked job go on, with as many attempts as it has left of its kind, but at least one.

    Raises:
        Problem: ``job.unknown``.
    """
    row = {"merchant": str(merchant_id), "id": job_id}
    if connection.execute(_ONE, row).one_or_none() is None:
        raise Problem("job.unknown", "no job of this number is parked")
    with _in_schema(connection):
        connection.execute(_RETRY, {"id": job_id})


@contextmanager
def _in_schema(connection: Connection) -> Iterator[None]:
    """The queue's functions call each other by bare names."""
    before = connection.execute(sa.text("SELECT current_setting('search_path')")).scalar_one()
    put = sa.text("SELECT set_config('search_path', :path, true)")
    connection.execute(put, {"path": "jobs, public"})
    yield
    connection.execute(put, {"path": before})
