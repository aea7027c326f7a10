"""Making a back-up while everything goes on: one snapshot of the database, then the pictures that it names.

A picture's row is written after its bytes, and bytes never change; so the pictures that a snapshot names are there,
whole, whenever they are copied afterwards. Copies are by hash: the second back-up copies only what is new.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from inspection import __version__
from inspection.hub.backup import erased, manifest, programs
from inspection.hub.backup.manifest import DUMP, MANIFEST, PICTURES, SUMS, BackupError, Listed, Manifest
from inspection.hub.bundles.gate_tables import gates
from inspection.hub.bundles.tables import bundles
from inspection.hub.database import Database, head_revision
from inspection.hub.datasets.tables import objects as dataset_objects
from inspection.hub.images.store import ImageStore
from inspection.hub.images.tables import images
from inspection.hub.precheck.tables import objects as precheck_objects
from inspection.hub.problems import Problem

PARTIAL = ".part"
Progress = Callable[[int, int], None]
"""Called with the number of pictures done and of all."""


def back_up(
    database: Database, store: ImageStore, root: Path, *, progress: Progress = lambda _done, _all: None
) -> Path:
    """Make one back-up under ``root``; returns its dated folder. Killed at any moment, it leaves the older ones whole.

    Raises:
        BackupError: a file cannot be written, or a picture is missing or is not what its name says.
        SchemaOutdated, DatabaseUnavailable: see :meth:`Database.check`.
    """
    database.check()
    made_at = datetime.now(UTC)
    part = root / f"{PARTIAL}-{manifest.new_name(made_at)}"
    with _files(root):
        for left in root.glob(f"{PARTIAL}-*"):
            shutil.rmtree(left)
        part.mkdir(parents=True, mode=0o700)
        with database.snapshot() as (connection, snapshot):
            rows = _count(connection)
            named = _pictures(connection)
            erased.note(connection, root)
            programs.dump(database.dsn, snapshot, part / DUMP)
        size = 0
        with (part / PICTURES).open("w", encoding="ascii") as file:
            for number, (merchant, sha256) in enumerate(named, start=1):
                listed, length = _copy(store, root / "pictures", merchant, sha256)
                file.write(f"{listed.merchant} {listed.sha256} {listed.stored_sha256}\n")
                size += length
                progress(number, len(named))
        found = Manifest(
            format=manifest.FORMAT,
            made_at=made_at,
            version=__version__,
            schema_revision=head_revision(),
            rows=rows,
            pictures=len(named),
            picture_bytes=size,
            image_key=store.key_name,
        )
        (part / MANIFEST).write_text(found.model_dump_json(indent=2) + "\n", encoding="utf-8")
        manifest.write_sums(part)
        for path in (part / MANIFEST, part / DUMP, part / PICTURES, part / SUMS, part):
            _sync(path)
        final = root / manifest.new_name(made_at)
        part.rename(final)
        _sync(root)
    return final


def keep_newest(root: Path, number: int) -> list[Path]:
    """Remove all back-ups but the newest ``number``, and the pictures that only they named; returns what was removed.

    Raises:
        BackupError: a file cannot be removed, or the list of one that stays cannot be read.
    """
    found = manifest.dated(root)
    old, kept = found[:-number], found[-number:]
    wanted = {each.place for folder in kept for each in manifest.read_pictures(folder)}
    with _files(root):
        for folder in old:
            (folder / MANIFEST).unlink()  # from here on it is no back-up any more
            shutil.rmtree(folder)
        if old:
            for path in (root / "pictures").glob("*/*/*"):
                if str(path.relative_to(root / "pictures")) not in wanted:
                    path.unlink()
    return old


def _count(connection: Connection) -> dict[str, int]:
    names = sa.inspect(connection).get_table_names()
    count = sa.select(sa.func.count())
    return {name: connection.execute(count.select_from(sa.table(name))).scalar_one() for name in sorted(names)}


def _pictures(connection: Connection) -> list[tuple[UUID, str]]:
    of = [sa.select(table.c.merchant_id, table.c.sha256) for table in (images, precheck_objects, dataset_objects)]
    of.append(sa.select(bundles.c.merchant_id, bundles.c.archive_sha256.label("sha256")))
    shown = sa.select(gates.c.merchant_id, gates.c.pictures_sha256.label("sha256"))
    of.append(shown.where(gates.c.pictures_sha256.is_not(None)))
    rows = connection.execute(sa.union(*of).order_by("merchant_id", "sha256"))
    return [(row.merchant_id, row.sha256) for row in rows]


def _copy(store: ImageStore, pictures: Path, merchant: UUID, sha256: str) -> tuple[Listed, int]:
    """Copy one object as it is stored, encrypted, once it was seen that the picture comes out of it."""
    try:
        stored = store.stored(merchant, sha256)
        listed = Listed(merchant, sha256, hashlib.sha256(stored).hexdigest())
        target = pictures / listed.place
        if target.is_file() and manifest.sha256_of(target) == listed.stored_sha256:
            return listed, len(stored)
        picture = store.opened(merchant, sha256, stored)
    except Problem as problem:
        raise BackupError(f"picture {sha256}: {problem.detail}", hint="run: hub_app.py evidence check") from None
    if hashlib.sha256(picture).hexdigest() != sha256:
        raise BackupError(f"picture {sha256} is not what its name says", hint="run: hub_app.py evidence check")
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = target.with_name(f"{target.name}{PARTIAL}")
    with part.open("wb") as file:
        file.write(stored)
        file.flush()
        os.fsync(file.fileno())
    part.rename(target)
    return listed, len(stored)


@contextmanager
def _files(root: Path) -> Iterator[None]:
    try:
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        yield
    except OSError as error:
        hint = "is there room, and may this account write there?"
        raise BackupError(f"{error.filename or root}: {error.strerror}", hint=hint) from error


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
