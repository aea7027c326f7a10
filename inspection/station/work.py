"""The work at the table, step by step: takes what devices and people said, journals each step, and only then shows it.

Everything here runs in one thread, that of :class:`inspection.station.station.Station`.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from devices.identity import join
from inspection.errors import InspectionError, JournalError, StoreError
from inspection.reading import BarcodeReading, TagReading
from inspection.station import session as machine
from inspection.station.calibration_desk import Desk
from inspection.station.capture import Bench, CaptureFailed, take
from inspection.station.departures import Departures
from inspection.station.frame_codes import FrameCodes, Sight, joined, readings_of
from inspection.station.good_samples import GoodSamples
from inspection.station.guide import Guide
from inspection.station.interview import Interview, chosen_by_person
from inspection.station.journal import Journal
from inspection.station.metrics import Metrics
from inspection.station.orders import Order, OrderKind, UnknownCode, is_command_code, order_of_code
from inspection.station.outputs import Outputs
from inspection.station.people import Person, is_badge
from inspection.station.pictures import PictureStore
from inspection.station.ports import StationCamera
from inspection.station.prechecks import Prechecks
from inspection.station.questions import shown_questions
from inspection.station.record import OPEN_STATES, SETTLED_STATES, InspectionRecord, State, build_report, item_of
from inspection.station.reporter import Reporter
from inspection.station.returns import Returns
from inspection.station.rollouts.running import Asked, Running, Side
from inspection.station.screen import Screen
from inspection.station.session_data import NotPossible, OtherInspection, Rules, Session, Step
from inspection.station.sign_in.desk import SignInDesk
from inspection.station.similar import KnownExamples
from inspection.station.snapshot import Board, Fault, Language, LastReported, Notice, ShownWorker
from inspection.station.tags import TagsHeard
from inspection.station.weights import WeightsHeard

log = structlog.get_logger()
PROBE_S = 1.0
WEIGH_TICK_S = 0.02
_DISK = frozenset({JournalError.code, StoreError.code})


@dataclass(frozen=True, slots=True)
class Timing:
    """How long the session waits for what, in seconds.

    Attributes:
        settle_s: after the first reading, further ones still belong to the same item.
        tag_window_s: a tag counts when it was read at most this long before the first reading.
        capture_delay_s: from identity to the first frame that counts, e.g. for the hand to leave.
        capture_timeout_s: for a frame of every view.
        max_skew_ms: frames of one item may be this far apart.
        max_frame_age_s: no frame older than this is judged.
        retry_s: until a failed capture is tried again.
        weigh_s: how long a load that moves on the scale may keep the judgement waiting.
        undo_s: how long report and label of a decision are kept back, so that it can be taken back.
        retakes: how often bad pictures are taken again without being asked; retake_s: from them to the new ones.
    """

    settle_s: float = 0.15
    tag_window_s: float = 0.5
    capture_delay_s: float = 0.0
    capture_timeout_s: float = 1.0
    max_skew_ms: float = 200.0
    max_frame_age_s: float = 3.0
    retry_s: float = 0.25
    weigh_s: float = 0.5
    retakes: int = 1
    retake_s: float = 0.6
    undo_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Parts:
    """What the work needs.

    Attributes:
        cameras: in the order in which views are shown and judged.
        worker: pseudonymous badge id of whoever works here.
        key: signs the reports; ``None`` leaves them unsigned.
        desk: where the views are calibrated; ``None`` where the configuration has no section for it.
        codes: reads the codes that the cameras see.
        guide: what the worker is asked about each kind of goods.
        samples: pictures of good samples, to be shown beside the item's.
        examples: known examples to name the most similar of; ``None`` where the bundle has none.
        prechecks: what the customer's pictures showed, for the screen alone.
        sign_in: where badges that only the hub knows are signed in; ``None`` where the hub is not asked.
        running: what judges, where that may be exchanged; ``bench`` and ``examples`` judge where it is ``None``.
    """

    station_id: str
    worker: str
    journal: Journal
    pictures: PictureStore
    bench: Bench
    cameras: tuple[StationCamera, ...]
    tags: TagsHeard
    weights: WeightsHeard
    outputs: Outputs
    returns: Returns
    rules: Rules
    timing: Timing
    metrics: Metrics
    screen: Screen
    board: Board
    key: Ed25519PrivateKey | None = None
    desk: Desk | None = None
    codes: FrameCodes = field(default_factory=FrameCodes)
    guide: Guide = field(default_factory=Guide)
    samples: GoodSamples = field(default_factory=lambda: GoodSamples(None))
    examples: KnownExamples | None = None
    prechecks: Prechecks = field(default_factory=lambda: Prechecks(None))
    sign_in: SignInDesk | None = None
    running: Running | None = None


class Work:
    """The session in the making; begins where the journal says it stopped."""

    def __init__(self, parts: Parts, reporter: Reporter) -> None:
        self._parts, self._reporter = parts, reporter
        self._session = Session(current=parts.journal.last(), pending_rma=parts.journal.pending_rma())
        self._capture_after_ns = time.monotonic_ns()
        self.running = parts.running or Running(Side(parts.bench, examples=parts.examples))
        self._interview = self._interview_by(parts.bench)
        self._session = self._interview.next(self._session)
        self.worker = self._remembered_worker()
        self._language: Language | None = None
        self._retry_at = 0.0
        self._retaken = 0
        self._trouble: dict[str, Fault] = {}
        self._notice: Notice | None = None
        self._last_reported: LastReported | None = None
        self._departures = Departures(parts.journal, parts.outputs, reporter, parts.timing.undo_s)
        self._neighbours: tuple[TagReading, ...] = ()

    # What comes in --------------------------------------------------------------------------------------------------

    def resume(self) -> None:
        """Show again what was on the table; a verdict whose pictures are gone is made anew."""
        self._departures.resume()
        record = self._session.current
        if record is None:
            return
        log.info("resumed", inspection_id=str(record.inspection_id), state=record.state)
        if record.rma is not None:
            self._parts.returns.ask(record.rma)
        if record.state is State.JUDGED:
            try:
                for picture in record.pictures:
                    self._parts.pictures.read(picture.sha256)
            except StoreError as error:
                log.error("evidence_lost", inspection_id=str(record.inspection_id), error=error.one_line())
                self._apply(machine.evidence_lost(self._session, _now()))

    def scanned(self, reading: BarcodeReading) -> None:
        """A barcode; one that is a command and does not fit becomes a notice."""
        text = reading.text.strip()
        if is_badge(text):
            self._badge(text)
            return
        if self._parts.sign_in is not None:
            self._parts.sign_in.cancel()
        if not is_command_code(text):
            self._apply(machine.scanned(self._session, reading, self._parts.rules, self.worker))
            return
        try:
            self.ordered(order_of_code(text, self.worker))
        except (NotPossible, UnknownCode) as error:
            self._apply(Step(self._session, notice=error.code))

    def ordered(self, order: Order) -> None:
        """Carry out an order; raises NotPossible when it does not fit."""
        special = {
            OrderKind.UNDO: self._undo,
            OrderKind.REPRINT: self._reprint,
            OrderKind.ASK: self._ask,
            OrderKind.ANSWER: self._answer,
            OrderKind.SHIFT: self._show_shift,
        }.get(order.kind)
        if special is not None:
            special(order)
            return
        self._apply(machine.ordered(self._session, order, self._parts.rules, _now(), time.monotonic_ns()))

    def _undo(self, order: Order) -> None:
        inspection_id, revision, unheard = self._departures.to_take_back(self._session, order)
        step = machine.undone(self._session, order.who, _now(), unheard=unheard)
        self._apply(step, take_back=(inspection_id, revision))
        self._departures.taken_back()

    def _ask(self, order: Order) -> None:
        self._apply(Step(self._interview.ask(self._session, order.question)))

    def _answer(self, order: Order) -> None:
        current = self._session.current
        if current is not None and order.inspection_id not in (None, current.inspection_id):
            raise OtherInspection("the order was for another inspection", hint="look at the item on the screen")
        interview = self._interview
        if current is not None and current.versions is not None:
            interview = self._interview_by(self.running.that_judged(current.versions).bench)
        self._apply(interview.answer(self._session, order, _now()))

    def _badge(self, badge: str) -> None:
        person = self._parts.rules.people.by_badge.get(badge)
        if person is not None:
            self.signed_in(person)
        elif self._parts.sign_in is not None:
            self._parts.sign_in.begin(badge)
            self.publish()
        else:
            self._apply(Step(self._session, notice="badge.unknown"))

    def signed_in(self, person: Person) -> None:
        """Somebody is who their badge says: a supervisor agrees to what waits, otherwise they work here from now on."""
        if self._session.approving is None:
            self._parts.journal.remember("worker", person.person_id)
            self.worker, self._language = person.person_id, Language(tag=person.language, at=_now())
            self._apply(Step(self._session, notice="badge.welcome"))
        elif person.supervisor:
            self._apply(machine.approved(self._session, person.person_id, _now()))
        else:
            self._apply(Step(self._session, notice="badge.no_supervisor"))

    def signed_out(self, person_id: str) -> None:
        """The hub took somebody's sign-in back, or its time is over; what they decided stays."""
        if self.worker != person_id:
            return
        self._parts.journal.remember("worker", self._parts.worker)
        self.worker = self._parts.worker
        self._notice = Notice(code="badge.over", at=_now())
        self.publish()

    def _remembered_worker(self) -> str:
        parts = self._parts
        worker = parts.journal.remembered("worker") or parts.worker
        gone = parts.sign_in is not None and parts.rules.people.find(worker) is None
        return parts.worker if gone else worker

    def _reprint(self, _order: Order) -> None:
        self._departures.reprint()
        self._notice = Notice(code="label.again", at=_now())
        self.publish()

    def _show_shift(self, _order: Order) -> None:
        self._notice = Notice(code="shift.show", at=_now())
        self.publish()

    def delivered(self, inspection_id: UUID) -> None:
        """The hub has it; the journal knows already."""
        self._session = machine.reported(self._session, inspection_id)
        self._last_reported = LastReported(inspection_id=inspection_id, at=_now())
        self.publish()

    def look_again(self) -> None:
        """A device came or went: try at once what failed, and show it."""
        self._retry_at = 0.0
        self.publish()

    def failed(self, fault: Fault) -> None:
        """A step could not be done; nothing of it happened. What goes on by itself is tried again a little later."""
        self._retry_at = time.monotonic() + PROBE_S
        if self._session.settling is not None:
            self._session = replace(self._session, settling=None, last_scan=None)
        self._trouble["step"] = fault
        self.publish()

    # What goes on by itself -----------------------------------------------------------------------------------------

    def patience_s(self) -> float | None:
        """How long nothing can happen by itself; ``None`` for "until somebody says something"."""
        if self._session.settling is not None:
            return max(0.0, self._settle_end_ns() / 1e9 - time.monotonic())
        kept_back_s = self._departures.due_in_s
        if kept_back_s is not None:
            return kept_back_s
        if self._session.state in (State.IDENTIFIED, State.CAPTURING) or self._disk_trouble():
            return max(0.0, self._retry_at - time.monotonic())
        return None

    def progress(self) -> bool:
        """Do what is due; returns whether there may be more."""
        self._exchange()
        if self._session.settling is not None:
            if time.monotonic_ns() < self._settle_end_ns():
                return False
            self._settle()
            return True
        if self._departures.release_if_due():
            self.publish()
        if time.monotonic() < self._retry_at:
            return False
        if self._session.state is State.IDENTIFIED:
            self._apply(machine.capture_started(self._session, _now()))
            return True
        if self._session.state is State.CAPTURING:
            return self._capture()
        if self._disk_trouble():
            self._probe_disk()
        return False

    def _settle_end_ns(self) -> int:
        settling = self._session.settling
        return 0 if settling is None else settling.since_ns + int(self._parts.timing.settle_s * 1e9)

    def _settle(self) -> None:
        settling = self._session.settling
        if settling is None:
            return
        end_ns = time.monotonic_ns()
        begin_ns = settling.since_ns - int(self._parts.timing.tag_window_s * 1e9)
        tags = self._parts.tags.between(begin_ns, end_ns)
        self._neighbours = self._parts.tags.neighbours(begin_ns, end_ns)
        step = machine.settled(
            self._session,
            join(settling.barcodes, tags),
            (*settling.barcodes, *tags),
            inspection_id=uuid.uuid4(),
            at=_now(),
            identify_ms=(time.monotonic_ns() - settling.since_ns) / 1e6,
        )
        self._capture_after_ns = end_ns + int(self._parts.timing.capture_delay_s * 1e9)
        self._apply(step)

    def _capture(self) -> bool:
        record, parts = self._current(), self._parts
        if self._waits_for_weight():
            self._retry_at = time.monotonic() + WEIGH_TICK_S
            return False
        try:
            taken = take(
                parts.cameras,
                parts.pictures,
                after_ns=self._capture_after_ns,
                timeout_s=parts.timing.capture_timeout_s,
                max_age_s=parts.timing.max_frame_age_s,
                max_skew_ms=parts.timing.max_skew_ms,
            )
        except CaptureFailed as error:
            self._capture_failed(error)
            return False
        expected = parts.returns.expected(record.rma) if record.rma is not None else None
        weight = parts.weights.claim(record.inspection_id, time.monotonic_ns())
        scanned = item_of(record.item)
        sight = Sight() if chosen_by_person(record) else parts.codes.look(taken.frames, scanned)
        item = joined(scanned, sight.codes)
        asked = Asked(record.inspection_id, item, taken, expected, weight)
        judged = self.running.judge(asked)
        judgement = judged.judgement
        self._trouble.pop("judge", None)
        if judgement.capture and self._retaken < parts.timing.retakes:
            self._take_again(judgement.capture)
            return False
        if judgement.failure:
            self._trouble["judge"] = Fault(code="judge.failed", detail=judgement.failure)
        interview = self._interview_by(judged.side.bench)
        policy, answers = interview.judged(item, judgement.assessment, judgement.policy, record.answers)
        step = machine.judged(
            self._session,
            pictures=taken.pictures,
            assessment=judgement.assessment,
            policy=policy,
            answers=answers,
            versions=judgement.versions,
            at=_now(),
            timings_ms={**taken.timings_ms, "codes": sight.ms, **judgement.timings_ms},
            weight=weight,
            capture_problems=judgement.capture,
            item=item,
            codes=readings_of(sight.codes),
        )
        self._apply(step)
        self.running.told(judged, asked)
        return True

    def _exchange(self) -> None:
        """Let what was prepared judge from the next item on; never in the middle of one."""
        if self.running.waits and self._session.state not in (State.IDENTIFIED, State.CAPTURING):
            self.running.take_over()
            champion = self.running.champion
            self._interview = self._interview_by(champion.bench)
            self._parts.screen.use(champion.bench, names_similar=champion.examples is not None)
            self.publish()

    def _interview_by(self, bench: Bench) -> Interview:
        return Interview(self._parts.guide, bench.policy, bench.catalogue)

    def _waits_for_weight(self) -> bool:
        """Whether the item still moves on the scale and there is time to let it rest."""
        now_ns = time.monotonic_ns()
        rests_by_ns = self._capture_after_ns + int(self._parts.timing.weigh_s * 1e9)
        return now_ns < rests_by_ns and self._parts.weights.moving(now_ns)

    def _capture_failed(self, error: CaptureFailed) -> None:
        """Say which view is missing and try again soon, with frames from then on only."""
        fault = Fault(code=error.cause_code, about=error.view, detail=str(error))
        self._parts.metrics.capture_failed(error.cause_code)
        self._capture_after_ns = time.monotonic_ns()
        self._retry_at = time.monotonic() + self._parts.timing.retry_s
        if self._trouble.get("capture") != fault:
            log.warning("capture_failed", view=error.view, error=str(error))
            self._trouble["capture"] = fault
            self._count_refusal(error.cause_code)
            self.publish()

    def _take_again(self, problems: Mapping[str, tuple[str, ...]]) -> None:
        """Tell the worker the one thing to put right, and take new pictures a little later."""
        view, codes = next(iter(problems.items()))
        log.info("pictures_refused", problems={view: list(found) for view, found in problems.items()})
        self._parts.metrics.capture_failed(f"picture.{codes[0]}")
        self._retaken += 1
        wait_s = self._parts.timing.retake_s
        self._capture_after_ns = time.monotonic_ns() + int(wait_s * 1e9)
        self._retry_at = time.monotonic() + wait_s
        self._trouble["capture"] = Fault(code=f"picture.{codes[0]}", about=view)
        self._count_refusal(f"picture.{codes[0]}")
        self.publish()

    def _count_refusal(self, code: str) -> None:
        try:
            self._parts.journal.shift.refused(code, self.worker)
        except JournalError as error:  # a figure is no reason to take no pictures
            log.warning("refusal_not_counted", error=error.one_line())

    def _disk_trouble(self) -> bool:
        return "step" in self._trouble and self._trouble["step"].code in _DISK

    def _probe_disk(self) -> None:
        """Whether the disk takes a transaction and pictures again; raises what still stands in the way."""
        self._parts.pictures.check_space()
        self._parts.journal.commit((), pending_rma=self._session.pending_rma)
        self._trouble.pop("step")
        self.publish()

    # One step -------------------------------------------------------------------------------------------------------

    def _apply(self, step: Step, take_back: tuple[UUID, int] | None = None) -> None:
        """Journal the step, then show it: the one place where the session changes."""
        before = self._session
        if step.transitions:
            step = replace(step, session=self._interview.next(step.session))
        if step.transitions or step.session.pending_rma != before.pending_rma:
            step = self._journaled(step, take_back)
        if step.session.state is State.CAPTURING and before.state is not State.IDENTIFIED:
            self._capture_after_ns = time.monotonic_ns()
        if step.session.state is not State.CAPTURING:
            self._trouble.pop("capture", None)
            self._retaken = 0
        self._retry_at = 0.0
        self._session = step.session
        self._notice = Notice(code=step.notice, at=_now()) if step.notice else None
        self._trouble.pop("step", None)
        self.publish()
        for rma in _rmas(self._session) - _rmas(before):
            self._parts.returns.ask(rma)
        if any(moved.after not in OPEN_STATES for moved in step.transitions):
            self._parts.weights.decided()
        if any(moved.after in SETTLED_STATES for moved in step.transitions):
            self._departures.decided(step)
        elif step.session.settling is not None:
            self._departures.next_item()
        for moved in step.transitions:
            self._parts.metrics.transition(moved)
            log.info("transition", inspection_id=str(moved.record.inspection_id), to=moved.after)

    def _journaled(self, step: Step, take_back: tuple[UUID, int] | None = None) -> Step:
        """Write the step; returns it with the time that took added to the inspection's timings."""
        decided = [moved.record for moved in step.transitions if moved.after in SETTLED_STATES]
        report = build_report(decided[0], self._parts.station_id, self._parts.key) if decided else None
        start = time.perf_counter()
        self._parts.journal.commit(
            step.transitions,
            report=report,
            pending_rma=step.session.pending_rma,
            label=self._departures.labelled,
            held=self._departures.keeps_back(step),
            take_back=take_back,
        )
        spent_ms = (time.perf_counter() - start) * 1e3
        current = step.session.current
        if current is None or not step.transitions or decided:
            return step
        timings = {**current.timings_ms, "journal": current.timings_ms.get("journal", 0.0) + spent_ms}
        timed = current.model_copy(update={"timings_ms": timings})
        return replace(step, session=replace(step.session, current=timed))

    def _current(self) -> InspectionRecord:
        if self._session.current is None:
            raise InspectionError("there is no inspection on the table")
        return self._session.current

    def publish(self) -> None:
        """Show the session as it is."""
        try:
            queued = self._parts.journal.outbox_counts()
        except JournalError as error:
            queued = (0, 0)
            self._trouble["step"] = fault_of(error)
        shown = self._parts.screen.show(
            self._session,
            at=_now(),
            queued=queued,
            hub=self._reporter.status,
            trouble=(*self._trouble.values(), *self._parts.outputs.faults),
            notice=self._notice,
            last_reported=self._last_reported,
            neighbours=self._neighbours,
            can_undo=self._departures.can_undo(self._session),
            can_print=self._parts.outputs.prints,
            questions=shown_questions(self._session, self._interview),
            worker=ShownWorker(worker_id=self.worker, known=self._parts.rules.people.find(self.worker) is not None),
            language=self._language,
        )
        if self._parts.sign_in is not None:
            shown = shown.model_copy(update={"signing_in": self._parts.sign_in.shown})
        self._parts.board.publish(shown)
        self._parts.outputs.show(self._session.current, shown.devices)


def fault_of(error: InspectionError) -> Fault:
    """An error of ours as the screen shows it."""
    return Fault(code=error.code, detail=f"{error} {error.hint}".strip()[:500])


def _rmas(session: Session) -> set[str]:
    current = session.current.rma if session.current is not None else None
    return {rma for rma in (session.pending_rma, current) if rma is not None}


def _now() -> datetime:
    return datetime.now(UTC)
