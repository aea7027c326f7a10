"""Making, keeping and reading data versions: bytes first, then rows, so that a row always has its bytes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection, Row

from datasets.versions import making
from datasets.versions.folders import set_digests
from datasets.versions.store import VersionStore, hashes_of
from datasets.versions.version import Splitting, Version, VersionError, read_version
from inspection.hub.bundles.tables import bundles
from inspection.hub.datasets.labelled import labelled
from inspection.hub.datasets.tables import members, objects, versions
from inspection.hub.events import EventKind, record
from inspection.hub.hub import Hub
from inspection.hub.images.tables import image_keys, images
from inspection.hub.problems import Problem
from inspection.hub.review.labels import accepted

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$"
ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}@[0-9a-f]{12}$"
LISTED = 200
MANIFEST_TYPE = "application/json"
PICTURE_TYPES = {"jpg": "image/jpeg", "png": "image/png"}


@dataclass(frozen=True, slots=True)
class Made:
    """A version that was made, and what of the labels did not enter it."""

    row: Row[Any]
    useless: int
    contradicting: int
    erased: int


def make(hub: Hub, merchant_id: UUID, name: str, base: str | None, exam_share: float | None, by: str) -> Made:
    """A version of all accepted labels on top of ``base``; the same again is the same version.

    Args:
        hub: its parts.
        merchant_id: whose.
        name: of the data set.
        base: id of the version whose pictures, groups and splits are kept; labels go over its own.
        exam_share: share of the exam among new groups; ``None``: as in the base, or 0.15.
        by: who asks.

    Raises:
        Problem: ``dataset.unknown``, ``dataset.refused``, ``store.unavailable``.
    """
    with hub.database.transaction() as connection:
        above = None if base is None else find(connection, merchant_id, base)
        said = labelled(accepted(connection, merchant_id))
    parent = None if above is None else read(hub, merchant_id, above)
    before = Splitting() if parent is None else parent.splitting
    splitting = before if exam_share is None else before.model_copy(update={"exam_share": exam_share})
    wanted = {entry.sha256 for entry in said.entries} | (set() if parent is None else set(parent.by_hash))
    with hub.database.transaction() as connection:
        erased = erased_of(connection, merchant_id, wanted)
    try:
        version = making.make(
            name, said.entries, splitting=splitting, parent=parent, reason="labels", without=said.useless | erased
        )
    except VersionError as error:
        raise Problem("dataset.refused", f"{error}; label pictures in the review queue first") from None
    row = keep(hub, merchant_id, version, by)
    return Made(row, len(said.useless), said.contradicting, len(erased))


def bring_in(hub: Hub, merchant_id: UUID, store: VersionStore, version: Version, by: str) -> Row[Any]:
    """Keep a version of a folder with all its pictures; what is here already is not stored again.

    Raises:
        VersionError: a picture is missing or was changed. Problem: ``store.full``, ``store.unavailable``.
    """
    kinds = {entry.sha256: PICTURE_TYPES[entry.kind] for entry in version.entries}
    for sha256 in hashes_of(version):
        with hub.database.glance() as connection:
            there = _media_type(connection, merchant_id, sha256) is not None
        if not there:
            _keep_object(hub, merchant_id, store.get(sha256), kinds.get(sha256, "image/png"))
    return keep(hub, merchant_id, version, by)


def keep(
    hub: Hub, merchant_id: UUID, version: Version, by: str, seen_by: dict[str, list[str]] | None = None
) -> Row[Any]:
    """Enter a version whose pictures are here; one that is there already stays as it is."""
    _keep_object(hub, merchant_id, version.manifest, MANIFEST_TYPE)
    digests = {*set_digests(version).values(), *set_digests(version, None, as_it_came=True).values()}
    row = {
        "merchant_id": merchant_id, "id": version.id, "name": version.name, "parent": version.parent,
        "reason": version.reason, "sha256": version.sha256, "size_bytes": len(version.manifest),
        "pictures": len(version.entries), "counts": version.counts, "digests": sorted(digests),
        "seen_by": seen_by or {}, "made_by": by[:200],
    }  # fmt: skip
    with hub.database.transaction() as connection:
        insert = postgresql.insert(versions).values(row).on_conflict_do_nothing().returning(versions.c.id)
        if connection.execute(insert).scalar_one_or_none() is not None:
            of = [{"merchant_id": merchant_id, "version": version.id, "sha256": each} for each in hashes_of(version)]
            connection.execute(members.insert(), of)
            payload = {"parent": version.parent, "reason": version.reason, "pictures": len(version.entries)}
            record(connection, merchant_id, EventKind.DATASET_MADE, version.id, payload | {"seen_by": seen_by or {}})
        return find(connection, merchant_id, version.id)


def listed(connection: Connection, merchant_id: UUID) -> list[Row[Any]]:
    """The newest versions."""
    query = sa.select(versions).where(versions.c.merchant_id == merchant_id)
    return list(connection.execute(query.order_by(versions.c.made_at.desc(), versions.c.id).limit(LISTED)))


def find(connection: Connection, merchant_id: UUID, version_id: str) -> Row[Any]:
    """The row of a version.

    Raises:
        Problem: ``dataset.unknown``.
    """
    mine = sa.and_(versions.c.merchant_id == merchant_id, versions.c.id == version_id)
    row = (
        connection.execute(sa.select(versions).where(mine)).one_or_none() if re.match(ID_PATTERN, version_id) else None
    )
    if row is None:
        raise Problem("dataset.unknown", "there is no data version of this id")
    return row


def read(hub: Hub, merchant_id: UUID, row: Row[Any]) -> Version:
    """A version, its bytes checked.

    Raises:
        Problem: ``store.unavailable``, also when the bytes are not what they were.
    """
    try:
        return read_version(hub.images.get(merchant_id, row.sha256), row.id)
    except VersionError:
        raise Problem("store.unavailable", "the stored manifest of this version is damaged") from None


def picture(hub: Hub, merchant_id: UUID, sha256: str) -> tuple[bytes, str]:
    """A picture of some version, and its media type.

    Raises:
        Problem: ``image.unknown``, ``image.erased``, ``store.unavailable``.
    """
    mine = sa.and_(members.c.merchant_id == merchant_id, members.c.sha256 == sha256)
    with hub.database.transaction() as connection:
        named = connection.execute(sa.select(members.c.sha256).where(mine).limit(1)).scalar()
        media_type = None if named is None else _media_type(connection, merchant_id, sha256)
        gone = named is not None and bool(erased_of(connection, merchant_id, [sha256]))
    if gone:
        raise Problem("image.erased", "this picture was erased; nothing can bring it back")
    if media_type is None:
        raise Problem("image.unknown", "no data version has a picture of this hash")
    return hub.images.get(merchant_id, sha256), media_type


def erased_of(connection: Connection, merchant_id: UUID, hashes: Iterable[str]) -> set[str]:
    """Which of these pictures were erased."""
    wanted = sa.func.unnest(sa.bindparam("hashes", list(hashes), type_=postgresql.ARRAY(sa.Text)))
    mine = sa.and_(image_keys.c.merchant_id == merchant_id, image_keys.c.wrapped.is_(None))
    return set(
        connection.execute(
            sa.select(image_keys.c.sha256).where(mine, image_keys.c.sha256.in_(sa.select(wanted)))
        ).scalars()
    )


def versions_of(connection: Connection, merchant_id: UUID, digests: Iterable[str]) -> list[Row[Any]]:
    """The versions that hold the sets a model's lineage names by their digests (``lineage.data``), oldest first."""
    wanted = sa.cast(list(digests), postgresql.ARRAY(sa.Text))
    query = sa.select(versions).where(versions.c.merchant_id == merchant_id, versions.c.digests.overlap(wanted))
    return list(connection.execute(query.order_by(versions.c.made_at, versions.c.id)))


