"""Signatures of webhooks (Standard Webhooks 1.0.0, "Signature scheme"): what a sender makes and a receiver checks."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

SYMMETRIC, PRIVATE, PUBLIC = "whsec_", "whsk_", "whpk_"
MIN_SECRET_BYTES, MAX_SECRET_BYTES = 24, 64
SEED_BYTES = 32
MAX_SIGNATURES = 20


def sign(key: str, message_id: str, timestamp: int, body: bytes) -> str:
    """One signature of ``{message_id}.{timestamp}.{body}``.

    Args:
        key: ``whsec_`` and 24 to 64 bytes in Base64 for HMAC-SHA256 (``v1``); ``whsk_`` and an Ed25519 seed of 32
            bytes, or seed and public key (64 bytes), in Base64 (``v1a``).
        timestamp: seconds since the epoch.

    Raises:
        ValueError: when ``key`` is neither; does not quote it.
    """
    content = _content(message_id, timestamp, body)
    if key.startswith(PRIVATE):
        return "v1a," + _base64(_private(key).sign(content))
    return "v1," + _base64(hmac.new(_symmetric(key), content, hashlib.sha256).digest())


def headers(keys: Iterable[str], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers, with one signature for each key: while a secret is replaced, the new and the old one."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(sign(key, message_id, timestamp, body) for key in keys),
    }


def is_signed(key: str, message_id: str, timestamp: str, body: bytes, signatures: str) -> bool:
    """Whether one of ``signatures`` is that of ``key`` (``whsec_`` or ``whpk_``); in constant time."""
    if not timestamp.isdecimal():
        return False
    content = _content(message_id, int(timestamp), body)
    for each in signatures.split(" ")[:MAX_SIGNATURES]:
        version, _, value = each.partition(",")
        if key.startswith(PUBLIC):
            if version == "v1a" and _verifies(key, value, content):
                return True
        elif version == "v1":
            expected = _base64(hmac.new(_symmetric(key), content, hashlib.sha256).digest())
            if hmac.compare_digest(expected.encode(), value.encode()):
                return True
    return False


def public_key(key: str) -> str:
    """``whpk_…``, what receivers check signatures of the private ``key`` with."""
    raw = _private(key).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return PUBLIC + _base64(raw)


def _content(message_id: str, timestamp: int, body: bytes) -> bytes:
    return f"{message_id}.{timestamp}.".encode() + body


def _symmetric(key: str) -> bytes:
    raw = _decoded(key.removeprefix(SYMMETRIC))
    if not MIN_SECRET_BYTES <= len(raw) <= MAX_SECRET_BYTES:
        raise ValueError(f"a webhook secret has {MIN_SECRET_BYTES} to {MAX_SECRET_BYTES} bytes, this one {len(raw)}")
    return raw


def _private(key: str) -> Ed25519PrivateKey:
    raw = _decoded(key.removeprefix(PRIVATE))
    if len(raw) not in {SEED_BYTES, 2 * SEED_BYTES}:
        raise ValueError(f"an Ed25519 key has {SEED_BYTES} or {2 * SEED_BYTES} bytes, this one {len(raw)}")
    private = Ed25519PrivateKey.from_private_bytes(raw[:SEED_BYTES])
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    if len(raw) > SEED_BYTES and not hmac.compare_digest(public, raw[SEED_BYTES:]):
        raise ValueError("the two halves of the Ed25519 key do not belong together")
    return private


def _verifies(key: str, value: str, content: bytes) -> bool:
    try:
        public = Ed25519PublicKey.from_public_bytes(_decoded(key.removeprefix(PUBLIC)))
        public.verify(_decoded(value), content)
    except (InvalidSignature, ValueError):
        return False
    return True


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("a webhook key is Base64 behind its prefix") from None


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
