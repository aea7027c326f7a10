"""Bundles made to deceive or to break who checks them, by somebody with a log of his own: each is answered."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from inspection.evidence import canonical_json, sha256_hex
from inspection.hub.evidence.cli import _verified
from inspection.ledger.bundle import Check, Manifest, Proof, verify
from inspection.ledger.checkpoint import Checkpoint
from inspection.ledger.container import pack
from inspection.ledger.leaves import Leaf
from inspection.ledger.notes import SignatureType, Signer
from inspection.ledger.proof_file import encode

HIS = Signer("hub.example/evidence/1", SignatureType.NOTE, Ed25519PrivateKey.from_private_bytes(bytes(32)))
INSPECTION = UUID(int=7)
SALT = bytes(32)


def proven(leaf_text: str, record: bytes) -> dict[str, bytes]:
    """A bundle of one report whose leaf, whatever it says, is the only one of his log."""
    leaf = Leaf(SALT, leaf_text)
    root = encode(leaf.hash)
    proof = Proof(leaf=leaf_text, salt=encode(SALT), leafIdx=0, treeSize=1, root=root, leafHash=root, proof=[])
    manifest = Manifest(inspection_id=str(INSPECTION), log_key=str(HIS.verifier), witness_keys=[], pictures_missing=[])
    return {
        "bundle.json": manifest.encode(),
        "checkpoint": Checkpoint(HIS.name, 1, leaf.hash).sign(HIS).encode(),
        "proofs/report-1.json": proof.encode(),
        "reports/1.json": record,
    }


def leaf_of(record: bytes, evidence_hash: str = "0" * 64) -> str:
    """The leaf of a report, as the hub's are."""
    facts = {
        "kind": "verdict",
        "inspection_id": str(INSPECTION),
        "revision": 1,
        "evidence_hash": evidence_hash,
        "record_sha256": sha256_hex(record),
        "received_at": "2026-11-22T08:00:00.000000Z",
        "received_via": str(INSPECTION),
        "station_key": None,
        "station_key_trusted": False,
    }
    return canonical_json(facts).decode()


def failed(checks: list[Check]) -> dict[str, str]:
    return {check.name: check.line() for check in checks if not check.ok}


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"null",
        b"[1]",
        b'"text"',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"pictures": 7, "verdict": []}',
        b'{"pictures": [[]], "verdict": {}}',
        b"1e999",
        b'{"a": ' + b"9" * 5000 + b"}",
    ],
)
def test_a_proven_record_of_any_form_is_answered(record: bytes) -> None:
    found = failed(verify(proven(leaf_of(record), record)))
    assert set(found) == {"reports/1.json"}


@pytest.mark.parametrize("text", ["", "7", "[]", "null", "{}", '{"kind": []}', "[" * 50_000, '{"kind": "verdict"}'])
def test_a_proven_leaf_of_any_form_is_answered(text: str) -> None:
    assert set(failed(verify(proven(text, b"{}")))) == {"reports/1.json"}


def test_what_a_terminal_would_obey_is_spelt_out() -> None:
    name = "\x1b[2Jok all is good\n"
    line = failed(verify({name: b""} | proven(leaf_of(b"{}"), b"{}")))[name]
    assert "\x1b" not in line
    assert "\\x1b[2Jok all is good\\n" in line


def test_a_truncated_bundle_is_named_wherever_it_ends(tmp_path: Path) -> None:
    packed, bundle = pack(proven(leaf_of(b"{}"), b"{}")), tmp_path / "cut.zip"
    for size in range(0, len(packed), 41):
        bundle.write_bytes(packed[:size])
        assert "container" in failed(_verified(bundle, None)), size


def test_nothing_is_unpacked_written_or_read_elsewhere(tmp_path: Path) -> None:
    names = ["../../evil", "/etc/passwd", "C:\\evil", "pictures/../../evil", "a//b", "reports/1.json\0.txt"]
    bundle = tmp_path / "folder" / "bundle.zip"
    bundle.parent.mkdir()
    bundle.write_bytes(pack(dict.fromkeys(names, b"x")))
    found = failed(_verified(bundle, None))
    assert set(names) <= set(found)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["bundle.zip", "folder"]


def test_a_bomb_is_not_blown_up(tmp_path: Path) -> None:
    bomb, bundle = io.BytesIO(), tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        file.writestr("reports/1.json", bytes(64 << 20))
    bundle.write_bytes(bomb.getvalue())
    found = failed(_verified(bundle, None))
    assert "container" in found
    with bundle.open("wb") as sparse:
        os.truncate(sparse.fileno(), 6 << 30)
    assert "4 GiB" in failed(_verified(bundle, None))["container"]


def test_another_key_is_named() -> None:
    other = Signer(HIS.name, SignatureType.NOTE, Ed25519PrivateKey.from_private_bytes(b"1" * 32))
    files = proven(leaf_of(b"{}"), b"{}")
    assert "not the one you know" in failed(verify(files, str(other.verifier)))["bundle.json"]
    forged = files | {"checkpoint": Checkpoint(HIS.name, 1, bytes(32)).sign(other).encode()}
    assert "checkpoint" in failed(verify(forged))
