"""Returns: imported once, looked up with everything that names them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx2
import pytest
import sqlalchemy as sa

from inspection.hub.schema import events
from tests.hub.conftest import RunningHub
from tests.hub.reports import GTIN, report


def case(**changes: object) -> dict[str, object]:
    base = {
        "rma": f"RMA-{uuid4().hex[:10]}",
        "order_ref": "SO-1",
        "opened_at": "2026-11-20T10:00:00+08:00",
        "lines": [{"gtin": GTIN, "quantity": 2, "reason_code": "damaged", "declared_defects": ["dent"]}],
    }
    return base | changes


def test_a_return_is_imported_once(running: RunningHub, admin: httpx2.Client) -> None:
    body = case()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: admin.post("/v1/returns", json=body), range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.text for answer in answers}) == 1
    with running.hub.database.transaction() as connection:
        kinds = connection.execute(sa.select(events.c.kind).where(events.c.subject == body["rma"])).scalars().all()
    assert kinds == ["return_created"]


def test_another_return_under_the_same_number_is_refused(admin: httpx2.Client) -> None:
    body = case()
    admin.post("/v1/returns", json=body)
    answer = admin.post("/v1/returns", json=body | {"order_ref": "SO-2"})
    assert (answer.status_code, answer.json()["code"]) == (409, "return.conflict")
    assert admin.get(f"/v1/returns/{body['rma']}").json()["return"]["order_ref"] == "SO-1"


def test_a_return_shows_its_lines_and_the_newest_revision_of_each_inspection(
    admin: httpx2.Client, station: httpx2.Client
) -> None:
    body = case()
    admin.post("/v1/returns", json=body)
    inspected = report(rma=body["rma"])
    station.post("/v1/inspections", json=inspected)
    station.post("/v1/inspections", json=report(rma=body["rma"], inspection_id=inspected["inspection_id"], revision=2))
    read = station.get(f"/v1/returns/{body['rma']}").json()
    assert read["known"] is True
    line = read["return"]["lines"][0]
    assert (line["line_no"], line["gtin"], line["declared_defects"]) == (1, GTIN, ["dent"])
    assert [(each["inspection_id"], each["revision"]) for each in read["inspections"]] == [
        (inspected["inspection_id"], 2)
    ]


def test_an_inspection_may_come_before_its_return(admin: httpx2.Client, station: httpx2.Client) -> None:
    body = case()
    assert station.get(f"/v1/returns/{body['rma']}").json()["code"] == "return.unknown"
    station.post("/v1/inspections", json=report(rma=body["rma"]))
    early = station.get(f"/v1/returns/{body['rma']}").json()
    assert (early["known"], early["return"], len(early["inspections"])) == (False, None, 1)
    admin.post("/v1/returns", json=body)
    late = station.get(f"/v1/returns/{body['rma']}").json()
    assert (late["known"], len(late["inspections"])) == (True, 1)


@pytest.mark.parametrize(
    "changes",
    [{"rma": "a b"}, {"rma": ""}, {"lines": []}, {"customer_name": "Jane"}, {"lines": [{"quantity": 0}]}],
)
def test_what_is_no_return_is_refused(admin: httpx2.Client, changes: dict[str, object]) -> None:
    answer = admin.post("/v1/returns", json=case(**changes))
    assert (answer.status_code, answer.json()["code"]) == (422, "request.invalid")
