"""What the hub says of a badge and a PIN, and of a session that a badge opened."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import httpx2
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from inspection.station.hub_client import TokenSource

LOCKED = httpx2.codes.TOO_MANY_REQUESTS
MAX_WAIT_S = 3600


class Outcome(StrEnum):
    """``UNREACHABLE`` says nothing about badge and PIN; ``REFUSED`` is about this station, not the person."""

    GOOD = "good"
    WRONG = "wrong"
    LOCKED = "locked"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"


class Granted(BaseModel):
    """The hub's answer to a right PIN; what we do not know of it is ignored."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    staff_id: str = Field(pattern=r"^[0-9a-f-]{36}$")
    language: str | None = Field(None, max_length=16)
    session: str = Field(min_length=16, max_length=256, pattern=r"^[\x21-\x7e]+$", repr=False)
    session_id: str = Field(pattern=r"^[0-9a-f-]{36}$")
    expires_at: AwareDatetime
    permissions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SignInAnswer:
    """What became of a sign-in; ``wait_s`` until the next try of a locked badge."""

    outcome: Outcome
    granted: Granted | None = None
    wait_s: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a session still lets in; ``None`` when the hub did not say."""

    live: bool | None
    permissions: frozenset[str] = frozenset()


class HubBadges:
    """Asks the hub.

    Args:
        token: the station's own credential, with which it asks; only a station's role may.
    """

    def __init__(self, url: str, token: TokenSource, *, timeout_s: float = 8.0, proxy: str | None = None) -> None:
        self._base, self._token = f"{url.rstrip('/')}/v1", token
        self._client = httpx2.Client(timeout=timeout_s, trust_env=False, proxy=proxy)

    def close(self) -> None:
        self._client.close()

    def sign_in(self, badge: str, pin: str) -> SignInAnswer:
        """``POST /v1/badge-sign-ins``."""
        token = self._token.read()
        if token is None:
            return SignInAnswer(Outcome.REFUSED)
        try:
            response = self._ask("POST", "/badge-sign-ins", token, {"badge": badge, "pin": pin})
            if response.status_code == httpx2.codes.CREATED:
                return SignInAnswer(Outcome.GOOD, Granted.model_validate_json(response.content))
            code = _code(response)
        except (httpx2.HTTPError, httpx2.InvalidURL, ValidationError):
            return SignInAnswer(Outcome.UNREACHABLE)
        if code == "sign_in.failed" or response.status_code == httpx2.codes.UNPROCESSABLE_CONTENT:
            return SignInAnswer(Outcome.WRONG)
        if response.status_code == LOCKED:
            return SignInAnswer(Outcome.LOCKED, wait_s=_wait_s(response))
        refused = response.status_code in (httpx2.codes.UNAUTHORIZED, httpx2.codes.FORBIDDEN, httpx2.codes.NOT_FOUND)
        return SignInAnswer(Outcome.REFUSED if refused else Outcome.UNREACHABLE)

    def standing(self, session: str) -> Standing:
        """``GET /v1/me`` with somebody's session."""
        try:
            response = self._ask("GET", "/me", session)
            if response.status_code == httpx2.codes.OK:
                permissions = response.json().get("permissions", [])
                return Standing(True, frozenset(each for each in permissions if isinstance(each, str)))
            return Standing(False if _code(response) == "token.invalid" else None)
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, AttributeError, TypeError):
            return Standing(None)

    def end(self, session: str, session_id: str) -> None:
        """``DELETE /v1/sessions/{id}``; one that cannot be ended now is over by itself."""
        try:
            self._ask("DELETE", f"/sessions/{session_id}", session)
        except (httpx2.HTTPError, httpx2.InvalidURL):
            return

    def _ask(self, method: str, path: str, token: str, body: dict[str, Any] | None = None) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        return self._client.request(method, self._base + path, headers=headers, json=body)


def _code(response: httpx2.Response) -> str:
    try:
        return str(response.json().get("code", ""))
    except (ValueError, AttributeError):
        return ""


def _wait_s(response: httpx2.Response) -> int:
    text = response.headers.get("Retry-After", "")
    return min(MAX_WAIT_S, int(text)) if text.isdecimal() and len(text) < len(str(MAX_WAIT_S)) + 3 else 60
