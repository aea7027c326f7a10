"""PostgreSQL goes away under load, is killed, or has no disk left: said so, nothing lost, and well again by itself."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Self
from uuid import uuid4

import httpx2
import pytest
import yaml

from inspection.hub.accounts.tokens import Scope, grant, merchant_id, new_token
from inspection.hub.config import load_config
from inspection.hub.database import Database
from inspection.hub.embedded_postgres import EmbeddedPostgres
from inspection.hub.evidence.log import open_log
from inspection.hub.evidence.sequencer import Sequencer
from inspection.hub.hub import Hub
from inspection.hub.images.opening import open_images
from inspection.hub.jobs.enqueue import enqueue
from inspection.hub.jobs.registry import Entry
from inspection.hub.jobs.worker import Worker, WorkerThread
from inspection.hub.metrics import Metrics
from inspection.hub.postgres_keeper import Keeper
from tests.hub.conftest import serving
from tests.hub.faults.conftest import Place, Sent, reconcile, send, until
from tests.hub.folders import database_folder
from tests.hub.reports import picture, png, report, sha256

DISK_BYTES = 200 << 20
STATIONS = 3


@pytest.fixture(scope="module")
def disk() -> Iterator[Path | None]:
    """A small file system, where one may be mounted."""
    with database_folder() as folder:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=755", "tmpfs", str(folder)]
        mounted = os.geteuid() == 0 and subprocess.run(mount, capture_output=True, check=False).returncode == 0
        yield folder if mounted else None
        if mounted:
            EmbeddedPostgres(folder).destroy()
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="module")
def server(disk: Path | None) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL of its own, which a test may do anything to."""
    with ExitStack() as stack:
        own = EmbeddedPostgres(disk or stack.enter_context(database_folder()))
        own.start()
        yield own
        own.destroy()


@pytest.fixture
def place(server: EmbeddedPostgres, tmp_path: Path) -> Iterator[Place]:
    server.start()
    name = f"test_{uuid4().hex[:12]}"
    server.ensure_database(name)
    database = Database(server.dsn(name), pool_size=4)
    database.migrate()
    file = tmp_path / "hub.yaml"
    worker = {"poll_s": 0.2, "heartbeat_s": 0.5, "stalled_after_s": 3}
    file.write_text(
        yaml.safe_dump({"data_dir": str(tmp_path / "data"), "evidence": {"interval_s": 0.1}, "worker": worker})
    )
    token = new_token(Scope.STATION)
    with database.transaction() as connection:
        merchant = merchant_id(connection)
        grant(connection, merchant, token, Scope.STATION, "faults")
    yield Place(file, database, merchant, token)
    database.close()


@contextmanager
def at_work(place: Place, tasks: dict[str, Entry]) -> Iterator[str]:
    """API, sequencer and worker on the database; the value is the API's URL."""
    config = load_config(place.config)
    hub = Hub(config, place.database, open_images(config, place.database), Metrics())
    with (
        serving(hub) as url,
        Sequencer(place.database, open_log(config), interval_s=config.evidence.interval_s),
        WorkerThread(Worker(hub, tasks)),
    ):
        yield url


class Stations:
    """Stations that report without a pause, until the block ends; each sends again what was not acknowledged."""

    def __init__(self, place: Place, url: str) -> None:
        self._place, self._url = place, url
        self.sent = Sent()
        self._enough = threading.Event()
        self._pool = ThreadPoolExecutor(STATIONS)

    def __enter__(self) -> Self:
        self._running = [self._pool.submit(self._work, number) for number in range(STATIONS)]
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self._pool.shutdown()
        for each in self._running:
            each.result()

    def wait_for(self, more: int) -> None:
        """Until so many more reports are acknowledged."""
        goal = len(self.sent.reports) + more
        until(lambda: len(self.sent.reports) >= goal, f"{more} more reports are acknowledged")

    def _work(self, number: int) -> None:
        seed = number * 100_000
        with self._place.client(self._url) as client:
            while not self._enough.is_set():
                content = png(seed)
                send(client, self.sent, "PUT", f"/v1/images/{sha256(content)}", content=content)
                send(client, self.sent, "POST", "/v1/inspections", json=report(pictures=[picture(content)]))
                seed += 1


