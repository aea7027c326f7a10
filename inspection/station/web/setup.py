"""The technician's page: devices and cameras with what they say now, their places, the way to the hub, a test label."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Cookie, Depends, Header, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from inspection.station.setup import roles
from inspection.station.setup.access import SESSION_S, SetupLocked
from inspection.station.setup.desk import SetupDesk
from inspection.station.setup.roles import Wanted
from inspection.station.web import calibration_words, setup_words
from inspection.station.web.pages import Pages

PAGE = "/setup"
COOKIE = "setup"
Session = Annotated[str | None, Cookie(alias=COOKIE, max_length=64)]
Name = Annotated[str, Field(min_length=1, max_length=255)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Order(BaseModel):
    """Base of the orders; ``seen`` is the digest of the configuration that the person looked at."""

    model_config = ConfigDict(extra="forbid")


class Pin(Order):
    """A PIN, to get in or to be the PIN from now on."""

    pin: Annotated[str, Field(max_length=64)]


class Assignment(Order):
    """A device for the configuration."""

    device: Wanted
    seen: Digest | None = None


class Viewing(Order):
    """A camera, by its id or the place it was found at, for a view."""

    camera: Name
    view: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    seen: Digest | None = None


class Naming(Order):
    """One device, camera or port."""

    name: Name
    seen: Digest | None = None


class Nothing(Order):
    """An order without particulars."""


def build_setup(desk: SetupDesk, pages: Pages) -> APIRouter:
    """The page and its orders; without the badge or the PIN only the way in."""
    router = APIRouter()

    def client_may(request: Request, session: str | None) -> bool:
        return desk.access.open_to(session, request.client.host if request.client else None)

    def only_technicians(request: Request, session: Session = None) -> None:
        if not client_may(request, session):
            raise SetupLocked("only a technician may do this", hint="show a technician's badge or type the PIN")

    @router.get(PAGE, response_class=HTMLResponse)
    def page(
        request: Request,
        session: Session = None,
        asked: Annotated[str | None, Query(alias="lang", max_length=16)] = None,
        remembered: Annotated[str | None, Cookie(alias="lang")] = None,
        accept_language: Annotated[str | None, Header()] = None,
    ) -> HTMLResponse:
        language = pages.languages.choose(asked, remembered, accept_language)
        if not client_may(request, session):
            shown = {"station_id": desk.running.station_id, "pin": desk.access.pin.is_set, "said": setup_words}
            return HTMLResponse(pages.render("setup_lock.html", language, shown), status_code=403)
        return HTMLResponse(pages.render("setup.html", language, _shown(desk)))

    @router.get(f"{PAGE}/panel", response_class=HTMLResponse, dependencies=[Depends(only_technicians)])
    def panel(lang: Annotated[str, Query(max_length=16)] = "") -> HTMLResponse:
        """The part of the page that follows the station."""
        return HTMLResponse(pages.render("setup_panel.html", lang, _shown(desk)))

    @router.get("/api/setup/access")
    def access(request: Request, session: Session = None) -> dict[str, bool]:
        return {"open": client_may(request, session), "pin": desk.access.pin.is_set}

    @router.post("/api/setup/unlock")
    def unlock(body: Pin) -> Response:
        return _with_session(desk.access.unlock(body.pin))

    router.include_router(_orders(desk), prefix="/api/setup", dependencies=[Depends(only_technicians)])
    router.include_router(_trials(desk), prefix="/api/setup", dependencies=[Depends(only_technicians)])
    return router


def _orders(desk: SetupDesk) -> APIRouter:
    router = APIRouter()

    @router.get("")
    def status() -> dict[str, Any]:
        return desk.status()

    @router.post("/lock")
    def lock(_: Nothing, session: Session = None) -> dict[str, bool]:
        desk.access.lock(session)
        return {"locked": True}

    @router.post("/pin")
    def pin(body: Pin) -> Response:
        """From now on this PIN lets technicians in, and whoever set it is in."""
        desk.access.pin.set(body.pin)
        return _with_session(desk.access.begin())

    @router.post("/device")
    def device(body: Assignment) -> dict[str, bool]:
        desk.assign(body.device, seen=body.seen)
        return {"saved": True}

    @router.post("/view")
    def view(body: Viewing) -> dict[str, bool]:
        desk.assign_view(body.camera, body.view, seen=body.seen)
        return {"saved": True}

    @router.post("/remove")
    def remove(body: Naming) -> dict[str, bool]:
        desk.remove(body.name, seen=body.seen)
        return {"saved": True}

    @router.post("/undo")
    def undo(_: Nothing) -> dict[str, bool]:
        desk.undo()
        return {"undone": True}

    @router.post("/restart")
    def restart(_: Nothing) -> JSONResponse:
        desk.restart()
        return JSONResponse({"restarting": True}, status_code=202)

    return router


def _trials(desk: SetupDesk) -> APIRouter:
    router = APIRouter()

    @router.post("/test")
    def test(body: Assignment) -> JSONResponse:
        """Try a device as it would be configured; how it goes is in the status."""
        desk.test(body.device)
        return JSONResponse({"started": True}, status_code=202)

    @router.post("/probe")
    def probe(body: Naming) -> JSONResponse:
        desk.trials.probe(body.name)
        return JSONResponse({"started": True}, status_code=202)

    @router.post("/record")
    def record(body: Naming) -> JSONResponse:
        desk.record(body.name)
        return JSONResponse({"started": True}, status_code=202)

    @router.post("/label")
    def label(_: Nothing) -> dict[str, bool]:
        desk.print_label()
        return {"printed": True}

    @router.post("/checks")
    def checks(_: Nothing) -> dict[str, Any]:
        return {"checks": [finding.as_json() for finding in desk.checks()]}

    @router.get("/support")
    def support() -> Response:
        """The support bundle: nothing in it is about people or goods."""
        name = f"support-{desk.running.station_id}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.zip"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(desk.support(), media_type="application/zip", headers=headers)

    @router.get("/picture")
    def picture(place: Annotated[str, Query(min_length=1, max_length=255)]) -> Response:
        """One picture of a camera that was found and that no view has."""
        return Response(desk.look(place), media_type="image/jpeg")

    return router


def _shown(desk: SetupDesk) -> dict[str, Any]:
    return {
        "status": desk.status(),
        "said": setup_words,
        "calibration_said": calibration_words,
        "drivers": {role: roles.drivers_of(role) for role in roles.ROLES},
        "place_fields": {driver: roles.place_field(driver) for driver in roles.DRIVERS},
        "speeds": {driver: roles.usual_baudrate(driver) or "" for driver in roles.DRIVERS},
    }


def _with_session(session: str) -> Response:
    response = JSONResponse({"open": True})
    response.set_cookie(COOKIE, session, max_age=int(SESSION_S), httponly=True, samesite="strict")
    return response
