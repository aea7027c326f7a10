"""Taking in and giving out pictures."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.engine import Connection, Row

from inspection.hub.accounts.remembered import DEVICES, LIVE, TOKENS, shut_out
from inspection.hub.accounts.tokens import Caller
from inspection.hub.events import EventKind
from inspection.hub.hub import Hub
from inspection.hub.images.picture_header import NotAPicture, PictureHeader, read_header
from inspection.hub.images.store import Incoming
from inspection.hub.images.tables import images
from inspection.hub.problems import Problem
from inspection.ledger import leaves
from inspection.ledger.leaves import new_leaf

_LOOK = sa.text(
    f"""
    SELECT now() AS at, :token = ANY(ARRAY({LIVE})) AS live,
        EXISTS (SELECT FROM images WHERE merchant_id = :merchant_id AND sha256 = :sha256) AS known
    """  # noqa: S608 - our own text
).bindparams(TOKENS, sa.bindparam("token", type_=sa.Uuid), sa.bindparam("merchant_id", type_=sa.Uuid))
_KEEP = sa.text(
    """
    WITH made AS (
        INSERT INTO images (merchant_id, sha256, size_bytes, media_type, width, height, received_at)
        VALUES (:merchant_id, :sha256, :size_bytes, :media_type, :width, :height, :received_at)
        ON CONFLICT DO NOTHING RETURNING sha256
    ), told AS (
        INSERT INTO events (merchant_id, kind, subject, payload)
        SELECT :merchant_id, :kind, sha256, :payload FROM made
    ), entered AS (
        INSERT INTO evidence_entries (merchant_id, leaf_hash, subject, salt, leaf)
        SELECT :merchant_id, :leaf_hash, :subject, :salt, :leaf FROM made
        ON CONFLICT DO NOTHING
    )
    SELECT count(*) FROM made
    """
).bindparams(
    sa.bindparam("merchant_id", type_=sa.Uuid),
    sa.bindparam("received_at", type_=sa.DateTime(timezone=True)),
    sa.bindparam("payload", type_=JSONB),
    sa.bindparam("leaf_hash", type_=sa.LargeBinary),
    sa.bindparam("salt", type_=sa.LargeBinary),
)
"""The row of a picture, its event and its entry in the ledger: one statement, which is one transaction by itself."""
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
        Problem: ``image.hash_mismatch``, ``image.not_a_picture``, ``store.full``, ``store.unavailable``;
            ``token.invalid`` when the caller was shut out meanwhile.
    """
    if incoming.sha256 != sha256:
        detail = f"{incoming.size_bytes} bytes arrived, their hash is {incoming.sha256}"
        raise Problem("image.hash_mismatch", detail, actual=incoming.sha256)
    content = incoming.content()
    try:
        header = read_header(content)
    except NotAPicture as error:
        raise Problem("image.not_a_picture", str(error)) from None
    values = {"merchant_id": caller.merchant_id, "sha256": sha256}
    with hub.database.glance() as connection:
        seen = connection.execute(_LOOK, values | {"token": caller.token_id, "tokens": [caller.token_id]}).one()
    if caller.kind in DEVICES and not seen.live:
        raise shut_out()
    if not (seen.known and hub.images.has(caller.merchant_id, sha256)):
        try:
            hub.images.put(caller.merchant_id, sha256, content)
        except Problem as problem:
            if problem.code == "image.erased":  # a station that sends it again has done its part
                return header, False
            raise
    new = not seen.known and _entered(hub, values, header, len(content), seen.at)
    hub.metrics.images.labels("stored" if new else "exists").inc()
    if new:
        hub.metrics.image_bytes.inc(len(content))
    return header, new


def _entered(hub: Hub, values: dict[str, Any], header: PictureHeader, size_bytes: int, received_at: datetime) -> bool:
    """Write the row of a picture whose bytes are in the store, and what belongs to it; whether it is new."""
    leaf = new_leaf(
        leaves.picture(
            values["sha256"],
            size_bytes=size_bytes,
            media_type=header.media_type,
            width=header.width,
            height=header.height,
            received_at=received_at,
        )
    )
    row = values | {
        "size_bytes": size_bytes,
        "media_type": header.media_type,
        "width": header.width,
        "height": header.height,
        "received_at": received_at,
        "kind": EventKind.IMAGE_RECEIVED.value,
        "payload": {"sha256": values["sha256"], "size_bytes": size_bytes, "media_type": header.media_type},
        "leaf_hash": leaf.hash,
        "subject": leaf.subject,
        "salt": leaf.salt,
        "leaf": leaf.text,
    }
    with hub.database.glance() as connection:
        return bool(connection.execute(_KEEP, row).scalar_one())


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
