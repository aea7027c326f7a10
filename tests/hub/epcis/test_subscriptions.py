"""Subscriptions: a webhook is told of what a query asks for, once, in order, signed; by stream or by schedule."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
import sqlalchemy as sa
import yaml
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from inspection.epcis import Names
from inspection.hub.accounts.tokens import Scope, grant, new_token
from inspection.hub.config import ConnectorsSection
from inspection.hub.connectors.config import load_connectors
from inspection.hub.connectors.configured import configure
from inspection.hub.connectors.delivering import Deliverer, Slot
from inspection.hub.connectors.metrics import DeliveryMetrics
from inspection.hub.connectors.tables import deliveries
from inspection.hub.epcis.subscriptions import service
from inspection.hub.epcis.subscriptions.keys import master_key_of
from inspection.hub.epcis.subscriptions.schedule import RANGES, read_schedule
from inspection.hub.epcis.subscriptions.tables import pending, subscriptions
from inspection.hub.epcis.subscriptions.telling import Subscriptions, signature
from inspection.hub.hub import Hub
from inspection.hub.problems import Problem
from inspection.hub.schema import merchants
from tests.hub.conftest import RunningHub, serving
from tests.hub.connectors.servers.faulty import Answer, FaultyServer
from tests.hub.epcis.examples import captured, document, event
from tests.hub.reports import report

TOKEN = "13df38d8275b13f05704629e5f1cf3d45d6132d5"


class Office:
    """A hub that lets subscriptions go to loopback, a subscriber, and a worker turned by hand."""

    def __init__(self, running: RunningHub, url: str, server: FaultyServer, file: Path) -> None:
        self.running, self.server = running, server
        self.client = httpx2.Client(
            base_url=url, headers={"Authorization": f"Bearer {running.admin_token}"}, timeout=60
        )
        config = load_connectors(file)
        key = Subscriptions(lambda: master_key_of(running.hub.config))
        metrics = DeliveryMetrics(CollectorRegistry())
        self.deliverer = Deliverer(running.hub.database, config, Names(), metrics, key)
        with running.hub.database.transaction() as connection:
            configure(connection, running.merchant, config)
        self.step = f"step{uuid4().hex[:8]}"

    def query(self, **parameters: Any) -> str:
        """A query that only this test's events fulfil; its name."""
        name = f"q{uuid4().hex[:8]}"
        asked = {"EQ_bizStep": [f"https://steps.example/{self.step}"], **parameters}
        answer = self.client.post("/epcis/queries", json={"name": name, "query": asked})
        assert answer.status_code == 201, answer.text
        return name

    def subscribe(self, name: str, **members: Any) -> str:
        body = {"dest": f"{self.server.url}/told", "signatureToken": TOKEN, **members}
        answer = self.client.post(f"/epcis/queries/{name}/subscriptions", json=body)
        assert answer.status_code == 201, answer.text
        assert TOKEN not in answer.text
        assert self.client.get(answer.headers["location"]).json() == answer.json()
        return str(answer.json()["subscriptionID"])

    def capture(self, *steps: str) -> list[str]:
        """Capture an event of each step (``""`` is this test's); their EPCs."""
        made = [event(bizStep=f"https://steps.example/{step or self.step}") for step in steps]
        assert captured(self.client, document(*made))["success"]
        return [each["epcList"][0] for each in made]

    def turn(self, subscription: str) -> None:
        """What waits is due now, and is delivered."""
        name = service.name_of(UUID(subscription))
        with self.running.hub.database.transaction() as connection:
            mine = deliveries.c.destination == name
            connection.execute(deliveries.update().where(mine).values(next_attempt_at=sa.func.now()))
        self.deliverer.drain(Slot(self.running.merchant, name, 0), lambda: False)

    def come(self, later: timedelta) -> None:
        """Every schedule up to then has come."""
        with self.running.hub.database.transaction() as connection:
            service.tell_due(connection, datetime.now(UTC) + later)

    def told(self) -> list[list[str]]:
        """EPCs of each message that was sent."""
        results = [got.json()["epcisBody"]["queryResults"] for got in self.server.got]
        return [[each["epcList"][0] for each in found["resultsBody"]["eventList"]] for found in results]

    def states(self, subscription: str) -> list[str]:
        name = service.name_of(UUID(subscription))
        query = sa.select(deliveries.c.state).where(deliveries.c.destination == name).order_by(deliveries.c.event_id)
        with self.running.hub.database.transaction() as connection:
            return list(connection.execute(query).scalars())


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as server:
        yield server


