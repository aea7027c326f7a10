"""``/v1/returns``: cases in and out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from inspection.hub.accounts.roles import Permission, allowed
from inspection.hub.accounts.tokens import Caller
from inspection.hub.hub import CurrentHub
from inspection.hub.problems import Problem, documented, faults
from inspection.hub.requests import json_body
from inspection.hub.returns import service
from inspection.hub.returns.schemas import RMA_PATTERN, NewReturn, ReturnView, StoredReturn

router = APIRouter(prefix="/v1/returns", tags=["returns"])
Reader = Annotated[Caller, Depends(allowed(Permission.RETURNS_READ))]
Importer = Annotated[Caller, Depends(allowed(Permission.RETURNS_IMPORT))]
COMMON = ("token.missing", "token.invalid", "token.scope", "request.invalid", "database.unavailable", "internal")
Rma = Annotated[str, Path(pattern=RMA_PATTERN)]
RETURN_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/NewReturn"}}},
    }
}


@router.post(
    "",
    status_code=201,
    response_model=StoredReturn,
    summary="Import one return",
    responses={
        200: {"model": StoredReturn, "description": "It is already there"},
        **documented(
            *COMMON,
            "request.not_json",
            "request.truncated",
            "request.media_type",
            "request.too_large",
            "return.conflict",
        ),
    },
    openapi_extra=RETURN_BODY,
)
async def post_return(request: Request, hub: CurrentHub, caller: Importer) -> JSONResponse:
    """Idempotent by RMA number: the same content again is answered 200, other content 409."""
    _, value = await json_body(request, hub.config.reports.max_bytes)
    try:
        new = NewReturn.model_validate(value)
    except ValidationError as error:
        raise Problem("request.invalid", "see errors", errors=faults(error)) from None

    def create() -> tuple[StoredReturn, bool]:
        with hub.database.transaction() as connection:
            return service.create(connection, caller.merchant_id, new)

    stored, is_new = await run_in_threadpool(create)
    return JSONResponse(stored.model_dump(mode="json"), status_code=201 if is_new else 200)


@router.get("/{rma}", summary="Read one return", responses=documented(*COMMON, "return.unknown"))
def get_return(rma: Rma, hub: CurrentHub, caller: Reader) -> ReturnView:
    """The return with its lines, and the inspections that name it, also when the return itself is not known yet."""
    with hub.database.transaction() as connection:
        return service.view(connection, caller.merchant_id, rma)
