"""What was erased stays erased, also when an older back-up is restored.

Beside its dated folders a back-up folder keeps ``erased.txt``, which only grows: the pictures whose keys were destroyed
and the cases that were forgotten. A restore erases them again before anybody sees them.
"""

from __future__ import annotations

import os
from pathlib import Path
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from inspection.hub.backup.manifest import BackupError
from inspection.hub.database import Database
from inspection.hub.images.store import ImageStore
from inspection.hub.images.tables import image_keys
from inspection.hub.people.erasing import forget, shred
from inspection.hub.people.tables import erasures
from inspection.hub.problems import Problem

FILE = "erased.txt"
PICTURE, CASE = "picture", "case"


def note(connection: Connection, root: Path) -> None:
    """Add to the list what was erased since.

    Raises:
        BackupError: it cannot be written.
    """
    keys = sa.select(image_keys.c.merchant_id, image_keys.c.sha256).where(image_keys.c.wrapped.is_(None))
    lines = {f"{PICTURE} {merchant} {sha256}" for merchant, sha256 in connection.execute(keys)}
    done = sa.select(erasures.c.merchant_id, erasures.c.cases).where(erasures.c.done_at.is_not(None))
    for merchant, cases in connection.execute(done):
        lines |= {f"{CASE} {merchant} {case}" for case in cases}
    draft = root / f"{FILE}.part"
    try:
        with draft.open("w", encoding="ascii") as file:
            file.writelines(f"{line}\n" for line in sorted(lines | _known(root)))
            file.flush()
            os.fsync(file.fileno())
        draft.rename(root / FILE)
    except OSError as error:
        raise BackupError(f"{root / FILE}: {error.strerror}") from error


def erase_again(database: Database, store: ImageStore, root: Path) -> int:
    """Erase what the list names; returns the number of pictures whose keys the back-up had brought back.

    Raises:
        BackupError: the list is spoilt, or an object cannot be removed.
    """
    pictures: dict[UUID, set[str]] = {}
    cases: dict[UUID, set[str]] = {}
    for line in _known(root):
        try:
            kind, merchant, name = line.split(" ", 2)
            {PICTURE: pictures, CASE: cases}[kind].setdefault(UUID(merchant), set()).add(name)
        except (ValueError, KeyError):
            raise BackupError(f"{root / FILE} holds a line that names nothing") from None
    destroyed = 0
    try:
        for merchant_id, hashes in pictures.items():
            destroyed += shred(database, store, merchant_id, hashes)
    except Problem as problem:
        raise BackupError(f"a picture that was erased cannot be removed: {problem.detail}") from None
    for merchant_id, names in cases.items():
        with database.transaction() as connection:
            forget(connection, merchant_id, sorted(names))
    return destroyed


def _known(root: Path) -> set[str]:
    try:
        return set((root / FILE).read_text(encoding="ascii").split("\n")) - {""}
    except FileNotFoundError:
        return set()
    except (OSError, UnicodeDecodeError) as error:
        raise BackupError(f"{root / FILE} cannot be read") from error
