"""Trainings: asked for, followed, published once whatever is killed, cancelled, refreshed, estimated."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
import sqlalchemy as sa

from inspection.hub.bundles import registry
from inspection.hub.datasets import service as datasets
from inspection.hub.tables import events
from inspection.hub.training import running as trainer
from inspection.hub.training import service
from inspection.hub.training.curves import chart
from inspection.hub.training.estimate import Speed, estimate, measured, options_of
from inspection.hub.training.process import locked, words_of
from inspection.hub.training.tables import jobs
from models.bundle import open_bundle
from tests.hub.conftest import RunningHub
from tests.hub.training.conftest import ask, do, state

pytest.importorskip("torch", reason="training is not installed: make install-dev")
ROOT = Path(__file__).resolve().parents[3]
HTML = {"accept": "text/html"}


def sse(text: str) -> list[tuple[str, Any]]:
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and not line.startswith(":"))
        if fields:
            found.append((fields["event"], json.loads(fields["data"])))
    return found


def test_a_training_ends_with_a_published_bundle_that_names_its_data_version(
    running: RunningHub, version: str, trained: Any
) -> None:
    assert trained.state == "done", trained.failure
    with running.hub.database.transaction() as connection:
        row = registry.get(connection, running.merchant, trained.bundle_id)
        folder = registry.archive(running.hub, connection, running.merchant, trained.bundle_id)
        found = datasets.find(connection, running.merchant, version)
        assert trained.bundle_id in datasets.trained_on(connection, running.merchant, found)
    assert row.lineage["config"]["dataset"] == version
    assert row.published_by == f"training/{trained.id}"
    assert open_bundle(folder).bundle_id == trained.bundle_id
    assert trained.bundle_id in trained.log
    assert all(each > 0 for each in trained.speed.values())  # of the stages that took long enough to be measured
    assert not trainer.place_of(running.hub, running.merchant, trained.id).own.exists()


def test_its_curves_can_be_read_and_followed(admin: httpx2.Client, trained: Any) -> None:
    points = admin.get(f"/v1/training/{trained.id}/points").json()["points"]
    losses = [each for each in points if each["kind"] == "loss"]
    assert {each["fit"] for each in losses} == {"own"}
    assert losses[-1]["step"] == losses[-1]["steps"]
    assert [each["kind"] for each in points].count("balanced_accuracy") == 1
    events = sse(admin.get(f"/v1/training/{trained.id}/events").text)
    assert [name for name, _ in events] == ["points", "state", "end"]
    assert events[0][1]["points"] == points
    assert events[1][1]["bundle_id"] == trained.bundle_id
    later = sse(admin.get(f"/v1/training/{trained.id}/events", headers={"Last-Event-ID": str(points[-1]["seq"])}).text)
    assert [name for name, _ in later] == ["state", "end"]
    assert "fine-tuning" in admin.get(f"/v1/training/{trained.id}/log").text


def test_the_pages_show_curves_and_estimate(admin: httpx2.Client, version: str, trained: Any) -> None:
    one = admin.get(f"/console/quality/training/{trained.id}", headers=HTML)
    assert '<polyline class="fit0"' in one.text
    assert "script-src 'self'" in one.headers["content-security-policy"]
    now = admin.get(f"/console/quality/training/{trained.id}/now", params={"lang": "zh-CN"}, headers=HTML)
    assert trained.bundle_id in now.text
    asked = {"dataset": version, "kind": "refresh", "name": "small", "lang": "en"}
    every = admin.get("/console/quality/training", params=asked, headers=HTML)
    assert "about " in every.text
    assert f"{trained.name}@{trained.version}" in every.text


def test_a_refresh_needs_a_training_before_it(admin: httpx2.Client, version: str) -> None:
    body = {"kind": "refresh", "dataset": version, "name": "never-trained"}
    assert admin.post("/v1/training", json=body).json()["code"] == "training.nothing_to_refresh"


@pytest.mark.long
def test_a_refresh_has_the_bundle_of_the_training_before_as_parent(
    running: RunningHub, version: str, trained: Any
) -> None:
    refreshed = do(running, ask(running, version, "refresh"))
    assert refreshed.state == "done", refreshed.failure
    with running.hub.database.transaction() as connection:
        row = registry.get(connection, running.merchant, refreshed.bundle_id)
    assert row.parent == trained.bundle_id
    assert row.lineage["config"]["refresh"] is True


def test_what_is_not_there_or_cannot_be_asked_is_said(admin: httpx2.Client, version: str) -> None:
    for path in (uuid4(), f"{uuid4()}/points", f"{uuid4()}/log", f"{uuid4()}/events"):
        answer = admin.get(f"/v1/training/{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "training.unknown")
    unknown = {"kind": "full", "dataset": "no@0123456789ab"}
    assert admin.post("/v1/training", json=unknown).json()["code"] == "dataset.unknown"
    for more in ({"kind": "quick"}, {"name": "../x"}, {"version": "a/b"}, {"more": 1}):
        wrong = admin.post("/v1/training", json={"kind": "full", "dataset": version, **more})
        assert wrong.json()["code"] == "request.invalid"


def test_a_training_that_waits_is_cancelled_at_once_and_once(
    running: RunningHub, admin: httpx2.Client, version: str
) -> None:
    job = ask(running, version, name="waits")
    assert admin.post(f"/v1/training/{job}/cancel").json()["state"] == "cancelled"
    assert admin.post(f"/v1/training/{job}/cancel").status_code == 202
    assert do(running, job).state == "cancelled"
    assert state(running, job).attempts == 0


@pytest.fixture
def stand_in(running: RunningHub, tmp_path: Path) -> Iterator[Callable[[str], None]]:
    """Puts a script of a shell in the place of the interpreter that trains."""
    before = running.hub.config

    def put(script: str) -> None:
        file = tmp_path / "python"
        file.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        file.chmod(0o755)
        section = before.training.model_copy(update={"python": file})
        object.__setattr__(running.hub, "config", before.model_copy(update={"training": section}))

    yield put
    object.__setattr__(running.hub, "config", before)


SLOW = """sleep 600 &
tell() { echo "$1" >> "$RETURNS_TRAINING_PROGRESS"; }
tell '{"kind": "stage", "at": 1, "stage": "features", "done": 1, "total": 9, "left_s": 8}'
tell 'what is no JSON'
wait"""


def test_one_that_runs_is_cancelled_with_all_its_processes(
    running: RunningHub, version: str, stand_in: Callable[[str], None]
) -> None:
    stand_in(SLOW)
    job = ask(running, version, name="runs")

    def cancelling(seconds: float) -> bool:
        threading.Event().wait(min(seconds, 0.2))
        row = state(running, job)
        if row.stage is not None and row.cancel_asked_at is None:
            assert (row.stage, row.done, row.total, row.left_s) == ("features", 1, 9, 8)
            with running.hub.database.transaction() as connection:
                service.cancel(connection, running.merchant, job)
        return False

    ended = do(running, job, cancelling)
    assert (ended.state, ended.bundle_id) == ("cancelled", None)
    work = trainer.place_of(running.hub, running.merchant, job).work
    with locked(work, lambda _: True) as descriptor:
        assert descriptor is not None  # not even the grandchild, which has inherited the lock, is left


def test_a_worker_that_stops_leaves_a_training_to_the_next(running: RunningHub, version: str) -> None:
    job = ask(running, version, name="left")
    left = do(running, job, lambda _: state(running, job).state == "running")
    assert (left.state, left.attempts) == ("queued", 0)
    with running.hub.database.transaction() as connection:
        query = sa.text("SELECT count(*) FROM jobs.procrastinate_jobs WHERE args ->> 'job' = :job")
        assert connection.execute(query, {"job": str(job)}).scalar_one() == 2


WORKER = """
import os, signal, sys, threading
from pathlib import Path
from uuid import UUID
from inspection.hub.config import HubConfig
from inspection.hub.database import Database
from inspection.hub.hub import Hub
from inspection.hub.images.store import ImageStore
from inspection.hub.images.vault import Vault, master_key
from inspection.hub.metrics import Metrics
from inspection.hub.training import running
dsn, config, folder, merchant, job, where = sys.argv[1:]
database = Database(dsn)
vault = Vault(database, master_key(bytes(32)))
hub = Hub(HubConfig.model_validate_json(config), database, ImageStore(None, Path(folder), vault), Metrics())
def die(*_a, **_k):
    os.kill(os.getpid(), signal.SIGKILL)
