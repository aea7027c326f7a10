"""Deciding again: from facts alone, with another model, and what it is worth."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspection.finding import Assessment, Box, CaptureQuality, Condition, Defect, Finding
from inspection.frame import Frame
from inspection.policy import Policy
from inspection.policy.facts import VARIABLES, Facts
from inspection.replay_summary import summed
from inspection.replaying import NotReplayable, Replayed, facts_of, replayed
from inspection.report import InspectionReport
from inspection.worth import worth
from tests.hub.reports import report

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "configs" / "policy" / "default.yaml"
TODAY = date(2026, 11, 22)
PHONE = Facts(
    today="2026-10-01", identity_known=True, product_known=True, goods="phone", category="electronics", returnable=True,
    recalled="no", batch_alert="no", stolen="no", hazard="none", seal="intact", complete="yes", powers_on="yes",
    pictured=True, judged=True, calibrated=True, novel=False, confident=True, trials="enough", confidence=0.9,
    condition="minor", p_sellable=0.9, defects=("scratch",), sizes_known=True, scratch_count=1.0, scratch_max_mm=4.0,
    price_new=90000.0, price_open_box=70000.0, price_as_is=30000.0, price_repaired=60000.0, price_parts=10000.0,
    cost_repair=15000.0, cost_handling=1000.0, cost_disposal=500.0, cost_hold=2000.0, cost_bad_resale=20000.0,
    p_fix=0.8, value_limit=500000.0,
)  # fmt: skip


class Saying:
    """A judge that says what it was told to."""

    bundle_id = "other@1+0123456789ab"

    def __init__(self, condition: Condition = Condition.MAJOR, findings: tuple[Finding, ...] = ()) -> None:
        self.condition, self.findings = condition, findings
        self.goods: list[str | None] = []

    def assess(self, pictures: Any, goods: str | None = None) -> Assessment:
        self.goods.append(goods)
        p = {each: 0.94 if each is self.condition else 0.02 for each in Condition}
        capture = tuple(CaptureQuality(shown.view) for shown in pictures)
        return Assessment(self.bundle_id, self.findings, {}, p, 0.1, False, True, capture, decided_by=pictures[0].view)


def told(facts: Facts = PHONE, **changes: Any) -> InspectionReport:
    """A report that the shipped rules made over ``facts``."""
    verdict = Policy.load(RULES).decide(facts)
    said = {
        "disposition": verdict.disposition, "grade": verdict.grade, "rule_id": verdict.rule_id, "reason": {"en": "x"},
        "needs_confirmation": verdict.needs_confirmation, "policy_version": verdict.policy_version, "values": {},
        "facts": facts.variables(),
    }  # fmt: skip
    return InspectionReport.model_validate(report(policy=said, **changes))


def frames(*views: str) -> dict[str, Frame]:
    return {view: Frame(np.zeros((80, 120, 3), np.uint8), 0, datetime.now(UTC), 0, "c", "") for view in views}


def rules_with(tmp_path: Path, condition: str, disposition: str) -> Policy:
    """The shipped rules with one more before R10."""
    text = RULES.read_text(encoding="utf-8")
    reason = "\n".join(f"      {tag}: asked" for tag in ("zh-CN", "en", "th", "vi"))
    rule = (
        f"  - id: W1\n    version: 1\n    effective: 2026-11-22\n    when: |\n      {condition}\n"
        f"    disposition: {disposition}\n    reason_codes: [asked]\n    reason:\n{reason}\n\n"
    )
    path = tmp_path / "rules.yaml"
    path.write_text(text.replace("  - id: R10\n", rule + "  - id: R10\n", 1), encoding="utf-8")
    return Policy.load(path)


def test_a_rule_of_today_is_asked_about_an_item_of_last_month_and_no_model_runs(tmp_path: Path) -> None:
    rules = rules_with(tmp_path, "sizes_known && scratch_max_mm >= 3.0", "repair")
    found = replayed(told(), rules, as_of=TODAY, rules_given=True)
    assert (found.before.disposition, found.after.disposition, found.after.rule) == ("resell", "repair", "W1")
    assert (found.changed, found.pictures, found.findings) == (True, 0, ())


def test_the_same_rules_change_nothing() -> None:
    found = replayed(told(), Policy.load(RULES), as_of=TODAY, rules_given=True)
    assert not found.changed
    assert found.before == found.after


def test_another_model_changes_what_is_seen_and_nothing_else() -> None:
    judge = Saying(Condition.CRITICAL, (Finding(Defect.CRACK, 0.97, "top"),))
    found = replayed(
        told(), Policy.load(RULES), as_of=TODAY, rules_given=False, judge=judge, frames=frames("top", "front")
    )
    assert judge.goods == ["phone"]
    assert (found.condition, found.pictures, found.view) == ("critical", 2, "top")
    assert found.before.disposition == "resell"
    assert found.after.disposition != "resell"
    assert not found.redecided


def test_where_other_rules_had_decided_only_the_model_makes_the_difference() -> None:
    kept = told().policy
    assert kept is not None
    said = kept.model_dump(mode="json") | {"disposition": "scrap", "grade": None, "policy_version": "old"}
    given_before = InspectionReport.model_validate(report(policy=said))
    found = replayed(
        given_before, Policy.load(RULES), as_of=TODAY, rules_given=False,
        judge=Saying(Condition.MINOR, (Finding(Defect.SCRATCH, 0.9, "top"),)), frames=frames("top"),
    )  # fmt: skip
    assert found.redecided
    assert (found.before.disposition, found.after.disposition, found.changed) == ("resell", "resell", False)


def test_a_finding_in_the_place_of_a_measured_one_has_its_size_and_another_is_scaled() -> None:
    measured = {
        "defect": "scratch", "probability": 0.9, "view": "top", "size_mm": [40.0, 2.0], "size_uncertainty_mm": 1.0,
        "box": {"x": 10, "y": 10, "width": 40, "height": 8},
    }  # fmt: skip
    assessment = {
        "bundle_id": "a@1+0", "findings": [measured], "p_defect": {}, "p_condition": {"minor": 1.0}, "novelty": 0.1,
        "novel": False, "confident": True, "capture_problems": {},
    }  # fmt: skip
    same = Finding(Defect.SCRATCH, 0.9, "top", Box(12, 10, 38, 8))
    other = Finding(Defect.DENT, 0.9, "top", Box(80, 50, 20, 10))
    judge = Saying(Condition.MINOR, (same, other))
    with_sizes = told(assessment=assessment)
    seen: list[Facts] = []
    rules = Policy.load(RULES)

    class Heard:
        version = rules.version

        def decide(self, facts: Facts) -> Any:
            seen.append(facts)
            return rules.decide(facts)

    replayed(with_sizes, Heard(), as_of=TODAY, rules_given=True, judge=judge, frames=frames("top"))  # type: ignore[arg-type]
    assert seen[-1].sizes_known
    assert seen[-1].scratch_max_mm == 41.0
    assert seen[-1].dent_max_mm == pytest.approx(20.0 * 1.25)
    unsized = replayed(told(), rules, as_of=TODAY, rules_given=True, judge=judge, frames=frames("top"))
    assert unsized.unsized


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"policy": None}, "no_policy"), ({}, "no_facts")],
)
def test_what_cannot_be_decided_again_says_why(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(NotReplayable) as caught:
        replayed(InspectionReport.model_validate(report(**changes)), Policy.load(RULES), as_of=TODAY, rules_given=True)
    assert caught.value.code == code


def test_facts_of_older_and_newer_software_are_read() -> None:
    older = PHONE.variables()
    del older["trials"]
    assert facts_of({**older, "tomorrow": 1, "novelty": None}).trials == "unknown"
    assert facts_of(PHONE.variables()) == PHONE


@given(st.sampled_from(["resell", "repair", "scrap", "hold"]), st.floats(0, 1), st.sampled_from([None, "scrap"]))
def test_worth_is_finite_and_nothing_for_an_unknown_product(disposition: str, sellable: float, person: Any) -> None:
    facts = replace(PHONE, p_sellable=sellable)
    assert abs(worth(facts, disposition, "open_box", person)) < 1e9
    assert worth(replace(facts, product_known=False), disposition, None, person) == 0


def test_worth_follows_the_catalogue() -> None:
    assert worth(PHONE, "resell", "as_new") == pytest.approx(90000 - 1000 - 0.1 * 20000)
    assert worth(PHONE, "resell", "parts") == 9000
    assert worth(replace(PHONE, condition="major"), "resell", "open_box") == 29000
    assert worth(PHONE, "repair", None) == pytest.approx(0.8 * 60000 + 0.2 * 10000 - 16000)
    assert worth(PHONE, "scrap", None) == -500
    assert worth(PHONE, "hold", None, "scrap") == -2500


def test_a_result_is_read_back_as_it_was_written_and_sums_up(tmp_path: Path) -> None:
    rules = rules_with(tmp_path, 'goods == "phone"', "hold")
    person = {"disposition": "resell", "grade": "open_box", "overrides": False, "who": "b-1", "at": "2026-11-21T08:00Z"}
    found = replayed(told(person=person), rules, as_of=TODAY, rules_given=True)
    assert Replayed.of(found.as_json()) == found
    again = summed([found, found], {"erased": 3})
    assert (again.items, again.changed, again.moves) == (2, 2, {"resell>hold": 2})
    assert (again.holds_before, again.holds_after) == (0, 2)
    assert (again.with_person, again.agree_before, again.agree_after) == (2, 2, 0)
    assert again.goods == {"phone": (2, 2)}
    assert again.worth_after < again.worth_before


def test_every_variable_that_a_model_decides_is_exchanged() -> None:
    from inspection.replaying import SEEN  # noqa: PLC0415

    assert set(VARIABLES) >= SEEN
    assert {"condition", "p_damage", "crack_max_mm", "smudge_count", "sizes_known"} <= SEEN
    assert not SEEN & {"today", "price_new", "seal", "calibrated", "item_size", "identity_known"}
