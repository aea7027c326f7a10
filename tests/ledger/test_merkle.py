"""Merkle trees: the definition of RFC 9162, every proof of small trees, and the public test data."""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspection.ledger import merkle
from inspection.ledger.merkle import ProofError
from inspection.ledger.proof_file import check_consistency, check_inclusion, consistency, inclusion

LEAVES = [merkle.leaf_hash(bytes([number])) for number in range(70)]
CHECKS = {"inclusion": check_inclusion, "consistency": check_consistency}


def root_by_definition(leaves: list[bytes]) -> bytes:
    """RFC 9162, 2.1.1, to the letter."""
    if len(leaves) == 1:
        return leaves[0]
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    children = root_by_definition(leaves[:half]) + root_by_definition(leaves[half:])
    return hashlib.sha256(b"\x01" + children).digest()


def half_of(size: int) -> int:
    """The largest power of two smaller than ``size``."""
    return 1 << ((size - 1).bit_length() - 1)


def path_by_definition(index: int, leaves: list[bytes]) -> list[bytes]:
    """RFC 6962, 2.1.1, to the letter."""
    if len(leaves) == 1:
        return []
    half = half_of(len(leaves))
    if index < half:
        return [*path_by_definition(index, leaves[:half]), root_by_definition(leaves[half:])]
    return [*path_by_definition(index - half, leaves[half:]), root_by_definition(leaves[:half])]


def growth_by_definition(size1: int, leaves: list[bytes], *, whole: bool) -> list[bytes]:
    """RFC 6962, 2.1.2, to the letter; ``whole``: the first tree is known to who asks."""
    if size1 == len(leaves):
        return [] if whole else [root_by_definition(leaves)]
    half = half_of(len(leaves))
    if size1 <= half:
        return [*growth_by_definition(size1, leaves[:half], whole=whole), root_by_definition(leaves[half:])]
    return [*growth_by_definition(size1 - half, leaves[half:], whole=False), root_by_definition(leaves[:half])]


def proofs_of(size: int) -> tuple[dict[merkle.Node, bytes], bytes]:
    return merkle.all_nodes(LEAVES[:size]), root_by_definition(LEAVES[:size])


