"""The journal's file: opened, checked, brought to the current schema; a damaged one is kept aside, never deleted."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from inspection.errors import JournalError
from inspection.station.journal_schema import APPLICATION_ID, MIGRATIONS


def open_journal(path: Path) -> sqlite3.Connection:
    """Open or create the journal with everything a power cut asks for (WAL, ``synchronous=FULL``), after checking it.

    Raises:
        JournalError: when it cannot be opened, is of another program or a newer version, or is damaged; a damaged file
            was renamed, so that the next start begins a new one and nothing is lost.
    """
    existed = path.exists()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5.0)
    except (sqlite3.Error, OSError) as error:
        raise explained(error, path, "opened") from error
    connection.row_factory = sqlite3.Row
    try:
        if existed:
            _check(connection, path)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        _migrate(connection, path)
    except (sqlite3.DatabaseError, _Damaged) as error:
        connection.close()
        if isinstance(error, _Damaged) or _is_damage(error):
            raise _kept_aside(path, error) from error
        raise explained(error, path, "opened") from error
    except JournalError:
        connection.close()
        raise
    return connection


class _Damaged(Exception):
    """The integrity check found something."""


def _check(connection: sqlite3.Connection, path: Path) -> None:
    application_id = connection.execute("PRAGMA application_id").fetchone()[0]
    if application_id not in (0, APPLICATION_ID):
        raise JournalError(
            f"{path} is a database of another program", hint="point `data` of the station's configuration elsewhere"
        )
    verdicts = [row[0] for row in connection.execute("PRAGMA quick_check(3)")]
    if verdicts != ["ok"]:
        raise _Damaged("; ".join(verdicts))
    orphans = connection.execute("PRAGMA foreign_key_check").fetchall()
    if orphans:
        raise _Damaged(f"{len(orphans)} rows refer to inspections that are not there")


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > len(MIGRATIONS):
        raise JournalError(
            f"{path} has schema {version}, this version knows {len(MIGRATIONS)}",
            hint="install the version that wrote it, or a newer one",
        )
    for number, statements in enumerate(MIGRATIONS[version:], start=version + 1):
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in statements:
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    return getattr(error, "sqlite_errorname", "").startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB"))


def _kept_aside(path: Path, error: Exception) -> JournalError:
    """Rename a damaged journal so that nobody writes to it, and say where it is; it is never deleted."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
    kept = path.with_name(f"{path.name}.damaged-{stamp}")
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(kept.with_name(kept.name + suffix))
    return JournalError(
        f"{path} is damaged ({error}); it was kept as {kept.name}",
        hint="give the kept file to support, it may hold unreported inspections; starting again begins a new journal",
    )


def damaged_journals(path: Path) -> list[str]:
    """Names of damaged journals that were kept aside and still lie beside ``path``."""
    return sorted(
        found.name for found in path.parent.glob(f"{path.name}.damaged-*") if not found.name.endswith(("-wal", "-shm"))
    )


def explained(error: Exception, path: Path, verb: str) -> JournalError:
    """SQLite's error as ours, with what a person can do about it."""
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(("SQLITE_FULL", "SQLITE_IOERR")):
        hint = "free space on the disk of the station's data folder; nothing is lost, the step can be repeated"
    elif name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")) or isinstance(error, PermissionError):
        hint = "give the station's user the right to write to its data folder"
    elif name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        hint = "another program has the journal open: close it"
    else:
        hint = "look at the disk of the station's data folder"
    return JournalError(f"the journal {path} could not be {verb}: {error}", hint=hint)
