"""kill -9 of the worker at every step of a delivery, of an erasure and of a look at what a customer sent."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
import sqlalchemy as sa
import yaml

from inspection.hub.accounts.tokens import Scope, grant, new_token
from inspection.hub.config import load_config
from inspection.hub.connectors.config import load_connectors
from inspection.hub.connectors.configured import configure
from inspection.hub.evidence import checking
from inspection.hub.evidence.log import open_log
from inspection.hub.evidence.sequencer import sequence_all
from inspection.hub.hub import Hub
from inspection.hub.images.opening import open_images
from inspection.hub.metrics import Metrics
from inspection.hub.precheck import cases, uploads
from inspection.hub.precheck.settings import PrecheckSection
from inspection.hub.precheck.uploads import NewUpload
from inspection.hub.problems import Problem
from tests.hub.conftest import serving
from tests.hub.connectors.servers.faulty import FaultyServer
from tests.hub.connectors.test_webhook import SYMMETRIC
from tests.hub.faults.conftest import MortalHub, Place, Sent, reconcile, send, until
from tests.hub.precheck.test_queue import GOOD
from tests.hub.reports import picture, png, report, sha256
from tests.hub.test_returns import case

QUICK = {"poll_s": 0.1, "heartbeat_s": 0.1, "stalled_after_s": 0.6}
BUSY = """
    SELECT count(*) FROM jobs.procrastinate_jobs WHERE task_name <> 'people.sweep'
    AND (status = 'doing' OR status = 'todo' AND coalesce(scheduled_at, now()) < now() + interval '5 minutes')
