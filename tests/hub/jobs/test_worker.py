"""Jobs: there if and only if their transaction commits, tried again, parked, and taken over from workers that die."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
import yaml
from procrastinate import JobContext
from procrastinate.schema import migrations_path
from procrastinate.worker import Worker as LibraryWorker

from inspection.hub.accounts.tokens import merchant_id
from inspection.hub.config import HubConfig, WorkerSection, load_config
from inspection.hub.database import Database
from inspection.hub.events import EventKind, record
from inspection.hub.hub import Hub
from inspection.hub.jobs import parked
from inspection.hub.jobs.context import work_of
from inspection.hub.jobs.enqueue import enqueue
from inspection.hub.jobs.registry import Entry
from inspection.hub.jobs.worker import Worker, WorkerThread
from inspection.hub.metrics import Metrics
from inspection.hub.migrations.versions.m0005_connectors import QUEUE_VERSION, queue_migrations
from tests.hub.connectors.servers.faulty import Answer, FaultyServer, Got
from tests.hub.test_hub_app import ROOT, clean_environment

QUICK = WorkerSection(poll_s=0.2, heartbeat_s=0.5, stalled_after_s=3, grace_s=20)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PATIENCE_S = 120


def until(happens: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not happens():
        assert time.monotonic() < deadline, what
        threading.Event().wait(0.05)


def jobs(database: Database, status: str | None = None) -> list[Any]:
    with database.transaction() as connection:
        rows = connection.execute(sa.text("SELECT * FROM jobs.procrastinate_jobs ORDER BY id")).all()
    return [row for row in rows if status is None or row.status == status]


@pytest.fixture
def merchant(database: Database) -> UUID:
    with database.transaction() as connection:
        return merchant_id(connection)


@pytest.fixture
def hub(database: Database, tmp_path: Path) -> Hub:
    return Hub(HubConfig(data_dir=tmp_path, worker=QUICK), database, None, Metrics())  # type: ignore[arg-type]


def test_the_library_has_no_migration_that_ours_leave_out() -> None:
    assert queue_migrations(QUEUE_VERSION) == sorted(Path(migrations_path).glob("*.sql"))


def test_a_job_is_there_if_and_only_if_its_transaction_commits(database: Database, merchant: UUID) -> None:
    def fail() -> None:
        with database.transaction() as connection:
            enqueue(connection, "nothing", {}, merchant_id=merchant)
            raise RuntimeError

    before = len(jobs(database))
    with pytest.raises(RuntimeError):
        fail()
    assert len(jobs(database)) == before
    with database.transaction() as connection:
        kept = enqueue(connection, "nothing", {"a": 1}, merchant_id=merchant, lock="x", once=True)
        assert enqueue(connection, "nothing", {"a": 1}, merchant_id=merchant, lock="x", once=True) is None
    (row,) = [row for row in jobs(database) if row.id == kept]
    assert (row.status, row.args) == ("todo", {"a": 1, "merchant_id": str(merchant)})
    with database.transaction() as connection:
        connection.execute(sa.text("SET LOCAL search_path = jobs"))
        connection.execute(sa.text("DELETE FROM procrastinate_jobs WHERE task_name = 'nothing'"))


def test_a_job_that_fails_is_tried_again_then_parked_and_let_go_on(hub: Hub, merchant: UUID) -> None:
    ran: Counter[str] = Counter()
    healed = threading.Event()

    def flaky(_: JobContext, *, merchant_id: str, case: str) -> None:
        assert merchant_id == str(merchant)
        ran[case] += 1
        if case == "poison" and not healed.is_set():
            raise ValueError("what a person wrote")
        if case == "second time" and ran[case] == 1:
            raise ValueError

    tasks = {"flaky": Entry(flaky, attempts=2, wait_s=1)}
    with hub.database.transaction() as connection:
        for case in ("fine", "second time", "poison"):
            enqueue(connection, "flaky", {"case": case}, merchant_id=merchant)

    def found() -> list[parked.ParkedJob]:
        with hub.database.transaction() as connection:
            return parked.parked(connection, merchant)

    with WorkerThread(Worker(hub, tasks)):
        until(lambda: bool(found()) and ran["second time"] == 2, "a job is parked")
        (job,) = found()
        assert (job.task, job.args["case"], ran["fine"], ran["poison"]) == ("flaky", "poison", 1, 2)
        with hub.database.transaction() as connection:
            assert parked.parked(connection, uuid4()) == []
        healed.set()
        with hub.database.transaction() as connection:
            parked.run_again(connection, merchant, job.id)
        until(lambda: not found() and ran["poison"] == 3, "it went on")


def test_a_stop_lets_the_running_job_end_and_begins_no_other(
    hub: Hub, merchant: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, asks_no_more, ended = threading.Event(), threading.Event(), []
    shut_down = LibraryWorker._shutdown

    async def noted(worker: LibraryWorker, side_tasks: list[asyncio.Task[Any]]) -> None:
        asks_no_more.set()
        await shut_down(worker, side_tasks)

    def long(context: JobContext, *, merchant_id: str, number: int) -> None:
        began.set()
        work_of(context).stopping.wait(PATIENCE_S)
        # A question for the next job that was on its way at the stop may be answered with one: it must be over before
        # the end of this job lets the other one go.
        asks_no_more.wait(PATIENCE_S)
        ended.append(number)

    monkeypatch.setattr(LibraryWorker, "_shutdown", noted)

    with hub.database.transaction() as connection:
        for number in range(2):
            enqueue(connection, "long", {"number": number}, merchant_id=merchant, lock="one after the other")
    with WorkerThread(Worker(hub, {"long": Entry(long)})):
        assert began.wait(PATIENCE_S)
    assert ended == [0]
    (left,) = [row for row in jobs(hub.database) if row.task_name == "long"]
    assert (left.status, left.args["number"]) == ("todo", 1)
    with WorkerThread(Worker(hub, {"long": Entry(lambda _, **given: ended.append(given["number"]))})):
        until(lambda: ended == [0, 1], "the next worker does the rest")


def test_a_database_that_was_gone_is_worked_on_again(hub: Hub, merchant: UUID) -> None:
    ran = threading.Event()
    cut = sa.text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'returns-hub-worker'"
    )
    with WorkerThread(Worker(hub, {"after": Entry(lambda _, **__: ran.set())})):
        with hub.database.transaction() as connection:
            connection.execute(cut)
        with hub.database.transaction() as connection:
            enqueue(connection, "after", {}, merchant_id=merchant)
        assert ran.wait(PATIENCE_S)


class Process:
    """``hub_app.py worker`` as a process of its own."""

    def __init__(self, config: Path, dsn: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "hub_app.py", "worker", "--config", str(config)],
            cwd=ROOT,
            env=clean_environment() | {"RETURNS_HUB_DSN": dsn},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)

    def end(self) -> int:
        """Its status after SIGTERM; whatever a test found wrong, nothing of it runs on."""
        if self.process.poll() is None:
            self.process.terminate()
        self.process.communicate(timeout=60)
        return self.process.returncode


@pytest.fixture
def configured(tmp_path: Path) -> Iterator[tuple[Path, FaultyServer]]:
    with FaultyServer() as server:
        (tmp_path / "secret").write_text(SECRET)
        hook = {
            "kind": "webhook",
            "url": server.url,
            "secrets": [{"file": str(tmp_path / "secret")}],
            "events": ["return_created"],
            "fields": {"subject": "event.subject", "number": "event.payload.number"},
            "retry": {"first_s": 0.05, "cap_s": 0.2, "break_s": 0.1},
        }
        destinations = tmp_path / "connectors.yaml"
        destinations.write_text(yaml.safe_dump({"allow_networks": ["127.0.0.0/8"], "destinations": {"hook": hook}}))
        config = tmp_path / "hub.yaml"
        hub = {
            "data_dir": str(tmp_path / "data"),
            "connectors": {"file": str(destinations)},
            "worker": QUICK.model_dump(exclude_none=True),
        }
        config.write_text(yaml.safe_dump(hub))
        yield config, server


@pytest.mark.slow
def test_kill_9_between_sending_and_committing_loses_nothing_and_keeps_ids_and_order(
    database: Database, merchant: UUID, configured: tuple[Path, FaultyServer]
) -> None:
    config, server = configured
    first = Process(config, database.dsn)
    with ExitStack() as stack:
        stack.callback(first.end)
        until(lambda: _is_configured(database, merchant), "the worker brought the configuration in")
        killed_at = 5

        def answer(_: Got) -> Answer:
            if len(server.got) + 1 == killed_at:
                first.kill()  # it was sent, and is never noted as delivered
                first.process.wait()
            return Answer()

        server.answer = answer
        subjects = [f"R-{number}" for number in range(4)]
        with database.transaction() as connection:
            for number in range(24):
                payload = {"number": number}
                record(connection, merchant, EventKind.RETURN_CREATED, subjects[number % 4], payload)
        server.wait_for(killed_at, PATIENCE_S)
        since = _now(database)
        other = Process(config, database.dsn)
        stack.callback(other.end)
        until(lambda: _at_work(database, since), "the next worker is there")
        beside = Hub(load_config(config), database, None, Metrics())  # type: ignore[arg-type]
        with WorkerThread(Worker(beside)):
            until(lambda: _waiting(database, merchant) == 0, "all is delivered")
        assert other.end() == 0
    found = defaultdict(list)
    times = Counter(got.headers["webhook-id"] for got in server.got)
    for got in server.got:
        data = got.json()["data"]
        found[data["subject"]].append(data["number"])
    assert len(times) == 24
    assert sum(times.values()) <= 25 + 1  # what was on its way, and no more, came twice
    assert max(times.values()) == 2
    assert all(numbers == sorted(numbers) for numbers in found.values())


def _now(database: Database) -> datetime:
    with database.transaction() as connection:
        return cast("datetime", connection.execute(sa.text("SELECT clock_timestamp()")).scalar_one())


def _at_work(database: Database, since: datetime) -> bool:
    """Whether a worker is there that came after ``since``: the server can take a while to miss a killed one."""
    query = sa.text(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE application_name = 'returns-hub-worker' AND datname = current_database() AND backend_start > :since"
    )
    with database.transaction() as connection:
        return bool(connection.execute(query, {"since": since}).scalar_one())


def _is_configured(database: Database, merchant: UUID) -> bool:
    query = sa.text("SELECT count(*) FROM connector_destinations WHERE merchant_id = :m AND name = 'hook' AND enabled")
    with database.transaction() as connection:
        return bool(connection.execute(query, {"m": merchant}).scalar_one())


def _waiting(database: Database, merchant: UUID) -> int:
    query = sa.text("SELECT count(*) FROM connector_deliveries WHERE merchant_id = :m AND state = 'waiting'")
    with database.transaction() as connection:
        return int(connection.execute(query, {"m": merchant}).scalar_one())