@pytest.fixture
def office(running: RunningHub, server: FaultyServer, tmp_path: Path) -> Iterator[Office]:
    file = tmp_path / "connectors.yaml"
    file.write_text(yaml.safe_dump({"allow_networks": ["127.0.0.0/8"]}))
    config = running.hub.config.model_copy(update={"connectors": ConnectorsSection(file=file)})
    with serving(Hub(config, running.hub.database, running.hub.images, running.hub.metrics)) as url:
        office = Office(running, url, server, file)
        yield office
        with running.hub.database.transaction() as connection:
            for row in connection.execute(sa.select(subscriptions)).all():
                service.end(connection, row.merchant_id, row.subscription_id)
        office.client.close()


def test_a_stream_tells_what_the_query_asks_for_signed_and_in_order(office: Office) -> None:
    name = office.query()
    subscription = office.subscribe(name, stream=True)
    first, _, second = office.capture("", "another", "")
    (third,) = office.capture("")
    office.capture("another")
    office.turn(subscription)
    assert office.told() == [[first, second], [third]]
    assert office.states(subscription) == ["delivered", "delivered", "skipped"]
    got = office.server.got[0]
    results = got.json()["epcisBody"]["queryResults"]
    assert (results["queryName"], results["subscriptionID"]) == (name, subscription)
    signed = signature(TOKEN, got.headers["webhook-id"], got.headers["webhook-timestamp"], got.body)
    assert got.headers["gs1-signature"] == signed
    shown = office.client.get(f"/epcis/queries/{name}/subscriptions/{subscription}").json()
    assert "lastNotifiedAt" in shown


def test_verdicts_are_told_like_captured_events(office: Office) -> None:
    name = office.query(EQ_bizStep=["inspecting"])
    subscription = office.subscribe(name, stream=True)
    with office.running.client(office.running.station_token) as station:
        assert station.post("/v1/inspections", json=report()).status_code == 201
    office.turn(subscription)
    assert len(office.told()) == 1


def test_what_the_subscriber_could_not_take_comes_again_under_the_same_id(office: Office) -> None:
    subscription = office.subscribe(office.query(), stream=True)
    (epc,) = office.capture("")
    office.server.planned.append(Answer(500))
    office.turn(subscription)
    assert office.states(subscription) == ["waiting"]
    office.turn(subscription)
    assert office.told() == [[epc], [epc]]
    assert len({got.headers["webhook-id"] for got in office.server.got}) == 1
    assert office.states(subscription) == ["delivered"]


