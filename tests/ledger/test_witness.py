"""A witness cosigns what continues its last checkpoint, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from inspection.ledger import merkle
from inspection.ledger.checkpoint import Checkpoint
from inspection.ledger.merkle import ProofError
from inspection.ledger.notes import Note, NoteError, SignatureType, Signer, VerifierKey
from inspection.ledger.proof_file import consistency
from inspection.ledger.witness import cosign, last_size
from tests.ledger.test_merkle import LEAVES

LOG = Signer("hub.example/log", SignatureType.NOTE, Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\1"))
WITNESS = Signer("witness.example/w", SignatureType.COSIGNATURE, Ed25519PrivateKey.from_private_bytes(bytes(32)))
KEY = LOG.verifier


def checkpoint(size: int, leaves: list[bytes] = LEAVES) -> Note:
    return Checkpoint(LOG.name, size, merkle.root_of(leaves[:size])).sign(LOG)


def proof(size1: int, size2: int) -> list[bytes]:
    return merkle.proof_from(merkle.consistency_nodes(size1, size2), merkle.all_nodes(LEAVES[:size2]))


def test_a_log_that_grows_is_cosigned_each_time(tmp_path: Path) -> None:
    for last, size in ((0, 3), (3, 8), (8, 8), (8, 70)):
        assert last_size(tmp_path, KEY) == last
        between = proof(last, size) if last else []
        note = cosign(checkpoint(size), KEY, WITNESS, tmp_path, between, now=7)
        found = note.signature_of(WITNESS.verifier)
        assert found is not None
        assert found.timestamp == 7


def test_a_log_that_forked_shrank_or_proves_nothing_is_not(tmp_path: Path) -> None:
    cosign(checkpoint(8), KEY, WITNESS, tmp_path, [], now=7)
    forked = [*LEAVES[:2], LEAVES[3], *LEAVES[3:]]
    for note, between in (
        (checkpoint(7), []),
        (checkpoint(8, forked), []),
        (checkpoint(20, forked), proof(8, 20)),
        (checkpoint(20), []),
        (checkpoint(20), proof(7, 20)),
    ):
        with pytest.raises(ProofError):
            cosign(note, KEY, WITNESS, tmp_path, between, now=7)
    assert last_size(tmp_path, KEY) == 8


def test_a_checkpoint_of_a_stranger_is_not(tmp_path: Path) -> None:
    with pytest.raises(NoteError):
        cosign(checkpoint(3), WITNESS.verifier, WITNESS, tmp_path, [], now=7)


def test_the_command_needs_nothing_but_files(tmp_path: Path) -> None:
    def command(*words: object) -> subprocess.CompletedProcess[str]:
        whole = [sys.executable, "-m", "inspection.ledger", *map(str, words)]
        return subprocess.run(whole, capture_output=True, text=True, check=False)

    identity = ("--key", tmp_path / "w.key", "--name", "witness.example/w2")
    told = VerifierKey.parse(command("witness-key", *identity).stdout.strip())
    first, second, out = tmp_path / "1", tmp_path / "2", tmp_path / "out"
    first.write_bytes(checkpoint(5).encode())
    second.write_bytes(checkpoint(9).encode())
    between = tmp_path / "proof.json"

    before, after = merkle.root_of(LEAVES[:5]), merkle.root_of(LEAVES[:9])
    between.write_text(json.dumps(consistency(5, 9, before, after, proof(5, 9))))
    common = ("--out", out, "--log", str(KEY), "--state", tmp_path / "state", *identity)
    assert command("cosign", first, *common).returncode == 0
    assert Note.parse(out.read_bytes()).signature_of(told) is not None
    refused = command("cosign", second, *common)
    assert (refused.returncode, len(refused.stderr.splitlines())) == (1, 1)
    assert "does not continue" in refused.stderr
    assert command("cosign", second, "--consistency", between, *common).returncode == 0
    assert Note.parse(out.read_bytes()).text == checkpoint(9).text
    absent = command("cosign", tmp_path / "absent", *common)
    assert (absent.returncode, len(absent.stderr.splitlines())) == (1, 1)
