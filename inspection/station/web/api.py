"""The station's JSON API: what the screen shows, and the orders a worker gives."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, model_validator

from inspection.errors import StoreError
from inspection.report import MarkPart
from inspection.station.heat import HeatMaps
from inspection.station.journal import as_json
from inspection.station.orders import Order, OrderKind
from inspection.station.record import InspectionRecord
from inspection.station.snapshot import Snapshot
from inspection.station.station import Station
from inspection.station.web.beside import build_beside
from inspection.station.web.live import LivePictures
from inspection.station.web.pages import Pages
from inspection.station.web.problems import problem
from inspection.station.web.signing_in import build_sign_in
from inspection.station.web.tabs import TAB, Tabs
from inspection.verdict import Disposition

HEARTBEAT_S = 10.0
ORDER_TIMEOUT_S = 10.0
MAX_INSPECTIONS = 10_000
MAX_TYPED = 4096


class Command(BaseModel):
    """One order; ``inspection_id`` is the inspection the worker looked at, and only that one is touched."""

    model_config = ConfigDict(extra="forbid")

    command: Literal["ok", "override", "reason", "recapture", "cancel", "undo", "reprint", "start", "ask", "answer"]
    disposition: Disposition | None = None
    reason_code: Annotated[str, Field(max_length=64)] | None = None
    note: Annotated[str, Field(max_length=500)] = ""
    question: Annotated[str, Field(max_length=32)] | None = None
    answer: Annotated[str, Field(max_length=32)] | None = None
    marks: Annotated[tuple[MarkPart, ...], Field(max_length=20)] = ()
    inspection_id: UUID | None = None

    @model_validator(mode="after")
    def _names_its_inspection(self) -> Command:
        if self.command in ("ok", "override", "reason", "recapture", "undo", "answer") and self.inspection_id is None:
            raise ValueError(f"{self.command} needs the inspection_id it is meant for")
        if self.command == "override" and self.disposition is None:
            raise ValueError("override needs a disposition")
        return self


TabHeader = Annotated[str | None, Header(pattern=TAB)]


class Taking(BaseModel):
    """The window that takes over."""

    model_config = ConfigDict(extra="forbid")

    tab: Annotated[str, Field(pattern=TAB)]


class TypedScan(BaseModel):
    """What a scanner typed into the page, without the Enter or Tab at its end; GS is U+001D."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, Field(min_length=1, max_length=MAX_TYPED)]


def build_api(station: Station, pages: Pages) -> APIRouter:
    """The routes of the API."""
    router, tabs = APIRouter(), Tabs(station.refresh)
    parts = (_state_and_orders(station, tabs), _scans(station, tabs), _books(station), _pictures(station))
    for part in (*parts, build_beside(station, pages), _health(station), _tabs(tabs), build_sign_in(station, tabs)):
        router.include_router(part)

    @router.get("/events")
    async def events(
        panel: Annotated[str, Query(max_length=16)] = "", tab: Annotated[str, Query(pattern=TAB)] = "programme"
    ) -> StreamingResponse:
        """Every new snapshot; with ``panel=<language>`` as the HTML that the page of a window ``tab`` shows."""
        stream = _panels(station, pages, panel, tabs, tab) if panel else _snapshots(station)
        return StreamingResponse(stream, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})

    return router


def _state_and_orders(station: Station, tabs: Tabs) -> APIRouter:
    router, board = APIRouter(), station.parts.board

    @router.get("/api/state")
    async def state() -> Snapshot:
        return board.latest

    @router.post("/api/command")
    async def command(request: Request, body: Command, x_station_tab: TabHeader = None) -> Response:
        if not tabs.may_work(x_station_tab):
            return _viewer(request)
        order = Order(
            OrderKind(body.command),
            station.worker,
            disposition=body.disposition,
            reason_code=body.reason_code,
            note=body.note,
            question=body.question,
            answer=body.answer,
            marks=body.marks,
            inspection_id=body.inspection_id,
        )
        try:
            await asyncio.wait_for(asyncio.wrap_future(station.order(order)), ORDER_TIMEOUT_S)
        except TimeoutError:
            return problem("command.too_slow", "the order was not carried out", request.url.path)
        return JSONResponse(board.latest.model_dump(mode="json"))

    return router


def _scans(station: Station, tabs: Tabs) -> APIRouter:
    router = APIRouter()

    @router.post("/api/scan")
    def scan(request: Request, body: TypedScan, x_station_tab: TabHeader = None) -> Response:
        """Take a scan that was typed into the page; what it leads to comes with the next snapshot."""
        if not tabs.may_work(x_station_tab):
            return _viewer(request)
        if station.keyboard is None:
            return problem(
                "scan.not_allowed",
                "this station takes no typed scans",
                request.url.path,
                hint="add a device with driver barcode.keyboard to its configuration",
            )
        station.keyboard.typed(body.text)
        return JSONResponse({"accepted": True}, status_code=202)

    return router


