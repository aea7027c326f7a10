"""Walks the whole log against what the hub stores, and names every byte that is not as it was entered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from inspection.hub.evidence import tree
from inspection.hub.evidence.entering import Entry
from inspection.hub.evidence.log import EvidenceLog
from inspection.hub.evidence.rows import PictureRows, VerdictRows
from inspection.hub.evidence.tables import checkpoints, cosignatures, entries, nodes
from inspection.hub.images.store import ImageStore
from inspection.hub.images.tables import images
from inspection.hub.inspections.tables import inspection_images, inspections
from inspection.hub.tables import merchants
from inspection.ledger import merkle
from inspection.ledger.checkpoint import Checkpoint
from inspection.ledger.notes import Note, NoteError, Signature, VerifierKey
from inspection.ledger.notes import verify as verify_signature

BATCH = 1000


@dataclass(frozen=True, slots=True)
class Finding:
    """Something is not as it was entered: which thing, and what about it."""

    thing: str
    says: str

    def line(self) -> str:
        """``thing: says``."""
        return f"{self.thing}: {self.says}"


@dataclass
class Walk:
    """What was looked at, counted as the findings are drawn."""

    merchant_id: UUID
    leaves: int = 0
    pending: int = 0
    erased: set[bytes] = field(default_factory=set)
    erasures: set[bytes] = field(default_factory=set)
    nodes: int = 0
    tree: merkle.CompactRange = field(default_factory=merkle.CompactRange)
    checkpoints: int = 0


def check(connection: Connection, walk: Walk, log: EvidenceLog, store: ImageStore | None) -> Iterator[Finding]:
    """Check the log of ``walk.merchant_id``, its tree, checkpoints, and every row and picture that it speaks of.

    Args:
        connection: a transaction that sees one moment (``REPEATABLE READ``) while the hub runs.
        walk: counts what was looked at.
        log: whose keys count.
        store: the pictures' bytes; ``None`` leaves them out.
    """
    rows: dict[str, VerdictRows | PictureRows] = {
        "verdict": VerdictRows(connection, walk.merchant_id),
        "picture": PictureRows(connection, walk.merchant_id),
    }
    for batch in _batches(connection, walk.merchant_id):
        yield from _tree(connection, walk, log, batch)
        for entry in batch:
            yield from _entry(walk, entry)
        sound = [entry.leaf.facts for entry in batch if entry.leaf is not None and entry.leaf.hash == entry.hash]
        for kind, table in rows.items():
            for thing, says in table.differences([facts for facts in sound if facts["kind"] == kind], store):
                yield Finding(thing, says)
    yield from _ends(connection, walk)
    for table in rows.values():
        for thing in table.not_entered():
            yield Finding(thing, "is not in the log")


def orphans(connection: Connection) -> Iterator[Finding]:
    """Rows of the evidence that belong to no merchant, and so to nobody's walk."""
    for table in (entries, nodes, checkpoints, cosignatures, inspections, inspection_images, images):
        known = sa.exists().where(merchants.c.id == table.c.merchant_id)
        for row in connection.execute(sa.select(*table.primary_key.columns).where(~known)).mappings():
            names = {name: value.hex() if isinstance(value, bytes) else value for name, value in row.items()}
            merchant_id = names.pop("merchant_id")
            key = ", ".join(f"{name} {value}" for name, value in names.items())
            yield Finding(f"table {table.name}, {key}", f"belongs to merchant {merchant_id}, which does not exist")


def against_any(connection: Connection, known: Sequence[UUID], log: EvidenceLog, kept: Note) -> str:
    """What is wrong between the logs and a checkpoint that was kept elsewhere; ``""`` when one of them contains it."""
    for merchant_id in known:
        try:
            checkpoint, _ = log.open(merchant_id, kept)
        except NoteError:
            continue
        size = tree.size_of(connection, merchant_id)
        if checkpoint.size > size:
            return f"it has {checkpoint.size} leaves, the log only {size}: entries were removed"
        if tree.root(connection, merchant_id, checkpoint.size) != checkpoint.root:
            return f"the log's first {checkpoint.size} leaves are not those it was signed for"
        return ""
    return "no log of this hub signed it"


def _batches(connection: Connection, merchant_id: UUID) -> Iterator[list[Entry]]:
    """All entries by their place, then those that have none yet."""
    table = entries
    for order, phase in ((table.c.leaf_index, table.c.leaf_index.is_not(None)), (table.c.leaf_hash, _PENDING)):
        query = sa.select(table).where(table.c.merchant_id == merchant_id, phase).order_by(order).limit(BATCH)
        rows = connection.execute(query).all()
        while rows:
            yield [Entry.of(row) for row in rows]
            rows = connection.execute(query.where(order > getattr(rows[-1], order.name))).all()


_PENDING = entries.c.leaf_index.is_(None)


