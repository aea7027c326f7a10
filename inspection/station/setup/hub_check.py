"""The way to the hub, one step after the other: name, connection, TLS, answer, clock, enrolment, what waits.

Each step says what it found by a code; the page has one sentence with one action for each. After a step that failed the
ones that depend on it are left out, so that there is one thing to put right.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx2

from inspection.station.config import HubSection

STEP_S = 5.0
CLOCK_TOLERANCE_S = 5.0
CERTIFICATE_DAYS = 14
ASKED = "/v1/returns/RMA-SETUP-CHECK"
"""A return that no hub has: "not found" is said only to a station that may ask."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a step found.

    Attributes:
        step: ``dns``, ``connect``, ``tls``, ``answer``, ``clock``, ``enrolment`` or ``queue``.
        code: ``<step>.<what>``.
        good: nothing has to be done.
        about: the name, number or days that the sentence needs.
        detail: what the system said, for support.
    """

    step: str
    code: str
    good: bool
    about: str = ""
    detail: str = ""

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


def check_hub(
    hub: HubSection | None, queued: tuple[int, int], clock: Callable[[], datetime] | None = None
) -> list[Finding]:
    """Every step that could be made, in order.

    Args:
        queued: reports that wait, and that were refused.
    """
    now = clock or (lambda: datetime.now(UTC))
    found = [Finding("connect", "connect.none", good=False)] if hub is None else list(_steps(hub, now))
    return [*found, _queue(*queued)]


def _queue(waiting: int, dead: int) -> Finding:
    if dead:
        return Finding("queue", "queue.refused", good=False, about=str(dead))
    return Finding("queue", "queue.waiting" if waiting else "queue.empty", good=True, about=str(waiting))


def _steps(hub: HubSection, now: Callable[[], datetime]) -> Iterator[Finding]:
    through = urlsplit(hub.proxy or hub.url)
    host = through.hostname or ""
    try:
        port = through.port or (443 if through.scheme == "https" else 80)
    except ValueError:
        yield Finding("dns", "dns.unfit", good=False, about=hub.url)
        return
    named = _resolved(host, port)
    yield named
    if not named.good:
        return
    connected = _connected(host, port)
    yield connected
    if not connected.good:
        return
    if hub.proxy is None:
        secured = _secured(host, port) if through.scheme == "https" else Finding("tls", "tls.none", good=True)
        yield secured
        if secured.code not in ("tls.good", "tls.soon", "tls.none"):
            return
    yield from _asked(hub, now)


def _resolved(host: str, port: int) -> Finding:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        return Finding("dns", "dns.unknown", good=False, about=host, detail=str(error))
    return Finding(
        "dns", "dns.good", good=True, about=host, detail=", ".join(sorted({str(each[4][0]) for each in found}))
    )


def _connected(host: str, port: int) -> Finding:
    about = f"{host}:{port}"
    try:
        with socket.create_connection((host, port), timeout=STEP_S):
            return Finding("connect", "connect.good", good=True, about=about)
    except ConnectionRefusedError as error:
        return Finding("connect", "connect.refused", good=False, about=about, detail=str(error))
    except OSError as error:
        return Finding("connect", "connect.silent", good=False, about=about, detail=str(error))


_VERIFY = {
    10: "tls.expired",
    9: "tls.clock",
    18: "tls.untrusted",
    19: "tls.untrusted",
    20: "tls.untrusted",
    62: "tls.name",
}
"""OpenSSL's X509_V_ERR codes (x509_vfy.h): not yet valid, expired, self-signed, no issuer, other host name."""


def _secured(host: str, port: int) -> Finding:
    context = ssl.create_default_context()
    try:
        with (
            socket.create_connection((host, port), timeout=STEP_S) as plain,
            context.wrap_socket(plain, server_hostname=host) as secured,
        ):
            certificate = secured.getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        code = _VERIFY.get(error.verify_code, "tls.untrusted")
        return Finding("tls", code, good=False, about=host, detail=error.verify_message)
    except OSError as error:
        return Finding("tls", "tls.failed", good=False, about=host, detail=str(error))
    until = certificate.get("notAfter")
    days = (ssl.cert_time_to_seconds(str(until)) - datetime.now(UTC).timestamp()) / 86_400 if until else 0
    code = "tls.good" if days > CERTIFICATE_DAYS else "tls.soon"
    return Finding("tls", code, good=code == "tls.good", about=f"{days:.0f}")


def _asked(hub: HubSection, now: Callable[[], datetime]) -> Iterator[Finding]:
    token = hub.token.read()
    headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    try:
        with httpx2.Client(timeout=STEP_S, trust_env=False, proxy=hub.proxy) as client:
            began = now()
            answer = client.get(hub.url.rstrip("/") + ASKED, headers=headers)
            took = now() - began
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        yield Finding("answer", "answer.none", good=False, detail=f"{type(error).__name__}: {error}")
        return
    ours = _is_a_hub(answer)
    yield Finding("answer", "answer.good" if ours else "answer.other", good=ours, about=str(answer.status_code))
    yield from _clock(answer, began + took / 2)
    if ours:
        yield _enrolled(answer, token)


def _is_a_hub(answer: httpx2.Response) -> bool:
    try:
        body = answer.json()
    except ValueError:
        return False
    return answer.status_code < 500 and isinstance(body, dict) and (answer.is_success or "code" in body)  # noqa: PLR2004


def _clock(answer: httpx2.Response, asked_at: datetime) -> Iterator[Finding]:
    """By the Date header, whose seconds are whole (RFC 9110, 6.6.1)."""
    try:
        theirs = parsedate_to_datetime(answer.headers["Date"])
        offset_s = (asked_at - theirs.astimezone(UTC)).total_seconds() - 0.5
    except (KeyError, ValueError, TypeError):
        return
    good = abs(offset_s) <= CLOCK_TOLERANCE_S
    yield Finding("clock", "clock.good" if good else "clock.wrong", good=good, about=f"{offset_s:+.0f}")


def _enrolled(answer: httpx2.Response, token: str | None) -> Finding:
    if token is None:
        return Finding("enrolment", "enrolment.none", good=False)
    if answer.status_code in (httpx2.codes.UNAUTHORIZED, httpx2.codes.FORBIDDEN):
        return Finding("enrolment", "enrolment.refused", good=False, detail=str(answer.json().get("code", "")))
    return Finding("enrolment", "enrolment.good", good=True)
