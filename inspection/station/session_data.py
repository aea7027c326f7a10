"""What a session is made of: its rules, its memory, and the transitions by which it moves."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from inspection.errors import InspectionError
from inspection.reading import BarcodeReading
from inspection.report import PersonPart
from inspection.station.people import Approval, People
from inspection.station.record import OPEN_STATES, InspectionRecord, State
from inspection.verdict import Disposition

NEXT_SCAN = "next_scan"
"""Reason code of a confirmation that the worker gave by scanning the next item."""

BY_EYE = "by_eye"
"""Reason code of a decision about an item that no machine had an opinion on."""

REPORTABLE_RMA = re.compile(r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
"""What a report can carry, whatever pattern a station is configured with."""


class NotPossible(InspectionError):
    """The order does not fit the state of the session; nothing was changed."""

    code = "command.not_possible"


class OtherInspection(NotPossible):
    """The order was meant for an inspection that is no longer on the table."""

    code = "command.other_inspection"


class TooLate(NotPossible):
    """The decision cannot be taken back any more: its label is printed, or the hub has its report."""

    code = "command.too_late"


class NotAnswered(NotPossible):
    """A question that must be answered first is open."""

    code = "command.not_answered"


class UnknownReason(NotPossible):
    """An override's reason code is not one of the configured ones."""

    code = "command.unknown_reason"


@dataclass(frozen=True, slots=True)
class Rules:
    """What may be configured about a session.

    Attributes:
        rma_pattern: what a scanned RMA label looks like.
        reason_codes: reasons a worker may give for an override.
        next_scan_confirms: whether scanning the next item confirms a verdict, unless it is hold or needs confirmation.
        people: who works here.
        approval: what a supervisor must agree to; nothing while nobody is a supervisor.
        rescan_guard_ns: the same item code again within this time belongs to the item on the table, whichever device
            read it; a new item after "cancel" is free at once. One scanner's stutter never comes here: its driver drops
            it (``duplicate_ms``).
    """

    rma_pattern: re.Pattern[str]
    reason_codes: tuple[str, ...]
    next_scan_confirms: bool = True
    people: People = field(default_factory=People)
    approval: Approval = field(default_factory=Approval)
    rescan_guard_ns: int = 1_500_000_000


@dataclass(frozen=True, slots=True)
class Settling:
    """The moment after the first reading in which further barcodes and tags still belong to the same item."""

    since_ns: int
    started_at: datetime
    barcodes: tuple[BarcodeReading, ...] = ()


@dataclass(frozen=True, slots=True)
class Session:
    """Everything the session remembers.

    Attributes:
        current: the inspection on the table, or the last one, which stays on the screen until the next begins.
        pending_rma: a scanned RMA label that waits for its item.
        settling: set between the first reading and the joined identity.
        override: a disposition the worker chose and has not given a reason for yet.
        approving: what the worker decided, while it waits for a supervisor's badge.
        asking: the question on the screen; asking_required: nothing is decided before it is answered.
        last_scan: text and ``monotonic_ns`` of the last item code.
    """

    current: InspectionRecord | None = None
    pending_rma: str | None = None
    settling: Settling | None = None
    override: Disposition | None = None
    approving: PersonPart | None = None
    asking: str | None = None
    asking_required: bool = False
    last_scan: tuple[str, int] | None = None

    @property
    def state(self) -> State:
        return self.current.state if self.current is not None else State.IDLE

    @property
    def open(self) -> InspectionRecord | None:
        """The inspection that is not decided yet."""
        return self.current if self.current is not None and self.current.state in OPEN_STATES else None


@dataclass(frozen=True, slots=True)
class Transition:
    """One line of the journal: ``record`` is the inspection after it, ``detail`` what it replaced or was caused by."""

    record: InspectionRecord
    before: State
    cause: str
    at: datetime
    detail: Mapping[str, Any]

    @property
    def after(self) -> State:
        return self.record.state


@dataclass(frozen=True, slots=True)
class Step:
    """A session after an event, the transitions to journal first, and a code of what to tell the worker, or ``""``."""

    session: Session
    transitions: tuple[Transition, ...] = ()
    notice: str = ""
