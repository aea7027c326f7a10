"""The registry: what was published stays as it is, under an id that its bytes decide.

The bytes lie in the object store before the row that names them is committed; killed between the two, nobody sees
anything, and publishing again finds the bytes there.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection, Row

from inspection.errors import BundleError
from inspection.hub.bundles import archives, trial
from inspection.hub.bundles.identity import Identity, Kind, identify, kind_of
from inspection.hub.bundles.settings import BundlesSection
from inspection.hub.bundles.tables import bundles
from inspection.hub.events import EventKind, record
from inspection.hub.hub import Hub
from inspection.hub.problems import Problem

ID_PATTERN = r"^[a-z][a-z0-9-]{0,39}@[A-Za-z0-9][A-Za-z0-9._-]{0,39}\+[0-9a-f]{12}$"
LEFT_S = 86_400


@dataclass(frozen=True, slots=True)
class BundleRow:
    """One published bundle, policy or set of reference banks; see :class:`inspection.hub.bundles.identity.Identity`.

    Attributes:
        archive_sha256: hash of the zip that stations fetch.
        archive_bytes: its size.
        state: ``published``, or ``withdrawn``: no station may be given it any more.
        published_by: a member of staff's or token's id, or what else published it, e.g. ``command line``.
    """

    bundle_id: str
    kind: Kind
    name: str
    version: str
    sha256: str
    archive_sha256: str
    archive_bytes: int
    signers: tuple[str, ...]
    parent: str | None
    lineage: dict[str, Any]
    data: dict[str, str]
    figures: dict[str, Any]
    state: str
    published_at: datetime
    published_by: str
    withdrawn_at: datetime | None = None
    withdrawn_by: str | None = None


@dataclass(frozen=True, slots=True)
class Ready:
    """What was checked and lies in the object store; :func:`enter` makes it known."""

    identity: Identity
    archive_sha256: str
    archive_bytes: int


def publish(hub: Hub, connection: Connection, merchant_id: UUID, folder: Path, by: str) -> BundleRow:
    """Check what lies in ``folder``, store it, and enter it; the same again changes nothing.

    Args:
        hub: its configuration says which signatures are asked for.
        connection: the transaction that it becomes known with.
        merchant_id: whose it is.
        folder: a bundle's folder, one with a policy's ``.yaml``, or one with ``.ref`` files.
        by: who publishes; a member of staff's id, or a job's name.

    Raises:
        BundleError: it is damaged, not signed by a trusted key, or does not reproduce its samples.
        PolicyError: a rule has a mistake. Problem: ``store.full``, ``store.unavailable``.
    """
    return enter(connection, merchant_id, prepare(hub, merchant_id, folder), by)


def prepare(hub: Hub, merchant_id: UUID, folder: Path) -> Ready:
    """Check and store; for who has no transaction open meanwhile. Raises what :func:`publish` raises."""
    section = hub.config.bundles
    archive = archives.pack(folder, section.max_bytes)
    with scratch(hub) as copy:  # what is checked is what was packed, whatever happens to the folder
        archives.unpack(archive, copy, section.max_bytes)
        identity = _checked(copy, section)
    sha256 = hashlib.sha256(archive).hexdigest()
    if not hub.images.has(merchant_id, sha256):
        hub.images.put(merchant_id, sha256, archive)
    return Ready(identity, sha256, len(archive))


def _checked(folder: Path, section: BundlesSection) -> Identity:
    kind = kind_of(folder)
    if kind is Kind.REFERENCES:
        said = trial.tried(folder, section.check_s, dict(os.environ))
        return identify(folder, section.trusted, banks_of=said.get("banks_of"))
    identity = identify(folder, section.trusted)
    if kind is Kind.BUNDLE:
        trial.tried(folder, section.check_s, dict(os.environ))
    return identity


def prepare_archive(hub: Hub, merchant_id: UUID, archive: bytes) -> Ready:
    """Like :func:`prepare`, for a zip that came from elsewhere; it is packed anew. Raises also `ArchiveRefused`."""
    with scratch(hub) as folder:
        archives.unpack(archive, folder, hub.config.bundles.max_bytes)
        return prepare(hub, merchant_id, folder)


def enter(connection: Connection, merchant_id: UUID, ready: Ready, by: str) -> BundleRow:
    """Make known what was prepared.

    One that is there already stays as it is, withdrawn or not, but for signatures: what was signed since is taken.
    """
    found = ready.identity
    row = {
        "merchant_id": merchant_id, "bundle_id": found.bundle_id, "kind": found.kind.value, "name": found.name,
        "version": found.version, "sha256": found.sha256, "archive_sha256": ready.archive_sha256,
        "archive_bytes": ready.archive_bytes, "signers": [*found.signers], "parent": found.parent,
        "lineage": found.lineage, "data": found.data, "figures": found.figures, "published_by": by[:200],
    }  # fmt: skip
    insert = postgresql.insert(bundles).values(row).on_conflict_do_nothing().returning(bundles.c.bundle_id)
    payload = {
        "kind": found.kind.value, "sha256": found.sha256, "archive_sha256": ready.archive_sha256,
        "signers": [*found.signers], "parent": found.parent, "by": by[:200],
    }  # fmt: skip
    if connection.execute(insert).scalar_one_or_none() is not None:
        record(connection, merchant_id, EventKind.BUNDLE_PUBLISHED, found.bundle_id, payload)
        return get(connection, merchant_id, found.bundle_id)
    known = get(connection, merchant_id, found.bundle_id)
    if known.sha256 != found.sha256:
        raise BundleError(f"{found.bundle_id} is the id of something else: {known.sha256}")
    if known.archive_sha256 != ready.archive_sha256 and set(found.signers) >= set(known.signers):
        changed = {name: row[name] for name in ("archive_sha256", "archive_bytes", "signers")}
        connection.execute(bundles.update().where(_mine(merchant_id, found.bundle_id)).values(changed))
        record(connection, merchant_id, EventKind.BUNDLE_PUBLISHED, found.bundle_id, payload)
    return get(connection, merchant_id, found.bundle_id)


def get(connection: Connection, merchant_id: UUID, bundle_id: str) -> BundleRow:
    """What was published under this id.

    Raises:
        Problem: ``bundle.unknown``.
    """
    row = connection.execute(sa.select(bundles).where(_mine(merchant_id, bundle_id))).one_or_none()
    if row is None:
        raise Problem("bundle.unknown", "nothing was published under this id")
    return _row(row)


def is_known(connection: Connection, merchant_id: UUID, bundle_id: str) -> bool:
    """Whether anything was published under this id."""
    query = sa.select(bundles.c.bundle_id).where(_mine(merchant_id, bundle_id))
    return connection.execute(query).one_or_none() is not None


def list(  # noqa: A001 - reads `registry.list(…)`
    connection: Connection,
    merchant_id: UUID,
    kind: Kind | None = None,
    *,
    limit: int = 200,
    after: tuple[datetime, str] | None = None,
) -> tuple[BundleRow, ...]:
    """What was published, newest first.

    Args:
        kind: only this; ``None``: all.
        limit: at most so many.
        after: moment and id of a row; only older ones.
    """
    query = sa.select(bundles).where(bundles.c.merchant_id == merchant_id)
    if kind is not None:
        query = query.where(bundles.c.kind == kind.value)
    if after is not None:
        place = sa.tuple_(sa.literal(after[0]), sa.literal(after[1]))
        query = query.where(sa.tuple_(bundles.c.published_at, bundles.c.bundle_id) < place)
    query = query.order_by(bundles.c.published_at.desc(), bundles.c.bundle_id.desc()).limit(limit)
    return tuple(_row(row) for row in connection.execute(query))


def withdraw(connection: Connection, merchant_id: UUID, bundle_id: str, by: str) -> BundleRow:
    """Let no station be given it any more; what was decided with it stays explained. Raises what :func:`get` raises."""
    live = sa.and_(_mine(merchant_id, bundle_id), bundles.c.state == "published")
    changed = {"state": "withdrawn", "withdrawn_at": sa.func.clock_timestamp(), "withdrawn_by": by[:200]}
    if connection.execute(bundles.update().where(live).values(changed)).rowcount:
        record(connection, merchant_id, EventKind.BUNDLE_WITHDRAWN, bundle_id, {"by": by[:200]})
    return get(connection, merchant_id, bundle_id)


def zipped(hub: Hub, merchant_id: UUID, row: BundleRow) -> bytes:
    """The zip that stations fetch: the same bytes every time, with the hash ``row.archive_sha256``.

    Raises:
        Problem: ``store.unavailable``, also when the bytes are not what they were.
    """
    data = hub.images.get(merchant_id, row.archive_sha256)
    if hashlib.sha256(data).hexdigest() != row.archive_sha256:
        raise Problem("store.unavailable", "the stored bytes of this bundle are damaged")
    return data


def archive(hub: Hub, connection: Connection, merchant_id: UUID, bundle_id: str) -> Path:
    """A folder with what was published, unpacked from the object store and checked again; not to be written to.

    It is kept under ``data_dir/bundles`` for the next time.

    Raises:
        Problem: ``bundle.unknown``, ``store.unavailable``. BundleError: it is damaged, or there is no room.
    """
    row = get(connection, merchant_id, bundle_id)
    shelf = hub.config.data_dir / "bundles" / str(merchant_id)
    folder = shelf / row.archive_sha256
    if folder.is_dir():
        try:
            return _same(folder, row)
        except BundleError:  # somebody wrote to it, or the disk forgot; it is made anew
            shutil.rmtree(folder, ignore_errors=True)
    with scratch(hub) as fresh:
        archives.unpack(zipped(hub, merchant_id, row), fresh, hub.config.bundles.max_bytes)
        _same(fresh, row)
        shelf.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            fresh.rename(folder)
        except OSError:  # another process was first
            _same(folder, row)
    return folder


def _same(folder: Path, row: BundleRow) -> Path:
    if kind_of(folder) is not row.kind or identify(folder, banks_of=row.parent).sha256 != row.sha256:
        raise BundleError(f"{folder} is not {row.bundle_id}")
    return folder


def without_place(hub: Hub, text: str) -> str:
    """What an error says of files on their way in, without where this hub keeps them."""
    root = re.escape(str(hub.config.data_dir / "bundles" / "arriving"))
    return re.sub(rf"{root}/[^/\s:]+(/|\b)", "", text)


@contextmanager
def scratch(hub: Hub) -> Iterator[Path]:
    """An empty folder on the disk of the data, gone at the end unless it was renamed."""
    root = hub.config.data_dir / "bundles" / "arriving"
    try:
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        for left in root.iterdir():  # by a process that was killed
            if time.time() - left.stat().st_mtime > LEFT_S:
                shutil.rmtree(left, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(dir=root))
    except OSError as error:
        raise BundleError(f"{root}: {error.strerror}", hint="is there room, and may the hub write there?") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _mine(merchant_id: UUID, bundle_id: str) -> sa.ColumnElement[bool]:
    return sa.and_(bundles.c.merchant_id == merchant_id, bundles.c.bundle_id == bundle_id)


def _row(row: Row[Any]) -> BundleRow:
    found = {name.name: getattr(row, name.name) for name in fields(BundleRow)}
    return BundleRow(**found | {"kind": Kind(row.kind), "signers": tuple(row.signers)})
