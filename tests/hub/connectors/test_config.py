"""The file of destinations: every mistake named, secrets elsewhere, what would be sent printed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from inspection.errors import ConfigError
from inspection.hub.connectors.config import load_connectors
from inspection.hub.connectors.contract import Unusable
from inspection.hub.connectors.mapping import Fixed, Looked, Written, check_path, look_up, resolve, resolve_all
from inspection.hub.connectors.outcomes import outcome
from inspection.hub.connectors.secret import Secret
from inspection.report import InspectionReport
from tests.hub.reports import report
from tests.hub.test_hub_app import ROOT

HOOK: dict[str, Any] = {"kind": "webhook", "url": "https://erp.example/hook", "secrets": [{"env": "X"}]}
MAIL: dict[str, Any] = {"kind": "mail", "url": "smtp://mail.example", "sender": "returns@shop.example"}
LOOP: dict[str, Any] = {"kind": "loop", "url": "https://loop.example", "api_key": {"env": "X"}}
SHOP: dict[str, Any] = {"kind": "shopify", "url": "https://shop.example/graphql.json", "access_token": {"env": "X"}}


def load(folder: Path, **destinations: Any) -> Any:
    path = folder / "connectors.yaml"
    path.write_text(yaml.safe_dump({"destinations": destinations}))
    return load_connectors(path)


def test_the_example_is_read_as_it_is() -> None:
    found = load_connectors(ROOT / "configs" / "connectors.yaml")
    assert {each.kind for each in found.destinations.values()} == {
        "webhook",
        "epcis",
        "shopify",
        "loop",
        "odoo",
        "mail",
    }
    assert load_connectors(None).destinations == {}


@pytest.mark.parametrize(
    ("section", "says"),
    [
        (HOOK | {"colour": 1}, "hook.webhook.colour"),
        (HOOK | {"secrets": []}, "hook.webhook.secrets"),
        (HOOK | {"secrets": [{"env": "A", "file": "b"}]}, "either env or file"),
        (HOOK | {"secrets": ["whsec_abc"]}, "hook.webhook.secrets.0"),
        (HOOK | {"events": ["inspection_lost"]}, "hook.webhook.events.0"),
        (HOOK | {"url": "ftp://x"}, "hook.webhook.url"),
        (HOOK | {"fields": {"a": "inspection.rmaa"}}, "is inspection.rma meant?"),
        (HOOK | {"fields": {"a": {"text": "{inspektion.rma}"}}}, "inspektion"),
        (HOOK | {"fields": {"a": {"from": "inspection.rma", "mapp": {}}}}, "mapp"),
        (HOOK | {"retry": {"first": 1}}, "hook.webhook.retry.first"),
        ({"kind": "fax"}, "hook"),
        (LOOP | {"outcomes": {"resell": "back_to_shelf"}}, "back_to_shelf"),
        (LOOP | {"outcomes": {"resold": "recycle"}}, "resold"),
        (LOOP | {"grades": {"resell/best": "grade_a"}}, "resell/best"),
        (MAIL | {"events": ["inspection_confirmed"]}, "no letter tells of inspection_confirmed"),
        (MAIL | {"url": "https://mail.example"}, "hook.mail.url"),
        (MAIL | {"sender": "returns@shop.example\nBcc: x@y.example"}, "hook.mail.sender"),
        (MAIL | {"user": {"env": "X"}}, "both user and password"),
        (SHOP, "location_id"),
        (SHOP | {"outcomes": {"resell": "RESTOCK"}}, "RESTOCK"),
    ],
)
def test_a_mistake_is_named_with_its_file_and_key(tmp_path: Path, section: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, hook=section)
    assert says in str(caught.value)
    assert "connectors.yaml" in str(caught.value)


@pytest.mark.parametrize(
    "text", ["a: [", "- 1", "destinations: {A: 1}", "destinations:\n  a: {kind: fax}\n  a: {kind: fax}", "? {}\n: 1"]
)
def test_what_is_no_such_file_is_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "connectors.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_connectors(path)
    assert "\n" not in caught.value.one_line()


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(data)
    try:
        load_connectors(path)
    except ConfigError:
        return


def test_a_secret_is_read_anew_and_named_when_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SECRET", " one ")
    assert Secret(env="A_SECRET").read() == "one"
    path = tmp_path / "secret"
    with pytest.raises(Unusable, match="secret"):
        Secret(file=path).read()
    path.write_text("two\n")
    assert Secret(file=path).read() == "two"
    path.write_text("three\r\nX-Evil: 1")
    with pytest.raises(Unusable) as caught:
        Secret(file=path).read()
    assert "three" not in str(caught.value)


FACTS = {"inspection": {"rma": "R-1", "item": {"gtin": None}, "codes": ["a", "b"], "flag": True}}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("inspection.rma", "R-1"),
        ("inspection.codes.1", "b"),
        ("inspection.codes.7", None),
        ("inspection.item.gtin.deeper", None),
        (Looked.model_validate({"from": "inspection.rma", "map": {"R-1": "x"}}), "x"),
        (Looked.model_validate({"from": "inspection.rma", "map": {"R-2": "x"}, "default": "y"}), "y"),
        (Looked.model_validate({"from": "inspection.item.gtin", "default": "none"}), "none"),
        (Written(text="{inspection.rma}/{inspection.item.gtin}."), "R-1/."),
        (Fixed(value=[1]), [1]),
    ],
)
def test_what_a_source_stands_for(source: Any, expected: Any) -> None:
    assert resolve(source, FACTS) == expected


def test_a_field_without_a_fact_is_left_out_and_dots_make_objects() -> None:
    fields = {"a.b": Fixed(value=1), "a.c": Fixed(value=2), "d": "inspection.item.gtin"}
    assert resolve_all(fields, FACTS) == {"a": {"b": 1, "c": 2}}


@settings(deadline=None)
@given(st.text(max_size=60))
def test_a_path_names_a_fact_or_is_refused(text: str) -> None:
    try:
        path = check_path(text)
    except ValueError:
        return
    look_up(FACTS, path)


def test_a_reason_outweighs_grade_and_grade_outweighs_disposition() -> None:
    one = InspectionReport.model_validate(report())
    table: dict[str, str | None] = {"resell": "c", "resell/open_box": "b", "reason/minor": "a"}
    assert outcome(table, one) == "a"
    assert outcome({key: table[key] for key in ("resell", "resell/open_box")}, one) == "b"
    assert outcome({"resell": None}, one) is None
    assert outcome({"scrap": "x"}, one) is None
