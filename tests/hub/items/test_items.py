"""One physical item, whatever code names it, across its returns."""

from __future__ import annotations

from uuid import uuid4

import httpx2
import pytest

from inspection.hub.items.identity import item_key, meaning
from inspection.hub.problems import Problem
from tests.hub.reports import GTIN, report
from tests.hub.test_returns import case

URN = "urn:epc:id:sgtin:4012345.011111.{serial}"


def serial() -> str:
    return uuid4().hex[:12]


def seen(station: httpx2.Client, **changes: object) -> str:
    body = report(**changes)
    assert station.post("/v1/inspections", json=body).status_code == 201
    return str(body["inspection_id"])


def item(**members: object) -> dict[str, object]:
    blank = {"gtin": None, "serial": None, "lot": None, "expiry": None, "epc_uri": None, "sources": [], "issues": []}
    return blank | members


def test_gtin_with_serial_and_the_epc_of_the_same_unit_are_one_item(station: httpx2.Client) -> None:
    number = serial()
    by_code = seen(station, rma="R-1", item=item(gtin=GTIN, serial=number))
    by_tag = seen(station, rma="R-2", item=item(epc_uri=URN.format(serial=number)))
    seen(station, item=item(gtin=GTIN, serial=serial()))
    by_gtin = station.get("/v1/items/history", params={"gtin": GTIN, "serial": number}).json()
    by_epc = station.get("/v1/items/history", params={"epc": URN.format(serial=number)}).json()
    assert by_gtin == by_epc
    assert [each["inspection_id"] for each in by_gtin["inspections"]] == [by_code, by_tag]
    assert by_gtin["rmas"] == ["R-1", "R-2"]
    assert by_gtin["epcs"] == [URN.format(serial=number)]


def test_the_history_shows_the_newest_revision_of_each_inspection(station: httpx2.Client) -> None:
    number = serial()
    first = seen(station, item=item(gtin=GTIN, serial=number))
    seen(station, item=item(gtin=GTIN, serial=number), inspection_id=first, revision=2)
    history = station.get("/v1/items/history", params={"gtin": GTIN, "serial": number}).json()
    assert [each["revision"] for each in history["inspections"]] == [2]


def test_an_unidentified_item_is_matched_later_and_the_report_stays(
    station: httpx2.Client, admin: httpx2.Client
) -> None:
    number, unknown = serial(), seen(station, rma=None, item=item(issues=["none_read"]))
    waiting = admin.get("/v1/inspections", params={"identified": "false", "limit": 200}).json()["inspections"]
    assert unknown in [each["inspection_id"] for each in waiting]
    said = {"rma": "R-7", "gtin": GTIN, "serial": number, "reason": "the box had the label"}
    answer = admin.post(f"/v1/inspections/{unknown}/matches", json=said)
    assert answer.status_code == 201, answer.text
    history = station.get("/v1/items/history", params={"gtin": GTIN, "serial": number}).json()
    assert [(each["inspection_id"], each["gtin"]) for each in history["inspections"]] == [(unknown, None)]
    assert history["inspections"][0]["match"]["reason"] == "the box had the label"
    assert history["rmas"] == ["R-7"]
    waiting = admin.get("/v1/inspections", params={"identified": "false", "limit": 200}).json()["inspections"]
    assert unknown not in [each["inspection_id"] for each in waiting]


def test_a_match_can_be_taken_back(station: httpx2.Client, admin: httpx2.Client) -> None:
    number, unknown = serial(), seen(station, item=item())
    admin.post(f"/v1/inspections/{unknown}/matches", json={"gtin": GTIN, "serial": number, "reason": "looks like it"})
    admin.post(f"/v1/inspections/{unknown}/matches", json={"reason": "it was another"})
    history = station.get("/v1/items/history", params={"gtin": GTIN, "serial": number}).json()
    assert history["inspections"] == []
    waiting = admin.get("/v1/inspections", params={"identified": "false", "limit": 200}).json()["inspections"]
    assert unknown in [each["inspection_id"] for each in waiting]


