"""What if, from the question to the sum: real database, encrypted store, processes, model; killed and gone on with."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
import sqlalchemy as sa

from inspection.errors import BundleError
from inspection.hub.accounts.matrix import Role
from inspection.hub.bundles import registry
from inspection.hub.people.erasing import shred
from inspection.hub.problems import Problem
from inspection.hub.replay import asking, engines, running
from inspection.hub.replay.asking import Question
from inspection.hub.replay.bench import Bench
from inspection.hub.replay.tables import replay_items
from inspection.report import seal
from models.runtime import Judge
from tests.hub.accounts.conftest import client_as
from tests.hub.conftest import RunningHub
from tests.hub.replay.conftest import BUNDLE, ROOT, RULES, Reported

Make = Callable[..., dict[str, Any]]
HOLD_ALL = RULES.read_text(encoding="utf-8").replace(
    "  - id: R01\n",
    '  - id: W1\n    version: 1\n    effective: 2026-01-01\n    when: |\n      goods == "phone"\n'
    "    disposition: hold\n    reason_codes: [asked]\n    reason: {zh-CN: 询问, en: asked, th: asked, vi: asked}\n\n"
    "  - id: R01\n",
    1,
)


def ask(hub: RunningHub, **changes: Any) -> UUID:
    now = datetime.now(UTC)
    members = {"since": now - timedelta(hours=1), "until": now + timedelta(hours=1), **changes}
    with hub.hub.database.transaction() as connection:
        return asking.ask(connection, hub.merchant, Question(**members), "test", job=False)


def found(admin: httpx2.Client, replay_id: UUID) -> dict[str, Any]:
    answer: dict[str, Any] = admin.get(f"/v1/replays/{replay_id}").json()
    return answer


@pytest.fixture(scope="module")
def three(made: Make, reported: Reported) -> list[UUID]:
    """A can, a phone and a bottle; of the bottle's pictures none arrived."""
    whole = [reported(made(name)) for name in ("can-01", "phone-03")]
    return [*whole, reported(made("bottle-04"), with_pictures=False)]


@pytest.mark.usefixtures("three")
def test_rules_are_asked_about_without_a_model(
    running: RunningHub, admin: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Judge, "load", None)
    monkeypatch.setitem(engines.ENGINES, "pool", _here)
    replay_id = ask(running, rules=HOLD_ALL)
    assert _run(running, replay_id).state == "done"
    said = found(admin, replay_id)
    assert (said["done"], said["changed"], said["skipped"]) == (3, 1, 0)
    summary = said["summary"]
    assert (summary["pictures"], summary["goods"]["phone"]) == (0, [1, 1])
    (item,) = admin.get(f"/v1/replays/{replay_id}/items", params={"outcome": "changed"}).json()["items"]
    assert item["result"]["after"]["rule"] == "W1"


def test_the_same_model_over_the_stored_pictures_says_the_same_and_what_has_not_arrived_is_left_out(
    running: RunningHub, admin: httpx2.Client, three: list[UUID]
) -> None:
    replay_id = ask(running, bundle=str(BUNDLE))
    seen: list[int] = []
    over = _run(running, replay_id, processes=1, told=lambda now: seen.append(now.done))
    assert (over.state, seen[-1]) == ("done", 3)
    said = found(admin, replay_id)
    assert (said["changed"], said["skipped"], said["summary"]["skipped"]) == (0, 1, {"not_held": 1})
    assert said["summary"]["pictures"] == 4
    page = admin.get(f"/v1/replays/{replay_id}/items", params={"limit": 2}).json()
    rest = admin.get(f"/v1/replays/{replay_id}/items", params={"after": page["next_after"]}).json()
    assert [item["inspection_id"] for item in page["items"] + rest["items"]] == [str(each) for each in three]
    stored = {item["inspection_id"]: item for item in page["items"] + rest["items"]}
    result = stored[str(three[1])]["result"]
    assert result["before"]["disposition"] == result["after"]["disposition"]
    assert rest["next_after"] is None


