"""The resources below ``/epcis`` that stand for things: event types, EPCs, business steps, dispositions, places."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter, Request, Response
from sqlalchemy.engine import Connection

from inspection.epcis import CONTEXT
from inspection.hub.accounts.tokens import Caller
from inspection.hub.epcis import openapi, reading
from inspection.hub.epcis import vocabulary as words
from inspection.hub.epcis.exchange import Querier, answer, wanted
from inspection.hub.epcis.facts import identifier
from inspection.hub.epcis.formats import EpcFormat, as_link, as_urn
from inspection.hub.epcis.pages import read_page
from inspection.hub.epcis.queries import from_url
from inspection.hub.epcis.tables import epcis_events as events
from inspection.hub.epcis.tables import epcis_names
from inspection.hub.hub import CurrentHub, Hub
from inspection.hub.problems import Problem


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of thing that has a resource of its own.

    Attributes:
        path: below ``/epcis``.
        name: as names are kept.
        standard: words that exist whether an event uses them or not.
        canonical: one spelling of a member.
        condition: events that have this member.
    """

    path: str
    name: str
    standard: Collection[str]
    canonical: Callable[[str], str]
    condition: Callable[[str], sa.ColumnElement[bool]]


def _in_column(column: sa.ColumnElement[str | None]) -> Callable[[str], sa.ColumnElement[bool]]:
    return lambda value: column == value


def _names_epc(value: str) -> sa.ColumnElement[bool]:
    named: sa.ColumnElement[bool] = events.c.epcs.overlap(sa.cast([value], events.c.epcs.type))
    return named


KINDS = (
    Kind("eventTypes", "eventType", tuple(words.EVENT_MEMBERS), str, _in_column(events.c.event_type)),
    Kind("epcs", "epc", (), identifier, _names_epc),
    Kind(
        "bizSteps", "bizStep", words.BIZ_STEPS, lambda term: words.bare(term, "BizStep"), _in_column(events.c.biz_step)
    ),
    Kind(
        "dispositions",
        "disposition",
        words.DISPOSITIONS,
        lambda term: words.bare(term, "Disp"),
        _in_column(events.c.disposition),
    ),
    Kind("bizLocations", "bizLocation", (), identifier, _in_column(events.c.biz_location)),
    Kind("readPoints", "readPoint", (), identifier, _in_column(events.c.read_point)),
)


def add_to(router: APIRouter) -> None:
    """Three routes for each kind: all members, one member, the events of one member."""
    for kind in KINDS:
        _add(router, kind)


def found_events(
    request: Request,
    hub: Hub,
    caller: Caller,
    question: Mapping[str, Any],
    condition: sa.ColumnElement[bool] | None = None,
    *,
    is_search: bool = False,
) -> Response:
    """A page of the events that the request's URL asks for, and that meet ``condition``."""
    asked = wanted(request)
    parameters = from_url(request.query_params.multi_items())
    page = read_page(parameters, question)
    merchant_id = caller.merchant_id
    with hub.database.transaction() as connection:
        known = reading.lookups(connection, merchant_id, asked.context)
        found = reading.find(connection, merchant_id, parameters, page, known, condition=condition, is_search=is_search)
        prefixes = reading.companies(connection, merchant_id, asked.epc_format)
    document = reading.query_document(found.rows, asked.epc_format, prefixes)
    link = None if found.place is None else page.token(found.place)
    return answer(document, request, media_type=asked.media_type, link=link)


def nothing_else(parameters: Mapping[str, list[str]]) -> None:
    """No parameter is left over.

    Raises:
        Problem: ``epcis.query``.
    """
    if parameters:
        name = next(iter(parameters))[:80].encode("ascii", "replace").decode()
        raise Problem("epcis.query", f"{name}: no parameter of this resource")


