"""How a route says who may call it: ``caller: Annotated[Caller, Depends(allowed(Permission.X))]``, or :func:`openly`.

Which role has which permission is written in :data:`MATRIX`; a route that says nothing fails a test.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.concurrency import run_in_threadpool

from inspection.hub.accounts import audit, cookies
from inspection.hub.accounts.matrix import MATRIX, WATCHED, Permission, Role, may
from inspection.hub.accounts.tokens import Caller, authenticate
from inspection.hub.hub import CurrentHub, Hub
from inspection.hub.problems import Problem

__all__ = ["MATRIX", "Permission", "Role", "allowed", "may", "openly"]

MAX_TOKEN_LENGTH = 256
CSRF_HEADER = "x-csrf-token"
bearer = HTTPBearer(auto_error=False, description="A token, a station's credential or a session, of any role.")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]


async def offered_csrf(request: Request) -> str:
    """What an unsafe request with a cookie brings as proof that a page of ours sent it: a header, or a form's field."""
    if request.method in cookies.SAFE or "authorization" in request.headers:
        return ""
    if cookies.read(request, cookies.SESSION) is None:
        return ""
    return request.headers.get(CSRF_HEADER) or (await cookies.form(request)).get("csrf_token", "")


def allowed(permission: Permission, *, looked_at_again: bool = False) -> Callable[..., Awaitable[Caller]]:
    """A dependency that lets in who has ``permission``, and says who asks.

    A caller shows a token (``Authorization: Bearer``), or a browser the cookie of its session; with a cookie an unsafe
    request also needs the session's CSRF token, as header ``X-CSRF-Token`` or form field ``csrf_token``. Permissions
    in :data:`WATCHED` leave an entry in the audit trail at each use, and every denial leaves one.

    Args:
        permission: what the route asks for.
        looked_at_again: the route's transaction itself sees whether the token still lets in, so that here a device may
            be known from a moment ago (:mod:`inspection.hub.accounts.remembered`).

    Raises:
        Problem: ``token.missing``, ``token.invalid``; ``token.scope`` for a role without the permission;
            ``session.csrf``; ``rate.limited``.
    """

    async def guard(
        request: Request, hub: CurrentHub, credentials: Credentials, csrf: Annotated[str, Depends(offered_csrf)]
    ) -> Caller:
        secret, is_cookie = _shown(request, credentials)
        caller = hub.remembered.find(secret) if looked_at_again else None
        if caller is None:
            caller = await run_in_threadpool(_caller, request, hub, secret)
            if looked_at_again:
                hub.remembered.keep(secret, caller)
        request.state.caller = caller
        hub.rates.take(str(caller.token_id))
        if is_cookie and request.method not in cookies.SAFE:
            cookies.demand_own_page(request, secret, csrf, hub.config.access.public_url)
        denied = not may(caller.role, permission)
        if denied or permission in WATCHED:
            await run_in_threadpool(_enter, request, hub, caller, permission, denied=denied)
        if denied:
            raise Problem("token.scope", f"this needs the permission {permission}, which {caller.role} has not")
        return caller

    guard.__dict__["permission"] = permission
    return guard


def openly(reason: str) -> Any:
    """A dependency for a route that anybody may call: ``dependencies=[openly("why")]``. Says why, and does nothing."""

    def anybody() -> None:
        return None

    anybody.__dict__["open_because"] = reason
    return Depends(anybody)


def _shown(request: Request, credentials: HTTPAuthorizationCredentials | None) -> tuple[str, bool]:
    if credentials is not None:
        return credentials.credentials, False
    cookie = cookies.read(request, cookies.SESSION)
    if cookie is None:
        raise Problem("token.missing", "send Authorization: Bearer <token>")
    return cookie, True


def _caller(request: Request, hub: Hub, secret: str) -> Caller:
    caller = None
    if len(secret) <= MAX_TOKEN_LENGTH:
        with hub.database.glance() as connection:
            caller = authenticate(connection, secret)
    if caller is None:
        hub.rates.take(f"unknown {request.client.host if request.client else ''}")
        raise Problem("token.invalid", "the token is unknown or was revoked")
    return caller


def _enter(request: Request, hub: Hub, caller: Caller, permission: Permission, *, denied: bool) -> None:
    act = audit.Act.ACCESS_DENIED if denied else audit.Act.ACCESS_USED
    details = {"permission": permission, "method": request.method}
    with hub.database.transaction() as connection:
        subject = f"path{request.url.path}"
        audit.note(connection, caller, act, subject, audit.Origin.of(request), denied=denied, details=details)
