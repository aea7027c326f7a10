"""The pipeline from frames to verdict, with a judge that says what the test wants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest

from inspection.finding import Assessment, CaptureQuality, Condition, Defect, Finding
from inspection.frame import Frame, ViewPicture
from inspection.item import IdentityIssue, Item
from inspection.pipeline import Context, Corrector, Examiner, Judge, Outcome, Seen, inspect, uncorrected
from inspection.policy import Policy
from inspection.products import Catalogue, Product
from inspection.verdict import Disposition, Grade
from tests.inspection.policies import DEFAULT_POLICY, PRODUCTS
from tests.inspection.test_facts import PHONE, SOUP, TODAY, assessment

POLICY = Policy.load(DEFAULT_POLICY)
CATALOGUE = Catalogue.load(PRODUCTS)


@dataclass
class SaidJudge:
    """Says what it was given, and remembers what it was shown."""

    says: Assessment
    shown: list[tuple[ViewPicture, ...]] = field(default_factory=list)
    kinds: list[str | None] = field(default_factory=list)

    @property
    def bundle_id(self) -> str:
        return self.says.bundle_id

    def assess(self, pictures: Sequence[ViewPicture], goods: str | None = None) -> Assessment:
        self.shown.append(tuple(pictures))
        self.kinds.append(goods)
        return self.says


def frame(value: int = 0) -> Frame:
    pixels = np.full((4, 6, 3), value, dtype=np.uint8)
    return Frame(pixels, 1, datetime(2026, 6, 1, tzinfo=UTC), 0, "camera-1", "0" * 16)


def run(
    says: Assessment | None = None,
    *,
    gtin: str | None = PHONE,
    views: tuple[str, ...] = ("top", "front"),
    correct: Corrector = uncorrected,
    item: Item | None = None,
    policy: Policy = POLICY,
    examine: Examiner | None = None,
    **context: Any,
) -> Outcome:
    judge: Judge | None = SaidJudge(says) if says else None
    return inspect(
        item or Item(gtin=gtin),
        {view: frame(n) for n, view in enumerate(views)},
        judge=judge,
        correct=correct,
        policy=policy,
        catalogue=CATALOGUE,
        context=Context(today=TODAY, **context),
        examine=examine,
    )


def test_all_views_are_judged_in_one_call_in_their_order() -> None:
    judge = SaidJudge(assessment())
    frames = {"top": frame(1), "front": frame(2)}
    inspect(
        Item(gtin=PHONE),
        frames,
        judge=judge,
        correct=uncorrected,
        policy=POLICY,
        catalogue=CATALOGUE,
        context=Context(today=TODAY),
    )
    assert [[picture.view for picture in shown] for shown in judge.shown] == [["top", "front"]]
    assert judge.kinds == ["phone"]
    assert judge.shown[0][0].pixels is frames["top"].pixels


def test_without_a_model_the_item_is_held() -> None:
    outcome = run(None, gtin=PHONE)
    assert outcome.assessment is None
    assert (outcome.verdict.disposition, outcome.verdict.reason_codes) == (Disposition.HOLD, ("no_model",))


def test_without_pictures_the_model_is_not_asked_and_the_item_is_held() -> None:
    outcome = run(assessment(), views=())
    assert outcome.assessment is None
    assert outcome.verdict.reason_codes == ("no_picture",)


def test_an_intact_phone_whose_seal_nobody_saw_is_open_box() -> None:
    verdict = run(assessment()).verdict
    assert (verdict.disposition, verdict.grade) == (Disposition.RESELL, Grade.OPEN_BOX)


def test_an_intact_sealed_phone_is_as_new() -> None:
    assert run(assessment(), seal_intact=True).verdict.grade is Grade.AS_NEW


def test_intact_soup_waits_for_a_person_to_see_its_seal() -> None:
    verdict = run(assessment(), gtin=SOUP).verdict
    assert verdict.grade is Grade.OPEN_BOX
    assert verdict.needs_confirmation
    assert "check_seal" in verdict.reason_codes


def test_dented_soup_is_scrapped_and_a_cracked_phone_repaired() -> None:
    bad = assessment(
        findings=(Finding(Defect.CRACK, 0.9, "top"),),
        p_condition=dict(zip(Condition, (0.01, 0.01, 0.08, 0.9), strict=True)),
    )
    assert run(bad, gtin=SOUP).verdict.disposition is Disposition.SCRAP
    repair = run(bad, gtin=PHONE).verdict
    assert repair.disposition is Disposition.REPAIR
    assert "replace_glass" in repair.work_list


def test_an_unknown_identity_is_held_whatever_the_model_says() -> None:
    item = Item(gtin=PHONE, issues=(IdentityIssue.GTIN_DIFFERS,))
    assert run(assessment(), item=item).verdict.reason_codes == ("mismatch_class",)
    assert run(assessment(), gtin=None).verdict.reason_codes == ("unknown",)


def test_a_weight_out_of_tolerance_holds_and_a_missing_scale_does_not() -> None:
    assert run(assessment(), weight_g=100.0, weight_stable=True).verdict.rule_id == "R04"
    assert run(assessment(), weight_g=188.0, weight_stable=True).verdict.rule_id == "R12"
    assert run(assessment()).verdict.rule_id == "R12"


def test_expired_soup_is_scrapped() -> None:
    item = Item(gtin=SOUP, expiry=date(2026, 5, 31))
    assert run(assessment(), item=item).verdict.reason_codes == ("expired",)


@pytest.mark.parametrize(
    ("calibration", "told", "calibrated"),
    [("c1", None, True), (None, None, False), (None, True, True), ("c1", False, False)],
)
def test_calibration_is_read_off_the_pictures_unless_the_station_knows_better(
    calibration: str | None, told: bool | None, calibrated: bool
) -> None:
    def correct(view: str, frame: Frame) -> ViewPicture:
        return ViewPicture(view, frame.pixels, calibration)

    assert run(assessment(), correct=correct, calibrated=told).verdict.facts["calibrated"] is calibrated


@dataclass
class Refusing:
    """Refuses the picture of one view."""

    view: str = "front"
    codes: tuple[str, ...] = ("hand_in_view", "blurred")

    def __call__(self, picture: ViewPicture, _: Product | None) -> Seen:
        return Seen(self.codes) if picture.view == self.view else Seen()


@pytest.mark.parametrize("gtin", [PHONE, SOUP])
def test_a_bad_picture_leads_to_no_verdict_whatever_the_model_sees_in_it(gtin: str) -> None:
    """Damage seen in a blur must not scrap soup (R06), nor may its absence sell a phone."""
    bad = assessment(
        findings=(Finding(Defect.BREACH, 0.99, "front"),),
        p_condition=dict(zip(Condition, (0.0, 0.0, 0.01, 0.99), strict=True)),
        capture=(CaptureQuality("top"), CaptureQuality("front", ("blurred",))),
    )
    for says in (bad, assessment(capture=(CaptureQuality("top"), CaptureQuality("front")))):
        outcome = run(says, gtin=gtin, examine=Refusing())
        assert (outcome.verdict.rule_id, outcome.verdict.reason_codes) == ("R09", ("bad_capture",))
        assert outcome.capture == {"front": ("hand_in_view", "blurred")}
        assert outcome.assessment is not None
        assert outcome.assessment.capture[1].problems == ("hand_in_view", "blurred")


def test_without_a_model_a_bad_picture_is_told_too() -> None:
    outcome = run(None, examine=Refusing())
    assert outcome.capture == {"front": ("hand_in_view", "blurred")}
    assert outcome.verdict.reason_codes == ("bad_capture",)


def test_each_stage_is_timed() -> None:
    timings = run(assessment()).timings_ms
    assert list(timings) == ["correct", "quality", "judge", "decide"]
    assert all(value >= 0 for value in timings.values())


def test_a_decision_takes_less_than_a_tenth_of_the_second_it_may_take() -> None:
    assert min(run(assessment()).timings_ms["decide"] for _ in range(5)) < 100
