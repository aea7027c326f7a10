"""``/v1/stations/…/status``: stations say how they are doing, supervisors' programs read it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from inspection.hub.accounts.roles import Permission, allowed
from inspection.hub.accounts.tokens import Caller
from inspection.hub.hub import CurrentHub, Hub
from inspection.hub.problems import Problem, documented, faults
from inspection.hub.requests import json_body
from inspection.hub.stations import live
from inspection.hub.stations.live import Floor
from inspection.report import Name
from inspection.station_status import StationStatus

router = APIRouter(prefix="/v1", tags=["stations"])
Reporter = Annotated[Caller, Depends(allowed(Permission.INSPECTIONS_REPORT))]
Reader = Annotated[Caller, Depends(allowed(Permission.STATIONS_READ))]
COMMON = ("token.missing", "token.invalid", "token.scope", "database.unavailable", "internal")
BODY = ("request.invalid", "request.not_json", "request.truncated", "request.media_type", "request.too_large")
MAX_BYTES = 16_384
BODIES = (StationStatus,)
STATUS_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/StationStatus"}}},
    }
}


@router.put(
    "/stations/{station_id}/status",
    status_code=204,
    summary="Say how a station is doing",
    responses=documented(*COMMON, *BODY, "station.mismatch"),
    openapi_extra=STATUS_BODY,
)
async def put_status(
    station_id: Annotated[Name, Path(examples=["station-07"])], request: Request, hub: CurrentHub, caller: Reporter
) -> Response:
    """Takes the place of what it said before; the hub notes when it came. Send it every few seconds."""
    _, value = await json_body(request, MAX_BYTES)
    try:
        status = StationStatus.model_validate(value)
    except ValidationError as error:
        raise Problem("request.invalid", "see errors", errors=faults(error)) from None
    await run_in_threadpool(_keep, hub, caller, station_id, status)
    return Response(status_code=204)


@router.get("/stations/status", summary="How all stations are doing", responses=documented(*COMMON))
def get_floor(hub: CurrentHub, caller: Reader) -> Floor:
    """By name: what each said last and when, whether it is silent, and what of its work is on hold."""
    with hub.database.transaction() as connection:
        return live.floor(connection, caller.merchant_id, hub.config.stations)


def _keep(hub: Hub, caller: Caller, station_id: str, status: StationStatus) -> None:
    with hub.database.transaction() as connection:
        live.keep(connection, caller, station_id, status)
