"""What customers sent, encrypted in the picture store: kept for a dispute until retention ends, then shredded.

An object is the upload's id (16 bytes) and then the file: no two uploads share an object or its key, so that shredding
one case takes nothing from another, and the store's name is the hash of what lies there as it is of every picture.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection

from inspection.hub.images.store import ImageStore
from inspection.hub.images.tables import image_keys
from inspection.hub.people.tables import legal_holds
from inspection.hub.precheck.tables import cases, challenges, decisions, links, objects, pictures, pieces, uploads
from inspection.hub.precheck.trust.tables import prints, signals

UNFINISHED_FOR = timedelta(days=1)
ERASED = "precheck.erased"
"""Code of an upload whose case was erased while it was on its way or was looked at."""
_ID_BYTES = 16


class Role(StrEnum):
    """What an object is: the file as it came, or a picture made of its pixels alone."""

    ORIGINAL = "original"
    SHOWN = "shown"


@dataclass(frozen=True, slots=True)
class Kept:
    """An object that lies in the store; enter it with :func:`enter` in the transaction that needs it."""

    sha256: str
    role: Role
    size_bytes: int


def put(store: ImageStore, merchant_id: UUID, upload_id: UUID, role: Role, content: bytes) -> Kept:
    """Encrypt and store ``content``; the same again changes nothing.

    Raises:
        Problem: ``store.full``, ``store.unavailable``; ``image.erased`` when it was shredded.
    """
    whole = upload_id.bytes + content
    sha256 = hashlib.sha256(whole).hexdigest()
    store.put(merchant_id, sha256, whole)
    return Kept(sha256, role, len(content))


def enter(connection: Connection, merchant_id: UUID, upload_id: UUID, kept: Kept) -> None:
    """Note that an object belongs to an upload."""
    row = {"merchant_id": merchant_id, "sha256": kept.sha256, "upload_id": upload_id}
    row |= {"role": kept.role, "size_bytes": kept.size_bytes}
    connection.execute(postgresql.insert(objects).values(row).on_conflict_do_nothing())


def get(store: ImageStore, merchant_id: UUID, sha256: str) -> bytes:
    """The content of an object.

    Raises:
        Problem: ``store.unavailable``; ``image.erased``.
    """
    return store.get(merchant_id, sha256)[_ID_BYTES:]


def original_of(connection: Connection, merchant_id: UUID, upload_id: UUID) -> str | None:
    """The object that holds the file as it came; ``None`` when it was shredded."""
    mine = sa.and_(objects.c.merchant_id == merchant_id, objects.c.upload_id == upload_id)
    query = sa.select(objects.c.sha256).where(mine, objects.c.role == Role.ORIGINAL)
    return connection.execute(query).scalars().first()


def objects_of(connection: Connection, merchant_id: UUID, rmas: Collection[str]) -> set[str]:
    """Every object of these returns."""
    query = sa.select(objects.c.sha256).where(objects.c.merchant_id == merchant_id)
    return set(connection.execute(query.where(objects.c.upload_id.in_(_uploads(merchant_id, rmas)))).scalars())


def forget(connection: Connection, merchant_id: UUID, rmas: Collection[str]) -> int:
    """Overwrite what points to the person, shut the links; the pictures are shredded by who asks for this."""
    mine = sa.and_(cases.c.merchant_id == merchant_id, cases.c.rma.in_(rmas))
    blank = {"problem": "", "check_hmac": None, "email": None, "language": None, "version": cases.c.version + 1}
    count = connection.execute(cases.update().where(mine).values(blank)).rowcount
    of = sa.select(cases.c.id).where(mine)
    shut_links(connection, merchant_id, rmas)
    taken = sa.select(prints.c.picture_id).where(prints.c.merchant_id == merchant_id, prints.c.case_id.in_(of))
    either = sa.or_(signals.c.case_id.in_(of), signals.c.other_picture_id.in_(taken))
    connection.execute(signals.delete().where(signals.c.merchant_id == merchant_id, either))
    connection.execute(prints.delete().where(prints.c.merchant_id == merchant_id, prints.c.case_id.in_(of)))
    told = sa.and_(decisions.c.merchant_id == merchant_id, decisions.c.case_id.in_(of))
    connection.execute(decisions.update().where(told).values(note=""))
    sent = sa.and_(uploads.c.merchant_id == merchant_id, uploads.c.case_id.in_(of))
    connection.execute(uploads.update().where(sent).values(told=None, place_hmac=None, sha256=None, mark=None))
    begun = sa.and_(pieces.c.merchant_id == merchant_id, pieces.c.upload_id.in_(_uploads(merchant_id, rmas)))
    connection.execute(pieces.delete().where(begun))
    shredded = sa.exists().where(
        image_keys.c.merchant_id == objects.c.merchant_id,
        image_keys.c.sha256 == objects.c.sha256,
        image_keys.c.wrapped.is_(None),
    )
    lost = sa.and_(objects.c.merchant_id == merchant_id, objects.c.upload_id.in_(_uploads(merchant_id, rmas)))
    connection.execute(objects.delete().where(lost, shredded))
    return count


def end_uploads(connection: Connection, merchant_id: UUID, rmas: Collection[str]) -> None:
    """Let nothing more be kept of these returns: who is still receiving or looking finds that it is over.

    Links are shut, too. From the moment that this commits :func:`objects_of` tells of every object there will be, but
    for those that :func:`entered_none` is asked about.
    """
    of_merchant = sa.and_(cases.c.merchant_id == merchant_id, cases.c.rma.in_(rmas))
    ids = list(connection.execute(sa.select(cases.c.id).where(of_merchant).with_for_update()).scalars())
    shut_links(connection, merchant_id, rmas)
    mine = sa.and_(uploads.c.merchant_id == merchant_id, uploads.c.case_id.in_(ids))
    begun = sa.select(uploads.c.id).where(mine, uploads.c.state == "receiving")
    arrived = sa.and_(pieces.c.merchant_id == merchant_id, pieces.c.upload_id.in_(begun))
    connection.execute(pieces.delete().where(arrived))
    connection.execute(uploads.delete().where(mine, uploads.c.state == "receiving"))
    waiting = uploads.c.state.in_(("waiting", "retake"))
    over = {"state": "refused", "code": ERASED, "looking_since": None}
    connection.execute(uploads.update().where(mine, waiting).values(over))


def entered_none(connection: Connection, merchant_id: UUID, upload_id: UUID) -> bool:
    """Whether the case was erased meanwhile, so that what was stored for the upload just now belongs to nothing."""
    mine = sa.and_(uploads.c.merchant_id == merchant_id, uploads.c.id == upload_id)
    row = connection.execute(sa.select(uploads.c.code).where(mine)).one_or_none()
    return row is None or row.code == ERASED


def shut_links(connection: Connection, merchant_id: UUID, rmas: Collection[str]) -> None:
    """Let the links of these returns open nothing any more."""
    of = sa.select(cases.c.id).where(cases.c.merchant_id == merchant_id, cases.c.rma.in_(rmas))
    live = sa.and_(links.c.merchant_id == merchant_id, links.c.case_id.in_(of), links.c.revoked_at.is_(None))
    connection.execute(links.update().where(live).values(revoked_at=sa.func.now()))


def rows_of(connection: Connection, merchant_id: UUID, rmas: Collection[str]) -> dict[str, list[dict[str, Any]]]:
    """What is kept of these returns' pre-checks, for the person's own archive."""
    of = _uploads(merchant_id, rmas)
    mine = sa.select(cases.c.id).where(cases.c.merchant_id == merchant_id, cases.c.rma.in_(rmas))
    wanted = {
        "cases": sa.select(cases).where(cases.c.merchant_id == merchant_id, cases.c.rma.in_(rmas)),
        "uploads": sa.select(uploads).where(uploads.c.merchant_id == merchant_id, uploads.c.id.in_(of)),
        "pictures": sa.select(pictures).where(pictures.c.merchant_id == merchant_id, pictures.c.upload_id.in_(of)),
        "decisions": sa.select(decisions).where(decisions.c.merchant_id == merchant_id, decisions.c.case_id.in_(mine)),
        "challenges": sa.select(challenges).where(
            challenges.c.merchant_id == merchant_id, challenges.c.case_id.in_(mine)
        ),
        "signals": sa.select(signals).where(signals.c.merchant_id == merchant_id, signals.c.case_id.in_(mine)),
        "objects": sa.select(objects).where(objects.c.merchant_id == merchant_id, objects.c.upload_id.in_(of)),
    }
    hidden = {"merchant_id", "check_hmac", "place_hmac"}
    return {
        name: [{k: v for k, v in row.items() if k not in hidden} for row in connection.execute(query).mappings()]
        for name, query in wanted.items()
    }


def old_objects(connection: Connection, merchant_id: UUID, before: datetime, limit: int) -> list[str]:
    """Objects kept since before then whose case is under no legal hold, the oldest first."""
    held = (
        sa.select(uploads.c.id)
        .join(cases, sa.and_(cases.c.merchant_id == uploads.c.merchant_id, cases.c.id == uploads.c.case_id))
        .join(legal_holds, sa.and_(legal_holds.c.merchant_id == cases.c.merchant_id, legal_holds.c.rma == cases.c.rma))
        .where(uploads.c.merchant_id == merchant_id, legal_holds.c.released_at.is_(None))
    )
    mine = sa.and_(objects.c.merchant_id == merchant_id, objects.c.kept_at < before, objects.c.upload_id.not_in(held))
    query = sa.select(objects.c.sha256).where(mine).order_by(objects.c.kept_at).limit(limit)
    return list(connection.execute(query).scalars())


def drop(connection: Connection, merchant_id: UUID, hashes: Collection[str]) -> None:
    """Forget objects that were shredded."""
    connection.execute(objects.delete().where(objects.c.merchant_id == merchant_id, objects.c.sha256.in_(hashes)))


def drop_unfinished(connection: Connection, merchant_id: UUID, now: datetime) -> int:
    """Remove the beginnings of uploads that did not become whole within a day, and tell nobody's address any more."""
    old = sa.and_(uploads.c.merchant_id == merchant_id, uploads.c.started_at < now - UNFINISHED_FOR)
    told = sa.or_(uploads.c.place_hmac.is_not(None), uploads.c.mark.is_not(None))
    connection.execute(uploads.update().where(old, told).values(place_hmac=None, mark=None))
    unfinished = sa.select(uploads.c.id).where(old, uploads.c.state == "receiving")
    gone = sa.and_(pieces.c.merchant_id == merchant_id, pieces.c.upload_id.in_(unfinished))
    connection.execute(pieces.delete().where(gone))
    mine = sa.and_(old, uploads.c.state == "receiving")
    return connection.execute(uploads.delete().where(mine)).rowcount


def _uploads(merchant_id: UUID, rmas: Collection[str]) -> sa.Select[tuple[UUID]]:
    of = sa.select(cases.c.id).where(cases.c.merchant_id == merchant_id, cases.c.rma.in_(rmas))
    return sa.select(uploads.c.id).where(uploads.c.merchant_id == merchant_id, uploads.c.case_id.in_(of))