def said_unavailable(client: httpx2.Client) -> None:
    """Each answer is a problem that says when to try again, and the process is not to be restarted for it."""
    answers = []
    for method, path, body in (
        ("GET", "/readyz", None),
        ("GET", "/v1/inspections", None),
        ("POST", "/v1/inspections", report()),
        ("POST", "/v1/inspections/batch", {"reports": [report()]}),
    ):
        answers.append((path, client.request(method, path, json=body)))
    path = f"/v1/images/{sha256(png(1))}"
    answers.append((path, client.put(path, content=png(1))))
    for path, answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (503, "database.unavailable"), path
        assert answer.headers["content-type"] == "application/problem+json"
        assert int(answer.headers["retry-after"]) > 0
    assert client.get("/healthz").status_code == 200


@pytest.mark.slow
def test_a_database_that_is_gone_for_a_while_is_said_and_the_hub_goes_on_by_itself(
    place: Place, server: EmbeddedPostgres
) -> None:
    ran = threading.Event()
    tasks = {"after": Entry(lambda _, **__: ran.set())}
    with at_work(place, tasks) as url, place.client(url) as client:
        with Stations(place, url) as stations:
            stations.wait_for(6)
            server.stop(mode="immediate")
            said_unavailable(client)
            server.start()
            stations.wait_for(6)
        assert client.get("/readyz").status_code == 200
        with ThreadPoolExecutor(12) as many:  # more than the pool keeps: none of them meets a dead connection
            answers = list(many.map(lambda _: client.get("/v1/inspections").status_code, range(24)))
        assert set(answers) == {200}
        with place.database.transaction() as connection:
            enqueue(connection, "after", {}, merchant_id=place.merchant)
        assert ran.wait(120), "the worker works again"
    reconcile(place, stations.sent)


@pytest.mark.slow
def test_an_embedded_server_that_is_killed_is_started_again(place: Place, server: EmbeddedPostgres) -> None:
    with at_work(place, {}) as url, Keeper(server, look_s=0.1), Stations(place, url) as stations:
        for _ in range(2):
            stations.wait_for(4)
            killed = server.pid
            assert killed is not None
            os.kill(killed, signal.SIGKILL)
            until(lambda before=killed: server.pid not in {None, before}, "another server runs")
        stations.wait_for(4)
    reconcile(place, stations.sent)


@pytest.mark.slow
def test_a_database_without_disk_is_said_and_goes_on_when_there_is_room(
    place: Place, server: EmbeddedPostgres, disk: Path | None
) -> None:
    if disk is None:
        pytest.skip("mounting a small disk is not permitted here")
    ballast = disk / "ballast"
    sent = Sent()
    with at_work(place, {}) as url, Keeper(server, look_s=0.1), place.client(url) as client:
        fill(ballast)
        while True:  # the pages that are allocated already take some more
            body = report(readings=[{"device_id": "d", "kind": "tag", "raw_hex": os.urandom(2000).hex(), **READ}] * 9)
            answer = client.post("/v1/inspections", json=body)
            if answer.status_code != 201:
                break
            sent.reports[body["inspection_id"], 1] = body
        assert (answer.status_code, answer.json()["code"]) == (503, "database.unavailable")
        assert int(answer.headers["retry-after"]) > 0
        assert client.get("/healthz").status_code == 200
        ballast.unlink()
        send(client, sent, "POST", "/v1/inspections", json=body)
        until(lambda: client.get("/readyz").status_code == 200, "the hub is ready again")
        with Stations(place, url) as stations:
            stations.wait_for(3)
        sent.reports |= stations.sent.reports
        sent.pictures |= stations.sent.pictures
    reconcile(place, sent)


def fill(ballast: Path) -> None:
    """Write until the disk is full."""
    with ballast.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        _write_for_ever(file)


def _write_for_ever(file: IO[bytes]) -> None:
    while True:
        file.write(bytes(1 << 20))


READ = {"value": "x", "at": "2026-11-21T08:00:01.250+08:00"}
