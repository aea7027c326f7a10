"""The session: which inspection is on the table and what may happen to it next.

``idle -> identified -> capturing -> judged -> confirmed -> reported``, with ``hold`` beside ``confirmed`` where the
decision is "a person decides". Pure: every function takes a session and returns a :class:`Step`;
:mod:`inspection.station.work` writes the step's transitions to the journal before it shows the session to anyone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from inspection.item import Item
from inspection.reading import BarcodeReading, CodeInView, Reading, WeightReading
from inspection.report import AnswerPart, AssessmentPart, PersonPart, PicturePart, PolicyPart, VersionsPart
from inspection.station.orders import Order, OrderKind, UnknownCode, is_command_code, order_of_code
from inspection.station.record import (
    SETTLED_STATES,
    InspectionRecord,
    State,
    item_part,
    reading_parts,
    sighted,
    weighed,
)
from inspection.station.session_data import (
    BY_EYE,
    NEXT_SCAN,
    REPORTABLE_RMA,
    NotAnswered,
    NotPossible,
    OtherInspection,
    Rules,
    Session,
    Settling,
    Step,
    Transition,
    UnknownReason,
)
from inspection.verdict import Disposition, Grade


def scanned(session: Session, reading: BarcodeReading, rules: Rules, who: str) -> Step:
    """A barcode: a command code, an RMA label, or an item code."""
    text = reading.text.strip()
    if is_command_code(text):
        try:
            return ordered(session, order_of_code(text, who), rules, reading.at, reading.monotonic_ns)
        except (NotPossible, UnknownCode) as error:
            return Step(session, notice=error.code)
    if rules.rma_pattern.search(text):
        return _rma_scanned(session, text, rules, who, reading.at)
    return _item_scanned(session, reading, text, rules, who)


def _item_scanned(session: Session, reading: BarcodeReading, text: str, rules: Rules, who: str) -> Step:
    last, session = session.last_scan, replace(session, last_scan=(text, reading.monotonic_ns))
    if last is not None and last[0] == text and reading.monotonic_ns - last[1] < rules.rescan_guard_ns:
        return Step(session)
    if session.settling is not None:
        settling = replace(session.settling, barcodes=(*session.settling.barcodes, reading))
        return Step(replace(session, settling=settling))
    begun = replace(session, settling=Settling(reading.monotonic_ns, reading.at, (reading,)), override=None)
    record = session.open
    return Step(begun) if record is None else _next_scanned(session, record, begun, reading, rules=rules, who=who)


def _next_scanned(
    session: Session, record: InspectionRecord, begun: Session, reading: BarcodeReading, *, rules: Rules, who: str
) -> Step:
    text = reading.text.strip()
    scanned_before = any(part.kind == "barcode" and part.value.strip() == text for part in record.readings)
    if record.state is not State.JUDGED:
        return Step(session, notice="" if scanned_before else "session.finish_first")
    if scanned_before and record.item.serial is not None and record.item.serial in text:
        return Step(session, notice="session.same_item")
    if not _next_scan_confirms(session, record, rules):
        return Step(session, notice="session.confirm_first")
    confirmed = _confirmed_by_next_scan(record, who=who, at=reading.at)
    return Step(replace(begun, current=confirmed.record), (confirmed,))


def _rma_scanned(session: Session, rma: str, rules: Rules, who: str, at: datetime) -> Step:
    record = session.open
    if not REPORTABLE_RMA.match(rma):
        return Step(session, notice="session.rma_unusable")
    if record is None:
        return Step(replace(session, pending_rma=rma), notice="session.rma_noted")
    if record.rma == rma:
        return Step(session)
    if record.state is State.JUDGED and _next_scan_confirms(session, record, rules):
        confirmed = _confirmed_by_next_scan(record, who=who, at=at)
        return Step(replace(session, current=confirmed.record, pending_rma=rma), (confirmed,), "session.rma_noted")
    if record.state is State.JUDGED:
        # What the customer was sold is part of the verdict, so the item is judged again with it.
        return _step(session, _recapture(record.model_copy(update={"rma": rma}), record, at, "rma"))
    return _step(session, _moved(record, record.model_copy(update={"rma": rma}), at, "rma", {"replaced": record.rma}))


def _next_scan_confirms(session: Session, record: InspectionRecord, rules: Rules) -> bool:
    policy = record.policy
    return (
        rules.next_scan_confirms
        and session.override is None
        and session.approving is None
        and session.asking is None
        and policy is not None
        and not _approval_needed(record, policy.disposition, rules)
        and policy.disposition is not Disposition.HOLD
        and not policy.needs_confirmation
    )


def settled(
    session: Session, item: Item, readings: Sequence[Reading], *, inspection_id: UUID, at: datetime, identify_ms: float
) -> Step:
    """The settle window is over and the readings were joined to ``item``: a new inspection begins.

    Raises:
        NotPossible: when no settle window was open.
    """
    if session.settling is None:
        raise NotPossible("no reading is waiting to be joined")
    record = InspectionRecord(
        inspection_id=inspection_id,
        state=State.IDENTIFIED,
        started_at=session.settling.started_at,
        rma=session.pending_rma,
        item=item_part(item),
        readings=reading_parts(readings),
        timings_ms={"identify": identify_ms},
    )
    begun = Transition(record, State.IDLE, "readings", at, {})
    return Step(replace(session, current=record, settling=None, pending_rma=None, override=None), (begun,))


def capture_started(session: Session, at: datetime) -> Step:
    """Identity is in the journal; pictures are taken from now on."""
    record = _in_state(session, State.IDENTIFIED)
    return _step(session, _moved(record, record.model_copy(update={"state": State.CAPTURING}), at, "capture", {}))


def judged(
    session: Session,
    *,
    pictures: Sequence[PicturePart],
    assessment: AssessmentPart | None,
    policy: PolicyPart,
    versions: VersionsPart,
    at: datetime,
    timings_ms: Mapping[str, float],
    weight: WeightReading | None = None,
    capture_problems: Mapping[str, tuple[str, ...]] | None = None,
    item: Item | None = None,
    codes: Sequence[CodeInView] = (),
    answers: Sequence[AnswerPart] | None = None,
) -> Step:
    """The pictures are stored and machine and policy have spoken, of ``weight`` too where the item was weighed.

    ``item`` is who it is after the ``codes`` that the cameras saw on it; ``None`` when they changed nothing.
    """
    record = _in_state(session, State.CAPTURING)
    scanned_as = record.scanned_item or record.item
    shown_as = scanned_as if item is None else item_part(item)
    after = record.model_copy(
        update={
            "state": State.JUDGED,
            "judged_at": at,
            "pictures": tuple(pictures),
            "item": shown_as,
            "scanned_item": scanned_as if shown_as != scanned_as else None,
            "readings": sighted(weighed(record.readings, weight), codes),
            "assessment": assessment,
            "policy": policy,
            "answers": record.answers if answers is None else tuple(answers),
            "versions": versions,
            "takes": record.takes + 1,
            "capture_problems": dict(capture_problems or {}),
            "timings_ms": {**record.timings_ms, **timings_ms},
        }
    )
    return _step(session, _moved(record, after, at, "verdict", {"take": after.takes}))


def evidence_lost(session: Session, at: datetime) -> Step:
    """A stored picture of the shown verdict is gone or changed, so the verdict stands on nothing: take them again."""
    record = _in_state(session, State.JUDGED)
    return replace(_step(session, _recapture(record, record, at, "evidence_lost")), notice="session.evidence_lost")


def reported(session: Session, inspection_id: UUID) -> Session:
    """The hub has the inspection (the journal knows already)."""
    record = session.current
    if record is None or record.inspection_id != inspection_id:
        return session
    return replace(session, current=record.model_copy(update={"state": State.REPORTED}))


def undone(session: Session, who: str, at: datetime, *, unheard: bool) -> Step:
    """The decision is taken back; the item is judged as before.

    Args:
        unheard: the hub cannot have heard of it, so the next decision is still the first.

    Raises:
        NotPossible: when nothing is decided.
    """
    record = session.current
    if record is None or record.state not in SETTLED_STATES:
        raise NotPossible(f"the session is {session.state}: there is no decision to take back")
    person = record.person.model_dump(mode="json") if record.person is not None else None
    after = record.model_copy(
        update={
            "state": State.JUDGED,
            "person": None,
            "confirmed_at": None,
            "revision": record.revision + (0 if unheard else 1),
        }
    )
    return _step(session, _moved(record, after, at, "undo", {"who": who, "replaced": {"person": person}}))


def ordered(session: Session, order: Order, rules: Rules, at: datetime, monotonic_ns: int) -> Step:
    """An order of the worker, from a key, a touch or a command code.

    Raises:
        OtherInspection: when the order names an inspection that is not on the table.
        UnknownReason: when an override's reason is not configured.
        NotPossible: when the order does not fit the state.
    """
    current_id = session.current.inspection_id if session.current is not None else None
    if order.inspection_id is not None and order.inspection_id != current_id:
        raise OtherInspection(
            f"the order was for inspection {order.inspection_id}, on the table is {current_id or 'none'}",
            hint="look at the item on the screen and decide again",
        )
    match order.kind:
        case OrderKind.OK:
            return _ok(session, order, rules, at)
        case OrderKind.OVERRIDE:
            return _override(session, order, rules, at)
        case OrderKind.REASON:
            if session.override is None:
                raise NotPossible("a reason belongs to an override", hint="choose resell, repair, scrap or hold first")
            return _override(session, replace(order, disposition=session.override), rules, at)
        case OrderKind.RECAPTURE:
            return _recapture_ordered(session, at)
        case OrderKind.UNDO | OrderKind.REPRINT | OrderKind.ASK | OrderKind.ANSWER | OrderKind.SHIFT:
            raise NotPossible(f"{order.kind} needs more than the session")
        case OrderKind.CANCEL:
            return _cancel(session, order, at)
        case OrderKind.START:
            if session.open is not None or session.settling is not None:
                raise NotPossible("an item is on the table already", hint="finish or cancel it first")
            return Step(replace(session, settling=Settling(monotonic_ns, at), override=None))


def _ok(session: Session, order: Order, rules: Rules, at: datetime) -> Step:
    record = _in_state(session, State.JUDGED)
    if session.override is not None:
        raise NotPossible("an override needs a reason", hint="choose a reason, or cancel the override")
    return _settle_decision(session, record, _agreeing(record, who=order.who, at=at, note=order.note), rules)


def _override(session: Session, order: Order, rules: Rules, at: datetime) -> Step:
    record = _in_state(session, State.JUDGED)
    if order.disposition is None:
        raise NotPossible("an override needs a disposition", hint="give resell, repair, scrap or hold")
    if record.policy is not None and order.disposition is record.policy.disposition:
        return _settle_decision(session, record, _agreeing(record, who=order.who, at=at, note=order.note), rules)
    reason_code = order.reason_code or (BY_EYE if _graded_by_eye(record) else None)
    if reason_code is None:
        return Step(replace(session, override=order.disposition, approving=None))
    if reason_code not in (*rules.reason_codes, BY_EYE):
        raise UnknownReason(
            f"reason {reason_code!r} is not configured", hint=f"use one of {', '.join(rules.reason_codes)}"
        )
    person = PersonPart(
        disposition=order.disposition,
        grade=Grade.OPEN_BOX if order.disposition is Disposition.RESELL else None,
        overrides=True,
        reason_code=reason_code,
        note=order.note,
        who=order.who,
        at=at,
        marks=order.marks,
    )
    return _settle_decision(session, record, person, rules)


def _graded_by_eye(record: InspectionRecord) -> bool:
    """Whether no machine had an opinion: then the worker grades, and contradicts nobody."""
    policy = record.policy
    return record.assessment is None and policy is not None and policy.disposition is Disposition.HOLD


def _settle_decision(session: Session, record: InspectionRecord, person: PersonPart, rules: Rules) -> Step:
    """The decision counts, or waits for a supervisor's badge."""
    if session.asking_required:
        raise NotAnswered("a question must be answered first", hint="answer the question on the screen")
    if _approval_needed(record, person.disposition, rules):
        if not rules.people.is_supervisor(person.who):
            return Step(replace(session, approving=person, override=None, asking=None))
        person = person.model_copy(update={"approved_by": person.who})
    return _step(session, _decided(record, person))


