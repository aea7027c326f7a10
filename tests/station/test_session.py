"""The session moves only as design.md draws it, and every move is a transition for the journal."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspection.station.orders import Order, OrderKind, UnknownCode, order_of_code
from inspection.station.record import State, build_report
from inspection.station.session import capture_started, evidence_lost, ordered, reported, scanned
from inspection.station.session_data import NEXT_SCAN, NotPossible, OtherInspection, Session, Step, UnknownReason
from inspection.verdict import Disposition, Grade
from tests.station.parts import RULES, SECOND, T0, WHO, at_judged, barcode, judge, policy, settle


def moves(step: Step) -> list[tuple[State, State]]:
    return [(transition.before, transition.after) for transition in step.transitions]


def order(kind: str, session: Session, **more: object) -> Step:
    return ordered(session, Order(OrderKind(kind), WHO, **more), RULES, T0 + timedelta(seconds=2), 1002 * SECOND)  # type: ignore[arg-type]


def test_an_item_walks_from_idle_to_reported() -> None:
    scan = scanned(Session(), barcode("ITEM-1"), RULES, WHO)
    assert scan.session.settling is not None
    assert not scan.transitions
    identified = settle(scan.session)
    assert moves(identified) == [(State.IDLE, State.IDENTIFIED)]
    capturing = capture_started(identified.session, T0)
    assert moves(capturing) == [(State.IDENTIFIED, State.CAPTURING)]
    shown = judge(capturing.session)
    assert moves(shown) == [(State.CAPTURING, State.JUDGED)]
    confirmed = order("ok", shown.session)
    assert moves(confirmed) == [(State.JUDGED, State.CONFIRMED)]
    record = confirmed.session.current
    assert record is not None
    assert build_report(record, "station-1").is_sealed()
    assert reported(confirmed.session, record.inspection_id).state is State.REPORTED


def test_a_hold_that_a_person_confirms_becomes_hold() -> None:
    step = order("ok", at_judged(policy(Disposition.HOLD)))
    assert moves(step) == [(State.JUDGED, State.HOLD)]
    assert step.session.current is not None
    assert build_report(step.session.current, "station-1").verdict.disposition is Disposition.HOLD


def test_an_override_without_a_reason_waits_for_one() -> None:
    chosen = order("override", at_judged(), disposition=Disposition.SCRAP)
    assert not chosen.transitions
    assert chosen.session.override is Disposition.SCRAP
    with pytest.raises(NotPossible):
        order("ok", chosen.session)
    done = order("reason", chosen.session, reason_code="other")
    assert moves(done) == [(State.JUDGED, State.CONFIRMED)]
    assert done.session.current is not None
    verdict = done.session.current.verdict
    assert verdict is not None
    assert (verdict.disposition, verdict.decided_by) == (Disposition.SCRAP, "person")
    assert done.session.current.policy is not None
    assert done.session.current.policy.disposition is Disposition.RESELL, "the policy's opinion is kept"


def test_an_override_to_resell_is_never_as_new() -> None:
    step = order(
        "override", at_judged(policy(Disposition.SCRAP)), disposition=Disposition.RESELL, reason_code="wrong_condition"
    )
    assert step.session.current is not None
    assert step.session.current.verdict is not None
    assert step.session.current.verdict.grade is Grade.OPEN_BOX


def test_choosing_what_the_policy_chose_is_a_confirmation() -> None:
    step = order("override", at_judged(), disposition=Disposition.RESELL)
    assert step.session.current is not None
    assert step.session.current.person is not None
    assert not step.session.current.person.overrides


def test_an_unknown_reason_changes_nothing() -> None:
    with pytest.raises(UnknownReason):
        order("override", at_judged(), disposition=Disposition.SCRAP, reason_code="because")


def test_cancelling_an_override_keeps_the_verdict() -> None:
    chosen = order("override", at_judged(), disposition=Disposition.SCRAP)
    back = order("cancel", chosen.session)
    assert back.session.override is None
    assert back.session.state is State.JUDGED


def test_an_order_for_another_inspection_is_refused() -> None:
    with pytest.raises(OtherInspection):
        order("ok", at_judged(), inspection_id=uuid.uuid4())


def test_the_second_of_two_clicks_finds_nothing_to_confirm() -> None:
    judged_session = at_judged()
    assert judged_session.current is not None
    inspection_id = judged_session.current.inspection_id
    first = order("ok", judged_session, inspection_id=inspection_id)
    with pytest.raises(NotPossible):
        order("ok", first.session, inspection_id=inspection_id)


def test_the_next_scan_confirms_a_plain_verdict_and_begins_the_next_item() -> None:
    step = scanned(at_judged(), barcode("ITEM-2", 5), RULES, WHO)
    assert moves(step) == [(State.JUDGED, State.CONFIRMED)]
    assert step.transitions[0].record.person is not None
    assert step.transitions[0].record.person.reason_code == NEXT_SCAN
    assert step.session.settling is not None


@pytest.mark.parametrize(
    "verdict", [policy(Disposition.HOLD), policy(Disposition.SCRAP, needs_confirmation=True)], ids=["hold", "costly"]
)
def test_the_next_scan_never_confirms_what_a_person_must_look_at(verdict: object) -> None:
    step = scanned(at_judged(verdict), barcode("ITEM-2", 5), RULES, WHO)  # type: ignore[arg-type]
    assert not step.transitions
    assert step.notice == "session.confirm_first"
    assert step.session.state is State.JUDGED


def test_a_scan_while_a_reason_is_asked_for_confirms_nothing() -> None:
    chosen = order("override", at_judged(), disposition=Disposition.SCRAP)
    step = scanned(chosen.session, barcode("ITEM-2", 5), RULES, WHO)
    assert step.notice == "session.confirm_first"


def test_a_stuttering_scanner_makes_no_second_item() -> None:
    first = scanned(Session(), barcode("ITEM-1", 0), RULES, WHO)
    second = scanned(first.session, barcode("ITEM-1", 0.4), RULES, WHO)
    assert second.session.settling is not None
    assert len(second.session.settling.barcodes) == 1


def test_the_same_serial_scanned_again_is_the_same_item() -> None:
    step = scanned(at_judged(text="ITEM-1-6789"), barcode("ITEM-1-6789", 9), RULES, WHO)
    assert step.notice == "session.same_item"
    assert not step.transitions


@pytest.mark.parametrize("serial", [None, "serial-of-a-tag"])
def test_two_units_whose_code_has_no_serial_are_two_items(serial: str | None) -> None:
    step = scanned(at_judged(serial=serial), barcode("ITEM-1", 9), RULES, WHO)
    assert moves(step) == [(State.JUDGED, State.CONFIRMED)]


def test_a_scan_while_pictures_are_taken_waits() -> None:
    begun = capture_started(settle(scanned(Session(), barcode("ITEM-1"), RULES, WHO).session).session, T0)
    assert scanned(begun.session, barcode("ITEM-2", 3), RULES, WHO).notice == "session.finish_first"


def test_a_recapture_keeps_what_was_said_of_the_old_pictures() -> None:
    before = at_judged()
    step = order("recapture", before)
    assert moves(step) == [(State.JUDGED, State.CAPTURING)]
    assert step.session.current is not None
    assert step.session.current.policy is None
    assert step.transitions[0].detail["replaced"]["policy"]["rule_id"] == "R11"
    again = judge(step.session)
    assert again.session.current is not None
    assert again.session.current.takes == 2


def test_lost_evidence_takes_the_pictures_again() -> None:
    step = evidence_lost(at_judged(), T0)
    assert moves(step) == [(State.JUDGED, State.CAPTURING)]


def test_an_rma_label_belongs_to_the_next_item_only() -> None:
    noted = scanned(Session(), barcode("RMA-2025-0001"), RULES, WHO)
    assert noted.session.pending_rma == "RMA-2025-0001"
    begun = settle(scanned(noted.session, barcode("ITEM-1", 1), RULES, WHO).session)
    assert begun.session.current is not None
    assert begun.session.current.rma == "RMA-2025-0001"
    assert begun.session.pending_rma is None


def test_an_rma_label_after_a_hold_judges_the_item_again_with_it() -> None:
    step = scanned(at_judged(policy(Disposition.HOLD)), barcode("RMA-2025-0001", 5), RULES, WHO)
    assert moves(step) == [(State.JUDGED, State.CAPTURING)]
    assert step.session.current is not None
    assert step.session.current.rma == "RMA-2025-0001"


def test_an_rma_label_after_a_plain_verdict_is_the_next_parcel() -> None:
    step = scanned(at_judged(), barcode("RMA-2025-0002", 5), RULES, WHO)
    assert moves(step) == [(State.JUDGED, State.CONFIRMED)]
    assert step.transitions[0].record.rma is None
    assert step.session.pending_rma == "RMA-2025-0002"


def test_cancel_is_in_the_journal() -> None:
    step = order("cancel", at_judged())
    assert moves(step) == [(State.JUDGED, State.CANCELLED)]
    assert step.session.current is None


def test_an_item_without_a_code_can_be_started() -> None:
    step = order("start", Session())
    assert step.session.settling is not None
    assert step.session.settling.barcodes == ()


@pytest.mark.parametrize(
    ("text", "kind", "disposition", "reason"),
    [
        ("CMD:OK", OrderKind.OK, None, None),
        ("cmd:ok", OrderKind.OK, None, None),
        ("CMD:RESELL", OrderKind.OVERRIDE, Disposition.RESELL, None),
        ("CMD:REPAIR", OrderKind.OVERRIDE, Disposition.REPAIR, None),
        ("CMD:SCRAP", OrderKind.OVERRIDE, Disposition.SCRAP, None),
        ("CMD:HOLD", OrderKind.OVERRIDE, Disposition.HOLD, None),
        ("CMD:RECAPTURE", OrderKind.RECAPTURE, None, None),
        ("CMD:CANCEL", OrderKind.CANCEL, None, None),
        ("CMD:START", OrderKind.START, None, None),
        ("CMD:REASON:other", OrderKind.REASON, None, "other"),
    ],
)
def test_command_codes_are_orders(
    text: str, kind: OrderKind, disposition: Disposition | None, reason: str | None
) -> None:
    assert order_of_code(text, WHO) == Order(kind, WHO, disposition, reason)


def test_an_unknown_command_code_is_told_and_changes_nothing() -> None:
    with pytest.raises(UnknownCode):
        order_of_code("CMD:EXPLODE", WHO)
    before = at_judged()
    step = scanned(before, barcode("CMD:EXPLODE", 3), RULES, WHO)
    assert step.notice == "command.unknown_code"
    assert step.session == before


ALLOWED = {
    (State.IDLE, State.IDENTIFIED),
    (State.IDENTIFIED, State.IDENTIFIED),
    (State.IDENTIFIED, State.CAPTURING),
    (State.IDENTIFIED, State.CANCELLED),
    (State.CAPTURING, State.CAPTURING),
    (State.CAPTURING, State.JUDGED),
    (State.CAPTURING, State.CANCELLED),
    (State.JUDGED, State.CAPTURING),
    (State.JUDGED, State.CONFIRMED),
    (State.JUDGED, State.HOLD),
    (State.JUDGED, State.CANCELLED),
}

WORDS = ["OK", "RESELL", "REPAIR", "SCRAP", "HOLD", "RECAPTURE", "CANCEL", "START", "REASON:other", "NONSENSE"]
SCANS = ["ITEM-1", "ITEM-2", "RMA-AAAA", "RMA-BBBB", *(f"CMD:{word}" for word in WORDS)]
VERDICTS = [policy(), policy(Disposition.HOLD), policy(Disposition.SCRAP, needs_confirmation=True)]


@given(
    events=st.lists(
        st.one_of(st.sampled_from(SCANS), st.sampled_from(["settle", "capture"]), st.sampled_from(VERDICTS)),
        max_size=40,
    )
)
@settings(max_examples=300, deadline=None)
def test_whatever_happens_only_the_drawn_transitions_occur(events: list[object]) -> None:
    session, where, finished = Session(), {}, set()
    for second, event in enumerate(events):
        try:
            match event:
                case "settle":
                    step = settle(session) if session.settling is not None else Step(session)
                case "capture":
                    step = capture_started(session, T0)
                case str():
                    step = scanned(session, barcode(event, second * 2), RULES, WHO)
                case _:
                    step = judge(session, event)  # type: ignore[arg-type]
        except NotPossible:
            continue
        for transition in step.transitions:
            key = transition.record.inspection_id
            assert where.get(key, State.IDLE) is transition.before
            assert (transition.before, transition.after) in ALLOWED
            assert key not in finished, "a decided inspection never moves again by the worker's hand"
            where[key] = transition.after
            if transition.after in (State.CONFIRMED, State.HOLD, State.CANCELLED):
                finished.add(key)
            if transition.after in (State.CONFIRMED, State.HOLD):
                assert build_report(transition.record, "station-1").is_sealed()
        session = step.session
