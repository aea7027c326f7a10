"""How the EPCIS routes describe themselves."""

from __future__ import annotations

import re
from typing import Any

from inspection.epcis import CONTEXT
from inspection.hub.epcis.exchange import EXCEPTIONS, JSON, JSON_LD
from inspection.hub.epcis.formats import EpcFormat
from inspection.hub.epcis.pages import DEFAULT_PER_PAGE, MAX_PER_PAGE
from inspection.hub.epcis.parameters import NAMES
from inspection.hub.problems import MEDIA_TYPE, documented

COMMON = (
    *("token.missing", "token.invalid", "token.scope", "epcis.query", "epcis.not_acceptable", "epcis.uri_too_long"),
    *("database.unavailable", "internal"),
)
BODY = ("request.not_json", "request.truncated", "request.media_type", "request.too_large", "epcis.invalid")

EVENT: dict[str, Any] = {
    "@context": CONTEXT,
    "type": "ObjectEvent",
    "eventTime": "2026-11-21T16:00:03.512+08:00",
    "eventTimeZoneOffset": "+08:00",
    "epcList": ["urn:epc:id:sgtin:4012345.011111.6789"],
    "action": "OBSERVE",
    "bizStep": "shipping",
    "disposition": "in_transit",
    "readPoint": {"id": "urn:epc:id:sgln:4012345.00025.0"},
}
_BARE = {name: value for name, value in EVENT.items() if name != "@context"}
DOCUMENT: dict[str, Any] = {
    "@context": [CONTEXT],
    "type": "EPCISDocument",
    "schemaVersion": "2.0",
    "creationDate": "2026-11-21T08:00:05.000Z",
    "epcisBody": {"eventList": [_BARE]},
}
ANSWER: dict[str, Any] = {
    "@context": [CONTEXT],
    "type": "EPCISQueryDocument",
    "schemaVersion": "2.0",
    "creationDate": "2026-11-21T08:00:06.000Z",
    "epcisBody": {"queryResults": {"queryName": "SimpleEventQuery", "resultsBody": {"eventList": [_BARE]}}},
}
JOB: dict[str, Any] = {
    "captureID": "6a5d3d6e-8f0e-4b62-9d0a-0c9a4f6b7a10",
    "createdAt": "2026-11-21T08:00:06.000Z",
    "finishedAt": "2026-11-21T08:00:06.031Z",
    "running": False,
    "success": True,
    "captureErrorBehaviour": "rollback",
    "eventCount": 1,
    "errors": [],
}
COLLECTION: dict[str, Any] = {"@context": CONTEXT, "type": "Collection", "member": ["receiving", "inspecting"]}
NAMED: dict[str, Any] = {"name": "received", "query": {"eventType": ["ObjectEvent"], "EQ_bizStep": ["receiving"]}}

PAGING: list[dict[str, Any]] = [
    {
        "name": "perPage",
        "in": "query",
        "description": f"members of a page; more than {MAX_PER_PAGE} are never given",
        "schema": {"type": "integer", "minimum": 1, "default": DEFAULT_PER_PAGE},
    },
    {
        "name": "nextPageToken",
        "in": "query",
        "description": "from the `Link` header of the page before",
        "schema": {"type": "string"},
    },
]
FORMAT: dict[str, Any] = {
    "name": "GS1-EPC-Format",
    "in": "header",
    "description": "how identifiers are written; by default as they were captured",
    "schema": {"type": "string", "enum": list(EpcFormat), "default": EpcFormat.NO_PREFERENCE.value},
}
QUERY: list[dict[str, Any]] = [
    *PAGING,
    FORMAT,
    *(
        {
            "name": name,
            "in": "query",
            "description": "EPCIS 2.0, 8.2.7.1; several values: `a|b`",
            "schema": {"type": "string"},
        }
        for name in NAMES
    ),
]
"""Parameters with fixed names; those that carry the name of an extension, a unit or a type work as well."""


def problems(*codes: str) -> dict[int | str, dict[str, Any]]:
    """Responses that document these problems, with the standard's types."""
    made = documented(*COMMON, *codes)
    for response in made.values():
        for code, example in response["content"][MEDIA_TYPE]["examples"].items():
            if code in EXCEPTIONS:
                example["value"]["type"] = f"epcisException:{EXCEPTIONS[code]}"
    return made


def said(example: Any, description: str, status: int = 200) -> dict[int | str, dict[str, Any]]:
    """The response when all is well."""
    kind = "array" if isinstance(example, list) else "object"
    content = {media: {"schema": {"type": kind}, "example": example} for media in (JSON, JSON_LD)}
    return {status: {"description": description, "content": content}}


def body(example: Any, media_types: tuple[str, ...] = (JSON, JSON_LD)) -> dict[str, Any]:
    """A request body that the route reads itself."""
    content = {media: {"schema": {"type": "object"}, "example": example} for media in media_types}
    return {"required": True, "content": content}


def path_parameters(path: str) -> list[dict[str, Any]]:
    """The parameters in a path, for routes that do not look at them."""
    names = re.findall(r"{(\w+)(?::\w+)?}", path)
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]