def test_an_item_matched_with_another_leaves_the_history_it_was_read_into(
    station: httpx2.Client, admin: httpx2.Client
) -> None:
    wrong, right = serial(), serial()
    read = seen(station, item=item(gtin=GTIN, serial=wrong))
    admin.post(f"/v1/inspections/{read}/matches", json={"gtin": GTIN, "serial": right, "reason": "tag of the next"})
    assert station.get("/v1/items/history", params={"gtin": GTIN, "serial": wrong}).json()["inspections"] == []
    history = station.get("/v1/items/history", params={"gtin": GTIN, "serial": right}).json()
    assert [each["inspection_id"] for each in history["inspections"]] == [read]


def test_a_station_may_look_but_not_match(station: httpx2.Client) -> None:
    answer = station.post(f"/v1/inspections/{uuid4()}/matches", json={"reason": "x"})
    assert (answer.status_code, answer.json()["code"]) == (403, "token.scope")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"gtin": GTIN, "epc": URN.format(serial="1"), "reason": "x"}, 422, "item.ambiguous"),
        ({"serial": "1", "reason": "x"}, 422, "item.ambiguous"),
        ({"gtin": "04012345111119", "reason": "x"}, 422, "item.not_an_identity"),
        ({"gtin": GTIN}, 422, "request.invalid"),
        ({"gtin": GTIN, "reason": "x", "name": "Jane"}, 422, "request.invalid"),
    ],
)
def test_what_names_no_single_item_is_refused(
    station: httpx2.Client, admin: httpx2.Client, body: dict[str, str], status: int, code: str
) -> None:
    answer = admin.post(f"/v1/inspections/{seen(station)}/matches", json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_an_inspection_that_is_not_there_cannot_be_matched(admin: httpx2.Client) -> None:
    answer = admin.post(f"/v1/inspections/{uuid4()}/matches", json={"gtin": GTIN, "reason": "x"})
    assert answer.json()["code"] == "inspection.unknown"


def test_any_code_leads_to_return_and_inspection(station: httpx2.Client, admin: httpx2.Client) -> None:
    number = serial()
    body = case(order_ref=f"SO-{number}", lines=[{"gtin": GTIN, "serial": number}])
    admin.post("/v1/returns", json=body)
    found = seen(station, rma=body["rma"], item=item(gtin=GTIN, serial=number))
    codes = {
        "rma": body["rma"],
        "order": f"SO-{number}",
        "element string": f"01{GTIN}21{number}",
        "brackets": f"(01){GTIN}(21){number}",
        "digital link": f"https://id.gs1.org/01/{GTIN}/21/{number}",
        "urn": URN.format(serial=number),
    }
    for name, code in codes.items():
        answer = station.get("/v1/lookup", params={"code": code}).json()
        assert [each["rma"] for each in answer["returns"]] == [body["rma"]], name
        if name != "order":
            assert [each["inspection_id"] for each in answer["inspections"]] == [found], name
    plate = station.get("/v1/lookup", params={"code": found}).json()
    assert [each["inspection_id"] for each in plate["inspections"]] == [found]


def test_a_code_that_leads_nowhere_is_an_answer(station: httpx2.Client) -> None:
    answer = station.get("/v1/lookup", params={"code": "nothing here"})
    assert answer.json() == {"code": "nothing here", "item": None, "returns": [], "inspections": []}


def test_a_tag_as_hexadecimal_names_the_same_item_as_its_urn() -> None:
    # GS1 EPC Tag Data Standard 1.13, the example of SGTIN-96: company prefix 0614141.
    by_hex = meaning("3074257BF7194E4000001A85").item
    assert by_hex is not None
    assert by_hex == item_key(epc="urn:epc:id:sgtin:0614141.812345.6789")
    assert by_hex == item_key(gtin="80614141123458", serial="6789")


def test_an_item_without_gtin_is_named_by_its_epc_alone() -> None:
    key = item_key(epc="urn:epc:id:grai:0614141.12345.400")
    assert (key.gtin, key.epcs) == (None, ("urn:epc:id:grai:0614141.12345.400",))
    with pytest.raises(Problem, match="gtin and serial, or epc"):
        item_key(serial="1")
