"""The worker: runs jobs until it is asked to stop; several may run on one database, on one machine or many."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import threading
from collections.abc import Callable, Iterator
from functools import partial
from types import TracebackType
from typing import Self

import procrastinate
import psycopg
import psycopg_pool
import sqlalchemy as sa
import structlog
from procrastinate.exceptions import ProcrastinateException

from inspection.epcis import Names
from inspection.errors import InspectionError
from inspection.hub.accounts.tokens import merchant_id
from inspection.hub.connectors.config import ConnectorsConfig, load_connectors
from inspection.hub.connectors.configured import configure, wake
from inspection.hub.connectors.delivering import Deliverer
from inspection.hub.drift import tasks as drift
from inspection.hub.epcis.subscriptions.keys import master_key_of
from inspection.hub.epcis.subscriptions.service import tell_due
from inspection.hub.epcis.subscriptions.telling import Subscriptions
from inspection.hub.hub import Hub
from inspection.hub.jobs.context import WORK, Work
from inspection.hub.jobs.registry import TASKS, Entry, application
from inspection.hub.people.retention import keep_sweeping
from inspection.hub.precheck import uploads
from inspection.hub.precheck.letters import Letters
from inspection.hub.precheck.lookers import Lookers
from inspection.hub.precheck.trust import tasks as trust
from inspection.hub.replay import asking as replay
from inspection.hub.training import service as training

RECONNECT_S = 2.0
DATABASE_GONE = (ProcrastinateException, psycopg.Error, psycopg_pool.PoolTimeout, sa.exc.SQLAlchemyError, OSError)


class Worker:
    """Runs jobs, finds those of workers that died, and has overdue deliveries delivered.

    Args:
        hub: the parts it works with.
        tasks: the tasks it knows; all of the hub's when ``None``.

    Raises:
        ConfigError: when the file of destinations has a mistake.
    """

    def __init__(self, hub: Hub, tasks: dict[str, Entry] | None = None) -> None:
        self._hub = hub
        self._settings = hub.config.worker
        self._config: ConnectorsConfig = load_connectors(hub.config.connectors.file)
        names = Names(base_uri=hub.config.epcis.base_uri, gln=hub.config.epcis.gln)
        subscriptions = Subscriptions(partial(master_key_of, hub.config))
        deliverer = Deliverer(
            hub.database, self._config, names, hub.metrics.deliveries, subscriptions, Letters(hub.config)
        )
        self._work = Work(hub, deliverer, Lookers(hub.config.precheck))
        self._tasks = _tasks_of(hub) if tasks is None else tasks
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()
        self._asked = threading.Event()
        self._log = structlog.get_logger("hub.worker")
        logging.getLogger("procrastinate").setLevel(logging.CRITICAL)  # it quotes errors; registry.py says what failed

    def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Run until :meth:`stop`, or until SIGTERM or SIGINT when called in the main thread.

        Args:
            ready: called once jobs are served for the first time.
        """
        asyncio.run(self._serve(ready))

    def stop(self) -> None:
        """Begin no more jobs, and return from :meth:`run` when the running ones have ended; from any thread."""
        self._asked.set()
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # it has ended already
                loop.call_soon_threadsafe(self._stop.set)

    async def _serve(self, ready: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        if self._asked.is_set():
            return
        with _signals(self._loop, self.stop):
            while not self._stop.is_set():
                try:
                    await asyncio.to_thread(self._configure)
                    await self._run_jobs(ready)
                except DATABASE_GONE as error:
                    self._log.warning("database_unavailable", error=type(error).__name__)
                ready = _nothing
                if not self._stop.is_set():
                    self._log.warning("worker_starts_again", after_s=RECONNECT_S)
                await _wait(self._stop, RECONNECT_S)

    async def _run_jobs(self, ready: Callable[[], None]) -> None:
        """Run jobs until asked to stop, or until the database is gone."""
        app = application(self._hub.database.dsn, self._tasks)
        settings = self._settings
        async with app.open_async():
            runners = [
                asyncio.create_task(
                    app.run_worker_async(
                        queues=queues,
                        concurrency=concurrency,
                        fetch_job_polling_interval=settings.poll_s,
                        shutdown_graceful_timeout=settings.grace_s,
                        update_heartbeat_interval=settings.heartbeat_s,
                        stalled_worker_timeout=settings.stalled_after_s,
                        delete_jobs="successful",
                        additional_context={WORK: self._work},
                        install_signal_handlers=False,
                    )
                )
                for queues, concurrency in self._sides()
            ]
            side = [asyncio.create_task(self._stop.wait()), asyncio.create_task(self._look_after(app))]
            ready()
            try:
                await asyncio.wait([*runners, *side], return_when=asyncio.FIRST_COMPLETED)
            finally:
                for each in [*side, *runners]:
                    each.cancel()
                await asyncio.sleep(0)  # it begins no more jobs from here on; only then may the running ones end early
                await asyncio.sleep(0)
                if self._stop.is_set():
                    self._work.stopping.set()
                for runner in runners:
                    with contextlib.suppress(asyncio.CancelledError):
                        await runner
                self._work.lookers.close()

    def _sides(self) -> list[tuple[list[str], int]]:
        """Queues and how many of their jobs run side by side: who waits for an answer never waits for a slow shop."""
        names = {entry.queue for entry in self._tasks.values()}
        alone = {trust.QUEUE, drift.QUEUE, replay.QUEUE, training.QUEUE}
        sides = [(sorted(names - {uploads.QUEUE} - alone), self._settings.concurrency)]
        sides.append((sorted(names & {uploads.QUEUE}), self._hub.config.precheck.looks))
        sides += [(sorted(names & {queue}), 1) for queue in sorted(alone)]
        return [(queues, concurrency) for queues, concurrency in sides if queues]

    async def _look_after(self, app: procrastinate.App) -> None:
        """Every few seconds: jobs of workers that died go on, overdue deliveries are delivered, gauges are set."""
        while True:
            try:
                stalled = await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=self._settings.stalled_after_s)
                for job in stalled:
                    self._log.warning("job_taken_over", job=job.id, task=job.task_name)
                    await app.job_manager.retry_job(job)
                await asyncio.to_thread(self._keep_up)
            except ProcrastinateException as error:  # another worker was first; a database that is gone ends the runner
                self._log.warning("upkeep_failed", error=type(error).__name__)
            except sa.exc.SQLAlchemyError as error:
                self._log.warning("upkeep_failed", error=type(error).__name__)
            await asyncio.sleep(self._settings.poll_s)

    def _keep_up(self) -> None:
        with self._hub.database.transaction() as connection:
            wake(connection)
            tell_due(connection)
            keep_sweeping(connection)
            uploads.wake(connection)
            drift.keep_watching(connection, self._hub.config.drift)
            self._hub.metrics.deliveries.refresh(connection)
            self._hub.metrics.precheck.refresh(connection)

    def _configure(self) -> None:
        if self._hub.config.connectors.file is None:
            return
        with self._hub.database.transaction() as connection:
            configure(connection, merchant_id(connection), self._config)


def _tasks_of(hub: Hub) -> dict[str, Entry]:
    """All tasks; without trainings where another machine does these."""
    here = hub.config.training.in_worker
    return {name: entry for name, entry in TASKS.items() if here or entry.queue != training.QUEUE}


class WorkerThread:
    """A worker beside a server in one process; a context manager that stops it at its end."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._thread = threading.Thread(target=self._run, name="worker")
        self._ready = threading.Event()
        self._failure: BaseException | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self._ready.wait()
        except BaseException:  # a signal that ends the program: it must not wait for us for ever
            self._worker.stop()
            self._thread.join()
            raise
        if self._failure is not None:
            self._thread.join()
            raise self._failure
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._worker.stop()
        self._thread.join()

    def _run(self) -> None:
        try:
            self._worker.run(self._ready.set)
        except InspectionError as error:
            self._failure = error
        finally:
            self._ready.set()


@contextlib.contextmanager
def _signals(loop: asyncio.AbstractEventLoop, stop: Callable[[], None]) -> Iterator[None]:
    """SIGTERM and SIGINT call ``stop``, when this is the thread that gets them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.getsignal(number) for number in numbers}
    for number in numbers:
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)


def _nothing() -> None:
    return None
