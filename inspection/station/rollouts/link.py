"""The station's side of the hub's rollouts: what to run, the bytes of it, how it goes, and second opinions."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
from pydantic import ValidationError

from inspection.rollout import Assignment, Fetched, Opinions, Standing
from inspection.station.hub_client import Answer, Outcome, TokenSource, classify
from inspection.station.rollouts.errors import NotFetched, RolloutRefused, explained
from inspection.station.rollouts.store import Store

MAX_ASSIGNMENT_BYTES = 64_000
_PIECE = 1 << 18
_OK, _PARTIAL, _NOT_MODIFIED, _RANGE_REFUSED = 200, 206, 304, 416
_MEMBERS = frozenset({"champions", "trial", "ask_s"})


class Link:
    """Asks and tells the hub about rollouts.

    Args:
        url: base URL of the hub.
        token: where its token comes from.
        timeout_s: for connecting, and for each read and write.
    """

    def __init__(
        self, url: str, token: TokenSource, station_id: str, *, timeout_s: float = 20.0, proxy: str | None = None
    ) -> None:
        self._root = f"{url.rstrip('/')}/v1"
        self._base = f"{self._root}/stations/{quote(station_id, safe='')}"
        self._token = token
        self._client = httpx2.Client(
            timeout=httpx2.Timeout(timeout_s, connect=min(timeout_s, 5.0)), trust_env=False, proxy=proxy
        )
        self._stopping = threading.Event()
        self._etag = ""

    def close(self) -> None:
        """End a download under way; what has come of it is kept."""
        self._stopping.set()
        self._client.close()

    def ask(self) -> Assignment | None:
        """What to run; ``None`` when it is what was said last.

        Raises:
            NotFetched: the hub cannot be asked, does not know of rollouts, or says something that cannot be read.
        """
        more = {"If-None-Match": self._etag} if self._etag else {}
        try:
            response = self._client.get(f"{self._base}/assignment", headers={**self._headers(), **more})
        except (httpx2.HTTPError, httpx2.InvalidURL, RuntimeError) as error:
            raise NotFetched(f"the hub cannot be asked: {type(error).__name__}") from error
        if response.status_code == _NOT_MODIFIED:
            return None
        if response.status_code != _OK:
            raise NotFetched(f"the hub answered {classify(response).detail}"[:300])
        try:
            value: Any = response.json() if len(response.content) <= MAX_ASSIGNMENT_BYTES else None
            known = {name: member for name, member in value.items() if name in _MEMBERS}
            found = Assignment.model_validate(known)
        except (ValueError, AttributeError, ValidationError) as error:
            raise NotFetched("the hub's answer is no assignment", hint="is this hub newer than the station?") from error
        self._etag = response.headers.get("ETag", "")
        return found

    def forget(self) -> None:
        """Let the next answer come whole."""
        self._etag = ""

    def download(self, wanted: Fetched, store: Store) -> Path:
        """The archive, whole and with the right hash; what came before the line broke is not asked for again.

        Raises:
            NotFetched: the line or the hub broke, or the disk is full.
            RolloutRefused: the bytes are not those that the hub announced.
        """
        part = store.incoming / f"{wanted.archive_sha256}.part"
        try:
            have = part.stat().st_size if part.exists() else 0
            store.room_for(max(0, wanted.archive_bytes - have))
            if have < wanted.archive_bytes:
                self._append(wanted, part, have, store)
            store.step("downloaded")
            digest, size = _hashed(part)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise explained(error, f"{part} cannot be written") from error
        if size == wanted.archive_bytes and digest == wanted.archive_sha256:
            return part
        if size < wanted.archive_bytes:
            raise NotFetched(f"{size} of {wanted.archive_bytes} bytes of {wanted.bundle_id} came")
        part.unlink(missing_ok=True)
        if have:  # what was there when the power went need not be what was written
            raise NotFetched(f"{wanted.bundle_id} came in parts that do not fit, so it is fetched anew")
        raise RolloutRefused(f"the archive of {wanted.bundle_id} is not the one that was announced")

    def tell(self, standing: Standing) -> Answer:
        """How it goes; each takes the place of the one before."""
        return self._send("PUT", "/rollouts", standing.model_dump_json().encode())

    def say(self, opinions: Opinions) -> Answer:
        """Second opinions; those that the hub has change nothing."""
        return self._send("POST", "/opinions", opinions.model_dump_json().encode())

    def _append(self, wanted: Fetched, part: Path, have: int, store: Store) -> None:
        url = f"{self._root}/bundles/{quote(wanted.bundle_id, safe='')}/archive"
        more = {"Range": f"bytes={have}-", "If-Range": f'"{wanted.archive_sha256}"'} if have else {}
        try:
            headers = {**self._headers(), "Accept-Encoding": "identity", **more}
            with self._client.stream("GET", url, headers=headers) as response:
                if response.status_code not in (_OK, _PARTIAL):
                    if response.status_code == _RANGE_REFUSED:
                        part.unlink(missing_ok=True)
                    raise NotFetched(f"the hub answered {response.status_code} for {wanted.bundle_id}")
                goes_on = response.status_code == _PARTIAL and _starts_at(response) == have
                if response.status_code == _PARTIAL and not goes_on:
                    raise NotFetched(f"the hub answered with another part of {wanted.bundle_id}")
                self._write(response, part, wanted.archive_bytes, have if goes_on else 0, store)
        except (httpx2.HTTPError, httpx2.InvalidURL, RuntimeError) as error:
            raise NotFetched(f"{wanted.bundle_id}: the line broke: {type(error).__name__}") from error

    def _write(self, response: httpx2.Response, part: Path, limit: int, have: int, store: Store) -> None:
        with part.open("ab" if have else "wb") as file:
            for piece in response.iter_raw():
                have += len(piece)
                if have > limit:
                    raise RolloutRefused(f"more than the announced {limit} bytes came")
                file.write(piece)
                store.step("downloading")
                if self._stopping.is_set():
                    raise NotFetched("the station stops")
            file.flush()
            os.fsync(file.fileno())

    def _send(self, method: str, path: str, body: bytes) -> Answer:
        try:
            headers = {**self._headers(), "Content-Type": "application/json"}
            return classify(self._client.request(method, self._base + path, content=body, headers=headers))
        except (httpx2.UnsupportedProtocol, httpx2.InvalidURL) as error:
            return Answer(Outcome.BLOCKED, f"hub.url: {type(error).__name__}", "hub.url")
        except NotFetched as error:
            return Answer(Outcome.BLOCKED, str(error), "token.missing")
        except (httpx2.HTTPError, RuntimeError) as error:
            return Answer(Outcome.HUB_DOWN, type(error).__name__, "hub.unreachable")

    def _headers(self) -> dict[str, str]:
        token = self._token.read()
        if token is None:
            raise NotFetched(f"there is no token in {self._token}")
        return {"Authorization": f"Bearer {token}", "Accept": "application/json, application/zip"}


def _starts_at(response: httpx2.Response) -> int:
    """First byte of a partial answer, from ``Content-Range: bytes 5-9/10`` (RFC 9110, 14.4); -1 when it is not told."""
    first = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0].strip()
    return int(first) if first.isdecimal() and len(first) < len("1000000000000") else -1


def _hashed(path: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as stream:
        while piece := stream.read(_PIECE):
            digest.update(piece)
            size += len(piece)
    return digest.hexdigest(), size
