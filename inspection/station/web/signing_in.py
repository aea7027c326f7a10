"""The PIN of a badge, typed at the kiosk."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from inspection.station.station import Station
from inspection.station.web.problems import problem
from inspection.station.web.tabs import TAB, Tabs

TabHeader = Annotated[str | None, Header(pattern=TAB)]


class TypedPin(BaseModel):
    """4 to 12 digits."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    pin: Annotated[SecretStr, Field(min_length=4, max_length=12)]


def build_sign_in(station: Station, tabs: Tabs) -> APIRouter:
    """``/api/sign-in``: only while a badge waits for its PIN."""
    router, desk = APIRouter(), station.parts.sign_in

    @router.post("/api/sign-in")
    def enter(request: Request, body: TypedPin, x_station_tab: TabHeader = None) -> Response:
        """Take the PIN; what becomes of it comes with the next snapshot."""
        if not tabs.may_work(x_station_tab):
            return problem("tab.viewer", "this window only shows", request.url.path, hint="take over to work here")
        if desk is None or not desk.enter(body.pin.get_secret_value()):
            return problem(
                "sign_in.no_badge", "no badge waits for a PIN", request.url.path, hint="show the badge first"
            )
        return JSONResponse({"accepted": True}, status_code=202)

    @router.post("/api/sign-in/cancel")
    def cancel(request: Request, x_station_tab: TabHeader = None) -> Response:
        """Go on without signing in."""
        if not tabs.may_work(x_station_tab):
            return problem("tab.viewer", "this window only shows", request.url.path, hint="take over to work here")
        cancelled = desk is not None and desk.cancel()
        station.refresh()
        return JSONResponse({"cancelled": cancelled})

    return router