if where == "publishing":
    running.registry.enter = die
elif where == "trained":
    running._publish = die
def stopping(seconds):
    threading.Event().wait(0.1)
    if where == "training":
        with database.transaction() as connection:
            if running.service.find(connection, UUID(merchant), UUID(job)).stage == "fine-tuning":
                die()
    return False
running.run(hub, UUID(merchant), UUID(job), stopping)
"""


def killed(running: RunningHub, job: object, where: str) -> None:
    """Let a worker of its own do a training until it is killed at a place."""
    words = (running.hub.database.dsn, running.hub.config.model_dump_json(), str(running.hub.config.data_dir))
    done = subprocess.run(
        [sys.executable, "-c", WORKER, *words, str(running.merchant), str(job), where],
        cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, timeout=300, check=False,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr


def test_a_worker_killed_while_it_trains_loses_nothing(running: RunningHub, version: str, trained: Any) -> None:
    """The training outlives its worker by no more than a moment, and the next worker goes on."""
    job = ask(running, version, name="killed")
    killed(running, job, "training")
    assert state(running, job).state == "running"
    ended = do(running, job)
    assert (ended.state, ended.attempts) == ("done", 2), ended.failure
    assert published(running, "killed") == [ended.bundle_id]
    assert do(running, job).attempts == 2  # the queue may bring it once more: it is over


@pytest.mark.parametrize("where", ["trained", "publishing"])
def test_a_worker_killed_while_it_publishes_publishes_once(running: RunningHub, version: str, where: str) -> None:
    job = ask(running, version, name="default")
    place = trainer.place_of(running.hub, running.merchant, job)
    shutil.copytree(ROOT / "models" / "bundles" / "default", place.bundle)
    (place.own / trainer.TRAINED).write_bytes(b"")
    before = published(running, "default")
    killed(running, job, where)
    assert state(running, job).state == ("running" if where == "trained" else "publishing")
    assert published(running, "default") == before
    ended = do(running, job)
    assert ended.state == "done", ended.failure
    assert published(running, "default") == [ended.bundle_id]
    with running.hub.database.transaction() as connection:
        told = sa.select(sa.func.count()).where(events.c.kind == "training_ended", events.c.subject == str(job))
        assert connection.execute(told).scalar_one() == 1


def published(running: RunningHub, name: str) -> list[str]:
    with running.hub.database.transaction() as connection:
        return [row.bundle_id for row in registry.list(connection, running.merchant) if row.name == name]


def test_one_that_kills_its_worker_again_and_again_is_given_up(running: RunningHub, version: str) -> None:
    job = ask(running, version, name="gives-up")
    with running.hub.database.transaction() as connection:
        connection.execute(service.this(running.merchant, job).values(attempts=3, state="running"))
    ended = do(running, job)
    assert ended.state == "failed"
    assert ended.failure.startswith("training.killed")


def test_one_that_cannot_be_done_says_why(running: RunningHub, version: str, stand_in: Callable[[str], None]) -> None:
    stand_in("echo 'config.invalid: --size 65 is not a multiple of 32' >&2; exit 2")
    ended = do(running, ask(running, version, name="wrong"))
    assert (ended.state, ended.failure) == ("failed", "config.invalid: --size 65 is not a multiple of 32")
    stand_in("kill -9 $$")
    ended = do(running, ask(running, version, name="wrong"))
    assert (ended.state, ended.failure) == ("failed", "the trainer ended with code -9")


def test_an_estimate_counts_what_is_there_already_and_uses_what_was_measured(
    running: RunningHub, admin: httpx2.Client, version: str
) -> None:
    with running.hub.database.transaction() as connection:
        found = datasets.find(connection, running.merchant, version)
    whole = datasets.read(running.hub, running.merchant, found)
    options = options_of(running.hub.config.training.options)
    fresh = estimate(options, whole, frozenset(), {}, refresh=False)
    assert (fresh.pictures, fresh.features, fresh.measured) == (32, 64, False)
    known = estimate(options, whole, frozenset(whole.by_hash), {}, refresh=True)
    assert known.features == 0
    slow = estimate(options, whole, frozenset(), {"features": 1.0, "fine-tuning": 1.0}, refresh=False)
    assert slow.seconds > fresh.seconds
    assert slow.measured
    answer = admin.get("/v1/training/estimate", params={"dataset": version, "kind": "full", "name": "fresh-name"})
    assert answer.json()["pictures"] == 32


def test_speed_is_measured_from_what_was_done_meanwhile() -> None:
    speed = Speed()
    for at, done in ((100.0, 500), (102.0, 520), (110.0, 600)):
        speed.hear({"stage": "features", "at": at, "done": done})
    speed.hear({"stage": "fine-tuning", "at": 110.0, "done": 10})
    assert speed.rates() == {"features": 10.0}


def test_the_newest_trainings_say_how_fast_this_hub_is(running: RunningHub, version: str) -> None:
    begun = datetime(2999, 1, 1, tzinfo=UTC)
    same = {"merchant_id": running.merchant, "kind": "full", "dataset": version, "name": "n", "state": "done"}
    same |= {"version": "1", "estimate_s": 1, "asked_by": "test"}
    done = [same | {"ended_at": begun + timedelta(hours=hour), "speed": {"features": 1.0 + hour}} for hour in range(60)]
    with running.hub.database.transaction() as connection:
        nested = connection.begin_nested()
        connection.execute(sa.insert(jobs), done)
        found = measured(connection, running.merchant)
        nested.rollback()
    assert found["features"] == 60.0


class Point:
    def __init__(self, kind: str, fit: str, step: int, steps: int, value: float) -> None:
        self.kind, self.fit, self.step, self.steps, self.value = kind, fit, step, steps, value


def test_a_chart_has_the_own_fit_first_and_stays_inside() -> None:
    points = [Point("loss", "fold 1", step, 1000, 3.3 / step) for step in range(1, 1001)]
    points += [Point("loss", "own", 5, 10, 1.5), Point("balanced_accuracy", "own", 0, 0, 0.75)]
    found = chart(points)
    assert [curve.fit for curve in found.curves] == ["own", "fold 1"]
    assert (found.curves[0].figure, found.curves[0].share) == (0.75, 0.5)
    places = [tuple(map(float, each.split(","))) for curve in found.curves for each in curve.line.split()]
    assert len(places) < 500
    assert all(52 <= x <= 988 and 12 <= y <= 286 for x, y in places)
    assert [text for _, text in found.rows] == ["0", "1", "2", "3", "4"]
    assert chart([]).curves == ()


def test_options_become_words() -> None:
    said = words_of({"data": [Path("a"), Path("b")], "refresh": True, "config": None, "sign_name": "x", "no": False})
    assert said == ["--data", "a", "--data", "b", "--refresh", "--sign-name", "x"]


def test_a_lock_that_is_held_is_waited_for(tmp_path: Path) -> None:
    waits: list[float] = []
    with locked(tmp_path / "w", lambda _: False) as first:
        assert first is not None
        with locked(tmp_path / "w", lambda seconds: bool(waits.append(seconds)) or len(waits) > 3) as second:
            assert second is None
    assert len(waits) == 4
    with locked(tmp_path / "w", lambda _: True) as third:
        assert third is not None
