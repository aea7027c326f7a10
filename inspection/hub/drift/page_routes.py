"""``/console/quality/drift``: alarms with pictures and proposals, how every figure stands, and trends by day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import RedirectResponse

from inspection.drifting import Kind
from inspection.hub.accounts.roles import Permission, allowed
from inspection.hub.accounts.tokens import Caller
from inspection.hub.console.shell import CurrentShell, Fields, PageRoute
from inspection.hub.drift import reading, routes
from inspection.hub.drift.figures import FIGURES
from inspection.hub.drift.pages import words as codes
from inspection.hub.drift.schemas import Alarm, StreamStanding, Trend
from inspection.hub.hub import CurrentHub
from inspection.hub.images import routes as image_routes
from inspection.hub.requests import unspoiled

router = APIRouter(prefix="/console/quality/drift", route_class=PageRoute, include_in_schema=False)
Reader = Annotated[Caller, Depends(allowed(Permission.DRIFT_READ))]
Manager = Annotated[Caller, Depends(allowed(Permission.DRIFT_MANAGE))]
Hash = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]
Name = Annotated[str, Query(min_length=1, max_length=64)]
WIDTH, HEIGHT = 280.0, 90.0


@router.get("")
def get_drift(request: Request, hub: CurrentHub, shell: CurrentShell, caller: Reader) -> Response:
    """Open alarms by station, how every figure stands, and what was closed."""
    with hub.database.transaction() as connection:
        found = reading.newest(connection, caller.merchant_id, is_open=True)
        shown: dict[str, Any] = {
            "groups": _grouped(found),
            "closed": reading.newest(connection, caller.merchant_id, is_open=False)[:30],
            "rows": _table(reading.standings(connection, caller.merchant_id)),
            "figures": list(FIGURES),
        }
    return shell.page(request, "drift/drift.html", caller, codes=codes, bars=_bars, **shown)


@router.get("/trends")
def get_trends(
    request: Request, hub: CurrentHub, shell: CurrentShell, caller: Reader, station: Name, goods: Name
) -> Response:
    """Every figure of one station and kind of goods by day."""
    unspoiled(station, "station"), unspoiled(goods, "goods")
    with hub.database.transaction() as connection:
        found = reading.trends(connection, caller.merchant_id, station, goods)
    lines = [(trend, _line(trend)) for trend in found if trend.days]
    return shell.page(request, "drift/trends.html", caller, codes=codes, station=station, goods=goods, lines=lines)


@router.get("/pictures/{sha256}")
def get_picture(sha256: Hash, request: Request, hub: CurrentHub, caller: Reader) -> Response:
    """A picture; it lies in no cache of a shared computer."""
    response = image_routes.get_image(sha256, request, hub, caller)
    response.headers["Cache-Control"] = "private, no-store"
    return response


@router.post("/{alarm_id}/accept")
def post_accept(alarm_id: UUID, hub: CurrentHub, caller: Manager, _form: Fields) -> Response:
    """Takes the change as the new normal, then shows what is left."""
    routes.accept(hub, caller, alarm_id)
    return RedirectResponse("/console/quality/drift", status_code=303)


def _grouped(found: Sequence[Alarm]) -> list[dict[str, Any]]:
    """Alarms of one station with one proposal: most likely one thing happened."""
    groups: dict[tuple[str, str], list[Alarm]] = {}
    for alarm in found:
        groups.setdefault((alarm.station_id, alarm.cause), []).append(alarm)
    return [
        {"station_id": station, "cause": cause, "action": each[0].action, "alarms": each}
        for (station, cause), each in groups.items()
    ]


def _table(found: Sequence[StreamStanding]) -> list[dict[str, Any]]:
    """One row a station and kind of goods, with the standing of each figure."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for each in found:
        row = rows.setdefault(
            (each.station_id, each.goods),
            {"station_id": each.station_id, "goods": each.goods, "items": 0, "states": {}},
        )
        row["states"][each.figure] = each.state
        row["items"] = max(row["items"], each.items)
    return list(rows.values())


def _bars(alarm: Alarm) -> list[dict[str, float]]:
    """Bars of the chart, two a bin, in a drawing of 280 x 90."""
    before, since = alarm.chart.get("before", []), alarm.chart.get("since", [])
    tallest = max([*before, *since, 1e-9])
    if FIGURES[alarm.figure].kind is Kind.YES_NO:
        tallest = max(tallest, 0.2)
    step = WIDTH / max(1, len(before))
    return [
        {
            "x": place * step,
            "wide": step * 0.45,
            "before": HEIGHT * one / tallest,
            "since": HEIGHT * other / tallest,
        }
        for place, (one, other) in enumerate(zip(before, since, strict=True))
    ]


def _line(trend: Trend) -> dict[str, Any]:
    """Points of a trend in a drawing of 280 x 90, with its least and greatest value."""
    low, high = min(trend.means), max(trend.means)
    if FIGURES[trend.figure].kind is Kind.YES_NO:
        low, high = 0.0, max(high, 0.1)
    room = (high - low) or 1.0
    step = WIDTH / max(1, len(trend.means) - 1)
    points = [
        f"{place * step:.1f},{HEIGHT - HEIGHT * (mean - low) / room:.1f}" for place, mean in enumerate(trend.means)
    ]
    return {"points": " ".join(points), "low": low, "high": high}
