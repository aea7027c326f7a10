"""Errors of the station's API as problem+json (RFC 9457), each with a stable ``code``."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from inspection.errors import InspectionError

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "https://returns-inspection.example/problems/"
TITLES: Mapping[str, tuple[int, str]] = {
    "request.host": (421, "This host name is not served"),
    "request.cross_site": (403, "Requests from other sites are refused"),
    "request.media_type": (415, "The body has the wrong media type"),
    "request.too_large": (413, "The body is too large"),
    "request.invalid": (422, "The request does not fit"),
    "http.not_found": (404, "There is no such resource"),
    "http.method_not_allowed": (405, "The resource does not know this method"),
    "picture.unknown": (404, "No such picture"),
    "view.unknown": (404, "No such view"),
    "command.not_possible": (409, "Not possible in this state"),
    "command.other_inspection": (409, "Another inspection is on the table"),
    "command.unknown_reason": (422, "The reason is not configured"),
    "command.not_answered": (409, "A question must be answered first"),
    "command.unknown_answer": (422, "The question has no such answer"),
    "command.too_late": (409, "The decision cannot be taken back any more"),
    "sign_in.no_badge": (409, "No badge waits for a PIN"),
    "tab.viewer": (409, "Another window works the station"),
    "sample.unreadable": (404, "The good sample cannot be shown"),
    "heat.none": (404, "There is no map to show"),
    "command.too_slow": (503, "The station is busy"),
    "calibration.none": (404, "This station has no calibration"),
    "calibration.unknown_view": (404, "No such view"),
    "calibration.unknown_part": (404, "No such part"),
    "config.invalid": (409, "The configuration cannot be used"),
    "recording.invalid": (503, "The recording cannot be written"),
    "setup.locked": (403, "Only a technician may do this"),
    "setup.wrong_pin": (403, "This is not the PIN"),
    "setup.too_many_tries": (429, "Too many wrong PINs"),
    "setup.unfit_pin": (422, "This is no PIN"),
    "setup.no_file": (409, "There is no configuration file"),
    "setup.changed_elsewhere": (409, "The configuration was changed elsewhere"),
    "setup.nothing_to_undo": (409, "There is nothing to undo"),
    "setup.refused": (422, "The station could not start with it"),
    "setup.trial_running": (409, "Another trial is going on"),
    "setup.no_printer": (409, "There is no label printer"),
    "setup.not_printed": (503, "The test label did not come out"),
    "scan.not_allowed": (409, "No keyboard scanner is configured"),
    "scan.refused": (422, "This is no scan that can be taken"),
    "scan.separators_lost": (422, "The code lost its separators on the keyboard"),
    "scan.too_many": (429, "Too many scans within a second"),
    "camera.stale": (503, "The camera has no young picture"),
    "camera.moves": (503, "The camera sees something move"),
    "device.lost": (503, "The camera is not connected"),
    "journal.failed": (503, "The journal cannot be written"),
    "store.failed": (503, "Pictures cannot be stored"),
}


def problem(code: str, detail: str, instance: str, *, hint: str = "") -> JSONResponse:
    """The response for ``code``; a code without a title of its own is the station's fault, 500."""
    otherwise = (
        (409, "This cannot be calibrated so") if code.startswith("calibration.") else (500, "The station failed")
    )
    status, title = TITLES.get(code, otherwise)
    body = {
        "type": TYPE_PREFIX + code,
        "title": title,
        "status": status,
        "code": code,
        "detail": detail,
        "instance": instance,
    }
    return JSONResponse(body | ({"hint": hint} if hint else {}), status_code=status, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Let every error of ``app`` be answered in this form."""

    def ours(request: Request, error: Exception) -> JSONResponse:
        code = error.code if isinstance(error, InspectionError) else "internal"
        hint = error.hint if isinstance(error, InspectionError) else ""
        return problem(code, str(error), request.url.path, hint=hint)

    def invalid(request: Request, error: Exception) -> JSONResponse:
        faults = error.errors() if isinstance(error, RequestValidationError) else []
        told = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults[:5])
        return problem("request.invalid", told, request.url.path)

    def http(request: Request, error: Exception) -> JSONResponse:
        status = error.status_code if isinstance(error, HTTPException) else 500
        code = {404: "http.not_found", 405: "http.method_not_allowed"}.get(status, "request.invalid")
        response = problem(code, str(getattr(error, "detail", "")), request.url.path)
        response.headers.update(getattr(error, "headers", None) or {})
        return response

    app.add_exception_handler(InspectionError, ours)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
