"""Where a kind of goods is decided: groups count, not pictures; what no trial bounds is never sure."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from inspection.errors import BundleError
from inspection.finding import Trials
from inspection.frame import ViewPicture
from models.bundle import open_bundle, seal_bundle
from models.contract import NEVER, BundleSpec, KindSpec, Thresholds
from models.runtime import Judge
from models.training.kinds import Tried, calls, decided, joined, kinds

ROOT = Path(__file__).resolve().parents[2]
DEFAULT = ROOT / "models" / "bundles" / "default"
INTACT_PICTURE = ROOT / "datasets" / "demo" / "phone-01" / "top.jpg"
RATES = (0.01, 0.005)


def tried(
    goods: str, p_sound: list[float], p_bad: list[float], *, days: int | None = None, part: int = 0
) -> Tried:  # fmt: skip
    """Sound and bad items with these p_sellable, each a group of its own, or all on so many days."""
    count = len(p_sound) + len(p_bad)
    p_sellable = np.array([*p_sound, *p_bad])
    p = np.stack([p_sellable, p_sellable * 0, 1 - p_sellable, p_sellable * 0], axis=1).astype(np.float32)
    groups = np.array([f"{goods}/{part}/{place if days is None else place % days}" for place in range(count)])
    truth = np.array([0] * len(p_sound) + [2] * len(p_bad))
    return Tried(np.full(count, goods), groups, truth, p, np.full(count, part), np.arange(count))


def test_enough_groups_without_a_mistake_are_decided_on_both_sides() -> None:
    found = kinds(tried("phone", [0.99] * 150, [0.02] * 50), *RATES)["phone"]
    assert (found.sound, found.bad, found.trials) == (150, 50, Trials.ENOUGH)
    assert found.resell is not None
    assert found.resell <= 0.99
    assert found.resell_bound is not None
    assert found.resell_bound <= 0.01
    assert found.scrap is not None
    assert found.scrap <= 0.98
    assert found.scrap_bound == pytest.approx(
        1 / 151, abs=1e-3
    )  # what 150 groups can promise, and not the stated 0.5 %


def test_many_pictures_of_few_days_promise_nothing() -> None:
    found = kinds(tried("can", [0.999] * 400, [0.01] * 400, days=4), *RATES)["can"]
    assert (found.resell, found.scrap, found.trials) == (None, None, Trials.TOO_FEW)


def test_ninety_eight_groups_are_too_few_for_one_in_a_hundred() -> None:
    assert kinds(tried("phone", [0.99] * 98, [0.01] * 30), *RATES)["phone"].resell is None
    assert kinds(tried("phone", [0.99] * 99, [0.01] * 30), *RATES)["phone"].resell is not None


def test_bad_ones_called_sellable_push_the_line_above_them() -> None:
    found = kinds(tried("phone", [0.99] * 150, [0.02] * 40 + [0.9] * 3), *RATES)["phone"]
    assert found.resell is not None
    assert found.resell > 0.9
    assert kinds(tried("phone", [0.95] * 150, [0.98] * 20), *RATES)["phone"].resell is None


def test_a_kind_of_which_hardly_any_was_bad_says_so() -> None:
    found = kinds(tried("clothing", [0.99] * 300, []), *RATES)["clothing"]
    assert found.resell is not None
    assert found.trials is Trials.SOUND_ONLY


def test_the_line_of_scrap_is_clear_of_every_sound_one_that_is_known() -> None:
    """Three times the odds of the worst: 0.9 is 9 to 1, so the line lies at 27 to 1."""
    found = kinds(tried("parcel", [0.99] * 400 + [0.1], [0.02] * 50), *RATES)["parcel"]
    assert found.scrap == pytest.approx(27 / 28, abs=2e-4)
    assert (
        kinds(tried("parcel", [0.99] * 400, [0.02] * 4), *RATES)["parcel"].scrap is None
    )  # too few bad ones are known


def test_the_line_leaves_the_most_probable_condition_on_its_side() -> None:
    assert kinds(tried("phone", [0.99] * 300, [0.01] * 300), *RATES)["phone"].resell >= 0.67  # type: ignore[operator]


def test_a_small_kind_takes_the_line_of_all_and_never_one_below_its_own_mistakes() -> None:
    many = tried("bottle", [0.99] * 200 + [0.92] * 20, [0.9] + [0.02] * 50)
    few = tried("phone", [0.99] * 40, [0.95] + [0.02] * 20)
    found = kinds(joined(many, few), *RATES)
    assert found["bottle"].resell is not None
    assert found["phone"].resell is not None
    assert found["phone"].resell == pytest.approx(0.9501, abs=2e-4)
    assert found["phone"].resell_bound == pytest.approx(1 / 41, abs=1e-3)  # what its own groups can promise


def test_a_kind_whose_bad_ones_look_as_sound_as_most_is_never_called_sellable() -> None:
    many = tried("phone", [0.99] * 200, [0.02] * 50)
    mixed = tried("bottle", [0.9] * 50 + [0.999] * 13, [0.95] * 3 + [0.02] * 50)
    found = kinds(joined(many, mixed), *RATES)["bottle"]
    assert found.resell is None
    assert found.scrap is not None


def test_a_kind_of_nine_groups_does_not_lean_on_the_others() -> None:
    found = kinds(
        joined(tried("bottle", [0.99] * 300, [0.02] * 50), tried("can", [0.99] * 90, [0.01] * 9, days=9)), *RATES
    )
    assert (found["can"].resell, found["can"].scrap, found["can"].trials) == (None, None, Trials.TOO_FEW)
    assert found["bottle"].trials is Trials.ENOUGH


def test_new_items_keep_the_stated_rate() -> None:
    rng = np.random.default_rng(3)
    wrong = resold = 0
    for _ in range(40):
        old, new = (
            tried("bottle", list(1 - rng.beta(1, 12, 400)), list(rng.beta(1, 6, 300))) for _ in range(2)
        )  # fmt: skip
        line = kinds(old, *RATES)["bottle"].resell
        called = new.p_sellable >= (NEVER if line is None else line)
        wrong, resold = wrong + int((called & (new.truth >= 2)).sum()), resold + int(called.sum())
    assert resold > 3000
    assert wrong / resold <= 0.012


def test_no_picture_helps_to_choose_its_own_line() -> None:
    """A part that alone holds the bad ones called sellable would push the line above them; the others do not."""
    both = joined(tried("phone", [0.99] * 150, [0.01] * 20), tried("phone", [0.99] * 150, [0.95] * 20, part=1))
    called = decided(both, *RATES)
    assert (called[(both.part == 1) & (both.truth == 2)] == 1).all()
    assert (called[(both.part == 0) & (both.truth == 0)] == 1).all()
    lines = Thresholds(
        defects={}, maps=0.3, confident=0.9, novelty=1, wrong_resell=0.01, wrong_scrap=0.005, goods=kinds(both, *RATES)
    ).lines("phone")
    assert not (calls(both.p_sellable, lines)[both.truth == 2] == 1).any()


def thresholds(**goods: KindSpec) -> Thresholds:
    return Thresholds(
        defects={}, maps=0.3, confident=0.93, novelty=1, wrong_resell=0.01, wrong_scrap=0.005, goods=goods
    )


SURE = KindSpec(sound=300, bad=80, resell=0.9, scrap=0.8, resell_bound=0.005, scrap_bound=0.004)
UNSURE = KindSpec(sound=4, bad=2)


def test_an_older_bundle_has_one_line_for_all() -> None:
    assert thresholds().lines("can") == thresholds().lines(None) == (0.93, 0.93)
    assert thresholds().trials("can") is Trials.ENOUGH


def test_a_kind_without_a_line_and_one_never_tried_are_never_sure() -> None:
    known = thresholds(phone=SURE, can=UNSURE)
    assert known.lines("phone") == (0.9, 0.8)
    assert known.lines("can") == known.lines("toaster") == (NEVER, NEVER)
    assert known.trials("toaster") is Trials.TOO_FEW


def test_where_nobody_says_what_it_is_every_line_has_to_be_passed() -> None:
    assert thresholds(phone=SURE, can=UNSURE).lines(None) == (NEVER, NEVER)
    stricter = SURE.model_copy(update={"resell": 0.95})
    assert thresholds(phone=SURE, bottle=stricter).lines(None) == (0.95, 0.8)


@pytest.mark.parametrize("wrong", [
    {"sound": 0, "bad": 0, "resell": 0.9, "resell_bound": 0.01}, {"sound": 300, "bad": 3, "resell": 0.9},
    {"sound": 300, "bad": 3, "scrap": 0.4, "scrap_bound": 0.1}, {"sound": 300, "bad": 3, "promised": True},
])  # fmt: skip
def test_lines_that_rest_on_nothing_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        KindSpec.model_validate(wrong)


def test_the_run_time_is_sure_by_the_kind_of_goods(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(DEFAULT, tmp_path / "bundle"))
    spec = open_bundle(folder).spec
    lowest = SURE.model_copy(update={"resell": 0.51, "scrap": 0.51})
    known = spec.thresholds.model_copy(update={"goods": {"phone": lowest, "can": UNSURE}})
    seal_bundle(folder, BundleSpec.model_validate(spec.model_copy(update={"thresholds": known}).model_dump()))
    judge = Judge.load(folder, threads=1)
    picture = ViewPicture("top", np.asarray(cv2.imread(str(INTACT_PICTURE)), np.uint8))
    phone, can, unnamed = (judge.assess([picture], goods) for goods in ("phone", "can", None))
    assert (phone.confident, can.confident, unnamed.confident) == (True, False, True)
    assert (phone.trials, can.trials, unnamed.trials) == (Trials.ENOUGH, Trials.TOO_FEW, Trials.ENOUGH)
    noise = ViewPicture("top", np.random.default_rng(0).integers(0, 255, (300, 300, 3), np.uint8))
    assert not judge.assess([noise]).confident or judge.assess([noise]).novel
    assert phone.p_condition == can.p_condition


def test_a_phone_that_is_said_to_be_a_garment_is_something_else(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(DEFAULT, tmp_path / "bundle"))
    spec = open_bundle(folder).spec
    names = tuple(sorted({"bottle", "can", "carton", "clothing", "parcel", "phone"}))
    known = spec.thresholds.model_copy(update={"other_kind": 0.2})
    seal_bundle(folder, spec.model_copy(update={"thresholds": known, "kinds": names}))
    judge = Judge.load(folder, threads=1)
    picture = ViewPicture("top", np.asarray(cv2.imread(str(INTACT_PICTURE)), np.uint8))
    assert not judge.assess([picture], "phone").novel
    assert not judge.assess([picture]).novel
    claimed = judge.assess([picture], "clothing")
    assert claimed.novel
    assert claimed.novelty > 0.5
    seal_bundle(folder, spec.model_copy(update={"thresholds": known, "kinds": names[1:]}))
    with pytest.raises(BundleError, match="other kinds of goods"):
        Judge.load(folder)
