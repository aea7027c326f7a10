"""``/v1/connectors``: how destinations are doing, what they were sent, and sending it again."""

from __future__ import annotations

from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool

from inspection.hub.accounts.roles import Permission, allowed
from inspection.hub.accounts.tokens import Caller
from inspection.hub.connectors import service
from inspection.hub.connectors.config import NAME_PATTERN
from inspection.hub.connectors.queue import State
from inspection.hub.connectors.schemas import (
    AttemptView,
    DeliveryDetail,
    DeliveryPage,
    DeliveryView,
    DestinationList,
    DestinationView,
    References,
    Replay,
    Replayed,
)
from inspection.hub.hub import CurrentHub
from inspection.hub.problems import Problem, documented, faults
from inspection.hub.requests import json_body
from inspection.hub.returns.schemas import RMA_PATTERN

router = APIRouter(prefix="/v1/connectors", tags=["connectors"])
COMMON = ("token.missing", "token.invalid", "token.scope", "request.invalid", "database.unavailable", "internal")
BODY = ("request.not_json", "request.truncated", "request.media_type", "request.too_large")
MAX_BODY = 262_144
Reader = Annotated[Caller, Depends(allowed(Permission.CONNECTORS_READ))]
Keeper = Annotated[Caller, Depends(allowed(Permission.CONNECTORS_MANAGE))]
Name = Annotated[str, Path(pattern=NAME_PATTERN)]
Rma = Annotated[str, Path(pattern=RMA_PATTERN)]
Model = TypeVar("Model", bound=BaseModel)


@router.get("", summary="List destinations", responses=documented(*COMMON))
def get_destinations(hub: CurrentHub, caller: Reader) -> DestinationList:
    """All that were ever configured, with what waits for each and whether it is reached."""
    with hub.database.transaction() as connection:
        found = service.list_destinations(connection, caller.merchant_id)
    return DestinationList(destinations=[DestinationView.model_validate(each) for each in found])


@router.get("/{name}/deliveries", summary="List deliveries", responses=documented(*COMMON, "connector.unknown"))
def get_deliveries(
    name: Name,
    hub: CurrentHub,
    caller: Reader,
    state: State | None = None,
    subject: Annotated[str | None, Query(max_length=200, description="only of this inspection or RMA")] = None,
    before: Annotated[int | None, Query(ge=1, le=2**63 - 1, description="`next_before` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> DeliveryPage:
    """Newest event first. `state=dead` are the dead letters, each with its reason."""
    chosen = service.Chosen(state, subject, before)
    with hub.database.transaction() as connection:
        rows = service.list_deliveries(connection, caller.merchant_id, name, chosen, limit + 1)
    more = len(rows) > limit
    views = [DeliveryView.model_validate(row) for row in rows[:limit]]
    return DeliveryPage(deliveries=views, next_before=views[-1].event_id if more else None)


@router.get(
    "/{name}/deliveries/{delivery_id}", summary="Read one delivery", responses=documented(*COMMON, "delivery.unknown")
)
def get_delivery(name: Name, delivery_id: UUID, hub: CurrentHub, caller: Reader) -> DeliveryDetail:
    """With its attempts: status, time, how the answer began."""
    with hub.database.transaction() as connection:
        row, made = service.read_delivery(connection, caller.merchant_id, name, delivery_id)
    members = DeliveryView.model_validate(row).model_dump()
    return DeliveryDetail(**members, tries=[AttemptView.model_validate(each) for each in made])


@router.post(
    "/{name}/deliveries/{delivery_id}/send",
    status_code=202,
    summary="Send one again",
    responses=documented(*COMMON, "delivery.unknown"),
)
def post_send(name: Name, delivery_id: UUID, hub: CurrentHub, caller: Keeper) -> DeliveryView:
    """Whatever became of it; its id, and so the receiver's `webhook-id`, stays the same."""
    with hub.database.transaction() as connection:
        return DeliveryView.model_validate(service.send_again(connection, caller.merchant_id, name, delivery_id))


@router.post(
    "/{name}/replay",
    status_code=202,
    response_model=Replayed,
    summary="Send many again",
    responses=documented(*COMMON, *BODY, "connector.unknown"),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Replay"}}},
        }
    },
)
async def post_replay(name: Name, request: Request, hub: CurrentHub, caller: Keeper) -> Replayed:
    """At most 10,000 at once, oldest first; in each lane the order of events is kept."""
    wanted = await _body(request, Replay)
    if wanted.past and wanted.since is None:
        fault = {"pointer": "/since", "message": "is needed with past"}
        raise Problem("request.invalid", "see errors", errors=[fault])

    def replay() -> int:
        with hub.database.transaction() as connection:
            count = service.send_all_again(connection, caller.merchant_id, name, wanted.state, wanted.since)
            if wanted.past and wanted.since is not None:
                count += service.tell_of_the_past(connection, caller.merchant_id, name, wanted.since)
            return count

    return Replayed(deliveries=await run_in_threadpool(replay))


@router.post("/{name}/pause", summary="Send nothing", responses=documented(*COMMON, "connector.unknown"))
def post_pause(name: Name, hub: CurrentHub, caller: Keeper) -> DestinationView:
    """Until it is resumed; events go on being kept for it."""
    with hub.database.transaction() as connection:
        return DestinationView.model_validate(service.pause(connection, caller.merchant_id, name))


@router.post("/{name}/resume", summary="Send again", responses=documented(*COMMON, "connector.unknown"))
def post_resume(name: Name, hub: CurrentHub, caller: Keeper) -> DestinationView:
    """At once: also shuts the circuit breaker and ends every back-off."""
    with hub.database.transaction() as connection:
        return DestinationView.model_validate(service.resume(connection, caller.merchant_id, name))


@router.put(
    "/{name}/references/{rma}",
    status_code=204,
    response_class=Response,
    summary="Say what a destination calls a return",
    responses=documented(*COMMON, *BODY, "connector.unknown"),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/References"}}},
        }
    },
)
async def put_references(name: Name, rma: Rma, request: Request, hub: CurrentHub, caller: Keeper) -> Response:
    """Ids of the return and its items there, e.g. Loop's `line_item_id`; replaces what was said of it before."""
    said = await _body(request, References)
    rows = [{"gtin": "", "serial": "", "ids": said.ids}] if said.ids else []
    rows += [{"gtin": each.gtin, "serial": each.serial or "", "ids": each.ids} for each in said.items]
    if len({(row["gtin"], row["serial"]) for row in rows}) != len(rows):
        fault = {"pointer": "/items", "message": "one item occurs twice"}
        raise Problem("request.invalid", "see errors", errors=[fault])

    def refer() -> None:
        with hub.database.transaction() as connection:
            service.refer(connection, caller.merchant_id, name, rma, rows)

    await run_in_threadpool(refer)
    return Response(status_code=204)


async def _body(request: Request, model: type[Model]) -> Model:
    _, value = await json_body(request, MAX_BODY)
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise Problem("request.invalid", "see errors", errors=faults(error)) from None
