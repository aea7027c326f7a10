"""The official examples are captured and come back equal; what is wrong is refused and said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import jsonschema
import pytest
from rfc3986_validator import validate_rfc3986

from tests.hub.conftest import RunningHub
from tests.hub.epcis.examples import captured, events_of

pytestmark = pytest.mark.shared


class Official:
    """The official schema with its formats enforced: without a checker of URIs its CBV words are not."""

    def __init__(self, validator: jsonschema.Draft7Validator) -> None:
        self._validator = validator

    def faults(self, value: Any) -> list[str]:
        return [error.message for error in self._validator.iter_errors(value)]


@pytest.fixture(scope="module")
def official(shared: Path) -> Official:
    checker = jsonschema.FormatChecker(formats=())
    checker.checks("uri")(lambda value: not isinstance(value, str) or bool(validate_rfc3986(value, rule="URI")))
    schema = json.loads((shared / "epcis" / "EPCIS-JSON-Schema.json").read_text(encoding="utf-8"))
    return Official(jsonschema.validators.validator_for(schema)(schema, format_checker=checker))


def examples(shared: Path) -> dict[str, dict[str, Any]]:
    folder = shared / "epcis"
    paths = [*folder.glob("examples/**/*.jsonld"), *folder.glob("returns_examples/*.json")]
    return {str(path.relative_to(folder)): json.loads(path.read_text(encoding="utf-8")) for path in sorted(paths)}


def without(event: dict[str, Any], *members: str) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name not in members}


def by_id(client: httpx2.Client, event_id: str) -> dict[str, Any]:
    answer = client.get(f"/epcis/events/{quote(event_id, safe='')}")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_every_example_comes_back_equal(
    admin: httpx2.Client, shared: Path, official: Official, capsys: pytest.CaptureFixture[str]
) -> None:
    documents = events = 0
    for name, document in examples(shared).items():
        if "NEG_" in name:
            continue
        job = captured(admin, document)
        assert (job["success"], job["errors"]) == (True, []), name
        whole = admin.get(f"/epcis/capture/{job['captureID']}/document").json()
        assert without(whole, "epcisBody") == without(document, "epcisBody"), name
        assert len(events_of(whole)) == len(events_of(document)), name
        for sent, kept in zip(events_of(document), events_of(whole), strict=True):
            made = () if "eventID" in sent else ("eventID",)
            assert without(kept, *made) == without(sent, "recordTime"), name
            answer = by_id(admin, kept["eventID"])
            same = [
                each for each in events_of(answer) if without(each, "recordTime", *made) == without(sent, "recordTime")
            ]
            assert len(same) == 1, name
            assert same[0]["recordTime"].endswith("Z")
            if len(events_of(answer)) == 1:
                assert answer["@context"] == document["@context"], name
            events += 1
        documents += 1
    every = admin.get("/epcis/events", params={"perPage": 500})
    assert official.faults(every.json()) == []
    with capsys.disabled():
        print(f"\n{documents} example documents with {events} events captured and returned equal")
    assert documents >= 33


def test_every_wrong_example_is_refused_and_the_place_is_named(admin: httpx2.Client, shared: Path) -> None:
    expected = {
        "NEG_bad_bizstep_returning": "/epcisBody/eventList/0/bizStep",
        "NEG_bad_disposition": "/epcisBody/eventList/0/disposition",
        "NEG_bad_tz": "/epcisBody/eventList/0/eventTimeZoneOffset",
        "NEG_missing_action": "/epcisBody/eventList/0/action",
        "NEG_unprefixed_extension": "/epcisBody/eventList/0/verdict",
    }
    wrong = {Path(name).stem: document for name, document in examples(shared).items() if "NEG_" in name}
    assert wrong.keys() == expected.keys()
    for name, document in wrong.items():
        answer = admin.post("/epcis/capture", json=document)
        body = answer.json()
        assert (answer.status_code, body["type"]) == (400, "epcisException:ValidationException"), name
        assert expected[name] in {fault["pointer"] for fault in body["errors"]}


def test_the_examples_of_our_own_station_are_the_merchants_alone(
    running: RunningHub, admin: httpx2.Client, shared: Path
) -> None:
    captured(admin, next(document for name, document in examples(shared).items() if "NEG_" not in name))
    assert admin.get("/epcis/epcs").json()["member"]
    with running.client(running.station_token) as station:
        assert station.get("/epcis/epcs").status_code == 403
