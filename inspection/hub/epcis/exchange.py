"""What every EPCIS request and answer has: version headers, media types, and problems by the standard's names.

Source: EPCIS 2.0, chapter 12 (REST bindings).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from inspection import __version__
from inspection.epcis import NAMESPACES
from inspection.hub.accounts.roles import Permission, allowed
from inspection.hub.accounts.tokens import Caller
from inspection.hub.epcis.formats import EpcFormat
from inspection.hub.problems import Problem, faults
from inspection.hub.requests import body, parse_json

VERSION = "2.0.0"
JSON_LD = "application/ld+json"
JSON = "application/json"
MAX_URL_QUERY = 16_000

Querier = Annotated[Caller, Depends(allowed(Permission.EPCIS_READ))]
Capturer = Annotated[Caller, Depends(allowed(Permission.EPCIS_CAPTURE))]
"""Those who may query, and who may capture and keep queries; a station reports verdicts and does neither."""

EXCEPTIONS: Mapping[str, str] = {
    "request.not_json": "ValidationException",
    "request.truncated": "ValidationException",
    "epcis.invalid": "ValidationException",
    "epcis.query": "QueryParameterException",
    "epcis.unknown": "NoSuchResourceException",
    "epcis.not_acceptable": "NotAcceptableException",
    "epcis.exists": "ResourceAlreadyExistsException",
    "epcis.capture_limit": "CaptureLimitExceededException",
    "epcis.result_too_large": "QueryTooLargeException",
    "epcis.uri_too_long": "URITooLongException",
    "request.too_large": "CaptureLimitExceededException",
    "request.media_type": "UnsupportedMediaTypeException",
    "token.missing": "SecurityException",
    "token.invalid": "SecurityException",
    "token.scope": "SecurityException",
    "internal": "ImplementationException",
}
"""The standard's name of each problem; ``type`` is ``epcisException:<name>``."""

_VERSION = re.compile(r"\A\d{1,4}(\.\d{1,4}){0,3}\Z")


class EpcisRoute(APIRoute):
    """A route whose problems carry the standard's types, and whose answers carry its version headers."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                check_versions(request)
                response = await inner(request)
            except RequestValidationError as error:
                raise named(Problem("epcis.query", "see errors", errors=faults(error))) from None
            except Problem as problem:
                raise named(problem) from None
            for name, value in version_headers().items():
                response.headers.setdefault(name, value)
            return response

        return handle


def named(problem: Problem) -> Problem:
    """``problem`` with the standard's ``type``."""
    exception = EXCEPTIONS.get(problem.code)
    if exception is not None:
        problem.members.setdefault("type", f"epcisException:{exception}")
    problem.headers |= version_headers()
    return problem


def version_headers() -> dict[str, str]:
    """Versions and extensions that every answer says; the extensions are those of our own events."""
    return {
        "GS1-EPCIS-Version": VERSION,
        "GS1-CBV-Version": VERSION,
        "GS1-Extensions": ", ".join(f"{prefix}={namespace}" for prefix, namespace in NAMESPACES.items()),
    }


def discovery_headers(methods: str) -> dict[str, str]:
    """What ``OPTIONS`` says of a resource."""
    return {
        "Allow": methods,
        **version_headers(),
        **dict.fromkeys(("GS1-EPCIS-Min", "GS1-EPCIS-Max", "GS1-CBV-Min", "GS1-CBV-Max"), VERSION),
        "GS1-EPC-Format": ", ".join(EpcFormat),
        "GS1-CBV-XML-Format": "Never_Translates",
        "GS1-Vendor-Version": __version__,
    }


def check_versions(request: Request) -> None:
    """Refuse what we cannot speak: versions other than 2.x, and answers other than JSON.

    Raises:
        Problem: ``epcis.not_acceptable``, ``epcis.uri_too_long``.
    """
    if len(request.url.query) > MAX_URL_QUERY:
        raise Problem("epcis.uri_too_long", f"at most {MAX_URL_QUERY} characters; use a named query instead")
    for name in ("EPCIS", "CBV"):
        for part, fits in (("Version", _equal), ("Min", _at_most), ("Max", _at_least)):
            given = request.headers.get(f"gs1-{name}-{part}".lower())
            if given is not None and not (_VERSION.match(given) and fits(_parts(given))):
                raise Problem("epcis.not_acceptable", f"GS1-{name}-{part}: this repository speaks {VERSION}")
    accepted = request.headers.get("accept", "*/*")
    if not any(_ranges(accepted, media) for media in (JSON_LD, JSON)):
        raise Problem("epcis.not_acceptable", f"Accept: {JSON_LD} or {JSON}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """How an answer is to be written."""

    epc_format: EpcFormat
    media_type: str
    context: dict[str, str] | None


def wanted(request: Request) -> Wanted:
    """What the headers of a request ask for; without ``GS1-EPC-Format`` identifiers stay as they were captured.

    Raises:
        Problem: ``epcis.not_acceptable``.
    """
    given = request.headers.get("gs1-epc-format", EpcFormat.NO_PREFERENCE.value)
    try:
        epc_format = EpcFormat(given.strip())
    except ValueError:
        choices = ", ".join(EpcFormat)
        raise Problem("epcis.not_acceptable", f"GS1-EPC-Format: expected one of {choices}") from None
    ld = _ranges(request.headers.get("accept", ""), JSON_LD, exactly=True)
    return Wanted(epc_format, JSON_LD if ld else JSON, _extensions(request.headers.get("gs1-extensions")))


def answer(
    value: Any, request: Request, *, media_type: str = JSON, status: int = 200, link: tuple[str, datetime] | None = None
) -> Response:
    """``value`` as JSON; ``link`` is the token of the next page and when it expires."""
    response = Response(json.dumps(value, ensure_ascii=False), status_code=status, media_type=media_type)
    if link is not None:
        token, expires = link
        url = request.url.include_query_params(nextPageToken=token)
        response.headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
        response.headers["GS1-Next-Page-Token-Expires"] = expires.isoformat().replace("+00:00", "Z")
    return response


async def ld_body(request: Request, limit: int) -> Any:
    """The JSON value of a body.

    Raises:
        Problem: ``request.media_type``, ``request.too_large``, ``request.not_json``, ``request.truncated``.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in {JSON, JSON_LD}:
        raise Problem("request.media_type", f"send Content-Type: {JSON} or {JSON_LD}")
    _, value = parse_json(await body(request, limit))
    return value


def _extensions(header: str | None) -> dict[str, str] | None:
    if header is None:
        return None
    pairs = (part.partition("=") for part in header.split(","))
    found = {prefix.strip(): namespace.strip() for prefix, equals, namespace in pairs if equals}
    return found or None


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _equal(version: tuple[int, ...]) -> bool:
    return version[0] == _parts(VERSION)[0]


def _at_most(version: tuple[int, ...]) -> bool:
    return version <= _parts(VERSION)


def _at_least(version: tuple[int, ...]) -> bool:
    return (*version, 0, 0)[: len(_parts(VERSION))] >= _parts(VERSION)


def _ranges(header: str, media_type: str, *, exactly: bool = False) -> bool:
    wild = set() if exactly else {"*/*", "application/*", ""}
    offered = {part.partition(";")[0].strip().lower() for part in header.split(",")}
    return media_type in offered or bool(offered & wild)
