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

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from inspection import __version__
from inspection.hub.backup import manifest, programs
from inspection.hub.backup.manifest import DUMP, MANIFEST, PICTURES, SUMS, BackupError, Listed, Manifest
from inspection.hub.database import Database, head_revision
from inspection.hub.images.store import ImageStore
from inspection.hub.images.tables import images
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
            listed = _list_pictures(connection, part / PICTURES)
            programs.dump(database.dsn, snapshot, part / DUMP)
        size = sum(each.size_bytes for each in listed)
        for number, each in enumerate(listed, start=1):
            _copy(store, each, root / "pictures" / each.place)
            progress(number, len(listed))
        found = Manifest(
            format=manifest.FORMAT,
            made_at=made_at,
            version=__version__,
            schema_revision=head_revision(),
            rows=rows,
            pictures=len(listed),
            picture_bytes=size,
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


def _list_pictures(connection: Connection, target: Path) -> list[Listed]:
    query = sa.select(images.c.merchant_id, images.c.sha256, images.c.size_bytes)
    rows = connection.execute(query.order_by(images.c.merchant_id, images.c.sha256))
    listed = [Listed(*row) for row in rows]
    lines = (f"{each.merchant} {each.sha256} {each.size_bytes}\n" for each in listed)
    with target.open("w", encoding="ascii") as file:
        file.writelines(lines)
    return listed


def _copy(store: ImageStore, listed: Listed, target: Path) -> None:
    if target.is_file() and target.stat().st_size == listed.size_bytes:
        return
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = target.with_name(f"{target.name}{PARTIAL}")
    digest = hashlib.sha256()
    try:
        with part.open("wb") as file:
            for chunk in store.get(listed.merchant, listed.sha256):
                digest.update(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
    except Problem as problem:
        raise BackupError(f"picture {listed.sha256}: {problem.detail}", hint="run: hub_app.py evidence check") from None
    if digest.hexdigest() != listed.sha256:
        part.unlink()
        raise BackupError(f"picture {listed.sha256} is not what its name says", hint="run: hub_app.py evidence check")
    part.rename(target)


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
