"""Ed25519 keys in files: made when there is none, read by their owner only, never logged."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from inspection.errors import InspectionError

MAX_KEY_BYTES = 4096


class KeyFileError(InspectionError):
    """A file with a private key cannot be read or made, or others could read it; names the file, never the key."""

    code = "evidence.key"


def load_or_make_key(path: Path) -> Ed25519PrivateKey:
    """The key in the file (PEM, PKCS #8); made, for its owner's eyes only, when there is no such file.

    Several processes may ask at once and get the same key.

    Raises:
        KeyFileError: see there.
    """
    try:
        if not path.exists():
            _make(path)
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise KeyFileError(f"others may read {path}", hint=f"chmod 600 {path}; if they did, make a new key")
        with path.open("rb") as file:
            return parse_key(file.read(MAX_KEY_BYTES))
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}", hint="may the folder be written to?") from error
    except ValueError:
        raise KeyFileError(f"{path} holds no Ed25519 private key in PEM", hint="restore it from a backup") from None


def parse_key(pem: bytes) -> Ed25519PrivateKey:
    """The private key in PEM (PKCS #8), as ``openssl genpkey -algorithm ed25519`` writes it.

    Raises:
        ValueError: when it is something else; the text quotes nothing of it.
    """
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except Exception:  # noqa: BLE001 - whatever the library says of a secret is not passed on
        raise ValueError("no private key in PEM") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("no Ed25519 key")  # noqa: TRY004 - the content is wrong, not the caller
    return key


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    """The public half, 32 bytes."""
    return key.public_key().public_bytes_raw()


def is_signed(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether ``signature`` is that of the key over ``message`` (RFC 8032)."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _make(path: Path) -> None:
    """Write a fresh key under a name of its own, then give it the name, unless another process was first."""
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.{os.getpid()}-{os.urandom(4).hex()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        draft.unlink()