def _add(router: APIRouter, kind: Kind) -> None:
    member = f"/{kind.path}/{{{kind.name}:path}}"

    @router.get(
        f"/{kind.path}",
        summary=f"List {kind.path}",
        responses={**openapi.said(openapi.COLLECTION, "A page of members"), **openapi.problems()},
        openapi_extra={"parameters": [*openapi.PAGING, openapi.FORMAT]},
        name=f"list_{kind.path}",
    )
    def list_members(request: Request, hub: CurrentHub, caller: Querier) -> Response:
        """What events name, and the standard's own words, in order."""
        asked = wanted(request)
        parameters = from_url(request.query_params.multi_items())
        page = read_page(parameters, {"resource": kind.path})
        nothing_else(parameters)
        after = page.after[0] if page.after else None
        if page.after is not None and not (isinstance(after, str) and len(page.after) == 1 and "\0" not in after):
            raise Problem("epcis.query", "nextPageToken: use the link of the page before, unchanged")
        with hub.database.transaction() as connection:
            members = _members(connection, caller, kind, after, page.size + 1)
            prefixes = reading.companies(connection, caller.merchant_id, asked.epc_format)
        shown = members[: page.size]
        link = page.token([shown[-1][0]]) if len(members) > page.size else None
        written = list(dict.fromkeys(_written(each, asked.epc_format, prefixes) for _, each in shown))
        collection = {"@context": CONTEXT, "type": "Collection", "member": written}
        return answer(collection, request, media_type=asked.media_type, link=link)

    @router.get(
        f"{member}/events",
        summary=f"Query events by {kind.name}",
        responses={
            **openapi.said(openapi.ANSWER, "A page of events"),
            **openapi.problems("epcis.unknown", "epcis.result_too_large"),
        },
        openapi_extra={"parameters": [*openapi.path_parameters(member), *openapi.QUERY]},
        name=f"events_of_{kind.path}",
    )
    def events_of_member(request: Request, hub: CurrentHub, caller: Querier) -> Response:
        """The member is percent-encoded, as URN, Digital Link or bare word; all query parameters work beside it."""
        name = _known(hub, caller, kind, request.path_params[kind.name])
        question = {"resource": kind.path, "member": name}
        return found_events(request, hub, caller, question, kind.condition(name), is_search=kind.name == "epc")

    @router.get(
        member,
        summary=f"What there is of one {kind.name}",
        responses={
            **openapi.said({**openapi.COLLECTION, "member": ["events"]}, "Its resources"),
            **openapi.problems("epcis.unknown"),
        },
        openapi_extra={"parameters": openapi.path_parameters(member)},
        name=f"get_{kind.path}",
    )
    def get_member(request: Request, hub: CurrentHub, caller: Querier) -> Response:
        """That it is known, and that it has events."""
        _known(hub, caller, kind, request.path_params[kind.name])
        return answer({"@context": CONTEXT, "type": "Collection", "member": ["events"]}, request)


def _known(hub: Hub, caller: Caller, kind: Kind, value: str) -> str:
    name = kind.canonical(value)
    if name in kind.standard:
        return name
    table = epcis_names
    mine = sa.and_(table.c.merchant_id == caller.merchant_id, table.c.kind == kind.name, table.c.name == name)
    if "\0" not in name:
        with hub.database.transaction() as connection:
            if connection.execute(sa.select(table.c.name).where(mine)).first() is not None:
                return name
    raise Problem("epcis.unknown", f"no event of the repository names this {kind.name}")


def _members(
    connection: Connection, caller: Caller, kind: Kind, after: str | None, number: int
) -> list[tuple[str, str]]:
    """Canonical names and how they are shown, in order of their characters."""
    table = epcis_names
    ordered = table.c.name
    query = sa.select(table.c.name, table.c.shown).where(
        table.c.merchant_id == caller.merchant_id, table.c.kind == kind.name
    )
    if after is not None:
        query = query.where(ordered > after)
    used = {row.name: row.shown for row in connection.execute(query.order_by(ordered).limit(number))}
    standard = {word: word for word in kind.standard if after is None or word > after}
    return sorted((used | standard).items())[:number]


def _written(uri: str, wanted_format: EpcFormat, prefixes: Collection[str]) -> str:
    if wanted_format is EpcFormat.DIGITAL_LINK:
        return as_link(uri)
    return as_urn(uri, prefixes) if wanted_format is EpcFormat.URN else uri