def approved(session: Session, by: str, at: datetime) -> Step:
    """A supervisor agrees to what waits.

    Raises:
        NotPossible: when nothing waits.
    """
    record = _in_state(session, State.JUDGED)
    if session.approving is None:
        raise NotPossible("nothing waits for a supervisor")
    return _step(session, _decided(record, session.approving.model_copy(update={"approved_by": by, "at": at})))


def answered(
    session: Session, answer: AnswerPart, policy: PolicyPart, at: datetime, *, item: Item | None = None
) -> Step:
    """A question about the item is answered, and ``policy`` has spoken with it.

    ``item`` is who it is by the answer; then its pictures are taken and judged again as that item's.
    """
    record = _in_state(session, State.JUDGED)
    others = tuple(known for known in record.answers if known.question != answer.question)
    after = record.model_copy(update={"answers": (*others, answer), "policy": policy})
    if item is not None:
        named = after.model_copy(update={"item": item_part(item), "scanned_item": None})
        return _step(session, _recapture(named, record, at, "identified"))
    detail = {
        "answer": answer.model_dump(mode="json"),
        "replaced": record.model_dump(mode="json", include={"policy", "answers"}),
    }
    return _step(session, _moved(record, after, at, "answer", detail))


def _approval_needed(record: InspectionRecord, disposition: Disposition, rules: Rules) -> bool:
    return rules.people.approve and rules.approval.needed(record, disposition)