"""


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as server:
        yield server


@pytest.fixture
def place(place: Place, server: FaultyServer, tmp_path: Path) -> Place:
    """A hub whose verdicts go to ``server``."""
    (tmp_path / "secret").write_text(SYMMETRIC)
    hook: dict[str, Any] = {"kind": "webhook", "url": server.url, "secrets": [{"file": str(tmp_path / "secret")}]}
    hook |= {"events": ["inspection_confirmed", "inspection_corrected"], "retry": {"first_s": 0.05, "cap_s": 0.2}}
    file = tmp_path / "connectors.yaml"
    file.write_text(yaml.safe_dump({"allow_networks": ["127.0.0.0/8"], "destinations": {"hook": hook}}))
    said = yaml.safe_load(place.config.read_text())
    said |= {"worker": QUICK, "connectors": {"file": str(file)}, "precheck": {"looks": 1}}
    place.config.write_text(yaml.safe_dump(said))
    with place.database.transaction() as connection:
        configure(connection, place.merchant, load_connectors(file))
    return place


@dataclass
class Office:
    """Leaves work for the worker behind, as stations, customers and staff do, and looks what became of it."""

    place: Place
    hub: Hub
    station: httpx2.Client
    admin: httpx2.Client
    sent: Sent = field(default_factory=Sent)

    def rows(self, query: str, **values: Any) -> list[Any]:
        with self.place.database.transaction() as connection:
            return list(connection.execute(sa.text(query), values).all())

    def is_idle(self) -> bool:
        return bool(self.rows(BUSY)[0].count == 0)

    def inspected(self, rma: str, seed: int, *others: bytes) -> list[bytes]:
        """An inspection of a case, with a picture of its own and ``others``."""
        contents = [png(seed), *others]
        for each in contents:
            send(self.station, self.sent, "PUT", f"/v1/images/{sha256(each)}", content=each)
        views = [picture(each, f"view-{number}") for number, each in enumerate(contents)]
        send(self.station, self.sent, "POST", "/v1/inspections", json=report(rma=rma, pictures=views))
        return contents

    def customer(self) -> str:
        """A return."""
        body = case(order_ref=f"SO-{uuid4().hex[:8]}")
        assert self.admin.post("/v1/returns", json=body).status_code == 201
        return str(body["rma"])

    def photograph(self, rma: str) -> None:
        """The customer of a return sends one, at which a worker is to look."""
        with self.place.database.transaction() as connection:
            opened, _ = cases.open_case(connection, self.place.merchant, rma, {})
            new = NewUpload("damage", len(GOOD), None, uuid4().hex)
            row = uploads.find(connection, opened, uploads.begin(connection, opened, new, PrecheckSection()))
        uploads.keep(self.hub, row, GOOD)

    def faults(self) -> list[str]:
        """What is wrong with the ledger."""
        log = open_log(self.hub.config)
        sequence_all(self.place.database, log)
        with self.place.database.transaction() as connection:
            walk = checking.Walk(self.place.merchant)
            return [each.line() for each in checking.check(connection, walk, log, self.hub.images)]

    def kept(self) -> set[str]:
        """The names of all files in the picture store."""
        root = self.hub.config.data_dir / "images" / str(self.place.merchant)
        return {path.name for path in root.rglob("*") if path.is_file()}


@pytest.fixture
def office(place: Place) -> Iterator[Office]:
    config = load_config(place.config)
    hub = Hub(config, place.database, open_images(config, place.database), Metrics())
    token = new_token(Scope.ADMIN)
    with place.database.transaction() as connection:
        grant(connection, place.merchant, token, Scope.ADMIN, "office")
    with serving(hub) as url, place.client(url) as station, place.client(url) as admin:
        admin.headers["Authorization"] = f"Bearer {token}"
        yield Office(place, hub, station, admin)


def killed_at_steps(place: Place, office: Office, leave: Callable[[int], None], stride: int) -> int:
    """Leave work behind for lives of the worker, each of which is killed at another step until one is not; how many
    were."""
    with MortalHub(place.config, place.database.dsn) as worker:
        for number in itertools.count():
            leave(number)
            worker.live("worker", ("worker", 1 + number * stride))
            until(office.is_idle, "the work is done")
            lives = worker.stop()
            if not lives.killed:
                print(f"killed at {number} of the {lives.steps['worker']} steps")
                return number
    raise AssertionError


def strides(some: int) -> pytest.MarkDecorator:
    """Every ``some`` steps; each of them with ``--long``."""
    every = pytest.param(1, marks=[pytest.mark.long, pytest.mark.timeout(3000)])
    return pytest.mark.parametrize("stride", [some, every])


@strides(20)
def test_a_worker_killed_at_any_step_of_a_delivery_loses_none_and_repeats_only_by_the_same_id(
    place: Place, office: Office, server: FaultyServer, stride: int
) -> None:
    def leave(number: int) -> None:
        first = report(rma=f"R-{number}")
        send(office.station, office.sent, "POST", "/v1/inspections", json=first)
        verdict = {"disposition": "scrap", "grade": None, "decided_by": "policy"}
        changes = {"inspection_id": first["inspection_id"], "revision": 2, "verdict": verdict}
        send(office.station, office.sent, "POST", "/v1/inspections", json=report(**changes))

    killed = killed_at_steps(place, office, leave, stride)
    assert killed > 1
    rows = office.rows("SELECT * FROM connector_deliveries")
    assert {row.state for row in rows} == {"delivered"}
    assert len(rows) == len(office.sent.reports) == 2 * (killed + 1)
    said: Mapping[str, set[bytes]] = defaultdict(set)
    order: Mapping[str, list[int]] = defaultdict(list)
    for got in server.got:
        said[got.headers["webhook-id"]].add(got.body)
        data = got.json()["data"]
        order[data["inspection_id"]].append(data["revision"])
    assert set(said) == {f"msg_{row.delivery_id.hex}" for row in rows}
    assert {len(bodies) for bodies in said.values()} == {1}, "whoever knows the id knows the message"
    assert {name: set(each) for name, each in order.items()} == {name: {1, 2} for name, _ in office.sent.reports}
    assert all(each == sorted(each) for each in order.values()), "of one inspection in order"
    print(f"{len(server.got)} requests for {len(rows)} messages")
    reconcile(place, office.sent)


@strides(45)
def test_a_worker_killed_at_any_step_of_an_erasure_erases_all_of_it_and_certifies_once(
    place: Place, office: Office, stride: int
) -> None:
    customers: list[tuple[str, str, list[bytes]]] = []
    shared = png(1)

    def leave(number: int) -> None:
        rma = office.customer()
        office.photograph(rma)
        with place.database.transaction() as connection:  # to look at it is another test's matter
            connection.execute(sa.text("SET LOCAL search_path = jobs"))
            connection.execute(sa.text("DELETE FROM procrastinate_jobs WHERE task_name = 'precheck.look'"))
        own = office.inspected(rma, 100 + 2 * number, png(101 + 2 * number), shared)[:2]
        office.inspected(f"other-{number}", 1000 + number, shared)
        asked = office.admin.post("/v1/persons/erasures", json={"person": {"rma": rma}, "reason": "asked for"})
        assert asked.status_code == 202, asked.text
        customers.append((rma, asked.json()["id"], own))

    killed = killed_at_steps(place, office, leave, stride)
    assert killed > 1
    done = {str(row.id): row for row in office.rows("SELECT * FROM erasures")}
    told = Counter(row.subject for row in office.rows("SELECT subject FROM events WHERE kind = 'person_erased'"))
    assert told == Counter(done.keys())
    of_attempts = "answers_of_other_systems"  # other jobs of the same lives make them
    certified = [{**row.certificate["counts"], of_attempts: None} for row in done.values()]
    assert all(counts == certified[-1] for counts in certified), "the last one was erased by a life that nothing killed"
    assert (certified[-1]["pictures"], certified[-1]["files_of_the_customer"]) == (2, 1)
    gone = {sha256(each) for _, _, own in customers for each in own}
    for each in gone:
        with pytest.raises(Problem):
            office.hub.images.get(place.merchant, each)
    for name in office.sent.pictures.keys() - gone:
        assert office.hub.images.get(place.merchant, name) == office.sent.pictures[name]
    assert office.kept() == office.sent.pictures.keys() - gone, "no file that the customer sent stays behind"
    assert office.faults() == []


@pytest.mark.long
@pytest.mark.timeout(3000)
def test_a_worker_killed_at_any_step_of_a_look_answers_the_customer_once(place: Place, office: Office) -> None:
    returns: list[str] = []

    def leave(_: int) -> None:
        returns.append(office.customer())
        office.photograph(returns[-1])

    killed = killed_at_steps(place, office, leave, 1)
    assert killed > 1
    assert {row.state for row in office.rows("SELECT state FROM precheck_uploads")} == {"answered"}
    told: Mapping[str, list[str]] = defaultdict(list)
    for row in office.rows("SELECT subject, kind FROM events WHERE kind LIKE 'precheck%' ORDER BY id"):
        told[row.subject].append(row.kind)
    assert set(told) == set(returns)
    assert {tuple(kinds) for kinds in told.values()} == {tuple(told[returns[-1]])}
    seen = office.rows("SELECT upload_id, count(*) FROM precheck_pictures GROUP BY 1")
    assert [row.count for row in seen] == [1] * len(returns)
    assert len(office.rows("SELECT 1 FROM precheck_prints")) == len(returns)
    objects = {row.sha256 for row in office.rows("SELECT sha256 FROM precheck_objects")}
    assert office.kept() == objects
    for each in objects:
        assert office.hub.images.get(place.merchant, each)
    assert office.faults() == []
