"""The shift view: how much was done, what waits, what comes next; big enough to be read from the aisle."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Cookie, Header, Query
from fastapi.responses import HTMLResponse

from calibration.checks import FRESH
from inspection.errors import CalibrationError
from inspection.station.labels import Labels
from inspection.station.shift_book import Figures, Tally
from inspection.station.station import Station
from inspection.station.web import shift_words, words
from inspection.station.web.pages import Pages

PAGE = "/shift"
MAX_SHOWN = 5


def build_shift(station: Station, pages: Pages) -> APIRouter:
    """The page, its part that follows the station, and the same as JSON."""
    router = APIRouter()

    @router.get(PAGE, response_class=HTMLResponse)
    def page(
        asked: Annotated[str | None, Query(alias="lang", max_length=16)] = None,
        remembered: Annotated[str | None, Cookie(alias="lang")] = None,
        accept_language: Annotated[str | None, Header()] = None,
    ) -> HTMLResponse:
        language = pages.languages.choose(asked, remembered, accept_language)
        return HTMLResponse(pages.render("shift.html", language, _shown(station, language)))

    @router.get(f"{PAGE}/panel", response_class=HTMLResponse)
    def panel(lang: Annotated[str, Query(max_length=16)] = "") -> HTMLResponse:
        return HTMLResponse(pages.render("shift_panel.html", lang, _shown(station, lang)))

    @router.get("/api/shift")
    def figures() -> dict[str, Any]:
        return shift_json(station)

    return router


def shift_json(station: Station) -> dict[str, Any]:
    """The figures of this shift. Who did how much is told of whoever works here only, to a supervisor of everybody."""
    figures = station.parts.journal.shift.figures()
    labels = Labels(station.parts.journal)
    queue = station.parts.board.latest.queue
    return {
        "started_at": None if figures.started_at is None else figures.started_at.isoformat(),
        **_tally(figures.all),
        "holds": [{"reason": dict(reason), "number": number} for reason, number in figures.holds],
        "refusals": [{"code": code, "number": number} for code, number in figures.refusals.most_common()],
        "waiting": queue.waiting,
        "refused_reports": queue.dead,
        "labels_owed": labels.waiting(),
        "deadline": next_deadline(station),
        "workers": [{"worker": name, **_tally(figures.workers[name])} for name in _may_be_named(station, figures)],
    }


def next_deadline(station: Station, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> dict[str, Any] | None:
    """What has to be done next, and by when: a view's daily check, or a calibration that expires."""
    desk = station.parts.desk
    if desk is None:
        return None
    found: list[tuple[datetime, str, str]] = []
    for view in desk.views:
        try:
            status = desk.status(view)
        except CalibrationError:
            continue
        usable = {name: part for name, part in status["parts"].items() if part["usable"]}
        found += [(datetime.fromisoformat(part["valid_until"]), "calibration", view) for part in usable.values()]
        made = [datetime.fromisoformat(usable[name]["at"]) for name in FRESH if name in usable]
        if status["check"]["passed"]:
            made.append(datetime.fromisoformat(status["check"]["at"]))
        if made and desk.check_every is not None:
            found.append((max(made) + desk.check_every, "check", view))
    if not found:
        return None
    at, what, view = min(found)
    return {"what": what, "view": view, "at": at.isoformat(), "late": at < now()}


def _may_be_named(station: Station, figures: Figures) -> list[str]:
    people, worker = station.parts.rules.people, station.worker
    if people.is_supervisor(worker):
        return sorted(figures.workers, key=lambda name: -figures.workers[name].items)
    return [worker] if people.find(worker) is not None and worker in figures.workers else []


def _tally(tally: Tally) -> dict[str, Any]:
    return {
        "items": tally.items,
        "per_hour": None if tally.per_hour is None else round(tally.per_hour),
        "dispositions": {name: tally.dispositions[name] for name in words.DISPOSITIONS},
        "overrides": tally.overrides,
    }


def _shown(station: Station, language: str) -> dict[str, Any]:
    shift = shift_json(station)
    snapshot = station.parts.board.latest
    deadline = shift["deadline"]
    left = None if deadline is None else datetime.fromisoformat(deadline["at"]) - datetime.now(UTC)
    return {
        "station_id": station.parts.station_id,
        "shift": shift,
        "begun": _clock_time(shift["started_at"]),
        "left": "" if left is None else _span(abs(left)),
        "keyboard_gap_ms": snapshot.keyboard.gap_ms if snapshot.keyboard is not None else 0,
        "worker": station.worker,
        "most": MAX_SHOWN,
        "said": shift_words,
        "words": words,
        "in_language": lambda texts: texts.get(language) or texts.get("en") or next(iter(texts.values()), ""),
    }


def _clock_time(at: str | None) -> str:
    """By the wall clock of the station, by which the people there live."""
    return "" if at is None else f"{datetime.fromisoformat(at).astimezone():%H:%M}"


def _span(left: timedelta) -> str:
    minutes = int(left.total_seconds() // 60)
    days, hours = minutes // 1440, minutes // 60
    return f"{days} d" if days > 1 else f"{hours} h {minutes % 60:02d} min" if hours else f"{minutes} min"