def _recapture_ordered(session: Session, at: datetime) -> Step:
    record = session.open
    if record is None:
        raise NotPossible("there is no item to take pictures of", hint="scan an item first")
    if record.state is not State.JUDGED:
        return Step(session)
    return _step(session, _recapture(record, record, at, "recapture"))


def _cancel(session: Session, order: Order, at: datetime) -> Step:
    if session.override is not None or session.approving is not None:
        return Step(replace(session, override=None, approving=None))
    if session.asking is not None and not session.asking_required:
        return Step(replace(session, asking=None))
    if session.settling is not None:
        return Step(replace(session, settling=None))
    record = session.open
    if record is not None:
        after = record.model_copy(update={"state": State.CANCELLED})
        cancelled = _moved(record, after, at, "cancel", {"who": order.who, "note": order.note})
        return Step(replace(session, current=None, last_scan=None), (cancelled,), "session.cancelled")
    if session.current is None and session.pending_rma is None:
        raise NotPossible("there is nothing to cancel")
    return Step(replace(session, current=None, pending_rma=None))


def _agreeing(
    record: InspectionRecord, *, who: str, at: datetime, note: str = "", reason_code: str | None = None
) -> PersonPart:
    """The person agrees with the policy."""
    if record.policy is None:
        raise NotPossible("there is no verdict to confirm")
    return PersonPart(
        disposition=record.policy.disposition,
        grade=record.policy.grade,
        overrides=False,
        reason_code=reason_code,
        note=note,
        who=who,
        at=at,
    )


