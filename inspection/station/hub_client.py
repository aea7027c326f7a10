"""The station's side of the hub's API: one request, one answer that says what to do about it."""

from __future__ import annotations

import email.utils
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import httpx2

from inspection.evidence import SHA256_HEX
from inspection.station.credential import Rotation

MAX_RETRY_AFTER_S = 600.0
MAX_DIGITS = 12
_TOKEN = re.compile(r"\A[\x21-\x7e]{1,4096}\Z")
_RETRY = frozenset({408, 425, 429})
_TO_A_PERSON = frozenset({400, 409, 411, 413, 415, 422})
_DAMAGED_ON_THE_WAY = frozenset({"image.hash_mismatch", "request.truncated"})
"""The bytes were verified when they left, so a hub that received others is asked again."""


_NOT_THERE_ANY_MORE = frozenset({"image.offset", "image.hash_mismatch"})
"""What the hub had got was forgotten, or was not the beginning of this picture: it is sent whole."""


class Outcome(StrEnum):
    """What to do after an answer.

    ``RETRY`` concerns this request, ``HUB_DOWN`` every request; ``BLOCKED`` needs a person but may be cured without
    touching the station (a token, an address); ``DEAD`` means that this very request will never succeed.
    """

    DONE = "done"
    RETRY = "retry"
    HUB_DOWN = "hub_down"
    BLOCKED = "blocked"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the hub said.

    Attributes:
        detail: for logs and people, e.g. ``503 database.unavailable: try again``; holds no secret.
        code: the problem's code or ``""``.
        retry_after_s: what the hub asked for, bounded; ``None`` when it did not.
        missing_images: hashes of pictures that the hub wants for this report.
    """

    outcome: Outcome
    detail: str
    code: str = ""
    retry_after_s: float | None = None
    missing_images: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TokenSource:
    """Where the hub's token comes from; read again at every use, so that a new token needs no restart."""

    file: Path | None = None
    env: str | None = None

    def read(self) -> str | None:
        """The token, or ``None`` when there is none that could be sent in a header."""
        if self.file is not None:
            try:
                text = self.file.read_text(encoding="ascii").strip()
            except (OSError, UnicodeDecodeError):
                return None
        else:
            text = os.environ.get(self.env or "", "").strip()
        return text if _TOKEN.match(text) else None

    def __str__(self) -> str:
        return str(self.file) if self.file is not None else f"${self.env}"


