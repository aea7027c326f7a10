"""A hub whose every life can end by SIGKILL at a step, and the check that nothing was lost and nothing came twice."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import httpx2
import pytest
import sqlalchemy as sa
import yaml

from inspection.epcis import Names, epcis_document
from inspection.hub.accounts.tokens import Scope, grant, merchant_id, new_token
from inspection.hub.config import load_config
from inspection.hub.database import Database
from inspection.hub.embedded_postgres import EmbeddedPostgres
from inspection.hub.evidence import checking
from inspection.hub.evidence.log import open_log
from inspection.hub.evidence.sequencer import sequence_all
from inspection.hub.images.opening import open_images
from inspection.report import InspectionReport
from tests.hub.conftest import fresh_database
from tests.hub.reports import sha256
from tests.hub.test_hub_app import ROOT, clean_environment

PATIENCE_S = 120


@dataclass
class Sent:
    """What stations have sent and the hub has acknowledged."""

    reports: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    pictures: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Lives:
    """How many lives were killed, and how many steps the first took, by where."""

    killed: int
    steps: dict[str, int]


class MortalHub:
    """The process that gives birth to lives of the hub; a context manager."""

    def __init__(self, config: Path, dsn: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.hub.faults.mortal_hub", str(config)],
            cwd=ROOT,
            env=clean_environment() | {"RETURNS_HUB_DSN": dsn},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.url: str = self._read()["url"]
        self._lives = False

    def live(self, run: str, kill: tuple[str, int] | None = None) -> None:
        """Begin a life; ``kill`` says where and at which step it ends by itself, and another begins."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"run": run, "kill": kill}) + "\n")
        self._process.stdin.flush()
        self._lives = True

    def kill(self) -> None:
        """End the life that is, with SIGKILL; another begins."""
        self._process.send_signal(signal.SIGUSR1)

    def stop(self) -> Lives:
        """End the life that is, as a supervisor does."""
        self._process.send_signal(signal.SIGTERM)
        told = self._read()
        self._lives = False
        assert told["status"] in {0, -signal.SIGTERM}, "a life that has just begun may end before it can say so"
        return Lives(told["killed"], told["steps"])

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the hub under test is gone"
        return json.loads(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Whatever a test found wrong, nothing of it runs on."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        if self._lives:
            self._process.terminate()
        self._process.wait(PATIENCE_S)


@dataclass(frozen=True)
class Place:
    """A configured hub: where its file is, its database, and a station's token."""

    config: Path
    database: Database
    merchant: UUID
    token: str

    def client(self, url: str) -> httpx2.Client:
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx2.Client(base_url=url, headers=headers, timeout=PATIENCE_S)


@pytest.fixture
def database(postgres: EmbeddedPostgres, migrated: str) -> Iterator[Database]:
    """One a test: everything in it is counted."""
    with fresh_database(postgres, migrated) as found:
        yield found


@pytest.fixture
def place(database: Database, tmp_path: Path) -> Place:
    file = tmp_path / "hub.yaml"
    quick = {"interval_s": 0.05}
    access = {"requests_per_s": 100_000, "request_burst": 100_000}
    file.write_text(yaml.safe_dump({"data_dir": str(tmp_path / "data"), "evidence": quick, "access": access}))
    token = new_token(Scope.STATION)
    with database.transaction() as connection:
        merchant = merchant_id(connection)
        grant(connection, merchant, token, Scope.STATION, f"faults {tmp_path.name}")
    return Place(file, database, merchant, token)


def send(client: httpx2.Client, sent: Sent, method: str, path: str, **body: Any) -> None:
    """Send as a station does: until it is acknowledged, whatever breaks on the way."""
    deadline = time.monotonic() + PATIENCE_S
    while not _acknowledged(client, method, path, body):
        assert time.monotonic() < deadline, f"{method} {path} is never acknowledged"
        time.sleep(0.02)
    if "json" in body:
        reports = body["json"].get("reports", [body["json"]])
        sent.reports |= {(each["inspection_id"], each["revision"]): each for each in reports}
    else:
        sent.pictures[path.rpartition("/")[2]] = body["content"]


def _acknowledged(client: httpx2.Client, method: str, path: str, body: dict[str, Any]) -> bool:
    try:
        answer = client.request(method, path, **body)
    except httpx2.TransportError:
        return False
    if answer.status_code in {503, 507}:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.status_code == 507 or int(answer.headers["retry-after"]) > 0
        return False
    assert answer.status_code in {200, 201, 409}, answer.text
    return True


def reconcile(place: Place, sent: Sent) -> None:
    """Everything that was acknowledged is there, once, and the ledger agrees with it to the last byte."""
    config = load_config(place.config)
    images, log = open_images(config, place.database), open_log(config)
    sequence_all(place.database, log)
    merchant = place.merchant
    with place.database.transaction() as connection:

        def rows(query: str) -> list[Any]:
            return list(connection.execute(sa.text(query), {"merchant": merchant}).all())

        stored = {
            (str(row.inspection_id), row.revision): row.report
            for row in rows("SELECT * FROM inspections WHERE merchant_id = :merchant")
        }
        assert stored == sent.reports
        held = {row.sha256 for row in rows("SELECT sha256 FROM images WHERE merchant_id = :merchant")}
        assert held == set(sent.pictures)
        told = rows(
            "SELECT kind, subject, payload->>'revision' AS revision, count(*) FROM events "
            "WHERE merchant_id = :merchant AND kind IN ('inspection_confirmed', 'inspection_corrected', "
            "'image_received') GROUP BY 1, 2, 3"
        )
        assert {row.count for row in told} <= {1}
        assert {(row.subject, int(row.revision)) for row in told if row.revision} == set(sent.reports)
        assert {row.subject for row in told if not row.revision} == set(sent.pictures)
        subjects = {f"verdict/{name}/{revision}" for name, revision in sent.reports}
        subjects |= {f"picture/{sha256}" for sha256 in sent.pictures}
        entered = rows("SELECT subject FROM evidence_entries WHERE merchant_id = :merchant")
        assert sorted(row.subject for row in entered) == sorted(subjects)
        emitted = rows("SELECT event_id, variant <> '' AS error FROM epcis_events WHERE merchant_id = :merchant")
        assert Counter((row.event_id, row.error) for row in emitted) == Counter(_events(sent))
        walk = checking.Walk(merchant)
        assert [each.line() for each in checking.check(connection, walk, log, images)] == []
        assert walk.leaves == len(subjects)
    for name, content in sent.pictures.items():
        assert sha256(content) == name
        assert images.get(merchant, name) == content
    root = config.data_dir / "images" / str(merchant)
    kept = [path.name for path in root.rglob("*") if path.is_file()]
    assert sorted(kept) == sorted(sent.pictures), "half-written files stay behind"
    assert not any((config.data_dir / "arriving").iterdir())


def _events(sent: Sent) -> set[tuple[str, bool]]:
    """The EPCIS events that the reports stand for: their ids, and whether they are error declarations."""
    found = set()
    by_inspection: dict[str, list[InspectionReport]] = {}
    for key in sorted(sent.reports):
        report = InspectionReport.model_validate(sent.reports[key])
        by_inspection.setdefault(key[0], []).append(report)
    for reports in by_inspection.values():
        for each in (reports, *([report] for report in reports)):
            for event in epcis_document(each, Names())["epcisBody"]["eventList"]:
                found.add((event["eventID"], "errorDeclaration" in event))
    return found


def waiting(place: Place) -> int:
    """Entries of the ledger that have no place yet."""
    query = sa.text("SELECT count(*) FROM evidence_entries WHERE merchant_id = :merchant AND leaf_index IS NULL")
    with place.database.transaction() as connection:
        return int(connection.execute(query, {"merchant": place.merchant}).scalar_one())


def until(happens: Any, what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not happens():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)
