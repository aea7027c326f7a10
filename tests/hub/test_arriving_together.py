"""Reports that arrive at the same time share a transaction, and each is answered for itself."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa

from inspection.hub.accounts.matrix import Role
from inspection.hub.accounts.remembered import Remembered
from inspection.hub.accounts.tables import access_tokens
from inspection.hub.accounts.tokens import Caller, Kind, Scope, digest, grant, new_token
from inspection.hub.inspections import gathering, taking
from inspection.hub.inspections.storing import Delivery
from inspection.hub.inspections.tables import inspections, station_clocks
from inspection.hub.inspections.taking import Brought, Outcome
from tests.hub.conftest import RunningHub
from tests.hub.reports import report

TOGETHER = 8
PATIENCE_S = 60


def stored(running: RunningHub, body: dict[str, Any]) -> int:
    query = sa.select(sa.func.count()).where(inspections.c.inspection_id == body["inspection_id"])
    with running.hub.database.transaction() as connection:
        return int(connection.execute(query).scalar_one())


class Held:
    """Lets the first transaction begin only when ``number`` more reports wait."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
        self.sizes: list[int] = []
        self._number, self._come = number, threading.Semaphore(0)
        self._first = threading.Event()
        take, arrive = taking.take_all, gathering.Gathering.take

        def held(hub: Any, brought: Sequence[Brought]) -> list[Outcome]:
            self.sizes.append(len(brought))
            if len(self.sizes) == 1:
                self._first.set()
                for _ in range(self._number + 1):
                    assert self._come.acquire(timeout=PATIENCE_S)
            return take(hub, brought)

        async def counted(self_: gathering.Gathering, brought: Brought) -> Outcome:
            waits = arrive(self_, brought)
            self._come.release()
            return await waits

        monkeypatch.setattr(gathering, "take_all", held)
        monkeypatch.setattr(gathering.Gathering, "take", counted)

    def post(self, client: httpx2.Client, bodies: list[dict[str, Any]]) -> list[httpx2.Response]:
        """Send the first, and the others once it is under way."""

        def send(body: dict[str, Any]) -> httpx2.Response:
            return client.post("/v1/inspections", json=body)

        with ThreadPoolExecutor(len(bodies)) as pool:
            first = pool.submit(send, bodies[0])
            assert self._first.wait(PATIENCE_S)
            return [each.result() for each in [first, *(pool.submit(send, body) for body in bodies[1:])]]


def test_those_that_arrive_while_one_is_stored_are_stored_in_one_transaction(
    running: RunningHub, station: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(monkeypatch, TOGETHER)
    bodies = [report(station_id=f"together-{number % 3}") for number in range(TOGETHER + 1)]
    answers = held.post(station, bodies)
    assert [(each.status_code, each.json()["inspection_id"]) for each in answers] == [
        (201, body["inspection_id"]) for body in bodies
    ]
    assert len(held.sizes) < len(bodies)
    assert sum(held.sizes) == len(bodies)
    assert [stored(running, body) for body in bodies] == [1] * len(bodies)


def test_each_is_told_what_is_wrong_with_its_own_report(
    running: RunningHub, station: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(monkeypatch, 4)
    first, good, again = report(), report(), report(revision=2)
    false = report() | {"evidence_hash": "0" * 64}
    other = report(inspection_id=first["inspection_id"], rma="RMA-other")
    answers = held.post(station, [first, good, false, other, again])
    told = [(each.status_code, each.json().get("code")) for each in answers]
    assert told == [
        (201, None),
        (201, None),
        (422, "inspection.evidence_mismatch"),
        (409, "inspection.conflict"),
        (201, None),
    ]
    assert (stored(running, first), stored(running, good), stored(running, false)) == (1, 1, 0)


def test_a_report_that_the_database_finds_fault_with_keeps_no_other_from_being_stored(
    running: RunningHub, station: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept = taking.accept_all

    def fussy(connection: Any, merchant_id: Any, deliveries: Sequence[Delivery], names: Any) -> Any:
        if any(each.report.rma == "RMA-bad" for each in deliveries):
            connection.execute(sa.text("SELECT 1 / 0"))
        return accept(connection, merchant_id, deliveries, names)

    monkeypatch.setattr(taking, "accept_all", fussy)
    held = Held(monkeypatch, 3)
    bodies = [report(), report(), report(rma="RMA-bad"), report()]
    answers = held.post(station, bodies)
    assert [each.status_code for each in answers] == [201, 201, 500, 201]
    assert [stored(running, body) for body in bodies] == [1, 1, 0, 1]


def test_the_same_report_twice_at_once_is_stored_once(
    running: RunningHub, station: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(monkeypatch, 3)
    body = report()
    answers = held.post(station, [report(), body, body, body])
    assert sorted(each.status_code for each in answers[1:]) == [201, 409, 409]
    assert {each.json()["received_at"] for each in answers[1:]} == {answers[1].json()["received_at"]}
    assert stored(running, body) == 1


def test_the_clocks_of_all_stations_are_noted(running: RunningHub, monkeypatch: pytest.MonkeyPatch) -> None:
    held = Held(monkeypatch, 3)
    bodies = [report(station_id=f"clock-{number}") for number in range(4)]
    with running.client(running.station_token) as client:
        client.headers["Date"] = "Sun, 01 Nov 2026 08:00:00 GMT"
        assert {each.status_code for each in held.post(client, bodies)} == {201}
    query = sa.select(station_clocks.c.station_id, station_clocks.c.wrong)
    with running.hub.database.transaction() as connection:
        found = connection.execute(query.where(station_clocks.c.station_id.startswith("clock-"))).all()
    assert sorted((row.station_id, row.wrong) for row in found) == [(f"clock-{number}", True) for number in range(4)]


@pytest.mark.parametrize("path", ["/v1/inspections", "/v1/inspections/batch"])
def test_who_is_shut_out_stores_nothing_more_from_that_moment(running: RunningHub, path: str) -> None:
    token = new_token(Scope.STATION)
    with running.hub.database.transaction() as connection:
        grant(connection, running.merchant, token, Scope.STATION, f"shut out of {path}")
    mine = access_tokens.c.token_sha256 == digest(token)
    bodies = [report() for _ in range(2)]
    sent = [body if path.endswith("inspections") else {"reports": [body]} for body in bodies]
    with running.client(token) as client:
        assert client.post(path, json=sent[0]).status_code in {200, 201}
        assert running.hub.remembered.find(token) is not None, "so that the test is about who is remembered"
        with running.hub.database.transaction() as connection:
            connection.execute(access_tokens.update().where(mine).values(revoked_at=sa.func.now()))
        refused = client.post(path, json=sent[1])
    assert (refused.status_code, refused.json()["code"]) == (401, "token.invalid")
    assert [stored(running, body) for body in bodies] == [1, 0]


def test_a_device_is_remembered_for_a_moment_and_a_person_never(running: RunningHub) -> None:
    now = [0.0]
    remembered = Remembered(2.0, lambda: now[0])
    device = Caller(running.merchant, running.merchant, Role.STATION, None)
    person = Caller(running.merchant, running.merchant, Role.ADMIN, None, Kind.SESSION, running.merchant)
    remembered.keep("device", device)
    remembered.keep("person", person)
    assert (remembered.find("device"), remembered.find("person"), remembered.find("other")) == (device, None, None)
    now[0] = 2.0
    assert remembered.find("device") is None
