"""``/v1/persons``: a person's data taken out, erased, or kept because a dispute needs them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import FileResponse, JSONResponse
from pydantic import BaseModel, ValidationError
from sqlalchemy.engine import Connection
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool

from inspection.hub.accounts.roles import Permission, allowed
from inspection.hub.accounts.tokens import Caller
from inspection.hub.hub import CurrentHub, Hub
from inspection.hub.people import erasing
from inspection.hub.people.cases import cases_of
from inspection.hub.people.exporting import export
from inspection.hub.people.schemas import Erasure, Hold, NewErasure, NewHold, Person
from inspection.hub.people.tables import erasures, legal_holds
from inspection.hub.problems import Problem, documented, faults
from inspection.hub.requests import json_body

router = APIRouter(prefix="/v1/persons", tags=["people"])
Exporter = Annotated[Caller, Depends(allowed(Permission.PERSONS_EXPORT))]
Eraser = Annotated[Caller, Depends(allowed(Permission.PERSONS_ERASE))]
HoldReader = Annotated[Caller, Depends(allowed(Permission.RETENTION_READ))]
HoldKeeper = Annotated[Caller, Depends(allowed(Permission.RETENTION_MANAGE))]
COMMON = ("token.missing", "token.invalid", "token.scope", "request.invalid", "database.unavailable", "internal")
BODY = ("request.not_json", "request.truncated", "request.media_type", "request.too_large")
MAX_BYTES = 16_384
MOST = 200
BODIES = (Person, NewErasure, NewHold)
"""Models of bodies that the routes read themselves."""
Model = TypeVar("Model", bound=BaseModel)


def _takes(model: str) -> dict[str, Any]:
    schema = {"schema": {"$ref": f"#/components/schemas/{model}"}}
    return {"requestBody": {"required": True, "content": {"application/json": schema}}}


@router.post(
    "/export",
    response_class=FileResponse,
    summary="Everything about one person's cases, as a ZIP",
    responses={
        200: {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}, "description": "ZIP"},
        **documented(*COMMON, *BODY, "return.unknown", "store.unavailable"),
    },
    openapi_extra=_takes("Person"),
)
async def post_export(request: Request, hub: CurrentHub, caller: Exporter) -> Response:
    """Reports, pictures and notes of the person's cases, and the register of what is held at all."""
    person = await _read(request, Person)
    return await run_in_threadpool(_export, hub, caller, person)


@router.post(
    "/erasures",
    status_code=202,
    response_model=Erasure,
    summary="Erase one person's data",
    responses=documented(*COMMON, *BODY, "return.unknown", "person.held"),
    openapi_extra=_takes("NewErasure"),
)
async def post_erasure(request: Request, hub: CurrentHub, caller: Eraser) -> JSONResponse:
    """A job does it; ask for the erasure until it is `done`, and keep the certificate.

    Pictures are shredded, links to the person overwritten; evidence stays provable, and tells no more whose it was.
    """
    new = await _read(request, NewErasure)

    def ask() -> Erasure:
        with hub.database.transaction() as connection:
            merchant = caller.merchant_id
            cases = cases_of(connection, merchant, rma=new.person.rma, order_ref=new.person.order_ref)
            made = erasing.ask(connection, merchant, cases, new.reason, str(caller.staff_id or caller.token_id))
            return _erasure(connection, merchant, made)

    asked = await run_in_threadpool(ask)
    headers = {"Location": f"{router.prefix}/erasures/{asked.id}"}
    return JSONResponse(asked.model_dump(mode="json"), status_code=202, headers=headers)


@router.get("/erasures", summary="The newest erasures", responses=documented(*COMMON))
def list_erasures(
    hub: CurrentHub, caller: HoldReader, *, limit: Annotated[int, Query(ge=1, le=MOST)] = 50
) -> list[Erasure]:
    """The last asked first."""
    query = sa.select(erasures).where(erasures.c.merchant_id == caller.merchant_id)
    with hub.database.transaction() as connection:
        rows = connection.execute(query.order_by(erasures.c.asked_at.desc(), erasures.c.id).limit(limit))
        return [_shown(row) for row in rows]


