"""The frame of every console page: language, navigation by permission, form tokens, headers, and errors as pages.

Another capability adds pages with a router of route class :class:`PageRoute`, answers with :meth:`Shell.page`, and
names its place in :data:`NAVIGATION`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Coroutine
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from jinja2 import Environment, StrictUndefined

from inspection.hub.accounts import cookies
from inspection.hub.accounts.matrix import Permission, may
from inspection.hub.accounts.tokens import Caller
from inspection.hub.console import parts, words
from inspection.hub.console.words import N_
from inspection.hub.problems import Problem
from inspection.languages import TITLES, Languages

STATIC = Path(__file__).parent / "static"
SIGN_IN = "/console/sign-in"
HOME = "/console/account"
LANGUAGE_AGE_S = 365 * 86_400
UNAUTHORIZED, UNPROCESSABLE = 401, 422
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""No script runs in the console, neither inline nor from a file, but for pages that say so."""
WITH_SCRIPT = f"{POLICY}; script-src 'self'; connect-src 'self'"
"""For a page with a script: a file of ours, which talks to this hub only."""
PAGE_HEADERS = {"Content-Security-Policy": POLICY, "Referrer-Policy": "same-origin"}
"""With no referrer at all, browsers send ``Origin: null`` with our own forms (Fetch, 3.2), which we could not tell."""

NAVIGATION: tuple[tuple[str, str, Permission], ...] = (
    ("/console/account", N_("My account"), Permission.SELF),
    ("/console/floor", N_("Stations now"), Permission.STATIONS_READ),
    ("/console/prechecks", N_("Pre-checks"), Permission.PRECHECK_READ),
    ("/console/agreement", N_("Pre-check and station"), Permission.STATS_READ),
    ("/console/staff", N_("Staff"), Permission.STAFF_READ),
    ("/console/stations", N_("Stations"), Permission.STATIONS_READ),
    ("/console/tokens", N_("Tokens"), Permission.TOKENS_READ),
    ("/console/audit", N_("Audit trail"), Permission.AUDIT_READ),
)
"""Pages: path, title, and the permission without which the page is not shown."""
QUALITY_HOME = "/console/quality"
QUALITY: tuple[tuple[str, str, Permission], ...] = (
    ("/console/quality/review", N_("Review"), Permission.REVIEW_LABEL),
    ("/console/quality/datasets", N_("Data versions"), Permission.DATASETS_READ),
    ("/console/quality/training", N_("Training"), Permission.TRAINING_READ),
    ("/console/quality/bundles", N_("Models and rules"), Permission.BUNDLES_READ),
    ("/console/quality/rollouts", N_("Rollouts"), Permission.ROLLOUTS_READ),
    ("/console/quality/drift", N_("Drift"), Permission.DRIFT_READ),
    ("/console/quality/replay", N_("What if"), Permission.REPLAY_READ),
    ("/console/quality/lineage", N_("Origin"), Permission.LINEAGE_READ),
)
"""Pages of the QA loop in the order of the work, all under :data:`QUALITY_HOME`; a second row on each of them."""


class Shell:
    """Templates by language.

    Args:
        default: the language when the browser asks for none of ours.
    """

    def __init__(self, default: str = "en") -> None:
        self.languages = Languages.read(default, *parts.catalogues())
        self._environments = {tag: _environment(self.languages, tag) for tag in self.languages.catalogues}
        self._version = _version()

    def page(
        self, request: Request, template: str, caller: Caller | None = None, *, status: int = 200, **shown: Any
    ) -> Response:
        """A whole page from ``template``, with what it shows."""
        tag = self.language(request, caller)
        secret = cookies.read(request, cookies.SESSION if caller else cookies.FORM) or ""
        quality = [each for each in QUALITY if caller is not None and may(caller.role, each[2])]
        navigation = [each for each in NAVIGATION if caller is not None and may(caller.role, each[2])]
        if quality:
            navigation.insert(1, (QUALITY_HOME, N_("Quality"), quality[0][2]))
        frame = {
            "lang": tag,
            "titles": TITLES,
            "version": self._version,
            "path": request.url.path,
            "again": request.url.path if request.method == "GET" else "/".join(request.url.path.split("/")[:3]),
            "navigation": navigation,
            "quality": quality if request.url.path.startswith(QUALITY_HOME) else [],
            "caller": caller,
            "csrf_token": cookies.csrf_token(secret) if secret else "",
            "words": words,
            "may": lambda permission: caller is not None and may(caller.role, Permission(permission)),
        }
        text = self._environments[tag].get_template(template).render(**frame, **shown)
        response = HTMLResponse(text, status_code=status, headers=PAGE_HEADERS)
        if request.query_params.get("lang") == tag and cookies.is_readable(request):
            cookies.put(request, response, cookies.LANGUAGE, tag, LANGUAGE_AGE_S)
        return response

    def problem(self, request: Request, problem: Problem) -> Response:
        """``problem`` as a page; for who is not signed in, the way to sign in."""
        if problem.status == UNAUTHORIZED and problem.code != "sign_in.failed" and request.method == "GET":
            return RedirectResponse(SIGN_IN, status_code=303)
        message = words.PROBLEMS.get(problem.code, words.PROBLEM_OTHERWISE)
        response = self.page(
            request, "problem.html", getattr(request.state, "caller", None), status=problem.status, message=message
        )
        response.headers.update(problem.headers)
        return response

    def language(self, request: Request, caller: Caller | None) -> str:
        """The tag of the language that a page is shown in."""
        remembered = cookies.read(request, cookies.LANGUAGE) or (caller.language if caller else None)
        return self.languages.choose(
            request.query_params.get("lang"), remembered, request.headers.get("accept-language")
        )


class PageRoute(APIRoute):
    """A route whose problems are pages where a browser asks, and problem+json otherwise."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await inner(request)
            except RequestValidationError:
                problem = Problem("request.invalid", "see the page")
            except Problem as found:
                problem = found
            if "text/html" not in request.headers.get("accept", ""):
                raise problem
            return shell_of(request).problem(request, problem)

        return handle


def shell_of(request: Request) -> Shell:
    """The shell that serves this request."""
    found: Shell = request.app.state.shell
    return found


CurrentShell = Annotated[Shell, Depends(shell_of)]
Fields = Annotated[dict[str, str], Depends(cookies.form)]


def _environment(languages: Languages, tag: str) -> Environment:
    environment = Environment(
        loader=parts.loader(),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_translations(languages.catalogues[tag], newstyle=True)  # type: ignore[attr-defined]
    say = languages.catalogues[tag].gettext
    environment.filters["word"] = lambda code, table: say(table[code]) if code in table else str(code)
    environment.filters["moment"] = _moment
    return environment


def _moment(value: datetime | None) -> str:
    """A moment as every language reads it; UTC, for staff and auditors compare it with logs."""
    return f"{value:%Y-%m-%d %H:%M}" if value else "–"


def _version() -> str:
    """Part of the static files' addresses, so that a new version is never mixed with a cached old one."""
    digest = hashlib.sha256()
    for folder in parts.static_folders():
        for path in sorted(folder.iterdir()):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
