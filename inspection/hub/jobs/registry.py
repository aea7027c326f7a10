"""All tasks of the hub by name, and the queue application that knows them.

To add one: write ``def f(context: JobContext, *, merchant_id: str, …)`` in ``tasks.py`` of its capability, name it
here, and leave jobs behind with :func:`inspection.hub.jobs.enqueue.enqueue`. A job may run twice (its worker was
killed, or it failed half-way): write it so that the second time does no harm.
"""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import procrastinate
import sqlalchemy as sa
import structlog
from procrastinate import JobContext

from inspection.errors import InspectionError
from inspection.hub.bundles import gate_tasks, gates
from inspection.hub.connectors import configured
from inspection.hub.connectors.tasks import deliver
from inspection.hub.datasets import erasing as dataset_erasing
from inspection.hub.datasets import tasks as datasets
from inspection.hub.drift import tasks as drift
from inspection.hub.jobs.enqueue import DEFAULT_QUEUE
from inspection.hub.people import erasing, retention
from inspection.hub.people import tasks as people
from inspection.hub.precheck import tasks as precheck
from inspection.hub.precheck import uploads
from inspection.hub.precheck.trust import tasks as trust
from inspection.hub.replay import asking as replay_asking
from inspection.hub.replay import tasks as replay
from inspection.hub.review import tasks as review
from inspection.hub.training import service as training_service
from inspection.hub.training import tasks as training

Task = Callable[..., None]


class JobFailed(InspectionError):
    """A job failed; says where, never what an error said, which may quote what a person wrote."""

    code = "job.failed"
    retryable = True


@dataclass(frozen=True, slots=True)
class Entry:
    """One task.

    Attributes:
        run: called with the job's context and its arguments.
        queue: the queue it waits in.
        attempts: after so many failures the job is parked for a person.
        wait_s: before the second attempt; doubles.
    """

    run: Task
    queue: str = DEFAULT_QUEUE
    attempts: int = 8
    wait_s: int = 2


TASKS: dict[str, Entry] = {
    configured.TASK: Entry(deliver, configured.QUEUE),
    erasing.TASK: Entry(people.erase),
    retention.TASK: Entry(people.sweep),
    uploads.TASK: Entry(precheck.look, uploads.QUEUE),
    gates.TASK: Entry(gate_tasks.run, gates.QUEUE, attempts=5, wait_s=10),
    trust.TASK: Entry(trust.compare, trust.QUEUE),
    trust.REPRINT_TASK: Entry(trust.reprint, trust.QUEUE),
    dataset_erasing.TASK: Entry(datasets.exclude),
    training_service.TASK: Entry(training.train, training_service.QUEUE, attempts=20, wait_s=5),
    drift.TASK: Entry(drift.watch, drift.QUEUE),
    replay_asking.TASK: Entry(replay.replay, replay_asking.QUEUE, attempts=4, wait_s=30),
    review.TASK: Entry(review.fill),
}


def application(dsn: str, tasks: dict[str, Entry] | None = None) -> procrastinate.App:
    """The queue application on the database of ``dsn``; not opened yet."""
    url = sa.make_url(dsn).set(drivername="postgresql")
    connector = procrastinate.PsycopgConnector(
        conninfo=url.render_as_string(hide_password=False),
        min_size=1,
        max_size=6,
        timeout=10,
        kwargs={
            "options": "-c search_path=jobs,public -c timezone=UTC",
            "connect_timeout": 5,
            "application_name": "returns-hub-worker",
        },
    )
    app = procrastinate.App(connector=connector)
    for name, entry in (TASKS if tasks is None else tasks).items():
        retry = procrastinate.RetryStrategy(max_attempts=entry.attempts - 1, exponential_wait=entry.wait_s)
        app.task(name=name, queue=entry.queue, pass_context=True, retry=retry)(_quiet(name, entry))
    return app


def _quiet(name: str, entry: Entry) -> Task:
    """What ``entry`` runs, whose failures are logged by where they happened only."""

    @functools.wraps(entry.run)
    def guarded(context: JobContext, **arguments: Any) -> None:
        log = structlog.get_logger("hub.jobs")
        try:
            entry.run(context, **arguments)
        except Exception as error:  # noqa: BLE001 - whatever it is, the queue decides about another attempt
            where = "".join(traceback.format_tb(error.__traceback__))
            is_last = context.job.attempts + 1 >= entry.attempts
            happened = log.error if is_last else log.warning
            what = "job_parked" if is_last else "job_failed"
            happened(what, task=name, job=context.job.id, error=type(error).__name__, trace=where)
            raise JobFailed(f"{name}: {type(error).__name__}") from None

    return guarded
