"""Who may set the station up: a technician or supervisor by badge, anybody who knows the PIN, or, as long as there is
neither, whoever sits at this machine.

The PIN lies as an scrypt hash in the data folder; sessions end with the process and after half an hour of no use.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
import os
import re
import secrets
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from inspection.errors import ConfigError, InspectionError
from inspection.station.people import People

PIN = re.compile(r"[0-9]{4,12}")
SESSION_S = 1800.0
MAX_SESSIONS = 32
FREE_TRIES = 5
FIRST_WAIT_S = 30.0
LONGEST_WAIT_S = 900.0
_COST = {"n": 2**14, "r": 8, "p": 1}


class SetupLocked(InspectionError):
    """Only a technician may do this."""

    code = "setup.locked"


class WrongPin(InspectionError):
    """The PIN is another one."""

    code = "setup.wrong_pin"


class TooManyTries(InspectionError):
    """So many wrong PINs that the next one has to wait."""

    code = "setup.too_many_tries"
    retryable = True


class UnfitPin(InspectionError):
    """This is no PIN."""

    code = "setup.unfit_pin"


class PinFile:
    """The hash of the PIN on disk; a file that cannot be understood lets nobody in."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def is_set(self) -> bool:
        return self.path.exists()

    def set(self, pin: str) -> None:
        """Raises UnfitPin for anything but 4 to 12 digits, ConfigError when it cannot be written."""
        if not PIN.fullmatch(pin):
            raise UnfitPin("a PIN has 4 to 12 digits", hint="choose another")
        salt = secrets.token_bytes(16)
        text = json.dumps({"salt": salt.hex(), "scrypt": _hash(pin, salt).hex(), **_COST})
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(prefix=".setup-pin-", dir=self.path.parent)  # 0600
            try:
                with os.fdopen(descriptor, "w", encoding="ascii") as file:
                    file.write(text)
                    file.flush()
                    os.fsync(descriptor)
                Path(name).replace(self.path)
            finally:
                Path(name).unlink(missing_ok=True)
        except OSError as error:
            raise ConfigError(
                f"{self.path} cannot be written: {error.strerror}", hint="free space on the disk"
            ) from error

    def fits(self, pin: str) -> bool:
        try:
            kept = json.loads(self.path.read_text(encoding="ascii"))
            salt, wanted = bytes.fromhex(kept["salt"]), bytes.fromhex(kept["scrypt"])
        except (OSError, ValueError, KeyError, TypeError):
            return False
        return PIN.fullmatch(pin) is not None and hmac.compare_digest(_hash(pin, salt), wanted)


@dataclass(slots=True)
class _Tries:
    wrong: int = 0
    wait_until: float = 0.0


class Access:
    """Decides who may.

    Args:
        people: those with badges.
        worker: badge id of whoever works here now.
    """

    def __init__(
        self, people: People, worker: Callable[[], str], pin: PinFile, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._people, self._worker, self.pin, self._clock = people, worker, pin, clock
        self._lock = threading.Lock()
        self._sessions: dict[str, float] = {}
        self._tries = _Tries()

    @property
    def guarded(self) -> bool:
        """Whether there is a PIN or a badge; without either the machine itself is the key."""
        return self.pin.is_set or self._people.set_up

    def open_to(self, session: str | None, client: str | None) -> bool:
        """Whether whoever holds ``session`` at the address ``client`` may set the station up."""
        if not self.guarded:
            return is_this_machine(client)
        return self._people.is_technician(self._worker()) or self._lives(session)

    def unlock(self, pin: str) -> str:
        """A session for the right PIN.

        Raises:
            TooManyTries, WrongPin
        """
        with self._lock:
            left_s = self._tries.wait_until - self._clock()
            if left_s > 0:
                raise TooManyTries(f"wait {left_s:.0f} s", hint="wait, or show a technician's badge")
            if not self.pin.fits(pin):
                self._tries.wrong += 1
                over = self._tries.wrong - FREE_TRIES
                if over >= 0:
                    self._tries.wait_until = self._clock() + min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**over)
                raise WrongPin("this is not the PIN", hint="try again, or show a technician's badge")
            self._tries = _Tries()
            return self._begin()

    def begin(self) -> str:
        """A session for somebody who is in already, e.g. because they set the PIN."""
        with self._lock:
            return self._begin()

    def lock(self, session: str | None) -> None:
        """End a session."""
        with self._lock:
            self._sessions.pop(session or "", None)

    def _begin(self) -> str:
        session = secrets.token_urlsafe(24)
        self._sessions[session] = self._clock()
        while len(self._sessions) > MAX_SESSIONS:
            del self._sessions[min(self._sessions, key=self._sessions.__getitem__)]
        return session

    def _lives(self, session: str | None) -> bool:
        now = self._clock()
        with self._lock:
            used = self._sessions.get(session or "")
            if session is None or used is None or now - used > SESSION_S:
                self._sessions.pop(session or "", None)
                return False
            self._sessions[session] = now
            return True


def is_this_machine(client: str | None) -> bool:
    """Whether an address is one of the loopback's."""
    try:
        address = ipaddress.ip_address(client or "")
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def _hash(pin: str, salt: bytes) -> bytes:
    return hashlib.scrypt(pin.encode("ascii"), salt=salt, dklen=32, **_COST)
