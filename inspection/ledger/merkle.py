"""Merkle trees and their proofs after RFC 9162, section 2 (the trees are those of RFC 6962).

A tree is addressed by its complete subtrees: ``(level, index)`` covers leaves ``index << level`` up to
``(index + 1) << level``; level 0 are the leaf hashes. A proof is computed from such nodes alone, whoever keeps them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

HASH_BYTES = 32
MAX_SIZE = 1 << 64
EMPTY_ROOT = hashlib.sha256(b"").digest()
Node = tuple[int, int]
"""Level and index of a complete subtree."""


class ProofError(Exception):
    """A proof does not prove what it should; the text says why."""


def leaf_hash(data: bytes) -> bytes:
    """SHA-256 of 0x00 and the leaf's data (RFC 9162, 2.1.1)."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256 of 0x01 and the hashes of both children (RFC 9162, 2.1.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class CompactRange:
    """A growing tree of which only the complete subtrees on the right edge are kept.

    Args:
        size: leaves so far.
        edge: hashes of the complete subtrees that make up ``size`` leaves, the largest first; see :func:`edge_nodes`.
    """

    def __init__(self, size: int = 0, edge: Iterable[bytes] = ()) -> None:
        self.size = size
        self._edge = list(edge)
        if len(self._edge) != size.bit_count():
            raise ValueError(f"{size} leaves have {size.bit_count()} subtrees on the edge, not {len(self._edge)}")

    def append(self, leaf: bytes) -> Iterator[tuple[Node, bytes]]:
        """Add a leaf hash; yields every inner node that it completes, the lowest first."""
        index, level, current = self.size, 0, leaf
        self.size += 1
        while index & 1:
            current = node_hash(self._edge.pop(), current)
            index, level = index >> 1, level + 1
            yield (level, index), current
        self._edge.append(current)

    def extend(self, leaves: Iterable[bytes]) -> dict[Node, bytes]:
        """Add leaf hashes; returns every inner node that they complete."""
        return {node: found for leaf in leaves for node, found in self.append(leaf)}

    def root(self) -> bytes:
        """Root of the tree as it is now."""
        return _join(self._edge) if self._edge else EMPTY_ROOT


def root_of(leaves: Iterable[bytes]) -> bytes:
    """Root of the tree of these leaf hashes."""
    tree = CompactRange()
    tree.extend(leaves)
    return tree.root()


def edge_nodes(begin: int, end: int) -> list[Node]:
    """The complete subtrees that cover leaves ``begin`` up to ``end``, left to right; ``begin`` starts a subtree."""
    nodes = []
    while begin < end:
        aligned = (begin & -begin).bit_length() - 1 if begin else end.bit_length()
        level = min(aligned, (end - begin).bit_length() - 1)
        nodes.append((level, begin >> level))
        begin += 1 << level
    return nodes


def inclusion_nodes(index: int, size: int) -> list[list[Node]]:
    """Where the hashes of an inclusion proof come from: one list a hash, to be joined (RFC 9162, 2.1.3.1).

    Raises:
        ProofError: when there is no such leaf.
    """
    if not 0 <= index < size < MAX_SIZE:
        raise ProofError(f"there is no leaf {index} in a tree of {size}")
    return _path(index, 0, size)


def consistency_nodes(size1: int, size2: int) -> list[list[Node]]:
    """Where the hashes of a consistency proof come from (RFC 9162, 2.1.4.1).

    Raises:
        ProofError: unless ``0 < size1 <= size2``.
    """
    if not 0 < size1 <= size2 < MAX_SIZE:
        raise ProofError(f"there is no proof from size {size1} to size {size2}")
    if size1 == size2:
        return []
    level = (size1 & -size1).bit_length() - 1
    # The old tree's last complete subtree, then its siblings on the way to the new root.
    above = _path(size1 - 1, 0, size2)[level:]
    return above if size1 == 1 << level else [[(level, (size1 - 1) >> level)], *above]


def proof_from(parts: Sequence[Sequence[Node]], nodes: Mapping[Node, bytes]) -> list[bytes]:
    """The proof whose parts are made of these nodes."""
    return [_join([nodes[node] for node in part]) for part in parts]


def root_from(size: int, nodes: Mapping[Node, bytes]) -> bytes:
    """The root of the tree of ``size`` leaves from its :func:`edge_nodes`."""
    return _join([nodes[node] for node in edge_nodes(0, size)]) if size else EMPTY_ROOT


