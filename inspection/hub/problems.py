"""What can go wrong with a request: every error of the API is problem+json (RFC 9457) with a stable code.

A problem's ``type`` is ``https://returns-inspection.example/problems/<code>``; programs compare ``code``.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import sqlalchemy as sa
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, Field, ValidationError
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "https://returns-inspection.example/problems/"
RETRY_AFTER_S = "5"

PROBLEMS: Mapping[str, tuple[int, str]] = {
    "request.not_json": (400, "The body is not JSON"),
    "request.truncated": (400, "The body ended early"),
    "request.cursor": (400, "The cursor is not one of ours"),
    "epcis.invalid": (400, "Not valid EPCIS 2.0"),
    "epcis.query": (400, "Not a query of EPCIS 2.0"),
    "token.missing": (401, "A token is needed"),
    "token.invalid": (401, "The token is not valid"),
    "sign_in.failed": (401, "This does not sign anybody in"),
    "token.scope": (403, "The token does not allow this"),
    "sign_in.transport": (403, "Signing in needs an encrypted connection"),
    "session.csrf": (403, "The request does not come from a page of this hub"),
    "enrolment.refused": (403, "The code does not enrol"),
    "station.mismatch": (403, "The token belongs to another station"),
    "gate.person": (403, "Another person decides this"),
    "http.not_found": (404, "There is no such resource"),
    "inspection.unknown": (404, "No such inspection"),
    "return.unknown": (404, "No such return"),
    "image.unknown": (404, "No such picture"),
    "erasure.unknown": (404, "No such erasure"),
    "hold.unknown": (404, "No such legal hold"),
    "evidence.unknown": (404, "The ledger has no such thing"),
    "epcis.unknown": (404, "No such EPCIS resource"),
    "staff.unknown": (404, "No such member of staff"),
    "station.unknown": (404, "No such station"),
    "token.unknown": (404, "No such token"),
    "session.unknown": (404, "No such session"),
    "connector.unknown": (404, "No such destination"),
    "delivery.unknown": (404, "No such delivery"),
    "precheck.unknown": (404, "This opens no case"),
    "precheck.not_found": (404, "No such pre-check"),
    "upload.unknown": (404, "No such upload"),
    "replay.unknown": (404, "No such replay"),
    "drift.unknown": (404, "No such alarm"),
    "job.unknown": (404, "No such parked job"),
    "dataset.unknown": (404, "No such data version"),
    "training.unknown": (404, "No such training"),
    "bundle.unknown": (404, "No such bundle"),
    "gate.unknown": (404, "No such gate"),
    "rollout.unknown": (404, "No such rollout"),
    "review.unknown": (404, "Nothing to review has this id"),
    "review.unknown_label": (404, "No such label of yours"),
    "http.method_not_allowed": (405, "The resource does not know this method"),
    "epcis.not_acceptable": (406, "EPCIS 2.0 in JSON is all there is"),
    "inspection.exists": (409, "This revision is already there"),
    "inspection.conflict": (409, "Another report has this id and revision"),
    "return.conflict": (409, "Another return has this RMA number"),
    "epcis.exists": (409, "An EPCIS resource of this name is already there"),
    "person.held": (409, "A legal hold keeps this case"),
    "image.offset": (409, "The upload goes on elsewhere"),
    "staff.conflict": (409, "Another member of staff has this"),
    "staff.last_admin": (409, "Somebody must stay administrator"),
    "credential.replaced": (409, "The credential was replaced already"),
    "credential.fixed": (409, "This token is not one that rotates"),
    "precheck.changed": (409, "The case has changed meanwhile"),
    "precheck.decided": (409, "A person has decided this case"),
    "upload.offset": (409, "The upload goes on elsewhere"),
    "upload.whole": (409, "The upload is whole already"),
    "replay.over": (409, "The replay has ended"),
    "drift.closed": (409, "The alarm is closed"),
    "review.leased": (409, "Another person is looking at this picture"),
    "review.labelled": (409, "This picture is labelled"),
    "review.settled": (409, "It was decided otherwise"),
    "review.own": (409, "Somebody else must decide"),
    "review.undisputed": (409, "There is nothing to decide"),
    "rollout.running": (409, "Another rollout is under way"),
    "rollout.over": (409, "The rollout is over"),
    "rollout.champion": (409, "It runs everywhere already"),
    "precheck.expired": (410, "The link is over"),
    "image.erased": (410, "The picture was erased"),
    "training.over": (409, "The training has ended"),
    "training.nothing_to_refresh": (409, "There is nothing to refresh"),
    "request.too_large": (413, "The body is too large"),
    "epcis.capture_limit": (413, "Too many events at once"),
    "epcis.result_too_large": (413, "The query finds more events than it allows"),
    "epcis.uri_too_long": (414, "The query is too long for a URL"),
    "request.media_type": (415, "The body has the wrong media type"),
    "bundle.range": (416, "The bundle has no such bytes"),
    "request.invalid": (422, "The request does not fit"),
    "inspection.evidence_mismatch": (422, "The evidence hash does not match the report"),
    "inspection.signature": (422, "The station's signature does not verify"),
    "returns.unreadable": (422, "The file is not a list of returns"),
    "returns.bad_lines": (422, "Some lines cannot be taken"),
    "item.ambiguous": (422, "Name one item"),
    "replay.nothing_asked": (422, "Nothing is asked"),
    "replay.rules": (422, "The rules have a mistake"),
    "replay.no_model": (422, "This is no model"),
    "replay.empty": (422, "There is nothing to replay"),
    "item.not_an_identity": (422, "No item is named by this"),
    "evidence.signature": (422, "The cosignature does not verify"),
    "rollout.refused": (422, "This may not be rolled out"),
    "image.hash_mismatch": (422, "The bytes do not have this hash"),
    "image.not_a_picture": (422, "The bytes are neither JPEG nor PNG"),
    "dataset.refused": (422, "This makes no data version"),
    "bundle.refused": (422, "This cannot be published"),
    "gate.refused": (422, "The gate cannot be asked this"),
    "upload.checksum": (422, "The bytes are not those that were sent"),
    "precheck.quota": (429, "Too much was sent"),
    "rate.limited": (429, "Too many requests"),
    "sign_in.locked": (429, "Too many attempts"),
    "internal": (500, "The hub failed"),
    "database.unavailable": (503, "The database does not answer"),
    "evidence.pending": (503, "The evidence is not sequenced yet"),
    "store.unavailable": (503, "The picture store does not answer"),
    "store.full": (507, "The picture store is full"),
}


class Fault(BaseModel):
    """One thing that does not fit."""

    pointer: str = Field(description="JSON pointer (RFC 6901) to the place, or the parameter's name")
    message: str


class ProblemDetails(BaseModel):
    """Body of every error (RFC 9457). Some codes carry further members."""

    type: str = Field(examples=[f"{TYPE_PREFIX}token.missing"])
    title: str
    status: int
    code: str = Field(description="stable; compare this")
    detail: str
    instance: str = Field(description="the path that was asked for")
    request_id: str = Field(description="name this when you ask for help")
    errors: list[Fault] | None = None


class Problem(Exception):
    """Raised anywhere below a route; becomes the response.

    Args:
        code: one of :data:`PROBLEMS`.
        detail: what happened this time, for a person; no secret, no personal data.
        headers: further response headers.
        members: further members of the body.
    """

    def __init__(self, code: str, detail: str, *, headers: Mapping[str, str] | None = None, **members: Any) -> None:
        super().__init__(detail)
        self.code = code
        self.status, self.title = PROBLEMS[code]
        self.detail = detail
        self.headers = dict(headers or {})
        if self.status == HTTPStatus.UNAUTHORIZED:
            error = "" if code == "token.missing" else ', error="invalid_token"'
            self.headers["WWW-Authenticate"] = f'Bearer realm="hub"{error}'
        if self.status == HTTPStatus.SERVICE_UNAVAILABLE:
            self.headers["Retry-After"] = RETRY_AFTER_S
        self.members = members


def problem_response(request: Request, problem: Problem) -> JSONResponse:
    """The response that says ``problem``."""
    body = {
        "type": TYPE_PREFIX + problem.code,
        "title": problem.title,
        "status": problem.status,
        "code": problem.code,
        "detail": problem.detail,
        "instance": request.url.path,
        "request_id": getattr(request.state, "request_id", ""),
        **problem.members,
    }
    return JSONResponse(body, status_code=problem.status, headers=problem.headers, media_type=MEDIA_TYPE)


def faults(error: ValidationError | RequestValidationError) -> list[dict[str, str]]:
    """What does not fit and where; never the value, which may be personal."""
    found = error.errors()
    return [{"pointer": "/" + "/".join(map(str, fault["loc"])), "message": str(fault["msg"])} for fault in found[:50]]


def install(app: FastAPI) -> None:
    """Let every error of ``app`` be answered in this form."""

    def said(request: Request, error: Exception) -> JSONResponse:
        problem = _as_problem(error)
        if problem.code == "http.method_not_allowed":
            problem.headers["Allow"] = ", ".join(sorted(methods_of(app, request.url.path))) or "GET"
        return problem_response(request, problem)

    for kind in (Problem, RequestValidationError, HTTPException, sa.exc.DBAPIError, sa.exc.TimeoutError):
        app.add_exception_handler(kind, said)


def methods_of(app: FastAPI, path: str) -> set[str]:
    """Every method that some route takes at ``path``; a single route knows its own only (RFC 9110, 10.2.1)."""
    found: set[str] = set()
    for context in iter_route_contexts(app.routes):
        if context.methods and compile_path(str(context.path))[0].match(path):
            found |= set(context.methods)
    return found


def _as_problem(error: Exception) -> Problem:
    match error:
        case Problem():
            return error
        case RequestValidationError():
            return Problem("request.invalid", "see errors", errors=faults(error))
        case HTTPException(status_code=HTTPStatus.NOT_FOUND):
            return Problem("http.not_found", "nothing is served at this path")
        case HTTPException(status_code=HTTPStatus.METHOD_NOT_ALLOWED):
            return Problem("http.method_not_allowed", "see the Allow header", headers=error.headers)
        case sa.exc.TimeoutError() | sa.exc.OperationalError() | sa.exc.InterfaceError():
            structlog.get_logger().error("database_unavailable", error=type(error).__name__)
            return Problem("database.unavailable", "try again in a moment; nothing was stored")
    raise error


def documented(*codes: str) -> dict[int | str, dict[str, Any]]:
    """OpenAPI ``responses`` that document these problems, grouped by status."""
    grouped: dict[int | str, dict[str, Any]] = {}
    for code in codes:
        status, title = PROBLEMS[code]
        response = grouped.setdefault(
            status,
            {
                "description": "",
                "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}, "examples": {}}},
            },
        )
        response["description"] = f"{response['description']}; {title}".lstrip("; ")
        response["content"][MEDIA_TYPE]["examples"][code] = {
            "summary": title,
            "value": {"type": TYPE_PREFIX + code, "title": title, "status": status, "code": code},
        }
    return grouped
