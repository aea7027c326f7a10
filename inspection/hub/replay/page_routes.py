"""``/console/quality/replay``: ask what would have been, follow it, see the verdicts that would change as pictures."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import PlainTextResponse, RedirectResponse
from sqlalchemy.engine import Connection

from inspection.hub.accounts.roles import Permission, allowed
from inspection.hub.accounts.tokens import Caller
from inspection.hub.console.shell import WITH_SCRIPT, CurrentShell, Fields, PageRoute
from inspection.hub.hub import CurrentHub
from inspection.hub.images import routes as image_routes
from inspection.hub.replay import asking, reading
from inspection.hub.replay.pages import words as codes
from inspection.hub.replay.schemas import Replay, ReplayItem
from inspection.replaying import Replayed

router = APIRouter(prefix="/console/quality/replay", route_class=PageRoute, include_in_schema=False)
Reader = Annotated[Caller, Depends(allowed(Permission.REPLAY_READ))]
Runner = Annotated[Caller, Depends(allowed(Permission.REPLAY_RUN))]
Hash = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]
PAGE = 24


@router.get("")
def get_replays(request: Request, hub: CurrentHub, shell: CurrentShell, caller: Reader) -> Response:
    """The form, and what was asked before."""
    with hub.database.transaction() as connection:
        shown: dict[str, Any] = {
            "replays": reading.newest(connection, caller.merchant_id),
            "bundles": reading.bundle_choices(connection, caller.merchant_id),
        }
    response = shell.page(request, "replay/replays.html", caller, codes=codes, **shown)
    response.headers["Content-Security-Policy"] = WITH_SCRIPT
    return response


@router.get("/rules")
def get_rules(caller: Reader) -> Response:  # noqa: ARG001 - only who may read
    """The rules that come with the software, to begin with."""
    return PlainTextResponse(asking.DEFAULT_RULES.read_text(encoding="utf-8"))


@router.get("/pictures/{sha256}")
def get_picture(sha256: Hash, request: Request, hub: CurrentHub, caller: Reader) -> Response:
    """A picture; it lies in no cache of a shared computer."""
    response = image_routes.get_image(sha256, request, hub, caller)
    response.headers["Cache-Control"] = "private, no-store"
    return response


@router.get("/{replay_id}")
def get_page(
    replay_id: UUID,
    request: Request,
    hub: CurrentHub,
    shell: CurrentShell,
    caller: Reader,
    after: Annotated[int, Query(ge=-1, le=1_000_000)] = -1,
) -> Response:
    """One replay: how far it is, its sum, and the verdicts that change."""
    with hub.database.transaction() as connection:
        found = reading.one(connection, caller.merchant_id, replay_id)
        shown = _changed(connection, caller.merchant_id, replay_id, after)
    response = shell.page(request, "replay/replay.html", caller, codes=codes, replay=found, after=after, **shown)
    if not _over(found):
        response.headers["Content-Security-Policy"] = WITH_SCRIPT
    return response


@router.get("/{replay_id}/now")
def get_now(replay_id: UUID, request: Request, hub: CurrentHub, shell: CurrentShell, caller: Reader) -> Response:
    """What of the page changes while it is under way; 204 once it is over, and the page is read again."""
    with hub.database.transaction() as connection:
        found = reading.one(connection, caller.merchant_id, replay_id)
    if _over(found):
        return Response(status_code=204)
    return shell.page(request, "replay/now.html", caller, codes=codes, replay=found)


@router.post("/{replay_id}/cancel")
def post_cancel(replay_id: UUID, hub: CurrentHub, caller: Runner, _form: Fields) -> Response:
    """Lets it end early, then shows it."""
    with hub.database.transaction() as connection:
        asking.cancel(connection, caller.merchant_id, replay_id)
    return RedirectResponse(f"/console/quality/replay/{replay_id}", status_code=303)


def _over(found: Replay) -> bool:
    return found.state in ("done", "cancelled", "failed")


def _changed(connection: Connection, merchant_id: UUID, replay_id: UUID, after: int) -> dict[str, Any]:
    page = reading.items(connection, merchant_id, replay_id, "changed", after=after, limit=PAGE)
    hashes = reading.pictures(connection, merchant_id, page.items)
    return {"cards": [_card(each, hashes.get(each.inspection_id, {})) for each in page.items], "next": page.next_after}


def _card(item: ReplayItem, hashes: dict[str, str]) -> dict[str, Any]:
    found = Replayed.of(item.result or {})
    return {
        "inspection_id": item.inspection_id,
        "found": found,
        "sha256": hashes.get(found.view),
        "defects": list(dict.fromkeys(each.defect for each in found.findings)),
        "money": found.after.worth - found.before.worth,
    }
