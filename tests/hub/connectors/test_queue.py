"""The queue: in order in each lane, nothing lost, nothing sent to what is down, poison put aside."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from inspection.hub.connectors import service
from inspection.hub.connectors.breaker import back_off_s
from inspection.hub.connectors.tables import deliveries
from inspection.hub.events import EventKind, record
from inspection.hub.returns.schemas import NewReturn
from inspection.hub.returns.service import create
from tests.hub.connectors.conftest import QUICK, Desk
from tests.hub.connectors.servers.faulty import Answer, FaultyServer
from tests.hub.connectors.test_webhook import SYMMETRIC

Put = Callable[[str], dict[str, str]]
DELIVERIES = 80
MANY = 10_000


def section(server: FaultyServer, put: Put, **more: Any) -> dict[str, Any]:
    said = {"kind": "webhook", "url": server.url, "secrets": [put(SYMMETRIC)], "retry": QUICK}
    said["events"] = ["return_created", "inspection_confirmed", "inspection_corrected"]
    return said | {"fields": {"subject": "event.subject", "number": "event.payload.number"}} | more


def happen(desk: Desk, subject: str, number: int) -> None:
    with desk.database.transaction() as connection:
        record(connection, desk.merchant, EventKind.RETURN_CREATED, subject, {"number": number})


def by_subject(server: FaultyServer) -> dict[str, list[int]]:
    """What arrived of each subject, without repetitions."""
    seen, found = set(), defaultdict(list)
    for got in server.got:
        if got.headers["webhook-id"] not in seen:
            seen.add(got.headers["webhook-id"])
            data = got.json()["data"]
            found[data["subject"]].append(data.get("number", 0))
    return found


def test_an_event_that_is_rolled_back_leaves_no_delivery(
    desk: Desk, server: FaultyServer, name: str, secret: Put
) -> None:
    desk.configure(**{name: section(server, secret)})

    def fail() -> None:
        with desk.database.transaction() as connection:
            record(connection, desk.merchant, EventKind.RETURN_CREATED, "R-1", {})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert desk.rows(name) == []


def test_what_fails_at_random_arrives_in_order_and_nothing_is_lost(
    desk: Desk, server: FaultyServer, name: str, secret: Put
) -> None:
    arrive_in_order(desk, server, name, secret, DELIVERIES)


@pytest.mark.long
def test_ten_thousand_that_fail_at_random_arrive_in_order_and_nothing_is_lost(
    desk: Desk, server: FaultyServer, name: str, secret: Put
) -> None:
    arrive_in_order(desk, server, name, secret, MANY)


def arrive_in_order(desk: Desk, server: FaultyServer, name: str, secret: Put, count: int) -> None:
    desk.configure(**{name: section(server, secret, parallel=3)})
    chance = random.Random(7)
    faults = [Answer(503), Answer(fault="drop"), Answer(fault="cut", body=b"12345678"), Answer(408), Answer(500)]
    server.answer = lambda _: chance.choice(faults) if chance.random() < 0.25 else Answer()
    subjects = [f"R-{uuid4().hex[:8]}" for _ in range(20)]
    for number in range(count):
        happen(desk, subjects[number % len(subjects)], number)
    desk.turn_until(name, desk.ended(name), turns=count * 10)
    assert set(desk.states(name)) == {"delivered"}
    found = by_subject(server)
    assert sorted(number for numbers in found.values() for number in numbers) == list(range(count))
    assert all(numbers == sorted(numbers) for numbers in found.values())


def test_a_lane_waits_for_its_first_and_others_do_not(desk: Desk, server: FaultyServer, name: str, secret: Put) -> None:
    desk.configure(**{name: section(server, secret, parallel=1, retry=QUICK | {"break_after": 100})})
    server.answer = lambda got: Answer(500) if got.json()["data"]["subject"] == "sick" else Answer()
    for number, subject in enumerate(["sick", "sick", "well", "sick", "well"]):
        happen(desk, subject, number)
    for _ in range(3):
        desk.let_time_pass(name)
        desk.turn(name)
    found = by_subject(server)
    assert (found["well"], found["sick"]) == ([2, 4], [0])
    server.answer = lambda _: Answer()
    desk.turn_until(name, desk.ended(name))
    assert by_subject(server)["sick"] == [0, 1, 3]


def test_what_is_down_is_left_alone_then_tried_by_one(desk: Desk, server: FaultyServer, name: str, secret: Put) -> None:
    retry = {"cap_s": 3000, "break_after": 3, "break_s": 3000}
    desk.configure(**{name: section(server, secret, parallel=1, retry=retry)})
    server.answer = lambda _: Answer(503)
    for number in range(40):
        happen(desk, f"R-{uuid4().hex[:6]}", number)
    desk.turn(name)
    assert len(server.got) == 3  # then the circuit breaker opens
    desk.turn(name)
    assert len(server.got) == 3
    for tries in (4, 5):
        desk.let_time_pass(name)
        desk.turn(name)
        assert len(server.got) == tries  # one tries, and it is open again
    server.answer = lambda _: Answer()
    desk.turn_until(name, desk.ended(name))
    assert desk.states(name) == ["delivered"] * 40
    assert desk.destination(name).reason is None


def test_a_destination_that_is_gone_for_a_while_gets_everything_afterwards(
    desk: Desk, server: FaultyServer, name: str, secret: Put
) -> None:
    desk.configure(**{name: section(server, secret)})
    server.stop()
    for number in range(12):
        happen(desk, "one-return", number)
        if number % 5 == 0:
            desk.turn(name)
    for _ in range(12):
        desk.let_time_pass(name)
        desk.turn(name)
    assert set(desk.states(name)) == {"waiting"}
    server.start()
    desk.turn_until(name, desk.ended(name))
    assert by_subject(server)["one-return"] == list(range(12))


def test_poison_goes_to_a_person_and_an_outage_does_not(
    desk: Desk, server: FaultyServer, name: str, secret: Put
) -> None:
    desk.configure(**{name: section(server, secret, retry=QUICK | {"attempts": 4})})
    happen(desk, "poison", 1)
    server.answer = lambda _: Answer(500)
    for _ in range(10):
        desk.let_time_pass(name)
        desk.turn(name)
    assert desk.states(name) == ["waiting"]  # nothing else was taken: it may well be an outage
    server.answer = lambda got: Answer(500) if got.json()["data"]["subject"] == "poison" else Answer()
    happen(desk, "healthy", 2)
    desk.turn_until(name, desk.ended(name))
    assert desk.states(name) == ["dead", "delivered"]
    assert "given up after" in desk.rows(name)[0].reason


@pytest.mark.parametrize("blocks", [False, True])
def test_what_follows_a_dead_letter_goes_on_unless_told_otherwise(
    desk: Desk, server: FaultyServer, name: str, secret: Put, *, blocks: bool
) -> None:
    desk.configure(**{name: section(server, secret, dead_letters_block=blocks)})
    server.planned.append(Answer(422))
    for number in range(3):
        happen(desk, "one-return", number)
    desk.turn(name)
    desk.turn(name)
    assert desk.states(name) == (["dead", "waiting", "waiting"] if blocks else ["dead", "delivered", "delivered"])
    with desk.database.transaction() as connection:
        service.send_all_again(connection, desk.merchant, name, service.State.DEAD, None)
    desk.turn_until(name, desk.ended(name))
    assert by_subject(server)["one-return"] == [0, 1, 2]


def test_events_from_several_transactions_at_once_are_all_delivered_once(
    desk: Desk, server: FaultyServer, name: str, secret: Put
) -> None:
    desk.configure(**{name: section(server, secret)})
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: happen(desk, f"R-{number % 5}", number), range(60)))
    with ThreadPoolExecutor(3) as pool:  # workers that all turn the same slots
        for _ in range(10):
            list(pool.map(lambda _: desk.turn(name), range(3)))
            if desk.ended(name)():
                break
    assert len(server.got) == 60
    assert len({got.headers["webhook-id"] for got in server.got}) == 60


def test_an_inspection_keeps_its_lane_when_its_return_is_found_later(
    desk: Desk, server: FaultyServer, name: str, secret: Put
) -> None:
    desk.configure(**{name: section(server, secret)})
    first = desk.report(rma=None)
    desk.report(inspection_id=str(first.inspection_id), revision=2, rma="RMA-LATER")
    assert {row.lane for row in desk.rows(name)} == {str(first.inspection_id)}


def test_a_late_first_revision_does_not_undo_the_second_where_states_are_told(
    desk: Desk, server: FaultyServer, name: str, secret: Put
) -> None:
    loop = {"kind": "loop", "url": server.url, "api_key": secret("k"), "line_item_id": {"value": 5}, "retry": QUICK}
    desk.configure(**{name: loop})
    server.answer = lambda _: Answer(200, [{"line_item_id": 5}])
    scrap = {"disposition": "scrap", "decided_by": "person"}
    second = desk.report(revision=2, verdict=scrap)
    desk.turn(name)
    desk.report(inspection_id=str(second.inspection_id), revision=1)
    desk.turn(name)
    assert desk.states(name) == ["delivered", "skipped"]
    assert "revision 2" in desk.rows(name)[1].reason
    outcomes = [got.json()["items"][0].get("disposition_outcome") for got in server.got]
    assert outcomes == [None, "recycle"]


def test_a_destination_taken_out_keeps_what_waits_until_it_is_back(
    desk: Desk, server: FaultyServer, name: str, secret: Put
) -> None:
    said = section(server, secret)
    desk.configure(**{name: said})
    happen(desk, "R-1", 1)
    desk.configure()
    happen(desk, "R-1", 2)
    assert desk.states(name) == ["waiting"]
    desk.configure(**{name: said | {"parallel": 5}})
    desk.turn_until(name, desk.ended(name))
    assert by_subject(server)["R-1"] == [1]


def test_a_new_destination_can_be_told_of_the_past(desk: Desk, server: FaultyServer, name: str, secret: Put) -> None:
    rma = f"R-{uuid4().hex[:8]}"
    with desk.database.transaction() as connection:
        moment = connection.execute(sa.select(sa.func.now())).scalar_one()
        create(connection, desk.merchant, NewReturn.model_validate({"rma": rma, "lines": [{}]}))
    desk.configure(**{name: section(server, secret)})
    assert desk.rows(name) == []
    with desk.database.transaction() as connection:
        added = service.tell_of_the_past(connection, desk.merchant, name, moment)
        assert service.tell_of_the_past(connection, desk.merchant, name, moment) == 0
    assert added == 1
    desk.turn_until(name, desk.ended(name))
    assert rma in by_subject(server)


def test_no_merchant_sees_or_sends_what_is_anothers(desk: Desk, server: FaultyServer, name: str, secret: Put) -> None:
    desk.configure(**{name: section(server, secret)})
    happen(desk, "R-1", 1)
    (row,) = desk.rows(name)
    from inspection.hub.problems import Problem  # noqa: PLC0415 - only here

    with desk.database.transaction() as connection:
        for call in (
            lambda: service.read_delivery(connection, uuid4(), name, row.delivery_id),
            lambda: service.send_again(connection, uuid4(), name, row.delivery_id),
            lambda: service.list_deliveries(connection, uuid4(), name, service.Chosen(), 10),
            lambda: service.pause(connection, uuid4(), name),
        ):
            with pytest.raises(Problem):
                call()
        assert service.list_destinations(connection, uuid4()) == []


def test_an_order_of_due_deliveries_uses_its_index(desk: Desk) -> None:
    with desk.database.transaction() as connection:
        names = {index["name"] for index in sa.inspect(connection).get_indexes(deliveries.name)}
    assert {"connector_deliveries_due_idx", "connector_deliveries_lane_idx"} <= names


def test_waits_double_up_to_their_cap_and_are_spread() -> None:
    chance = random.Random(1)
    for failures in range(60):
        wait = back_off_s(failures, 5.0, 3600.0, chance)
        whole = min(5.0 * 2**failures, 3600.0)
        assert whole / 2 <= wait <= whole
    assert len({back_off_s(3, 5.0, 3600.0, chance) for _ in range(50)}) == 50
