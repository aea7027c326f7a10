"""Queries: each parameter finds what it should and nothing else, in order, page by page, in either spelling."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx2
import pytest
import sqlalchemy as sa

from inspection.hub.accounts.tokens import Scope, grant, new_token
from inspection.hub.schema import merchants
from tests.hub.conftest import RunningHub
from tests.hub.epcis.examples import NS, captured, document, event, events_of, found

SENSED = {
    "sensorElementList": [
        {
            "sensorMetadata": {
                "startTime": "2026-11-20T09:00:00Z",
                "endTime": "2026-11-20T09:30:00Z",
                "deviceID": "urn:epc:id:giai:4000001.111",
                "bizRules": "https://rules.partner.example/7",
                "ex:batch": "b-9",
            },
            "sensorReport": [
                {
                    "type": "Temperature",
                    "minValue": -2.5,
                    "maxValue": 13.8,
                    "meanValue": 7,
                    "uom": "CEL",
                    "ex:cv": "12",
                },
                {
                    "type": "AmountOfSubstancePerUnitVolume",
                    "chemicalSubstance": "https://identifiers.org/inchikey:CZMRCDWAGMRECN-UGDNZRGBSA-N",
                    "microorganism": "https://www.ncbi.nlm.nih.gov/taxonomy/1126011",
                    "value": 0.18,
                    "uom": "C35",
                    "percRank": 50,
                },
                {
                    "type": "ex:seal",
                    "stringValue": "closed",
                    "booleanValue": True,
                    "hexBinaryValue": "f0",
                    "uriValue": "https://x.example/1",
                    "component": "x",
                    "exception": "ALARM_CONDITION",
                },
            ],
            "ex:probe": {"ex:depth": "3"},
        }
    ]
}


@pytest.fixture(scope="module")
def running(running: RunningHub) -> RunningHub:
    """The hub with one event of each kind; every test asks for one of them."""
    with running.client(running.admin_token) as client:
        events = [
            event(
                eventID="urn:t:object",
                eventTime="2026-11-20T10:00:00.123456+08:00",
                epcList=["urn:epc:id:sgtin:4012345.011111.S1", "https://id.partner.example/01/04012345111118/21/S2"],
                quantityList=[{"epcClass": "urn:epc:class:lgtin:4012345.012345.L1", "quantity": 12.5, "uom": "KGM"}],
                action="ADD",
                bizStep="commissioning",
                disposition="active",
                persistentDisposition={"set": ["completeness_verified"], "unset": ["completeness_inferred"]},
                readPoint={"id": "urn:epc:id:sgln:4012345.00025.7", "ex:door": "4"},
                bizLocation={"id": "urn:epc:id:sgln:4012345.00025.0"},
                bizTransactionList=[{"type": "po", "bizTransaction": "urn:t:po-1"}, {"bizTransaction": "urn:t:any"}],
                sourceList=[{"type": "owning_party", "source": "urn:epc:id:pgln:4012345.00225"}],
                destinationList=[{"type": "location", "destination": "urn:epc:id:sgln:0614141.00777.0"}],
                ilmd={"ex:grade": "A", "ex:origin": {"ex:country": "VN"}, "cbvmda:lotNumber": "L1"},
                **{
                    "ex:count": 20,
                    "ex:note": "hello",
                    "ex:when": "2026-01-02T03:04:05+01:00",
                    "ex:deep": {"ex:leaf": "5"},
                },
                **SENSED,
            ),
            event(
                eventID="urn:t:aggregation",
                type="AggregationEvent",
                epcList=None,
                parentID="urn:epc:id:sscc:4012345.0111111111",
                childEPCs=["urn:epc:id:sgtin:4012345.011111.S3"],
                childQuantityList=[{"epcClass": "urn:epc:idpat:sgtin:4012345.098765.*", "quantity": 3}],
                bizStep="packing",
                bizLocation={"id": "urn:t:hall-2"},
            ),
            event(
                eventID="urn:t:transformation",
                type="TransformationEvent",
                epcList=None,
                action=None,
                bizStep="https://steps.partner.example/cook",
                inputEPCList=["urn:epc:id:sgtin:4012345.011111.S4"],
                inputQuantityList=[{"epcClass": "urn:epc:class:lgtin:4012345.011111.IN"}],
                outputEPCList=["urn:epc:id:sgtin:4012345.077889.S5"],
                outputQuantityList=[{"epcClass": "urn:epc:class:lgtin:4012345.011111.OUT"}],
                transformationID="urn:t:cooking-1",
            ),
            {
                "eventID": "urn:t:own",
                "type": "ex:Audit",
                "eventTime": "2026-11-21T00:00:00Z",
                "eventTimeZoneOffset": "+00:00",
                "ex:auditor": "someone",
            },
        ]
        places = {
            "epcisMasterData": {
                "vocabularyList": [
                    {
                        "type": "urn:epcglobal:epcis:vtype:BusinessLocation",
                        "vocabularyElementList": [
                            {"id": "urn:t:site", "children": ["urn:t:hall-1", "urn:t:hall-2"]},
                            {"id": "urn:t:region", "children": ["urn:t:site"]},
                        ],
                    }
                ]
            }
        }
        job = captured(client, document(*events, epcisHeader=places))
        assert job["success"], job
    return running


def ids(client: httpx2.Client, **parameters: Any) -> set[str]:
    return {each["eventID"].removeprefix("urn:t:") for each in found(client, perPage=500, **parameters)}


GTIN = "https://id.gs1.org/01/04012345111118"
ONE = "object"
FINDS: list[tuple[str, str, set[str]]] = [
    ("eventType", "ObjectEvent", {"object"}),
    ("eventType", "AggregationEvent|TransformationEvent", {"aggregation", "transformation"}),
    ("eventType", f"{NS}Audit", {"own"}),
    ("EQ_action", "ADD", {"object"}),
    ("EQ_bizStep", "commissioning|packing", {"object", "aggregation"}),
    ("EQ_bizStep", "urn:epcglobal:cbv:bizstep:packing", {"aggregation"}),
    ("EQ_bizStep", "https://ref.gs1.org/cbv/BizStep-packing", {"aggregation"}),
    ("EQ_bizStep", "https://steps.partner.example/cook", {"transformation"}),
    ("EQ_disposition", "active", {"object"}),
    ("EQ_persistentDisposition_set", "completeness_verified", {"object"}),
    ("EQ_persistentDisposition_unset", "completeness_inferred", {"object"}),
    ("EQ_persistentDisposition_set", "completeness_inferred", set()),
    ("EQ_readPoint", "urn:epc:id:sgln:4012345.00025.7", {"object"}),
    ("EQ_readPoint", "https://id.gs1.org/414/4012345000252/254/7", {"object"}),
    ("EQ_bizLocation", "urn:t:hall-2", {"aggregation"}),
    ("EQ_bizLocation", "urn:t:region", set()),
    ("WD_bizLocation", "urn:t:region", {"aggregation"}),
    ("WD_readPoint", "urn:epc:id:sgln:4012345.00025.7", {"object"}),
    ("EQ_transformationID", "urn:t:cooking-1", {"transformation"}),
    ("EQ_bizTransaction_po", "urn:t:po-1", {"object"}),
    ("EQ_bizTransaction_inv", "urn:t:po-1", set()),
    ("EQ_source_owning_party", "urn:epc:id:pgln:4012345.00225", {"object"}),
    ("EQ_source_location", "urn:epc:id:pgln:4012345.00225", set()),
    ("EQ_destination_location", "https://id.gs1.org/414/0614141007776", {"object"}),
    ("MATCH_epc", "urn:epc:id:sgtin:4012345.011111.S1", {"object"}),
    ("MATCH_epc", f"{GTIN}/21/S1", {"object"}),
    ("MATCH_epc", "urn:epc:id:sgtin:4012345.011111.S2", {"object"}),
    ("MATCH_epc", "urn:epc:idpat:sgtin:4012345.011111.*", {"object", "aggregation"}),
    ("MATCH_epc", "urn:epc:idpat:sgtin:4012345.*.*", {"object", "aggregation"}),
    ("MATCH_epc", "urn:epc:idpat:sgtin:4012346.*.*", set()),
    ("MATCH_epc", GTIN, {"object", "aggregation"}),
    ("MATCH_epc", "urn:epc:id:sgtin:4012345.011111.S4", set()),
    ("MATCH_parentID", "urn:epc:id:sscc:4012345.0111111111", {"aggregation"}),
    ("MATCH_parentID", "urn:epc:idpat:sscc:4012345.*", {"aggregation"}),
    ("MATCH_inputEPC", "urn:epc:id:sgtin:4012345.011111.S4", {"transformation"}),
    ("MATCH_outputEPC", "urn:epc:id:sgtin:4012345.077889.S5", {"transformation"}),
    ("MATCH_outputEPC", "urn:epc:id:sgtin:4012345.011111.S4", set()),
    ("MATCH_anyEPC", f"{GTIN}/21/S4|urn:epc:id:sscc:4012345.0111111111", {"aggregation", "transformation"}),
    ("MATCH_anyEPC", "urn:epc:idpat:sgtin:4012345.011111.*", {"object", "aggregation", "transformation"}),
    ("MATCH_epcClass", "urn:epc:class:lgtin:4012345.012345.L1", {"object"}),
    ("MATCH_epcClass", "https://id.gs1.org/01/04012345123456/10/L1", {"object"}),
    ("MATCH_epcClass", "urn:epc:class:lgtin:4012345.012345.*", {"object"}),
    ("MATCH_epcClass", "urn:epc:idpat:sgtin:4012345.098765.*", {"aggregation"}),
    ("MATCH_inputEPCClass", "urn:epc:class:lgtin:4012345.011111.IN", {"transformation"}),
    ("MATCH_outputEPCClass", "urn:epc:class:lgtin:4012345.011111.OUT", {"transformation"}),
    ("MATCH_outputEPCClass", "urn:epc:class:lgtin:4012345.011111.IN", set()),
    ("MATCH_anyEPCClass", f"{GTIN}/10/IN|urn:epc:class:lgtin:4012345.012345.L1", {"object", "transformation"}),
    ("EQ_quantity", "3", {"aggregation"}),
    ("GT_quantity", "3", {"object"}),
    ("GE_quantity", "3", {"object", "aggregation"}),
    ("LT_quantity", "12.5", {"aggregation"}),
    ("LE_quantity", "12.5", {"object", "aggregation"}),
    ("GE_quantity_KGM", "1", {"object"}),
    ("EQ_eventID", "urn:t:object|urn:t:own", {"object", "own"}),
    ("GE_eventTime", "2026-11-21T00:00:00Z", {"own"}),
    ("LT_eventTime", "2026-11-20T02:00:00.123457Z", {"object", "aggregation", "transformation"}),
    ("LT_eventTime", "2026-11-20T10:00:00.123456+08:00", {"aggregation", "transformation"}),
    ("GE_recordTime", "2020-01-01T00:00:00Z", {"object", "aggregation", "transformation", "own"}),
    ("LT_recordTime", "2020-01-01T00:00:00Z", set()),
    ("EXISTS_errorDeclaration", "false", {"object", "aggregation", "transformation", "own"}),
    ("EXISTS_errorDeclaration", "true", set()),
    ("EQ_ex:note", "hello", {"object"}),
    (f"EQ_{NS}note", "hello", {"object"}),
    ("EQ_other:note", "hello", set()),
    ("EQ_ex:count", "20", {"object"}),
    ("GT_ex:count", "19.5", {"object"}),
    ("GT_ex:count", "20", set()),
    ("LE_ex:when", "2026-01-02T02:04:05Z", {"object"}),
    ("LT_ex:when", "2026-01-02T02:04:05Z", set()),
    ("EXISTS_ex:deep", "", {"object"}),
    ("EXISTS_ex:leaf", "", set()),
    ("EXISTS_INNER_ex:leaf", "", {"object"}),
    ("EQ_INNER_ex:leaf", "5", {"object"}),
    ("GE_INNER_ex:leaf", "5", {"object"}),
    ("EQ_ILMD_ex:grade", "A|B", {"object"}),
    ("EQ_ILMD_cbvmda:lotNumber", "L1", {"object"}),
    ("EQ_INNER_ILMD_ex:country", "VN", {"object"}),
    ("EXISTS_ILMD_ex:country", "", set()),
    ("EQ_readPoint_ex:door", "4", {"object"}),
    ("EXISTS_sensorElementList", "true", {"object"}),
    ("EQ_type", "Temperature", {"object"}),
    ("EQ_type", "https://gs1.org/voc/Temperature", {"object"}),
    ("EQ_type", "Pressure", set()),
    ("EQ_deviceID", "https://id.gs1.org/8004/4000001111", {"object"}),
    ("EQ_bizRules", "https://rules.partner.example/7", {"object"}),
    ("EQ_microorganism", "https://www.ncbi.nlm.nih.gov/taxonomy/1126011", {"object"}),
    ("EQ_chemicalSubstance", "https://identifiers.org/inchikey:CZMRCDWAGMRECN-UGDNZRGBSA-N", {"object"}),
    ("EQ_stringValue", "closed", {"object"}),
    ("EQ_booleanValue", "true", {"object"}),
    ("EQ_booleanValue", "false", set()),
    ("EQ_hexBinaryValue", "f0", {"object"}),
    ("EQ_uriValue", "https://x.example/1", {"object"}),
    ("EQ_component", "x", {"object"}),
    ("EQ_exception", "ALARM_CONDITION", {"object"}),
    ("GE_maxValue_CEL", "13.8", {"object"}),
    ("GT_maxValue_CEL", "13.8", set()),
    ("LT_minValue_CEL", "0", {"object"}),
    ("LT_minValue_FAH", "0", set()),
    ("EQ_value_C35", "0.18", {"object"}),
    ("GE_percRank", "50", {"object"}),
    ("GE_startTime", "2026-11-20T09:00:00Z", {"object"}),
    ("LT_startTime", "2026-11-20T09:00:00Z", set()),
    ("LT_endTime", "2026-11-20T17:30:00.000001+08:00", {"object"}),
    ("EQ_SENSORMETADATA_ex:batch", "b-9", {"object"}),
    ("GT_SENSORREPORT_ex:cv", "11", {"object"}),
    ("EXISTS_SENSORELEMENT_ex:probe", "", {"object"}),
    ("EQ_INNER_SENSORELEMENT_ex:depth", "3", {"object"}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "expected"), FINDS)
def test_a_parameter_finds_what_it_should(admin: httpx2.Client, name: str, value: str, expected: set[str]) -> None:
    assert ids(admin, **{name: value}) & {"object", "aggregation", "transformation", "own"} == expected


def test_a_value_may_be_given_twice_and_parameters_narrow_each_other(admin: httpx2.Client) -> None:
    both = admin.get("/epcis/events", params=[("EQ_bizStep", "packing"), ("EQ_bizStep", "commissioning")])
    assert {each["eventID"] for each in events_of(both.json())} == {"urn:t:object", "urn:t:aggregation"}
    assert ids(admin, EQ_bizStep="commissioning", MATCH_anyEPC="urn:epc:idpat:sscc:4012345.*") == set()
    assert ids(admin, EQ_bizStep="packing", MATCH_parentID="urn:epc:idpat:sscc:4012345.*") == {"aggregation"}


def test_extensions_may_be_named_with_a_prefix_of_the_readers_own(admin: httpx2.Client) -> None:
    headers = {"GS1-Extensions": f"mine={NS}"}
    answer = admin.get("/epcis/events", params={"EQ_mine:note": "hello"}, headers=headers)
    assert [each["eventID"] for each in events_of(answer.json())] == ["urn:t:object"]


WRONG = [
    ("EQ_bizSteps", "x"),
    ("bizStep", "x"),
    ("EQ_action", "MOVE"),
    ("GE_eventTime", "yesterday"),
    ("GE_eventTime", "2026-13-01T00:00:00Z"),
    ("GE_eventTime", "2026-11-21T00:00:00Z|2026-11-22T00:00:00Z"),
    ("GT_quantity", "many"),
    ("GT_ex:count", "x"),
    ("EXISTS_errorDeclaration", "maybe"),
    ("orderBy", "bizStep"),
    ("orderDirection", "UP"),
    ("maxEventCount", "0"),
    ("maxEventCount", "1e3"),
    ("eventCountLimit", "5"),
    ("perPage", "0"),
    ("perPage", "-1"),
    ("perPage", "²"),
    ("nextPageToken", "zzz"),
    ("nextPageToken", "W1tdLCAiIiwgMV0"),
    ("EQ_eventID", "x" * 1001),
    ("EQ_eventID", "a\0b"),
    ("HASATTR_eventTime", "x"),
    ("EQATTR_bizLocation", "x"),
    ("EQATTR_bizLocation_", "x"),
    ("EQATTR__x", "x"),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_parameter_that_is_none_is_refused_by_name(admin: httpx2.Client, name: str, value: str) -> None:
    answer = admin.get("/epcis/events", params={name: value})
    assert (answer.status_code, answer.json()["type"]) == (400, "epcisException:QueryParameterException")
    assert name.partition("_")[0] in answer.json()["detail"]


def test_limits_on_how_many(admin: httpx2.Client) -> None:
    few = admin.get("/epcis/events", params={"maxEventCount": 2})
    assert (few.status_code, few.json()["type"]) == (413, "epcisException:QueryTooLargeException")
    assert len(found(admin, maxEventCount=500, EQ_bizStep="packing")) == 1
    newest = found(admin, orderBy="eventTime", eventCountLimit=1)
    assert [each["eventID"] for each in newest] == ["urn:t:own"]
    both = admin.get("/epcis/events", params={"maxEventCount": 2, "eventCountLimit": 2, "orderBy": "eventTime"})
    assert both.status_code == 400


@pytest.mark.parametrize(
    "order",
    [
        {},
        {"orderBy": "eventTime"},
        {"orderBy": "eventTime", "orderDirection": "ASC"},
        {"orderBy": "recordTime", "orderDirection": "DESC"},
        {"orderBy": "eventTime", "eventCountLimit": 5},
        {"orderBy": "eventTime", "EQ_ex:run": "pages"},
    ],
)
@pytest.mark.parametrize("size", [1, 3, 7])
def test_pages_together_are_the_whole_answer(admin: httpx2.Client, order: dict[str, Any], size: int) -> None:
    times = ["2026-11-01T00:00:00Z", "2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z", "2026-10-01T00:00:00Z"]
    epc = "urn:epc:id:sgtin:4012345.011111.pages"
    batch = [
        event(epcList=[epc], eventTime=times[number % 4], eventID=f"urn:page:{number}", **{"ex:run": "pages"})
        for number in range(7)
    ]
    captured(admin, document(*batch))
    asked = {"MATCH_epc": epc, **order}
    whole = [each["eventID"] for each in found(admin, **asked)]
    paged, path, pages = [], f"/epcis/events?{httpx2.QueryParams({**asked, 'perPage': size})}", 0
    while path:
        answer = admin.get(path)
        assert answer.status_code == 200, answer.text
        listed = [each["eventID"] for each in events_of(answer.json())]
        assert len(listed) <= size
        paged += listed
        pages += 1
        link = answer.headers.get("link", "")
        assert bool(link) is ("gs1-next-page-token-expires" in answer.headers)
        path = link.removeprefix("<").partition(">")[0] if 'rel="next"' in link else ""
    assert paged == whole
    assert len(whole) == (5 if "eventCountLimit" in order else 7)
    assert pages == -(-len(whole) // size)


def test_a_token_serves_only_its_own_question(admin: httpx2.Client) -> None:
    link = admin.get("/epcis/events", params={"perPage": 1}).headers["link"]
    token = httpx2.URL(link[1:].partition(">")[0]).params["nextPageToken"]
    other = admin.get("/epcis/events", params={"perPage": 1, "EQ_action": "ADD", "nextPageToken": token})
    assert other.status_code == 400
    assert admin.get("/epcis/events", params={"perPage": 2, "nextPageToken": token}).status_code == 200


def test_identifiers_are_written_as_the_reader_wants(admin: httpx2.Client) -> None:
    def epcs(wanted: str | None) -> list[str]:
        headers = {} if wanted is None else {"GS1-EPC-Format": wanted}
        answer = admin.get("/epcis/events/urn:t:object", headers=headers)
        (one,) = events_of(answer.json())
        places = [one["readPoint"]["id"], one["quantityList"][0]["epcClass"], one["sourceList"][0]["source"]]
        return [*one["epcList"], *places]

    urns = ["urn:epc:id:sgtin:4012345.011111.S1", "urn:epc:id:sgtin:4012345.011111.S2"]
    urns += [
        "urn:epc:id:sgln:4012345.00025.7",
        "urn:epc:class:lgtin:4012345.012345.L1",
        "urn:epc:id:pgln:4012345.00225",
    ]
    links = [f"{GTIN}/21/S1", "https://id.partner.example/01/04012345111118/21/S2"]
    links += ["https://id.gs1.org/414/4012345000252/254/7", "https://id.gs1.org/01/04012345123456/10/L1"]
    links += ["https://id.gs1.org/417/4012345002256"]
    assert epcs("Always_EPC_URN") == urns
    assert epcs("Always_GS1_Digital_Link") == links
    assert epcs(None) == epcs("No_Preference") == epcs("Never_Translates") == [urns[0], links[1], *urns[2:]]


def test_the_answer_is_json_ld_where_that_is_asked_for(admin: httpx2.Client) -> None:
    for accept, expected in (("application/ld+json", "application/ld+json"), ("*/*", "application/json")):
        answer = admin.get("/epcis/events", headers={"Accept": accept})
        assert answer.headers["content-type"].partition(";")[0] == expected
        assert answer.headers["gs1-epcis-version"] == answer.headers["gs1-cbv-version"] == "2.0.0"


@pytest.mark.parametrize(
    ("kind", "member", "expected"),
    [
        ("bizSteps", "packing", {"urn:t:aggregation"}),
        ("bizSteps", "https://steps.partner.example/cook", {"urn:t:transformation"}),
        ("dispositions", "active", {"urn:t:object"}),
        ("readPoints", "urn:epc:id:sgln:4012345.00025.7", {"urn:t:object"}),
        ("bizLocations", "urn:t:hall-2", {"urn:t:aggregation"}),
        ("epcs", "urn:epc:id:sgtin:4012345.011111.S4", {"urn:t:transformation"}),
        ("epcs", f"{GTIN}/21/S1", {"urn:t:object"}),
        ("eventTypes", "TransformationEvent", {"urn:t:transformation"}),
        ("eventTypes", f"{NS}Audit", {"urn:t:own"}),
    ],
)
def test_every_thing_has_its_events(admin: httpx2.Client, kind: str, member: str, expected: set[str]) -> None:
    path = f"/epcis/{kind}/{quote(member, safe='')}"
    assert admin.get(path).json()["member"] == ["events"]
    answer = admin.get(f"{path}/events")
    assert {each["eventID"] for each in events_of(answer.json())} == expected
    narrowed = admin.get(f"{path}/events", params={"LT_eventTime": "2020-01-01T00:00:00Z"})
    assert events_of(narrowed.json()) == []
    listed, link = [], f"/epcis/{kind}?perPage=3"
    while link:
        page = admin.get(link)
        listed += page.json()["member"]
        link = page.headers.get("link", "")[1:].partition(">")[0]
    assert len(listed) == len(set(listed))
    assert member in listed or kind == "epcs"
    unknown = admin.get(f"/epcis/{kind}/{quote('urn:t:nothing', safe='')}/events")
    assert (unknown.status_code, unknown.json()["type"]) == (404, "epcisException:NoSuchResourceException")


def test_words_of_the_standard_are_listed_whether_used_or_not(admin: httpx2.Client) -> None:
    assert len(admin.get("/epcis/bizSteps", params={"perPage": 500}).json()["member"]) >= 42
    assert events_of(admin.get("/epcis/bizSteps/void_shipping/events").json()) == []
    assert "events" in admin.get("/epcis").json()["member"]


def test_every_resource_says_what_it_can_do(admin: httpx2.Client) -> None:
    for path, methods in (
        ("", "GET"),
        ("/events", "GET, POST"),
        ("/queries/x", "DELETE, GET"),
        ("/epcs/x/events", "GET"),
    ):
        answer = admin.options(f"/epcis{path}")
        assert (answer.status_code, answer.headers["allow"]) == (204, f"OPTIONS, {methods}")
        assert answer.headers["gs1-epcis-max"] == "2.0.0"
        assert "Always_EPC_URN" in answer.headers["gs1-epc-format"]


def test_a_query_is_kept_under_its_name(admin: httpx2.Client) -> None:
    body = {"name": "packed", "query": {"EQ_bizStep": ["packing"], "GE_quantity": 3, "eventType": ["AggregationEvent"]}}
    created = admin.post("/epcis/queries", json=body)
    assert (created.status_code, created.json()) == (201, body)
    assert admin.get(created.headers["location"]).json() == body
    assert body in admin.get("/epcis/queries").json()
    answer = admin.get("/epcis/queries/packed/events")
    assert [each["eventID"] for each in events_of(answer.json())] == ["urn:t:aggregation"]
    assert answer.json()["epcisBody"]["queryResults"]["queryName"] == "packed"
    assert admin.post("/epcis/queries", json=body).status_code == 409
    assert admin.delete("/epcis/queries/packed").status_code == 204
    for gone in (admin.get("/epcis/queries/packed/events"), admin.delete("/epcis/queries/packed")):
        assert (gone.status_code, gone.json()["type"]) == (404, "epcisException:NoSuchNameException")


def test_a_kept_query_brings_its_own_prefixes(admin: httpx2.Client) -> None:
    body = {"name": "noted", "query": {"@context": [{"n": NS}], "EQ_n:note": ["hello"]}}
    assert admin.post("/epcis/queries", json=body).status_code == 201
    events = events_of(admin.get("/epcis/queries/noted/events", params={"perPage": 1}).json())
    assert [each["eventID"] for each in events] == ["urn:t:object"]


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"name": "a/b", "query": {}},
        {"name": "x"},
        {"name": "x", "query": []},
        {"name": "x", "query": {"EQ_nothing": ["x"]}},
        {"name": "x", "query": {"EQ_bizStep": {"a": 1}}},
        {"name": "x", "query": {"EQ_bizStep": []}},
        {"name": "x", "query": {"GE_eventTime": "soon"}},
        {"name": "x", "query": {}, "more": 1},
    ],
)
def test_what_is_no_query_is_not_kept(admin: httpx2.Client, body: Any) -> None:
    answer = admin.post("/epcis/queries", json=body)
    assert answer.status_code == 400, answer.text
    assert admin.get("/epcis/queries/x").status_code == 404


def test_one_merchant_sees_nothing_of_another(running: RunningHub, admin: httpx2.Client) -> None:
    token = new_token(Scope.ADMIN)
    with running.hub.database.transaction() as connection:
        row = merchants.insert().values(name=f"other-{uuid4().hex}").returning(merchants.c.id)
        grant(connection, connection.execute(row).scalar_one(), token, Scope.ADMIN, "other")
    job = captured(admin, document(event(eventID="urn:t:shared-id")))
    assert admin.post("/epcis/queries", json={"name": "mine", "query": {}}).status_code == 201
    with running.client(token) as other:
        assert found(other) == []
        for path in (
            *("/epcis/events/urn:t:object", f"/epcis/capture/{job['captureID']}", "/epcis/queries/mine"),
            *(f"/epcis/capture/{job['captureID']}/document", "/epcis/queries/mine/events"),
            *(
                "/epcis/readPoints/urn:epc:id:sgln:4012345.00025.7",
                "/epcis/epcs/urn:epc:id:sgtin:4012345.011111.S1/events",
            ),
        ):
            assert other.get(path).status_code == 404, path
        for path in ("/epcis/epcs", "/epcis/readPoints", "/epcis/bizLocations"):
            assert other.get(path).json()["member"] == []
        assert other.get("/epcis/capture").json() == other.get("/epcis/queries").json() == []
        assert ids(other, WD_bizLocation="urn:t:region") == set()
        assert captured(other, document(event(eventID="urn:t:shared-id")))["success"] is True
        assert len(found(other)) == 1
    assert len(found(admin, EQ_eventID="urn:t:shared-id")) == 1


def test_a_look_up_by_epc_uses_its_index(running: RunningHub) -> None:
    with running.hub.database.transaction() as connection:
        connection.execute(sa.text("SET LOCAL enable_seqscan = off"))
        for condition in ("epcs && ARRAY['https://x']", """facts @> '{"epc": ["https://x"]}'"""):
            plan = connection.execute(sa.text(f"EXPLAIN SELECT seq FROM epcis_events WHERE {condition}")).scalars()  # noqa: S608
            assert "epcis_events_" in " ".join(plan)
