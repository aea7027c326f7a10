"""What a worker can order by key, by touch or by scanning a code: ``CMD:OK``, ``CMD:SCRAP``, ``CMD:REASON:other``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from inspection.errors import InspectionError
from inspection.report import MarkPart
from inspection.verdict import Disposition

PREFIX = "CMD:"
REASON_PREFIX = "REASON:"
ANSWER_PREFIX = "ANSWER:"


class OrderKind(StrEnum):
    """What is to be done.

    ``UNDO`` takes a decision back whose label is not printed and whose report has not left; ``REPRINT`` prints the last
    label once more. ``START`` begins an item that has no readable barcode; ``REASON`` gives the reason of an override
    begun before. ``ASK`` puts a question on the screen again, ``ANSWER`` answers one.
    ``SHIFT`` shows the figures of the shift.
    """

    OK = "ok"
    OVERRIDE = "override"
    REASON = "reason"
    RECAPTURE = "recapture"
    CANCEL = "cancel"
    UNDO = "undo"
    REPRINT = "reprint"
    START = "start"
    ASK = "ask"
    ANSWER = "answer"
    SHIFT = "shift"


_WITH_MORE = (OrderKind.OVERRIDE, OrderKind.REASON, OrderKind.ANSWER)
SIMPLE = tuple(kind.value for kind in OrderKind if kind not in _WITH_MORE)
"""Words that are a whole command by themselves."""


class UnknownCode(InspectionError):
    """A scanned command code is none of ours."""

    code = "command.unknown_code"


@dataclass(frozen=True, slots=True)
class Order:
    """One order.

    Attributes:
        kind: what is to be done.
        who: pseudonymous badge id of the worker.
        disposition: for an override, what the worker chose.
        reason_code: why; ``None`` opens the choice of reasons.
        note: free text of the worker.
        question, answer: for a question; the question ``None`` means the one on the screen.
        marks: where the worker saw the reason of an override.
        inspection_id: the inspection the worker looked at; ``None`` from a scanner, which cannot know it.
    """

    kind: OrderKind
    who: str
    disposition: Disposition | None = None
    reason_code: str | None = None
    note: str = ""
    question: str | None = None
    answer: str | None = None
    marks: tuple[MarkPart, ...] = ()
    inspection_id: UUID | None = None


def is_command_code(text: str) -> bool:
    """Whether a scanned text is meant as a command."""
    return text.upper().startswith(PREFIX)


def order_of_code(text: str, who: str) -> Order:
    """The order of a command code; letter case does not matter before the reason.

    Raises:
        UnknownCode: when the text is no command code of ours.
    """
    word = text[len(PREFIX) :].strip()
    name = word.lower()
    if name.startswith(REASON_PREFIX.lower()):
        return Order(OrderKind.REASON, who, reason_code=word[len(REASON_PREFIX) :])
    if name.startswith(ANSWER_PREFIX.lower()):
        question, _, answer = name[len(ANSWER_PREFIX) :].partition(":")
        return Order(OrderKind.ANSWER, who, question=question, answer=answer)
    if name in (disposition.value for disposition in Disposition):
        return Order(OrderKind.OVERRIDE, who, disposition=Disposition(name))
    if name in SIMPLE:
        return Order(OrderKind(name), who)
    raise UnknownCode(f"{text!r} is not a command", hint="use a code of the printed command sheet")
