"""How a route says who may call it: ``caller: Annotated[Caller, Depends(allowed(Permission.X))]``, or :func:`openly`.

Which role has which permission is written in :data:`MATRIX`; a route that says nothing fails a test.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from inspection.hub.accounts.matrix import MATRIX, Permission, Role, may
from inspection.hub.accounts.tokens import Caller, authenticate
from inspection.hub.hub import CurrentHub
from inspection.hub.problems import Problem

__all__ = ["MATRIX", "Permission", "Role", "allowed", "may", "openly"]

MAX_TOKEN_LENGTH = 256
bearer = HTTPBearer(auto_error=False, description="A token, a station's credential or a session, of any role.")


def allowed(permission: Permission) -> Callable[..., Caller]:
    """A dependency that lets in who has ``permission``, and says who asks.

    Raises:
        Problem: ``token.missing``, ``token.invalid``; ``token.scope`` for a role without the permission.
    """

    def guard(hub: CurrentHub, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> Caller:
        if credentials is None:
            raise Problem("token.missing", "send Authorization: Bearer <token>")
        caller = None
        if len(credentials.credentials) <= MAX_TOKEN_LENGTH:
            with hub.database.transaction() as connection:
                caller = authenticate(connection, credentials.credentials)
        if caller is None:
            raise Problem("token.invalid", "the token is unknown or was revoked")
        if not may(caller.role, permission):
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