def _tabs(tabs: Tabs) -> APIRouter:
    router = APIRouter()

    @router.post("/api/tab/take")
    def take(body: Taking) -> dict[str, bool]:
        """This window works the station from now on; the one that did only shows."""
        tabs.take_over(body.tab)
        return {"works": True}

    return router


def _viewer(request: Request) -> Response:
    return problem("tab.viewer", "this window only shows", request.url.path, hint="take over to work here")


def _books(station: Station) -> APIRouter:
    router, journal = APIRouter(), station.parts.journal

    @router.get("/api/inspections")
    def inspections(limit: Annotated[int, Query(ge=1, le=MAX_INSPECTIONS)] = 50) -> dict[str, Any]:
        return {"inspections": as_json(journal.recent(limit))}

    @router.get("/api/queue/dead")
    def dead() -> dict[str, Any]:
        return {
            "dead": [
                {
                    "inspection_id": str(entry.inspection_id),
                    "revision": entry.revision,
                    "attempts": entry.attempts,
                    "error": entry.last_error,
                }
                for entry in journal.dead()
            ]
        }

    @router.post("/api/queue/retry")
    def retry_queue() -> dict[str, int]:
        return {"revived": station.revive_reports()}

    return router


def _pictures(station: Station) -> APIRouter:
    router, live = APIRouter(), LivePictures(station.cameras)
    heat = HeatMaps(station.parts.bench, station.parts.pictures)

    def heat_by(record: InspectionRecord | None) -> HeatMaps:
        """The maps of the judge that judged this item."""
        nonlocal heat
        if record is not None and record.versions is not None:
            bench = station.running.that_judged(record.versions).bench
            heat = heat if heat.bench is bench else HeatMaps(bench, station.parts.pictures)
        return heat

    @router.get("/heat/{sha256}")
    def heat_map(request: Request, sha256: str) -> Response:
        """Where the model looked in a picture of the item on the screen."""
        record = station.parts.journal.last()
        shown = {picture.sha256: picture for picture in record.pictures} if record is not None else {}
        if sha256 not in shown:
            return problem("picture.unknown", "this picture is not of the item on the screen", request.url.path)
        return Response(heat_by(record).jpeg(shown[sha256]), media_type="image/jpeg")

    @router.get("/live/{view}.jpg")
    def live_picture(request: Request, view: str) -> Response:
        data = live.jpeg(view)
        if data is None:
            return problem("view.unknown", "no camera is assigned to this view", request.url.path)
        return Response(data, media_type="image/jpeg")

    @router.get("/pictures/{sha256}")
    def picture(request: Request, sha256: str) -> Response:
        try:
            data = station.parts.pictures.read(sha256)
        except StoreError as error:
            return problem("picture.unknown", str(error), request.url.path)
        headers = {"Cache-Control": "private, max-age=31536000, immutable", "ETag": f'"{sha256}"'}
        return Response(data, media_type="image/jpeg", headers=headers)

    return router


def _health(station: Station) -> APIRouter:
    router = APIRouter()

    @router.get("/healthz")
    async def health() -> JSONResponse:
        alive = station.alive
        return JSONResponse({"status": "ok" if alive else "failed"}, status_code=200 if alive else 503)

    @router.get("/metrics")
    def metrics() -> Response:
        return Response(station.parts.metrics.exposition(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return router


async def _snapshots(station: Station) -> AsyncIterator[str]:
    async for snapshot in station.parts.board.snapshots(HEARTBEAT_S):
        yield ": still here\n\n" if snapshot is None else _event("snapshot", snapshot, snapshot.model_dump_json())


async def _panels(station: Station, pages: Pages, language: str, tabs: Tabs, tab: str) -> AsyncIterator[str]:
    with tabs.open(tab):
        works: bool | None = None
        async for snapshot in station.parts.board.snapshots(HEARTBEAT_S):
            if snapshot is None:
                yield ": still here\n\n"
                continue
            if works is not (works := tabs.may_work(tab)):
                yield _event("role", snapshot, json.dumps({"works": works}))
            yield _event("panel", snapshot, json.dumps({"html": pages.panel(snapshot, language)}, ensure_ascii=False))


def _event(name: str, snapshot: Snapshot, data: str) -> str:
    return f"event: {name}\nid: {snapshot.sequence}\ndata: {data}\n\n"
