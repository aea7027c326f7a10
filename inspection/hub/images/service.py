"""Taking in and giving out pictures."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Connection, Row

from inspection.hub.accounts.tokens import Caller
from inspection.hub.events import EventKind, record
from inspection.hub.evidence.entering import enter
from inspection.hub.hub import Hub
from inspection.hub.images.picture_header import NotAPicture, PictureHeader, read_header
from inspection.hub.images.store import Incoming
from inspection.hub.images.tables import images
from inspection.hub.problems import Problem
from inspection.ledger import leaves
from inspection.ledger.leaves import new_leaf

_HELD = sa.text(
    """
    SELECT sha256 FROM images WHERE merchant_id = :merchant_id AND sha256 = ANY(:hashes)
    UNION ALL
    SELECT sha256 FROM image_keys WHERE merchant_id = :merchant_id AND sha256 = ANY(:hashes) AND wrapped IS NULL
    """
).bindparams(sa.bindparam("merchant_id", type_=sa.Uuid), sa.bindparam("hashes", type_=ARRAY(sa.Text)))


def keep(hub: Hub, caller: Caller, sha256: str, incoming: Incoming) -> tuple[PictureHeader, bool]:
    """Verify what arrived and keep it: first the bytes, then the row, so that a row always has its bytes.

    Returns:
        What the picture is, and whether it is new.

    Raises:
        Problem: ``image.hash_mismatch``, ``image.not_a_picture``, ``store.full``, ``store.unavailable``.
    """
    if incoming.sha256 != sha256:
        detail = f"{incoming.size_bytes} bytes arrived, their hash is {incoming.sha256}"
        raise Problem("image.hash_mismatch", detail, actual=incoming.sha256)
    content = incoming.content()
    try:
        header = read_header(content)
    except NotAPicture as error:
        raise Problem("image.not_a_picture", str(error)) from None
    with hub.database.glance() as connection:
        known = row_of(connection, caller.merchant_id, sha256) is not None
    if not (known and hub.images.has(caller.merchant_id, sha256)):
        try:
            hub.images.put(caller.merchant_id, sha256, content)
        except Problem as problem:
            if problem.code == "image.erased":  # a station that sends it again has done its part
                return header, False
            raise
    row: dict[str, Any] = {
        "merchant_id": caller.merchant_id,
        "sha256": sha256,
        "size_bytes": len(content),
        "media_type": header.media_type,
        "width": header.width,
        "height": header.height,
    }
    with hub.database.transaction() as connection:
        insert = postgresql.insert(images).values(row).on_conflict_do_nothing().returning(images.c.received_at)
        received_at = connection.execute(insert).scalar_one_or_none()
        new = received_at is not None
        if received_at is not None:
            payload = {"sha256": sha256, "size_bytes": len(content), "media_type": header.media_type}
            record(connection, caller.merchant_id, EventKind.IMAGE_RECEIVED, sha256, payload)
            del row["merchant_id"]
            enter(connection, caller.merchant_id, [new_leaf(leaves.picture(**row, received_at=received_at))])
    hub.metrics.images.labels("stored" if new else "exists").inc()
    if new:
        hub.metrics.image_bytes.inc(len(content))
    return header, new


def find(connection: Connection, merchant_id: UUID, sha256: str) -> Row[Any]:
    """The row of one picture.

    Raises:
        Problem: ``image.unknown``, ``image.erased``.
    """
    row = row_of(connection, merchant_id, sha256)
    if row is None and held(connection, merchant_id, [sha256]):
        raise Problem("image.erased", "this picture was erased; nothing can bring it back")
    if row is None:
        raise Problem("image.unknown", "the hub holds no picture of this hash")
    return row


def row_of(connection: Connection, merchant_id: UUID, sha256: str) -> Row[Any] | None:
    """The row of one picture, or ``None``."""
    mine = sa.and_(images.c.merchant_id == merchant_id, images.c.sha256 == sha256)
    return connection.execute(sa.select(images).where(mine)).one_or_none()


def held(connection: Connection, merchant_id: UUID, hashes: Collection[str]) -> set[str]:
    """Which of ``hashes`` the hub has received, also if they were erased since: it asks for no picture twice."""
    if not hashes:
        return set()
    values = {"merchant_id": merchant_id, "hashes": list(hashes)}
    return set(connection.execute(_HELD, values).scalars())
