"""Facts enter the log in the transaction that stores what they are about; their place they get later."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Connection, Row

from inspection.hub.evidence.tables import entries
from inspection.hub.inspections.tables import inspections
from inspection.ledger import leaves
from inspection.ledger.leaves import Leaf, new_leaf

RECORD_SHA256 = sa.func.encode(
    sa.func.sha256(sa.func.convert_to(sa.cast(inspections.c.report, sa.Text), "UTF8")), "hex"
)
"""SHA-256 of a report's text as PostgreSQL spells it, which is the same for as long as the value is."""


# As text with one parameter a column: an insert that SQLAlchemy builds anew takes longer to build than to run.
_INSERT = sa.text(
    """
    INSERT INTO evidence_entries (merchant_id, leaf_hash, subject, salt, leaf)
    SELECT :merchant_id, * FROM unnest(:hashes, :subjects, :salts, :texts)
    ON CONFLICT DO NOTHING RETURNING leaf_hash
    """
).bindparams(
    sa.bindparam("merchant_id", type_=sa.Uuid),
    sa.bindparam("hashes", type_=ARRAY(sa.LargeBinary)),
    sa.bindparam("subjects", type_=ARRAY(sa.Text)),
    sa.bindparam("salts", type_=ARRAY(sa.LargeBinary)),
    sa.bindparam("texts", type_=ARRAY(sa.Text)),
)


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


def enter(connection: Connection, merchant_id: UUID, fresh: Iterable[Leaf]) -> int:
    """Enter leaves, except those about a subject that the log knows; returns how many were new."""
    leaves_of = list(fresh)
    if not leaves_of:
        return 0
    values = {
        "merchant_id": merchant_id,
        "hashes": [leaf.hash for leaf in leaves_of],
        "subjects": [leaf.subject for leaf in leaves_of],
        "salts": [leaf.salt for leaf in leaves_of],
        "texts": [leaf.text for leaf in leaves_of],
    }
    return len(connection.execute(_INSERT, values).all())


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
