"""Signed notes (C2SP signed-note), with which logs sign checkpoints (tlog-checkpoint) and witnesses cosign them.

Two kinds of signatures: Ed25519 over the note's text (type 0x01), and timestamped cosignatures of witnesses
(cosignature/v1 of C2SP tlog-cosignature, type 0x04).
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from inspection.errors import InspectionError
from inspection.ledger.proof_file import decode, encode

MAX_NOTE_BYTES = 1 << 16
MAX_SIGNATURES = 64
DASH = "\u2014"
_TIMESTAMP = struct.Struct(">Q")
_KEY_BYTES, _SIGNATURE_BYTES = 32, 64


class NoteError(InspectionError):
    """A note, one of its signatures or a key is not what it must be; the text says what."""

    code = "evidence.note"


class SignatureType(IntEnum):
    """The byte that tells the kinds of signatures apart."""

    NOTE = 0x01
    COSIGNATURE = 0x04


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A named public key, written ``name+keyid+Base64`` (a *vkey*)."""

    name: str
    kind: SignatureType
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The first 4 bytes of SHA-256(name, newline, type, public key)."""
        content = self.name.encode() + b"\n" + bytes([self.kind]) + self.public
        return hashlib.sha256(content).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{encode(bytes([self.kind]) + self.public)}"

    @staticmethod
    def parse(text: str) -> VerifierKey:
        """The key that ``text`` spells.

        Raises:
            NoteError: when it is no vkey, of another type, or its key id is not that of its content.
        """
        try:
            name, key_id, content = text.split("+", 2)
            raw = decode(content)
            key = VerifierKey(_name(name), SignatureType(raw[0]), raw[1:])
            Ed25519PublicKey.from_public_bytes(key.public)
        except (ValueError, IndexError):
            raise NoteError("a verifier key must read name+keyid+Base64 with an Ed25519 key") from None
        if key.key_id.hex() != key_id:
            raise NoteError(f"the key id of {name} is {key.key_id.hex()}, not {key_id}")
        return key


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line. ``content`` follows the key id: 64 bytes, for a cosignature after 8 of time."""

    name: str
    key_id: bytes
    content: bytes

    def line(self) -> str:
        """The line without its end."""
        return f"{DASH} {self.name} {encode(self.key_id + self.content)}"

    @staticmethod
    def parse(line: str) -> Signature:
        """Raises :class:`NoteError` when ``line`` is no signature line."""
        try:
            dash, name, content = line.split(" ")
            signature = Signature(_name(name), decode(content)[:4], decode(content)[4:])
        except ValueError:
            dash, signature = "", Signature("", b"", b"")
        if dash != DASH or not signature.content:
            raise NoteError("a signature line must read: em dash, key name, Base64")
        return signature

    @property
    def timestamp(self) -> int | None:
        """POSIX time of a cosignature, ``None`` for another kind."""
        if len(self.content) != _TIMESTAMP.size + _SIGNATURE_BYTES:
            return None
        stamp: int = _TIMESTAMP.unpack(self.content[: _TIMESTAMP.size])[0]
        return stamp

    def is_by(self, key: VerifierKey) -> bool:
        """Whether it claims to be of ``key``."""
        return (self.name, self.key_id) == (key.name, key.key_id)


@dataclass(frozen=True, slots=True)
class Note:
    """A text, ending in a newline, and its signatures; nothing is verified yet."""

    text: str
    signatures: tuple[Signature, ...]

    @staticmethod
    def parse(raw: bytes) -> Note:
        """Read a note.

        Raises:
            NoteError: when it is too long, no UTF-8, has control characters, or lacks text or signatures.
        """
        try:
            whole = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise NoteError(f"a note must be UTF-8; byte {error.start} is not") from None
        if len(raw) > MAX_NOTE_BYTES or any(character < " " and character != "\n" for character in whole):
            raise NoteError("a note has at most 64 KiB and no control characters but newlines")
        text, blank, below = whole.rpartition("\n\n")
        if not blank or not below.endswith("\n"):
            raise NoteError("a note must read: text, an empty line, signature lines")
        lines = below[:-1].split("\n")
        if len(lines) > MAX_SIGNATURES:
            raise NoteError(f"a note has at most {MAX_SIGNATURES} signatures")
        return Note(text + "\n", tuple(map(Signature.parse, lines)))

    def encode(self) -> bytes:
        """The note as bytes; those that :meth:`parse` read."""
        lines = "".join(f"{signature.line()}\n" for signature in self.signatures)
        return f"{self.text}\n{lines}".encode()

    def signature_of(self, key: VerifierKey) -> Signature | None:
        """The signature of ``key``, verified; ``None`` when there is none.

        Raises:
            NoteError: when a signature of ``key`` does not match the text.
        """
        found = [signature for signature in self.signatures if signature.is_by(key)]
        for signature in found:
            verify(self.text, signature, key)
        return found[0] if found else None

    def with_signatures(self, more: Iterable[Signature]) -> Note:
        """The same note with further signatures; one that is there already is not added again."""
        return Note(self.text, tuple(dict.fromkeys((*self.signatures, *more))))


@dataclass(frozen=True, slots=True)
class Signer:
    """A named private key."""

    name: str
    kind: SignatureType
    private: Ed25519PrivateKey

    def __post_init__(self) -> None:
        try:
            _name(self.name)
        except ValueError as error:
            raise NoteError(str(error)) from None

    @property
    def verifier(self) -> VerifierKey:
        return VerifierKey(self.name, self.kind, self.private.public_key().public_bytes_raw())

    def sign(self, text: str, timestamp: int | None = None) -> Signature:
        """Sign a note's text.

        Args:
            text: ends in a newline.
            timestamp: POSIX time, for a cosignature only.
        """
        stamp = b""
        if self.kind is SignatureType.COSIGNATURE:
            if timestamp is None:
                raise ValueError("a cosignature needs a time")
            stamp = _TIMESTAMP.pack(timestamp)
        content = stamp + self.private.sign(_message(text, self.kind, stamp))
        return Signature(self.name, self.verifier.key_id, content)


def verify(text: str, signature: Signature, key: VerifierKey) -> None:
    """Whether ``signature`` is that of ``key`` over ``text``.

    Raises:
        NoteError: when it is not.
    """
    if not signature.is_by(key):
        raise NoteError(f"{signature.name} signed with a key that is not known")
    stamp_bytes = _TIMESTAMP.size if key.kind is SignatureType.COSIGNATURE else 0
    stamp, content = signature.content[:stamp_bytes], signature.content[stamp_bytes:]
    if len(content) != _SIGNATURE_BYTES or (stamp and stamp[0] >> 7):
        raise NoteError(f"the signature of {key.name} has the wrong form")
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(content, _message(text, key.kind, stamp))
    except InvalidSignature:
        raise NoteError(f"the signature of {key.name} does not match the text") from None


def _message(text: str, kind: SignatureType, stamp: bytes) -> bytes:
    if kind is SignatureType.NOTE:
        return text.encode()
    return f"cosignature/v1\ntime {int.from_bytes(stamp, 'big')}\n{text}".encode()


def _name(name: str) -> str:
    if not name or "+" in name or any(character.isspace() for character in name):
        raise ValueError("a key's name has no spaces and no plus")
    return name
