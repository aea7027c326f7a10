"""``/v1/lineage``: what a verdict stands on; and the page that shows it."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.responses import RedirectResponse

from inspection.hub.accounts.roles import Permission, allowed
from inspection.hub.accounts.tokens import Caller
from inspection.hub.console.shell import CurrentShell, PageRoute
from inspection.hub.hub import CurrentHub
from inspection.hub.images import routes as image_routes
from inspection.hub.inspections import reading
from inspection.hub.lineage.schemas import LineageTrace
from inspection.hub.lineage.tracing import trace
from inspection.hub.problems import documented

COMMON = ("token.missing", "token.invalid", "token.scope", "request.invalid", "database.unavailable", "internal")
NEWEST = 25
Reader = Annotated[Caller, Depends(allowed(Permission.LINEAGE_READ))]
Hash = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]
router = APIRouter(prefix="/v1/lineage", tags=["quality"])
pages = APIRouter(prefix="/console/quality/lineage", route_class=PageRoute, include_in_schema=False)


@router.get(
    "/{inspection_id}",
    summary="Everything a verdict stands on",
    responses=documented(*COMMON, "inspection.unknown"),
)
def get_lineage(inspection_id: UUID, hub: CurrentHub, caller: Reader) -> LineageTrace:
    """From the verdict to its bundle with signers and parents, data versions and hashes, labels and labellers, code,
    policy, the calibration of each view, the entries in the ledger, and who decided in each revision."""
    with hub.database.transaction() as connection:
        return trace(connection, caller.merchant_id, inspection_id)


@pages.get("")
def get_search(request: Request, hub: CurrentHub, shell: CurrentShell, caller: Reader) -> Response:
    """The newest inspections to choose from; ``?inspection=`` goes to one by its id."""
    wanted = request.query_params.get("inspection", "").strip()
    unknown = False
    if wanted:
        try:
            return RedirectResponse(f"/console/quality/lineage/{UUID(wanted)}", status_code=303)
        except ValueError:
            unknown = True
    with hub.database.transaction() as connection:
        newest = reading.page(connection, caller.merchant_id, reading.Wanted(), limit=NEWEST).inspections
    return shell.page(request, "lineage/search.html", caller, newest=newest, wanted=wanted[:64], unknown=unknown)


@pages.get("/pictures/{sha256}")
def get_picture(sha256: Hash, request: Request, hub: CurrentHub, caller: Reader) -> Response:
    """A picture; it lies in no cache of a shared computer."""
    response = image_routes.get_image(sha256, request, hub, caller)
    response.headers["Cache-Control"] = "private, no-store"
    return response


@pages.get("/{inspection_id}")
def get_page(inspection_id: UUID, request: Request, hub: CurrentHub, shell: CurrentShell, caller: Reader) -> Response:
    """One verdict and what it stands on."""
    with hub.database.transaction() as connection:
        found = trace(connection, caller.merchant_id, inspection_id)
    return shell.page(
        request, "lineage/lineage.html", caller, trace=found, reason=_reason(found, shell, request, caller)
    )


def _reason(found: LineageTrace, shell: Any, request: Request, caller: Caller) -> str:
    """The policy's sentence in the language of the page."""
    policy = found.revisions[0].policy
    if policy is None:
        return ""
    tag = shell.language(request, caller)
    return policy.reason.get(tag, policy.reason.get("en", ""))
