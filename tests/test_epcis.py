"""EPCIS: verdicts as events, valid by the official schema, named by the standard's event hash."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rfc3986_validator import validate_rfc3986

from inspection.digital_link import canonical, check_digit, class_uri, from_epc_uri, instance_uri
from inspection.epcis import NAMESPACES, Names, epcis_document
from inspection.epcis_hash import event_id, pre_hash
from inspection.evidence import canonical_json
from inspection.item import IdentityIssue
from inspection.report import InspectionReport, seal
from inspection.verdict import Disposition
from tests.hub.reports import CONFIRMED, GTIN, STARTED, fields

INSPECTION = "0b54a8a1-6a3f-4f43-9b5c-2f1c7d1f7a11"


def sealed(**changes: Any) -> InspectionReport:
    return seal(fields(**({"inspection_id": INSPECTION} | changes)))


def decided(disposition: str, *codes: str, findings: bool = True, **changes: Any) -> InspectionReport:
    grade = "open_box" if disposition == "resell" else None
    policy = fields()["policy"] | {"disposition": disposition, "grade": grade, "reason_codes": list(codes)}
    verdict = {"disposition": disposition, "grade": grade, "decided_by": "policy"}
    assessment = fields()["assessment"] | ({} if findings else {"findings": []})
    return sealed(**({"policy": policy, "verdict": verdict, "assessment": assessment} | changes))


def events(*reports: InspectionReport, names: Names | None = None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = epcis_document(reports, names)["epcisBody"]["eventList"]
    return found


def steps(*reports: InspectionReport) -> list[tuple[str, str]]:
    return [(event["bizStep"], event["disposition"]) for event in events(*reports)]


ARRIVAL = ("receiving", "returned")
CASES = {
    "resell": (
        decided("resell", "minor"),
        [ARRIVAL, ("inspecting", "sellable_not_accessible"), ("stocking", "sellable_accessible")],
    ),
    "repair": (decided("repair"), [ARRIVAL, ("inspecting", "damaged"), ("repairing", "in_progress")]),
    "repair without a seen defect": (
        decided("repair", findings=False),
        [ARRIVAL, ("inspecting", "non_conformant"), ("repairing", "in_progress")],
    ),
    "scrap": (decided("scrap"), [ARRIVAL, ("inspecting", "damaged")]),
    "scrap, hazard": (decided("scrap", "hazard", findings=False), [ARRIVAL, ("inspecting", "damaged")]),
    "scrap, expired": (decided("scrap", "expired"), [ARRIVAL, ("inspecting", "expired")]),
    "scrap, hygiene": (
        decided("scrap", "hygiene", "seal_broken", findings=False),
        [ARRIVAL, ("inspecting", "non_sellable_other")],
    ),
    "hold, other product": (decided("hold", "mismatch_class"), [ARRIVAL, ("holding", "mismatch_class")]),
    "hold, other serial": (
        decided("hold", "mismatch_instance", "possible_fraud"),
        [ARRIVAL, ("holding", "mismatch_instance")],
    ),
    "hold, parts missing": (
        decided("hold", "mismatch_quantity", "parts_missing"),
        [ARRIVAL, ("holding", "mismatch_quantity")],
    ),
    "hold, recall": (decided("hold", "recall", "to_qa"), [ARRIVAL, ("holding", "recalled")]),
    "hold, no identity": (decided("hold", "unknown", item={}), [ARRIVAL, ("holding", "unknown")]),
    "hold, uncertain": (decided("hold", "novel"), [ARRIVAL, ("holding", "non_sellable_other")]),
}
ITEMS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "instance": ({"gtin": GTIN, "serial": "A/1+2"}, {"epcList": [f"https://id.gs1.org/01/{GTIN}/21/A%2F1%2B2"]}),
    "class": ({"gtin": GTIN}, {"quantityList": [{"epcClass": f"https://id.gs1.org/01/{GTIN}", "quantity": 1}]}),
    "lot": (
        {"gtin": GTIN, "lot": "L-1"},
        {"quantityList": [{"epcClass": f"https://id.gs1.org/01/{GTIN}/10/L-1", "quantity": 1}]},
    ),
    "serial that GS1 does not allow": (
        {"gtin": GTIN, "serial": "序列号"},
        {"quantityList": [{"epcClass": f"https://id.gs1.org/01/{GTIN}", "quantity": 1}]},
    ),
    "tag of an asset": (
        {"epc_uri": "urn:epc:id:grai:4012345.01111.987"},
        {"epcList": ["https://id.gs1.org/8003/04012345011111987"]},
    ),
    "tag of no GS1 key": ({"epc_uri": "urn:epc:id:usdod:CAGEY.5678"}, {"epcList": ["urn:epc:id:usdod:CAGEY.5678"]}),
    "nothing": ({}, {"epcList": [f"https://returns-inspection.example/items/{INSPECTION}"]}),
}


@pytest.mark.parametrize("case", CASES)
def test_each_verdict_becomes_the_events_of_the_table(case: str) -> None:
    report, expected = CASES[case]
    assert steps(report) == expected
    assert {event["action"] for event in events(report)} == {"OBSERVE"}  # destruction only once it is done


@pytest.mark.parametrize("case", ITEMS)
def test_an_item_is_named_as_finely_as_it_is_known(case: str) -> None:
    item, expected = ITEMS[case]
    for event in events(sealed(item=item)):
        assert {name: event[name] for name in ("epcList", "quantityList") if name in event} == expected


def test_a_person_who_overrides_takes_the_policys_reasons_away() -> None:
    person = {"disposition": "hold", "overrides": True, "reason_code": "looks_wrong", "who": "b-1", "at": CONFIRMED}
    verdict = {"disposition": "hold", "grade": None, "decided_by": "person"}
    policy = fields()["policy"] | {"disposition": "scrap", "grade": None, "reason_codes": ["expired"]}
    report = sealed(person=person, verdict=verdict, policy=policy)
    assert steps(report)[-1] == ("holding", "non_sellable_other")
    assert events(report)[-1]["rx:reason"] == ["https://returns-inspection.example/reasons/looks_wrong"]


def test_identity_issues_speak_when_there_was_no_policy() -> None:
    verdict = {"disposition": "hold", "grade": None, "decided_by": "person"}
    item = {"gtin": GTIN, "issues": [IdentityIssue.GTIN_DIFFERS]}
    assert steps(sealed(item=item, policy=None, verdict=verdict))[-1] == ("holding", "mismatch_class")


def test_completeness_is_claimed_only_when_it_was_checked() -> None:
    checked = events(decided("resell"))[0]
    assert checked["persistentDisposition"] == {"set": ["completeness_verified"]}
    unchecked = fields()["policy"] | {"values": {"condition": "minor"}}
    assert "persistentDisposition" not in events(sealed(policy=unchecked))[0]
    assert events(decided("hold", "mismatch_quantity"))[0]["persistentDisposition"] == {"set": ["mismatch_quantity"]}


def test_weight_and_defects_are_sensor_reports() -> None:
    mass, defects = events(decided("resell"))[1]["sensorElementList"]
    assert mass["sensorReport"] == [{"type": "Mass", "value": 412.6, "uom": "GRM"}]
    assert mass["sensorMetadata"]["deviceID"] == "https://returns-inspection.example/devices/scale-1"
    assert defects["sensorReport"][0]["component"].endswith("/defects/scratch")
    assert defects["sensorReport"][0]["value"] == 0.93


@pytest.mark.parametrize(
    ("text", "grams"), [("412.6 g", 412.6), ("0.4126 kg", 412.6), ("412.6", 412.6), ("-1 g", -1), ("5 KG", 5000)]
)
def test_weights_are_given_in_grams(text: str, grams: float) -> None:
    reading = {"device_id": "s", "kind": "weight", "raw_hex": "", "value": text, "at": STARTED}
    assert events(sealed(readings=[reading]))[1]["sensorElementList"][0]["sensorReport"][0]["value"] == grams


def test_a_warehouse_with_a_gln_is_named_by_it() -> None:
    event = events(decided("scrap"), names=Names("https://hub.acme.test", "4012345000009"))[0]
    assert event["bizLocation"] == {"id": "https://id.gs1.org/414/4012345000009"}
    rma = {"bizTransaction": "urn:epcglobal:cbv:bt:4012345000009:RMA-2026-000123", "type": "rma"}
    assert event["bizTransactionList"] == [rma]
    assert event["readPoint"] == {"id": "https://hub.acme.test/stations/station-07"}


def test_times_keep_their_offset() -> None:
    event = events(decided("scrap"))[1]
    assert (event["eventTime"], event["eventTimeZoneOffset"]) == (CONFIRMED, "+08:00")


def test_the_same_report_gives_the_same_bytes() -> None:
    report = decided("repair")
    again = InspectionReport.model_validate_json(report.model_dump_json())
    assert canonical_json(epcis_document([report])) == canonical_json(epcis_document([again]))


def test_a_correction_takes_back_what_was_wrong_and_only_that() -> None:
    wrong = decided("resell")
    right = decided("scrap", "expired", revision=2, confirmed_at="2026-11-21T09:00:00+08:00")
    found = events(wrong, right)
    taken_back = [event for event in found if "errorDeclaration" in event]
    standing = [event for event in found if "errorDeclaration" not in event]
    assert standing == events(right)
    assert [event["bizStep"] for event in taken_back] == ["inspecting", "stocking"]
    original = {event["eventID"] for event in events(wrong)}
    assert {event["eventID"] for event in taken_back} <= original  # the first event again, by its own name
    assert taken_back[0]["errorDeclaration"] == {
        "declarationTime": "2026-11-21T09:00:00.000+08:00",
        "reason": "incorrect_data",
        "correctiveEventIDs": [event["eventID"] for event in standing],
    }
    assert [event["bizStep"] for event in standing] == ["receiving", "inspecting"]


# Event and hash as published with the algorithm's description, example 1 and 2 (retyped).
PUBLISHED: dict[str, dict[str, Any]] = {
    "ni:///sha-256;6ae96341e0acc6d7a261364751f60e68278a81cdf51da0abb6b4e617014e39d7?ver=CBV2.0": {
        "type": "ObjectEvent",
        "eventTime": "2020-03-04T11:00:30.000+01:00",
        "eventTimeZoneOffset": "+01:00",
        "recordTime": "2020-03-04T11:00:30.999+01:00",
        "epcList": [
            "urn:epc:id:sscc:4012345.0000000333",
            "urn:epc:id:sscc:4012345.0000000111",
            "urn:epc:id:sscc:4012345.0000000222",
        ],
        "action": "OBSERVE",
        "bizStep": "departing",
        "readPoint": {"id": "urn:epc:id:sgln:4012345.00011.987"},
        "example:myField1": {"example:mySubField1": "2", "example:mySubField2": "5"},
        "example:myField2": "0",
        "example:myField3": {"example:mySubField3": ["3", "1"]},
    },
    "ni:///sha-256;49b13037c36e84ad9307c531671b00e901318c3957e4b1151f816ec49eb668da?ver=CBV2.0": {
        "type": "ObjectEvent",
        "eventTime": "2020-04-01T15:00:00+01:00",
        "eventTimeZoneOffset": "+01:00",
        "epcList": ["https://id.gs1.org/01/04012345111118/21/9876"],
        "action": "OBSERVE",
        "bizStep": "inspecting",
        "readPoint": {"id": "https://id.gs1.org/414/4012345000054"},
        "sensorElementList": [
            {
                "sensorMetadata": {
                    "deviceID": "urn:epc:id:giai:4000001.111",
                    "deviceMetadata": "https://id.gs1.org/8004/4000001111",
                },
                "sensorReport": [
                    {"type": "Temperature", "value": 26, "sDev": 0.1, "uom": "CEL"},
                    {"type": "AbsoluteHumidity", "value": 12.1, "uom": "A93"},
                    {
                        "type": "Dimensionless",
                        "microorganism": "https://www.ncbi.nlm.nih.gov/taxonomy/1126011",
                        "value": 0.05,
                        "uom": "C35",
                    },
                    {
                        "type": "Dimensionless",
                        "chemicalSubstance": "https://identifiers.org/inchikey:CZMRCDWAGMRECN-UGDNZRGBSA-N",
                        "value": 0.18,
                        "uom": "C35",
                    },
                ],
            }
        ],
    },
}
EXAMPLE = {"example": "https://ns.example.com/epcis/"}


@pytest.mark.parametrize("expected", PUBLISHED)
def test_published_events_have_their_published_hash(expected: str) -> None:
    assert event_id(PUBLISHED[expected], EXAMPLE) == expected


def test_the_pre_hash_string_is_that_of_the_published_illustration() -> None:
    """Example 3, whose picture shows the string; the type follows its transaction, source and destination."""
    event = {
        "type": "ObjectEvent",
        "eventTime": "2020-03-04T11:00:30.000+01:00",
        "eventTimeZoneOffset": "+01:00",
        "epcList": ["urn:epc:id:sgtin:0614141.011111.987"],
        "action": "OBSERVE",
        "bizStep": "urn:epcglobal:cbv:bizstep:departing",
        "disposition": "in_transit",
        "readPoint": {"id": "urn:epc:id:sgln:4012345.00011.0", "example:myField1": "AB-12"},
        "bizTransactionList": [{"type": "po", "bizTransaction": "urn:epc:id:gdti:4012345.11111.123"}],
        "sourceList": [{"type": "owning_party", "source": "urn:epc:id:pgln:4012345.00000"}],
        "destinationList": [{"type": "owning_party", "destination": "urn:epc:id:pgln:0614141.00000"}],
        "example:userExt": "CD-34",
    }
    assert pre_hash(event, {"example": "https://ns.example.com/epcis"}) == (
        "eventType=ObjectEvent"
        "eventTime=2020-03-04T10:00:30.000Z"
        "eventTimeZoneOffset=+01:00"
        "epcListepc=https://id.gs1.org/01/00614141111114/21/987"
        "action=OBSERVE"
        "bizStep=https://ref.gs1.org/cbv/BizStep-departing"
        "disposition=https://ref.gs1.org/cbv/Disp-in_transit"
        "readPointid=https://id.gs1.org/414/4012345000115{https://ns.example.com/epcis}myField1=AB-12"
        "bizTransactionListbizTransaction=https://id.gs1.org/253/4012345111118123type=https://ref.gs1.org/cbv/BTT-po"
        "sourceListsource=https://id.gs1.org/417/4012345000009type=https://ref.gs1.org/cbv/SDT-owning_party"
        "destinationListdestination=https://id.gs1.org/417/0614141000005type=https://ref.gs1.org/cbv/SDT-owning_party"
        "{https://ns.example.com/epcis}userExt=CD-34"
    )


@given(st.randoms(use_true_random=False))
def test_the_order_of_members_and_lists_does_not_change_an_events_name(random: Any) -> None:
    def shuffled(value: Any) -> Any:
        if isinstance(value, dict):
            members = [(name, shuffled(each)) for name, each in value.items()]
            random.shuffle(members)
            return dict(members)
        if isinstance(value, list):
            return random.sample([shuffled(each) for each in value], len(value))
        return value

    for event in (*PUBLISHED.values(), *events(decided("repair"))):
        assert event_id(shuffled(event), EXAMPLE | NAMESPACES) == event_id(event, EXAMPLE | NAMESPACES)


def test_the_name_changes_with_every_member_but_not_with_its_own_name() -> None:
    event = events(decided("repair"))[1]
    own = event["eventID"]
    for name in event.keys() - {"eventID"}:
        without = {key: value for key, value in event.items() if key != name}
        same = event_id({"type": "ObjectEvent"} | without, NAMESPACES) == own
        assert same == (name == "type"), name
    assert event_id(event | {"eventID": "other", "recordTime": CONFIRMED, "errorDeclaration": {}}, NAMESPACES) == own


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("2023-01-18T11:04:03.1415Z", "2023-01-18T11:04:03.142Z"),
        ("2023-01-18T11:04:03.9996+00:00", "2023-01-18T11:04:04.000Z"),
        ("2023-01-18T11:04:03-05:30", "2023-01-18T16:34:03.000Z"),
    ],
)
def test_times_are_hashed_in_utc_with_milliseconds(time: str, expected: str) -> None:
    assert f"eventTime={expected}" in pre_hash({"type": "ObjectEvent", "eventTime": time}, {})


@pytest.mark.parametrize(
    ("given_uri", "expected"),
    [
        ("urn:epc:id:sgtin:4012345.011111.9876", "https://id.gs1.org/01/04012345111118/21/9876"),
        ("urn:epc:class:lgtin:4012345.012345.Lot987", "https://id.gs1.org/01/04012345123456/10/Lot987"),
        ("urn:epc:idpat:sgtin:4012345.098765.*", "https://id.gs1.org/01/04012345987652"),
        (
            "https://shop.test/some/path/gtin/4012345111118/lot/A1/ser/1234?x=1",
            "https://id.gs1.org/01/04012345111118/21/1234",
        ),
        ("https://id.gs1.org/01/04012345111118", "https://id.gs1.org/01/04012345111118"),
        ("https://example.test/stations/station-07", None),
        ("urn:epc:id:usdod:CAGEY.5678", None),
        ("urn:epc:id:sgtin:4012345.9", None),
        ("hello", None),
    ],
)
def test_identifiers_have_one_canonical_form(given_uri: str, expected: str | None) -> None:
    assert canonical(given_uri) == expected


@given(st.text(max_size=60))
def test_any_text_has_a_canonical_form_or_none(text: str) -> None:
    for uri in (text, f"urn:epc:id:sgtin:{text}", f"urn:epc:id:{text}", f"https://id.gs1.org/01/{text}"):
        found = canonical(uri)
        assert found is None or canonical(found) in {found, None}
        from_epc_uri(uri)


def test_check_digits_are_those_of_gs1() -> None:
    assert [check_digit("0401234511111"), check_digit("629104150021"), check_digit("0")] == ["8", "3", "0"]
    assert instance_uri(GTIN, "x" * 21) is None
    assert class_uri(GTIN, "x" * 21) == f"https://id.gs1.org/01/{GTIN}"


@pytest.fixture(scope="module")
def validator(request: pytest.FixtureRequest) -> jsonschema.Draft7Validator:
    """The official schema with its formats enforced: without a checker of URIs its CBV words are not."""
    shared: Path = request.getfixturevalue("shared")
    checker = jsonschema.FormatChecker(formats=())
    checker.checks("uri")(lambda value: not isinstance(value, str) or bool(validate_rfc3986(value, rule="URI")))
    schema = json.loads((shared / "epcis" / "EPCIS-JSON-Schema.json").read_text(encoding="utf-8"))
    return jsonschema.validators.validator_for(schema)(schema, format_checker=checker)


@pytest.mark.shared
def test_every_document_we_emit_is_valid(validator: jsonschema.Draft7Validator) -> None:
    reports = [[report] for report, _ in CASES.values()]
    reports += [[sealed(item=item)] for item, _ in ITEMS.values()]
    reports += [[sealed(rma=None, readings=[], assessment=None, policy=None)]]
    reports += [[decided("resell"), decided("scrap", revision=2), decided("hold", "recall", revision=3)]]
    reports += [[sealed(item={"epc_uri": 'urn:epc:id:giai:4000001.a b<c>"é%'})]]
    checked = 0
    for revisions in reports:
        for names in (Names(), Names("https://hub.acme.test", "4012345000009")):
            document = json.loads(canonical_json(epcis_document(revisions, names)))
            assert [error.message for error in validator.iter_errors(document)] == []
            checked += len(document["epcisBody"]["eventList"])
    assert checked > 80


@pytest.mark.shared
def test_the_validator_has_teeth(validator: jsonschema.Draft7Validator, shared: Path) -> None:
    examples = sorted((shared / "epcis" / "returns_examples").glob("*.json"))
    wrong = [path for path in examples if path.name.startswith("NEG_")]
    assert len(wrong) >= 5
    for path in examples:
        valid = validator.is_valid(json.loads(path.read_text(encoding="utf-8")))
        assert valid is (path not in wrong), path.name


@pytest.mark.shared
@pytest.mark.parametrize("name", ["resell", "repair", "hold_wrong_item", "scrap"])
def test_our_events_agree_with_the_worked_examples(shared: Path, name: str) -> None:
    """Same steps and dispositions; the examples' further events are those of other moments."""
    path = shared / "epcis" / "returns_examples" / f"{name}.json"
    theirs = json.loads(path.read_text(encoding="utf-8"))["epcisBody"]["eventList"]
    ours = {
        "resell": decided("resell"),
        "repair": decided("repair"),
        "scrap": decided("scrap", "hygiene", findings=False),
        "hold_wrong_item": decided("hold", "mismatch_class"),
    }[name]
    said = set(steps(ours))
    expected = {(event["bizStep"], event["disposition"]) for event in theirs if event["action"] == "OBSERVE"}
    if name == "hold_wrong_item":  # the table of the policy has holding / mismatch_class
        assert {disposition for _, disposition in expected} & {disposition for _, disposition in said}
    else:
        assert expected <= said


def test_every_disposition_has_a_case() -> None:
    assert {report.verdict.disposition for report, _ in CASES.values()} == set(Disposition)
    assert UUID(INSPECTION)
