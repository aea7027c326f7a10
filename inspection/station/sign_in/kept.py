"""What the station keeps of sign-ins that the hub took, so that the same people can sign in while it is away.

One JSON file in the data folder, for the station's user only (0600). It holds no name and no badge: of a badge the
SHA-256, of a PIN an scrypt hash (RFC 7914) with its salt, and the session by which the hub can take all of it back.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import tempfile
import threading
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from inspection.errors import StoreError
from inspection.station.sign_in.hub_badges import Granted

N, R, P = 2**14, 8, 3
MOST = 500
FREE_TRIES = 5
FIRST_LOCK = timedelta(minutes=1)
LONGEST_LOCK = timedelta(minutes=15)
SKEW = timedelta(minutes=5)
"""A record from further in the future was made by a clock that was wrong, and is over."""
log = structlog.get_logger()


class KeptSignIn(BaseModel):
    """One person's last sign-in that the hub took.

    Attributes:
        until: from then on only the hub can say.
        wrong: wrong PINs in a row while the hub was away.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    badge_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    salt: str = Field(pattern=r"^[0-9a-f]{32}$", repr=False)
    scrypt: str = Field(pattern=r"^[0-9a-f]{64}$", repr=False)
    person_id: str = Field(max_length=64)
    language: str = Field("", max_length=16)
    permissions: frozenset[str]
    session: str = Field(max_length=256, repr=False)
    session_id: str = Field(max_length=64)
    since: AwareDatetime
    until: AwareDatetime
    wrong: int = Field(0, ge=0)
    locked_until: AwareDatetime | None = None

    def holds(self, now: datetime) -> bool:
        return self.since - SKEW <= now < self.until

    def locked(self, now: datetime) -> datetime | None:
        """Until when no PIN is looked at; a lock of a clock that went wrong ends in good time."""
        until = self.locked_until
        return until if until is not None and now < until <= now + LONGEST_LOCK else None

    def fits(self, pin: str) -> bool:
        return hmac.compare_digest(_scrypt(pin, bytes.fromhex(self.salt)), bytes.fromhex(self.scrypt))


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    signed_in: list[KeptSignIn] = Field(max_length=MOST)


class KeptSignIns:
    """The file, and what is in it.

    Args:
        keep: how long a sign-in is good for at most; the hub's session may be shorter.
    """

    def __init__(self, path: Path, keep: timedelta) -> None:
        self._path, self._keep, self._lock = path, keep, threading.RLock()
        self._by_badge = {each.badge_sha256: each for each in self._read()}

    def everybody(self) -> list[KeptSignIn]:
        with self._lock:
            return list(self._by_badge.values())

    def of_badge(self, badge: str) -> KeptSignIn | None:
        with self._lock:
            return self._by_badge.get(badge_sha256(badge))

    def of_person(self, person_id: str) -> KeptSignIn | None:
        with self._lock:
            return next((each for each in self._by_badge.values() if each.person_id == person_id), None)

    def keep(self, badge: str, pin: str, granted: Granted, now: datetime) -> KeptSignIn | None:
        """Remember a sign-in; what was remembered of the same badge or person before, one of them, is returned."""
        salt = secrets.token_bytes(16)
        fresh = KeptSignIn(
            badge_sha256=badge_sha256(badge),
            salt=salt.hex(),
            scrypt=_scrypt(pin, salt).hex(),
            person_id=granted.staff_id,
            language=granted.language or "",
            permissions=granted.permissions,
            session=granted.session,
            session_id=granted.session_id,
            since=now,
            until=min(granted.expires_at, now + self._keep),
            wrong=0,
        )
        with self._lock:
            before = self.of_person(fresh.person_id) or self._by_badge.get(fresh.badge_sha256)
            if before is not None:
                self._by_badge.pop(before.badge_sha256)
            self._by_badge[fresh.badge_sha256] = fresh
            while len(self._by_badge) > MOST:
                self._by_badge.pop(next(iter(self._by_badge)))
            self._write()
        return before

    def confirmed(self, kept: KeptSignIn, permissions: frozenset[str]) -> None:
        """The hub said what they may do now."""
        if permissions != kept.permissions:
            self._change(kept, permissions=permissions)

    def tried(self, kept: KeptSignIn, now: datetime, *, good: bool) -> None:
        """Count a PIN that was looked at here."""
        if good:
            if kept.wrong or kept.locked_until is not None:
                self._change(kept, wrong=0, locked_until=None)
            return
        wrong = kept.wrong + 1
        over = wrong - FREE_TRIES
        lock = now + min(FIRST_LOCK * 2 ** min(over, 16), LONGEST_LOCK) if over >= 0 else None
        self._change(kept, wrong=wrong, locked_until=lock)

    def forget(self, kept: KeptSignIn) -> None:
        with self._lock:
            if self._by_badge.get(kept.badge_sha256, kept).session_id == kept.session_id:
                self._by_badge.pop(kept.badge_sha256, None)
                self._write()

    def _change(self, kept: KeptSignIn, **members: object) -> None:
        with self._lock:
            if kept.badge_sha256 in self._by_badge:
                self._by_badge[kept.badge_sha256] = self._by_badge[kept.badge_sha256].model_copy(update=members)
                self._write()

    def _read(self) -> list[KeptSignIn]:
        try:
            return _File.model_validate_json(self._path.read_bytes()).signed_in
        except FileNotFoundError:
            return []
        except (OSError, ValidationError) as error:
            log.warning("sign_ins_unreadable", error=type(error).__name__)
            return []

    def _write(self) -> None:
        """Raises StoreError; what is remembered in memory counts then until the next start."""
        text = _File(signed_in=list(self._by_badge.values())).model_dump_json()
        try:
            descriptor, name = tempfile.mkstemp(prefix=".sign-ins-", dir=self._path.parent)  # 0600
            try:
                with os.fdopen(descriptor, "w", encoding="ascii") as file:
                    file.write(text)
                    file.flush()
                    os.fsync(descriptor)
                Path(name).replace(self._path)
            finally:
                Path(name).unlink(missing_ok=True)
        except OSError as error:
            message = f"{self._path} cannot be written: {error.strerror}"
            raise StoreError(message, hint="free space on the disk") from error


def badge_sha256(badge: str) -> str:
    """By which a badge is found, letter for letter."""
    return hashlib.sha256(badge.strip().encode()).hexdigest()


def _scrypt(pin: str, salt: bytes) -> bytes:
    return hashlib.scrypt(pin.encode(), salt=salt, n=N, r=R, p=P, dklen=32)
