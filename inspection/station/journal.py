"""The station's memory: every transition durably on disk before anyone sees it, and the outbox of reports beside it.

One SQLite file in WAL mode with ``synchronous=FULL``: a transaction that returned survives a power cut, one that did
not return never happened. The report of an inspection enters the outbox in the transaction that confirms it.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any
from uuid import UUID

import pydantic

from inspection.errors import JournalError
from inspection.report import InspectionReport
from inspection.station.journal_file import explained, open_journal
from inspection.station.labels import label_left, owe_label
from inspection.station.record import SETTLED_STATES, InspectionRecord, State
from inspection.station.session_data import TooLate, Transition
from inspection.station.shift_book import ShiftBook, forget
from inspection.station.shift_clock import ShiftRules

WAITING, DONE, DEAD = "waiting", "done", "dead"


class Departed(Enum):
    """How far report and label of a decision have gone.

    ``HELD``: nothing has left. ``ON_ITS_WAY``: the hub may have heard of it. ``GONE``: one of them has left for good.
    """

    HELD = "held"
    ON_ITS_WAY = "on_its_way"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """One report on its way to the hub.

    Attributes:
        number: order of entry.
        body: the report as JSON, UTF-8.
        attempts: how often it was tried without success.
        last_error: what the last try said, or ``""``.
    """

    number: int
    inspection_id: UUID
    revision: int
    body: bytes
    attempts: int
    last_error: str


@dataclass(frozen=True, slots=True)
class JournalRow:
    """One inspection with what became of its report (``""`` while there is none)."""

    record: InspectionRecord
    outbox: str
    last_error: str
    updated_at: datetime


class Journal:
    """An open journal; safe to use from several threads, one transaction at a time.

    Raises:
        JournalError: from every method, when the file cannot be read or written; a failed write changed nothing.
    """

    def __init__(self, path: Path, shifts: ShiftRules | None = None) -> None:
        self.path = path
        self.shift = ShiftBook(self, shifts or ShiftRules())
        self._lock = threading.Lock()
        self._connection = open_journal(path)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def commit(
        self,
        transitions: Sequence[Transition],
        *,
        report: InspectionReport | None = None,
        pending_rma: str | None = None,
        label: bool = False,
        held: bool = False,
        take_back: tuple[UUID, int] | None = None,
    ) -> None:
        """Write ``transitions``, the report they cause and the RMA label that waits, all or nothing.

        Args:
            label: whether the decided item is owed a printed label.
            held: neither report nor label leaves before :meth:`release`.
            take_back: inspection and revision whose report and label are not to leave at all.

        Raises:
            TooLate: when the report or the label that should be taken back has left.
        """
        with self.transaction() as db:
            if take_back is not None:
                _take_back(db, *take_back)
            for transition in transitions:
                _write_transition(db, transition)
                self.shift.note(db, transition)
            if report is not None:
                db.execute(
                    "INSERT INTO outbox (inspection_id, revision, body, status, created_at, held)"
                    " VALUES (?, ?, ?, ?, ?, ?)",
                    (
                        str(report.inspection_id),
                        report.revision,
                        report.model_dump_json().encode(),
                        WAITING,
                        _now(),
                        held,
                    ),
                )
            if report is not None and label:
                owe_label(db, report.inspection_id, report.revision, held=held)
            db.execute(
                "INSERT INTO memory (key, value) VALUES ('pending_rma', ?)"
                " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                (pending_rma,),
            )

    def release(self) -> bool:
        """What was held may leave, as the worker has had the time to take it back; whether there was any."""
        with self.reading() as db:
            if db.execute("SELECT 1 FROM outbox WHERE held = 1 LIMIT 1").fetchone() is None:
                return False
        with self.transaction() as db:
            db.execute("UPDATE outbox SET held = 0 WHERE held = 1")
            db.execute("UPDATE labels SET status = 'owed' WHERE status = 'held'")
        return True

    def departed(self, inspection_id: UUID, revision: int) -> Departed:
        """How far report and label of a decision have gone."""
        with self.reading() as db:
            return _departed(db, inspection_id, revision)

    def last(self) -> InspectionRecord | None:
        """The inspection begun last, unless it was cancelled: what was on the screen when the station stopped."""
        with self.reading() as db:
            row = db.execute("SELECT data, state FROM inspections ORDER BY number DESC LIMIT 1").fetchone()
        if row is None or row["state"] == State.CANCELLED:
            return None
        return self.record_of(row["data"])

    def last_decided(self) -> InspectionRecord | None:
        """The inspection begun last of those that a person has decided."""
        with self.reading() as db:
            row = db.execute(
                "SELECT data FROM inspections WHERE state IN ('confirmed', 'hold', 'reported')"
                " ORDER BY number DESC LIMIT 1"
            ).fetchone()
        return None if row is None else self.record_of(row["data"])

    def remember(self, key: str, value: str) -> None:
        """Keep something small across restarts, e.g. who works here."""
        with self.transaction() as db:
            db.execute(
                "INSERT INTO memory (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                (key, value),
            )

    def remembered(self, key: str) -> str | None:
        """What was kept under ``key``."""
        with self.reading() as db:
            row = db.execute("SELECT value FROM memory WHERE key = ?", (key,)).fetchone()
        return None if row is None else row["value"]

    def pending_rma(self) -> str | None:
        """The RMA label that was scanned and waits for its item."""
        with self.reading() as db:
            row = db.execute("SELECT value FROM memory WHERE key = 'pending_rma'").fetchone()
        return None if row is None else row["value"]

    def recent(self, limit: int) -> list[JournalRow]:
        """The inspections begun last, newest first."""
        with self.reading() as db:
            rows = db.execute(
                "SELECT i.data, i.updated_at, o.status, o.last_error FROM inspections i LEFT JOIN outbox o"
                " ON o.inspection_id = i.inspection_id AND o.revision = i.revision ORDER BY i.number DESC LIMIT ?",
                (limit,),
            ).fetchall()
        return [
            JournalRow(
                self.record_of(row["data"]),
                row["status"] or "",
                row["last_error"] or "",
                datetime.fromisoformat(row["updated_at"]),
            )
            for row in rows
        ]

    def transitions(self, inspection_id: UUID) -> list[tuple[State, State, str]]:
        """Before, after and cause of every transition of an inspection, oldest first."""
        with self.reading() as db:
            rows = db.execute(
                "SELECT before, after, cause FROM transitions WHERE inspection_id = ? ORDER BY number",
                (str(inspection_id),),
            ).fetchall()
        return [(State(row["before"]), State(row["after"]), row["cause"]) for row in rows]

    # The outbox -----------------------------------------------------------------------------------------------------

    def waiting(self, after: int = 0, limit: int = 50) -> list[OutboxEntry]:
        """Reports to send, oldest first; of each inspection only the lowest revision that is not done."""
        with self.reading() as db:
            rows = db.execute(
                "SELECT * FROM outbox o WHERE status = 'waiting' AND held = 0 AND number > ? AND NOT EXISTS"
                " (SELECT 1 FROM outbox e WHERE e.inspection_id = o.inspection_id AND e.revision < o.revision"
                " AND e.status != 'done') ORDER BY number LIMIT ?",
                (after, limit),
            ).fetchall()
        return [
            OutboxEntry(
                number=row["number"],
                inspection_id=UUID(row["inspection_id"]),
                revision=row["revision"],
                body=bytes(row["body"]),
                attempts=row["attempts"],
                last_error=row["last_error"],
            )
            for row in rows
        ]

    def outbox_counts(self) -> tuple[int, int]:
        """How many reports wait, and how many need a person."""
        with self.reading() as db:
            rows = db.execute(
                "SELECT status, count(*) AS n FROM outbox WHERE status != 'done' GROUP BY status"
            ).fetchall()
        counts = {row["status"]: int(row["n"]) for row in rows}
        return counts.get(WAITING, 0), counts.get(DEAD, 0)

    def dead(self, limit: int = 20) -> list[OutboxEntry]:
        """Reports the hub refused for good, oldest first; they stay until a person sends them again."""
        with self.reading() as db:
            rows = db.execute("SELECT * FROM outbox WHERE status = 'dead' ORDER BY number LIMIT ?", (limit,)).fetchall()
        return [
            OutboxEntry(
                row["number"],
                UUID(row["inspection_id"]),
                row["revision"],
                bytes(row["body"]),
                row["attempts"],
                row["last_error"],
            )
            for row in rows
        ]

    def delivered(self, entry: OutboxEntry, at: datetime) -> None:
        """The hub has the report and all its pictures: the inspection becomes ``reported`` in the same transaction."""
        with self.transaction() as db:
            db.execute(
                "UPDATE outbox SET status = 'done', finished_at = ?, last_error = '' WHERE number = ?",
                (at.isoformat(), entry.number),
            )
            row = db.execute(
                "SELECT data, state FROM inspections WHERE inspection_id = ? AND revision = ?",
                (str(entry.inspection_id), entry.revision),
            ).fetchone()
            if row is None or row["state"] not in SETTLED_STATES:
                return
            record = self.record_of(row["data"])
            reported = record.model_copy(update={"state": State.REPORTED})
            _write_transition(db, Transition(reported, record.state, "hub", at, {"outbox": entry.number}))

    def failed(self, entry: OutboxEntry, error: str, *, dead: bool) -> None:
        """Note a failed try; ``dead`` puts the report before a person instead of trying again."""
        with self.transaction() as db:
            db.execute(
                "UPDATE outbox SET status = ?, attempts = attempts + 1, last_error = ? WHERE number = ?",
                (DEAD if dead else WAITING, error[:1000], entry.number),
            )

    def revive(self) -> int:
        """A person wants the refused reports sent again; returns how many."""
        with self.transaction() as db:
            return db.execute("UPDATE outbox SET status = 'waiting' WHERE status = 'dead'").rowcount

    def prune(self, before: datetime) -> int:
        """Forget inspections that were reported or cancelled before an instant; returns how many.

        The inspection begun last always stays, for it is on the screen.
        """
        finished = (
            "SELECT inspection_id FROM inspections i WHERE updated_at < ? AND state IN ('reported', 'cancelled')"
            " AND number < (SELECT max(number) FROM inspections) AND NOT EXISTS (SELECT 1 FROM outbox o"
            " WHERE o.inspection_id = i.inspection_id AND o.status != 'done')"
        )
        with self.transaction() as db:
            forget(db, before.astimezone(UTC).isoformat())
            old = [row["inspection_id"] for row in db.execute(finished, (before.astimezone(UTC).isoformat(),))]
            for inspection_id in old:
                db.execute("DELETE FROM transitions WHERE inspection_id = ?", (inspection_id,))
                db.execute("DELETE FROM outbox WHERE inspection_id = ?", (inspection_id,))
                db.execute("DELETE FROM labels WHERE inspection_id = ?", (inspection_id,))
                db.execute("DELETE FROM inspections WHERE inspection_id = ?", (inspection_id,))
        return len(old)

    def pictures_in_use(self) -> set[str]:
        """Hashes of the pictures of every inspection that the journal remembers."""
        with self.reading() as db:
            rows = db.execute(
                "SELECT DISTINCT json_extract(p.value, '$.sha256') AS sha256"
                " FROM inspections i, json_each(i.data, '$.pictures') p"
            ).fetchall()
        return {row["sha256"] for row in rows}

    # Below: one transaction, one place where SQLite's errors become ours ----------------------------------------------

    def record_of(self, data: str) -> InspectionRecord:
        try:
            return InspectionRecord.model_validate_json(data)
        except pydantic.ValidationError as error:
            raise JournalError(
                f"{self.path} holds an inspection this version cannot read ({error.error_count()} problems)",
                hint="install the version that wrote it, or move the file aside and keep it",
            ) from error

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._connection
            except sqlite3.Error as error:
                raise explained(error, self.path, "read") from error

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                self._connection.execute("COMMIT")
            except sqlite3.Error as error:
                raise explained(error, self.path, "written") from error
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")


def _departed(db: sqlite3.Connection, inspection_id: UUID, revision: int) -> Departed:
    key = (str(inspection_id), revision)
    report = db.execute("SELECT status, held FROM outbox WHERE inspection_id = ? AND revision = ?", key).fetchone()
    if report is None or report["status"] != WAITING or label_left(db, inspection_id, revision):
        return Departed.GONE
    return Departed.HELD if report["held"] else Departed.ON_ITS_WAY


def _take_back(db: sqlite3.Connection, inspection_id: UUID, revision: int) -> None:
    if _departed(db, inspection_id, revision) is Departed.GONE:
        raise TooLate("its label is printed, or its report is at the hub", hint="inspect the item again")
    key = (str(inspection_id), revision)
    db.execute("DELETE FROM labels WHERE inspection_id = ? AND revision = ?", key)
    db.execute("DELETE FROM outbox WHERE inspection_id = ? AND revision = ?", key)


def _write_transition(db: sqlite3.Connection, transition: Transition) -> None:
    record, at = transition.record, transition.at.astimezone(UTC).isoformat()
    key, data = str(record.inspection_id), record.model_dump_json()
    if transition.before is State.IDLE:
        db.execute(
            "INSERT INTO inspections (inspection_id, state, revision, started_at, updated_at, data)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (key, record.state, record.revision, record.started_at.isoformat(), at, data),
        )
    else:
        changed = db.execute(
            "UPDATE inspections SET state = ?, revision = ?, updated_at = ?, data = ?"
            " WHERE inspection_id = ? AND state = ?",
            (record.state, record.revision, at, data, key, transition.before),
        ).rowcount
        if changed != 1:
            raise JournalError(
                f"inspection {key} is not {transition.before} in the journal",
                hint="restart the station; it resumes from the journal",
            )
    db.execute(
        "INSERT INTO transitions (inspection_id, before, after, cause, at, detail) VALUES (?, ?, ?, ?, ?, ?)",
        (key, transition.before, transition.after, transition.cause, at, json.dumps(transition.detail, default=str)),
    )


def _now() -> str:
    return datetime.now(UTC).isoformat()


def as_json(rows: Sequence[JournalRow]) -> list[dict[str, Any]]:
    """Recent inspections for the API: the record with ``reported`` and the outbox's state beside it."""
    return [
        {
            **row.record.model_dump(mode="json"),
            "verdict": None if row.record.verdict is None else row.record.verdict.model_dump(mode="json"),
            "reported": row.outbox == DONE,
            "outbox": row.outbox,
            "last_error": row.last_error,
            "updated_at": row.updated_at.isoformat(),
        }
        for row in rows
    ]
