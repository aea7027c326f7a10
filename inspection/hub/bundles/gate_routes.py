"""``/v1/gates``: candidates take an exam before stations may be given them; exceptions are two persons' to make."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, ValidationError
from sqlalchemy.engine import Connection, Row
from starlette.concurrency import run_in_threadpool

from inspection.hub.accounts import audit
from inspection.hub.accounts.roles import Permission, allowed
from inspection.hub.accounts.tokens import Caller
from inspection.hub.bundles import exams, gates
from inspection.hub.bundles.gate_schemas import (
    BODIES,
    ExceptionDecision,
    ExceptionView,
    GateEntry,
    GateList,
    GateView,
    NewException,
    NewGate,
    RulingView,
)
from inspection.hub.bundles.routes import BundleId
from inspection.hub.hub import CurrentHub
from inspection.hub.problems import Problem, documented, faults
from inspection.hub.requests import json_body

__all__ = ["BODIES", "router"]

router = APIRouter(prefix="/v1", tags=["bundles"])
Reader = Annotated[Caller, Depends(allowed(Permission.BUNDLES_READ))]
Runner = Annotated[Caller, Depends(allowed(Permission.GATES_RUN))]
Excepter = Annotated[Caller, Depends(allowed(Permission.GATES_EXCEPT))]
COMMON = ("token.missing", "token.invalid", "token.scope", "request.invalid", "database.unavailable", "internal")
BODY = ("request.not_json", "request.truncated", "request.media_type", "request.too_large")
MAX_BYTES = 16_384
Body = TypeVar("Body", bound=BaseModel)


def _takes(model: type[BaseModel]) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


@router.post(
    "/gates",
    status_code=202,
    response_model=GateEntry,
    summary="Let a candidate take an exam against what it is to replace",
    responses=documented(*COMMON, *BODY, "bundle.unknown", "gate.refused"),
    openapi_extra=_takes(NewGate),
)
async def post_gate(request: Request, hub: CurrentHub, caller: Runner) -> GateEntry:
    """A worker takes it; read it again until its `state` is over. The same question again is the same gate."""
    new = await _read(request, NewGate)
    question, origin = gates.Question(**new.model_dump()), audit.Origin.of(request)

    def ask() -> Row[Any]:
        with hub.database.transaction() as connection:
            return gates.ask(hub, connection, caller, question, origin)

    return GateEntry.model_validate(await run_in_threadpool(ask), from_attributes=True)


@router.get("/gates", summary="The newest gates, and the exams there are", responses=documented(*COMMON))
def list_gates(hub: CurrentHub, caller: Reader) -> GateList:
    """Fifty at most."""
    with hub.database.transaction() as connection:
        rows = gates.newest(connection, caller.merchant_id)
        known = exams.names(hub, connection, caller.merchant_id)
    return GateList(gates=[GateEntry.model_validate(row, from_attributes=True) for row in rows], exams=list(known))


@router.get("/gates/{gate_id}", summary="Read one gate", responses=documented(*COMMON, "gate.unknown"))
def get_gate(gate_id: UUID, hub: CurrentHub, caller: Reader) -> GateView:
    """Every rule with what was found, every group, and every picture whose verdict changes with the money it moves."""
    with hub.database.transaction() as connection:
        return _view(connection, caller, gate_id)


@router.get(
    "/gates/{gate_id}/pictures/{number}",
    response_class=Response,
    summary="A picture of a gate's report",
    responses={
        200: {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}, "description": "JPEG"},
        **documented(*COMMON, "gate.unknown", "image.unknown", "image.erased", "store.unavailable"),
    },
)
def get_gate_picture(
    gate_id: UUID, number: Annotated[int, Path(ge=0, le=9999)], hub: CurrentHub, caller: Reader
) -> Response:
    """By its place among the report's `changes`."""
    with hub.database.transaction() as connection:
        row = gates.get(connection, caller.merchant_id, gate_id)
    headers = {"Cache-Control": "private, max-age=86400, immutable"}
    return Response(gates.picture(hub, caller.merchant_id, row, number), media_type="image/jpeg", headers=headers)


@router.post(
    "/gates/{gate_id}/exception",
    status_code=201,
    response_model=GateView,
    summary="Ask a second person to let through what failed",
    responses=documented(*COMMON, *BODY, "gate.unknown", "gate.person", "gate.refused"),
    openapi_extra=_takes(NewException),
)
async def post_exception(gate_id: UUID, request: Request, hub: CurrentHub, caller: Runner) -> GateView:
    """A member of staff asks, in their own session; once for each gate."""
    new, origin = await _read(request, NewException), audit.Origin.of(request)

    def ask() -> GateView:
        with hub.database.transaction() as connection:
            gates.ask_exception(connection, caller, gate_id, new.reason, origin)
            return _view(connection, caller, gate_id)

    return await run_in_threadpool(ask)


@router.put(
    "/gates/{gate_id}/exception",
    response_model=GateView,
    summary="Decide on an exception, as the second person",
    responses=documented(*COMMON, *BODY, "gate.unknown", "gate.person", "gate.refused"),
    openapi_extra=_takes(ExceptionDecision),
)
async def put_exception(gate_id: UUID, request: Request, hub: CurrentHub, caller: Excepter) -> GateView:
    """Another member of staff than who asked."""
    said, origin = await _read(request, ExceptionDecision), audit.Origin.of(request)

    def decide() -> GateView:
        with hub.database.transaction() as connection:
            gates.decide_exception(connection, caller, gate_id, granted=said.granted, answer=said.answer, origin=origin)
            return _view(connection, caller, gate_id)

    return await run_in_threadpool(decide)


@router.get(
    "/bundles/{bundle_id}/ruling",
    summary="Whether it may be rolled out",
    responses=documented(*COMMON, "bundle.unknown"),
)
def get_ruling(bundle_id: BundleId, hub: CurrentHub, caller: Reader) -> RulingView:
    """By its newest gate that came to an end, and an exception from it."""
    with hub.database.transaction() as connection:
        return RulingView.model_validate(gates.ruling(connection, caller.merchant_id, bundle_id))


def _view(connection: Connection, caller: Caller, gate_id: UUID) -> GateView:
    row = gates.get(connection, caller.merchant_id, gate_id)
    found = gates.exception_of(connection, caller.merchant_id, gate_id)
    said = None if found is None else ExceptionView.model_validate(found, from_attributes=True)
    entry = GateEntry.model_validate(row, from_attributes=True)
    return GateView(**entry.model_dump(), report=row.report, exception=said)


async def _read(request: Request, model: type[Body]) -> Body:
    _, value = await json_body(request, MAX_BYTES)
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise Problem("request.invalid", "see errors", errors=faults(error)) from None
