"""Drift from reports and pictures to alarms and back, on a real database, once and in order whatever is killed."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import cv2
import httpx2
import numpy as np
import pytest
import sqlalchemy as sa

from inspection.hub.accounts.matrix import Role
from inspection.hub.database import Database
from inspection.hub.drift import figures, observing, tasks, watching
from inspection.hub.drift.settings import DriftSection
from inspection.hub.drift.tables import alarms, cursors, observations, streams
from inspection.hub.images.picture_header import read_header
from tests.hub.accounts.conftest import client_as
from tests.hub.conftest import RunningHub
from tests.hub.reports import fields, picture, report, sha256

SECTION = DriftSection(reference_items=60, reference_days=5, picture_wait_min=0)
FIRST = date(2026, 9, 1)
A_DAY = 20


@pytest.fixture
def station_id(running: RunningHub) -> str:
    """A station of its own, and nothing of others left to be taken in."""
    with running.hub.database.transaction() as connection:
        for table in (alarms, streams, cursors, observations):
            connection.execute(table.delete())
    return f"st-{uuid4().hex[:8]}"


def put(
    running: RunningHub,
    station_id: str,
    day: int,
    values: list[dict[str, float]],
    *,
    goods: str = "can",
    basis: str = "b",
    sha: str | None = None,
) -> None:
    """Observations of one day, as if their inspections had been measured."""
    rows = [
        {
            "merchant_id": running.merchant,
            "inspection_id": uuid4(),
            "station_id": station_id,
            "goods": goods,
            "day": FIRST + timedelta(days=day),
            "figures": {name: [value, basis] for name, value in each.items()},
            "sha256": sha,
        }
        for each in values
    ]
    with running.hub.database.transaction() as connection:
        connection.execute(observations.insert(), rows)


def take_in(running: RunningHub) -> int:
    total = 0
    while count := watching.advance(running.hub, running.merchant, SECTION):
        total += count
    return total


def normal(draw: random.Random, shift: float = 0.0, **more: float) -> list[dict[str, float]]:
    return [
        {"brightness": draw.gauss(120 + 6 * shift, 6), "distance": draw.gauss(0.6, 0.1), "hold": 0.0, **more}
        for _ in range(A_DAY)
    ]


def learn(running: RunningHub, station_id: str, draw: random.Random, days: int = 7) -> None:
    for day in range(days):
        put(running, station_id, day, normal(draw))
    take_in(running)


def changed(running: RunningHub, station_id: str, draw: random.Random, day: int = 7) -> None:
    """Two days with much less light."""
    for each in (day, day + 1):
        put(running, station_id, each, normal(draw, -5), sha="a" * 64)
    take_in(running)


def test_less_light_is_told_with_pictures_and_a_proposal_and_closes_by_itself(
    running: RunningHub, admin: httpx2.Client, station_id: str
) -> None:
    draw = random.Random(1)
    learn(running, station_id, draw)
    assert admin.get("/v1/drift/alarms").json()["alarms"] == []
    changed(running, station_id, draw)
    (alarm,) = admin.get("/v1/drift/alarms", params={"open": True}).json()["alarms"]
    assert (alarm["figure"], alarm["direction"], alarm["cause"]) == ("brightness", "down", "light")
    assert alarm["action"] == "recalibrate"
    assert len(alarm["evidence"]) >= 5
    assert alarm["evidence"][0]["sha256"] == "a" * 64
    assert len(alarm["chart"]["before"]) == len(alarm["chart"]["since"]) == len(alarm["chart"]["edges"]) - 1
    stands = {each["figure"]: each["state"] for each in admin.get("/v1/drift/streams").json()["streams"]}
    assert stands == {"brightness": "alarm", "distance": "watching", "hold": "watching"}
    for day in (9, 10, 11):
        put(running, station_id, day, normal(draw))
    take_in(running)
    (closed,) = admin.get("/v1/drift/alarms").json()["alarms"]
    assert (closed["id"], closed["closed_by"]) == (alarm["id"], "cured")
    events = _events(running, alarm["id"])
    assert events == ["drift_alarmed", "drift_closed"]


def test_going_over_it_again_changes_nothing(running: RunningHub, admin: httpx2.Client, station_id: str) -> None:
    draw = random.Random(2)
    learn(running, station_id, draw)
    changed(running, station_id, draw)
    before = _state(running)
    assert take_in(running) == 0
    assert _state(running) == before
    assert len(admin.get("/v1/drift/alarms").json()["alarms"]) == 1


def test_a_batch_that_was_cut_off_leaves_nothing_of_itself(
    running: RunningHub, station_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = random.Random(3)
    learn(running, station_id, draw)
    before = _state(running)
    for day in (8, 9):
        put(running, station_id, day, normal(draw, -5))

    def fail(*_: Any) -> None:
        raise RuntimeError("cut off")

    with monkeypatch.context() as patch:
        patch.setattr(watching, "_set_cursor", fail)
        with pytest.raises(RuntimeError):
            take_in(running)
    assert _state(running) == before
    take_in(running)
    assert len(_state(running)[1]) == 1


def test_a_new_product_asks_for_training_and_more_overrides_for_labels(
    running: RunningHub, admin: httpx2.Client, station_id: str
) -> None:
    draw = random.Random(4)
    for day in range(7):
        values = [{"distance": draw.gauss(0.6, 0.1), "override": float(draw.random() < 0.05)} for _ in range(A_DAY)]
        put(running, station_id, day, values)
        put(running, station_id, day, values, goods="phone")
    take_in(running)
    for day in range(8, 13):
        new = [{"distance": draw.gauss(1.6, 0.1), "override": float(draw.random() < 0.05)} for _ in range(A_DAY)]
        put(running, station_id, day, new)
        other = [{"distance": draw.gauss(0.6, 0.1), "override": float(draw.random() < 0.7)} for _ in range(A_DAY)]
        put(running, station_id, day, other, goods="phone")
    take_in(running)
    found = {each["goods"]: each for each in admin.get("/v1/drift/alarms").json()["alarms"]}
    assert (found["can"]["cause"], found["can"]["action"]) == ("new_goods", "retrain")
    assert (found["phone"]["cause"], found["phone"]["action"]) == ("people_disagree", "relabel")
    assert found["phone"]["chart"]["since"][0] > found["phone"]["chart"]["before"][0] + 0.2


def test_another_bundle_learns_anew_and_closes_what_the_old_one_told(
    running: RunningHub, admin: httpx2.Client, station_id: str
) -> None:
    draw = random.Random(5)
    learn(running, station_id, draw)
    changed(running, station_id, draw)
    put(running, station_id, 9, normal(draw, -5), basis="other")
    take_in(running)
    (alarm,) = admin.get("/v1/drift/alarms").json()["alarms"]
    assert alarm["closed_by"] == "superseded"
    stands = {each["figure"]: each for each in admin.get("/v1/drift/streams").json()["streams"]}
    assert (stands["brightness"]["state"], stands["brightness"]["basis"]) == ("learning", "other")


def test_a_person_takes_a_change_as_the_new_normal(running: RunningHub, admin: httpx2.Client, station_id: str) -> None:
    draw = random.Random(6)
    learn(running, station_id, draw)
    changed(running, station_id, draw)
    (alarm,) = admin.get("/v1/drift/alarms").json()["alarms"]
    with client_as(running, Role.AUDITOR) as auditor:
        assert auditor.get("/v1/drift/alarms").status_code == 200
        assert auditor.post(f"/v1/drift/alarms/{alarm['id']}/accept").status_code == 403
    assert admin.post(f"/v1/drift/alarms/{alarm['id']}/accept").json()["closed_by"]
    again = admin.post(f"/v1/drift/alarms/{alarm['id']}/accept")
    assert (again.status_code, again.json()["code"]) == (409, "drift.closed")
    assert admin.post(f"/v1/drift/alarms/{uuid4()}/accept").json()["code"] == "drift.unknown"
    stands = {each["figure"]: each["state"] for each in admin.get("/v1/drift/streams").json()["streams"]}
    assert stands["brightness"] == "learning"
    for day in range(9, 16):
        put(running, station_id, day, normal(draw, -5))
    take_in(running)
    assert len(admin.get("/v1/drift/alarms").json()["alarms"]) == 1


def shot(brightness: int) -> bytes:
    """A picture with something sharp in it."""
    pixels = np.full((120, 160, 3), brightness, np.uint8)
    cv2.rectangle(pixels, (40, 30), (120, 90), (brightness // 3,) * 3, -1)
    pixels[0, 0] = np.frombuffer(uuid4().bytes[:3], np.uint8)
    done, data = cv2.imencode(".png", pixels)
    assert done
    return bytes(data)


def test_what_a_station_reports_is_measured_once_with_its_picture(
    running: RunningHub, station: httpx2.Client, station_id: str
) -> None:
    data, missing = shot(180), shot(90)
    person = {"disposition": "scrap", "overrides": True, "who": "b-1", "at": "2026-11-21T08:00:03+08:00"}
    policy = fields()["policy"] | {"facts": {"goods": "phone"}}
    for content, held in ((data, True), (missing, False)):
        if held:
            station.put(f"/v1/images/{sha256(content)}", content=content)
        shown = picture(content) | {"width": 160, "height": 120}
        body = report(station_id=station_id, pictures=[shown], person=person, policy=policy)
        assert station.post("/v1/inspections", json=body).status_code == 201
    waiting = DriftSection(picture_wait_min=60)
    assert observing.observe(running.hub, running.merchant, waiting) >= 1
    (row,) = _observed(running, station_id)
    assert row.goods == "phone"
    assert row.figures["override"][0] == 1.0
    assert row.figures["brightness"][0] == pytest.approx(figures.of_picture(_pixels(data), "")["brightness"][0])
    assert row.figures["brightness"][1].startswith("top cam-top")
    assert set(row.figures) == {*figures.FIGURES} - set()
    assert tasks.look(_with(running, SECTION), running.merchant) >= 1
    assert len(_observed(running, station_id)) == 2
    assert {each.sha256 for each in _observed(running, station_id)} == {sha256(data), None}
    assert tasks.look(_with(running, SECTION), running.merchant) == 0


def test_the_distance_of_a_novelty_is_that_of_the_judge() -> None:
    for strange in (0.0, 0.3, 1.0, 2.5):
        assert figures.distance_of(1 - 0.5 ** (strange**2)) == pytest.approx(strange, abs=1e-4)
    assert figures.distance_of(1.0) == pytest.approx(7.0)


@pytest.mark.parametrize("tag", ["en", "zh-CN", "th", "vi"])
def test_the_page_shows_alarms_standings_and_trends(
    running: RunningHub, admin: httpx2.Client, station_id: str, tag: str
) -> None:
    draw = random.Random(7)
    learn(running, station_id, draw)
    changed(running, station_id, draw, (datetime.now(UTC).date() - FIRST).days - 1)
    page = admin.get("/console/quality/drift", params={"lang": tag})
    assert page.status_code == 200
    assert page.text.count('class="shift"') == 1
    assert station_id in page.text
    trends = admin.get("/console/quality/drift/trends", params={"station": station_id, "goods": "can", "lang": tag})
    assert "<polyline" in trends.text


def test_a_run_waits_for_every_merchant_and_only_one(running: RunningHub) -> None:
    for _ in range(2):
        with running.hub.database.transaction() as connection:
            tasks.keep_watching(connection, SECTION)
    with running.hub.database.transaction() as connection:
        query = sa.text("SELECT count(*) FROM jobs.procrastinate_jobs WHERE task_name = :name AND status = 'todo'")
        assert connection.execute(query, {"name": tasks.TASK}).scalar_one() == 1


def _with(running: RunningHub, section: DriftSection) -> Any:
    hub = running.hub
    return type(hub)(hub.config.model_copy(update={"drift": section}), hub.database, hub.images, hub.metrics)


def _pixels(data: bytes) -> Any:
    assert read_header(data).width == 160
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


def _observed(running: RunningHub, station_id: str) -> list[Any]:
    with running.hub.database.transaction() as connection:
        return list(connection.execute(sa.select(observations).where(observations.c.station_id == station_id)))


def _state(running: RunningHub) -> tuple[list[Any], list[Any]]:
    with running.hub.database.transaction() as connection:
        stands = sa.select(streams.c.figure, streams.c.state, streams.c.last_number).order_by(streams.c.figure)
        return list(connection.execute(stands)), list(connection.execute(sa.select(alarms.c.id)))


def _events(running: RunningHub, alarm_id: str) -> list[str]:
    database: Database = running.hub.database
    with database.transaction() as connection:
        query = sa.text("SELECT kind FROM events WHERE subject = :subject AND merchant_id = :merchant ORDER BY id")
        return list(connection.execute(query, {"subject": alarm_id, "merchant": UUID(str(running.merchant))}).scalars())
