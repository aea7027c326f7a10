"""What surrounds every request: its id, security headers, one log line, metrics, and an answer when all else fails."""

from __future__ import annotations

import re
import time
import traceback
from typing import TYPE_CHECKING
from uuid import uuid4

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inspection.hub.problems import Problem, problem_response

if TYPE_CHECKING:
    from inspection.hub.metrics import Metrics

REQUEST_ID = re.compile(r"\A[A-Za-z0-9_-]{8,64}\Z")
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
STRICT_TRANSPORT = "max-age=31536000"
"""A year; sent only where the browser's own connection is encrypted (RFC 6797, 7.2)."""


class Envelope:
    """ASGI middleware; see the module's text."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics
        self._log = structlog.get_logger("hub.http")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        offered = request.headers.get("x-request-id", "")
        request_id = offered if REQUEST_ID.match(offered) else uuid4().hex
        request.state.request_id = request_id
        started = time.monotonic()
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                headers.setdefault("Cache-Control", "no-store")
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)  # a page may have a policy of its own
                if scope["scheme"] == "https":
                    headers["Strict-Transport-Security"] = STRICT_TRANSPORT
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, send_with_headers)
            except Exception as error:  # noqa: BLE001 - the last resort
                # Where it happened, not what it said: an error's text may quote what a person wrote.
                where = traceback.format_tb(error.__traceback__)
                self._log.error("request_failed", route=_route(scope), error=type(error).__name__, trace="".join(where))
                if status:  # the answer has begun: only a broken connection can say that it is wrong
                    raise RuntimeError("the answer was broken off") from None
                failed = Problem("internal", "the hub failed; the request id finds the reason in its log")
                await problem_response(request, failed)(scope, receive, send_with_headers)
            finally:
                self._count(scope, status, time.monotonic() - started)

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        route = _route(scope)
        self._metrics.requests.labels(scope["method"] if route != "unknown" else "", route, status).inc()
        self._metrics.latency_s.labels(route).observe(seconds)
        if route not in {"/healthz", "/readyz", "/metrics"}:
            ms = round(seconds * 1000, 1)
            self._log.info("request", method=scope["method"], route=route, status=status, ms=ms, **_about(scope))


def _about(scope: Scope) -> dict[str, str]:
    """The inspection that the path names; which one a body named, its own line says."""
    named = scope.get("path_params", {}).get("inspection_id")
    return {} if named is None else {"inspection_id": str(named)[:36]}


def _route(scope: Scope) -> str:
    """The route's template, which names no thing and no person."""
    return str(getattr(scope.get("route"), "path", "unknown"))
