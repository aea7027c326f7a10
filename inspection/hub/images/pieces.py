"""Uploads that were cut off go on where they stopped.

The pieces that arrived are kept in the database, where every process of the hub sees them, until the picture is whole
or a day has passed. Modelled on Resumable Uploads for HTTP (draft-ietf-httpbis-resumable-upload): the sender asks for
the offset with HEAD and appends with PATCH from there.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from inspection.hub.images.tables import image_pieces
from inspection.hub.problems import Problem

KEPT_FOR = timedelta(days=1)
MAX_PIECES = 2000
MAX_UNFINISHED = 512
"""Pictures of one merchant that may be unfinished at once; the oldest ones are dropped first."""


def offset(connection: Connection, merchant_id: UUID, sha256: str) -> int:
    """How many bytes of the picture have arrived."""
    query = sa.select(sa.func.coalesce(sa.func.sum(sa.func.length(image_pieces.c.data)), 0))
    found: int = connection.execute(query.where(_mine(merchant_id, sha256))).scalar_one()
    return int(found)


def append(connection: Connection, merchant_id: UUID, sha256: str, start: int, data: bytes) -> int:
    """Keep ``data``, which begins at byte ``start``; returns how many bytes are there now.

    Two senders of one picture wait for each other; who comes second is told where to go on.

    Raises:
        Problem: ``image.offset`` when the upload stands elsewhere, or came in too many pieces.
    """
    lock = sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(f"{merchant_id}/{sha256}", 0))
    connection.execute(sa.select(lock))
    there = offset(connection, merchant_id, sha256)
    if there != start:
        raise elsewhere(there)
    if not data:
        return there
    pieces = sa.select(sa.func.count()).select_from(image_pieces).where(_mine(merchant_id, sha256))
    if connection.execute(pieces).scalar_one() >= MAX_PIECES:
        drop(connection, merchant_id, sha256)
        raise elsewhere(0)
    row = {"merchant_id": merchant_id, "sha256": sha256, "start": start, "data": data}
    connection.execute(image_pieces.insert().values(row))
    _sweep(connection, merchant_id, sha256)
    return there + len(data)


def joined(connection: Connection, merchant_id: UUID, sha256: str) -> bytes:
    """Everything that has arrived."""
    query = sa.select(image_pieces.c.data).where(_mine(merchant_id, sha256)).order_by(image_pieces.c.start)
    return b"".join(bytes(data) for data in connection.execute(query).scalars())


def drop(connection: Connection, merchant_id: UUID, sha256: str) -> None:
    """Forget what has arrived, as the picture is whole or was not what it should be."""
    connection.execute(image_pieces.delete().where(_mine(merchant_id, sha256)))


def elsewhere(there: int) -> Problem:
    """The upload stands at another byte than the sender thinks."""
    headers = {"Upload-Offset": str(there)}
    return Problem("image.offset", f"{there} bytes are here; go on from there", headers=headers, offset=there)


def _sweep(connection: Connection, merchant_id: UUID, keep: str) -> None:
    table = image_pieces
    others = sa.and_(table.c.merchant_id == merchant_id, table.c.sha256 != keep)
    connection.execute(table.delete().where(others, table.c.received_at < sa.func.now() - KEPT_FOR))
    newest = sa.func.max(table.c.received_at)
    surplus = sa.select(table.c.sha256).where(others).group_by(table.c.sha256).order_by(newest.desc())
    connection.execute(table.delete().where(others, table.c.sha256.in_(surplus.offset(MAX_UNFINISHED))))


def _mine(merchant_id: UUID, sha256: str) -> sa.ColumnElement[bool]:
    return sa.and_(image_pieces.c.merchant_id == merchant_id, image_pieces.c.sha256 == sha256)
