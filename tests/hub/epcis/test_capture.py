"""Capture: jobs, all or as many as can be, each event once, limits, and every refusal by the standard's name."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from inspection.epcis_hash import event_id
from inspection.hub.epcis.contexts import STANDARD_PREFIXES
from tests.hub.conftest import RunningHub
from tests.hub.epcis.examples import CONTEXTS, NS, alone, captured, document, event, events_of, found


def refused(client: httpx2.Client, body: Any, path: str = "/epcis/capture") -> list[dict[str, str]]:
    """The faults of a body that is not valid."""
    answer = client.post(path, json=body)
    said = answer.json()
    assert (answer.status_code, said["type"]) == (400, "epcisException:ValidationException"), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    faults: list[dict[str, str]] = said["errors"]
    return faults


def test_a_capture_is_taken_with_a_job_that_tells_how_it_went(admin: httpx2.Client) -> None:
    job = captured(admin, document(event(), event()))
    assert {name: job[name] for name in ("running", "success", "captureErrorBehaviour", "eventCount", "errors")} == {
        "running": False,
        "success": True,
        "captureErrorBehaviour": "rollback",
        "eventCount": 2,
        "errors": [],
    }
    assert admin.get("/epcis/capture", params={"perPage": 1}).json() == [job]


def test_an_event_without_an_id_gets_the_hash_of_the_cbv(admin: httpx2.Client) -> None:
    one = event(**{"ex:note": "a"})
    captured(admin, document(one))
    expected = event_id(one, {**STANDARD_PREFIXES, "ex": NS})
    assert [each["eventID"] for each in found(admin, MATCH_epc=one["epcList"][0])] == [expected]


def test_the_same_event_is_stored_once_however_often_and_in_whatever_form(admin: httpx2.Client) -> None:
    one = event()
    spelled_otherwise = deepcopy(one)
    serial = one["epcList"][0].rpartition(".")[2]
    spelled_otherwise["epcList"] = [f"https://id.gs1.org/01/04012345111118/21/{serial}"]
    spelled_otherwise["eventTime"] = "2026-11-20T02:00:00Z"
    for body in (document(one), document(one, one), document(spelled_otherwise)):
        assert captured(admin, body)["success"] is True
    assert len(found(admin, MATCH_epc=one["epcList"][0])) == 1


def test_captures_at_once_of_the_same_events_store_them_once(admin: httpx2.Client) -> None:
    batch = [event() for _ in range(4)]
    bodies = [document(*(batch if number % 2 else reversed(batch))) for number in range(12)]
    with ThreadPoolExecutor(6) as pool:
        assert all(job["success"] for job in pool.map(lambda body: captured(admin, body), bodies))
    for each in batch:
        assert len(found(admin, MATCH_epc=each["epcList"][0])) == 1


def test_an_id_belongs_to_one_event(admin: httpx2.Client) -> None:
    name = f"urn:uuid:{uuid4()}"
    one, other, third = event(eventID=name), event(eventID=name), event()
    assert captured(admin, document(one))["success"] is True
    job = captured(admin, document(third, other))
    assert (job["success"], job["eventCount"]) == (False, 0)
    assert job["errors"][0]["type"] == "epcisException:ResourceAlreadyExistsException"
    assert found(admin, MATCH_epc=third["epcList"][0]) == []
    job = captured(admin, document(third, other), **{"GS1-Capture-Error-Behaviour": "proceed"})
    assert (job["success"], job["eventCount"]) == (False, 1)
    assert len(found(admin, MATCH_epc=third["epcList"][0])) == 1
    assert found(admin, MATCH_epc=other["epcList"][0]) == []


def test_an_id_that_claims_to_be_a_hash_and_is_not_names_no_event(admin: httpx2.Client) -> None:
    name = f"ni:///sha-256;{uuid4().hex * 2}?ver=CBV2.0"
    one, other = event(eventID=name), event(eventID=name)
    for body in (document(one), document(other), document(one, other)):
        assert captured(admin, body)["success"] is True
    for each in (one, other):
        assert len(found(admin, MATCH_epc=each["epcList"][0])) == 1


def test_proceed_stores_what_is_valid_and_tells_what_is_not(admin: httpx2.Client) -> None:
    good, bad = event(), event(bizStep="returning")
    header = {"GS1-EPCIS-Capture-Error-Behaviour": "proceed"}
    job = captured(admin, document(bad, good), **header)
    assert (job["success"], job["eventCount"], job["captureErrorBehaviour"]) == (False, 1, "proceed")
    assert "/epcisBody/eventList/0/bizStep" in job["errors"][0]["detail"]
    assert len(found(admin, MATCH_epc=good["epcList"][0])) == 1
    assert refused(admin, document(bad, event()))[0]["pointer"] == "/epcisBody/eventList/0/bizStep"


def test_an_error_declaration_stands_beside_the_event_it_takes_back(admin: httpx2.Client) -> None:
    one = event(eventID=f"urn:uuid:{uuid4()}")
    better = event(eventID=f"urn:uuid:{uuid4()}")
    declared = one | {
        "errorDeclaration": {
            "declarationTime": "2026-11-20T12:00:00Z",
            "reason": "incorrect_data",
            "correctiveEventIDs": [better["eventID"]],
        }
    }
    captured(admin, document(one))
    captured(admin, document(declared, better))
    captured(admin, document(declared))
    both = events_of(admin.get(f"/epcis/events/{one['eventID']}").json())
    assert [("errorDeclaration" in each) for each in both] == [False, True]
    assert [each["eventID"] for each in found(admin, EQ_correctiveEventID=better["eventID"])] == [one["eventID"]]
    later = {"GE_errorDeclarationTime": "2026-11-20T12:00:00Z", "EQ_errorReason": "incorrect_data"}
    assert one["eventID"] in {each["eventID"] for each in found(admin, **later)}
    assert found(admin, **later, LT_errorDeclarationTime="2026-11-20T12:00:00Z") == []


def test_one_event_is_created_once(admin: httpx2.Client) -> None:
    body = alone(**{"ex:note": "x"})
    created = admin.post("/epcis/events", json=body)
    assert created.status_code == 201, created.text
    assert {name: value for name, value in created.json().items() if name != "eventID"} == body
    read = admin.get(created.headers["location"])
    assert read.status_code == 200
    assert read.json()["@context"] == CONTEXTS
    again = admin.post("/epcis/events", json=body)
    assert (again.status_code, again.json()["type"]) == (409, "epcisException:ResourceAlreadyExistsException")
    assert refused(admin, document(event()), "/epcis/events")[0]["pointer"] == "/type"
    job = captured(admin, body)
    assert (job["success"], admin.get(f"/epcis/capture/{job['captureID']}/document").json()["ex:note"]) == (True, "x")


def test_prefixes_with_two_meanings_stay_apart(admin: httpx2.Client) -> None:
    epc = f"urn:epc:id:sgtin:4012345.011111.{uuid4().hex[:12]}"
    for number in (1, 2):
        one = event(epcList=[epc], **{"ex:note": "x"})
        captured(admin, document(one, **{"@context": [CONTEXTS[0], {"ex": f"{NS}{number}/"}]}))
    events = found(admin, MATCH_epc=epc)
    assert [each["@context"][1]["ex"] for each in events] == [f"{NS}1/", f"{NS}2/"]
    assert len(found(admin, MATCH_epc=epc, **{f"EQ_{NS}2/note": "x"})) == 1


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no action": ({"action": None}, "/action"),
    "another action": ({"action": "MOVE"}, "/action"),
    "no time": ({"eventTime": None}, "/eventTime"),
    "a time without offset": ({"eventTime": "2026-11-20T10:00:00"}, "/eventTime"),
    "a day that is not": ({"eventTime": "2026-02-30T10:00:00Z"}, "/eventTime"),
    "no offset": ({"eventTimeZoneOffset": None}, "/eventTimeZoneOffset"),
    "a bad offset": ({"eventTimeZoneOffset": "+8"}, "/eventTimeZoneOffset"),
    "an offset too far": ({"eventTimeZoneOffset": "+15:00"}, "/eventTimeZoneOffset"),
    "a step that is not": ({"bizStep": "returning"}, "/bizStep"),
    "an old URN of the CBV": ({"bizStep": "urn:epcglobal:cbv:bizstep:shipping"}, "/bizStep"),
    "a CBV URI that is not": ({"bizStep": "https://ref.gs1.org/cbv/BizStep-returning"}, "/bizStep"),
    "a disposition that is not": ({"disposition": "scrap"}, "/disposition"),
    "a read point without id": ({"readPoint": {}}, "/readPoint/id"),
    "a read point as text": ({"readPoint": "urn:epc:id:sgln:4012345.00025.0"}, "/readPoint"),
    "a location that is no URI": ({"bizLocation": {"id": "dock 4"}}, "/bizLocation/id"),
    "an unknown prefix": ({"acme:note": "x"}, "/acme:note"),
    "no prefix": ({"note": "x"}, "/note"),
    "an unknown prefix in a sensor element": (
        {"sensorElementList": [{"sensorReport": [{"type": "Mass", "acme:x": 1}]}]},
        "/sensorElementList/0/sensorReport/0/acme:x",
    ),
    "an EPC that is no URI": ({"epcList": ["4012345"]}, "/epcList/0"),
    "an EPC twice": ({"epcList": ["urn:a:1", "urn:a:1"]}, "/epcList/1"),
    "a transaction type that is not": (
        {"bizTransactionList": [{"type": "return", "bizTransaction": "urn:x:1"}]},
        "/bizTransactionList/0/type",
    ),
    "a transaction with more": (
        {"bizTransactionList": [{"bizTransaction": "urn:x:1", "ex:more": 1}]},
        "/bizTransactionList/0/ex:more",
    ),
    "a source without type": ({"sourceList": [{"source": "urn:x:1"}]}, "/sourceList/0/type"),
    "a quantity as text": (
        {"quantityList": [{"epcClass": "urn:x:1", "quantity": "2"}]},
        "/quantityList/0/quantity",
    ),
    "a unit that is none": (
        {"quantityList": [{"epcClass": "urn:x:1", "quantity": 2, "uom": "kg"}]},
        "/quantityList/0/uom",
    ),
    "an unknown measurement": (
        {"sensorElementList": [{"sensorReport": [{"type": "Weight", "value": 1}]}]},
        "/sensorElementList/0/sensorReport/0/type",
    ),
    "a sensor element without report": ({"sensorElementList": [{}]}, "/sensorElementList/0/sensorReport"),
    "nothing that the event is about": ({"epcList": None}, ""),
    "ilmd of what is only seen": ({"ilmd": {"ex:lot": "1"}}, "/ilmd"),
    "an error reason that is not": (
        {"errorDeclaration": {"declarationTime": "2026-11-20T10:00:00Z", "reason": "oops"}},
        "/errorDeclaration/reason",
    ),
    "an unknown event type": ({"type": "ReturnEvent"}, "/type"),
    "a parent of an object event": ({"parentID": "urn:x:1"}, "/parentID"),
    "aggregation of nothing": ({"type": "AggregationEvent", "epcList": None, "action": "ADD"}, ""),
    "association without parent": (
        {"type": "AssociationEvent", "childEPCs": ["urn:x:1"], "epcList": None},
        "/parentID",
    ),
    "transformation with action": (
        {"type": "TransformationEvent", "inputEPCList": ["urn:x:1"], "epcList": None},
        "/action",
    ),
    "transaction without transaction": ({"type": "TransactionEvent"}, "/bizTransactionList"),
    "an empty disposition set": ({"persistentDisposition": {"set": []}}, "/persistentDisposition/set"),
    "half a surrogate pair": ({"ex:note": "\ud800"}, ""),
}


@pytest.mark.parametrize("name", WRONG)
def test_an_event_that_is_not_valid_is_refused_and_the_place_is_named(admin: httpx2.Client, name: str) -> None:
    changes, pointer = WRONG[name]
    body = json.dumps(document(event(**changes)))
    answer = admin.post("/epcis/capture", content=body, headers={"Content-Type": "application/ld+json"})
    assert answer.status_code == 400, answer.text
    assert answer.json()["type"] == "epcisException:ValidationException"
    expected = "" if "surrogate" in name else f"/epcisBody/eventList/0{pointer}"
    assert expected in {fault["pointer"] for fault in answer.json()["errors"]}, answer.text


HEADER = {"epcisMasterData": {"vocabularyList": [{}]}}
RESULTS = {"queryResults": {"queryName": "x", "resultsBody": {}}}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ([], ""),
        ({}, "/@context"),
        (document(**{"@context": None}), "/@context"),
        (document(schemaVersion=None), "/schemaVersion"),
        (document(schemaVersion="1.2"), "/schemaVersion"),
        (document(creationDate="yesterday"), "/creationDate"),
        (document(epcisBody={}), "/epcisBody/eventList"),
        (document(epcisBody={"eventList": {}}), "/epcisBody/eventList"),
        (document(epcisBody={"eventList": [7]}), "/epcisBody/eventList/0"),
        (document(surprise=1), "/surprise"),
        (document(**{"acme:x": 1}), "/acme:x"),
        (document(**{"@context": [CONTEXTS[0], 7]}), "/@context/1"),
        (document(epcisHeader=HEADER), "/epcisHeader/epcisMasterData/vocabularyList/0/type"),
        (document(type="EPCISQueryDocument", epcisBody=RESULTS), "/epcisBody/queryResults/resultsBody/eventList"),
    ],
)  # fmt: skip
def test_a_document_that_is_not_valid_is_refused(admin: httpx2.Client, body: Any, pointer: str) -> None:
    assert pointer in {fault["pointer"] for fault in refused(admin, body)}


def test_a_context_elsewhere_may_define_any_prefix(admin: httpx2.Client) -> None:
    context = [*CONTEXTS, "https://partner.example/context.jsonld"]
    assert captured(admin, document(event(**{"acme:note": "x"}), **{"@context": context}))["success"] is True


def test_limits_are_announced_and_kept(admin: httpx2.Client, running: RunningHub) -> None:
    discovered = admin.options("/epcis/capture")
    assert discovered.status_code == 204
    limit = int(discovered.headers["gs1-epcis-capture-limit"])
    size = int(discovered.headers["gs1-epcis-capture-file-size-limit"])
    assert discovered.headers["gs1-capture-error-behaviour"] == "all"
    too_many = admin.post("/epcis/capture", json=document(*[event()] * (limit + 1)))
    too_large = admin.post("/epcis/capture", json=document(event(**{"ex:x": "x" * size})))
    for answer in (too_many, too_large):
        assert (answer.status_code, answer.json()["type"]) == (413, "epcisException:CaptureLimitExceededException")
        assert answer.headers["gs1-epcis-capture-limit"] == str(limit)


def test_what_cannot_be_spoken_is_said(admin: httpx2.Client) -> None:
    body = document(event())
    cases = [
        (admin.post("/epcis/capture", content="<x/>", headers={"Content-Type": "application/xml"}), 415),
        (admin.post("/epcis/capture", content="{", headers={"Content-Type": "application/json"}), 400),
        (admin.post("/epcis/capture", json=body, headers={"GS1-EPCIS-Version": "1.2"}), 406),
        (admin.post("/epcis/capture", json=body, headers={"GS1-Capture-Error-Behaviour": "maybe"}), 400),
        (admin.get("/epcis/events", headers={"Accept": "application/xml"}), 406),
        (admin.get("/epcis/events", headers={"GS1-EPCIS-Min": "3.0"}), 406),
        (admin.get("/epcis/events", headers={"GS1-CBV-Max": "1.2"}), 406),
        (admin.get("/epcis/events", headers={"GS1-EPC-Format": "Sometimes"}), 406),
        (admin.get("/epcis/events", params={"EQ_bizStep": ["x" * 900] * 20}), 414),
        (admin.get("/epcis/capture/none"), 404),
        (admin.get(f"/epcis/capture/{uuid4()}"), 404),
        (admin.get("/epcis/events/urn:nothing"), 404),
        (admin.get("/epcis/events/a%00b"), 404),
    ]
    for answer, status in cases:
        assert answer.status_code == status, answer.text
        assert answer.json()["type"].startswith("epcisException:")
        assert answer.headers["gs1-epcis-version"] == "2.0.0"


def test_stations_and_strangers_neither_capture_nor_query(
    running: RunningHub, station: httpx2.Client, admin: httpx2.Client
) -> None:
    with running.client() as nobody:
        for client, status in ((station, 403), (nobody, 401)):
            for method, path in (
                *(("POST", "/epcis/capture"), ("POST", "/epcis/events"), ("POST", "/epcis/queries")),
                *(("GET", "/epcis/events"), ("GET", "/epcis/capture"), ("GET", "/epcis/epcs"), ("OPTIONS", "/epcis")),
                *(("GET", "/epcis/queries"), ("DELETE", "/epcis/queries/x"), ("GET", "/epcis/bizSteps/x/events")),
            ):
                answer = client.request(method, path, json=None if method == "GET" else {})
                assert (answer.status_code, answer.json()["type"]) == (status, "epcisException:SecurityException")
