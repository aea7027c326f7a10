"""The frame of the customer's pages: language, headers, and problems as pages."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Coroutine
from functools import cached_property
from pathlib import Path
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy.exc import OperationalError

from inspection.hub.precheck.messages import PERSON
from inspection.hub.precheck.page import words
from inspection.hub.problems import Problem
from inspection.languages import TITLES, Languages

HERE = Path(__file__).parent
STATIC = HERE / "static"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""Nothing from elsewhere, and nothing inline: the link in the address is told to nobody."""
PAGE_HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "X-Robots-Tag": "noindex",
}


class Frame:
    """Templates by language."""

    @cached_property
    def languages(self) -> Languages:
        """The catalogues."""
        return Languages.read("zh-CN", HERE / "locale")

    @cached_property
    def version(self) -> str:
        """Part of the static files' addresses, so that a new version is never mixed with a cached old one."""
        digest = hashlib.sha256()
        for path in sorted(STATIC.iterdir()):
            digest.update(path.read_bytes())
        return digest.hexdigest()[:12]

    @cached_property
    def _environments(self) -> dict[str, Environment]:
        return {tag: _environment(self.languages, tag) for tag in self.languages.catalogues}

    def language(self, request: Request, remembered: str | None = None) -> str:
        """The language of this request: asked for, else remembered with the case, else the browser's."""
        asked = request.query_params.get("lang")
        return self.languages.choose(asked, remembered, request.headers.get("accept-language"))

    def say(self, language: str, message: str) -> str:
        """One message in ``language``."""
        return self.languages.catalogues[language].gettext(message)

    def page(self, template: str, language: str, *, status: int = 200, **shown: Any) -> Response:
        """A whole page, or a part of one."""
        frame = {
            "lang": language,
            "titles": TITLES,
            "version": self.version,
            "words": words,
            "person": PERSON[language],
        }
        text = self._environments[language].get_template(template).render(**frame, **shown)
        return HTMLResponse(text, status_code=status, headers=PAGE_HEADERS)

    def problem(self, request: Request, problem: Problem) -> Response:
        """``problem`` as a page."""
        message = words.PROBLEMS.get(problem.code, words.PROBLEM_OTHERWISE)
        response = self.page("problem.html", self.language(request), status=problem.status, message=message)
        response.headers.update(problem.headers)
        return response


FRAME = Frame()


class PageRoute(APIRoute):
    """A route whose problems are pages where a browser asks for one, and problem+json otherwise."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await inner(request)
            except RequestValidationError:
                problem = Problem("request.invalid", "see the page")
            except OperationalError:
                problem = Problem("database.unavailable", "try again in a moment")
            except Problem as found:
                problem = found
            if "text/html" not in request.headers.get("accept", ""):
                raise problem
            return FRAME.problem(request, problem)

        return handle


def _environment(languages: Languages, tag: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_translations(languages.catalogues[tag], newstyle=True)  # type: ignore[attr-defined]
    say = languages.catalogues[tag].gettext
    environment.filters["word"] = lambda code, table: say(table[code]) if code in table else str(code)
    return environment
