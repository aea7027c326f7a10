"""The stored Merkle tree of one merchant: its size, its nodes, and proofs read from them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Connection

from inspection.errors import InspectionError
from inspection.hub.evidence.tables import entries, nodes
from inspection.ledger import merkle
from inspection.ledger.merkle import Node

_NODES = sa.text(
    """
    SELECT n.level, n.node_index, n.hash
    FROM unnest(:levels, :indexes) AS wanted (level, node_index)
    JOIN evidence_nodes n ON n.merchant_id = :merchant_id AND n.level = wanted.level
      AND n.node_index = wanted.node_index
    UNION ALL
    SELECT 0, e.leaf_index, e.leaf_hash
    FROM unnest(:leaves) AS wanted (leaf_index)
    JOIN evidence_entries e ON e.merchant_id = :merchant_id AND e.leaf_index = wanted.leaf_index
    """
).bindparams(
    sa.bindparam("levels", type_=ARRAY(sa.SmallInteger)),
    sa.bindparam("indexes", type_=ARRAY(sa.BigInteger)),
    sa.bindparam("leaves", type_=ARRAY(sa.BigInteger)),
    sa.bindparam("merchant_id", type_=sa.Uuid),
)


class LedgerDamaged(InspectionError):
    """Stored nodes of the ledger are missing; ``hub_app.py evidence check`` says which."""

    code = "evidence.damaged"


def size_of(connection: Connection, merchant_id: UUID) -> int:
    """How many leaves have their place."""
    table = entries
    newest = sa.select(table.c.leaf_index).where(table.c.merchant_id == merchant_id, table.c.leaf_index.is_not(None))
    found = connection.execute(newest.order_by(table.c.leaf_index.desc()).limit(1)).scalar_one_or_none()
    return 0 if found is None else found + 1


def load(connection: Connection, merchant_id: UUID, wanted: Collection[Node]) -> dict[Node, bytes]:
    """Hashes of these complete subtrees, leaves included.

    Raises:
        LedgerDamaged: when one is missing.
    """
    found = stored(connection, merchant_id, wanted)
    missing = set(wanted) - set(found)
    if missing:
        level, index = min(missing)
        hint = "run hub_app.py evidence check; restore the database from a backup"
        raise LedgerDamaged(f"node {index} of level {level} is not stored", hint=hint)
    return found


def stored(connection: Connection, merchant_id: UUID, wanted: Collection[Node]) -> dict[Node, bytes]:
    """Those of these complete subtrees that are stored."""
    inner = [node for node in wanted if node[0]]
    values: Mapping[str, Any] = {
        "merchant_id": merchant_id,
        "levels": [level for level, _ in inner],
        "indexes": [index for _, index in inner],
        "leaves": [index for level, index in wanted if not level],
    }
    return {(level, index): bytes(value) for level, index, value in connection.execute(_NODES, values)}


def root(connection: Connection, merchant_id: UUID, size: int) -> bytes:
    """Root of the tree of the first ``size`` leaves."""
    return merkle.root_from(size, load(connection, merchant_id, merkle.edge_nodes(0, size)))


def inclusion(connection: Connection, merchant_id: UUID, index: int, size: int) -> tuple[list[bytes], bytes]:
    """The proof that leaf ``index`` is in the tree of ``size`` leaves, and that tree's root.

    Raises:
        ProofError: when there is no such leaf in that tree.
    """
    parts = merkle.inclusion_nodes(index, size)
    proof, roots = _proof(connection, merchant_id, parts, [size])
    return proof, roots[0]


def consistency(connection: Connection, merchant_id: UUID, size1: int, size2: int) -> tuple[list[bytes], bytes, bytes]:
    """The proof that the tree of ``size2`` leaves begins with that of ``size1``, and both roots.

    Raises:
        ProofError: unless ``0 < size1 <= size2``.
    """
    parts = merkle.consistency_nodes(size1, size2)
    proof, roots = _proof(connection, merchant_id, parts, [size1, size2])
    return proof, roots[0], roots[1]


def extended(connection: Connection, merchant_id: UUID) -> merkle.CompactRange:
    """The tree as it is, ready to grow."""
    size = size_of(connection, merchant_id)
    edge = merkle.edge_nodes(0, size)
    found = load(connection, merchant_id, edge)
    return merkle.CompactRange(size, [found[node] for node in edge])


def store(connection: Connection, merchant_id: UUID, completed: Mapping[Node, bytes]) -> None:
    """Write inner nodes."""
    if not completed:
        return
    insert = sa.text(
        "INSERT INTO evidence_nodes (merchant_id, level, node_index, hash) "
        "SELECT :merchant_id, * FROM unnest(:levels, :indexes, :hashes)"
    ).bindparams(
        sa.bindparam("merchant_id", merchant_id, type_=sa.Uuid),
        sa.bindparam("levels", [level for level, _ in completed], type_=ARRAY(sa.SmallInteger)),
        sa.bindparam("indexes", [index for _, index in completed], type_=ARRAY(sa.BigInteger)),
        sa.bindparam("hashes", list(completed.values()), type_=ARRAY(sa.LargeBinary)),
    )
    connection.execute(insert)


def node_count(connection: Connection, merchant_id: UUID) -> int:
    """How many inner nodes are stored."""
    query = sa.select(sa.func.count()).select_from(nodes).where(nodes.c.merchant_id == merchant_id)
    found: int = connection.execute(query).scalar_one()
    return found


def _proof(
    connection: Connection, merchant_id: UUID, parts: list[list[Node]], sizes: Sequence[int]
) -> tuple[list[bytes], list[bytes]]:
    edges = [node for size in sizes for node in merkle.edge_nodes(0, size)]
    found = load(connection, merchant_id, {*edges, *(node for part in parts for node in part)})
    return merkle.proof_from(parts, found), [merkle.root_from(size, found) for size in sizes]