def test_the_empty_tree_has_the_root_of_the_standard() -> None:
    assert merkle.root_of([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_roots_are_those_of_the_definition() -> None:
    for size in range(1, len(LEAVES) + 1):
        assert merkle.root_of(LEAVES[:size]) == root_by_definition(LEAVES[:size])
        assert merkle.root_from(size, merkle.all_nodes(LEAVES[:size])) == root_by_definition(LEAVES[:size])


def test_every_leaf_of_every_small_tree_is_proven_from_nodes_of_a_larger_one() -> None:
    nodes = merkle.all_nodes(LEAVES)
    for size in range(1, len(LEAVES) + 1):
        root = root_by_definition(LEAVES[:size])
        for index in range(size):
            proof = merkle.proof_from(merkle.inclusion_nodes(index, size), nodes)
            merkle.verify_inclusion(index, size, LEAVES[index], proof, root)


def test_every_small_tree_is_proven_to_be_the_beginning_of_every_larger_one() -> None:
    nodes = merkle.all_nodes(LEAVES)
    roots = {size: root_by_definition(LEAVES[:size]) for size in range(1, len(LEAVES) + 1)}
    for size2, root2 in roots.items():
        for size1 in range(1, size2 + 1):
            proof = merkle.proof_from(merkle.consistency_nodes(size1, size2), nodes)
            merkle.verify_consistency(size1, size2, proof, roots[size1], root2)


def test_random_trees_of_up_to_300_leaves_have_the_proofs_of_the_definition() -> None:
    chance = random.Random(6962)
    leaves = [merkle.leaf_hash(chance.randbytes(chance.randrange(60))) for _ in range(300)]
    nodes = merkle.all_nodes(leaves)
    for size in range(1, len(leaves) + 1):
        index, size1 = chance.randrange(size), chance.randint(1, size)
        assert merkle.root_from(size, nodes) == root_by_definition(leaves[:size])
        path = merkle.proof_from(merkle.inclusion_nodes(index, size), nodes)
        assert path == path_by_definition(index, leaves[:size])
        grown = merkle.proof_from(merkle.consistency_nodes(size1, size), nodes)
        assert grown == growth_by_definition(size1, leaves[:size], whole=True)


def test_a_range_that_is_taken_up_again_goes_on_as_if_never_put_down() -> None:
    nodes = merkle.all_nodes(LEAVES)
    for size in range(len(LEAVES)):
        taken_up = merkle.CompactRange(size, [nodes[node] for node in merkle.edge_nodes(0, size)])
        completed = taken_up.extend(LEAVES[size:])
        assert taken_up.root() == root_by_definition(LEAVES)
        assert completed == {node: nodes[node] for node in completed}


@given(st.integers(1, 70), st.data())
def test_an_inclusion_proof_with_any_bit_changed_proves_nothing(size: int, data: st.DataObject) -> None:
    nodes, root = proofs_of(size)
    index = data.draw(st.integers(0, size - 1))
    parts = [LEAVES[index], root, *merkle.proof_from(merkle.inclusion_nodes(index, size), nodes)]
    place, bit = data.draw(st.integers(0, len(parts) - 1)), data.draw(st.integers(0, 255))
    parts[place] = (int.from_bytes(parts[place], "big") ^ (1 << bit)).to_bytes(32, "big")
    with pytest.raises(ProofError):
        merkle.verify_inclusion(index, size, parts[0], parts[2:], parts[1])


@given(st.integers(2, 70), st.data())
def test_a_consistency_proof_with_any_bit_changed_proves_nothing(size2: int, data: st.DataObject) -> None:
    nodes, root2 = proofs_of(size2)
    size1 = data.draw(st.integers(1, size2 - 1))
    proof = merkle.proof_from(merkle.consistency_nodes(size1, size2), nodes)
    parts = [root_by_definition(LEAVES[:size1]), root2, *proof]
    place, bit = data.draw(st.integers(0, len(parts) - 1)), data.draw(st.integers(0, 255))
    parts[place] = (int.from_bytes(parts[place], "big") ^ (1 << bit)).to_bytes(32, "big")
    with pytest.raises(ProofError):
        merkle.verify_consistency(size1, size2, parts[2:], parts[0], parts[1])


def test_a_leaf_is_proven_at_no_other_place() -> None:
    for size in range(2, 34):
        nodes, root = proofs_of(size)
        for index in range(size):
            proof = merkle.proof_from(merkle.inclusion_nodes(index, size), nodes)
            for other in set(range(size + 2)) - {index}:
                with pytest.raises(ProofError):
                    merkle.verify_inclusion(other, size, LEAVES[index], proof, root)


def test_hashes_of_another_length_prove_nothing() -> None:
    # Seed and sibling are hashed one after the other: bytes moved from one to the other leave the digest as it is.
    left, right = LEAVES[0], LEAVES[1]
    root = merkle.node_hash(left, right)
    with pytest.raises(ProofError, match="bytes"):
        merkle.verify_inclusion(0, 2, left + right[:1], [right[1:]], root)
    with pytest.raises(ProofError, match="bytes"):
        merkle.verify_consistency(1, 2, [right[1:]], left + right[:1], root)


def test_our_own_proofs_have_the_form_that_the_command_reads() -> None:
    nodes, root = proofs_of(13)
    proof = merkle.proof_from(merkle.inclusion_nodes(5, 13), nodes)
    check_inclusion(json.dumps(inclusion(5, 13, LEAVES[5], proof, root)))
    proof = merkle.proof_from(merkle.consistency_nodes(6, 13), nodes)
    check_consistency(json.dumps(consistency(6, 13, root_by_definition(LEAVES[:6]), root, proof)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"leafIdx": true, "treeSize": 1}',
        '{"leafIdx": 0.0, "treeSize": 1}',
        '{"leafIdx": 0, "treeSize": 1, "root": 5}',
        '{"leafIdx": 0, "treeSize": 1, "root": "****"}',
        '{"leafIdx": 0, "treeSize": 1, "root": "", "proof": {}}',
        "[" * 100_000,
    ],
)
def test_what_is_no_proof_is_refused_with_a_reason(text: str) -> None:
    for check in CHECKS.values():
        with pytest.raises(ProofError):
            check(text)


@pytest.mark.shared
def test_the_public_test_data_is_judged_as_it_says(shared: Path) -> None:
    counts = {"accepted": 0, "refused": 0}
    for kind, check in CHECKS.items():
        for file in sorted((shared / "vectors/merkle/testdata" / kind).rglob("*.json")):
            text = file.read_text()
            try:
                check(text)
                accepted = True
            except ProofError:
                accepted = False
            assert accepted is not json.loads(text)["wantErr"], file.name
            counts["accepted" if accepted else "refused"] += 1
    print(f"merkle test data: {counts['accepted']} proofs accepted, {counts['refused']} refused")
    assert (counts["accepted"], counts["refused"]) == (8, 95)


def test_the_command_answers_a_line_a_file(tmp_path: Path) -> None:
    nodes, root = proofs_of(9)
    proof = merkle.proof_from(merkle.inclusion_nodes(8, 9), nodes)
    good, bad, absent = tmp_path / "good.json", tmp_path / "bad.json", tmp_path / "absent.json"
    good.write_text(json.dumps(inclusion(8, 9, LEAVES[8], proof, root)))
    bad.write_text(json.dumps(inclusion(8, 9, LEAVES[8], proof, bytes(32))))
    command = [sys.executable, "-m", "inspection.ledger", "verify-inclusion"]
    ended = subprocess.run([*command, good, bad, absent], capture_output=True, text=True, check=False)
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [line["ok"] for line in lines] == [True, False, False]
    assert [line["file"] for line in lines] == [str(good), str(bad), str(absent)]
    assert lines[1]["reason"] == "the proof leads to another root"
    assert ended.returncode == 1
    assert subprocess.run([*command, good], capture_output=True, check=False).returncode == 0
