"""What every route needs, wired once per process, and how a route gets it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from inspection.hub.accounts.tokens import Caller, Scope, authenticate
from inspection.hub.config import HubConfig
from inspection.hub.database import Database
from inspection.hub.images.store import ImageStore
from inspection.hub.metrics import Metrics
from inspection.hub.problems import Problem

MAX_TOKEN_LENGTH = 256


@dataclass(frozen=True, slots=True)
class Hub:
    """The parts of one hub process."""

    config: HubConfig
    database: Database
    images: ImageStore
    metrics: Metrics


def current_hub(request: Request) -> Hub:
    """The hub that serves this request."""
    hub: Hub = request.app.state.hub
    return hub


CurrentHub = Annotated[Hub, Depends(current_hub)]
bearer = HTTPBearer(auto_error=False, description="A token of scope `station` or `admin`.")


def allowed(*scopes: Scope) -> Callable[..., Caller]:
    """A dependency that lets only these scopes in and says who asks."""

    def guard(hub: CurrentHub, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> Caller:
        if credentials is None:
            raise Problem("token.missing", "send Authorization: Bearer <token>")
        caller = None
        if len(credentials.credentials) <= MAX_TOKEN_LENGTH:
            with hub.database.transaction() as connection:
                caller = authenticate(connection, credentials.credentials)
        if caller is None:
            raise Problem("token.invalid", "the token is unknown or was revoked")
        if caller.scope not in scopes:
            raise Problem("token.scope", f"this needs a token of scope {' or '.join(scopes)}")
        return caller

    return guard


AnyCaller = Annotated[Caller, Depends(allowed(Scope.STATION, Scope.ADMIN))]
AdminCaller = Annotated[Caller, Depends(allowed(Scope.ADMIN))]
