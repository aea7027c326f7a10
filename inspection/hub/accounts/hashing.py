"""Passwords and PINs: what is good enough, and their Argon2id hashes (RFC 9106, second recommended setting)."""

from __future__ import annotations

import functools
import hashlib
import hmac
import itertools
import secrets
import threading
import unicodedata

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from inspection.hub.problems import Problem

HASHER = argon2.PasswordHasher.from_parameters(argon2.profiles.RFC_9106_LOW_MEMORY)
AT_ONCE = 4
"""Each verification takes 64 MiB for a moment; more than so many wait their turn."""
TURN_S = 10.0
MIN_PASSWORD, MAX_PASSWORD = 12, 128
MIN_PIN, MAX_PIN = 4, 12
MIN_KINDS = 5
_turns = threading.BoundedSemaphore(AT_ONCE)


def digest(secret: str) -> str:
    """SHA-256 in hex, for what is random enough to need no more."""
    return hashlib.sha256(secret.encode()).hexdigest()


def keyed(key: str, purpose: str) -> str:
    """A value that only who has ``key`` can know, for one purpose; HMAC-SHA-256 in hex."""
    return hmac.new(key.encode(), purpose.encode(), hashlib.sha256).hexdigest()


def hashed(secret: str) -> str:
    """The Argon2id hash of a password or PIN, with its salt and parameters.

    Raises:
        Problem: ``rate.limited`` when too many are waiting.
    """
    with _turn():
        return HASHER.hash(_normal(secret))


def fits(secret: str, kept: str | None) -> bool:
    """Whether ``secret`` has the hash ``kept``; takes as long when there is none, so that time tells nothing.

    Raises:
        Problem: ``rate.limited`` when too many are waiting.
    """
    with _turn():
        try:
            good = HASHER.verify(kept or _nobody(), _normal(secret))
        except (VerificationError, InvalidHashError):
            return False
    return good and kept is not None


def password_fault(password: str, login: str) -> str | None:
    """What is wrong with a new password, or ``None``. Length counts, not signs (NIST SP 800-63B, 3.1.1.2)."""
    plain = _normal(password)
    if not MIN_PASSWORD <= len(plain) <= MAX_PASSWORD:
        return f"must have {MIN_PASSWORD} to {MAX_PASSWORD} characters"
    if "\0" in plain or len(set(plain.lower())) < MIN_KINDS:
        return f"must have at least {MIN_KINDS} different characters"
    if login.lower() in plain.lower():
        return "must not contain the sign-in name"
    return None


def pin_fault(pin: str) -> str | None:
    """What is wrong with a new PIN, or ``None``."""
    if not (pin.isascii() and pin.isdigit() and MIN_PIN <= len(pin) <= MAX_PIN):
        return f"must be {MIN_PIN} to {MAX_PIN} digits"
    steps = {(int(after) - int(before)) % 10 for before, after in itertools.pairwise(pin)}
    if steps <= {0} or steps in ({1}, {9}):
        return "must not be one digit repeated, nor a run such as 1234"
    return None


@functools.cache
def _nobody() -> str:
    return HASHER.hash(secrets.token_hex(16))


def _normal(secret: str) -> str:
    return unicodedata.normalize("NFKC", secret)


class _turn:  # noqa: N801 - used like a function
    def __enter__(self) -> None:
        if not _turns.acquire(timeout=TURN_S):
            raise Problem("rate.limited", "too many sign-ins at once; try again", headers={"Retry-After": "5"})

    def __exit__(self, *_: object) -> None:
        _turns.release()
