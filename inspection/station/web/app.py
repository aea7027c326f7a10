"""Puts the screen together: page, API, static files, and the guard before them all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from fastapi import Cookie, FastAPI, Header, Query
from fastapi.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

from inspection import __version__
from inspection.station.setup.desk import SetupDesk
from inspection.station.station import Station
from inspection.station.web import problems
from inspection.station.web.api import build_api
from inspection.station.web.calibration import build_calibration
from inspection.station.web.guard import Guard
from inspection.station.web.languages import Languages
from inspection.station.web.pages import STATIC, Pages
from inspection.station.web.setup import build_setup
from inspection.station.web.shift import build_shift

LOOPBACK = ("127.0.0.1", "localhost", "::1")
COOKIE = "lang"
A_YEAR_S = 31_536_000


def build_app(
    station: Station, languages: Languages, allowed_hosts: Iterable[str], setup: SetupDesk | None = None
) -> Guard:
    """The screen of ``station`` as an ASGI application.

    Args:
        allowed_hosts: names under which the page may be asked for besides the loopback ones.
        setup: where the technician sets the station up; without it there is no such page.
    """
    app = FastAPI(title="Inspection station", version=__version__, docs_url=None, redoc_url=None, openapi_url=None)
    pages = Pages(languages, calibrates=station.parts.desk is not None)
    problems.install(app)
    app.include_router(build_api(station, pages))
    app.include_router(build_calibration(station, pages))
    app.include_router(build_shift(station, pages))
    if setup is not None:
        app.include_router(build_setup(setup, pages))
    app.mount("/static", StaticFiles(directory=STATIC), name="static")

    @app.get("/", response_class=HTMLResponse)
    def page(
        asked: Annotated[str | None, Query(alias="lang", max_length=16)] = None,
        remembered: Annotated[str | None, Cookie(alias=COOKIE)] = None,
        accept_language: Annotated[str | None, Header()] = None,
    ) -> HTMLResponse:
        language = languages.choose(asked, remembered, accept_language)
        response = HTMLResponse(pages.page(station.parts.board.latest, language))
        if asked in languages.catalogues:
            response.set_cookie(COOKIE, language, max_age=A_YEAR_S, httponly=True, samesite="strict")
        return response

    return Guard(app, {*LOOPBACK, *allowed_hosts})
