"""``/epcis/queries``: questions that are kept under a name."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from fastapi import APIRouter, Request, Response
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection
from starlette.concurrency import run_in_threadpool

from inspection.hub.accounts.tokens import Caller
from inspection.hub.epcis import openapi, reading
from inspection.hub.epcis.checks import context_value, soundness
from inspection.hub.epcis.exchange import Capturer, Querier, answer, ld_body, wanted
from inspection.hub.epcis.pages import read_page
from inspection.hub.epcis.places import Places
from inspection.hub.epcis.queries import from_body, from_url, understand
from inspection.hub.epcis.resources import nothing_else
from inspection.hub.epcis.subscriptions.service import end_all
from inspection.hub.epcis.tables import epcis_queries
from inspection.hub.hub import CurrentHub
from inspection.hub.problems import Problem

MAX_QUERY_BYTES = 65_536
_NAME = re.compile(r"\A[A-Za-z0-9][A-Za-z0-9._~-]{0,127}\Z")


def add_to(router: APIRouter) -> None:
    """The routes of named queries."""

    @router.post(
        "/queries",
        status_code=201,
        summary="Keep a query under a name",
        responses={
            **openapi.said(openapi.NAMED, "Kept; `Location` names it", 201),
            **openapi.problems(*openapi.BODY, "epcis.exists"),
        },
        openapi_extra={"requestBody": openapi.body(openapi.NAMED)},
    )
    async def post_query(request: Request, hub: CurrentHub, caller: Capturer) -> Response:
        """`name`, and the parameters as `query`, where each value is a text, a number, or a list of texts."""
        value = await ld_body(request, MAX_QUERY_BYTES)
        name, query = _read(value)

        def keep() -> None:
            with hub.database.transaction() as connection:
                known = reading.lookups(connection, caller.merchant_id, query.get("@context"))
                understand(from_body(query), known)
                _insert(connection, caller, name, query)

        await run_in_threadpool(keep)
        response = answer({"name": name, "query": query}, request, status=201)
        response.headers["Location"] = f"{router.prefix}/queries/{quote(name, safe='')}"
        return response

    @router.get(
        "/queries",
        summary="List named queries",
        responses={**openapi.said([openapi.NAMED], "A page of queries"), **openapi.problems()},
        openapi_extra={"parameters": openapi.PAGING},
    )
    def list_queries(request: Request, hub: CurrentHub, caller: Querier) -> Response:
        """By their names."""
        parameters = from_url(request.query_params.multi_items())
        page = read_page(parameters, {"resource": "queries"})
        nothing_else(parameters)
        table, ordered = epcis_queries, epcis_queries.c.name
        query = sa.select(table.c.name, table.c.query).where(table.c.merchant_id == caller.merchant_id)
        if page.after is not None:
            if len(page.after) != 1 or not isinstance(page.after[0], str) or not _NAME.match(page.after[0]):
                raise Problem("epcis.query", "nextPageToken: use the link of the page before, unchanged")
            query = query.where(ordered > page.after[0])
        with hub.database.transaction() as connection:
            rows = connection.execute(query.order_by(ordered).limit(page.size + 1)).all()
        shown = [{"name": row.name, "query": row.query} for row in rows[: page.size]]
        return answer(shown, request, link=page.token([shown[-1]["name"]]) if len(rows) > page.size else None)

    @router.get(
        "/queries/{query_name}/events",
        summary="Events that a named query finds",
        responses={
            **openapi.said(openapi.ANSWER, "A page of events"),
            **openapi.problems("epcis.unknown", "epcis.result_too_large"),
        },
        openapi_extra={"parameters": [*openapi.PAGING, openapi.FORMAT]},
    )
    def get_query_events(query_name: str, request: Request, hub: CurrentHub, caller: Querier) -> Response:
        """What is there now. There is no stream over a WebSocket: subscribe a webhook instead."""
        if "upgrade" in request.headers:
            raise Problem("epcis.not_acceptable", "no WebSocket here; POST a webhook to the query's subscriptions")
        asked = wanted(request)
        merchant_id = caller.merchant_id
        with hub.database.transaction() as connection:
            query = kept_query(connection, caller, query_name)
            parameters = from_url(request.query_params.multi_items())
            page = read_page(parameters, {"resource": "queries", "query": query})
            nothing_else(parameters)
            known = reading.lookups(connection, merchant_id, query.get("@context"), asked.context)
            found = reading.find(connection, merchant_id, from_body(query), page, known)
            prefixes = reading.companies(connection, merchant_id, asked.epc_format)
        document = reading.query_document(found.rows, asked.epc_format, prefixes, query_name)
        link = None if found.place is None else page.token(found.place)
        return answer(document, request, media_type=asked.media_type, link=link)

    @router.get(
        "/queries/{query_name}",
        summary="Read a named query",
        responses={**openapi.said(openapi.NAMED, "The query"), **openapi.problems("epcis.unknown")},
    )
    def get_query(query_name: str, request: Request, hub: CurrentHub, caller: Querier) -> Response:
        """As it was kept."""
        with hub.database.transaction() as connection:
            query = kept_query(connection, caller, query_name)
        return answer({"name": query_name, "query": query}, request)

    @router.delete(
        "/queries/{query_name}",
        status_code=204,
        summary="Forget a named query",
        responses={204: {"description": "Forgotten"}, **openapi.problems("epcis.unknown")},
    )
    def delete_query(query_name: str, hub: CurrentHub, caller: Capturer) -> Response:
        """Its subscriptions end; events stay."""
        with hub.database.transaction() as connection:
            kept_query(connection, caller, query_name)
            end_all(connection, caller.merchant_id, query_name)
            connection.execute(epcis_queries.delete().where(_mine(caller, query_name)))
        return Response(status_code=204)


def _read(value: Any) -> tuple[str, dict[str, Any]]:
    place = Places()
    if not isinstance(value, dict) or not soundness(place, value):
        raise _invalid(place, "must be an object with name and query")
    name, query = value.get("name"), value.get("query")
    for member in value.keys() - {"name", "query", "@context"}:
        place.at(member).fault("no member of a named query")
    if not isinstance(name, str) or not _NAME.match(name):
        place.at("name").fault("must be 1 to 128 letters, digits, or one of . _ ~ -")
    if not isinstance(query, dict):
        place.at("query").fault("must be an object of query parameters")
    context = value.get("@context")
    if isinstance(query, dict):
        if context is not None:
            query = {"@context": context} | query
        if "@context" in query:
            context_value(place.at("query").at("@context"), query["@context"])
    if place.faults or not isinstance(name, str) or not isinstance(query, dict):
        raise _invalid(place, "see errors")
    return name, query


def _invalid(place: Places, message: str) -> Problem:
    faults = place.faults or [{"pointer": "", "message": message}]
    return Problem("epcis.invalid", f"{faults[0]['pointer']}: {faults[0]['message']}", errors=faults)


def _mine(caller: Caller, name: str) -> sa.ColumnElement[bool]:
    return sa.and_(epcis_queries.c.merchant_id == caller.merchant_id, epcis_queries.c.name == name)


def kept_query(connection: Connection, caller: Caller, name: str) -> dict[str, Any]:
    """The query of this name.

    Raises:
        Problem: ``epcis.unknown`` as ``NoSuchNameException``.
    """
    found = None
    if _NAME.match(name):
        found = connection.execute(sa.select(epcis_queries.c.query).where(_mine(caller, name))).scalar_one_or_none()
    if found is None:
        raise Problem("epcis.unknown", "no query of this name", type="epcisException:NoSuchNameException")
    query: dict[str, Any] = found
    return query


def _insert(connection: Connection, caller: Caller, name: str, query: dict[str, Any]) -> None:
    row = {"merchant_id": caller.merchant_id, "name": name, "query": query, "created_via": caller.token_id}
    statement = postgresql.insert(epcis_queries).values(row).on_conflict_do_nothing().returning(epcis_queries.c.name)
    if connection.execute(statement).first() is None:
        raise Problem("epcis.exists", f"there is a query {name} already; delete it first")
