"""The EPCIS capture client: against a repository that works in the background, and against our own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from inspection.hub.connectors import service
from tests.hub.conftest import RunningHub
from tests.hub.connectors.conftest import QUICK, Desk
from tests.hub.connectors.servers.epcis import TOKEN, Repository
from tests.hub.connectors.servers.faulty import Answer, FaultyServer

Put = Callable[[str], dict[str, str]]


@pytest.fixture
def repository() -> Repository:
    return Repository()


@pytest.fixture
def server(repository: Repository) -> Iterator[FaultyServer]:
    with FaultyServer(repository) as server:
        yield server


def section(url: str, put: Put, token: str = TOKEN, **more: Any) -> dict[str, Any]:
    return {"kind": "epcis", "url": f"{url}/epcis", "token": put(token), "retry": QUICK, **more}


def test_a_verdicts_events_are_captured_and_the_job_asked_for_until_it_ends(
    desk: Desk, repository: Repository, server: FaultyServer, name: str, secret: Put
) -> None:
    repository.delay = 3
    desk.configure(**{name: section(server.url, secret)})
    desk.report()
    desk.turn_until(name, desk.ended(name))
    assert desk.states(name) == ["delivered"], desk.rows(name)[0].reason
    assert [got.method for got in server.got] == ["POST", "GET", "GET", "GET", "GET"]
    assert {event["bizStep"] for event in repository.events.values()} == {"receiving", "inspecting", "stocking"}
    assert desk.destination(name).failures == 0


def test_a_lost_answer_captures_nothing_twice(
    desk: Desk, repository: Repository, server: FaultyServer, name: str, secret: Put
) -> None:
    desk.configure(**{name: section(server.url, secret)})
    lost = {"done": False}

    def lose_one(got: Any) -> Answer:
        answer = repository(got)
        if not lost["done"]:
            lost["done"] = True
            return Answer(fault="drop")
        return answer

    server.answer = lose_one
    desk.report()
    desk.turn_until(name, desk.ended(name))
    assert desk.states(name) == ["delivered"], desk.rows(name)[0].reason
    assert len(repository.events) == 3


def test_a_repository_that_forgot_its_job_is_told_again(
    desk: Desk, repository: Repository, server: FaultyServer, name: str, secret: Put
) -> None:
    repository.delay = 1
    desk.configure(**{name: section(server.url, secret)})
    desk.report()
    desk.turn(name)
    repository.jobs.clear()
    desk.turn_until(name, desk.ended(name))
    assert (desk.states(name), len(repository.events)) == (["delivered"], 3)


@pytest.mark.parametrize(("behaviour", "kept"), [("rollback", 0), ("proceed", 2)])
def test_an_event_that_is_not_taken_is_a_dead_letter_with_the_reason(
    desk: Desk,
    repository: Repository,
    server: FaultyServer,
    name: str,
    secret: Put,
    behaviour: str,
    kept: int,
) -> None:
    repository.refuses = {"stocking"}
    desk.configure(**{name: section(server.url, secret, error_behaviour=behaviour)})
    desk.report()
    desk.turn(name)
    (row,) = desk.rows(name)
    assert (row.state, len(repository.events)) == ("dead", kept)
    assert "no stocking here" in row.reason
    repository.refuses = set()
    with desk.database.transaction() as connection:
        service.send_again(connection, desk.merchant, name, row.delivery_id)
    desk.turn_until(name, desk.ended(name))
    assert (desk.states(name), len(repository.events)) == (["delivered"], 3)


def test_a_job_elsewhere_gets_no_token(desk: Desk, server: FaultyServer, name: str, secret: Put) -> None:
    desk.configure(**{name: section(server.url, secret)})
    server.planned.append(Answer(202, headers={"Location": "https://elsewhere.example/capture/1"}))
    desk.report()
    desk.turn(name)
    (row,) = desk.rows(name)
    assert (row.state, len(server.got)) == ("dead", 1)
    assert "elsewhere.example" in row.reason


def test_revisions_in_any_order_end_with_the_same_events(
    desk: Desk, repository: Repository, server: FaultyServer, name: str, secret: Put
) -> None:
    desk.configure(**{name: section(server.url, secret)})
    verdict = {"disposition": "scrap", "decided_by": "person"}
    found = []
    for order in ([1, 2], [2, 1]):
        first = None
        for revision in order:
            changes: dict[str, Any] = {"revision": revision} | ({"verdict": verdict} if revision == 2 else {})
            changes |= {"inspection_id": str(first.inspection_id)} if first is not None else {}
            first = desk.report(**changes)
            desk.turn_until(name, desk.ended(name))
        found.append(sorted((event["bizStep"], declared) for (_, declared), event in repository.events.items()))
        repository.events.clear()
    assert set(desk.states(name)) == {"delivered"}
    assert found[0] == found[1]
    assert ("stocking", True) in found[0]


def test_our_own_repository_takes_them(desk: Desk, running: RunningHub, name: str, secret: Put) -> None:
    desk.configure(**{name: section(running.url, secret, token=running.admin_token)})
    report = desk.report(rma="RMA-OWN-1")
    desk.turn_until(name, desk.ended(name))
    assert desk.states(name) == ["delivered"], desk.rows(name)[0].reason
    with running.client(running.admin_token) as admin:
        found = admin.get("/epcis/events", params={"EQ_bizStep": "stocking"}).json()
    told = [event["rx:inspection"] for event in found["epcisBody"]["queryResults"]["resultsBody"]["eventList"]]
    assert any(each.endswith(str(report.inspection_id)) for each in told)
    (row,) = desk.rows(name)
    with desk.database.transaction() as connection:
        service.send_again(connection, desk.merchant, name, row.delivery_id)
    desk.turn_until(name, desk.ended(name))
    assert desk.states(name) == ["delivered"], desk.rows(name)[0].reason
