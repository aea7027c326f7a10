"""The questions at the table: which one is on the screen, and what an answer leads to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from devices import epc, gs1
from inspection.errors import IdentityError
from inspection.item import IdentityIssue, Item
from inspection.policy import Policy
from inspection.products import Catalogue, Product
from inspection.report import AnswerPart, AssessmentPart, PolicyPart, ReadingPart
from inspection.station import session as machine
from inspection.station.guide import Guide, Question, decided_with, suggested
from inspection.station.orders import Order
from inspection.station.record import InspectionRecord, State
from inspection.station.session_data import NotPossible, Session, Step

WHICH = "which"
"""The question which of several codes or tags is the item's."""
NONE = "none"
MAX_CANDIDATES = 8
_UNDECIDED = frozenset({IdentityIssue.SEVERAL_TAGS, IdentityIssue.GTIN_DIFFERS, IdentityIssue.SERIAL_DIFFERS})


class UnknownAnswer(NotPossible):
    """The question is not asked about this item, or the answer is none of its answers."""

    code = "command.unknown_answer"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One thing the item may be, and which reading says so.

    Attributes:
        source: ``tag``, ``barcode`` or ``camera``.
        value: what was read.
    """

    source: str
    value: str
    gtin: str | None
    serial: str | None


class Interview:
    """Asks about items.

    Args:
        guide: the configured questions.
        policy, catalogue: decide anew with every answer.
    """

    def __init__(self, guide: Guide, policy: Policy, catalogue: Catalogue) -> None:
        self._guide, self._policy, self._catalogue = guide, policy, catalogue

    def judged(
        self, item: Item, assessment: AssessmentPart | None, policy: PolicyPart, known: Sequence[AnswerPart]
    ) -> tuple[PolicyPart, tuple[AnswerPart, ...]]:
        """The policy's word and the answers, after the machine has answered what it can."""
        questions = self._guide.about(self._catalogue.find(item.gtin))
        answers = suggested(questions, assessment, policy, known)
        return decided_with(self._policy, policy, answers), answers

    def questions(self, record: InspectionRecord) -> tuple[Question, ...]:
        """The configured questions about the item."""
        return self._guide.about(self.product(record))

    def product(self, record: InspectionRecord) -> Product | None:
        return self._catalogue.find(record.item.gtin)

    def names(self, gtin: str | None) -> dict[str, str]:
        """What an article is called, by language tag; empty when the catalogue does not know it."""
        product = self._catalogue.find(gtin)
        return dict(product.name) if product is not None else {}

    def next(self, session: Session) -> Session:
        """The session with the question that comes up by itself, if there is one."""
        record = session.current
        if record is None or record.state is not State.JUDGED:
            return session
        if candidates(record) and _given(record, WHICH) is None:
            return replace(session, asking=WHICH, asking_required=False)
        for question in self.questions(record):
            if question.required and _given(record, question.question_id) is None:
                return replace(session, asking=question.question_id, asking_required=True)
        return replace(session, asking=None, asking_required=False)

    def ask(self, session: Session, wanted: str | None) -> Session:
        """Put a question on the screen so that its answer can be given or corrected; without a name the next one.

        Raises:
            NotPossible: when nothing is asked about the item now.
        """
        record = _judged(session)
        names = [question.question_id for question in self.questions(record)]
        if candidates(record):
            names.insert(0, WHICH)
        if not names or (wanted is not None and wanted not in names):
            raise UnknownAnswer("this is not asked about the item on the table")
        if session.asking_required:
            return session
        if wanted is None:
            at = names.index(session.asking) + 1 if session.asking in names else 0
            wanted = names[at] if at < len(names) else None
        return replace(session, asking=wanted, override=None, approving=None)

    def answer(self, session: Session, order: Order, at: datetime) -> Step:
        """Take an answer.

        Raises:
            NotPossible: when the question is not asked about the item, or has no such answer.
        """
        record = _judged(session)
        name = order.question or session.asking
        if name == WHICH:
            return self._which(session, record, order, at)
        question = next((one for one in self.questions(record) if one.question_id == name), None)
        if question is None or order.answer not in {answer.value for answer in question.answers}:
            raise UnknownAnswer(f"{name!r} is not answered by {order.answer!r}")
        given = AnswerPart(question=question.question_id, fact=question.fact, value=order.answer, who=order.who)
        if record.policy is None:
            raise NotPossible("there is no verdict yet")
        others = [known for known in record.answers if known.question != given.question]
        policy = decided_with(self._policy, record.policy, [*others, given])
        return machine.answered(session, given, policy, at)

    def _which(self, session: Session, record: InspectionRecord, order: Order, at: datetime) -> Step:
        found = candidates(record)
        if record.policy is None or not found:
            raise UnknownAnswer("it is not asked which item this is")
        if order.answer == NONE:
            return machine.answered(session, AnswerPart(question=WHICH, value=NONE, who=order.who), record.policy, at)
        if order.answer is None or not order.answer.isdecimal() or not 1 <= int(order.answer) <= len(found):
            raise UnknownAnswer(f"there is no item {order.answer!r} to choose")
        chosen = found[int(order.answer) - 1]
        given = AnswerPart(question=WHICH, value=chosen.value, who=order.who)
        item = Item(gtin=chosen.gtin, serial=chosen.serial, sources=(chosen.source, "person"))
        return machine.answered(session, given, record.policy, at, item=item)


def chosen_by_person(record: InspectionRecord) -> bool:
    """Whether a person has said which item it is; then no device is asked again."""
    given = _given(record, WHICH)
    return given is not None and given.value != NONE


def candidates(record: InspectionRecord) -> tuple[Candidate, ...]:
    """What the item may be, where its readings contradict each other; empty when they do not, or name one thing."""
    if not _UNDECIDED & set(record.item.issues):
        return ()
    found: dict[tuple[str | None, str | None], Candidate] = {}
    for part in record.readings:
        candidate = _candidate(part)
        if candidate is not None:
            found.setdefault((candidate.gtin, candidate.serial), candidate)
    several = tuple(found.values())[:MAX_CANDIDATES]
    return several if len(several) > 1 else ()


def _candidate(part: ReadingPart) -> Candidate | None:
    source = part.kind if part.view is None else "camera"
    try:
        if part.kind == "tag":
            tag = epc.decode(part.value)
            return Candidate(source, part.value, tag.gtin, tag.serial) if tag.gtin is not None else None
        if part.kind == "barcode":
            code = gs1.parse(part.value, "")
            return Candidate(source, part.value, code.gtin, code.serial) if code.gtin is not None else None
    except IdentityError:
        return None
    return None


def _given(record: InspectionRecord, question: str) -> AnswerPart | None:
    return next((answer for answer in record.answers if answer.question == question), None)


def _judged(session: Session) -> InspectionRecord:
    record = session.current
    if record is None or record.state is not State.JUDGED:
        raise NotPossible(f"the session is {session.state}, not judged")
    return record
