"""Our own verdicts are events of the repository; a correction is an error declaration beside them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from typing import Any
from uuid import uuid4

import httpx2
import pytest
import sqlalchemy as sa

from inspection.hub.epcis.tables import epcis_events
from inspection.hub.schema import inspections
from tests.hub.conftest import RunningHub
from tests.hub.epcis.examples import events_of, found
from tests.hub.reports import GTIN, fields, report


def decided(disposition: str, **changes: Any) -> dict[str, Any]:
    grade = "open_box" if disposition == "resell" else None
    policy = fields()["policy"] | {"disposition": disposition, "grade": grade}
    verdict = {"disposition": disposition, "grade": grade, "decided_by": "policy"}
    return report(**({"policy": policy, "verdict": verdict} | changes))


def item() -> dict[str, Any]:
    return {"gtin": GTIN, "serial": uuid4().hex[:12], "sources": ["barcode"]}


def epc(of: dict[str, Any]) -> str:
    return f"https://id.gs1.org/01/{GTIN}/21/{of['serial']}"


def said(events: list[dict[str, Any]]) -> list[tuple[str, str, bool]]:
    return [(event["bizStep"], event["disposition"], "errorDeclaration" in event) for event in events]


def test_a_verdict_is_in_the_repository_at_once(admin: httpx2.Client, station: httpx2.Client) -> None:
    thing = item()
    body = decided("resell", item=thing)
    assert station.post("/v1/inspections", json=body).status_code == 201
    assert station.post("/v1/inspections", json=body).status_code == 409
    events = found(admin, MATCH_epc=epc(thing))
    assert said(events) == [
        ("receiving", "returned", False),
        ("inspecting", "sellable_not_accessible", False),
        ("stocking", "sellable_accessible", False),
    ]
    whole = admin.get(f"/v1/inspections/{body['inspection_id']}/epcis").json()
    recorded = [{name: value for name, value in event.items() if name != "recordTime"} for event in events]
    assert recorded == events_of(whole)


def test_a_correction_declares_what_it_takes_back(admin: httpx2.Client, station: httpx2.Client) -> None:
    thing, inspection_id = item(), str(uuid4())
    for revision, disposition in ((1, "resell"), (2, "hold")):
        body = decided(disposition, item=thing, inspection_id=inspection_id, revision=revision)
        assert station.post("/v1/inspections", json=body).status_code == 201
    events = found(admin, MATCH_epc=epc(thing))
    declared = [event for event in events if "errorDeclaration" in event]
    standing = {event["eventID"] for event in events} - {event["eventID"] for event in declared}
    assert declared
    for event in declared:
        assert event["errorDeclaration"]["reason"] == "incorrect_data"
        assert set(event["errorDeclaration"]["correctiveEventIDs"]) >= standing - {events[0]["eventID"]}
        assert len([each for each in events if each["eventID"] == event["eventID"]]) == 2
    assert found(admin, MATCH_epc=epc(thing), EXISTS_errorDeclaration="true") == declared
    assert found(admin, MATCH_epc=epc(thing), EQ_correctiveEventID=min(standing))
    both = admin.get(f"/epcis/events/{declared[0]['eventID'].replace('/', '%2F').replace('?', '%3F')}").json()
    assert len(events_of(both)) == 2


@pytest.mark.parametrize("order", list(permutations((1, 2, 3))))
def test_revisions_in_any_order_end_in_the_same_events(
    admin: httpx2.Client, station: httpx2.Client, order: tuple[int, ...]
) -> None:
    thing, inspection_id = item(), str(uuid4())
    by_revision = {1: "resell", 2: "repair", 3: "hold"}
    for revision in order:
        body = decided(by_revision[revision], item=thing, inspection_id=inspection_id, revision=revision)
        assert station.post("/v1/inspections", json=body).status_code == 201
    events = found(admin, MATCH_epc=epc(thing))
    plain = {event["eventID"] for event in events if "errorDeclaration" not in event}
    declared = {event["eventID"] for event in events if "errorDeclaration" in event}
    whole = events_of(admin.get(f"/v1/inspections/{inspection_id}/epcis").json())
    assert declared == {event["eventID"] for event in whole if "errorDeclaration" in event}
    assert plain == {event["eventID"] for event in whole}


def test_two_revisions_at_once_see_each_other(running: RunningHub, admin: httpx2.Client) -> None:
    for _ in range(5):
        thing, inspection_id = item(), str(uuid4())
        bodies = [
            decided(word, item=thing, inspection_id=inspection_id, revision=number)
            for number, word in ((1, "resell"), (2, "hold"))
        ]
        with running.client(running.station_token) as client, ThreadPoolExecutor(2) as pool:
            sent = pool.map(lambda body, c=client: c.post("/v1/inspections", json=body).status_code, bodies)
            assert list(sent) == [201, 201]
        assert any("errorDeclaration" in event for event in found(admin, MATCH_epc=epc(thing)))


def test_neither_the_verdict_nor_its_events_are_stored_when_either_fails(
    running: RunningHub, station: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr("inspection.hub.epcis.verdicts.store", fail)
    body = decided("resell", item=item())
    assert station.post("/v1/inspections", json=body).status_code == 500
    with running.hub.database.transaction() as connection:
        rows = sa.select(inspections).where(inspections.c.inspection_id == body["inspection_id"])
        assert connection.execute(rows).all() == []
        named = sa.select(epcis_events).where(epcis_events.c.epcs.overlap([epc(body["item"])]))
        assert connection.execute(named).all() == []
