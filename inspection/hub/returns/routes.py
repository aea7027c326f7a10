"""``/v1/returns``: cases in and out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from inspection.hub.accounts.roles import Permission, allowed
from inspection.hub.accounts.tokens import Caller
from inspection.hub.cursors import decode_place
from inspection.hub.etags import NOT_MODIFIED, conditional
from inspection.hub.hub import CurrentHub
from inspection.hub.moments import Moment
from inspection.hub.problems import Problem, documented, faults
from inspection.hub.requests import body, json_body, unspoiled
from inspection.hub.returns import importing, service
from inspection.hub.returns.importing import ImportAnswer
from inspection.hub.returns.schemas import RMA_PATTERN, NewReturn, ReturnPage, ReturnView, StoredReturn

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


@router.get("", summary="List returns, newest first", responses=documented(*COMMON, "request.cursor"))
def list_returns(
    hub: CurrentHub,
    caller: Reader,
    *,
    order_ref: Annotated[str | None, Query(max_length=64)] = None,
    gtin: Annotated[str | None, Query(pattern=r"^\d{14}$", description="with a line of this product")] = None,
    serial: Annotated[str | None, Query(max_length=64, description="with a line of this serial number")] = None,
    since: Annotated[Moment | None, Query(description="imported at this time or later")] = None,
    until: Annotated[Moment | None, Query(description="imported before")] = None,
    inspected: Annotated[bool | None, Query(description="whether an inspection names it")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=300, description="`next_cursor` of the page before")] = None,
) -> ReturnPage:
    """The return imported last comes first."""
    after = decode_place(cursor) if cursor else None
    wanted = service.Wanted(
        order_ref=unspoiled(order_ref, "order_ref"),
        gtin=gtin,
        serial=unspoiled(serial, "serial"),
        since=since,
        until=until,
        inspected=inspected,
    )
    with hub.database.transaction() as connection:
        return service.page(connection, caller.merchant_id, wanted, limit=limit, after=after)


@router.post(
    "/import",
    response_model=ImportAnswer,
    summary="Import returns from a CSV file",
    responses=documented(
        *COMMON,
        "request.truncated",
        "request.media_type",
        "request.too_large",
        "returns.unreadable",
        "returns.bad_lines",
    ),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "text/csv": {
                    "schema": {"type": "string"},
                    "example": "rma,order_ref,gtin,quantity,reason_code,declared_defects\n"
                    "RMA-1,SO-1,4012345111118,1,damaged,dent;scratch\n",
                }
            },
        }
    },
)
async def post_import(
    request: Request,
    hub: CurrentHub,
    caller: Importer,
    *,
    dry_run: Annotated[bool, Query(description="only say what would happen")] = False,
    skip_bad: Annotated[bool, Query(description="import the good returns of a file that has bad lines")] = False,
) -> ImportAnswer:
    """All or nothing, unless `skip_bad`: a file with a bad line is refused with every bad line named.

    Importing the same file again changes nothing. A return is skipped whole when one of its lines is bad.
    """
    media_type, _, parameters = request.headers.get("content-type", "").partition(";")
    if media_type.strip().lower() != "text/csv":
        raise Problem("request.media_type", "send Content-Type: text/csv")
    charset = next((v for k, _, v in (p.strip().partition("=") for p in parameters.split(";")) if k == "charset"), "")
    text = importing.decoded(await body(request, importing.MAX_BYTES), charset)
    found = await run_in_threadpool(importing.check_file, text)

    def store() -> ImportAnswer:
        with hub.database.transaction() as connection:
            return importing.store(connection, caller.merchant_id, found, dry_run=dry_run, skip_bad=skip_bad)

    return await run_in_threadpool(store)


@router.get(
    "/{rma}",
    summary="Read one return",
    response_model=ReturnView,
    responses={304: NOT_MODIFIED, **documented(*COMMON, "return.unknown")},
)
def get_return(rma: Rma, request: Request, hub: CurrentHub, caller: Reader) -> Response:
    """The return with its lines, and the inspections that name it, also when the return itself is not known yet."""
    with hub.database.transaction() as connection:
        return conditional(request, service.view(connection, caller.merchant_id, rma))
