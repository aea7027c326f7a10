"""``/v1/inspections``: reports in, verdicts and EPCIS documents out."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from inspection.epcis import epcis_document
from inspection.evidence import canonical_json
from inspection.hub.accounts.roles import Permission, allowed
from inspection.hub.accounts.tokens import Caller
from inspection.hub.cursors import decode_cursor
from inspection.hub.etags import NOT_MODIFIED, conditional
from inspection.hub.hub import CurrentHub
from inspection.hub.inspections import reading
from inspection.hub.inspections.gathering import Gathering
from inspection.hub.inspections.schemas import InspectionAccepted, InspectionDetail, InspectionPage
from inspection.hub.inspections.taking import Brought, names, told
from inspection.hub.moments import Moment
from inspection.hub.problems import Problem, documented
from inspection.hub.requests import json_body, unspoiled
from inspection.verdict import Disposition, Grade

router = APIRouter(prefix="/v1/inspections", tags=["inspections"])
Reader = Annotated[Caller, Depends(allowed(Permission.INSPECTIONS_READ))]
Reporter = Annotated[Caller, Depends(allowed(Permission.INSPECTIONS_REPORT, looked_at_again=True))]
COMMON = ("token.missing", "token.invalid", "token.scope", "request.invalid", "database.unavailable", "internal")
Rma = Annotated[str | None, Query(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="only of this return")]
Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str | None, Query(max_length=200, description="`next_cursor` of the page before")]
REPORT_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/InspectionReport"}}},
    }
}


@router.post(
    "",
    status_code=201,
    response_model=InspectionAccepted,
    summary="Report one revision of one inspection",
    responses=documented(
        *COMMON,
        "request.not_json",
        "request.truncated",
        "request.media_type",
        "request.too_large",
        "station.mismatch",
        "inspection.exists",
        "inspection.conflict",
        "inspection.evidence_mismatch",
        "inspection.signature",
    ),
    openapi_extra=REPORT_BODY,
)
async def post_inspection(request: Request, hub: CurrentHub, caller: Reporter) -> Response:
    """Idempotent by inspection id and revision.

    A repeat is answered 409 `inspection.exists`, which a station counts as delivered; another report under the same id
    and revision 409 `inspection.conflict`. Revisions and pictures may come in any order. By the header `Date` a
    station's clock that goes wrong is noticed.
    """
    text, value = await json_body(request, hub.config.reports.max_bytes)
    gathering: Gathering = request.app.state.gathering
    receipt = told(hub, await gathering.take(Brought(caller, text, value, request.headers.get("date"))))
    answer = InspectionAccepted.model_validate(receipt, from_attributes=True)
    if not receipt.new:
        members = answer.model_dump(mode="json")
        raise Problem("inspection.exists", "this very report was received before; nothing was changed", **members)
    return Response(answer.model_dump_json(), status_code=201, media_type="application/json")


@router.get("", summary="List inspections, newest first", responses=documented(*COMMON, "request.cursor"))
def list_inspections(
    hub: CurrentHub,
    caller: Reader,
    *,
    rma: Rma = None,
    disposition: Disposition | None = None,
    grade: Grade | None = None,
    station_id: Annotated[str | None, Query(max_length=64, description="reported by this station")] = None,
    gtin: Annotated[str | None, Query(pattern=r"^\d{14}$")] = None,
    serial: Annotated[str | None, Query(max_length=64)] = None,
    epc: Annotated[str | None, Query(max_length=200, description="EPC URN as it was reported")] = None,
    since: Annotated[Moment | None, Query(description="received by the hub at this time or later")] = None,
    until: Annotated[Moment | None, Query(description="received before")] = None,
    identified: Annotated[bool | None, Query(description="`false`: nobody knows yet which product it is")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> InspectionPage:
    """The newest revision of each, by the time the hub received it."""
    after = decode_cursor(cursor) if cursor else None
    wanted = reading.Wanted(
        rma=rma,
        disposition=disposition,
        grade=grade,
        station_id=unspoiled(station_id, "station_id"),
        gtin=gtin,
        serial=unspoiled(serial, "serial"),
        epc=unspoiled(epc, "epc"),
        since=since,
        until=until,
        identified=identified,
    )
    with hub.database.transaction() as connection:
        return reading.page(connection, caller.merchant_id, wanted, limit=limit, after=after)


@router.get(
    "/{inspection_id}",
    summary="Read one inspection",
    response_model=InspectionDetail,
    responses={304: NOT_MODIFIED, **documented(*COMMON, "inspection.unknown")},
)
def get_inspection(inspection_id: UUID, request: Request, hub: CurrentHub, caller: Reader) -> Response:
    """Its newest revision whole, its pictures and whether they are held, and all revisions by name."""
    with hub.database.transaction() as connection:
        return conditional(request, reading.detail(connection, caller.merchant_id, inspection_id))


@router.get(
    "/{inspection_id}/epcis",
    response_class=Response,
    summary="One inspection as an EPCIS 2.0 document",
    responses={
        200: {
            "description": "EPCIS 2.0 JSON-LD; the same revisions always give the same bytes",
            "content": {"application/ld+json": {"schema": {"type": "object"}}},
        },
        **documented(*COMMON, "inspection.unknown"),
    },
)
def get_epcis(inspection_id: UUID, hub: CurrentHub, caller: Reader) -> Response:
    """What happened to the item, as GS1 EPCIS 2.0 events; a corrected revision carries its error declaration."""
    with hub.database.transaction() as connection:
        reports = reading.reports(connection, caller.merchant_id, inspection_id)
    return Response(canonical_json(epcis_document(reports, names(hub))), media_type="application/ld+json")