def _confirmed_by_next_scan(record: InspectionRecord, *, who: str, at: datetime) -> Transition:
    return _decided(record, _agreeing(record, who=who, at=at, reason_code=NEXT_SCAN), NEXT_SCAN)


def _decided(record: InspectionRecord, person: PersonPart, cause: str = "") -> Transition:
    state = State.HOLD if person.disposition is Disposition.HOLD else State.CONFIRMED
    after = record.model_copy(update={"state": state, "person": person, "confirmed_at": person.at})
    cause = cause or ("override" if person.overrides else "ok")
    return _moved(record, after, person.at, cause, {"person": person.model_dump(mode="json")})


def _recapture(after: InspectionRecord, before: InspectionRecord, at: datetime, cause: str) -> Transition:
    """Back to capturing; what machine and policy said about the old pictures stays in the journal."""
    replaced = before.model_dump(
        mode="json", include={"pictures", "assessment", "policy", "answers", "versions", "judged_at", "timings_ms"}
    )
    replaced["item"] = before.item.model_dump(mode="json")
    replaced["codes"] = [part.model_dump(mode="json") for part in before.readings if part.view is not None]
    replaced["weights"] = [part.model_dump(mode="json") for part in before.readings if part.kind == "weight"]
    cleared: dict[str, object] = {
        "item": after.scanned_item or after.item,
        "scanned_item": None,
        "readings": sighted(weighed(after.readings, None), ()),
        "pictures": (),
        "assessment": None,
        "policy": None,
        "answers": tuple(answer for answer in after.answers if answer.by == "person"),
        "versions": None,
        "judged_at": None,
        "capture_problems": {},
    }
    timings = {"identify": before.timings_ms.get("identify", 0.0)}
    taken_again = after.model_copy(update={"state": State.CAPTURING, "timings_ms": timings, **cleared})
    return _moved(before, taken_again, at, cause, {"replaced": replaced})


def _moved(
    before: InspectionRecord, after: InspectionRecord, at: datetime, cause: str, detail: Mapping[str, Any]
) -> Transition:
    return Transition(after, before.state, cause, at, detail)


def _step(session: Session, transition: Transition) -> Step:
    asked_nothing = replace(session, override=None, approving=None, asking=None, asking_required=False)
    return Step(replace(asked_nothing, current=transition.record), (transition,))


def _in_state(session: Session, state: State) -> InspectionRecord:
    if session.current is None or session.current.state is not state:
        raise NotPossible(f"the session is {session.state}, not {state}")
    return session.current
