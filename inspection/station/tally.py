"""What was decided here within the last hour, counted from the journal."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from inspection.station.journal import Journal
from inspection.station_status import LastHour
from inspection.verdict import Disposition

HOUR = timedelta(hours=1)
MOST = 1000
"""Inspections looked at; more than a person can do in an hour by far."""
_DECIDED = """
    SELECT data ->> '$.confirmed_at' AS confirmed_at, data ->> '$.policy.disposition' AS said,
           data ->> '$.person.overrides' AS overrides, data ->> '$.person.disposition' AS decided
    FROM (SELECT data, state FROM inspections ORDER BY number DESC LIMIT ?)
    WHERE state IN ('confirmed', 'hold', 'reported')
"""
_OLDEST = "SELECT min(created_at) AS created_at FROM outbox WHERE status = 'waiting'"


def last_hour(journal: Journal, now: datetime | None = None) -> LastHour:
    """The decisions of the 60 minutes before ``now``; a correction counts once, at its newest.

    Raises:
        JournalError: when the journal cannot be read.
    """
    since = (now or datetime.now(UTC)) - HOUR
    dispositions: Counter[Disposition] = Counter()
    overrides = 0
    with journal.reading() as db:
        rows = db.execute(_DECIDED, (MOST,)).fetchall()
    for row in rows:
        if row["confirmed_at"] is None or datetime.fromisoformat(row["confirmed_at"]) < since:
            continue
        dispositions[Disposition(row["decided"] if row["overrides"] else row["said"])] += 1
        overrides += bool(row["overrides"])
    return LastHour(items=dispositions.total(), dispositions=dict(dispositions), overrides=overrides)


def oldest_waiting_s(journal: Journal, now: datetime | None = None) -> float | None:
    """Age of the oldest report that has not reached the hub; ``None`` when none waits.

    Raises:
        JournalError: when the journal cannot be read.
    """
    with journal.reading() as db:
        row = db.execute(_OLDEST).fetchone()
    if row is None or row["created_at"] is None:
        return None
    age = (now or datetime.now(UTC)) - datetime.fromisoformat(row["created_at"])
    return max(0.0, age.total_seconds())
