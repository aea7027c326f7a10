"""Odoo: one record an inspection, however often it is sent; faults inside answers of status 200 are faults."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from inspection.hub.connectors import service
from tests.hub.connectors.conftest import QUICK, Desk
from tests.hub.connectors.servers.faulty import Answer, FaultyServer
from tests.hub.connectors.servers.odoo import DATABASE, KEY, LOGIN, OdooServer

Put = Callable[[str], dict[str, str]]
SCRAP = {"disposition": "scrap", "decided_by": "policy"}
ACTIONS = {
    "scrap": {
        "model": "stock.scrap",
        "find": {"product_id": {"model": "product.product", "by": {"barcode": "inspection.item.gtin"}}},
        "fields": {"scrap_qty": {"value": 1}, "name": {"text": "{inspection.rma}: {reason}"}},
        "then": [{"method": "action_validate", "unless": {"state": "done"}}],
    }
}


@pytest.fixture
def odoo() -> OdooServer:
    return OdooServer()


@pytest.fixture
def server(odoo: OdooServer) -> Iterator[FaultyServer]:
    with FaultyServer(odoo) as server:
        yield server


def section(server: FaultyServer, put: Put, key: str = KEY, **more: Any) -> dict[str, Any]:
    said = {"kind": "odoo", "url": server.url, "database": DATABASE, "login": LOGIN, "api_key": put(key)}
    return said | {"actions": ACTIONS, "retry": QUICK} | more


def test_a_scrapped_item_becomes_a_validated_scrap_order(
    desk: Desk, odoo: OdooServer, server: FaultyServer, name: str, secret: Put
) -> None:
    desk.configure(**{name: section(server, secret)})
    report = desk.report(verdict=SCRAP)
    desk.turn(name)
    assert desk.states(name) == ["delivered"], desk.rows(name)[0].reason
    (record,) = odoo.records["stock.scrap"].values()
    assert record == {
        "state": "done",
        "origin": f"inspection {report.inspection_id}",
        "product_id": 11,
        "scrap_qty": 1,
        "name": "RMA-2026-000123: minor damage",
    }


@pytest.mark.parametrize("method", ["authenticate", "search", "create", "action_validate"])
def test_a_lost_answer_makes_no_second_record(
    desk: Desk, odoo: OdooServer, server: FaultyServer, name: str, secret: Put, method: str
) -> None:
    desk.configure(**{name: section(server, secret)})
    lost = {"done": False}

    def lose_one(got: Any) -> Answer:
        answer = odoo(got)
        if f'"{method}"' in got.body.decode() and not lost["done"]:
            lost["done"] = True
            return Answer(answer.status, answer.body, fault="cut")
        return answer

    server.answer = lose_one
    desk.report(verdict=SCRAP)
    desk.turn_until(name, desk.ended(name))
    assert desk.states(name) == ["delivered"], desk.rows(name)[0].reason
    assert lost["done"]
    assert [each["state"] for each in odoo.records["stock.scrap"].values()] == ["done"]
    assert len(odoo.called) == 1


def test_sent_again_by_hand_it_is_the_same_record(
    desk: Desk, odoo: OdooServer, server: FaultyServer, name: str, secret: Put
) -> None:
    desk.configure(**{name: section(server, secret)})
    desk.report(verdict=SCRAP)
    desk.turn(name)
    (row,) = desk.rows(name)
    with desk.database.transaction() as connection:
        service.send_again(connection, desk.merchant, name, row.delivery_id)
    desk.turn_until(name, desk.ended(name))
    assert (desk.states(name), len(odoo.records["stock.scrap"])) == (["delivered"], 1)


@pytest.mark.parametrize(
    ("exception", "state", "said"),
    [
        ("odoo.exceptions.ValidationError", "dead", "wrong location"),
        ("odoo.exceptions.UserError", "dead", "wrong location"),
        ("odoo.exceptions.AccessError", "dead", "wrong location"),
        ("odoo.exceptions.AccessDenied", "waiting", "api_key"),
        ("psycopg2.errors.SerializationFailure", "waiting", "SerializationFailure"),
        ("psycopg2.OperationalError", "waiting", "OperationalError"),
        ("builtins.TypeError", "dead", "wrong location"),
    ],
)
def test_a_fault_inside_a_200_is_told_by_its_exception(
    desk: Desk, odoo: OdooServer, server: FaultyServer, name: str, secret: Put, exception: str, state: str, said: str
) -> None:
    desk.configure(**{name: section(server, secret)})
    odoo.fails["create"] = [(exception, "wrong location")]
    desk.report(verdict=SCRAP)
    desk.turn(name)
    (row,) = desk.rows(name)
    assert row.state == state
    assert said in row.reason
    assert "Traceback" not in row.reason
    if state == "waiting":
        desk.turn_until(name, desk.ended(name))
        assert desk.states(name) == ["delivered"]


def test_a_product_that_odoo_has_not_is_named(
    desk: Desk, odoo: OdooServer, server: FaultyServer, name: str, secret: Put
) -> None:
    odoo.records["product.product"].clear()
    desk.configure(**{name: section(server, secret)})
    desk.report(verdict=SCRAP)
    desk.turn(name)
    (row,) = desk.rows(name)
    assert (row.state, odoo.records["stock.scrap"]) == ("dead", {})
    assert "product.product" in row.reason


def test_a_wrong_key_stops_the_destination_and_is_shown_nowhere(
    desk: Desk, server: FaultyServer, name: str, secret: Put
) -> None:
    desk.configure(**{name: section(server, secret, key="hunter2-wrong")})
    desk.report(verdict=SCRAP)
    desk.turn(name)
    (row,) = desk.rows(name)
    assert row.state == "waiting"
    assert "login" in desk.destination(name).reason
    assert "hunter2" not in str([row._mapping, *(each._mapping for each in desk.tries(row.delivery_id))])


def test_what_no_action_is_configured_for_is_skipped(desk: Desk, server: FaultyServer, name: str, secret: Put) -> None:
    desk.configure(**{name: section(server, secret)})
    desk.report()
    desk.turn(name)
    assert (desk.states(name), server.got) == (["skipped"], [])