@router.get("/erasures/{erasure_id}", summary="How an erasure stands", responses=documented(*COMMON, "erasure.unknown"))
def get_erasure(erasure_id: UUID, hub: CurrentHub, caller: HoldReader) -> Erasure:
    """With the certificate once it is done."""
    with hub.database.transaction() as connection:
        return _erasure(connection, caller.merchant_id, erasure_id)


@router.post(
    "/holds",
    status_code=201,
    summary="Keep a case, whatever its age and whoever asks",
    responses=documented(*COMMON, *BODY),
    openapi_extra=_takes("NewHold"),
)
async def post_hold(request: Request, hub: CurrentHub, caller: HoldKeeper) -> Hold:
    """For a dispute or an order of a court. Holds are released, never deleted."""
    new = await _read(request, NewHold)
    who = str(caller.staff_id or caller.token_id)
    row = {"merchant_id": caller.merchant_id, "rma": new.rma, "reason": new.reason, "placed_by": who}

    def place() -> Hold:
        with hub.database.transaction() as connection:
            stored = connection.execute(legal_holds.insert().values(row).returning(legal_holds)).one()
            return Hold.model_validate(stored, from_attributes=True)

    return await run_in_threadpool(place)


@router.get("/holds", summary="Legal holds", responses=documented(*COMMON))
def list_holds(hub: CurrentHub, caller: HoldReader, *, limit: Annotated[int, Query(ge=1, le=MOST)] = 50) -> list[Hold]:
    """The last placed first, released ones too."""
    query = sa.select(legal_holds).where(legal_holds.c.merchant_id == caller.merchant_id)
    with hub.database.transaction() as connection:
        rows = connection.execute(query.order_by(legal_holds.c.placed_at.desc()).limit(limit))
        return [Hold.model_validate(row, from_attributes=True) for row in rows]


@router.post("/holds/{hold_id}/release", summary="Release a legal hold", responses=documented(*COMMON, "hold.unknown"))
def post_release(hold_id: UUID, hub: CurrentHub, caller: HoldKeeper) -> Hold:
    """Releasing twice changes nothing."""
    mine = sa.and_(legal_holds.c.merchant_id == caller.merchant_id, legal_holds.c.id == hold_id)
    released = {"released_by": str(caller.staff_id or caller.token_id), "released_at": sa.func.now()}
    with hub.database.transaction() as connection:
        connection.execute(legal_holds.update().where(mine, legal_holds.c.released_at.is_(None)).values(released))
        row = connection.execute(sa.select(legal_holds).where(mine)).one_or_none()
    if row is None:
        raise Problem("hold.unknown", "no legal hold has this id")
    return Hold.model_validate(row, from_attributes=True)


async def _read(request: Request, model: type[Model]) -> Model:
    _, value = await json_body(request, MAX_BYTES)
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise Problem("request.invalid", "see errors", errors=faults(error)) from None


def _export(hub: Hub, caller: Caller, person: Person) -> Response:
    with hub.database.transaction() as connection:
        cases = cases_of(connection, caller.merchant_id, rma=person.rma, order_ref=person.order_ref)
    folder = tempfile.TemporaryDirectory(prefix="export-", dir=hub.config.data_dir)
    try:
        target = Path(folder.name) / "person.zip"
        export(hub, caller.merchant_id, cases, target)
    except BaseException:
        folder.cleanup()
        raise
    headers = {"Cache-Control": "no-store"}
    return FileResponse(
        target,
        media_type="application/zip",
        filename="person.zip",
        headers=headers,
        background=BackgroundTask(folder.cleanup),
    )


def _erasure(connection: Connection, merchant_id: UUID, erasure_id: UUID) -> Erasure:
    mine = sa.and_(erasures.c.merchant_id == merchant_id, erasures.c.id == erasure_id)
    row = connection.execute(sa.select(erasures).where(mine)).one_or_none()
    if row is None:
        raise Problem("erasure.unknown", "no erasure has this id")
    return _shown(row)


def _shown(row: sa.Row[Any]) -> Erasure:
    state = "done" if row.done_at is not None else "failed" if row.failure else "waiting"
    return Erasure(state=state, **{name: getattr(row, name) for name in Erasure.model_fields if name != "state"})
