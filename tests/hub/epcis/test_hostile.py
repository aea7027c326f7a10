"""Whatever is sent, the repository answers for it; and it agrees with the official schema on what is valid."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from inspection.hub.epcis.documents import read_document
from tests.hub.epcis.examples import CONTEXTS, document, event
from tests.hub.epcis.test_examples import Official, examples, official  # noqa: F401 - a fixture
from tests.hub.epcis.test_queries import SENSED

TRUSTED = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
BASES = [
    event(**SENSED, **{"ex:more": {"ex:deep": [1, "2", {"ex:x": None}]}}),
    event(action="ADD", ilmd={"ex:lot": "1"}, bizTransactionList=[{"type": "po", "bizTransaction": "urn:x:1"}]),
    event(
        type="TransformationEvent",
        action=None,
        epcList=None,
        inputEPCList=["urn:x:1"],
        outputQuantityList=[{"epcClass": "urn:x:2", "quantity": 1, "uom": "KGM"}],
        persistentDisposition={"set": ["conformant"]},
    ),
    event(
        type="AssociationEvent",
        epcList=None,
        parentID="urn:x:p",
        childEPCs=["urn:x:c"],
        sourceList=[{"type": "location", "source": "urn:x:s"}],
        errorDeclaration={"declarationTime": "2026-11-20T12:00:00Z", "reason": "did_not_occur", "ex:by": "us"},
    ),
    event(type="TransactionEvent", bizTransactionList=[{"bizTransaction": "urn:x:1"}], certificationInfo=["urn:x:1"]),
    event(type="ex:Own", certificationInfo="urn:x:c"),
]
WORDS = st.sampled_from(
    [
        *("ADD", "DELETE", "receiving", "returning", "damaged", "po", "location", "Temperature", "incorrect_data", "x"),
        *("urn:x:1", "https://id.gs1.org/01/04012345111118/21/1", "urn:epc:id:sgtin:4012345.011111.1", "ex:word"),
        *(
            "urn:epcglobal:cbv:bizstep:shipping",
            "https://gs1.org/voc/Mass",
            "2026-11-20T12:00:00Z",
            "+08:00",
            "KGM",
            "",
        ),
        *("ObjectEvent", "AggregationEvent", "EPCISDocument", "EPCISQueryDocument", "@context", "ex:more", "epcList"),
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(max_size=12)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(max_size=8), inner, max_size=4)
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of everything in a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, each in inner for found in places(each, (*path, key)))]


def changed(value: Any, path: tuple[Any, ...], new: Any, *, remove: bool) -> Any:
    """``value`` with another value at ``path``, or with nothing there."""
    made = deepcopy(value)
    if not path:
        return new
    holder = made
    for key in path[:-1]:
        holder = holder[key]
    if remove:
        del holder[path[-1]]
    else:
        holder[path[-1]] = new
    return made


@st.composite
def almost_valid(draw: st.DrawFn) -> Any:
    """A document with up to three things in it changed, removed or added."""
    value: Any = document(*draw(st.lists(st.sampled_from(BASES), min_size=1, max_size=2)))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(places(value)))
        value = changed(value, path, draw(VALUES), remove=draw(st.booleans()))
        if isinstance(value, dict) and draw(st.booleans()):
            value[draw(WORDS)] = draw(VALUES)
    return value


def sent(client: httpx2.Client, path: str, value: Any) -> httpx2.Response:
    headers = {"Content-Type": "application/json", "GS1-Capture-Error-Behaviour": "proceed"}
    return client.post(path, content=json.dumps(value).encode(), headers=headers)


@TRUSTED
@given(almost_valid() | VALUES)
@example({"@context": CONTEXTS, **BASES[0], "ex:deep": json.loads("[" * 200 + "]" * 200)})
@example({"@context": CONTEXTS, **BASES[0], "ex:big": 10**400, "ex:number": 1e308})
@example({"@context": CONTEXTS, **BASES[0], "epcList": ["urn:x:" + "a" * 3000]})
@example({"@context": CONTEXTS, **BASES[5], "epcList": 5})
@example({"@context": {"ex": 7}, **BASES[0]})
@example(
    {"@context": CONTEXTS, **BASES[3], "errorDeclaration": {"declarationTime": "2026-11-20T12:00:00Z", "ex:n": 9**30}}
)
@example({"@context": [{"ex": {"@id": None}}], **BASES[0]})
@example({"@context": CONTEXTS, **BASES[0], "eventTime": "0001-01-01T00:00:00+14:00"})
@example({"@context": CONTEXTS, **BASES[0], "ex:when": "9999-12-31T23:59:59-14:00"})
def test_whatever_is_captured_is_answered(admin: httpx2.Client, value: Any) -> None:
    for path, good in (("/epcis/capture", {202, 400}), ("/epcis/events", {201, 400, 409})):
        answer = sent(admin, path, value)
        assert answer.status_code in good, answer.text
        if answer.status_code == 400:
            assert answer.json()["errors"] if "errors" in answer.json() else answer.json()["code"] == "request.not_json"
        if "location" in answer.headers:
            assert admin.get(answer.headers["location"]).status_code == 200


@TRUSTED
@given(st.dictionaries(WORDS | st.sampled_from(["name", "query"]), VALUES, max_size=3))
def test_whatever_is_kept_as_a_query_is_answered(admin: httpx2.Client, query: Any) -> None:
    for body in (query, {"name": "hostile", "query": query}):
        answer = sent(admin, "/epcis/queries", body)
        assert answer.status_code in {201, 400, 409}, answer.text
        if answer.status_code == 201:
            assert admin.get(f"{answer.headers['location']}/events").status_code == 200
            assert admin.delete(answer.headers["location"]).status_code == 204


PARAMETERS = st.sampled_from(
    [
        *("eventType", "EQ_bizStep", "MATCH_epc", "MATCH_anyEPC", "MATCH_epcClass", "GE_eventTime", "EQ_ex:note"),
        *("GT_ex:count", "EXISTS_ex:note", "EQ_INNER_ILMD_ex:x", "GE_value_CEL", "EQ_quantity", "WD_readPoint"),
        *("EQ_bizTransaction_po", "EQ_bizTransaction_", "perPage", "nextPageToken", "orderBy", "maxEventCount"),
        *("EQ_eventID", "EQ_transformationID", "EQ_", "", "EXISTS_errorDeclaration", "EQ_source_"),
    ]
)
TEXTS = st.sampled_from(
    [
        *(
            "urn:epc:idpat:sgtin:4012345.*.*",
            "urn:epc:idpat:sgtin:%.*",
            "urn:epc:class:lgtin:4012345.012345.*",
            "|",
            "1",
        ),
        *("eventTime", "2026-11-20T12:00:00Z", "WyJ4IiwgIiIsIDFd", "true", "https://id.gs1.org/01/04012345111118"),
    ]
) | st.text(max_size=30)


@TRUSTED
@given(st.lists(st.tuples(PARAMETERS | st.text(max_size=20), TEXTS), max_size=4))
@example([("MATCH_epc", "urn:epc:idpat:sgtin:" + "9" * 900 + ".*")])
@example([("EQ_ex:" + "x" * 900, "1")])
@example([('GT_ex:"\\', "1")])
def test_whatever_is_asked_is_answered(admin: httpx2.Client, parameters: list[tuple[str, str]]) -> None:
    for path in ("/epcis/events", "/epcis/epcs", "/epcis/queries", "/epcis/capture", "/epcis/bizSteps/packing/events"):
        assert admin.get(path, params=parameters).status_code in {200, 400, 413}


@TRUSTED
@given(st.text(min_size=1, max_size=30))
def test_whatever_is_named_is_answered(admin: httpx2.Client, name: str) -> None:
    part = httpx2.QueryParams({"x": name})
    written = str(part)[2:].replace("+", "%20")
    for path in (f"/epcis/epcs/{written}/events", f"/epcis/events/{written}", f"/epcis/queries/{written}"):
        assert admin.get(path).status_code in {200, 404, 405}


@pytest.mark.shared
@settings(TRUSTED, max_examples=400)
@given(value=almost_valid())
def test_we_take_nothing_that_the_official_schema_refuses(
    official: Official,  # noqa: F811 - the fixture
    value: Any,
) -> None:
    found = read_document(value)
    faults = found.faults + [fault for candidate in found.candidates for fault in candidate.faults]
    if not faults:
        assert official.faults(value) == []


STRICTER = (
    *("is not defined in @context", "half of a surrogate", "out of range", "nested deeper", "longer than"),
    *("must be a date and time", "has no CBV 2.0 event hash", "of the CBV 2.0", "such as 2.0", "of your own"),
)


@pytest.mark.shared
@settings(TRUSTED, max_examples=400)
@given(value=almost_valid())
def test_we_refuse_more_than_the_official_schema_only_where_we_say_so(
    official: Official,  # noqa: F811 - the fixture
    value: Any,
) -> None:
    found = read_document(value)
    faults = found.faults + [fault for candidate in found.candidates for fault in candidate.faults]
    own = [fault for fault in faults if not any(reason in fault["message"] for reason in STRICTER)]
    extended = [each for each in _events(value) if ":" in str(each.get("type", ""))]
    if own and not extended and isinstance(value, dict):
        assert official.faults(value), own


@pytest.mark.shared
def test_every_example_is_valid_for_both(shared: Path, official: Official) -> None:  # noqa: F811
    for name, value in examples(shared).items():
        found = read_document(value)
        faults = found.faults + [fault for candidate in found.candidates for fault in candidate.faults]
        assert (not official.faults(value)) is (not faults) is ("NEG_" not in name), name


def _events(value: Any) -> list[dict[str, Any]]:
    body = value.get("epcisBody") if isinstance(value, dict) else None
    listed = body.get("eventList") if isinstance(body, dict) else None
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
