"""How fast deliveries go: ``python -m benchmarks.connectors [--deliveries 10000]``.

In one run, against one local server: events written without and with a destination (what a delivery costs the request
that causes it), the deliveries sent by workers as the hub runs them, some failing at random, and the same number of
requests of the same client in a bare loop, which is the limit. At the end nothing may be missing or out of order.
"""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated
from uuid import UUID

import sqlalchemy as sa
import typer
import yaml
from rich.progress import Progress

from inspection.hub import logs
from inspection.hub.accounts.tokens import merchant_id
from inspection.hub.config import ConnectorsSection, HubConfig, WorkerSection
from inspection.hub.connectors.config import load_connectors
from inspection.hub.connectors.contract import Request
from inspection.hub.connectors.guard import Guard
from inspection.hub.connectors.sending import Sender
from inspection.hub.database import Database
from inspection.hub.embedded_postgres import EmbeddedPostgres
from inspection.hub.events import EventKind, record
from inspection.hub.hub import Hub
from inspection.hub.images.opening import open_images
from inspection.hub.jobs.worker import Worker, WorkerThread
from inspection.hub.metrics import Metrics
from tests.hub.connectors.servers.faulty import Answer, FaultyServer
from tests.hub.folders import database_folder

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - the specification's example
LEFT = sa.text("SELECT count(*) FROM connector_deliveries WHERE merchant_id = :m AND state <> 'delivered'")


def main(
    deliveries: Annotated[int, typer.Option(help="Deliveries to make.")] = 10_000,
    returns: Annotated[int, typer.Option(help="Returns they are about; each is a lane.")] = 500,
    failing: Annotated[float, typer.Option(help="Share of requests that fail: 503, cut, reset.")] = 0.05,
) -> None:
    """Write, send, compare, print a table."""
    logs.configure(40)
    with ExitStack() as stack:
        folder = stack.enter_context(database_folder())
        server = stack.enter_context(FaultyServer())
        postgres = EmbeddedPostgres(folder)
        postgres.start()
        stack.callback(postgres.stop)
        database = Database(postgres.dsn())
        stack.callback(database.close)
        database.migrate()
        with database.transaction() as connection:
            merchant = merchant_id(connection)
        plain_s = _happen(database, merchant, deliveries, returns)
        config = _configured(folder, server.url)
        with _worker(config, database):
            pass  # brings the destination in
        told_s = _happen(database, merchant, deliveries, returns)
        chance = random.Random(1)  # noqa: S311 - which requests fail
        faults = (Answer(503), Answer(fault="cut", body=b"12345678"), Answer(fault="drop"))
        server.answer = lambda _: chance.choice(faults) if chance.random() < failing else Answer()
        with _worker(config, database), Progress() as progress:
            sent_s = _sent(database, merchant, deliveries, progress)
        requests = len(server.got)
        ids, ordered = _came(server)
        server.answer = lambda _: Answer()
        limit_s = _bare(config, server, deliveries)
    print(f"events without a destination   {deliveries / plain_s:8.0f} /s")
    print(f"events with one                {deliveries / told_s:8.0f} /s   x{told_s / plain_s:.2f} the time")
    print(f"delivered by a worker          {deliveries / sent_s:8.0f} /s")
    print(f"the same requests, bare loop   {deliveries / limit_s:8.0f} /s   ratio {limit_s / sent_s:.2f}")
    print(f"missing {deliveries - ids}, requests {requests}, lanes out of order {ordered}")


def _happen(database: Database, merchant: UUID, count: int, returns: int) -> float:
    began = time.perf_counter()
    for number in range(count):
        with database.transaction() as connection:
            record(connection, merchant, EventKind.RETURN_CREATED, f"R-{number % returns}", {"number": number})
    return time.perf_counter() - began


def _configured(folder: Path, url: str) -> HubConfig:
    (folder / "secret").write_text(SECRET)
    hook = {
        "kind": "webhook",
        "url": url,
        "secrets": [{"file": str(folder / "secret")}],
        "events": ["return_created"],
        "parallel": 4,
        "retry": {"first_s": 0.05, "cap_s": 1, "break_s": 0.1, "break_after": 20},
    }
    path = folder / "connectors.yaml"
    path.write_text(yaml.safe_dump({"allow_networks": ["127.0.0.0/8"], "destinations": {"hook": hook}}))
    return HubConfig(data_dir=folder, connectors=ConnectorsSection(file=path), worker=WorkerSection(poll_s=0.5))


@contextmanager
def _worker(config: HubConfig, database: Database) -> Iterator[None]:
    hub = Hub(config, database, open_images(config, database), Metrics())
    with ExitStack() as stack:
        stack.enter_context(WorkerThread(Worker(hub)))
        time.sleep(0.5)
        yield


def _sent(database: Database, merchant: UUID, count: int, progress: Progress) -> float:
    task = progress.add_task("delivering", total=count)
    began = time.perf_counter()
    while True:
        with database.transaction() as connection:
            left = connection.execute(LEFT, {"m": merchant}).scalar_one()
        progress.update(task, completed=count - left)
        if not left:
            return time.perf_counter() - began
        time.sleep(0.2)


def _came(server: FaultyServer) -> tuple[int, int]:
    """How many different messages came, and in how many lanes one came before an earlier one."""
    seen: set[str] = set()
    lanes: dict[str, list[int]] = defaultdict(list)
    for got in server.got:
        if got.headers["webhook-id"] not in seen:
            seen.add(got.headers["webhook-id"])
            body = got.json()
            lanes[body["data"]["subject"]].append(int(body["data"]["number"]))
    return len(seen), sum(each != sorted(each) for each in lanes.values())


def _bare(config: HubConfig, server: FaultyServer, count: int) -> float:
    """One client, one connection, the same bodies, nothing kept."""
    allowed = load_connectors(config.connectors.file).allow_networks
    example = server.got[0]
    names = ("content-type", "webhook-id", "webhook-timestamp", "webhook-signature")
    headers = {name: example.headers[name] for name in names}
    began = time.perf_counter()
    with Sender(Guard(allowed)) as sender:
        for _ in range(count):
            sender.send(Request("POST", server.url, headers, example.body))
    return time.perf_counter() - began


if __name__ == "__main__":
    typer.run(main)