def trained_on(connection: Connection, merchant_id: UUID, row: Row[Any]) -> list[str]:
    """Ids of the published models that were trained on a version."""
    query = sa.select(bundles.c.bundle_id, bundles.c.data).where(bundles.c.merchant_id == merchant_id)
    known = set(row.digests)
    return sorted(each.bundle_id for each in connection.execute(query) if known & set(each.data.values()))


def _keep_object(hub: Hub, merchant_id: UUID, content: bytes, media_type: str) -> None:
    sha256 = hashlib.sha256(content).hexdigest()
    if not hub.images.has(merchant_id, sha256):
        hub.images.put(merchant_id, sha256, content)
    row = {"merchant_id": merchant_id, "sha256": sha256, "media_type": media_type, "size_bytes": len(content)}
    with hub.database.transaction() as connection:
        connection.execute(postgresql.insert(objects).values(row).on_conflict_do_nothing())


def _media_type(connection: Connection, merchant_id: UUID, sha256: str) -> str | None:
    for table in (images, objects):
        mine = sa.and_(table.c.merchant_id == merchant_id, table.c.sha256 == sha256)
        found: str | None = connection.execute(sa.select(table.c.media_type).where(mine)).scalar()
        if found is not None:
            return found
    return None


def is_id(text: str) -> bool:
    """Whether a text can be a version's id."""
    return re.match(ID_PATTERN, text) is not None
