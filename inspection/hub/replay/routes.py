"""``/v1/replays``: ask what would have been, follow it, read what would change."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool

from inspection.hub.accounts.roles import Permission, allowed
from inspection.hub.accounts.tokens import Caller
from inspection.hub.hub import CurrentHub, Hub
from inspection.hub.problems import Problem, documented, faults
from inspection.hub.replay import asking, reading
from inspection.hub.replay.asking import Question
from inspection.hub.replay.schemas import NewReplay, Replay, ReplayItems, ReplayList
from inspection.hub.requests import json_body

router = APIRouter(prefix="/v1/replays", tags=["quality"])
Reader = Annotated[Caller, Depends(allowed(Permission.REPLAY_READ))]
Runner = Annotated[Caller, Depends(allowed(Permission.REPLAY_RUN))]
COMMON = ("token.missing", "token.invalid", "token.scope", "request.invalid", "database.unavailable", "internal")
BODY_BYTES = 2 * asking.MAX_RULES_BYTES
BODIES: tuple[type[BaseModel], ...] = (NewReplay,)
BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/NewReplay"}}},
    }
}


@router.post(
    "",
    status_code=202,
    response_model=Replay,
    summary="Ask what would have been with another model or other rules",
    responses=documented(
        *COMMON,
        "request.not_json",
        "request.truncated",
        "request.media_type",
        "request.too_large",
        "bundle.unknown",
        "replay.nothing_asked",
        "replay.rules",
        "replay.no_model",
        "replay.empty",
    ),
    openapi_extra=BODY,
)
async def post_replay(request: Request, hub: CurrentHub, caller: Runner) -> Replay:
    """The inspections are chosen now; a worker carries it out. With rules alone no model runs."""
    _, value = await json_body(request, BODY_BYTES)
    try:
        wanted = NewReplay.model_validate(value)
    except ValidationError as error:
        raise Problem("request.invalid", "see errors", errors=faults(error)) from None
    return await run_in_threadpool(begin, hub, caller, wanted)


def begin(hub: Hub, caller: Caller, wanted: NewReplay) -> Replay:
    """Ask for a replay; raises what :func:`inspection.hub.replay.asking.ask` raises."""
    since, until = asking.last_days(wanted.days)
    question = Question(since, until, wanted.bundle, wanted.rules, wanted.station_id, wanted.most)
    with hub.database.transaction() as connection:
        by = str(caller.staff_id or caller.token_id)
        replay_id = asking.ask(connection, caller.merchant_id, question, by)
        return reading.one(connection, caller.merchant_id, replay_id)


@router.get("", summary="The newest replays", responses=documented(*COMMON))
def list_replays(hub: CurrentHub, caller: Reader) -> ReplayList:
    """At most 50, newest first."""
    with hub.database.transaction() as connection:
        return ReplayList(replays=reading.newest(connection, caller.merchant_id))


@router.get("/{replay_id}", summary="One replay and how far it is", responses=documented(*COMMON, "replay.unknown"))
def get_replay(replay_id: UUID, hub: CurrentHub, caller: Reader) -> Replay:
    """With its sum, once it is done."""
    with hub.database.transaction() as connection:
        return reading.one(connection, caller.merchant_id, replay_id)


@router.get(
    "/{replay_id}/items",
    summary="What single inspections came to",
    responses=documented(*COMMON, "replay.unknown"),
)
def get_items(
    replay_id: UUID,
    hub: CurrentHub,
    caller: Reader,
    *,
    outcome: Literal["same", "changed", "skipped"] | None = None,
    after: Annotated[int, Query(ge=-1, le=1_000_000, description="`next_after` of the page before")] = -1,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> ReplayItems:
    """In the order in which the hub received them."""
    with hub.database.transaction() as connection:
        return reading.items(connection, caller.merchant_id, replay_id, outcome, after=after, limit=limit)


@router.post(
    "/{replay_id}/cancel",
    summary="Let a replay end early",
    responses=documented(*COMMON, "replay.unknown", "replay.over"),
)
def post_cancel(replay_id: UUID, hub: CurrentHub, caller: Runner) -> Replay:
    """What it found until then stays."""
    with hub.database.transaction() as connection:
        asking.cancel(connection, caller.merchant_id, replay_id)
        return reading.one(connection, caller.merchant_id, replay_id)
