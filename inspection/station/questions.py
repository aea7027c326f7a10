"""The questions as the screen shows them."""

from __future__ import annotations

from inspection.station.guide import Question
from inspection.station.interview import NONE, WHICH, Candidate, Interview, candidates
from inspection.station.record import InspectionRecord, State
from inspection.station.session_data import Session
from inspection.station.snapshot import ShownAnswer, ShownQuestion


def shown_questions(session: Session, interview: Interview) -> tuple[ShownQuestion, ...]:
    """All questions about the item on the table with their answers; ``asking`` marks the one that is put."""
    record = session.current
    if record is None or record.state is not State.JUDGED or session.settling is not None:
        return ()
    shown = [_shown(question, record, session.asking) for question in interview.questions(record)]
    several = candidates(record)
    return (_which(several, record, session.asking, interview), *shown) if several else tuple(shown)


def _shown(question: Question, record: InspectionRecord, asking: str | None) -> ShownQuestion:
    given = next((answer for answer in record.answers if answer.question == question.question_id), None)
    return ShownQuestion(
        question=question.question_id,
        text=question.text.by_tag(),
        asking=asking == question.question_id,
        required=question.required,
        given=given.value if given is not None else None,
        by=given.by if given is not None else None,
        shows=tuple(ShownAnswer(value="", text=thing.text.by_tag(), icon=thing.icon) for thing in question.shows),
        answers=tuple(
            ShownAnswer(value=answer.value, text=answer.text.by_tag(), icon=answer.icon) for answer in question.answers
        ),
    )


def _which(
    several: tuple[Candidate, ...], record: InspectionRecord, asking: str | None, interview: Interview
) -> ShownQuestion:
    given = next((answer for answer in record.answers if answer.question == WHICH), None)
    answers = [
        ShownAnswer(
            value=str(number),
            icon=one.source,
            text=interview.names(one.gtin),
            detail=" ".join(part for part in (one.gtin, one.serial) if part is not None),
        )
        for number, one in enumerate(several, start=1)
    ]
    return ShownQuestion(
        question=WHICH,
        text={},
        asking=asking == WHICH,
        required=False,
        given=given.value if given is not None else None,
        by=given.by if given is not None else None,
        shows=(),
        answers=(*answers, ShownAnswer(value=NONE, text={})),
    )
