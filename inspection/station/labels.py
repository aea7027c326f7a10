"""The labels that decided items are owed: each is noted with the decision and printed once, whatever comes between.

``held -> owed -> sending -> printed``, or ``unsure`` or ``failed``. ``sending`` is on disk before the first byte goes
to the printer, so a station that was killed knows which labels it need not worry about.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from inspection.station.record import InspectionRecord


class LabelStatus(StrEnum):
    """Where a label stands; ``HELD`` while the decision can still be taken back for nothing."""

    HELD = "held"
    OWED = "owed"
    SENDING = "sending"
    PRINTED = "printed"
    UNSURE = "unsure"
    FAILED = "failed"


_LEFT = (LabelStatus.SENDING, LabelStatus.PRINTED, LabelStatus.UNSURE)


@dataclass(frozen=True, slots=True)
class OwedLabel:
    """One label that is to be printed.

    Attributes:
        number: order in which they are owed.
        copy: 1 for the one that the decision owes, more for each print again.
        interrupted: whether it was being sent when the station ended.
    """

    number: int
    record: InspectionRecord
    copy: int
    interrupted: bool = False


class Book(Protocol):
    """Where labels are noted; see :class:`inspection.station.journal.Journal`."""

    @property
    def reading(self) -> Callable[[], AbstractContextManager[sqlite3.Connection]]: ...

    @property
    def transaction(self) -> Callable[[], AbstractContextManager[sqlite3.Connection]]: ...

    @property
    def record_of(self) -> Callable[[str], InspectionRecord]: ...


class Labels:
    """The labels in the journal.

    Raises:
        JournalError: from every method, when the journal cannot be read or written.
    """

    def __init__(self, book: Book) -> None:
        self._book = book

    def owed(self) -> list[OwedLabel]:
        """Labels to print, in the order in which they are owed, those that were being sent first."""
        with self._book.reading() as db:
            rows = db.execute(
                "SELECT l.number, l.copy, l.status, i.data FROM labels l JOIN inspections i USING (inspection_id)"
                " WHERE l.status IN ('owed', 'sending') ORDER BY l.number"
            ).fetchall()
        return [
            OwedLabel(
                row["number"],
                self._book.record_of(row["data"]),
                row["copy"],
                interrupted=row["status"] == LabelStatus.SENDING,
            )
            for row in rows
        ]

    def set(self, number: int, status: LabelStatus) -> bool:
        """Note what became of a label; whether it is still owed at all, as its decision may have been taken back."""
        with self._book.transaction() as db:
            changed = db.execute(
                "UPDATE labels SET status = ?, finished_at = ? WHERE number = ?",
                (status, datetime.now(UTC).isoformat(), number),
            )
        return changed.rowcount == 1

    def again(self, record: InspectionRecord) -> None:
        """Owe one more copy of the label of a decided inspection, unless one is still to come."""
        with self._book.transaction() as db:
            still_to_come = db.execute(
                "SELECT 1 FROM labels WHERE inspection_id = ? AND status IN ('held', 'owed')",
                (str(record.inspection_id),),
            ).fetchone()
            if still_to_come is None:
                owe_label(db, record.inspection_id, record.revision, held=False)

    def newest(self) -> tuple[UUID, LabelStatus] | None:
        """The label that was owed last and what became of it."""
        with self._book.reading() as db:
            row = db.execute("SELECT inspection_id, status FROM labels ORDER BY number DESC LIMIT 1").fetchone()
        return None if row is None else (UUID(row["inspection_id"]), LabelStatus(row["status"]))

    def waiting(self) -> int:
        """How many labels have not been sent yet."""
        with self._book.reading() as db:
            row = db.execute("SELECT count(*) AS n FROM labels WHERE status IN ('held', 'owed')").fetchone()
        return int(row["n"])


def owe_label(db: sqlite3.Connection, inspection_id: UUID, revision: int, *, held: bool) -> None:
    """Note that a label is owed: the first of a decision, or one more copy."""
    db.execute(
        "INSERT INTO labels (inspection_id, revision, copy, status, created_at)"
        " SELECT ?, ?, coalesce(max(copy), 0) + 1, ?, ? FROM labels WHERE inspection_id = ? AND revision = ?",
        (
            str(inspection_id),
            revision,
            LabelStatus.HELD if held else LabelStatus.OWED,
            datetime.now(UTC).isoformat(),
            str(inspection_id),
            revision,
        ),
    )


def label_left(db: sqlite3.Connection, inspection_id: UUID, revision: int) -> bool:
    """Whether a label of this decision is printed, or may be."""
    row = db.execute(
        "SELECT 1 FROM labels WHERE inspection_id = ? AND revision = ? AND status IN (?, ?, ?) LIMIT 1",
        (str(inspection_id), revision, *_LEFT),
    ).fetchone()
    return row is not None
