"""Checkpoints of a log (C2SP tlog-checkpoint): origin, size and root, to be signed as a note."""

from __future__ import annotations

import re
from dataclasses import dataclass

from inspection.ledger.merkle import HASH_BYTES, MAX_SIZE
from inspection.ledger.notes import Note, NoteError, Signer, VerifierKey
from inspection.ledger.proof_file import decode, encode

_SIZE = re.compile(r"\A(0|[1-9][0-9]{0,19})\Z")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log stands for at one size.

    Attributes:
        origin: names the log; the log's key has this name, too.
        size: leaves.
        root: of the Merkle tree over them, 32 bytes.
        extensions: further lines; ours has none.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def text(self) -> str:
        """The note's text."""
        return "".join(f"{line}\n" for line in (self.origin, self.size, encode(self.root), *self.extensions))

    @staticmethod
    def parse(text: str) -> Checkpoint:
        """Read a note's text.

        Raises:
            NoteError: when it is no checkpoint.
        """
        lines = text.removesuffix("\n").split("\n")
        try:
            origin, size, root = lines[0], lines[1], decode(lines[2])
        except (IndexError, ValueError):
            raise NoteError("a checkpoint must read: origin, size, root in Base64, each on its line") from None
        if not all(lines) or not _SIZE.match(size) or int(size) >= MAX_SIZE or len(root) != HASH_BYTES:
            raise NoteError("a checkpoint has a decimal size, a root of 32 bytes, and no empty line")
        return Checkpoint(origin, int(size), root, tuple(lines[3:]))

    def sign(self, signer: Signer) -> Note:
        """The checkpoint, signed by the log."""
        return Note(self.text(), (signer.sign(self.text()),))


def open_checkpoint(note: Note, log: VerifierKey) -> Checkpoint:
    """The checkpoint in a note that the log signed.

    Raises:
        NoteError: when the log did not sign it, or it is that of another log.
    """
    if note.signature_of(log) is None:
        raise NoteError(f"{log.name} did not sign this checkpoint")
    checkpoint = Checkpoint.parse(note.text)
    if checkpoint.origin != log.name:
        raise NoteError(f"this is a checkpoint of {checkpoint.origin}, not of {log.name}")
    return checkpoint
