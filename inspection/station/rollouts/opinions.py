"""Second opinions on their way to the hub: kept in a file of their own until it has them, beside the verdicts."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path

import structlog
from pydantic import ValidationError

from inspection.errors import JournalError
from inspection.rollout import MAX_OPINIONS, TrialOpinion

log = structlog.get_logger()
MOST = 50_000
"""Kept while the hub is away, some 25 MB; beyond that the oldest go, for they are statistics and no evidence."""
BATCH = MAX_OPINIONS // 2
_SCHEMA = """
CREATE TABLE IF NOT EXISTS opinions (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    rollout_id TEXT NOT NULL,
    inspection_id TEXT NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (rollout_id, inspection_id)
)
"""


class OpinionBox:
    """Keeps opinions, the newest of each item and rollout. Safe between threads.

    Args:
        path: the file, made when it is not there. One that is damaged is put aside and begun anew.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        try:
            self._connection = _open(path)
        except sqlite3.DatabaseError as error:
            log.error("opinions_damaged", error=str(error)[:200])
            try:
                path.replace(path.with_suffix(".damaged"))
                self._connection = _open(path)
            except (OSError, sqlite3.Error) as again:
                raise JournalError(f"{path} cannot be opened: {again}", hint="look at the station's disk") from again

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def put(self, opinion: TrialOpinion) -> None:
        """Keep one, in the place of what was known of this item.

        Raises:
            JournalError: the disk refuses.
        """
        row = str(opinion.rollout_id), str(opinion.inspection_id), opinion.model_dump_json()
        with self._lock, _explained(), self._connection:
            self._connection.execute(
                "INSERT OR REPLACE INTO opinions (rollout_id, inspection_id, body) VALUES (?, ?, ?)", row
            )
            self._connection.execute(
                "DELETE FROM opinions WHERE number <= (SELECT max(number) FROM opinions) - ?", (MOST,)
            )

    def waiting(self, most: int = BATCH) -> list[tuple[int, TrialOpinion]]:
        """The oldest, by number; what cannot be read any more is dropped.

        Raises:
            JournalError: the disk refuses.
        """
        with self._lock, _explained():
            rows = self._connection.execute(
                "SELECT number, body FROM opinions ORDER BY number LIMIT ?", (most,)
            ).fetchall()
        found, unreadable = [], []
        for number, body in rows:
            try:
                found.append((number, TrialOpinion.model_validate_json(body)))
            except ValidationError:
                unreadable.append(number)
        if unreadable:
            self.forget(unreadable)
        return found

    def count(self) -> int:
        """How many wait."""
        with self._lock, _explained():
            return int(self._connection.execute("SELECT count(*) FROM opinions").fetchone()[0])

    def forget(self, numbers: Sequence[int]) -> None:
        """The hub has these; one that was put anew meanwhile has another number and stays."""
        with self._lock, _explained(), self._connection:
            self._connection.executemany("DELETE FROM opinions WHERE number = ?", [(number,) for number in numbers])


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, check_same_thread=False, timeout=10.0)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")  # a power cut may cost the last few, never the file
        connection.execute(_SCHEMA)
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection


class _explained:  # noqa: N801 - used like a function
    """Errors of SQLite as ours."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, sqlite3.Error):
            raise JournalError(f"second opinions cannot be kept: {error}", hint="free space on the disk") from error