def _entry(walk: Walk, entry: Entry) -> Iterator[Finding]:
    """Whether the entry is what its leaf hash was made of."""
    thing = _name(entry)
    if entry.index is None:
        walk.pending += 1
    if entry.leaf is None:
        walk.erased.add(entry.hash)
        return
    if entry.leaf.hash != entry.hash:
        yield Finding(thing, "its leaf hash is not that of salt and leaf")
        return
    if entry.subject != entry.leaf.subject:
        yield Finding(thing, f"is filed as {entry.subject}, and is about {entry.leaf.subject}")
    if entry.leaf.facts["kind"] == "erasure":
        walk.erasures.add(bytes.fromhex(entry.leaf.facts["leaf_hash"]))


def _tree(connection: Connection, walk: Walk, log: EvidenceLog, batch: Sequence[Entry]) -> Iterator[Finding]:
    """Whether the leaves have the next places, and the nodes and checkpoints over them are stored and right."""
    placed = [entry for entry in batch if entry.index is not None]
    signed = _checkpoints(connection, walk.merchant_id, walk.leaves, walk.leaves + len(placed))
    completed: dict[merkle.Node, bytes] = {}
    for entry in placed:
        if entry.index != walk.leaves:
            yield Finding(_name(entry), f"has place {entry.index}, and place {walk.leaves} is empty")
        completed.update(walk.tree.append(entry.hash))
        walk.leaves += 1
        if walk.leaves in signed:
            walk.checkpoints += 1
            expected = Checkpoint(log.signer(walk.merchant_id).name, walk.leaves, walk.tree.root())
            yield from _checkpoint(connection, walk.merchant_id, log, expected, signed[walk.leaves])
    stored = tree.stored(connection, walk.merchant_id, completed)
    walk.nodes += len(completed)
    for (level, index), value in completed.items():
        if stored.get((level, index)) != value:
            says = "is missing" if (level, index) not in stored else "is not the hash of its children"
            yield Finding(f"node {index} of level {level}", says)


def _checkpoints(connection: Connection, merchant_id: UUID, after: int, upto: int) -> dict[int, str]:
    query = sa.select(checkpoints.c.size, checkpoints.c.note).where(
        checkpoints.c.merchant_id == merchant_id, checkpoints.c.size > after, checkpoints.c.size <= upto
    )
    return {row.size: row.note for row in connection.execute(query)}


def _checkpoint(
    connection: Connection, merchant_id: UUID, log: EvidenceLog, expected: Checkpoint, text: str
) -> Iterator[Finding]:
    thing = f"checkpoint {expected.size}"
    try:
        note = Note.parse(text.encode())
        if log.open(merchant_id, note)[0] != expected:
            yield Finding(thing, "says another size or root than the log has")
        elif note.encode().decode() != text or len(note.signatures) != 1:
            yield Finding(thing, "is spelt in another way than the log does")
    except NoteError as error:
        yield Finding(thing, str(error))
    mine = sa.and_(cosignatures.c.merchant_id == merchant_id, cosignatures.c.size == expected.size)
    for row in connection.execute(sa.select(cosignatures.c.witness, cosignatures.c.line).where(mine)):
        try:
            key, signature = VerifierKey.parse(row.witness), Signature.parse(row.line)
            verify_signature(expected.text(), signature, key)
        except NoteError as error:
            yield Finding(f"{thing}, cosignature of {row.witness.partition('+')[0]}", str(error))


def _ends(connection: Connection, walk: Walk) -> Iterator[Finding]:
    """What only the whole log shows."""
    merchant_id = walk.merchant_id
    sizes = sa.select(checkpoints.c.size).where(checkpoints.c.merchant_id == merchant_id)
    known = connection.execute(sizes.where(~checkpoints.c.size.between(1, walk.leaves))).scalars()
    for size in known:
        yield Finding(f"checkpoint {size}", f"the log has {walk.leaves} leaves")
    newest = connection.execute(sizes.order_by(checkpoints.c.size.desc()).limit(1)).scalar_one_or_none() or 0
    if newest < walk.leaves:
        yield Finding("checkpoints", f"the newest covers {newest} of {walk.leaves} leaves")
    lone = sa.select(cosignatures.c.size).where(cosignatures.c.merchant_id == merchant_id)
    for size in connection.execute(lone.where(cosignatures.c.size.not_in(sizes)).distinct()).scalars():
        yield Finding(f"checkpoint {size}", "has cosignatures and is missing")
    count = tree.node_count(connection, merchant_id)
    if count != walk.nodes:
        yield Finding("nodes", f"{count} are stored, {walk.leaves} leaves make {walk.nodes}")
    for erased in sorted(walk.erased - walk.erasures):
        yield Finding(f"leaf {erased.hex()}", "lost its salt and text without an entry that says it was erased")


def _name(entry: Entry) -> str:
    return f"leaf {entry.hash.hex()} ({entry.subject or 'erased'})"
