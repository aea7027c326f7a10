"""The technician's page: what is known about each view, and its calibration step by step with live pictures."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Cookie, Header, Query
from fastapi.responses import HTMLResponse, JSONResponse, Response
from pydantic import BaseModel, ConfigDict

from calibration.moves import SENTENCES
from inspection.station.calibration_check import CHECK
from inspection.station.calibration_desk import PAGE_STEPS, Desk
from inspection.station.station import Station
from inspection.station.web import calibration_words
from inspection.station.web.pages import Pages
from inspection.station.web.problems import problem

PAGE = "/calibration"


class Wish(BaseModel):
    """``take``: the person asks for the frame that the camera shows now."""

    model_config = ConfigDict(extra="forbid")

    take: bool = False


class Nothing(BaseModel):
    """An order without particulars."""

    model_config = ConfigDict(extra="forbid")


def build_calibration(station: Station, pages: Pages) -> APIRouter:
    """The page and its orders; without a ``calibration`` section only the answer that there is none."""
    router, desk = APIRouter(), station.parts.desk
    if desk is None:

        @router.get(PAGE)
        def no_page() -> Response:
            return problem(
                "calibration.none",
                "this station is not calibrated",
                PAGE,
                hint="add the section calibration to its configuration",
            )

        return router

    @router.get(PAGE, response_class=HTMLResponse)
    def page(
        view: Annotated[str, Query(max_length=64)] = "",
        part: Annotated[str, Query(max_length=16)] = "",
        asked: Annotated[str | None, Query(alias="lang", max_length=16)] = None,
        remembered: Annotated[str | None, Cookie(alias="lang")] = None,
        accept_language: Annotated[str | None, Header()] = None,
    ) -> HTMLResponse:
        language = pages.languages.choose(asked, remembered, accept_language)
        shown = {**_shown(station, desk, view, part), "moves": _moves(language)}
        return HTMLResponse(pages.render("calibration.html", language, shown))

    router.include_router(_orders(desk))
    return router


def _orders(desk: Desk) -> APIRouter:
    router = APIRouter(prefix="/api/calibration")

    @router.get("")
    def status() -> dict[str, Any]:
        return {"views": [desk.status(view) for view in desk.views]}

    @router.post("/{view}/undo")
    def undo(view: str, _: Nothing) -> dict[str, Any]:
        return desk.undo(view)

    @router.post("/{view}/{part}/look")
    def look(view: str, part: str, wish: Wish) -> dict[str, Any]:
        """Look at the newest frame; for the lens a good one is kept without being asked for."""
        return desk.look(view, part, take=wish.take)

    @router.post("/{view}/{part}/solve")
    def solve(view: str, part: str, _: Nothing) -> dict[str, Any]:
        return desk.solve(view, part)

    @router.post("/{view}/{part}/restart")
    def restart(view: str, part: str, _: Nothing) -> JSONResponse:
        desk.restart(view, part)
        return JSONResponse({"restarted": True})

    return router


def _shown(station: Station, desk: Desk, view: str, part: str) -> dict[str, Any]:
    chosen = view if view in desk.views else desk.views[0]
    status = desk.status(chosen)
    parts = status["parts"]
    undone = next((name for name in PAGE_STEPS if name != CHECK and not parts.get(name, {}).get("usable")), CHECK)
    return {
        "station_id": station.parts.station_id,
        "views": desk.views,
        "view": chosen,
        "part": part if part in PAGE_STEPS else undone,
        "steps": PAGE_STEPS,
        "status": status,
        "newest": max(parts, key=lambda name: parts[name]["at"], default=""),
        "said": calibration_words,
    }


def _moves(language: str) -> dict[str, str]:
    """What moved and what to do about it, in the reader's language."""
    return {code: texts.get(language, texts["en"]) for code, texts in SENTENCES.items()}
