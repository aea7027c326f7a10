"""The identity of the hub's logs: one signing key an installation, one origin a merchant, and the witnesses we know."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from inspection.errors import ConfigError
from inspection.hub.config import EvidenceSection, HubConfig
from inspection.ledger.checkpoint import Checkpoint, open_checkpoint
from inspection.ledger.keys import load_or_make_key, parse_key
from inspection.ledger.notes import Note, NoteError, SignatureType, Signer, VerifierKey
from inspection.ledger.proof_file import decode

KEY_VARIABLE = "RETURNS_HUB_EVIDENCE_KEY"


@dataclass(frozen=True, slots=True)
class EvidenceLog:
    """Who signs, and whose signatures count.

    Attributes:
        origin: prefix of the logs' names; the merchant's id follows after a slash.
        private: signs the checkpoints of all merchants.
        old_keys: public keys that signed before, 32 bytes each.
        witnesses: whose cosignatures are taken.
    """

    origin: str
    private: Ed25519PrivateKey
    old_keys: tuple[bytes, ...] = ()
    witnesses: tuple[VerifierKey, ...] = ()

    def signer(self, merchant_id: UUID) -> Signer:
        """The key of one merchant's log."""
        return Signer(f"{self.origin}/{merchant_id}", SignatureType.NOTE, self.private)

    def verifiers(self, merchant_id: UUID) -> list[VerifierKey]:
        """The key that signs now, then those that signed before."""
        now = self.signer(merchant_id).verifier
        return [now, *(VerifierKey(now.name, now.kind, old) for old in self.old_keys)]

    def open(self, merchant_id: UUID, note: Note) -> tuple[Checkpoint, VerifierKey]:
        """What a note signed by one merchant's log says, and with which of its keys.

        Raises:
            NoteError: when none of them signed it.
        """
        problem = NoteError("no key of this log signed the checkpoint")
        for key in self.verifiers(merchant_id):
            try:
                return open_checkpoint(note, key), key
            except NoteError as error:
                problem = error
        raise problem

    def witness(self, name: str, key_id: bytes) -> VerifierKey | None:
        """The witness that signs with this name and key id."""
        return next((key for key in self.witnesses if (key.name, key.key_id) == (name, key_id)), None)


def open_log(config: HubConfig) -> EvidenceLog:
    """The log that ``config`` describes. Its key is made at the first call when there is none.

    The key comes from the environment variable :data:`KEY_VARIABLE` (PEM), or the file ``evidence.key_file``, which
    is ``<data_dir>/evidence.key`` unless configured. Several machines of one hub need the same key.

    Raises:
        ConfigError: for a witness or an old key that is none, or a variable that holds no key; quotes no secret.
        KeyFileError: see there.
    """
    return _open(config.evidence, config.evidence.key_file or config.data_dir / "evidence.key")


@lru_cache(maxsize=32)
def _open(section: EvidenceSection, key_file: Path) -> EvidenceLog:
    try:
        witnesses = tuple(map(VerifierKey.parse, section.witnesses))
        old_keys = tuple(map(decode, section.old_public_keys))
    except (NoteError, ValueError) as error:
        raise ConfigError(f"evidence.witnesses or evidence.old_public_keys: {error}") from None
    for key in witnesses:
        if key.kind is not SignatureType.COSIGNATURE:
            raise ConfigError(f"evidence.witnesses: the key of {key.name} is not one for cosignatures (type 0x04)")
    pem = os.environ.get(KEY_VARIABLE)
    try:
        private = parse_key(pem.encode()) if pem else load_or_make_key(key_file)
    except ValueError:
        raise ConfigError(f"{KEY_VARIABLE} holds no Ed25519 private key in PEM") from None
    return EvidenceLog(section.origin, private, old_keys, witnesses)
