"""Pictures are encrypted at rest, each with a key of its own, so that destroying it destroys every copy.

A picture's key (AES-256) lies in the database, wrapped by the installation's master key; its bytes, encrypted with
AES-256-GCM (NIST SP 800-38D), lie in the object store and in back-ups. The nonce is constant: a key encrypts one
message only, as the picture's hash, which the key belongs to, fixes it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from inspection.errors import ConfigError, StoreError
from inspection.hub.database import Database
from inspection.hub.problems import Problem

KEY_VARIABLE = "RETURNS_HUB_IMAGE_KEY"
MAGIC = b"RXENC1\0\0"
"""First bytes of an encrypted object. JPEG and PNG begin otherwise: pictures from before encryption stay readable."""
KEY_BYTES = 32
NONCE = bytes(12)
WRAP_NONCE_BYTES = 12
_MERCHANT = sa.bindparam("merchant_id", type_=sa.Uuid)
_FIND = sa.text("SELECT wrapped FROM image_keys WHERE merchant_id = :merchant_id AND sha256 = :sha256").bindparams(
    _MERCHANT
)
_MAKE = sa.text(
    """
    WITH quick AS MATERIALIZED (
        SELECT set_config('synchronous_commit', 'off', true)
    ), made AS (
        INSERT INTO image_keys (merchant_id, sha256, wrapped)
        SELECT :merchant_id, :sha256, :wrapped FROM quick
        ON CONFLICT DO NOTHING RETURNING wrapped
    )
    SELECT wrapped FROM made
    UNION ALL
    SELECT wrapped FROM image_keys WHERE merchant_id = :merchant_id AND sha256 = :sha256
    """
).bindparams(_MERCHANT, sa.bindparam("wrapped", type_=sa.LargeBinary))
"""One transaction by itself. The picture's row, which is written to the disk at its commit, takes the key with it."""


@dataclass(frozen=True, slots=True)
class MasterKey:
    """The key that wraps all others; ``repr`` shows its name only."""

    name: str
    secret: AESGCM

    def __repr__(self) -> str:
        return f"MasterKey({self.name})"


def master_key(raw: bytes) -> MasterKey:
    """The master key of these 32 bytes; its name is the beginning of their hash and tells nothing of them."""
    return MasterKey(hashlib.sha256(b"returns-hub image key " + raw).hexdigest()[:16], AESGCM(raw))


def load_or_make_master_key(path: Path) -> MasterKey:
    """The key in :data:`KEY_VARIABLE`, or in ``path`` (both Base64), made when there is neither.

    Raises:
        ConfigError: the variable or file holds no key. StoreError: the file cannot be read, or others may read it.
    """
    return master_key(load_or_make_secret(path, KEY_VARIABLE, "without it no picture can be read"))


def load_or_make_secret(path: Path, variable: str, loss: str) -> bytes:
    """32 secret bytes from the environment's ``variable``, or from ``path`` (both Base64); see above.

    Args:
        path: the file; made with a fresh secret when it is missing.
        variable: name of an environment variable that may hold the secret instead.
        loss: what is lost without it, for the hint of an error.
    """
    text, place = os.environ.get(variable), variable
    if text is None:
        text, place = _kept(path), str(path)
    try:
        raw = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != KEY_BYTES:
        hint = f"restore it from where you keep it; {loss}"
        raise ConfigError(f"{place} holds no key of {KEY_BYTES} bytes in Base64", hint=hint)
    return raw


class Vault:
    """Encrypts and decrypts pictures.

    Args:
        database: where the wrapped keys lie.
        master: wraps them.
    """

    def __init__(self, database: Database, master: MasterKey) -> None:
        self._database, self.master = database, master

    def seal(self, merchant_id: UUID, sha256: str, content: bytes) -> bytes:
        """The object to store for a picture; the same bytes every time.

        Raises:
            Problem: ``image.erased`` when this picture's key was destroyed.
        """
        key = self._key(merchant_id, sha256, make=True)
        return MAGIC + AESGCM(key).encrypt(NONCE, content, sha256.encode())

    def open(self, merchant_id: UUID, sha256: str, stored: bytes) -> bytes:
        """The picture in a stored object.

        Raises:
            Problem: ``image.erased``; ``store.unavailable`` when the object or its key was damaged.
        """
        if not stored.startswith(MAGIC):
            return stored
        key = self._key(merchant_id, sha256, make=False)
        try:
            return AESGCM(key).decrypt(NONCE, stored[len(MAGIC) :], sha256.encode())
        except InvalidTag:
            raise Problem("store.unavailable", "the stored bytes of this picture are damaged") from None

    def _key(self, merchant_id: UUID, sha256: str, *, make: bool) -> bytes:
        name = f"{merchant_id}/{sha256}".encode()
        mine = {"merchant_id": merchant_id, "sha256": sha256}
        found = None
        with self._database.glance() as connection:
            if make:
                nonce = os.urandom(WRAP_NONCE_BYTES)
                fresh = nonce + self.master.secret.encrypt(nonce, AESGCM.generate_key(8 * KEY_BYTES), name)
                found = connection.execute(_MAKE, mine | {"wrapped": fresh}).one_or_none()
            if found is None:  # also when another process made it at this very moment
                found = connection.execute(_FIND, mine).one_or_none()
        if found is None:
            raise Problem("store.unavailable", "the key of this picture is gone")
        if found.wrapped is None:
            raise Problem("image.erased", "this picture was erased; nothing can bring it back")
        wrapped = bytes(found.wrapped)
        try:
            return self.master.secret.decrypt(wrapped[:WRAP_NONCE_BYTES], wrapped[WRAP_NONCE_BYTES:], name)
        except InvalidTag:
            raise Problem("store.unavailable", "the key of this picture is not under this installation's key") from None


def _kept(path: Path) -> str:
    try:
        if not path.exists():
            _make(path)
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise StoreError(f"others may read {path}", hint=f"chmod 600 {path}")
        return path.read_text(encoding="ascii")
    except UnicodeDecodeError:
        return ""
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}", hint="may the folder be written to?") from error


def _make(path: Path) -> None:
    """Write a fresh key under a name of its own, then give it the name, unless another process was first."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.{os.getpid()}-{os.urandom(4).hex()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(base64.b64encode(os.urandom(KEY_BYTES)).decode() + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink()
