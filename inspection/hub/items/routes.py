"""``/v1/items``, ``/v1/lookup``, matches: one physical item, whatever code names it."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from inspection.hub.accounts.roles import Permission, allowed
from inspection.hub.accounts.tokens import Caller
from inspection.hub.hub import CurrentHub
from inspection.hub.inspections import clocks
from inspection.hub.inspections.clocks import StationClock
from inspection.hub.items import history, matching
from inspection.hub.items.identity import MAX_CODE, item_key, meaning
from inspection.hub.items.schemas import Found, ItemHistory, Match, NewMatch
from inspection.hub.problems import Problem, documented, faults
from inspection.hub.requests import json_body, unspoiled

router = APIRouter(tags=["items"])
Reader = Annotated[Caller, Depends(allowed(Permission.ITEMS_READ))]
Matcher = Annotated[Caller, Depends(allowed(Permission.ITEMS_MATCH))]
StationReader = Annotated[Caller, Depends(allowed(Permission.STATIONS_READ))]
COMMON = ("token.missing", "token.invalid", "token.scope", "request.invalid", "database.unavailable", "internal")
MAX_MATCH_BYTES = 16_384


@router.get("/v1/lookup", summary="What a scanned or typed code leads to", responses=documented(*COMMON))
def look_up(
    hub: CurrentHub,
    caller: Reader,
    code: Annotated[
        str,
        Query(
            min_length=1,
            max_length=MAX_CODE,
            description="RMA or order number, EPC (URN or hexadecimal), GTIN, GS1 element string or Digital Link, or "
            "the plate on a label (an inspection's id)",
        ),
    ],
) -> Found:
    """Tries everything that the code may be; nothing found is an answer, not an error."""
    meant = meaning(unspoiled(code, "code") or "")
    with hub.database.transaction() as connection:
        return history.look_up(connection, caller.merchant_id, meant)


@router.get(
    "/v1/items/history",
    summary="The history of one physical item",
    responses=documented(*COMMON, "item.ambiguous", "item.not_an_identity"),
)
def get_history(
    hub: CurrentHub,
    caller: Reader,
    *,
    gtin: Annotated[str | None, Query(pattern=r"^\d{8,14}$", description="with `serial`; alone: the product")] = None,
    serial: Annotated[str | None, Query(min_length=1, max_length=64)] = None,
    epc: Annotated[str | None, Query(max_length=200, pattern="^urn:epc:id:")] = None,
) -> ItemHistory:
    """All inspections across returns, also those that a person matched with the item later.

    GTIN with serial and the SGTIN of the same unit are one item. An item never seen has an empty history.
    """
    key = item_key(gtin=gtin, serial=unspoiled(serial, "serial"), epc=unspoiled(epc, "epc"))
    with hub.database.transaction() as connection:
        return history.history(connection, caller.merchant_id, key)


@router.post(
    "/v1/inspections/{inspection_id}/matches",
    status_code=201,
    summary="Say what an inspection was of",
    responses=documented(
        *COMMON,
        "request.not_json",
        "request.truncated",
        "request.media_type",
        "request.too_large",
        "inspection.unknown",
        "item.ambiguous",
        "item.not_an_identity",
    ),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/NewMatch"}}},
        }
    },
)
async def post_match(inspection_id: UUID, request: Request, hub: CurrentHub, caller: Matcher) -> Match:
    """For an item that nobody could identify at the station. The report stays as it was; the newest match counts.

    Without any identifier, the match is taken back.
    """
    _, value = await json_body(request, MAX_MATCH_BYTES)
    try:
        new = NewMatch.model_validate(value)
    except ValidationError as error:
        raise Problem("request.invalid", "see errors", errors=faults(error)) from None

    def store() -> Match:
        with hub.database.transaction() as connection:
            return matching.match(connection, caller.merchant_id, inspection_id, new, str(caller.token_id))

    return await run_in_threadpool(store)


@router.get(
    "/v1/stations/clocks",
    tags=["stations"],
    summary="How the stations' clocks go",
    responses=documented("token.missing", "token.invalid", "token.scope", "database.unavailable", "internal"),
)
def get_clocks(hub: CurrentHub, caller: StationReader) -> list[StationClock]:
    """As measured when each station last reported; a wrong clock is also an event."""
    with hub.database.transaction() as connection:
        return clocks.clocks(connection, caller.merchant_id)