def test_a_picture_that_was_erased_is_left_out(
    running: RunningHub,
    admin: httpx2.Client,
    made: Make,
    reported: Reported,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(engines.ENGINES, "pool", _here)
    begin = datetime.now(UTC)
    one = made("carton-01")
    reported(one)
    shred(running.hub.database, running.hub.images, running.merchant, list(one["contents"]))
    replay_id = ask(running, bundle=str(BUNDLE), since=begin)
    _run(running, replay_id, processes=1)
    assert found(admin, replay_id)["summary"]["skipped"] == {"erased": 1}


CHILD = """
import os, sys
from pathlib import Path
from uuid import UUID
from inspection.hub.config import HubConfig
from inspection.hub.database import Database
from inspection.hub.hub import Hub
from inspection.hub.images.opening import open_images
from inspection.hub.metrics import Metrics
from inspection.hub.replay import running

if __name__ == "__main__":
    dsn, folder, merchant, replay = sys.argv[1:]
    config = HubConfig(data_dir=Path(folder))
    database = Database(dsn)
    hub = Hub(config, database, open_images(config, database), Metrics())
    def told(now):
        print(now.done, flush=True)
        os.kill(os.getpid(), 9)
    running.run(hub, UUID(merchant), UUID(replay), processes=1, told=told)
"""


def test_killed_it_goes_on_with_what_was_not_written_and_leaves_no_process_behind(
    running: RunningHub, admin: httpx2.Client, made: Make, reported: Reported, tmp_path: Any
) -> None:
    begin = datetime.now(UTC)
    one = made("phone-03")
    reports = [one["report"]]
    for _ in range(4 * 16):
        members = {name: value for name, value in one["report"].items() if name != "evidence_hash"}
        reports.append(seal({**members, "inspection_id": str(uuid4())}).model_dump(mode="json"))
    for each in reports:
        reported({"report": each, "contents": {}})
    replay_id = ask(running, rules=HOLD_ALL, since=begin)
    script = tmp_path / "child.py"
    script.write_text(CHILD, encoding="utf-8")
    (tmp_path / "data").mkdir()
    words = [running.hub.database.dsn, str(tmp_path / "data"), str(running.merchant), str(replay_id)]
    child = subprocess.Popen(
        [sys.executable, str(script), *words],
        stdout=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert child.stdout is not None
    assert child.wait(120) == -signal.SIGKILL
    assert int(child.stdout.readline()) == 16
    before = _rows(running, replay_id)
    assert sum(outcome is not None for outcome, _ in before.values()) == 16
    _wait_for_group(child.pid)
    assert _run(running, replay_id, processes=1).state == "done"
    after = _rows(running, replay_id)
    kept = {position: row for position, row in before.items() if row[0] is not None}
    assert {position: after[position] for position in kept} == kept
    assert found(admin, replay_id)["summary"]["items"] == 65
    assert _run(running, replay_id).state == "done"


def test_a_job_carries_it_out_and_a_person_may_end_it(
    running: RunningHub, admin: httpx2.Client, three: list[UUID]
) -> None:
    answer = admin.post("/v1/replays", json={"days": 1, "rules": HOLD_ALL})
    assert answer.status_code == 202, answer.text
    said = answer.json()
    assert (said["state"], said["total"] >= len(three), said["rules_asked"]) == ("waiting", True, "given")
    with running.hub.database.transaction() as connection:
        query = sa.text("SELECT args FROM jobs.procrastinate_jobs WHERE task_name = :name")
        jobs = connection.execute(query, {"name": asking.TASK}).scalars().all()
    assert said["id"] in {job["replay"] for job in jobs}
    assert admin.post(f"/v1/replays/{said['id']}/cancel").json()["state"] == "cancelled"
    assert _run(running, UUID(said["id"])).state == "cancelled"
    again = admin.post(f"/v1/replays/{said['id']}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "replay.over")
    assert said["id"] in {each["id"] for each in admin.get("/v1/replays").json()["replays"]}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"days": 3}, "request.invalid"),
        ({"rules": "version: [", "days": 3}, "replay.rules"),
        ({"rules": "a: b"}, "replay.rules"),
        ({"bundle": "other@1+0123456789ab"}, "bundle.unknown"),
        ({"bundle": "/etc"}, "request.invalid"),
        ({"rules": HOLD_ALL, "station_id": "nowhere"}, "replay.empty"),
        ({"rules": HOLD_ALL, "days": -1}, "request.invalid"),
        ({"rules": HOLD_ALL, "what": 1}, "request.invalid"),
    ],
)
def test_a_question_that_does_not_fit_says_why_and_leaves_nothing(
    admin: httpx2.Client, body: dict[str, Any], code: str
) -> None:
    before = admin.get("/v1/replays").json()
    answer = admin.post("/v1/replays", json=body)
    assert answer.json()["code"] == code
    assert admin.get("/v1/replays").json() == before


