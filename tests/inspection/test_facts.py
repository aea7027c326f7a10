"""Facts follow from what is known; what is not known stays unknown."""

from __future__ import annotations

from dataclasses import fields
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspection.finding import Assessment, CaptureQuality, Condition, Defect, Finding
from inspection.item import IdentityIssue, Item
from inspection.policy import VARIABLES, Context, Facts, Hazard, establish
from inspection.policy.facts import Kind
from inspection.products import Catalogue, Product
from tests.inspection.policies import PRODUCTS, any_facts

CATALOGUE = Catalogue.load(PRODUCTS)
TODAY = date(2026, 6, 1)
PHONE = "00614141404018"
SOUP = "00614141401017"


def product(gtin: str = PHONE) -> Product:
    found = CATALOGUE.find(gtin)
    assert found is not None
    return found


def assessment(**changes: Any) -> Assessment:
    values: dict[str, Any] = {
        "bundle_id": "default@1+0123456789ab",
        "findings": (),
        "p_defect": dict.fromkeys(Defect, 0.01),
        "p_condition": {
            Condition.INTACT: 0.9,
            Condition.MINOR: 0.07,
            Condition.MAJOR: 0.02,
            Condition.CRITICAL: 0.01,
        },
        "novelty": 0.1,
        "novel": False,
        "confident": True,
        "capture": (CaptureQuality("top"),),
    }
    return Assessment(**{**values, **changes})


def test_nothing_known_gives_the_defaults() -> None:
    assert establish(Item(), None, None, Context(today=TODAY), pictured=False) == Facts(today="2026-06-01")


def test_every_default_means_not_known() -> None:
    unknown = Facts()
    truths = [name for name, variable in VARIABLES.items() if variable.kind is Kind.TRUTH]
    assert [name for name in truths if getattr(unknown, name)] == ["returnable", "novel"]
    texts = [name for name, v in VARIABLES.items() if v.kind is Kind.TEXT and name != "today"]
    assert {getattr(unknown, name) for name in texts} == {"unknown"}


@pytest.mark.parametrize(
    ("context", "variable", "value"),
    [
        ({"recalled": True}, "recalled", "yes"),
        ({"batch_alert": False}, "batch_alert", "no"),
        ({"stolen": None}, "stolen", "unknown"),
        ({"seal_intact": True}, "seal", "intact"),
        ({"seal_intact": False}, "seal", "broken"),
        ({"seal_intact": None}, "seal", "unknown"),
        ({"complete": False}, "complete", "no"),
        ({"hazard": Hazard.BATTERY}, "hazard", "battery"),
        ({"hazard": Hazard.NONE}, "hazard", "none"),
        ({"contaminated": True}, "contaminated", "yes"),
        ({"expected_gtin": PHONE}, "gtin_as_sold", "yes"),
        ({"expected_gtin": PHONE.lstrip("0")}, "gtin_as_sold", "yes"),
        ({"expected_gtin": SOUP}, "gtin_as_sold", "no"),
        ({"expected_serial": "A1"}, "serial_as_sold", "yes"),
        ({"expected_serial": "A2"}, "serial_as_sold", "no"),
        ({"weight_g": 190.0, "weight_stable": True}, "weight_off_g", 4.0),
        ({"weight_g": 182.0, "weight_stable": True}, "weight_off_g", 4.0),
        ({"weight_g": 190.0, "weight_stable": False}, "weight_known", False),
        ({"weight_g": 190.0}, "weight_known", False),
        ({"weight_g": float("nan"), "weight_stable": True}, "weight_known", False),
        ({"values": {"price_as_is": 1}}, "price_as_is", 1.0),
        ({"values": {"unheard_of": 1}}, "price_as_is", 120000.0),
    ],
)
def test_context_becomes_facts(context: dict[str, Any], variable: str, value: object) -> None:
    facts = establish(Item(gtin=PHONE, serial="A1"), None, product(), Context(today=TODAY, **context))
    assert getattr(facts, variable) == value


def test_a_serial_nobody_read_is_not_a_wrong_serial() -> None:
    facts = establish(Item(gtin=PHONE), None, product(), Context(expected_serial="A1", today=TODAY))
    assert facts.serial_as_sold == "unknown"


@pytest.mark.parametrize(("days", "left"), [(-1, -1.0), (0, 0.0), (40, 40.0)])
def test_days_left_count_from_the_decision_date(days: int, left: float) -> None:
    item = Item(gtin=SOUP, expiry=TODAY + timedelta(days=days))
    facts = establish(item, None, product(SOUP), Context(today=TODAY, expiry=date(2030, 1, 1)))
    assert (facts.expiry_known, facts.days_left, facts.perishable, facts.min_days_left) == (True, left, True, 90.0)


