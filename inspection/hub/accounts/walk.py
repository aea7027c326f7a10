"""Every route of the application and who may call it, read from the routes themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts

from inspection.hub.accounts.matrix import Permission, Role, may


@dataclass(frozen=True, slots=True)
class Access:
    """Who may call one route.

    Attributes:
        method: HTTP method.
        path: the route's template.
        permission: what it asks for; ``None`` for an open route, and for one that says nothing.
        open_because: why anybody may call it; empty unless it is open.
    """

    method: str
    path: str
    permission: Permission | None
    open_because: str = ""

    @property
    def says(self) -> bool:
        """Whether the route says who may call it; one that does not must not exist."""
        return self.permission is not None or bool(self.open_because)

    def lets_in(self, role: Role) -> bool:
        """Whether ``role`` may call it."""
        return bool(self.open_because) or (self.permission is not None and may(role, self.permission))


def accesses(app: FastAPI) -> list[Access]:
    """All routes of ``app`` by path and method, however deep their routers are nested."""
    found = []
    for context in iter_route_contexts(app.routes):
        path = str(context.path)
        if path == app.openapi_url:
            found.append(Access("GET", path, None, "the description of the interface is public"))
            continue
        dependant = getattr(context, "dependant", None)
        guards = list(_guards(dependant)) if dependant is not None else []
        permission = next((each for each, _ in guards if each is not None), None)
        reason = next((why for _, why in guards if why), "") if permission is None else ""
        found += [Access(method, path, permission, reason) for method in context.methods or {"ANY"}]
    return sorted(found, key=lambda each: (each.path, each.method))


def table(found: list[Access]) -> str:
    """The matrix of routes and roles as text, one line a route."""
    roles = list(Role)
    width = max(len(each.path) for each in found)
    lines = [f"{'':7} {'':{width}} {' '.join(f'{role:>11}' for role in roles)}  permission"]
    for each in found:
        marks = " ".join(f"{'yes' if each.lets_in(role) else '-':>11}" for role in roles)
        why = each.permission or (f"open: {each.open_because}" if each.open_because else "NONE")
        lines.append(f"{each.method:7} {each.path:{width}} {marks}  {why}")
    return "\n".join(lines)


def guarded(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The operations of an OpenAPI document that ask for a token."""
    for operations in document["paths"].values():
        yield from (each for each in operations.values() if each.get("security"))


def _guards(dependant: Dependant) -> Iterator[tuple[Permission | None, str]]:
    call = dependant.call
    yield getattr(call, "permission", None), getattr(call, "open_because", "")
    for each in dependant.dependencies:
        yield from _guards(each)