def test_a_model_that_cannot_be_opened_ends_the_replay_with_its_reason(
    running: RunningHub, admin: httpx2.Client, three: list[UUID], tmp_path: Any
) -> None:
    assert three
    replay_id = ask(running, bundle=str(tmp_path))
    with pytest.raises(BundleError):
        _run(running, replay_id, processes=1)
    said = found(admin, replay_id)
    assert (said["state"], said["failure"], said["done"]) == ("failed", "bundle.refused", 0)


def test_a_published_policy_is_no_model(running: RunningHub, tmp_path: Any) -> None:
    folder = tmp_path / "policy"
    folder.mkdir()
    (folder / "default.yaml").write_bytes(RULES.read_bytes())
    with running.hub.database.transaction() as connection:
        row = registry.publish(running.hub, connection, running.merchant, folder, "test")
    with pytest.raises(Problem) as caught:
        ask(running, bundle=row.bundle_id)
    assert caught.value.code == "replay.no_model"


@pytest.mark.parametrize(
    ("role", "read", "asked"), [(Role.QA_ENGINEER, 200, 202), (Role.AUDITOR, 200, 403), (Role.OPERATOR, 403, 403)]
)
def test_who_may_ask_and_who_may_look(
    running: RunningHub, three: list[UUID], role: Role, read: int, asked: int
) -> None:
    assert three
    with client_as(running, role) as client:
        assert client.get("/v1/replays").status_code == read
        assert client.post("/v1/replays", json={"rules": HOLD_ALL}).status_code == asked


@pytest.mark.parametrize("tag", ["en", "zh-CN", "th", "vi"])
def test_the_pages_show_question_progress_and_sum(
    running: RunningHub, admin: httpx2.Client, three: list[UUID], monkeypatch: pytest.MonkeyPatch, tag: str
) -> None:
    monkeypatch.setitem(engines.ENGINES, "pool", _here)
    replay_id = ask(running, rules=HOLD_ALL)
    under_way = admin.get(f"/console/quality/replay/{replay_id}", params={"lang": tag})
    assert 'data-now="' in under_way.text
    assert admin.get(f"/console/quality/replay/{replay_id}/now").status_code == 200
    _run(running, replay_id)
    assert admin.get(f"/console/quality/replay/{replay_id}/now").status_code == 204
    page = admin.get(f"/console/quality/replay/{replay_id}", params={"lang": tag})
    assert (page.status_code, str(three[1]) in page.text) == (200, True)
    listed = admin.get("/console/quality/replay", params={"lang": tag})
    assert str(replay_id) in listed.text
    assert admin.get("/console/quality/replay/rules").text.startswith("#")


def _here(plan: Any, lots: Any, processes: int) -> Any:
    """An engine in this process, for tests that are not about processes."""
    bench = Bench(plan)
    try:
        for lot in lots:
            yield bench.run(lot)
    finally:
        bench.close()


def _run(hub: RunningHub, replay_id: UUID, **options: Any) -> running.Progress:
    return running.run(hub.hub, hub.merchant, replay_id, **options)


def _rows(hub: RunningHub, replay_id: UUID) -> dict[int, tuple[Any, Any]]:
    table = replay_items
    query = sa.select(table.c.position, table.c.outcome, table.c.result).where(table.c.replay_id == replay_id)
    with hub.hub.database.transaction() as connection:
        return {row.position: (row.outcome, row.result) for row in connection.execute(query)}


def _wait_for_group(group: int) -> None:
    """Until no process of the group lives any more."""
    for _ in range(600):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    raise AssertionError("a process was left behind")
