"""``/v1/training``: ask for trainings, follow them, cancel them."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from inspection.hub.accounts.roles import Permission, allowed
from inspection.hub.accounts.tokens import Caller
from inspection.hub.datasets.routes import who
from inspection.hub.datasets.service import ID_PATTERN
from inspection.hub.hub import CurrentHub, Hub
from inspection.hub.problems import Problem, documented, faults
from inspection.hub.requests import json_body
from inspection.hub.training import service
from inspection.hub.training.following import follow
from inspection.hub.training.schemas import (
    NewTraining,
    TrainingEstimate,
    TrainingJob,
    TrainingJobs,
    TrainingPoint,
    TrainingPoints,
)
from inspection.hub.training.service import NAME_PATTERN, Wanted

router = APIRouter(prefix="/v1/training", tags=["quality"])
Reader = Annotated[Caller, Depends(allowed(Permission.TRAINING_READ))]
Trainer = Annotated[Caller, Depends(allowed(Permission.TRAINING_RUN))]
COMMON = ("token.missing", "token.invalid", "token.scope", "request.invalid", "database.unavailable", "internal")
BODY = ("request.not_json", "request.truncated", "request.media_type", "request.too_large")
MAX_BYTES = 4096
BODIES = (NewTraining,)
MOST_SEQ = 2**31 - 1


@router.get("", summary="List trainings", responses=documented(*COMMON))
def get_trainings(hub: CurrentHub, caller: Reader) -> TrainingJobs:
    """The newest 100."""
    with hub.database.transaction() as connection:
        rows: list[Any] = service.listed(connection, caller.merchant_id)
    return TrainingJobs.model_validate({"trainings": rows}, from_attributes=True)


@router.post(
    "",
    status_code=202,
    summary="Ask for a training",
    responses=documented(*COMMON, *BODY, "dataset.unknown", "training.nothing_to_refresh", "store.unavailable"),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/NewTraining"}}},
        }
    },
)
async def post_training(request: Request, hub: CurrentHub, caller: Trainer) -> TrainingJob:
    """It waits for the one before it, runs as a process of its own, and ends with a published bundle."""
    _, value = await json_body(request, MAX_BYTES)
    try:
        wanted = NewTraining.model_validate(value)
    except ValidationError as error:
        raise Problem("request.invalid", "see errors", errors=faults(error)) from None
    row = await run_in_threadpool(service.ask, hub, caller.merchant_id, wanted.wanted(), who(caller))
    return TrainingJob.model_validate(row)


@router.get(
    "/estimate",
    summary="What a training will take",
    responses=documented(*COMMON, "dataset.unknown", "store.unavailable"),
)
def get_estimate(
    hub: CurrentHub,
    caller: Reader,
    dataset: Annotated[str, Query(pattern=ID_PATTERN)],
    kind: Annotated[Literal["full", "refresh"], Query()] = "full",
    name: Annotated[str, Query(pattern=NAME_PATTERN)] = "default",
) -> TrainingEstimate:
    """Counts of pictures and steps, and the time they take at the speed that trainings here have measured."""
    return TrainingEstimate.model_validate(service.foresee(hub, caller.merchant_id, Wanted(kind, dataset, name)))


@router.get("/{training_id}", summary="Read one training", responses=documented(*COMMON, "training.unknown"))
def get_training(training_id: UUID, hub: CurrentHub, caller: Reader) -> TrainingJob:
    """Where it is."""
    with hub.database.transaction() as connection:
        return TrainingJob.model_validate(service.find(connection, caller.merchant_id, training_id))


@router.get(
    "/{training_id}/points", summary="Read a training's curves", responses=documented(*COMMON, "training.unknown")
)
def get_points(
    training_id: UUID, hub: CurrentHub, caller: Reader, after: Annotated[int, Query(ge=0, le=MOST_SEQ)] = 0
) -> TrainingPoints:
    """Losses by step, and figures on pictures that a fit did not learn from."""
    with hub.database.transaction() as connection:
        service.find(connection, caller.merchant_id, training_id)
        rows = service.points_of(connection, caller.merchant_id, training_id, after)
    return TrainingPoints(points=[TrainingPoint.model_validate(row) for row in rows])


@router.get(
    "/{training_id}/log",
    response_class=Response,
    summary="Read the end of a training's log",
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "At most 16 KiB"},
        **documented(*COMMON, "training.unknown"),
    },
)
def get_log(training_id: UUID, hub: CurrentHub, caller: Reader) -> Response:
    """What the trainer wrote last."""
    with hub.database.transaction() as connection:
        row = service.find(connection, caller.merchant_id, training_id)
    return Response(row.log, media_type="text/plain; charset=utf-8", headers={"X-Content-Type-Options": "nosniff"})


@router.get(
    "/{training_id}/events",
    response_class=Response,
    summary="Follow a training",
    responses={
        200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}, "description": "Server-sent events"},
        **documented(*COMMON, "training.unknown"),
    },
)
async def get_events(
    training_id: UUID,
    request: Request,
    hub: CurrentHub,
    caller: Reader,
    after: Annotated[int, Query(ge=0, le=MOST_SEQ)] = 0,
    last_event_id: Annotated[str | None, Header(max_length=20)] = None,
) -> Response:
    """`state` whenever something changes, `points` of the curves, `end` when it has ended.

    A reader comes again after ten minutes, with `Last-Event-ID`, as browsers do by themselves.
    """
    await run_in_threadpool(_see, hub, caller, training_id)
    number = int(last_event_id) if last_event_id and last_event_id.isdecimal() else after
    news = follow(request, hub, caller.merchant_id, training_id, min(number, MOST_SEQ))
    return StreamingResponse(news, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


@router.post(
    "/{training_id}/cancel",
    status_code=202,
    summary="Cancel a training",
    responses=documented(*COMMON, "training.unknown", "training.over"),
)
def post_cancel(training_id: UUID, hub: CurrentHub, caller: Trainer) -> TrainingJob:
    """What it has computed is kept: a training on the same data goes on from there."""
    with hub.database.transaction() as connection:
        return TrainingJob.model_validate(service.cancel(connection, caller.merchant_id, training_id))


def _see(hub: Hub, caller: Caller, training_id: UUID) -> None:
    with hub.database.transaction() as connection:
        service.find(connection, caller.merchant_id, training_id)
