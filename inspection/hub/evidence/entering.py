"""Facts enter the log in the transaction that stores what they are about; their place they get later."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection, Row

from inspection.hub.evidence.tables import entries
from inspection.hub.images.tables import images
from inspection.hub.inspections.tables import inspections
from inspection.ledger import leaves
from inspection.ledger.leaves import Leaf, new_leaf

RECORD_SHA256 = sa.func.encode(
    sa.func.sha256(sa.func.convert_to(sa.cast(inspections.c.report, sa.Text), "UTF8")), "hex"
)
"""SHA-256 of a report's text as PostgreSQL spells it, which is the same for as long as the value is."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the log. ``leaf`` is ``None`` once erased, ``index`` until it is sequenced."""

    hash: bytes
    index: int | None
    leaf: Leaf | None
    subject: str | None

    @staticmethod
    def of(row: Row[Any]) -> Entry:
        """The entry in a row of the table."""
        leaf = None if row.leaf is None or row.salt is None else Leaf(row.salt, row.leaf)
        return Entry(row.leaf_hash, row.leaf_index, leaf, row.subject)


@dataclass(frozen=True, slots=True)
class Signed:
    """What is known of a report's signature: its key, in Base64, and whether the hub trusts it for the station."""

    key: str | None = None
    trusted: bool = False


def enter_verdict(
    connection: Connection,
    merchant_id: UUID,
    inspection_id: UUID,
    revision: int,
    signed: Signed,
) -> None:
    """Enter the report that this transaction has just stored; see :func:`inspection.ledger.leaves.verdict`."""
    table = inspections
    query = sa.select(
        table.c.evidence_hash, table.c.received_at, table.c.received_via, RECORD_SHA256.label("record_sha256")
    ).where(table.c.merchant_id == merchant_id, table.c.inspection_id == inspection_id, table.c.revision == revision)
    row = connection.execute(query).one()
    facts = leaves.verdict(
        inspection_id,
        revision,
        evidence_hash=row.evidence_hash,
        record_sha256=row.record_sha256,
        received_at=row.received_at,
        received_via=row.received_via,
        station_key=signed.key,
        station_key_trusted=signed.trusted,
    )
    enter(connection, merchant_id, [new_leaf(facts)])


def enter_picture(connection: Connection, merchant_id: UUID, sha256: str) -> None:
    """Enter the picture whose row this transaction has just stored."""
    query = sa.select(images).where(images.c.merchant_id == merchant_id, images.c.sha256 == sha256)
    row = connection.execute(query).one()
    facts = leaves.picture(
        sha256,
        size_bytes=row.size_bytes,
        media_type=row.media_type,
        width=row.width,
        height=row.height,
        received_at=row.received_at,
    )
    enter(connection, merchant_id, [new_leaf(facts)])


def enter(connection: Connection, merchant_id: UUID, fresh: Iterable[Leaf]) -> int:
    """Enter leaves, except those about a subject that the log knows; returns how many were new."""
    rows = [
        {
            "merchant_id": merchant_id,
            "leaf_hash": leaf.hash,
            "subject": leaf.subject,
            "salt": leaf.salt,
            "leaf": leaf.text,
        }
        for leaf in fresh
    ]
    if not rows:
        return 0
    insert = postgresql.insert(entries).values(rows).on_conflict_do_nothing().returning(entries.c.leaf_hash)
    return len(connection.execute(insert).all())


def erase(connection: Connection, merchant_id: UUID, subject: str) -> bool:
    """Forget salt and text of the entry about ``subject``, and enter that it was erased; the tree stays valid.

    For whoever erases a person's data: what the row or picture said is not kept here in any form that could be tried.

    Returns:
        Whether there was such an entry.
    """
    found = find(connection, merchant_id, subject)
    if found is None:
        return False
    mine = sa.and_(entries.c.merchant_id == merchant_id, entries.c.leaf_hash == found.hash)
    connection.execute(entries.update().where(mine).values(subject=None, salt=None, leaf=None))
    enter(connection, merchant_id, [new_leaf(leaves.erasure(found.hash))])
    return True


def find(connection: Connection, merchant_id: UUID, subject: str) -> Entry | None:
    """The entry about ``subject``; ``None`` when there is none or it was erased."""
    query = sa.select(entries).where(entries.c.merchant_id == merchant_id, entries.c.subject == subject)
    row = connection.execute(query).one_or_none()
    return None if row is None else Entry.of(row)
