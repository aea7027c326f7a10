"""A witness: cosigns a log's checkpoints, each only when it is proven to continue the one cosigned before.

Its state is one file a log, replaced whole: the newest cosigned checkpoint. Whoever loses it starts trusting anew.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from inspection.ledger.checkpoint import Checkpoint, open_checkpoint
from inspection.ledger.merkle import ProofError, verify_consistency
from inspection.ledger.notes import MAX_NOTE_BYTES, Note, Signer, VerifierKey


def cosign(note: Note, log: VerifierKey, witness: Signer, folder: Path, proof: list[bytes], *, now: int) -> Note:
    """The checkpoint with the witness's cosignature, which is on record before it is given out.

    Args:
        note: the log's checkpoint.
        log: the log's key, which the witness knows from elsewhere.
        witness: who cosigns.
        folder: of the witness's state.
        proof: consistency proof from the checkpoint cosigned last; empty for the first, and for the same again.
        now: POSIX time.

    Raises:
        NoteError: when the log did not sign it.
        ProofError: when it does not continue the last one; nothing is cosigned.
        OSError: when the state cannot be read or written.
    """
    offered = open_checkpoint(note, log)
    with _state(folder, log) as state:
        last = _last(state, log)
        if last is not None:
            _continues(last, offered, proof)
        if last != offered:
            _keep(state, note.encode())
    return note.with_signatures([witness.sign(note.text, now)])


def last_size(folder: Path, log: VerifierKey) -> int:
    """Size of the checkpoint that was cosigned last; 0 when there is none."""
    with _state(folder, log) as state:
        last = _last(state, log)
    return 0 if last is None else last.size


def _continues(last: Checkpoint, offered: Checkpoint, proof: list[bytes]) -> None:
    if offered.size < last.size:
        raise ProofError(f"it has {offered.size} leaves, and one of {last.size} was cosigned before")
    if last.size == 0:
        return
    try:
        verify_consistency(last.size, offered.size, proof, last.root, offered.root)
    except ProofError as error:
        raise ProofError(f"it does not continue the checkpoint of {last.size} leaves: {error}") from None


@contextmanager
def _state(folder: Path, log: VerifierKey) -> Iterator[Path]:
    """The file that holds the last checkpoint of this log, for one process at a time."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    name = hashlib.sha256(str(log).encode()).hexdigest()[:32]
    with (folder / f"{name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder / f"{name}.checkpoint"


def _last(state: Path, log: VerifierKey) -> Checkpoint | None:
    if not state.exists():
        return None
    with state.open("rb") as file:
        note = Note.parse(file.read(MAX_NOTE_BYTES + 1))
    return open_checkpoint(note, log)


def _keep(state: Path, content: bytes) -> None:
    """Replace the file whole, on the disk when this returns."""
    draft = state.with_suffix(".new")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(state)
    descriptor = os.open(state.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
