"""The station's credential for the hub: got with a one-time code, rotated in time, never half-written."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import httpx2
import structlog

from inspection.errors import InspectionError

PREFIX = "rx-credential-"
"""What a credential that rotates begins with; a token that a person made does not, and stays what it is."""
DUE_AFTER_S = 30 * 86_400.0
"""A third of a credential's life as the hub gives it by default."""
RETRY_S = 3600.0
TIMEOUT_S = 20.0


class CredentialError(InspectionError):
    """The station was not enrolled: the hub refused, cannot be reached, or the file cannot be written."""

    code = "station.credential"


def enrol(url: str, code: str, file: Path, station_id: str, *, proxy: str | None = None) -> None:
    """Use a one-time code and keep the credential in ``file``.

    Raises:
        CredentialError: also when the code is of another station; then it is used up, and another must be made.
    """
    with _Replacement(file) as replacement:
        try:
            with httpx2.Client(timeout=TIMEOUT_S, trust_env=False, proxy=proxy) as client:
                answer = client.post(f"{url.rstrip('/')}/v1/enrolments", json={"code": code})
                made = answer.json()
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
            raise CredentialError(f"{url}: {type(error).__name__}", hint="is hub.url right, and the hub up?") from None
        if answer.status_code != httpx2.codes.CREATED:
            detail = made.get("detail", "") if isinstance(made, dict) else ""
            raise CredentialError(
                f"the hub said {answer.status_code}: {detail}", hint="have a new code made at the hub"
            )
        if made.get("station_id") != station_id:
            message = f"the code enrols {made.get('station_id')}, this station is {station_id}"
            raise CredentialError(message, hint="have a code made for this station")
        replacement.put(str(made["credential"]))


class Rotation:
    """Rotates the credential in a file once it is old; whatever fails, the old one stays and it is tried again.

    Args:
        url: base URL of the hub.
        file: where the credential lies; every reader sees the old or the new one whole.
        wall_s: seconds since the epoch; the file's time says how old the credential is.
    """

    def __init__(self, url: str, file: Path, wall_s: Callable[[], float] = time.time) -> None:
        self._url, self._file, self._now = f"{url.rstrip('/')}/v1/credential/rotation", file, wall_s
        self._tried = float("-inf")
        self._log = structlog.get_logger("station.credential")

    def run_if_due(self, client: httpx2.Client) -> bool:
        """Ask for the next credential when it is time; whether there is a new one."""
        now = self._now()
        if 0 <= now - self._tried < RETRY_S:
            return False
        try:
            old = self._file.read_text(encoding="ascii").strip()
            if not old.startswith(PREFIX) or now - self._file.stat().st_mtime < DUE_AFTER_S:
                return False
            self._tried = now
            with _Replacement(self._file) as replacement:  # first, so that a full disk costs no credential
                answer = client.post(self._url, headers={"Authorization": f"Bearer {old}"})
                answer.raise_for_status()
                replacement.put(str(answer.json()["credential"]))
        except (OSError, httpx2.HTTPError, ValueError, KeyError, CredentialError) as error:
            self._log.warning("credential_not_rotated", error=type(error).__name__)
            return False
        self._log.info("credential_rotated")
        return True


class _Replacement:
    """A file beside ``path`` that takes its place whole, or goes."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Self:
        try:
            descriptor, name = tempfile.mkstemp(prefix=".credential-", dir=self._path.parent)  # 0600
        except OSError as error:
            raise CredentialError(f"{self._path}: {error.strerror}", hint="may this account write there?") from None
        os.close(descriptor)
        self._new = Path(name)
        return self

    def put(self, token: str) -> None:
        try:
            with self._new.open("w", encoding="ascii") as file:
                file.write(f"{token}\n")
                file.flush()
                os.fsync(file.fileno())
            self._new.replace(self._path)
            folder = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise CredentialError(f"{self._path}: {error.strerror}", hint="is there room on the disk?") from None

    def __exit__(self, *_: object) -> None:
        self._new.unlink(missing_ok=True)
