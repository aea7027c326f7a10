"""Shopify: the unit's line found, disposed of once, throttled by cost, refused with the shop's own words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest

from inspection.hub.connectors import service
from inspection.hub.returns import service as returns_service
from inspection.hub.returns.schemas import NewReturn
from tests.hub.connectors.conftest import QUICK, Desk
from tests.hub.connectors.servers.faulty import Answer, FaultyServer
from tests.hub.connectors.servers.shopify import TOKEN, Shop
from tests.hub.reports import GTIN

Put = Callable[[str], dict[str, str]]
BARCODE = GTIN.lstrip("0")


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def server(shop: Shop) -> Iterator[FaultyServer]:
    with FaultyServer(shop) as server:
        yield server


@pytest.fixture
def rma(desk: Desk) -> str:
    """A return that was imported with its order's name."""
    rma = f"R-{uuid4().hex[:8]}"
    new = NewReturn.model_validate({"rma": rma, "order_ref": f"SO-{rma}", "lines": [{"gtin": GTIN, "quantity": 3}]})
    with desk.database.transaction() as connection:
        returns_service.create(connection, desk.merchant, new)
    return rma


def section(server: FaultyServer, put: Put, token: str = TOKEN, **more: Any) -> dict[str, Any]:
    return {
        "kind": "shopify",
        "url": f"{server.url}/admin/api/2026-10/graphql.json",
        "access_token": put(token),
        "location_id": "gid://shopify/Location/5",
        "retry": QUICK,
        **more,
    }


def test_a_unit_is_found_by_order_and_barcode_and_restocked(
    desk: Desk, shop: Shop, server: FaultyServer, name: str, secret: Put, rma: str
) -> None:
    _, line = shop.add_return(f"SO-{rma}", rma, {"4000000000000": 1, BARCODE: 2})
    desk.configure(**{name: section(server, secret)})
    desk.report(rma=rma)
    desk.turn(name)
    assert desk.states(name) == ["delivered"], desk.rows(name)[0].reason
    assert shop.disposed(line) == [("RESTOCKED", 1)]
    given = server.got[-1].json()["variables"]["dispositionInputs"][0]
    assert given["locationId"] == "gid://shopify/Location/5"


def test_an_answer_that_is_lost_disposes_of_no_second_unit(
    desk: Desk, shop: Shop, server: FaultyServer, name: str, secret: Put, rma: str
) -> None:
    (line,) = shop.add_return(f"SO-{rma}", rma, {BARCODE: 3})
    desk.configure(**{name: section(server, secret)})
    lost = {"done": False}

    def lose_one(got: Any) -> Answer:
        answer = shop(got)
        if "mutation" in got.json()["query"] and not lost["done"]:
            lost["done"] = True
            return Answer(answer.status, answer.body, fault="cut")
        return answer

    server.answer = lose_one
    desk.report(rma=rma)
    desk.turn_until(name, desk.ended(name))
    assert (desk.states(name), shop.disposed(line)) == (["delivered"], [("RESTOCKED", 1)])
    (row,) = desk.rows(name)
    with desk.database.transaction() as connection:
        service.send_again(connection, desk.merchant, name, row.delivery_id)
    desk.turn_until(name, desk.ended(name))
    assert shop.disposed(line) == [("RESTOCKED", 1)]


def test_units_of_one_line_are_disposed_of_one_by_one(
    desk: Desk, shop: Shop, server: FaultyServer, name: str, secret: Put, rma: str
) -> None:
    (line,) = shop.add_return(f"SO-{rma}", rma, {BARCODE: 3})
    desk.configure(**{name: section(server, secret)})
    scrap = {"disposition": "scrap", "decided_by": "policy"}
    hold = {"disposition": "hold", "decided_by": "policy"}
    for verdict in ({"disposition": "resell", "grade": "as_new", "decided_by": "policy"}, scrap, hold):
        desk.report(rma=rma, verdict=verdict)
    desk.turn_until(name, desk.ended(name))
    assert desk.states(name) == ["delivered", "delivered", "skipped"]
    assert shop.disposed(line) == [("RESTOCKED", 1), ("NOT_RESTOCKED", 1)]


def test_throttling_by_cost_waits_until_the_bucket_holds_enough(
    desk: Desk, shop: Shop, server: FaultyServer, name: str, secret: Put, rma: str
) -> None:
    (line,) = shop.add_return(f"SO-{rma}", rma, {BARCODE: 1})
    desk.configure(**{name: section(server, secret)})
    shop.available = -5000.0
    desk.report(rma=rma)
    desk.turn(name)
    (row,) = desk.rows(name)
    destination = desk.destination(name)
    assert (row.state, row.attempts, destination.failures) == ("waiting", 0, 0)
    assert "throttled" in destination.reason
    assert (destination.open_until - row.created_at).total_seconds() > 60  # 5012 points at 50 a second
    shop.available = 1000.0
    desk.turn_until(name, desk.ended(name))
    assert shop.disposed(line) == [("RESTOCKED", 1)]


