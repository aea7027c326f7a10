"""Documents unlike the official examples are captured and come back equal; hostile ones are refused and said why."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import httpx2
import pytest

from tests.hub.epcis.examples import CONTEXTS, captured, document, event, events_of
from tests.hub.epcis.test_examples import Official, by_id, official, without  # noqa: F401 - a fixture
from tests.hub.epcis.unlike import KINDS, Partner

DOCUMENTS = 24


def spelled(value: Any) -> str:
    """A JSON value as text: in Python, true is 1 and 1.0 is 1."""
    return json.dumps(value, sort_keys=True)


@pytest.mark.parametrize("seed", range(DOCUMENTS))
def test_a_document_unlike_the_examples_comes_back_equal(admin: httpx2.Client, seed: int) -> None:
    sent = Partner(seed).document()
    job = captured(admin, sent)
    assert (job["success"], job["errors"]) == (True, [])
    whole = admin.get(f"/epcis/capture/{job['captureID']}/document").json()
    assert spelled(without(whole, "epcisBody")) == spelled(without(sent, "epcisBody"))
    assert len(events_of(whole)) == len(events_of(sent)) == len(KINDS)
    for given, kept in zip(events_of(sent), events_of(whole), strict=True):
        made = () if "eventID" in given else ("eventID",)
        assert spelled(without(kept, *made)) == spelled(without(given, "recordTime"))
        (alone,) = events_of(by_id(admin, kept["eventID"]))
        assert spelled(without(alone, "recordTime", *made)) == spelled(without(given, "recordTime"))


@pytest.mark.shared
def test_what_a_partner_sends_is_valid_by_the_official_schema(official: Official) -> None:  # noqa: F811
    for seed in range(DOCUMENTS // 2):
        assert official.faults(Partner(seed).document()) == [], seed


def test_whatever_form_is_asked_for_is_answered(admin: httpx2.Client) -> None:
    job = captured(admin, Partner(1000).document())
    assert job["success"] is True
    for form in ("No_Preference", "Always_GS1_Digital_Link", "Always_EPC_URN", "Never_Translates"):
        answer = admin.get("/epcis/events", headers={"GS1-EPC-Format": form}, params={"perPage": 100})
        assert answer.status_code == 200
        kinds = Counter(each["type"] for each in events_of(answer.json()))
        assert set(kinds) == set(KINDS)


def raw(text: str, **changes: Any) -> bytes:
    """A document in whose one event stands ``"ex:here": <text>``."""
    whole = json.dumps(document(event(**{"ex:here": "@@"}), **changes))
    return whole.replace('"@@"', text).encode()


LOOP: dict[str, Any] = {"ex": {"@id": "ex:"}, "a": {"@id": "b:"}, "b": {"@id": "a:"}}
HOSTILE: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"\xff\xfe{",
    "UTF-16": json.dumps(document(event())).encode("utf-16"),
    "a zero byte": raw('"\\u0000"'),
    "a name with a zero byte": raw('{"ex:a\\u0000": 1}'),
    "half a pair": raw('"\\ud800"'),
    "not a number": raw("NaN"),
    "infinity": raw("-Infinity"),
    "beyond doubles": raw("1e999"),
    "digits without end": raw("9" * 5000),
    "a member twice": raw('1, "action": "ADD"'),
    "depth": raw("[" * 5000 + "]" * 5000),
    "depth of objects": raw('{"ex:a":' * 900 + "1" + "}" * 900),
    "an end in the middle": raw("1")[:-40],
    "more after the end": raw("1") + b"{}",
    "a comment": raw("1 /* one */"),
    "a list": json.dumps([document(event())]).encode(),
    "a type that is a list": raw("1").replace(b'"ObjectEvent"', b'["ObjectEvent"]'),
    "a context that is a number": raw("1", **{"@context": 7}),
    "a context of lists": raw("1", **{"@context": [[CONTEXTS]]}),
    "a context of null": raw("1", **{"@context": [None]}),
    "events that are null": json.dumps(document(epcisBody={"eventList": None})).encode(),
    "a header that is a text": raw("1", epcisHeader="x"),
    "an offset with words": raw("1").replace(b'"+08:00"', b'"+08:00; DROP TABLE epcis_events"'),
    "a year that is none": raw("1").replace(b"2026-11-20T10:00:00.000", b"0000-11-20T10:00:00.000"),
    "a leap second": raw("1").replace(b"T10:00:00.000", b"T10:00:60.000"),
    "a list as a step": raw("1").replace(b'"shipping"', b'[{"a": []}]'),
    "an id longer than an index takes": raw("1").replace(b"sgtin:", b"sgtin:" + b"9" * 9000),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("path", ["/epcis/capture", "/epcis/events"])
def test_what_is_hostile_is_refused_as_a_problem(admin: httpx2.Client, name: str, path: str) -> None:
    for behaviour in ("rollback", "proceed"):
        headers = {"Content-Type": "application/json", "GS1-Capture-Error-Behaviour": behaviour}
        answer = admin.post(path, content=HOSTILE[name], headers=headers)
        if answer.status_code == 202:  # it proceeds without what it refuses
            job = admin.get(answer.headers["location"]).json()
            assert (behaviour, job["success"], job["eventCount"]) == ("proceed", False, 0)
            assert job["errors"]
            continue
        assert 400 <= answer.status_code < 500, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"].startswith("epcisException:")


@pytest.mark.parametrize("context", [LOOP, [LOOP, *CONTEXTS], [*CONTEXTS, "https://nowhere.example/c.jsonld"]])
def test_a_context_that_leads_nowhere_is_kept_and_never_fetched(admin: httpx2.Client, context: Any) -> None:
    sent = document(event(**{"ex:x": 1}), **{"@context": context})
    job = captured(admin, sent)
    assert job["success"] is True
    assert admin.get(f"/epcis/capture/{job['captureID']}/document").json()["@context"] == context
