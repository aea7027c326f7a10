"""The default policy: every rule, their order, and what must never happen."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings

from inspection.evidence import canonical_json
from inspection.finding import Defect
from inspection.policy import Facts, Policy, replay
from inspection.policy.rules import LANGUAGES
from inspection.report import PolicyPart
from inspection.verdict import Disposition, Grade, PolicyVerdict
from tests.inspection.policies import DEFAULT_POLICY, PHONE, SOUP, any_facts

POLICY = Policy.load(DEFAULT_POLICY)
MAJOR = {"condition": "major", "p_sellable": 0.02}
CRITICAL = {"condition": "critical", "p_sellable": 0.01}


class Row(NamedTuple):
    rule_id: str
    base: dict[str, Any]
    change: dict[str, Any]
    disposition: str
    grade: str | None
    confirms: bool
    codes: tuple[str, ...]


TABLE = [
    Row("R01", PHONE, {"recalled": "yes"}, "hold", None, False, ("recall", "to_qa")),
    Row("R01", PHONE, {"batch_alert": "yes"}, "hold", None, False, ("batch_alert", "to_qa")),
    Row("R01", PHONE, {"stolen": "yes"}, "hold", None, False, ("stolen", "to_qa")),
    Row("R02", PHONE, {"identity_known": False}, "hold", None, False, ("unknown",)),
    Row("R02", PHONE, {"identity_issues": ("none_read",)}, "hold", None, False, ("unknown",)),
    Row("R02", PHONE, {"identity_issues": ("several_tags",)}, "hold", None, False, ("several_tags",)),
    Row("R02", PHONE, {"identity_issues": ("gtin_differs",)}, "hold", None, False, ("mismatch_class",)),
    Row("R02", PHONE, {"gtin_as_sold": "no"}, "hold", None, False, ("mismatch_class",)),
    Row("R02", PHONE, {"product_known": False}, "hold", None, False, ("not_in_catalogue",)),
    Row("R03", PHONE, {"serial_as_sold": "no"}, "hold", None, False, ("mismatch_instance", "possible_fraud")),
    Row(
        "R03",
        PHONE,
        {"identity_issues": ("serial_differs",)},
        "hold",
        None,
        False,
        ("mismatch_instance", "possible_fraud"),
    ),
    Row(
        "R04",
        PHONE,
        {"weight_known": True, "weight_off_g": 9.0, "weight_tolerance_g": 8.0},
        "hold",
        None,
        False,
        ("mismatch_quantity", "weight_off"),
    ),
    Row("R04", PHONE, {"complete": "no"}, "hold", None, False, ("mismatch_quantity", "parts_missing")),
    Row("R04", PHONE, {"defects": ("missing_part",)}, "hold", None, False, ("mismatch_quantity", "parts_missing")),
    Row("R04.size", PHONE, {"item_size": "larger"}, "hold", None, False, ("size_off", "other_item")),
    Row("R04.size", PHONE, {"item_size": "folded"}, "hold", None, False, ("size_off", "folded")),
    Row("R05", PHONE, {"hazard": "battery"}, "scrap", None, True, ("hazard", "hazard_battery", "wipe_data")),
    Row("R05", SOUP, {"hazardous_contents": True, "defects": ("breach",)}, "scrap", None, True, ("hazard",)),
    Row("R06", SOUP, {"seal": "broken"}, "scrap", None, False, ("hygiene", "seal_broken")),
    Row("R06", SOUP, {"defects": ("breach",)}, "scrap", None, False, ("hygiene", "seal_broken")),
    Row("R06", SOUP, {"seal": "broken", "price_new": 2_000.01}, "scrap", None, True, ("hygiene", "seal_broken")),
    Row("R07", SOUP, {"expiry_known": True, "days_left": -1.0}, "scrap", None, False, ("expired",)),
    Row("R07", SOUP, {"expiry_known": True, "days_left": 89.0}, "scrap", None, False, ("short_life",)),
    Row("R08", SOUP, {"contaminated": "yes"}, "scrap", None, False, ("contaminated", "isolate")),
    Row("R09", PHONE, {"pictured": False, "judged": False}, "hold", None, False, ("no_picture",)),
    Row("R09", PHONE, {"judged": False}, "hold", None, False, ("no_model",)),
    Row("R09", PHONE, {"capture_problems": ("too_dark",)}, "hold", None, False, ("bad_capture",)),
    Row("R09", PHONE, {"novel": True}, "hold", None, False, ("novel",)),
    Row("R09", PHONE, {"confident": False}, "hold", None, False, ("low_confidence",)),
    Row("R09.kind", PHONE, {"confident": False, "trials": "too_few"}, "hold", None, False, ("unproven_kind",)),
    Row(
        "R09",
        PHONE,
        {"confident": False, "trials": "too_few", "novel": True},
        "hold",
        None,
        False,
        ("novel", "low_confidence"),
    ),
    Row("R11", PHONE, {"trials": "sound_only"}, "resell", "as_new", True, ("intact_sealed", "damage_untried")),
    Row("R11", PHONE, {"trials": "enough"}, "resell", "as_new", False, ("intact_sealed",)),
    Row("R09", PHONE, {"min_confidence": 0.98}, "hold", None, False, ("low_confidence",)),
    Row("R09", PHONE, {"p_sellable": 0.79}, "hold", None, False, ("low_confidence",)),
    Row("R09", PHONE, {"defects": ("crack",), "p_damage": 0.95}, "hold", None, False, ("contradiction",)),
    Row("R10", PHONE, {"price_new": 600_001.0}, "hold", None, False, ("high_value",)),
    Row("R10", PHONE, {"returnable": False}, "hold", None, False, ("not_returnable",)),
    Row("R11", PHONE, {}, "resell", "as_new", False, ("intact_sealed",)),
    Row(
        "R11",
        PHONE,
        {"calibration_problems": ("moved_shift",)},
        "resell",
        "as_new",
        True,
        ("intact_sealed", "uncalibrated"),
    ),
    Row("R11", SOUP, {"expiry_known": True, "days_left": 90.0}, "resell", "as_new", False, ("intact_sealed",)),
    Row("R11", SOUP, {}, "resell", "as_new", True, ("intact_sealed", "check_expiry")),
    Row("R12", PHONE, {"seal": "unknown"}, "resell", "open_box", False, ("intact_opened", "wipe_data")),
    Row("R12", PHONE, {"seal": "broken"}, "resell", "open_box", False, ("intact_opened", "wipe_data")),
    Row("R12", PHONE, {"condition": "minor", "defects": ("smudge",)}, "resell", "open_box", False, ("minor", "clean")),
    Row(
        "R12",
        SOUP,
        {"complete": "unknown", "defects": ("dent",)},
        "resell",
        "open_box",
        True,
        ("minor", "check_expiry"),
    ),
    Row(
        "R12.seal",
        SOUP,
        {"seal": "unknown", "expiry_known": True, "days_left": 300.0},
        "resell",
        "open_box",
        True,
        ("check_seal",),
    ),
    Row("R12.seal", SOUP, {"seal": "unknown"}, "resell", "open_box", True, ("check_seal", "check_expiry")),
    Row("R13", PHONE, MAJOR, "repair", None, False, ("repair_pays", "wipe_data")),
    Row("R13", PHONE, {**CRITICAL, "defects": ("crack",)}, "repair", None, False, ("repair_pays", "wipe_data")),
    Row("R14", PHONE, {**MAJOR, "cost_repair": 120_001.0}, "resell", "open_box", False, ("sell_as_is", "wipe_data")),
    Row("R14.parts", PHONE, {**CRITICAL, "p_fix": 0.1}, "resell", "parts", False, ("sell_for_parts", "wipe_data")),
    Row("R15", SOUP, MAJOR, "scrap", None, False, ("no_value_left",)),
    Row(
        "R15",
        PHONE,
        {**CRITICAL, "p_fix": 0.1, "price_parts": 3_500.0},
        "scrap",
        None,
        True,
        ("no_value_left", "wipe_data"),
    ),
]


@pytest.fixture(scope="module")
def policy() -> Policy:
    return POLICY


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.rule_id}-{'-'.join(row.codes)}")
def test_each_rule_gives_its_outcome(policy: Policy, row: Row) -> None:
    verdict = policy.decide(Facts(**{**row.base, **row.change}))
    assert (verdict.rule_id, verdict.disposition, verdict.grade) == (row.rule_id, row.disposition, row.grade)
    assert verdict.needs_confirmation is row.confirms
    assert verdict.reason_codes == row.codes


def test_the_table_hits_every_rule(policy: Policy) -> None:
    assert {row.rule_id for row in TABLE} == {rule.rule_id for rule in policy.rulebook.rules}


def test_rules_stand_in_the_order_of_the_agreed_policy(policy: Policy) -> None:
    main = [rule.rule_id for rule in policy.rulebook.rules if "." not in rule.rule_id]
    assert main == [f"R{number:02}" for number in range(1, 16)]


def test_the_first_matching_rule_wins(policy: Policy) -> None:
    troubles: list[tuple[str, dict[str, Any]]] = [
        ("R15", {**SOUP, **MAJOR}),
        ("R10", {"price_new": 600_001.0}),
        ("R09", {"novel": True}),
        ("R08", {"contaminated": "yes"}),
        ("R07", {"expiry_known": True, "days_left": -1.0}),
        ("R06", {"seal": "broken"}),
        ("R05", {"hazard": "glass"}),
        ("R04", {"complete": "no"}),
        ("R03", {"serial_as_sold": "no"}),
        ("R02", {"gtin_as_sold": "no"}),
        ("R01", {"stolen": "yes"}),
    ]
    facts: dict[str, Any] = {}
    for rule_id, trouble in troubles:
        facts |= trouble
        assert policy.decide(Facts(**facts)).rule_id == rule_id


def test_an_unknown_weight_holds_nothing(policy: Policy) -> None:
    assert policy.decide(Facts(**PHONE, weight_known=False, weight_off_g=999.0)).rule_id == "R11"


def test_an_unknown_expiry_rejects_nothing(policy: Policy) -> None:
    assert policy.decide(Facts(**SOUP, expiry_known=False, days_left=-5.0)).rule_id == "R11"


def test_nothing_known_at_all_is_held(policy: Policy) -> None:
    verdict = policy.decide(Facts(today="2026-06-01"))
    assert (verdict.disposition, verdict.rule_id) == (Disposition.HOLD, "R02")


def test_before_any_rule_is_in_effect_everything_is_held(policy: Policy) -> None:
    verdict = policy.decide(Facts(**{**PHONE, "today": "2025-12-31"}))
    assert verdict.disposition is Disposition.HOLD
    assert verdict.reason_codes == ("policy_not_in_effect",)
    assert set(verdict.reason) == set(LANGUAGES)


@settings(max_examples=200, deadline=None)
@given(facts=any_facts())
def test_whatever_the_facts_there_is_exactly_one_verdict(facts: Facts) -> None:
    verdict = POLICY.decide(facts)
    assert set(verdict.reason) == set(LANGUAGES)
    assert (verdict.grade is not None) == (verdict.disposition is Disposition.RESELL)
    assert POLICY.decide(facts) == verdict


@settings(max_examples=200, deadline=None)
@given(facts=any_facts(hygiene=True, seal="broken"))
def test_hygiene_goods_with_a_broken_seal_are_never_resold_or_repaired(facts: Facts) -> None:
    assert POLICY.decide(facts).disposition in (Disposition.SCRAP, Disposition.HOLD)


@settings(max_examples=200, deadline=None)
@given(facts=any_facts(hygiene=True, today="2026-06-01").filter(lambda facts: facts.seal != "intact"))
def test_a_model_alone_never_resells_hygiene_goods(facts: Facts) -> None:
    verdict = POLICY.decide(facts)
    assert verdict.disposition is not Disposition.RESELL or verdict.needs_confirmation


@settings(max_examples=200, deadline=None)
@given(facts=any_facts(today="2026-06-01"))
def test_no_item_is_sold_as_new_with_a_finding_or_an_unconfirmed_seal(facts: Facts) -> None:
    if POLICY.decide(facts).grade is Grade.AS_NEW:
        assert facts.condition == "intact"
        assert not facts.defects
        assert facts.seal == "intact"


@settings(max_examples=200, deadline=None)
@given(facts=any_facts(today="2026-06-01"))
def test_costly_scrap_and_hazards_wait_for_a_person(facts: Facts) -> None:
    verdict = POLICY.decide(facts)
    if verdict.disposition is Disposition.SCRAP and (verdict.rule_id == "R05" or facts.price_new > 2_000):
        assert verdict.needs_confirmation


@settings(max_examples=200, deadline=None)
@given(facts=any_facts())
def test_a_verdict_can_be_decided_again_from_what_it_carries(facts: Facts) -> None:
    verdict = POLICY.decide(facts)
    assert replay(POLICY, verdict) == verdict


@settings(max_examples=200, deadline=None)
@given(facts=any_facts(today="2026-06-01"))
def test_the_matching_rule_holds_again_for_its_values_alone(facts: Facts) -> None:
    verdict = POLICY.decide(facts)
    rule = next(rule for rule in POLICY.rulebook.rules if rule.rule_id == verdict.rule_id)
    parameters = {name.removeprefix("parameters."): v for name, v in verdict.values.items() if "." in name}
    scope = {name: value for name, value in verdict.values.items() if "." not in name}
    assert rule.when.holds({**scope, "parameters": parameters})


@settings(max_examples=100, deadline=None)
@given(facts=any_facts())
def test_a_verdict_survives_the_report_and_its_canonical_json(facts: Facts) -> None:
    verdict = POLICY.decide(facts)
    fields = {name: getattr(verdict, name) for name in PolicyVerdict.__dataclass_fields__}
    part = PolicyPart.model_validate(json.loads(json.dumps(fields)))
    assert canonical_json(part.model_dump(mode="json"))
    assert part.facts == verdict.facts


def test_a_minor_blemish_is_disclosed_in_every_language(policy: Policy) -> None:
    verdict = policy.decide(Facts(**{**PHONE, "condition": "minor", "defects": ("scratch",), "seal": "broken"}))
    assert list(verdict.disclosures) == ["opened", "scratch"]
    assert verdict.disclosures["scratch"]["en"] == "It has scratches."
    assert all(set(texts) == set(LANGUAGES) for texts in verdict.disclosures.values())
    assert not verdict.work_list


@pytest.mark.parametrize("defect", [d for d in Defect if d not in (Defect.SMUDGE, Defect.NOVEL)])
def test_every_lasting_defect_has_a_disclosure(policy: Policy, defect: Defect) -> None:
    notes = {note.code: note for note in policy.rulebook.disclosures}
    scope = {**Facts(defects=(str(defect),)).variables(), "parameters": dict(policy.rulebook.parameters)}
    assert notes[defect].when.holds(scope)


def test_a_repair_carries_its_work_list(policy: Policy) -> None:
    verdict = policy.decide(Facts(**{**PHONE, **CRITICAL, "defects": ("crack", "smudge")}))
    assert list(verdict.work_list) == ["wipe_data", "clean", "replace_glass", "test"]


def test_a_repair_of_unstated_damage_begins_with_finding_it(policy: Policy) -> None:
    verdict = policy.decide(Facts(**{**PHONE, **MAJOR, "defects": ("damaged",)}))
    assert "diagnose" in verdict.work_list


def test_the_verdict_names_version_and_hash_of_the_file(policy: Policy) -> None:
    name, _, digest = policy.decide(Facts(**PHONE)).policy_version.partition("+")
    assert name == "2026.2"
    assert len(digest) == 12