def all_nodes(leaves: Sequence[bytes]) -> dict[Node, bytes]:
    """Every complete subtree over these leaf hashes, leaves included; for trees small enough to hold in memory."""
    return {(0, index): leaf for index, leaf in enumerate(leaves)} | CompactRange().extend(leaves)


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Whether the leaf hash is number ``index`` of the tree (RFC 9162, 2.1.3.2).

    Raises:
        ProofError: when it is not proven.
    """
    if not 0 <= index < size < MAX_SIZE:
        raise ProofError(f"there is no leaf {index} in a tree of {size}")
    _check_hashes([leaf], "the leaf hash")
    inner, border = _lengths(index, size)
    _check_count(proof, inner + border)
    computed = _climb(leaf, proof[:inner], lambda level: bool(index >> level & 1))
    computed = _climb(computed, proof[inner:], lambda _: True)
    if computed != root:
        raise ProofError("the proof leads to another root")


def verify_consistency(size1: int, size2: int, proof: Sequence[bytes], root1: bytes, root2: bytes) -> None:
    """Whether the tree of ``size1`` leaves is the beginning of that of ``size2`` (RFC 9162, 2.1.4.2).

    Raises:
        ProofError: when it is not proven; also for an old tree without leaves, of which nothing can be proven.
    """
    if not 0 <= size1 <= size2 < MAX_SIZE:
        raise ProofError(f"a tree of {size1} cannot grow into one of {size2}")
    if size1 == 0:
        raise ProofError("nothing can be proven of an empty tree")
    if size1 == size2:
        _check_count(proof, 0)
        if root1 != root2:
            raise ProofError("the sizes are equal, the roots are not")
        return
    level = (size1 & -size1).bit_length() - 1
    inner, border = _lengths(size1 - 1, size2)
    seeded = size1 != 1 << level
    _check_count(proof, seeded + inner - level + border)
    seed, rest = (proof[0], proof[1:]) if seeded else (root1, proof)
    _check_hashes([seed], "the first root")
    beside, above, index = rest[: inner - level], rest[inner - level :], (size1 - 1) >> level
    left = [each for height, each in enumerate(beside) if index >> height & 1]
    if _climb(seed, [*left, *above], lambda _: True) != root1:
        raise ProofError("the proof leads to another first root")
    grown = _climb(seed, beside, lambda height: bool(index >> height & 1))
    if _climb(grown, above, lambda _: True) != root2:
        raise ProofError("the proof leads to another second root")


def _path(index: int, begin: int, end: int) -> list[list[Node]]:
    """Siblings on the way from leaf ``index`` to the root of the leaves ``begin`` up to ``end``, the lowest first."""
    siblings = []
    while end - begin > 1:
        middle = begin + (1 << (end - begin - 1).bit_length() - 1)
        if index < middle:
            siblings.append(edge_nodes(middle, end))
            end = middle
        else:
            siblings.append(edge_nodes(begin, middle))
            begin = middle
    return siblings[::-1]


def _join(hashes: Sequence[bytes]) -> bytes:
    """Root over complete subtrees of falling size."""
    joined = hashes[-1]
    for left in reversed(hashes[:-1]):
        joined = node_hash(left, joined)
    return joined


def _lengths(index: int, size: int) -> tuple[int, int]:
    """How many hashes of a leaf's proof lie below the place where its path leaves that of the last leaf, and above."""
    inner = (index ^ (size - 1)).bit_length()
    return inner, (index >> inner).bit_count()


def _climb(start: bytes, hashes: Sequence[bytes], on_left: Callable[[int], bool]) -> bytes:
    current = start
    for height, sibling in enumerate(hashes):
        current = node_hash(sibling, current) if on_left(height) else node_hash(current, sibling)
    return current


def _check_count(proof: Sequence[bytes], expected: int) -> None:
    if len(proof) != expected:
        raise ProofError(f"the proof has {len(proof)} hashes, {expected} are needed")
    _check_hashes(proof, "a hash of the proof")


def _check_hashes(hashes: Sequence[bytes], what: str) -> None:
    for each in hashes:
        if len(each) != HASH_BYTES:
            raise ProofError(f"{what} has {len(each)} bytes, not {HASH_BYTES}")
