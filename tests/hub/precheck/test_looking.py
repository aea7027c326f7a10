"""What a customer's photograph is good for, and what follows from it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from inspection.errors import InspectionError
from inspection.finding import Assessment, Box, CaptureQuality, Condition, Defect, Finding
from inspection.frame import Pixels, ViewPicture
from inspection.hub.precheck.__main__ import app
from inspection.hub.precheck.decoder import Decoder
from inspection.hub.precheck.looking import CUSTOMER_POLICY, Look, Looker, Outcome, severity
from inspection.hub.precheck.photo_quality import photo_quality
from inspection.item import Item
from inspection.pipeline import Context, Judge
from inspection.policy import Policy
from inspection.policy.rules import LANGUAGES
from inspection.products import Catalogue

REPOSITORY = Path(__file__).parents[3]
CATALOGUE = Catalogue.load(REPOSITORY / "configs/products.yaml")
CHEAP = min((p for p in CATALOGUE.products.values() if p.returnable), key=lambda p: p.price_new)


def photograph(height: int = 600, width: int = 800) -> Pixels:
    """A sharp printed carton on a table."""
    chance = np.random.default_rng(5)
    picture = np.full((height, width, 3), (150, 160, 165), np.uint8)
    print_ = chance.integers(30, 230, (height // 20, width // 20, 3), np.uint8)
    carton = cv2.resize(print_, (width * 6 // 10, height * 6 // 10), interpolation=cv2.INTER_NEAREST)
    picture[height // 5 : height // 5 + carton.shape[0], width // 5 : width // 5 + carton.shape[1]] = carton
    return np.clip(picture + chance.normal(0, 2, picture.shape), 0, 255).astype(np.uint8)


def hazy(picture: Pixels) -> Pixels:
    return (picture // 8 + 120).astype(np.uint8)


def far(picture: Pixels) -> Pixels:
    wide = np.full_like(picture, (150, 160, 165))
    small = cv2.resize(picture[120:480, 160:640], (96, 72), interpolation=cv2.INTER_AREA)
    wide[260:332, 350:446] = small
    return wide


@pytest.mark.parametrize(
    ("problem", "change"),
    [
        ("blurred", lambda p: cv2.GaussianBlur(p, (0, 0), 8)),
        ("moved", lambda p: cv2.blur(p, (41, 1))),
        ("too_dark", lambda p: (p // 12).astype(np.uint8)),
        ("low_contrast", hazy),
        ("blank", lambda p: np.full_like(p, 128)),
        ("blank", np.zeros_like),
        ("too_far", far),
        ("low_resolution", lambda p: cv2.resize(p, (160, 120), interpolation=cv2.INTER_AREA)),
    ],
)
def test_each_fault_of_a_photograph_is_named(problem: str, change: object) -> None:
    picture = photograph()
    assert photo_quality(picture).problems == ()
    assert problem in photo_quality(change(picture)).problems


def test_a_close_up_held_in_a_hand_is_no_fault() -> None:
    close = photograph(1500, 2000)[320:1100, 420:1500]
    assert photo_quality(np.ascontiguousarray(close)).ok


def assessment(condition: Condition, p_damage: float = 0.0, **changes: object) -> Assessment:
    found = (Finding(Defect.DENT, p_damage, "customer", Box(10, 20, 30, 40)),) if p_damage else ()
    plain = Assessment(
        bundle_id="test@1+0",
        findings=found,
        p_defect={Defect.DENT: p_damage},
        p_condition={each: 0.97 if each is condition else 0.01 for each in Condition},
        novelty=0.1,
        novel=False,
        confident=True,
        capture=(CaptureQuality("customer"),),
        decided_by="customer",
    )
    return replace(plain, **changes)


class Saying:
    """A judge that always says the same."""

    bundle_id = "test@1+0"

    def __init__(self, says: Assessment | InspectionError) -> None:
        self.says = says

    def assess(self, pictures: Sequence[ViewPicture], _goods: str | None = None) -> Assessment:  # noqa: ARG002
        if isinstance(self.says, InspectionError):
            raise self.says
        return self.says


def looked(
    decoder: Decoder,
    says: Assessment | InspectionError | None,
    picture: Pixels | None = None,
    item: Item | None = None,
    context: Context | None = None,
) -> Look:
    judge: Judge | None = None if says is None else Saying(says)
    looker = Looker(decoder, Policy.load(CUSTOMER_POLICY), CATALOGUE, judge)
    data = cv2.imencode(".jpg", photograph() if picture is None else picture)[1].tobytes()
    return looker.look(data, item or Item(), context)


DAMAGED = assessment(Condition.MAJOR, 0.99)


@pytest.mark.parametrize(
    ("says", "outcome"),
    [
        (DAMAGED, Outcome.SEND_BACK),
        (assessment(Condition.INTACT), Outcome.SEND_BACK),
        (assessment(Condition.MAJOR, 0.99, confident=False), Outcome.PERSON),
        (assessment(Condition.MAJOR, 0.99, novel=True), Outcome.PERSON),
        (assessment(Condition.INTACT, 0.95), Outcome.PERSON),
        (assessment(Condition.MAJOR, 0.99, novelty=float("nan")), Outcome.PERSON),
        (InspectionError("no answer"), Outcome.PERSON),
        (None, Outcome.PERSON),
    ],
)
def test_the_outcome_follows_from_what_the_judge_says(
    decoder: Decoder, says: Assessment | InspectionError | None, outcome: Outcome
) -> None:
    assert looked(decoder, says).outcome is outcome


def test_what_is_cheap_and_clearly_damaged_need_not_travel(decoder: Decoder) -> None:
    item = Item(gtin=CHEAP.gtin)
    free = {"price_new": 500, "value_limit": 100_000}
    answer = looked(decoder, DAMAGED, item=item, context=Context(values=free))
    assert answer.outcome is Outcome.REFUND_WITHOUT_RETURN
    assert looked(decoder, assessment(Condition.MAJOR, 0.6), item=item, context=Context(values=free)).outcome in {
        Outcome.SEND_BACK,
        Outcome.REPAIR,
    }


def test_what_pays_to_repair_is_repaired(decoder: Decoder) -> None:
    item = Item(gtin=next(p.gtin for p in CATALOGUE.products.values() if not p.hygiene and p.p_fix > 0.5))
    values = {
        "price_new": 50_000,
        "price_repaired": 40_000,
        "cost_repair": 5_000,
        "cost_handling": 500,
        "price_as_is": 2_000,
        "value_limit": 100_000,
    }
    assert looked(decoder, DAMAGED, item=item, context=Context(values=values)).outcome is Outcome.REPAIR


def test_a_recalled_item_goes_to_a_person_whatever_is_seen(decoder: Decoder) -> None:
    assert looked(decoder, DAMAGED, context=Context(recalled=True)).outcome is Outcome.PERSON


def test_a_bad_photograph_is_answered_with_what_to_do_and_asks_for_another(decoder: Decoder) -> None:
    answer = looked(decoder, assessment(Condition.INTACT), cv2.GaussianBlur(photograph(), (0, 0), 8))
    assert (answer.accepted, answer.code, answer.outcome) == (True, "precheck.blurred", Outcome.MORE_PHOTOS)


def test_every_rule_names_one_outcome_and_none_refuses() -> None:
    rules = Policy.load(CUSTOMER_POLICY).rulebook.rules
    for rule in rules:
        named = [code.code.removeprefix("customer_") for code in rule.reason_codes if code.code.startswith("customer_")]
        assert len(named) == 1, rule.rule_id
        assert named[0] in set(Outcome), rule.rule_id
    assert {code.code for rule in rules for code in rule.reason_codes} == {f"customer_{name}" for name in Outcome}


def test_severity_is_what_damage_makes_of_the_item() -> None:
    dent, smudge = Finding(Defect.DENT, 0.9, "customer"), Finding(Defect.SMUDGE, 0.9, "customer")
    assert severity(dent, Condition.CRITICAL) is Condition.CRITICAL
    assert severity(dent, Condition.INTACT) is Condition.MINOR
    assert severity(smudge, Condition.CRITICAL) is Condition.MINOR


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_answer_says_that_it_is_automatic_why_and_how_to_reach_a_person(decoder: Decoder, language: str) -> None:
    for answer in (looked(decoder, DAMAGED), looked(decoder, None)):
        told = answer.as_json(language)
        assert told["automatic"] is True
        assert told["why"] == answer.why[language]
        assert told["person"]
    assert told["message"]


def test_the_command_prints_one_object_for_each_file(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.exe", tmp_path / "bad.jpg"
    good.write_bytes(cv2.imencode(".png", photograph())[1].tobytes())
    bad.write_bytes(b"MZ not a picture")
    files = [str(good), str(bad), str(tmp_path / "absent")]
    result = CliRunner().invoke(app, ["look", *files, "--language", "vi"])
    assert result.exit_code == 0, result.output
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert [answer["file"] for answer in answers] == files
    assert [answer["code"] for answer in answers[1:]] == ["precheck.type", "precheck.no_file"]
    assert (answers[0]["accepted"], answers[0]["width"], answers[0]["height"]) == (True, 800, 600)
    wanted = ["file", "accepted", "code", "message", "width", "height", "quality", "findings", "outcome", "ms"]
    assert all(list(answer)[: len(wanted)] == wanted for answer in answers)
    assert all(answer["outcome"] in set(Outcome) for answer in answers)
