"""Questions about an item: configured, answered by machine and person, and heard by the policy at once."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from inspection.errors import ConfigError
from inspection.finding import Defect
from inspection.item import Item
from inspection.policy import Policy
from inspection.policy.facts import Facts
from inspection.products import Catalogue
from inspection.report import PolicyPart
from inspection.station.guide import Guide
from inspection.station.interview import WHICH, Interview, UnknownAnswer, candidates
from inspection.station.orders import Order, OrderKind
from inspection.station.people import Approval, People, Person
from inspection.station.record import State, policy_part
from inspection.station.session import approved, capture_started, judged, ordered, scanned, settled
from inspection.station.session_data import BY_EYE, NotAnswered, Rules, Session
from inspection.verdict import Disposition
from tests.station.parts import RULES, T0, VERSIONS, WHO, assessment, barcode, picture, policy, tag
from tests.station.rig import ROOT, SOUP

PHONE = "00614141404018"
POLICY = Policy.load(ROOT / "configs" / "policy" / "default.yaml")
CATALOGUE = Catalogue.load(ROOT / "configs" / "products.yaml")
GUIDE_FILE = ROOT / "configs" / "guide.yaml"
INTERVIEW = Interview(Guide.load(GUIDE_FILE), POLICY, CATALOGUE)
TAGS = ("3034257BF7194E4000001A85", "3034257BF7194E4000001A86")
GOOD = {"pictured": True, "judged": True, "novel": False, "confident": True, "confidence": 0.99, "p_sellable": 0.99}


def facts_of(gtin: str, **more: Any) -> Facts:
    from inspection.policy.context import Context  # noqa: PLC0415 - beside its one use
    from inspection.policy.facts import establish  # noqa: PLC0415

    known = establish(Item(gtin=gtin), None, CATALOGUE.find(gtin), Context())
    return replace(known, **{**GOOD, "condition": "intact", "today": "2026-06-01", **more})


def said(gtin: str, **more: Any) -> PolicyPart:
    return policy_part(POLICY.decide(facts_of(gtin, **more)))


def at_judged(gtin: str, verdict: PolicyPart, *, opinion: bool = True, item: Item | None = None) -> Session:
    begun = scanned(Session(), barcode("ITEM-1"), RULES, WHO).session
    assert begun.settling is not None
    readings = (*begun.settling.barcodes, *(tag(epc) for epc in TAGS))
    named = item or Item(gtin=gtin, sources=("barcode",))
    step = settled(begun, named, readings, inspection_id=uuid.uuid4(), at=T0, identify_ms=1.0)
    session = judged(
        capture_started(step.session, T0).session,
        pictures=(picture(),),
        assessment=assessment() if opinion else None,
        policy=verdict,
        versions=VERSIONS,
        at=T0,
        timings_ms={},
    ).session
    return INTERVIEW.next(session)


def answer(session: Session, value: str, question: str | None = None) -> Session:
    order = Order(OrderKind.ANSWER, WHO, question=question, answer=value)
    return INTERVIEW.next(INTERVIEW.answer(session, order, T0).session)


def test_a_question_that_must_be_answered_comes_up_by_itself_and_nothing_is_decided_before() -> None:
    session = at_judged(PHONE, said(PHONE))
    assert (session.asking, session.asking_required) == ("powers_on", True)
    with pytest.raises(NotAnswered):
        ordered(session, Order(OrderKind.OK, WHO), RULES, T0, 0)
    session = answer(session, "yes")
    assert session.asking is None
    assert ordered(session, Order(OrderKind.OK, WHO), RULES, T0, 0).session.state is State.CONFIRMED


def test_an_answer_is_a_fact_and_changes_the_verdict_at_once() -> None:
    before = at_judged(PHONE, said(PHONE)).current
    after = answer(at_judged(PHONE, said(PHONE)), "no").current
    assert before is not None
    assert after is not None
    assert before.policy is not None
    assert after.policy is not None
    assert before.policy.disposition is Disposition.RESELL
    assert after.policy.disposition is Disposition.REPAIR
    assert after.policy.facts["powers_on"] == "no"
    assert [(given.question, given.value, given.by) for given in after.answers] == [("powers_on", "no", "person")]


def test_the_machine_answers_first_and_the_worker_corrects() -> None:
    seen = assessment().model_copy(update={"p_defect": {Defect.BREACH: 0.8}})
    verdict, answers = INTERVIEW.judged(Item(gtin=SOUP), seen, said(SOUP), ())
    assert [(given.question, given.value, given.by) for given in answers] == [("seal", "broken", "model")]
    assert verdict.disposition is Disposition.SCRAP
    session = at_judged(SOUP, verdict)
    corrected = answer(session, "intact", "seal").current
    assert corrected is not None
    assert corrected.policy is not None
    assert corrected.policy.facts["seal"] == "intact"
    assert corrected.policy.disposition is Disposition.RESELL


def test_a_persons_answer_is_kept_when_pictures_are_taken_again_and_the_machines_is_not() -> None:
    session = answer(at_judged(SOUP, said(SOUP)), "intact", "seal")
    again = ordered(session, Order(OrderKind.RECAPTURE, WHO), RULES, T0, 0).session.current
    assert again is not None
    seen = assessment().model_copy(update={"p_defect": {Defect.BREACH: 0.8}})
    _, answers = INTERVIEW.judged(Item(gtin=SOUP), seen, said(SOUP), again.answers)
    assert [(given.value, given.by) for given in answers] == [("intact", "person")]


def test_two_tags_are_a_question_and_the_answer_is_the_item() -> None:
    undecided = Item(gtin=None, issues=("several_tags",))  # type: ignore[arg-type]
    session = at_judged(PHONE, said(PHONE, identity_issues=("several_tags",)), item=undecided)
    assert (session.asking, session.asking_required) == (WHICH, False)
    assert session.current is not None
    assert len(candidates(session.current)) == 2
    step = INTERVIEW.answer(session, Order(OrderKind.ANSWER, WHO, answer="2"), T0)
    record = step.session.current
    assert record is not None
    assert record.state is State.CAPTURING
    assert (record.item.serial, record.item.issues) == ("6790", ())
    assert record.item.sources == ("tag", "person")


def test_none_of_them_leaves_the_item_on_hold_and_is_not_asked_again() -> None:
    undecided = Item(gtin=None, issues=("several_tags",))  # type: ignore[arg-type]
    session = at_judged(PHONE, policy(Disposition.HOLD), item=undecided)
    assert answer(session, "none").asking is None


@pytest.mark.parametrize(
    ("question", "value"), [("nonsense", "yes"), ("powers_on", "maybe"), (WHICH, "1"), (None, "1")]
)
def test_an_answer_that_fits_no_question_changes_nothing(question: str | None, value: str) -> None:
    session = answer(at_judged(PHONE, said(PHONE)), "yes")
    with pytest.raises(UnknownAnswer):
        INTERVIEW.answer(session, Order(OrderKind.ANSWER, WHO, question=question, answer=value), T0)


def test_without_an_opinion_of_the_machine_grading_is_one_action() -> None:
    session = at_judged(SOUP, policy(Disposition.HOLD), opinion=False)
    step = ordered(session, Order(OrderKind.OVERRIDE, WHO, disposition=Disposition.REPAIR), RULES, T0, 0)
    assert step.session.current is not None
    assert step.session.current.person is not None
    assert step.session.current.person.reason_code == BY_EYE


RULES_WITH_PEOPLE: Rules = replace(
    RULES,
    people=People.of([Person("w-1", "BADGE:0001"), Person("s-1", "BADGE:0002", supervisor=True)]),
    approval=Approval(scrap_above=100_000, reason_codes=frozenset({"hazard"})),
)


def scrap(session: Session, who: str = "w-1") -> Session:
    order = Order(OrderKind.OVERRIDE, who, disposition=Disposition.SCRAP, reason_code="other")
    return ordered(session, order, RULES_WITH_PEOPLE, T0, 0).session


def test_scrapping_something_dear_waits_for_a_supervisor() -> None:
    waiting = scrap(answer(at_judged(PHONE, said(PHONE)), "yes"))
    assert waiting.state is State.JUDGED
    assert waiting.approving is not None
    done = approved(waiting, "s-1", T0).session.current
    assert done is not None
    assert done.person is not None
    assert (done.state, done.person.who, done.person.approved_by) == (State.CONFIRMED, "w-1", "s-1")


def test_a_supervisor_at_work_needs_nobody_else() -> None:
    done = scrap(answer(at_judged(PHONE, said(PHONE)), "yes"), "s-1")
    assert done.state is State.CONFIRMED


def test_scrapping_something_cheap_needs_nobody() -> None:
    assert scrap(at_judged(SOUP, said(SOUP))).state is State.CONFIRMED


def test_a_hazard_needs_a_supervisor_whatever_is_decided() -> None:
    dangerous = answer(answer(at_judged(PHONE, said(PHONE)), "yes"), "battery", "hazard")
    assert ordered(dangerous, Order(OrderKind.OK, "w-1"), RULES_WITH_PEOPLE, T0, 0).session.approving is not None


def test_the_next_scan_never_confirms_what_a_supervisor_must_agree_to() -> None:
    session = at_judged(SOUP, policy(Disposition.RESELL).model_copy(update={"reason_codes": ("hazard",)}))
    step = scanned(session, barcode("ITEM-2", 60), RULES_WITH_PEOPLE, "w-1")
    assert (step.notice, step.transitions) == ("session.confirm_first", ())


def test_escape_takes_what_waits_back() -> None:
    waiting = scrap(answer(at_judged(PHONE, said(PHONE)), "yes"))
    step = ordered(waiting, Order(OrderKind.CANCEL, "w-1"), RULES_WITH_PEOPLE, T0, 0)
    assert (step.session.approving, step.transitions) == (None, ())


def test_an_answer_given_elsewhere_is_not_lost_when_another_is_given() -> None:
    session = answer(at_judged(PHONE, said(PHONE)), "yes")
    record = answer(session, "no", "accessories").current
    assert record is not None
    assert [given.question for given in record.answers] == ["powers_on", "accessories"]
    assert record.policy is not None
    assert (record.policy.facts["powers_on"], record.policy.facts["complete"]) == ("yes", "no")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"fact": "price_new"}, "none that can be asked"),
        (
            {"answers": [{"value": "open", "text": dict.fromkeys(("zh-CN", "en", "th", "vi"), "x")}] * 2},
            "is never 'open'",
        ),
        ({"colour": "red"}, "unknown key"),
        ({"text": {"en": "only English"}}, "zh-CN"),
    ],
)
def test_a_mistake_in_the_guide_is_named_with_its_line(tmp_path: Path, change: dict[str, Any], complaint: str) -> None:
    data = yaml.safe_load(GUIDE_FILE.read_text(encoding="utf-8"))
    data["questions"][0].update(change)
    path = tmp_path / "guide.yaml"
    path.write_text(yaml.safe_dump(json.loads(json.dumps(data))), encoding="utf-8")  # no aliases
    with pytest.raises(ConfigError, match=rf"guide.yaml: line \d+: .*{complaint}"):
        Guide.load(path)


def test_the_record_survives_its_journal() -> None:
    record = answer(at_judged(PHONE, said(PHONE)), "no").current
    assert record is not None
    assert type(record).model_validate_json(record.model_dump_json()) == record
