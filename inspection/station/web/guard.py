"""Who may talk to the screen: this machine's own page and programs, not another site's page in the same browser."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inspection.station.web.problems import problem

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
READING = frozenset({"GET", "HEAD"})
MAX_BODY = 16_384
OK = 200
_FOR_EVER = "private, max-age=31536000, immutable"


class Guard:
    """Refuses foreign hosts (DNS rebinding), other sites' requests and large bodies; adds the security headers.

    Args:
        allowed_hosts: names and addresses, without port, under which the page may be asked for.
    """

    def __init__(self, app: ASGIApp, allowed_hosts: Iterable[str]) -> None:
        self._app = app
        self._allowed = {host.lower() for host in allowed_hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        lasts = _is_versioned(scope)

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", _FOR_EVER if lasts and message["status"] == OK else "no-store")
            await send(message)

        refusal = self._refusal(scope["method"], Headers(scope=scope))
        if refusal is not None:
            code, detail = refusal
            await problem(code, detail, scope["path"])(scope, receive, with_headers)
            return
        await self._app(scope, receive, with_headers)

    def _refusal(self, method: str, headers: Headers) -> tuple[str, str] | None:
        host = headers.get("host", "")
        if _hostname(host) not in self._allowed:
            return "request.host", "this name is not one of the station's; see web.allowed_hosts"
        if _from_another_site(method, headers, host):
            return "request.cross_site", "another site's page may not use the station"
        if method not in READING:
            if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
                return "request.media_type", "send application/json"
            length = headers.get("content-length", "")
            if not length.isdecimal() or int(length) > MAX_BODY:
                return "request.too_large", f"send a Content-Length of at most {MAX_BODY}"
        return None


def _is_versioned(scope: Scope) -> bool:
    """Whether the address names the version of a file, so that a new version has another address."""
    return str(scope["path"]).startswith("/static/") and bytes(scope["query_string"]).startswith(b"v=")


def _from_another_site(method: str, headers: Headers, host: str) -> bool:
    """By Fetch Metadata where the browser sends it, by Origin where not; programs send neither."""
    site = headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        navigates = method in READING and headers.get("sec-fetch-mode") == "navigate"
        return not navigates or headers.get("sec-fetch-dest") not in (None, "document")
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc.lower() != host.lower()


def _hostname(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""
