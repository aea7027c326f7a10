"""Signed notes and checkpoints: a note signed by another program, round trips, and every byte changed."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from inspection.ledger.checkpoint import Checkpoint, open_checkpoint
from inspection.ledger.keys import KeyFileError, is_signed, load_or_make_key, public_bytes
from inspection.ledger.notes import Note, NoteError, Signature, SignatureType, Signer, VerifierKey, verify

# The example in the documentation of Go's golang.org/x/mod/sumdb/note, which the format comes from.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
LOG = Signer("hub.example/log", SignatureType.NOTE, Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\1"))
WITNESS = Signer(
    "witness.example/w", SignatureType.COSIGNATURE, Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\2")
)
CHECKPOINT = Checkpoint("hub.example/log", 20852163, bytes(range(32)))
TIME = 1_679_315_147


def cosigned() -> Note:
    note = CHECKPOINT.sign(LOG)
    return note.with_signatures([WITNESS.sign(note.text, TIME)])


def test_a_note_signed_by_go_is_verified() -> None:
    note, key = Note.parse(GO_NOTE.encode()), VerifierKey.parse(GO_KEY)
    assert note.signature_of(key) is not None
    assert note.encode() == GO_NOTE.encode()
    assert str(key) == GO_KEY


def test_a_checkpoint_has_the_lines_of_its_standard() -> None:
    lines = cosigned().encode().decode().split("\n")
    assert lines[:4] == ["hub.example/log", "20852163", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", ""]
    assert [line.split(" ")[:2] for line in lines[4:6]] == [["—", LOG.name], ["—", WITNESS.name]]
    assert lines[6:] == [""]


def test_the_log_and_its_witness_sign_one_checkpoint() -> None:
    note = Note.parse(cosigned().encode())
    assert open_checkpoint(note, LOG.verifier) == CHECKPOINT
    signature = note.signature_of(WITNESS.verifier)
    assert signature is not None
    assert signature.timestamp == TIME


def test_a_cosignature_is_over_the_time_and_the_text() -> None:
    """The signed message of C2SP tlog-cosignature, put together by hand."""
    signature = WITNESS.sign(CHECKPOINT.text(), TIME)
    message = b"cosignature/v1\ntime 1679315147\n" + CHECKPOINT.text().encode()
    assert signature.content[:8] == TIME.to_bytes(8, "big")
    assert is_signed(WITNESS.verifier.public, signature.content[8:], message)


@pytest.mark.parametrize("signer", [LOG, WITNESS])
def test_a_key_is_spelt_and_read_back(signer: Signer) -> None:
    assert VerifierKey.parse(str(signer.verifier)) == signer.verifier


def test_no_signature_stands_for_another_kind_or_name() -> None:
    as_log = Signer(WITNESS.name, SignatureType.NOTE, WITNESS.private)
    with pytest.raises(NoteError, match="not known"):
        verify(CHECKPOINT.text(), as_log.sign(CHECKPOINT.text()), WITNESS.verifier)
    with pytest.raises(NoteError, match="did not sign"):
        open_checkpoint(CHECKPOINT.sign(as_log), LOG.verifier)


def test_a_checkpoint_of_another_log_is_refused_though_the_key_signed_it() -> None:
    other = Checkpoint("hub.example/other", 1, bytes(32))
    with pytest.raises(NoteError, match="not of"):
        open_checkpoint(other.sign(LOG), LOG.verifier)


def verify_all(raw: bytes) -> None:
    note = Note.parse(raw)
    open_checkpoint(note, LOG.verifier)
    for signature in note.signatures:
        verify(note.text, signature, LOG.verifier if signature.name == LOG.name else WITNESS.verifier)


@settings(deadline=None)  # the first call loads the library
@given(st.data())
def test_any_byte_changed_is_noticed(data: st.DataObject) -> None:
    raw = bytearray(cosigned().encode())
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(NoteError):
        verify_all(bytes(raw))


@pytest.mark.parametrize("size", ["007", "-1", "+1", "1.0", "", str(1 << 64), "x"])
def test_a_size_that_is_not_spelt_as_the_standard_says_is_refused(size: str) -> None:
    with pytest.raises(NoteError):
        Checkpoint.parse(CHECKPOINT.text().replace("20852163", size))


@given(st.binary(max_size=200))
def test_noise_is_no_note(raw: bytes) -> None:
    with pytest.raises(NoteError):
        Note.parse(raw)


@pytest.mark.parametrize("line", ["", "- a AAAAAAA=", "— a", "— a b c", "— a+b AAAAAAA=", "— a AAAA", "— a AAAAAAB="])
def test_what_is_no_signature_line_is_refused(line: str) -> None:
    with pytest.raises(NoteError):
        Signature.parse(line)


def test_the_key_file_is_for_its_owner_and_the_same_for_all_who_ask_at_once(tmp_path: Path) -> None:
    path = tmp_path / "data" / "log.key"
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: public_bytes(load_or_make_key(path)), range(8)))
    assert len(keys) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_a_key_that_others_may_read_or_that_is_none_is_refused_without_quoting_it(tmp_path: Path) -> None:
    path = tmp_path / "log.key"
    load_or_make_key(path)
    path.chmod(0o640)
    with pytest.raises(KeyFileError, match="others may read"):
        load_or_make_key(path)
    path.chmod(0o600)
    path.write_text("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n")
    with pytest.raises(KeyFileError) as caught:
        load_or_make_key(path)
    assert "c2VjcmV0" not in caught.value.one_line()