def test_an_article_outside_the_catalogue_has_no_price_and_no_weight() -> None:
    facts = establish(Item(gtin="00000000000000"), None, None, Context(weight_g=5.0, weight_stable=True, today=TODAY))
    assert (facts.product_known, facts.weight_known, facts.price_new) == (False, False, 0.0)


def test_findings_become_defects_once_each_strongest_first() -> None:
    findings = (
        Finding(Defect.SCRATCH, 0.99, "top"),
        Finding(Defect.CRACK, 0.8, "front"),
        Finding(Defect.SCRATCH, 0.6, "front"),
    )
    facts = establish(Item(), assessment(findings=findings), None, Context(today=TODAY))
    assert facts.defects == ("scratch", "crack")
    assert facts.p_damage == pytest.approx(0.8)
    assert facts.p_sellable == pytest.approx(0.97)
    assert facts.condition == "intact"


def test_problems_of_all_views_are_facts() -> None:
    capture = (CaptureQuality("top", ("too_dark",)), CaptureQuality("front", ("blurred", "too_dark")))
    assert establish(Item(), assessment(capture=capture), None, Context()).capture_problems == ("too_dark", "blurred")


CRITICAL = {Condition.INTACT: 0.01, Condition.MINOR: 0.0, Condition.MAJOR: 0.02, Condition.CRITICAL: 0.97}
BAD_VIEW = (CaptureQuality("top"), CaptureQuality("front", ("blurred",)))


def test_clear_damage_in_a_good_view_stands_beside_a_bad_view() -> None:
    seen = assessment(capture=BAD_VIEW, p_condition=CRITICAL, decided_by="top")
    facts = establish(Item(), seen, None, Context(), capture_problems=("blurred",))
    assert (facts.judged, facts.condition, facts.capture_problems) == (True, "critical", ())


@pytest.mark.parametrize(
    "less",
    [
        {"decided_by": "front"},
        {"decided_by": ""},
        {"confident": False},
        {"novel": True},
        {"p_condition": {**CRITICAL, Condition.INTACT: 0.98}},
        {"p_condition": dict.fromkeys(Condition, float("nan"))},
    ],
)
def test_anything_less_than_clear_damage_in_a_good_view_does_not(less: dict[str, Any]) -> None:
    seen = assessment(**{"capture": BAD_VIEW, "p_condition": CRITICAL, "decided_by": "top", **less})
    facts = establish(Item(), seen, None, Context(), capture_problems=("blurred",))
    assert (facts.judged, facts.capture_problems) == (False, ("blurred",))


@pytest.mark.parametrize(
    "broken",
    [
        {"novelty": float("nan")},
        {"p_condition": dict.fromkeys(Condition, float("nan"))},
        {"p_condition": {}},
        {"findings": (Finding(Defect.CRACK, float("inf"), "top"),)},
    ],
)
def test_a_model_that_answers_no_number_has_not_judged(broken: dict[str, Any]) -> None:
    facts = establish(Item(), assessment(**broken), None, Context())
    assert not facts.judged
    assert facts.condition == "unknown"


def test_issues_of_the_identity_are_facts() -> None:
    item = Item(gtin=PHONE, issues=(IdentityIssue.SEVERAL_TAGS, IdentityIssue.GTIN_DIFFERS))
    assert establish(item, None, product(), Context()).identity_issues == ("several_tags", "gtin_differs")


@settings(max_examples=100, deadline=None)
@given(facts=any_facts())
def test_facts_come_back_from_their_variables(facts: Facts) -> None:
    assert Facts.of(facts.variables()) == facts


@settings(max_examples=100, deadline=None)
@given(
    hazard=st.none() | st.sampled_from(Hazard),
    seal=st.none() | st.booleans(),
    weight=st.none() | st.floats(),
    stable=st.none() | st.booleans(),
    gtin=st.sampled_from([None, PHONE, SOUP]),
)
def test_every_text_is_one_of_its_choices(
    hazard: Hazard | None, seal: bool | None, weight: float | None, stable: bool | None, gtin: str | None
) -> None:
    context = Context(hazard=hazard, seal_intact=seal, weight_g=weight, weight_stable=stable, today=TODAY)
    facts = establish(Item(gtin=gtin), assessment(), CATALOGUE.find(gtin), context)
    for name, variable in VARIABLES.items():
        value = getattr(facts, name)
        if variable.choices:
            assert set([value] if variable.kind is Kind.TEXT else value) <= set(variable.choices)


def test_every_variable_says_what_it_means() -> None:
    assert len(VARIABLES) == len(fields(Facts))
    assert all(len(variable.meaning) > 10 for variable in VARIABLES.values())
    assert all(VARIABLES[v.guard].kind is Kind.TRUTH for v in VARIABLES.values() if v.guard)
