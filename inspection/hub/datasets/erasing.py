"""After an erasure: versions without the pictures that are gone, and the names of the models that had seen them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection, Row

from datasets.versions import making
from datasets.versions.folders import seen_by
from datasets.versions.version import Version, VersionError
from inspection.hub.bundles.tables import bundles
from inspection.hub.datasets import service
from inspection.hub.datasets.tables import members, versions
from inspection.hub.hub import Hub
from inspection.hub.images.tables import image_keys
from inspection.hub.jobs.enqueue import enqueue

TASK = "datasets.exclude"
BY = "erasure"
log = structlog.get_logger()


def forget(connection: Connection, merchant_id: UUID, _cases: list[str]) -> int:
    """Have new versions made without what was shredded; returns how many pictures of the newest versions that is."""
    newest = [row.id for row in _heads(connection, merchant_id)]
    gone = connection.execute(sa.select(sa.func.count(sa.distinct(_gone(merchant_id, newest).c.sha256)))).scalar_one()
    if gone:
        enqueue(connection, TASK, {}, merchant_id=merchant_id, lock=f"datasets/{merchant_id}", once=True)
    return int(gone)


def exclude(hub: Hub, merchant_id: UUID) -> list[str]:
    """Make a version without erased pictures of the newest version of every name; returns their ids.

    A second time, or killed and begun again, it finds them made. Older versions stay what they were, without the bytes
    of what was erased.
    """
    with hub.database.transaction() as connection:
        heads = _heads(connection, merchant_id)
    made = []
    for row in heads:
        version = service.read(hub, merchant_id, row)
        with hub.database.transaction() as connection:
            gone = service.erased_of(connection, merchant_id, _hashes(version))
        lost = {entry.sha256 for entry in version.entries if {entry.sha256, entry.mask} & gone}
        if not lost:
            continue
        try:
            fresh = making.make(version.name, [], parent=version, reason="erasure", without=lost)
        except VersionError:  # nothing is left of it; there is nothing to train on, and nothing to exclude
            log.warning("dataset_emptied", version=version.id)
            continue
        named = _models(hub, merchant_id, lost)
        service.keep(hub, merchant_id, fresh, BY, named)
        log.info("dataset_excluded", version=fresh.id, parent=version.id, pictures=len(lost), models=sorted(named))
        made.append(fresh.id)
    return made


def _models(hub: Hub, merchant_id: UUID, lost: set[str]) -> dict[str, list[str]]:
    """The published models that have learned from any of these pictures, with the versions through which."""
    query = sa.select(bundles.c.bundle_id, bundles.c.data).where(bundles.c.merchant_id == merchant_id)
    of = sa.select(members.c.version).where(members.c.merchant_id == merchant_id, members.c.sha256.in_(lost))
    with hub.database.transaction() as connection:
        models = {row.bundle_id: dict(row.data) for row in connection.execute(query)}
        held = connection.execute(
            sa.select(versions).where(versions.c.merchant_id == merchant_id, versions.c.id.in_(of))
        ).all()
    return seen_by(lost, (service.read(hub, merchant_id, row) for row in held), models)


def _heads(connection: Connection, merchant_id: UUID) -> list[Row[Any]]:
    """The newest version of each name."""
    query = sa.select(versions).where(versions.c.merchant_id == merchant_id).distinct(versions.c.name)
    return list(connection.execute(query.order_by(versions.c.name, versions.c.made_at.desc(), versions.c.id)))


def _gone(merchant_id: UUID, newest: list[str]) -> sa.Subquery:
    shredded = sa.and_(
        image_keys.c.merchant_id == members.c.merchant_id,
        image_keys.c.sha256 == members.c.sha256,
        image_keys.c.wrapped.is_(None),
    )
    query = sa.select(members.c.sha256).join(image_keys, shredded).where(members.c.merchant_id == merchant_id)
    return query.where(members.c.version.in_(newest)).subquery()


def _hashes(version: Version) -> set[str]:
    return {each for entry in version.entries for each in (entry.sha256, entry.mask) if each is not None}
