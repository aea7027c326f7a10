"""Restoring a back-up into a hub that holds nothing yet, and making sure that nothing is missing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa

from inspection.hub.backup import erased, manifest, programs
from inspection.hub.backup.manifest import DUMP, BackupError, Manifest
from inspection.hub.database import Database, known_revisions
from inspection.hub.images.store import ImageStore
from inspection.hub.problems import Problem

CHANGED_BY_ERASING = frozenset(
    {"images", "image_keys", "image_pieces", "evidence_entries", "precheck_objects", "precheck_pieces"}
    | {"review_due", "review_items", "review_labels", "review_accepted", "review_suspects"}
)
Progress = Callable[[int, int], None]


def restore(
    database: Database, store: ImageStore, folder: Path, *, progress: Progress = lambda _done, _all: None
) -> Manifest:
    """Bring back what ``folder`` holds; the schema is brought up to date. Interrupted, it can be run again.

    Raises:
        BackupError: the back-up is not whole, is of a newer program, or the database holds something already.
    """
    found = check_files(folder)
    if found.schema_revision not in known_revisions():
        message = f"the back-up has schema {found.schema_revision}, which this program does not know"
        raise BackupError(message, hint=f"restore with version {found.version} or newer")
    if found.image_key != store.key_name:
        message = f"the back-up's pictures are under key {found.image_key}, this hub has {store.key_name}"
        raise BackupError(message, hint="put the images.key of the hub that was backed up into the data folder first")
    _pictures(store, folder, found, progress)
    if not _restored_before(database, found):
        database.require_vector()
        programs.restore(database.dsn, folder / DUMP)
        _compare(database, found)
    database.migrate()
    erased.erase_again(database, store, folder.parent)
    return found


def check_files(folder: Path) -> Manifest:
    """Whether a back-up's own files are whole.

    Raises:
        BackupError: one is missing or was changed.
    """
    manifest.check_sums(folder)
    return manifest.read_manifest(folder)


def _pictures(store: ImageStore, folder: Path, found: Manifest, progress: Progress) -> None:
    """Pictures first: a row always has its bytes."""
    for number, each in enumerate(manifest.read_pictures(folder), start=1):
        path = folder.parent / "pictures" / each.place
        try:
            content = path.read_bytes()
        except OSError as error:
            raise BackupError(f"{path}: {error.strerror}") from error
        if hashlib.sha256(content).hexdigest() != each.stored_sha256:
            raise BackupError(f"{path} is not what it was when it was made", hint="take another back-up")
        try:
            if not store.has(each.merchant, each.sha256):
                store.put_stored(each.merchant, each.sha256, content)
        except Problem as problem:
            raise BackupError(f"picture {each.sha256}: {problem.detail}") from None
        progress(number, found.pictures)


def _restored_before(database: Database, found: Manifest) -> bool:
    """Whether the rows are there already, from a run that was interrupted after them.

    Such a run may have erased again already, which changes counts, so the tables that it changes are not compared.

    Raises:
        BackupError: something else is there.
    """
    with database.snapshot() as (connection, _):
        names = sa.inspect(connection).get_table_names()
    if not names:
        return False
    try:
        _compare(database, found, again=True)
    except BackupError:
        message = "the database holds something already; nothing was restored"
        raise BackupError(message, hint="restore into a new data folder, or an empty database") from None
    return True


def _compare(database: Database, found: Manifest, *, again: bool = False) -> None:
    with database.snapshot() as (connection, _):
        there = set(sa.inspect(connection).get_table_names())
        for name, rows in found.rows.items():
            if name in CHANGED_BY_ERASING and again:
                continue
            query = sa.select(sa.func.count()).select_from(sa.table(name))
            number = connection.execute(query).scalar_one() if name in there else None
            if number != rows:
                raise BackupError(f"table {name} has {number} rows, the back-up says {rows}")