def test_a_message_too_large_is_sent_in_smaller_ones_and_none_twice(office: Office) -> None:
    office.server.answer = lambda got: Answer(
        413 if len(got.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"]) > 2 else 200
    )
    subscription = office.subscribe(office.query(), stream=True)
    epcs = office.capture("", "", "", "", "")
    office.turn(subscription)
    taken = [epc for message in office.told() if len(message) <= 2 for epc in message]
    assert taken == epcs
    assert office.states(subscription) == ["delivered"]


def test_a_refusal_is_a_dead_letter_that_a_person_may_send_again(office: Office) -> None:
    subscription = office.subscribe(office.query(), stream=True)
    office.capture("")
    office.server.planned.append(Answer(400, b"no"))
    office.turn(subscription)
    assert office.states(subscription) == ["dead"]
    place = f"/v1/connectors/{service.name_of(UUID(subscription))}/deliveries"
    (dead,) = office.client.get(place, params={"state": "dead"}).json()["deliveries"]
    assert office.client.post(f"{place}/{dead['delivery_id']}/send").status_code in (200, 202)
    office.turn(subscription)
    assert office.states(subscription) == ["delivered"]


def test_a_schedule_tells_at_its_time_what_came_since_and_nothing_twice(office: Office) -> None:
    subscription = office.subscribe(office.query(), schedule={"minute": "0,30"})
    epcs = [*office.capture("", "another"), *office.capture("")]
    office.turn(subscription)
    assert office.told() == []
    office.come(timedelta(hours=1))
    office.turn(subscription)
    assert office.told() == [[epcs[0], epcs[2]]]
    office.come(timedelta(hours=3))
    office.turn(subscription)
    assert len(office.told()) == 1, "nothing new is nothing to tell"
    (fourth,) = office.capture("")
    office.come(timedelta(hours=5))
    office.turn(subscription)
    assert office.told()[1] == [fourth]


def test_a_schedule_reports_that_there_was_nothing_when_asked_to(office: Office) -> None:
    subscription = office.subscribe(office.query(), schedule={"hour": "1"}, reportIfEmpty=True)
    office.capture("another")
    office.come(timedelta(days=1))
    office.turn(subscription)
    assert office.told() == [[]]
    assert office.states(subscription) == ["delivered"]


@pytest.mark.parametrize("how", [{"stream": True}, {"schedule": {"hour": "1"}}], ids=["stream", "schedule"])
def test_an_initial_record_time_brings_what_was_stored_since(office: Office, how: dict[str, Any]) -> None:
    began = datetime.now(UTC)
    epcs = office.capture("", "another", "")
    subscription = office.subscribe(office.query(), initialRecordTime=began.isoformat(), **how)
    later = office.capture("")
    office.come(timedelta(days=1))
    office.turn(subscription)
    assert [epc for message in office.told() for epc in message] == [epcs[0], epcs[2], *later]
    older = office.subscribe(office.query(), initialRecordTime=datetime.now(UTC).isoformat(), **how)
    office.come(timedelta(days=2))
    office.turn(older)
    assert len([epc for message in office.told() for epc in message]) == 3


def test_an_end_stops_what_waits_and_a_query_takes_its_subscriptions_along(office: Office) -> None:
    name = office.query()
    one, two = office.subscribe(name, stream=True), office.subscribe(name, schedule={"second": "0"})
    place = f"/epcis/queries/{name}/subscriptions"
    assert {each["subscriptionID"] for each in office.client.get(place).json()} == {one, two}
    page = office.client.get(place, params={"perPage": 1})
    assert len(page.json()) == 1
    assert 'rel="next"' in page.headers["link"]
    office.capture("")
    assert office.client.delete(f"{place}/{one}").status_code == 204
    assert office.client.get(f"{place}/{one}").status_code == 404
    office.turn(one)
    assert office.states(one) == ["skipped"]
    assert office.client.delete(f"/epcis/queries/{name}").status_code == 204
    assert office.client.get(place).status_code == 404
    office.come(timedelta(days=1))
    office.turn(two)
    assert office.told() == []
    with office.running.hub.database.transaction() as connection:
        assert connection.execute(sa.select(pending)).all() == []


def test_another_merchant_sees_hears_and_ends_nothing(office: Office) -> None:
    name = office.query()
    subscription = office.subscribe(name, stream=True)
    token = new_token(Scope.ADMIN)
    with office.running.hub.database.transaction() as connection:
        other = connection.execute(merchants.insert().values(name=uuid4().hex).returning(merchants.c.id)).scalar_one()
        grant(connection, other, token, Scope.ADMIN, "other")
    with office.running.client(token) as stranger:
        place = f"/epcis/queries/{name}/subscriptions"
        for path in (place, f"{place}/{subscription}"):
            assert stranger.get(path).status_code == 404
        assert stranger.delete(f"{place}/{subscription}").status_code == 404
        assert captured(stranger, document(event(bizStep=f"https://steps.example/{office.step}")))["success"]
    office.turn(subscription)
    assert (office.told(), office.states(subscription)) == ([], [])


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({}, "/stream"),
        ({"stream": True, "schedule": {"hour": "1"}}, "/stream"),
        ({"stream": "yes"}, "/stream"),
        ({"stream": True, "reportIfEmpty": True}, "/reportIfEmpty"),
        ({"schedule": {}}, "/schedule"),
        ({"schedule": {"hour": "24"}}, "/schedule/hour"),
        ({"schedule": {"fortnight": "1"}}, "/schedule/fortnight"),
        ({"schedule": {"dayOfMonth": "31", "month": "2"}}, "/schedule"),
        ({"stream": True, "dest": "http://169.254.169.254/latest"}, "/dest"),
        ({"stream": True, "dest": "https://10.1.2.3/"}, "/dest"),
        ({"stream": True, "dest": "https://[::1]/"}, "/dest"),
        ({"stream": True, "dest": "ftp://127.0.0.1/"}, "/dest"),
        ({"stream": True, "dest": "http://user:pass@127.0.0.1/"}, "/dest"),
        ({"stream": True, "dest": "http://127.0.0.1:99999/"}, "/dest"),
        ({"stream": True, "dest": 7}, "/dest"),
        ({"stream": True, "signatureToken": "short"}, "/signatureToken"),
        ({"stream": True, "initialRecordTime": "yesterday"}, "/initialRecordTime"),
        ({"stream": True, "initialRecordTime": "2026-11-22T08:00:00"}, "/initialRecordTime"),
        ({"stream": True, "pace": "slow"}, "/pace"),
    ],
    ids=str,
)
def test_what_cannot_be_subscribed_is_refused_by_name(office: Office, members: dict[str, Any], pointer: str) -> None:
    body = {"dest": f"{office.server.url}/told", **members}
    answer = office.client.post(f"/epcis/queries/{office.query()}/subscriptions", json=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["type"] == "epcisException:SubscriptionControlsException"
    assert answer.json()["errors"][0]["pointer"] == pointer


def test_a_query_that_orders_or_counts_is_not_subscribed_and_there_is_no_websocket(office: Office) -> None:
    name = office.query(orderBy="eventTime", eventCountLimit=3)
    body = {"dest": f"{office.server.url}/told", "stream": True}
    assert office.client.post(f"/epcis/queries/{name}/subscriptions", json=body).status_code == 400
    asked = {"Upgrade": "websocket", "Connection": "Upgrade"}
    assert office.client.get(f"/epcis/queries/{name}/events", headers=asked).status_code == 406
    assert office.client.get(f"/epcis/queries/{name}/events", params={"stream": "true"}).status_code == 400
    assert office.client.post("/epcis/queries/none/subscriptions", json=body).status_code == 404


@pytest.mark.parametrize(
    ("fields", "after", "following"),
    [
        ({"hour": "1", "minute": "5"}, "2026-11-22T01:05:00", "2026-11-23T01:05:00"),
        ({"minute": "0,30"}, "2026-11-22T08:00:00", "2026-11-22T08:30:00"),
        ({"second": "[0-1]"}, "2026-11-22T08:00:00", "2026-11-22T08:00:01"),
        ({"dayOfWeek": "1", "hour": "6"}, "2026-11-22T08:00:00", "2026-11-23T06:00:00"),
        ({"dayOfMonth": "29", "month": "2", "hour": 0}, "2096-03-01T00:00:00", "2104-02-29T00:00:00"),
        ({"dayOfMonth": "1"}, "2026-11-22T08:00:00", "2026-12-01T00:00:00"),
        ({"month": "[1-3],12"}, "2026-11-22T08:00:00", "2026-12-01T00:00:00"),
    ],
    ids=str,
)
def test_a_schedule_comes_when_its_fields_say(fields: dict[str, Any], after: str, following: str) -> None:
    moment = datetime.fromisoformat(after).replace(tzinfo=UTC)
    assert read_schedule(fields).next_after(moment) == datetime.fromisoformat(following).replace(tzinfo=UTC)


@given(st.dictionaries(st.sampled_from([*RANGES, "x"]), st.text("0123456789[]-, ", max_size=12) | st.integers()))
def test_a_schedule_is_understood_or_refused_and_never_in_the_past(fields: dict[str, Any]) -> None:
    try:
        schedule = read_schedule(fields)
    except Problem:
        return
    now = datetime.now(UTC)
    following = schedule.next_after(now)
    assert following is not None
    assert following > now