class HubClient:
    """Sends pictures and reports.

    Args:
        url: base URL of the hub.
        token: where its token comes from.
        timeout_s: for connecting, and for each read and write.
        proxy: URL of an HTTP proxy; the environment's proxies are not used.
    """

    def __init__(self, url: str, token: TokenSource, *, timeout_s: float = 20.0, proxy: str | None = None) -> None:
        self._base = url.rstrip("/")
        self._token = token
        self._cut_off: set[str] = set()
        self._client = httpx2.Client(
            timeout=httpx2.Timeout(timeout_s, connect=min(timeout_s, 5.0)), trust_env=False, proxy=proxy
        )
        self._rotation = None if token.file is None else Rotation(self._base, token.file)

    def close(self) -> None:
        self._client.close()

    def put_picture(self, sha256: str, data: bytes, media_type: str) -> Answer:
        """``PUT /v1/images/{sha256}``; repeating it is harmless.

        After the line broke, what the hub has got already is asked for and only the rest is sent.
        """
        path = f"/v1/images/{sha256}"
        start = self._offset(path) if sha256 in self._cut_off else 0
        if start == len(data):  # it had arrived, only the answer had not
            answer = Answer(Outcome.DONE, "200")
        elif 0 < start < len(data):
            more = {"Upload-Offset": str(start), "Upload-Complete": "?1"}
            answer = self._send("PATCH", path, data[start:], "application/partial-upload", more)
            if answer.code in _NOT_THERE_ANY_MORE:
                answer = self._send("PUT", path, data, media_type)
        else:
            answer = self._send("PUT", path, data, media_type)
        self._cut_off.discard(sha256)
        if answer.code == "hub.unreachable":
            self._cut_off.add(sha256)
        return answer

    def post_report(self, body: bytes) -> Answer:
        """``POST /v1/inspections``; repeating it is harmless, the hub knows the report by id and revision."""
        if self._rotation is not None:
            self._rotation.run_if_due(self._client)
        return self._send("POST", "/v1/inspections", body, "application/json")

    def put_status(self, station_id: str, body: bytes) -> Answer:
        """``PUT /v1/stations/{station_id}/status``; each replaces the one before."""
        return self._send("PUT", f"/v1/stations/{quote(station_id, safe='')}/status", body, "application/json")

    def get_return(self, rma: str, timeout_s: float) -> dict[str, Any] | None:
        """``GET /v1/returns/{rma}``: the case, or ``None`` when the hub does not know it.

        Raises:
            httpx2.HTTPError: when the hub cannot be asked or answers with an error.
        """
        return self._get(f"/v1/returns/{quote(rma, safe='')}", timeout_s)

    def get_precheck(self, rma: str, timeout_s: float) -> dict[str, Any] | None:
        """``GET /v1/precheck/cases/{rma}/summary``: the pre-check in short, or ``None`` when the hub knows of none.

        Raises:
            httpx2.HTTPError: when the hub cannot be asked or answers with an error.
        """
        return self._get(f"/v1/precheck/cases/{quote(rma, safe='')}/summary", timeout_s)

    def _get(self, path: str, timeout_s: float) -> dict[str, Any] | None:
        headers = self._headers()
        if headers is None:
            return None
        url = f"{self._base}{path}"
        response = self._client.get(url, headers=headers, timeout=timeout_s)
        if response.status_code == httpx2.codes.NOT_FOUND:
            return None
        response.raise_for_status()
        body = _json(response)
        return body if isinstance(body, dict) else None

    def _offset(self, path: str) -> int:
        """How many bytes of a picture the hub has; 0 when it does not say."""
        try:
            response = self._client.head(self._base + path, headers=self._headers() or {})
        except (httpx2.HTTPError, httpx2.InvalidURL):
            return 0
        offset = response.headers.get("Upload-Offset", "")
        return int(offset) if response.is_success and offset.isdecimal() and len(offset) < MAX_DIGITS else 0

    def _send(
        self, method: str, path: str, body: bytes, media_type: str, more: Mapping[str, str] = MappingProxyType({})
    ) -> Answer:
        headers = self._headers()
        if headers is None:
            return Answer(Outcome.BLOCKED, f"there is no token in {self._token}", "token.missing")
        try:
            now = email.utils.format_datetime(datetime.now(UTC), usegmt=True)  # by which the hub judges our clock
            said = {**headers, "Date": now, "Content-Type": media_type, **more}
            response = self._client.request(method, self._base + path, content=body, headers=said)
        except (httpx2.UnsupportedProtocol, httpx2.InvalidURL) as error:
            return Answer(Outcome.BLOCKED, f"hub.url {self._base}: {error}", "hub.url")
        except httpx2.HTTPError as error:
            return Answer(Outcome.HUB_DOWN, f"{type(error).__name__}: {error}", "hub.unreachable")
        return classify(response)

    def _headers(self) -> dict[str, str] | None:
        token = self._token.read()
        return None if token is None else {"Authorization": f"Bearer {token}", "Accept": "application/json"}


def classify(response: httpx2.Response) -> Answer:
    """What an HTTP answer means for the request that got it."""
    status, body = response.status_code, _json(response)
    members = body if isinstance(body, dict) else {}
    code = str(members.get("code", ""))[:100]
    missing = _hashes(members.get("missing_images"))
    if 200 <= status < 300 or (status == httpx2.codes.CONFLICT and code == "inspection.exists"):  # noqa: PLR2004
        return Answer(Outcome.DONE, f"{status}", code, missing_images=missing)
    detail = f"{status} {code}: {str(members.get('detail', ''))[:300]}".rstrip(": ")
    if code in _DAMAGED_ON_THE_WAY:
        return Answer(Outcome.RETRY, detail, code)
    if status in _TO_A_PERSON:
        return Answer(Outcome.DEAD, detail, code)
    if status in _RETRY or status > httpx2.codes.INTERNAL_SERVER_ERROR:
        return Answer(Outcome.HUB_DOWN, detail, code, _retry_after_s(response))
    if status == httpx2.codes.INTERNAL_SERVER_ERROR:
        return Answer(Outcome.RETRY, detail, code, _retry_after_s(response))
    return Answer(Outcome.BLOCKED, detail, code)


def _json(response: httpx2.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None


def _hashes(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        return ()
    return tuple(name for name in value[:64] if isinstance(name, str) and SHA256_HEX.match(name))


def _retry_after_s(response: httpx2.Response) -> float | None:
    """``Retry-After`` in seconds (RFC 9110, 10.2.3), whether given as seconds or as a date; at most ten minutes."""
    text = response.headers.get("Retry-After", "").strip()
    if not text:
        return None
    if text.isdecimal():
        seconds = float(text[:9])
    else:
        try:
            seconds = (email.utils.parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_S)
