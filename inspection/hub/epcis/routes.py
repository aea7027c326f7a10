"""``/epcis``: capture and query of visibility events, after the REST bindings of EPCIS 2.0 (chapter 12)."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Header, Request, Response
from starlette.concurrency import run_in_threadpool

from inspection.epcis import CONTEXT
from inspection.hub.epcis import captures, named, openapi, reading, resources
from inspection.hub.epcis.captures import Behaviour, Limits
from inspection.hub.epcis.documents import Document, read_document
from inspection.hub.epcis.exchange import Capturer, EpcisRoute, Querier, answer, discovery_headers, ld_body, wanted
from inspection.hub.epcis.pages import read_page
from inspection.hub.epcis.queries import from_url
from inspection.hub.epcis.subscriptions import routes as subscription_routes
from inspection.hub.hub import CurrentHub, Hub
from inspection.hub.problems import Problem

router = APIRouter(prefix="/epcis", tags=["epcis"], route_class=EpcisRoute)
TOP_LEVEL = (
    *("events", "eventTypes", "epcs", "bizSteps", "bizLocations", "readPoints", "dispositions"),
    *("capture", "queries"),
)
ErrorBehaviour = Annotated[
    str | None,
    Header(alias="GS1-Capture-Error-Behaviour", description="`rollback` (all or nothing, the default) or `proceed`"),
]
LongErrorBehaviour = Annotated[
    str | None, Header(alias="GS1-EPCIS-Capture-Error-Behaviour", description="another name of the same header")
]


def limits(hub: Hub) -> Limits:
    """How much one capture may bring."""
    return Limits(hub.config.epcis.capture_events, hub.config.epcis.capture_bytes)


@router.get(
    "",
    summary="What the repository has",
    responses={
        **openapi.said({"@context": CONTEXT, "type": "Collection", "member": list(TOP_LEVEL)}, "Top-level resources"),
        **openapi.problems(),
    },
)
def get_top_level(request: Request, _: Querier) -> Response:
    """Names of the resources below ``/epcis``."""
    return answer({"@context": CONTEXT, "type": "Collection", "member": list(TOP_LEVEL)}, request)


@router.post(
    "/capture",
    status_code=202,
    response_class=Response,
    summary="Capture a document or an event",
    responses={
        202: {
            "description": "Taken; `Location` names the capture job, which is finished by then",
            "headers": {"Location": {"schema": {"type": "string"}}},
        },
        **openapi.problems(*openapi.BODY, "epcis.capture_limit"),
    },
    openapi_extra={"requestBody": openapi.body(openapi.DOCUMENT)},
)
async def post_capture(
    request: Request,
    hub: CurrentHub,
    caller: Capturer,
    behaviour: ErrorBehaviour = None,
    long_behaviour: LongErrorBehaviour = None,
) -> Response:
    """An ``EPCISDocument``, an ``EPCISQueryDocument`` or one event with its ``@context``.

    With ``rollback`` an event that is not valid refuses the whole document (400); with ``proceed`` the others are
    stored and the job tells which was not. An event without ``eventID`` gets the CBV 2.0 hash id. An event that is
    there already is not stored again; another event under an id that is taken is an error of the job.
    """
    chosen = _behaviour(behaviour or long_behaviour or Behaviour.ROLLBACK.value)
    try:
        value = await ld_body(request, limits(hub).bytes)
    except Problem as problem:
        problem.headers |= limits(hub).headers()
        raise

    def take_in() -> Any:
        document = read_document(value)
        captures.refuse_invalid(document, chosen, limits(hub))
        with hub.database.transaction() as connection:
            return captures.capture(connection, caller, document, chosen)

    capture_id = await run_in_threadpool(take_in)
    headers = {"Location": f"{router.prefix}/capture/{capture_id}", "GS1-Capture-Error-Behaviour": chosen.value}
    return Response(status_code=202, headers=headers)


@router.get(
    "/capture",
    summary="List capture jobs, newest first",
    responses={**openapi.said([openapi.JOB], "Capture jobs"), **openapi.problems()},
    openapi_extra={"parameters": openapi.PAGING},
)
def list_captures(request: Request, hub: CurrentHub, caller: Querier) -> Response:
    """Every capture that was taken; a document that was refused leaves none."""
    parameters = from_url(request.query_params.multi_items())
    page = read_page(parameters, {"resource": "capture"})
    resources.nothing_else(parameters)
    with hub.database.transaction() as connection:
        found, place = captures.jobs(connection, caller.merchant_id, page)
    return answer(found, request, link=None if place is None else page.token(place))


@router.get(
    "/capture/{capture_id}/document",
    summary="The document of a capture job",
    responses={**openapi.said(openapi.DOCUMENT, "As it was captured"), **openapi.problems("epcis.unknown")},
)
def get_captured_document(capture_id: str, request: Request, hub: CurrentHub, caller: Querier) -> Response:
    """What was captured, with its header and all; its events have their ids, and those not stored are missing."""
    with hub.database.transaction() as connection:
        document = captures.document_of(connection, caller.merchant_id, capture_id)
    return answer(document, request, media_type=wanted(request).media_type)


@router.get(
    "/capture/{capture_id}",
    summary="Read one capture job",
    responses={**openapi.said(openapi.JOB, "The job"), **openapi.problems("epcis.unknown")},
)
def get_capture(capture_id: str, request: Request, hub: CurrentHub, caller: Querier) -> Response:
    """Whether all events were stored (`success`), and the errors when not."""
    with hub.database.transaction() as connection:
        return answer(captures.job(connection, caller.merchant_id, capture_id), request)


@router.post(
    "/events",
    status_code=201,
    summary="Capture one event",
    responses={
        **openapi.said(openapi.EVENT, "Stored; `Location` names the event", 201),
        **openapi.problems(*openapi.BODY, "epcis.exists"),
    },
    openapi_extra={"requestBody": openapi.body(openapi.EVENT)},
)
async def post_event(request: Request, hub: CurrentHub, caller: Capturer) -> Response:
    """One event with its ``@context``; 409 when its id is there already, be it as this very event."""
    value = await ld_body(request, limits(hub).bytes)

    def take_in() -> tuple[str, Document]:
        document = read_document(value)
        if document.frame is not None:
            fault = {"pointer": "/type", "message": "a document goes to /epcis/capture; here one event is taken"}
            raise Problem("epcis.invalid", fault["message"], errors=[fault])
        captures.refuse_invalid(document, Behaviour.ROLLBACK, limits(hub))
        with hub.database.transaction() as connection:
            return captures.capture_one(connection, caller, document.candidates[0]), document

    event_id, document = await run_in_threadpool(take_in)
    (candidate,) = document.candidates
    response = answer({"@context": candidate.outer, **candidate.event, "eventID": event_id}, request, status=201)
    response.headers["Location"] = f"{router.prefix}/events/{quote(event_id, safe='')}"
    return response


@router.get(
    "/events",
    summary="Query events",
    responses={**openapi.said(openapi.ANSWER, "A page of events"), **openapi.problems("epcis.result_too_large")},
    openapi_extra={"parameters": openapi.QUERY},
)
def get_events(request: Request, hub: CurrentHub, caller: Querier) -> Response:
    """Parameters of the EPCIS query language; without `orderBy` events come in the order they were recorded."""
    return resources.found_events(request, hub, caller, {"resource": "events"})


@router.get(
    "/events/{event_id:path}",
    summary="Read one event",
    responses={
        **openapi.said(openapi.ANSWER, "The event, and its error declarations beside it"),
        **openapi.problems("epcis.unknown"),
    },
    openapi_extra={"parameters": [openapi.FORMAT]},
)
def get_event(event_id: str, request: Request, hub: CurrentHub, caller: Querier) -> Response:
    """By its id, percent-encoded."""
    asked = wanted(request)
    if event_id.startswith("ni:") and "?" not in event_id and "ver" in request.query_params:
        event_id = f"{event_id}?ver={request.query_params['ver']}"  # a question mark that was not encoded
    with hub.database.transaction() as connection:
        rows = reading.by_id(connection, caller.merchant_id, event_id)
        prefixes = reading.companies(connection, caller.merchant_id, asked.epc_format)
    return answer(reading.query_document(rows, asked.epc_format, prefixes), request, media_type=asked.media_type)


def _behaviour(given: str) -> Behaviour:
    try:
        return Behaviour(given.strip().lower())
    except ValueError:
        raise Problem("epcis.query", "GS1-Capture-Error-Behaviour: must be rollback or proceed") from None


resources.add_to(router)
named.add_to(router)
subscription_routes.add_to(router)


def _discoverable() -> None:
    """``OPTIONS`` for every path."""
    methods: dict[str, set[str]] = {}
    for route in router.routes:
        if isinstance(route, EpcisRoute):
            methods.setdefault(route.path.removeprefix(router.prefix), set()).update(route.methods or ())
    for path, known in methods.items():
        _discovery(path, ", ".join(["OPTIONS", *sorted(known)]))


def _discovery(path: str, known: str) -> None:
    @router.options(
        path,
        status_code=204,
        summary="What this resource can do",
        responses={204: {"description": "See the headers"}, **openapi.problems()},
        openapi_extra={"parameters": openapi.path_parameters(path)},
    )
    def options(hub: CurrentHub, _: Querier) -> Response:
        """Methods, versions and formats; of `capture` its limits."""
        headers = discovery_headers(known)
        if path == "/capture":
            headers |= limits(hub).headers() | {"GS1-Capture-Error-Behaviour": "all"}
        return Response(status_code=204, headers=headers)


_discoverable()
