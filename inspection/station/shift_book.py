"""What was done in this shift, counted as it happens: a row for each decision and each refused capture, in the journal.

Rows are written in the transaction of what they count, so that a restart or a kill changes no figure; a decision that
is taken back takes its row along. Asking costs one look into an index and a few hundred rows, however old it is.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from inspection.station.record import SETTLED_STATES, InspectionRecord, State
from inspection.station.session_data import Transition
from inspection.station.shift_clock import Moment, ShiftRules
from inspection.verdict import Disposition

LEAST_WORK_S = 60.0
_CLOCK = "shift_clock"
REASON = Mapping[str, str]


class Book(Protocol):
    """Where it is noted; see :class:`inspection.station.journal.Journal`."""

    @property
    def reading(self) -> Callable[[], AbstractContextManager[sqlite3.Connection]]: ...

    @property
    def transaction(self) -> Callable[[], AbstractContextManager[sqlite3.Connection]]: ...


@dataclass(slots=True)
class Tally:
    """Figures of one worker, or of all.

    Attributes:
        worked_s: time between items, of which pauses count as ten minutes at most.
    """

    dispositions: Counter[str] = field(default_factory=Counter)
    overrides: int = 0
    worked_s: float = 0.0

    @property
    def items(self) -> int:
        return self.dispositions.total()

    @property
    def per_hour(self) -> float | None:
        """Items an hour; ``None`` before there was a minute of work to tell it from."""
        return self.items / self.worked_s * 3600 if self.worked_s >= LEAST_WORK_S else None


@dataclass(slots=True)
class Figures:
    """What was done in this shift.

    Attributes:
        started_at: of the shift's first item; ``None`` while there is none.
        holds: how often which reason, each as text by language tag; a code under ``""``.
        refusals: how often pictures could not be taken, by code.
        workers: by badge id.
    """

    started_at: datetime | None = None
    all: Tally = field(default_factory=Tally)
    holds: list[tuple[REASON, int]] = field(default_factory=list)
    refusals: Counter[str] = field(default_factory=Counter)
    workers: dict[str, Tally] = field(default_factory=dict)


class ShiftBook:
    """Writes and reads the figures.

    Raises:
        JournalError: from every method, when the journal cannot be read or written.
    """

    def __init__(self, book: Book, rules: ShiftRules, clock: Callable[[], Moment] = Moment.now) -> None:
        self._book, self._rules, self._clock = book, rules, clock

    def note(self, db: sqlite3.Connection, transition: Transition) -> None:
        """Count a transition within its own transaction."""
        record = transition.record
        if transition.before in SETTLED_STATES and transition.after is State.JUDGED:
            db.execute("DELETE FROM tally WHERE inspection_id = ? AND kind = 'decision'", (str(record.inspection_id),))
        elif transition.after in SETTLED_STATES and record.verdict is not None and record.person is not None:
            self._add(
                db,
                kind="decision",
                inspection_id=str(record.inspection_id),
                worker=record.person.who,
                disposition=record.verdict.disposition,
                overridden=record.person.overrides,
                reason=_reason(record) if record.verdict.disposition is Disposition.HOLD else {},
            )

    def refused(self, code: str, worker: str) -> None:
        """Pictures could not be taken."""
        with self._book.transaction() as db:
            self._add(
                db, kind="refusal", inspection_id="", worker=worker, disposition="", overridden=False, reason={"": code}
            )

    def figures(self) -> Figures:
        """Of the shift that goes on; nothing yet when its first item has not come."""
        with self._book.reading() as db:
            shift = db.execute("SELECT number, started_at FROM shifts ORDER BY number DESC LIMIT 1").fetchone()
            if shift is None or self._rules.begins_anew(_remembered(db), self._clock()):
                return Figures()
            rows = db.execute(
                "SELECT kind, worker, disposition, overridden, reason, count(*) AS n, sum(worked_s) AS worked_s"
                " FROM tally WHERE shift = ? GROUP BY kind, worker, disposition, overridden, reason",
                (shift["number"],),
            ).fetchall()
        figures = Figures(datetime.fromisoformat(shift["started_at"]))
        holds: Counter[str] = Counter()
        for row in rows:
            number, reason = int(row["n"]), row["reason"]
            tallies = (figures.all, figures.workers.setdefault(row["worker"], Tally()))
            for tally in tallies:
                tally.worked_s += row["worked_s"]
            if row["kind"] == "refusal":
                figures.refusals[json.loads(reason).get("", "")] += number
                continue
            for tally in tallies:
                tally.dispositions[row["disposition"]] += number
                tally.overrides += number if row["overridden"] else 0
            if row["disposition"] == Disposition.HOLD:
                holds[reason] += number
        figures.holds = [(json.loads(reason), number) for reason, number in holds.most_common()]
        return figures

    def _add(
        self,
        db: sqlite3.Connection,
        *,
        kind: str,
        inspection_id: str,
        worker: str,
        disposition: str,
        overridden: bool,
        reason: REASON,
    ) -> None:
        now, before = self._clock(), _remembered(db)
        anew = self._rules.begins_anew(before, now)
        if anew:
            db.execute("INSERT INTO shifts (started_at) VALUES (?)", (now.at.isoformat(),))
        worked_s = 0.0 if anew or before is None else now.worked_s(before)
        db.execute(
            "INSERT INTO tally (shift, at, kind, inspection_id, worker, disposition, overridden, reason, worked_s)"
            " VALUES ((SELECT max(number) FROM shifts), ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                now.at.isoformat(),
                kind,
                inspection_id,
                worker,
                disposition,
                overridden,
                json.dumps(reason, ensure_ascii=False, sort_keys=True),
                worked_s,
            ),
        )
        db.execute(
            "INSERT INTO memory (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (_CLOCK, json.dumps({"at": now.at.isoformat(), "boot": now.boot, "up_s": now.up_s})),
        )


def forget(db: sqlite3.Connection, before: str) -> None:
    """Forget what was counted before an instant, ISO 8601 in UTC; the newest shift stays."""
    db.execute("DELETE FROM tally WHERE at < ? AND shift < (SELECT max(number) FROM shifts)", (before,))
    db.execute(
        "DELETE FROM shifts WHERE number < (SELECT max(number) FROM shifts)"
        " AND NOT EXISTS (SELECT 1 FROM tally WHERE shift = shifts.number)"
    )


def _remembered(db: sqlite3.Connection) -> Moment | None:
    row = db.execute("SELECT value FROM memory WHERE key = ?", (_CLOCK,)).fetchone()
    if row is None:
        return None
    try:
        kept = json.loads(row["value"])
        return Moment(datetime.fromisoformat(kept["at"]), str(kept["boot"]), float(kept["up_s"]))
    except (ValueError, KeyError, TypeError):
        return None


def _reason(record: InspectionRecord) -> REASON:
    """Why an item is held: the person's reason, or else the policy's in its words."""
    person, policy = record.person, record.policy
    if person is not None and person.overrides:
        return {"": person.reason_code or "other"}
    return dict(policy.reason) if policy is not None else {}
