"""When report and label of a decision leave the station: at once, or a little later, so that it can be taken back."""

from __future__ import annotations

import time
from uuid import UUID

from inspection.station.journal import Departed, Journal
from inspection.station.labels import Labels
from inspection.station.orders import Order
from inspection.station.outputs import Outputs
from inspection.station.record import SETTLED_STATES
from inspection.station.reporter import Reporter
from inspection.station.session_data import NEXT_SCAN, NotPossible, OtherInspection, Session, Step


class Departures:
    """Lets reports and labels go.

    Args:
        undo_s: how long those of a decision are kept back, seconds; 0 lets them go at once.
    """

    def __init__(self, journal: Journal, outputs: Outputs, reporter: Reporter, undo_s: float) -> None:
        self._journal, self._outputs, self._reporter, self._undo_s = journal, outputs, reporter, undo_s
        self._labels = Labels(journal)
        self._until: float | None = None

    @property
    def due_in_s(self) -> float | None:
        """Until something leaves by itself; ``None`` when nothing is kept back."""
        return None if self._until is None else max(0.0, self._until - time.monotonic())

    @property
    def labelled(self) -> bool:
        """Whether decided items get a label."""
        return self._outputs.prints

    def resume(self) -> None:
        """What the station before kept back or had not printed yet leaves now."""
        self._journal.release()
        self._outputs.resume(self._labels)

    def keeps_back(self, step: Step) -> bool:
        """Whether the decision in ``step`` waits: not when the worker has gone on to the next item already."""
        return self._undo_s > 0 and all(moved.cause != NEXT_SCAN for moved in step.transitions)

    def decided(self, step: Step) -> None:
        """A decision is on disk."""
        if self.keeps_back(step):
            self._until = time.monotonic() + self._undo_s
            return
        self.release()
        self._reporter.wake()

    def release_if_due(self) -> bool:
        """Let go what has waited long enough; whether there was any."""
        if self._until is None or time.monotonic() < self._until:
            return False
        self.release()
        return True

    def next_item(self) -> None:
        """The worker has gone on: nothing waits any longer."""
        if self._until is not None:
            self.release()

    def release(self) -> None:
        """Report and label of the last decision leave now."""
        self._until = None
        if self._journal.release():
            self._reporter.wake()
        self._outputs.print_owed(self._labels)

    def can_undo(self, session: Session) -> bool:
        """Whether the decision on the screen can still be taken back."""
        record = session.current
        if record is None or record.state not in SETTLED_STATES:
            return False
        return self._journal.departed(record.inspection_id, record.revision) is not Departed.GONE

    def to_take_back(self, session: Session, order: Order) -> tuple[UUID, int, bool]:
        """Inspection and revision that an undo is for, and whether the hub cannot have heard of it.

        Raises:
            NotPossible: when nothing is decided, or the order was for another inspection.
        """
        record = session.current
        if record is None or record.state not in SETTLED_STATES:
            raise NotPossible(f"the session is {session.state}: there is no decision to take back")
        if order.inspection_id not in (None, record.inspection_id):
            raise OtherInspection("the order was for another inspection", hint="look at the item on the screen")
        gone = self._journal.departed(record.inspection_id, record.revision)
        return record.inspection_id, record.revision, gone is Departed.HELD

    def taken_back(self) -> None:
        """The decision was undone: nothing waits any longer."""
        self._until = None

    def reprint(self) -> None:
        """Print the label of the item that was decided last once more; one that is still to come is not doubled.

        Raises:
            NotPossible: without a printer, or before the first decision.
        """
        if not self._outputs.prints:
            raise NotPossible("this station has no label printer")
        record = self._journal.last_decided()
        if record is None:
            raise NotPossible("no item is decided yet: there is no label")
        self._labels.again(record)
        self.release()
