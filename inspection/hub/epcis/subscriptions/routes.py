"""``/epcis/queries/{name}/subscriptions``: made, listed, read and ended."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from fastapi import APIRouter, Request, Response
from sqlalchemy.engine import Row
from starlette.concurrency import run_in_threadpool

from inspection.hub.connectors.config import load_connectors
from inspection.hub.epcis import openapi
from inspection.hub.epcis.exchange import Capturer, Querier, answer, ld_body, wanted
from inspection.hub.epcis.named import kept_query
from inspection.hub.epcis.pages import read_page
from inspection.hub.epcis.queries import from_url
from inspection.hub.epcis.resources import nothing_else
from inspection.hub.epcis.subscriptions import service
from inspection.hub.epcis.subscriptions.asked import read_body, refuse_controls
from inspection.hub.epcis.subscriptions.keys import master_key_of
from inspection.hub.hub import CurrentHub

MAX_BODY_BYTES = 16_384
SHOWN: dict[str, Any] = {
    "subscriptionID": "df5a33e3-5aa3-4403-ae01-99b83234e27b",
    "queryName": "received",
    "dest": "https://client.example.com/queryCallback",
    "createdAt": "2026-11-22T08:00:00.000Z",
    "schedule": {"hour": "1", "minute": "5"},
    "stream": False,
    "reportIfEmpty": False,
    "epcFormat": "No_Preference",
}
ASKED: dict[str, Any] = {
    "dest": "https://client.example.com/queryCallback",
    "signatureToken": "13df38d8275b13f05704629e5f1cf3d45d6132d5",
    "schedule": {"hour": "1", "minute": "5"},
}


def add_to(router: APIRouter) -> None:
    """The routes of subscriptions."""

    @router.post(
        "/queries/{query_name}/subscriptions",
        status_code=201,
        summary="Subscribe to a named query",
        responses={
            **openapi.said(SHOWN, "Made; `Location` names it", 201),
            **openapi.problems(*openapi.BODY, "epcis.unknown", "epcis.result_too_large"),
        },
        openapi_extra={"requestBody": openapi.body(ASKED), "parameters": [openapi.FORMAT]},
    )
    async def post_subscription(query_name: str, request: Request, hub: CurrentHub, caller: Capturer) -> Response:
        """`dest` is told of events that the query asks for: as they are stored (`stream`), or by a `schedule` in UTC.

        Messages are EPCIS query documents of at most 100 events, sent until they are answered 2xx; with a
        `signatureToken` the header `GS1-Signature` is `v1,` and the Base64 of the HMAC-SHA-256 over `webhook-id`,
        `webhook-timestamp` and the body, joined by dots. There are no WebSockets: see `/events` of the query.
        """
        epc_format = wanted(request).epc_format
        value = await ld_body(request, MAX_BODY_BYTES)

        def make() -> Row[Any]:
            asked = read_body(value, load_connectors(hub.config.connectors.file).guard)
            key = master_key_of(hub.config)
            with hub.database.transaction() as connection:
                refuse_controls(kept_query(connection, caller, query_name))
                return service.subscribe(connection, caller, query_name, asked, epc_format, key)

        made = await run_in_threadpool(make)
        response = answer(shown(made), request, status=201)
        place = f"{router.prefix}/queries/{quote(query_name, safe='')}/subscriptions/{made.subscription_id}"
        response.headers["Location"] = place
        return response

    @router.get(
        "/queries/{query_name}/subscriptions",
        summary="List a query's subscriptions",
        responses={**openapi.said([SHOWN], "A page of subscriptions"), **openapi.problems("epcis.unknown")},
        openapi_extra={"parameters": openapi.PAGING},
    )
    def list_subscriptions(query_name: str, request: Request, hub: CurrentHub, caller: Querier) -> Response:
        """Those that are not ended; a signature token is never shown."""
        parameters = from_url(request.query_params.multi_items())
        page = read_page(parameters, {"resource": "subscriptions", "query": query_name})
        nothing_else(parameters)
        with hub.database.transaction() as connection:
            kept_query(connection, caller, query_name)
            rows, place = service.listed(connection, caller.merchant_id, query_name, page)
        found = [shown(row) for row in rows]
        return answer(found, request, link=None if place is None else page.token(place))

    @router.get(
        "/queries/{query_name}/subscriptions/{subscription_id}",
        summary="Read a subscription",
        responses={**openapi.said(SHOWN, "The subscription"), **openapi.problems("epcis.unknown")},
    )
    def get_subscription(
        query_name: str, subscription_id: str, request: Request, hub: CurrentHub, caller: Querier
    ) -> Response:
        """`lastNotifiedAt` is when the receiver last took a message."""
        with hub.database.transaction() as connection:
            kept_query(connection, caller, query_name)
            row = service.one(connection, caller.merchant_id, query_name, subscription_id)
        return answer(shown(row), request)

    @router.delete(
        "/queries/{query_name}/subscriptions/{subscription_id}",
        status_code=204,
        summary="End a subscription",
        responses={204: {"description": "Ended"}, **openapi.problems("epcis.unknown")},
    )
    def delete_subscription(query_name: str, subscription_id: str, hub: CurrentHub, caller: Capturer) -> Response:
        """What waits to be sent is not sent any more."""
        with hub.database.transaction() as connection:
            kept_query(connection, caller, query_name)
            row = service.one(connection, caller.merchant_id, query_name, subscription_id)
            service.end(connection, caller.merchant_id, row.subscription_id)
        return Response(status_code=204)


def shown(row: sa.Row[Any]) -> dict[str, Any]:
    """A subscription as its owner sees it."""
    members: dict[str, Any] = {
        "subscriptionID": str(row.subscription_id),
        "queryName": row.query_name,
        "dest": row.dest,
        "createdAt": _instant(row.created_at),
        "stream": row.stream,
        "reportIfEmpty": row.report_if_empty,
        "epcFormat": row.epc_format,
    }
    if row.schedule is not None:
        members["schedule"] = row.schedule
    if row.initial_record_time is not None:
        members["initialRecordTime"] = _instant(row.initial_record_time)
    notified = getattr(row, "last_success_at", None)
    if notified is not None:
        members["lastNotifiedAt"] = _instant(notified)
    return members


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
