"""``/v1/rollouts``: for who decides about them; ``/v1/stations/…``: for the stations that run them."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool

from inspection.hub.accounts.audit import Origin
from inspection.hub.accounts.roles import Permission, allowed
from inspection.hub.accounts.tokens import Caller
from inspection.hub.etags import NOT_MODIFIED, conditional
from inspection.hub.hub import CurrentHub, Hub
from inspection.hub.problems import Problem, documented, faults
from inspection.hub.requests import json_body
from inspection.hub.rollouts import reading, service, stationing
from inspection.hub.rollouts.schemas import NewRollout, Rollout, RolloutPage, Taken, Why
from inspection.report import Name
from inspection.rollout import Assignment, Opinions, Standing

router = APIRouter(prefix="/v1", tags=["rollouts"])
Reporter = Annotated[Caller, Depends(allowed(Permission.INSPECTIONS_REPORT))]
Reader = Annotated[Caller, Depends(allowed(Permission.ROLLOUTS_READ))]
Manager = Annotated[Caller, Depends(allowed(Permission.ROLLOUTS_MANAGE))]
StationId = Annotated[Name, Path(examples=["station-07"])]
RolloutId = Annotated[UUID, Path()]
COMMON = ("token.missing", "token.invalid", "token.scope", "request.invalid", "database.unavailable", "internal")
BODY = ("request.not_json", "request.truncated", "request.media_type", "request.too_large")
MAX_BYTES = 65_536
MAX_OPINIONS_BYTES = 1 << 20
BODIES = (NewRollout, Why, Standing, Opinions)
Model = TypeVar("Model", bound=BaseModel)


def _takes(model: type[BaseModel]) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


async def _read(request: Request, model: type[Model], limit: int = MAX_BYTES) -> Model:
    _, value = await json_body(request, limit)
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise Problem("request.invalid", "see errors", errors=faults(error)) from None


@router.get(
    "/stations/{station_id}/assignment",
    response_model=Assignment,
    summary="What a station is to run",
    responses={304: NOT_MODIFIED, **documented(*COMMON, "station.mismatch", "bundle.unknown")},
)
def get_assignment(station_id: StationId, request: Request, hub: CurrentHub, caller: Reporter) -> Response:
    """What judges there, and what is tried beside it. Ask again after `ask_s`, with `If-None-Match`.

    Fetch the archives at `/v1/bundles/{bundle_id}/archive`, and check them before anything of them runs.
    """
    stationing.own_station(caller, station_id)
    with hub.database.transaction() as connection:
        service.look(connection, caller.merchant_id)
        found = stationing.assignment(connection, caller.merchant_id, station_id)
    return conditional(request, found)


@router.put(
    "/stations/{station_id}/rollouts",
    status_code=204,
    summary="Say how far a station is with what it is to run",
    responses=documented(*COMMON, *BODY, "station.mismatch"),
    openapi_extra=_takes(Standing),
)
async def put_standing(station_id: StationId, request: Request, hub: CurrentHub, caller: Reporter) -> Response:
    """Takes the place of what it said before."""
    stationing.own_station(caller, station_id)
    standing = await _read(request, Standing)
    await run_in_threadpool(_keep_standing, hub, caller, station_id, standing)
    return Response(status_code=204)


@router.post(
    "/stations/{station_id}/opinions",
    summary="Say what champion and candidate think of items",
    responses=documented(*COMMON, *BODY, "station.mismatch"),
    openapi_extra=_takes(Opinions),
)
async def post_opinions(station_id: StationId, request: Request, hub: CurrentHub, caller: Reporter) -> Taken:
    """Kept apart from verdicts, which stand in the reports alone. Sent again, they change nothing."""
    stationing.own_station(caller, station_id)
    said = await _read(request, Opinions, MAX_OPINIONS_BYTES)
    return await run_in_threadpool(_take, hub, caller, station_id, said)


@router.get("/rollouts", summary="Read the newest rollouts", responses=documented(*COMMON))
def get_rollouts(hub: CurrentHub, caller: Reader) -> RolloutPage:
    """And what all stations run. Steps and stations are in each rollout's own answer."""
    with hub.database.transaction() as connection:
        return reading.page(connection, caller.merchant_id)


@router.post(
    "/rollouts",
    status_code=201,
    summary="Start a rollout",
    responses=documented(*COMMON, *BODY, "bundle.unknown", "rollout.refused", "rollout.running", "rollout.champion"),
    openapi_extra=_takes(NewRollout),
)
async def post_rollout(request: Request, hub: CurrentHub, caller: Manager) -> Rollout:
    """It begins as a shadow: the candidate is asked, its word does not count. The gate must have let it pass."""
    new = await _read(request, NewRollout)
    return await run_in_threadpool(_start, hub, caller, new, Origin.of(request))


@router.get("/rollouts/{rollout_id}", summary="Read a rollout", responses=documented(*COMMON, "rollout.unknown"))
def get_rollout(rollout_id: RolloutId, hub: CurrentHub, caller: Reader) -> Rollout:
    """With its figures and bounds as they were weighed last, its steps, and how far each station is."""
    with hub.database.transaction() as connection:
        return reading.one(connection, caller.merchant_id, rollout_id)


def _act(name: str, summary: str, text: str) -> None:
    """Add ``POST /rollouts/{id}/<name>``: something a person does to it, with a reason."""

    async def act(rollout_id: RolloutId, request: Request, hub: CurrentHub, caller: Manager) -> Rollout:
        why = await _read(request, Why)
        return await run_in_threadpool(do, hub, caller, rollout_id, name, why.reason, Origin.of(request))

    act.__doc__, act.__name__ = text, f"post_{name}"
    router.post(
        f"/rollouts/{{rollout_id}}/{name}",
        summary=summary,
        responses=documented(*COMMON, *BODY, "rollout.unknown", "rollout.over"),
        openapi_extra=_takes(Why),
    )(act)


_act("promote", "Let a rollout go one stage on", "From its shadow to the canary, from there to all stations.")
_act("rollback", "Take a candidate back", "Stations hear of it within seconds; what ran before judges the next item.")
_act("pause", "Let a rollout not go on by itself", "Harm takes its candidate back in any case.")
_act("resume", "Let a rollout go on by itself again", "When its figures say so.")


def do(hub: Hub, caller: Caller, rollout_id: UUID, act: str, reason: str, origin: Origin) -> Rollout:
    """What a person does to a rollout; returns it as it is then.

    Raises:
        Problem: ``rollout.unknown``, ``rollout.over``.
    """
    with hub.database.transaction() as connection:
        if act == "promote":
            service.promote(connection, caller, rollout_id, reason, origin)
        elif act == "rollback":
            service.roll_back(connection, caller, rollout_id, reason, origin)
        else:
            service.pause(connection, caller, rollout_id, reason, paused=act == "pause", origin=origin)
        return reading.one(connection, caller.merchant_id, rollout_id)


def _start(hub: Hub, caller: Caller, new: NewRollout, origin: Origin) -> Rollout:
    with hub.database.transaction() as connection:
        rollout_id = service.start(connection, caller, new.candidate_id, new.plan, origin)
        return reading.one(connection, caller.merchant_id, rollout_id)


def _keep_standing(hub: Hub, caller: Caller, station_id: str, standing: Standing) -> None:
    with hub.database.transaction() as connection:
        stationing.keep_standing(connection, caller, station_id, standing)


def _take(hub: Hub, caller: Caller, station_id: str, said: Opinions) -> Taken:
    with hub.database.transaction() as connection:
        taken = stationing.take(connection, caller.merchant_id, station_id, said)
        service.look(connection, caller.merchant_id)
        return taken