def test_a_user_error_is_a_dead_letter_in_the_shops_words(
    desk: Desk, shop: Shop, server: FaultyServer, name: str, secret: Put, rma: str
) -> None:
    (line,) = shop.add_return(f"SO-{rma}", rma, {BARCODE: 1})
    desk.configure(**{name: section(server, secret)})
    refused = {"code": "INVALID_STATE", "field": None, "message": "Return is closed."}
    payload = {"reverseFulfillmentOrderDispose": {"reverseFulfillmentOrderLineItems": None, "userErrors": [refused]}}

    def closed(got: Any) -> Answer:
        return Answer(200, {"data": payload}) if "mutation" in got.json()["query"] else shop(got)

    server.answer = closed
    desk.report(rma=rma)
    desk.turn(name)
    (row,) = desk.rows(name)
    assert (row.state, shop.disposed(line)) == ("dead", [])
    assert "Return is closed." in row.reason


def test_a_correction_that_the_shop_cannot_take_goes_to_a_person(
    desk: Desk, shop: Shop, server: FaultyServer, name: str, secret: Put, rma: str
) -> None:
    (line,) = shop.add_return(f"SO-{rma}", rma, {BARCODE: 1})
    desk.configure(**{name: section(server, secret)})
    first = desk.report(rma=rma)
    desk.turn_until(name, desk.ended(name))
    verdict = {"disposition": "scrap", "decided_by": "person"}
    desk.report(rma=rma, inspection_id=str(first.inspection_id), revision=2, verdict=verdict)
    desk.turn_until(name, desk.ended(name))
    assert desk.states(name) == ["delivered", "dead"]
    assert "1 RESTOCKED" in desk.rows(name)[1].reason
    assert shop.disposed(line) == [("RESTOCKED", 1)]


@pytest.mark.parametrize(
    ("answer", "state", "shut"),
    [
        (Answer(429, {"errors": "Too many"}, {"Retry-After": "2.0"}), "waiting", True),
        (Answer(430), "waiting", True),
        (Answer(402, {"errors": "Unavailable Shop"}), "waiting", True),
        (Answer(404), "waiting", True),
        (Answer(200, {"errors": [{"message": "no", "extensions": {"code": "ACCESS_DENIED"}}]}), "waiting", True),
        (Answer(200, {"errors": [{"message": "no such field"}]}), "dead", False),
        (
            Answer(200, {"errors": [{"message": "x", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}]}),
            "waiting",
            False,
        ),
        (Answer(502, b"<html>bad gateway"), "waiting", False),
        (Answer(200, b"not json"), "waiting", False),
    ],
)
def test_what_each_failure_means(
    desk: Desk, server: FaultyServer, name: str, secret: Put, answer: Answer, state: str, *, shut: bool, rma: str
) -> None:
    desk.configure(**{name: section(server, secret, parallel=1)})
    server.planned.append(answer)
    desk.report(rma=rma)
    desk.turn(name)
    assert desk.states(name) == [state]
    assert (desk.destination(name).open_until is not None) == shut


def test_a_wrong_token_stops_the_destination_not_the_messages(
    desk: Desk, shop: Shop, server: FaultyServer, name: str, secret: Put, rma: str
) -> None:
    shop.add_return(f"SO-{rma}", rma, {BARCODE: 2})
    desk.configure(**{name: section(server, secret, token="shpat_wrong", parallel=1)})
    for _ in range(2):
        desk.report(rma=rma)
    desk.turn(name)
    assert (len(server.got), desk.states(name)) == (1, ["waiting", "waiting"])
    assert "credentials" in desk.destination(name).reason


def test_a_return_that_nobody_knows_says_what_to_do(desk: Desk, server: FaultyServer, name: str, secret: Put) -> None:
    desk.configure(**{name: section(server, secret)})
    desk.report(rma=f"R-{uuid4().hex[:8]}")
    desk.turn(name)
    (row,) = desk.rows(name)
    assert row.state == "dead"
    assert "references" in row.reason


def test_a_referenced_line_is_used_as_it_is_and_return_process_is_told_of_it(
    desk: Desk, shop: Shop, server: FaultyServer, name: str, secret: Put, rma: str
) -> None:
    (line,) = shop.add_return("other", "other", {"1": 1})
    desk.configure(**{name: section(server, secret, process=True)})
    ids = {
        "reverse_fulfillment_order_line_item_id": line,
        "return_id": "gid://shopify/Return/1",
        "return_line_item_id": "gid://shopify/ReturnLineItem/3",
    }
    with desk.database.transaction() as connection:
        service.refer(connection, desk.merchant, name, rma, [{"gtin": GTIN, "serial": "", "ids": ids}])
    desk.report(rma=rma)
    desk.turn(name)
    assert shop.disposed(line) == [("RESTOCKED", 1)]
    asked = server.got[-1].json()["variables"]["input"]
    assert (asked["returnId"], asked["returnLineItems"][0]["id"]) == (ids["return_id"], ids["return_line_item_id"])
