"""Loop: graded, then assessed, each once; a partial success is told from a success."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest

from inspection.hub.connectors import service
from tests.hub.connectors.conftest import QUICK, Desk
from tests.hub.connectors.servers.faulty import Answer, FaultyServer
from tests.hub.connectors.servers.loop import KEY, LoopShop
from tests.hub.reports import GTIN

Put = Callable[[str], dict[str, str]]


@pytest.fixture
def shop() -> LoopShop:
    return LoopShop(71, 72)


@pytest.fixture
def server(shop: LoopShop) -> Iterator[FaultyServer]:
    with FaultyServer(shop) as server:
        yield server


def section(server: FaultyServer, put: Put, **more: Any) -> dict[str, Any]:
    return {"kind": "loop", "url": f"{server.url}/api/2026-10", "api_key": put(KEY), "retry": QUICK, **more}


def referred(desk: Desk, name: str, line: int) -> str:
    rma = f"R-{uuid4().hex[:8]}"
    with desk.database.transaction() as connection:
        row = {"gtin": GTIN, "serial": "6789", "ids": {"line_item_id": line}}
        service.refer(connection, desk.merchant, name, rma, [row])
    return rma


def test_a_line_is_graded_and_assessed(
    desk: Desk, shop: LoopShop, server: FaultyServer, name: str, secret: Put
) -> None:
    desk.configure(**{name: section(server, secret, return_processor="hub@example.com")})
    desk.report(rma=referred(desk, name, 71))
    desk.turn(name)
    assert desk.states(name) == ["delivered"], desk.rows(name)[0].reason
    assert shop.graded == [
        {
            "line_item_id": 71,
            "description": "resell open_box: minor damage",
            "condition_category": "grade_b",
            "return_processor": "hub@example.com",
            "inspected_at": "2026-11-21 00:00:03",
        }
    ]
    assert [each["disposition_outcome"] for each in shop.assessed] == ["back_to_stock"]


def test_a_failure_between_the_two_repeats_the_second_only(
    desk: Desk, shop: LoopShop, server: FaultyServer, name: str, secret: Put
) -> None:
    desk.configure(**{name: section(server, secret)})
    failures = iter([Answer(503), Answer(fault="drop")])

    def assess_fails(got: Any) -> Answer:
        return next(failures, None) or shop(got) if got.path.endswith("assess") else shop(got)

    server.answer = assess_fails
    desk.report(rma=referred(desk, name, 71))
    desk.turn_until(name, desk.ended(name))
    assert (len(shop.graded), len(shop.assessed), desk.states(name)) == (1, 1, ["delivered"])


def test_a_200_without_our_line_is_no_success(
    desk: Desk, shop: LoopShop, server: FaultyServer, name: str, secret: Put
) -> None:
    desk.configure(**{name: section(server, secret)})
    server.planned.append(Answer(200, [{"line_item_id": 72}]))
    desk.report(rma=referred(desk, name, 71))
    desk.turn(name)
    (row,) = desk.rows(name)
    assert row.state == "dead"
    assert "71" in row.reason


@pytest.mark.parametrize(
    ("line", "answer", "state", "said"),
    [
        (99, None, "dead", "do not belong"),
        (71, Answer(422, {"errors": {"items.0.description": ["too long"]}}), "dead", "too long"),
        (71, Answer(401, {"message": "Unauthenticated."}), "waiting", "credentials"),
        (71, Answer(429, {}, {"Retry-After": "30"}), "waiting", "429"),
    ],
)
def test_what_each_refusal_means(
    desk: Desk, server: FaultyServer, name: str, secret: Put, line: int, answer: Answer | None, state: str, said: str
) -> None:
    desk.configure(**{name: section(server, secret)})
    if answer is not None:
        server.planned.append(answer)
    desk.report(rma=referred(desk, name, line))
    desk.turn(name)
    (row,) = desk.rows(name)
    assert row.state == state
    assert said in row.reason


def test_a_hold_is_not_told_and_a_wrong_item_is_graded_as_one(
    desk: Desk, shop: LoopShop, server: FaultyServer, name: str, secret: Put
) -> None:
    desk.configure(**{name: section(server, secret)})
    hold = {"disposition": "hold", "decided_by": "policy"}
    desk.report(rma=referred(desk, name, 71), verdict=hold, policy=None)
    desk.turn(name)
    assert (desk.states(name), server.got) == (["skipped"], [])
    policy = {
        "disposition": "hold",
        "rule_id": "R02",
        "reason": {"en": "another product"},
        "reason_codes": ["mismatch_class"],
        "needs_confirmation": False,
        "policy_version": "1",
        "values": {},
    }
    desk.report(rma=referred(desk, name, 72), verdict=hold, policy=policy)
    desk.turn(name)
    assert [each["condition_category"] for each in shop.graded] == ["incorrect_item"]
    assert shop.assessed == []
