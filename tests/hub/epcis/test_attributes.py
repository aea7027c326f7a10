"""Events are found by what master data says of the things they name."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx2
import pytest

from inspection.epcis import NAMESPACES
from inspection.hub.accounts.tokens import Scope, grant, new_token
from inspection.hub.schema import merchants
from tests.hub.conftest import RunningHub
from tests.hub.epcis.examples import NS, captured, document, event, found

VTYPE = "urn:epcglobal:epcis:vtype:"
SITE = "urn:epcglobal:cbv:mda:site"
ELEMENTS: dict[str, dict[str, dict[str, Any]]] = {
    f"{VTYPE}BusinessLocation": {
        "urn:epc:id:sgln:4012345.00225.0": {SITE: "0614141073467", "urn:epcglobal:cbv:mda:sst": 203},
        "urn:t:yard": {SITE: "4012345000009", "https://x.example/ns#is_roofed": "no"},
    },
    f"{VTYPE}ReadPoint": {"urn:epc:id:sgln:4012345.00225.0": {"cbvmda:ssa": "7"}},
    f"{VTYPE}EPCClass": {"urn:epc:idpat:sgtin:4012345.011111.*": {"urn:epcglobal:cbv:mda:colour": "red"}},
    f"{VTYPE}BusinessTransaction": {"urn:t:po-1": {"https://x.example/ns#buyer": {"name": "somebody"}}},
    f"{VTYPE}BusinessStep": {"urn:epcglobal:cbv:bizstep:packing": {"https://x.example/ns#bench": "3"}},
    f"{VTYPE}Disposition": {"https://ref.gs1.org/cbv/Disp-in_transit": {"https://x.example/ns#sold": "yes"}},
    f"{VTYPE}SourceDest": {"urn:t:owner": {SITE: "elsewhere"}},
    "https://x.example/vtype/Crew": {"urn:t:crew-9": {"https://x.example/ns#size": "4"}},
}
PLACE = "https://id.gs1.org/414/4012345002256"
EVENTS = {
    "yard": event(eventID="urn:t:yard", bizLocation={"id": "urn:t:yard"}, bizStep="packing", readPoint=None),
    "link": event(
        eventID="urn:t:link",
        bizLocation={"id": PLACE},
        readPoint={"id": PLACE},
        bizStep="https://ref.gs1.org/cbv/BizStep-packing",
        disposition="in_transit",
        bizTransactionList=[{"type": "po", "bizTransaction": "urn:t:po-1"}],
        quantityList=[{"epcClass": "https://id.gs1.org/01/04012345111118", "quantity": 2}],
        **{"ex:lent_to": "urn:t:crew-9"},
    ),
    "other": event(
        eventID="urn:t:other",
        bizLocation={"id": "urn:t:unknown"},
        bizStep="shipping",
        disposition="active",
        readPoint={"id": "urn:t:yard"},
        sourceList=[{"type": "owning_party", "source": "urn:t:owner"}],
    ),
}
"""By their names; three places are the same thing in two spellings, and read points have attributes of their own."""


@pytest.fixture(scope="module")
def reader(running: RunningHub) -> Any:
    with running.client(running.admin_token) as client:
        lists = [
            {
                "type": vocabulary,
                "vocabularyElementList": [
                    {"id": name, "attributes": [{"id": key, "attribute": value} for key, value in said.items()]}
                    for name, said in elements.items()
                ],
            }
            for vocabulary, elements in ELEMENTS.items()
        ]
        header = {"epcisMasterData": {"vocabularyList": lists}}
        job = captured(client, document(*EVENTS.values(), epcisHeader=header))
        assert job["success"], job
        yield client


FINDS = [
    ("HASATTR_bizLocation", SITE, {"yard", "link"}),
    ("HASATTR_bizLocation", "cbvmda:site", {"yard", "link"}),
    ("HASATTR_bizLocation", "cbvmda:ssa", set()),
    ("HASATTR_bizLocation", f"cbvmda:sst|{SITE}", {"yard", "link"}),
    ("HASATTR_bizLocation", "cbvmda:unheard_of", set()),
    ("HASATTR_readPoint", "cbvmda:ssa", {"link"}),
    ("HASATTR_readPoint", "urn:epcglobal:cbv:mda:ssa", {"link"}),
    ("HASATTR_readPoint", "cbvmda:site", set()),
    ("HASATTR_bizTransaction", "https://x.example/ns#buyer", {"link"}),
    ("HASATTR_source", SITE, {"other"}),
    ("HASATTR_destination", SITE, set()),
    ("HASATTR_ex:lent_to", "https://x.example/ns#size", {"link"}),
    (f"HASATTR_{NS}lent_to", "https://x.example/ns#size", {"link"}),
    ("EQATTR_bizLocation_cbvmda:site", "4012345000009", {"yard"}),
    (f"EQATTR_bizLocation_{SITE}", "4012345000009|0614141073467", {"yard", "link"}),
    ("EQ_ATTR_bizLocation_cbvmda:site", "4012345000009", {"yard"}),
    ("EQATTR_bizLocation_cbvmda:sst", "203", {"link"}),
    ("EQATTR_bizLocation_https://x.example/ns#is_roofed", "no", {"yard"}),
    ("EQATTR_bizLocation_cbvmda:site", "nothing", set()),
    ("EQATTR_bizStep_https://x.example/ns#bench", "3", {"yard", "link"}),
    ("EQATTR_disposition_https://x.example/ns#sold", "yes", {"yard", "link"}),
    ("EQATTR_epcClass_cbvmda:colour", "red", {"link"}),
    ("EQATTR_inputEPCClass_cbvmda:colour", "red", set()),
    ("EQATTR_ex:lent_to_https://x.example/ns#size", "4", {"link"}),
]


@pytest.mark.parametrize(("name", "value", "expected"), FINDS)
def test_it_finds_what_names_something_of_that_kind(
    reader: httpx2.Client, name: str, value: str, expected: set[str]
) -> None:
    events = found(reader, perPage=500, **{name: value})
    assert {each["eventID"].removeprefix("urn:t:") for each in events} == expected


def test_they_narrow_other_parameters_and_stand_in_named_queries(reader: httpx2.Client) -> None:
    query = {"EQATTR_bizLocation_cbvmda:site": ["4012345000009", "0614141073467"], "HASATTR_readPoint": ["cbvmda:ssa"]}
    name = f"q-{uuid4().hex}"
    assert reader.post("/epcis/queries", json={"name": name, "query": query}).status_code == 201
    answer = reader.get(f"/epcis/queries/{name}/events").json()
    told = answer["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    assert [each["eventID"] for each in told] == ["urn:t:link"]


def test_another_merchants_master_data_says_nothing(running: RunningHub, reader: httpx2.Client) -> None:
    token = new_token(Scope.ADMIN)
    with running.hub.database.transaction() as connection:
        row = merchants.insert().values(name=uuid4().hex).returning(merchants.c.id)
        grant(connection, connection.execute(row).scalar_one(), token, Scope.ADMIN, "other")
    with running.client(token) as other:
        assert captured(other, document(EVENTS["yard"]))["success"]
        assert len(found(other)) == 1
        assert found(other, HASATTR_bizLocation="cbvmda:site") == []


def test_every_answer_says_which_extensions_its_own_events_have(reader: httpx2.Client) -> None:
    said = ", ".join(f"{prefix}={namespace}" for prefix, namespace in NAMESPACES.items())
    for answer in (reader.get("/epcis/events"), reader.options("/epcis/capture"), reader.get("/epcis/events/urn:x")):
        assert answer.headers["gs1-extensions"] == said
