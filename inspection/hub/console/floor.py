"""``/console/floor``: all stations as they are now, for a supervisor; renewed every few seconds by a small script."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from inspection.hub.accounts.roles import Permission, allowed
from inspection.hub.accounts.tokens import Caller
from inspection.hub.console.shell import WITH_SCRIPT, CurrentShell, PageRoute
from inspection.hub.hub import CurrentHub, Hub
from inspection.hub.stations import live
from inspection.hub.stations.live import Floor, LiveStation

router = APIRouter(prefix="/console/floor", route_class=PageRoute, include_in_schema=False)
Reader = Annotated[Caller, Depends(allowed(Permission.STATIONS_READ))]


@router.get("")
def get_floor(request: Request, hub: CurrentHub, shell: CurrentShell, caller: Reader) -> Response:
    """The page; its script asks for the stations again and does nothing else."""
    response = shell.page(request, "floor.html", caller, **_shown(hub, caller))
    response.headers["Content-Security-Policy"] = WITH_SCRIPT
    return response


@router.get("/now")
def get_now(request: Request, hub: CurrentHub, shell: CurrentShell, caller: Reader) -> Response:
    """What of the page changes."""
    return shell.page(request, "floor_now.html", caller, **_shown(hub, caller))


def _shown(hub: Hub, caller: Caller) -> dict[str, Any]:
    with hub.database.transaction() as connection:
        found = live.floor(connection, caller.merchant_id, hub.config.stations)
    return {"floor": found, "totals": _totals(found), "age": lambda then: (found.at - then).total_seconds()}


def _totals(found: Floor) -> dict[str, int]:
    """What a supervisor looks at first."""
    said = [each.status for each in found.stations if each.status is not None and not each.silent]
    return {
        "heard": len(said),
        "silent": sum(each.silent for each in found.stations),
        "troubled": sum(_is_troubled(each) for each in found.stations),
        "items": sum(status.hour.items for status in said),
        "holds": sum(each.holds.items for each in found.stations),
        "overdue": sum(each.holds.overdue for each in found.stations),
        "waiting": sum(status.waiting for status in said),
    }


def _is_troubled(station: LiveStation) -> bool:
    status = station.status
    return status is not None and not station.silent and bool(status.troubles or status.refused)
