"""The console's page of rollouts: shown by role and language, drawn with bounds, and worked with a reason."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import httpx2
import pytest

from inspection.hub.accounts.tokens import Scope, grant, new_token
from inspection.hub.rollouts.page_routes import HOME, drawn
from inspection.hub.rollouts.schemas import WeighedFigure
from tests.hub.conftest import RunningHub
from tests.hub.rollouts.conftest import Publish, opinion, part, say, started

HTML = {"Accept": "text/html"}


@pytest.fixture
def auditor(running: RunningHub) -> Iterator[httpx2.Client]:
    token = new_token(Scope.AUDITOR)
    with running.hub.database.transaction() as connection:
        grant(connection, running.merchant, token, Scope.AUDITOR, f"auditor-{uuid4().hex[:8]}")
    with running.client(token) as client:
        yield client


@pytest.mark.parametrize(
    ("tag", "heading"), [("zh-CN", "发布"), ("th", "การปล่อยใช้งาน"), ("vi", "Triển khai"), ("en", "Rollouts")]
)
def test_the_page_is_there_in_each_language(admin: httpx2.Client, tag: str, heading: str) -> None:
    page = admin.get(HOME, params={"lang": tag}, headers=HTML)
    assert page.status_code == 200
    assert f"<h1>{heading}</h1>" in page.text


def test_what_is_tried_is_shown_with_its_bounds_and_worked_with_a_reason(
    admin: httpx2.Client, station: httpx2.Client, publish: Publish
) -> None:
    rollout = started(admin, publish("paged"))
    say(station, [opinion(rollout["id"], candidate=part("hold" if n == 0 else "resell")) for n in range(12)])
    for path in (HOME, f"{HOME}/now", f"{HOME}/{rollout['id']}"):
        page = admin.get(path, headers=HTML)
        assert page.status_code == 200
        assert "<svg" in page.text
        assert rollout["candidate_id"] in page.text
    assert admin.post(f"{HOME}/{rollout['id']}", data={"act": "rollback", "reason": ""}).status_code == 422
    done = admin.post(f"{HOME}/{rollout['id']}", data={"act": "rollback", "reason": "enough seen"})
    assert done.status_code == 303
    shown = admin.get(done.headers["location"], headers=HTML).text
    assert "enough seen" in shown


def test_a_rollout_is_started_from_the_page(admin: httpx2.Client, publish: Publish) -> None:
    name = publish("form")
    fields = {"candidate": name, "stations": "a-1, a-2", "share": "25", "min_items": "30", "min_hours": "0.5"}
    assert admin.post(HOME, data=fields | {"share": "many"}).status_code == 422
    assert admin.post(HOME, data=fields).status_code == 303
    (live,) = admin.get("/v1/rollouts").json()["rollouts"]
    assert (live["candidate_id"], live["plan"]["canary"]["share"], live["plan"]["automatic"]) == (name, 0.25, False)
    assert live["plan"]["canary"]["stations"] == ["a-1", "a-2"]


def test_who_may_only_read_sees_no_buttons_and_can_do_nothing(
    admin: httpx2.Client, auditor: httpx2.Client, publish: Publish
) -> None:
    rollout = started(admin, publish("read"))
    assert "<button name=" not in auditor.get(HOME, headers=HTML).text
    refused = auditor.post(f"{HOME}/{rollout['id']}", data={"act": "rollback", "reason": "because"})
    assert refused.status_code == 403


def test_a_drawing_keeps_its_order_whatever_the_figures() -> None:
    for value, low, high in [(0.0, -1.0, 1.0), (0.9, 0.8, 1.0), (-0.5, -0.9, -0.2), (0.02, 0.01, 0.03)]:
        figure = WeighedFigure(
            name="hold", candidate_hits=1, candidate_items=2, champion_hits=1, champion_items=2, value=value, low=low,
            high=high, fine_high=high, harm=0.05, fine=0.1, word="open",
        )  # fmt: skip
        found = drawn(figure)
        assert 0 <= found.low <= found.value <= found.high <= 320
        assert found.zero < found.harm < found.fine
