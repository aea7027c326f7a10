"""``/console/quality/rollouts``: what runs everywhere, what is tried, its figures with bounds, and the buttons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError
from sqlalchemy.engine import Connection

from inspection.hub.accounts.audit import Origin
from inspection.hub.accounts.roles import Permission, allowed
from inspection.hub.accounts.tokens import Caller
from inspection.hub.bundles import registry
from inspection.hub.console.shell import WITH_SCRIPT, CurrentShell, Fields, PageRoute
from inspection.hub.hub import CurrentHub
from inspection.hub.problems import Problem
from inspection.hub.rollouts import reading, routes, service
from inspection.hub.rollouts.pages import words as rollout_words
from inspection.hub.rollouts.plan import Plan, StagePlan
from inspection.hub.rollouts.schemas import Rollout, WeighedFigure, Why

HOME = "/console/quality/rollouts"
router = APIRouter(prefix=HOME, route_class=PageRoute, include_in_schema=False)
Reader = Annotated[Caller, Depends(allowed(Permission.ROLLOUTS_READ))]
Manager = Annotated[Caller, Depends(allowed(Permission.ROLLOUTS_MANAGE))]
RolloutId = Annotated[UUID, Path()]
ACTS = frozenset({"promote", "rollback", "pause", "resume"})
MOST_CANDIDATES = 50
WIDTH, MARGIN = 320.0, 6.0
"""Of a drawing, pixels."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """Where the parts of one drawing lie, pixels from its left edge; ``None`` of what is beyond it."""

    figure: WeighedFigure
    low: float
    high: float
    value: float
    zero: float
    harm: float
    fine: float
    left: float
    right: float


@router.get("")
def get_page(request: Request, hub: CurrentHub, shell: CurrentShell, caller: Reader) -> Response:
    """The page; its script asks for the figures again, and does nothing else."""
    with hub.database.transaction() as connection:
        shown = _shown(connection, caller)
        candidates = _candidates(connection, caller) if shown["live"] is None else []
    response = shell.page(
        request, "rollouts/rollouts.html", caller, **shown, candidates=candidates, done=request.query_params.get("done")
    )
    response.headers["Content-Security-Policy"] = WITH_SCRIPT
    return response


@router.get("/now")
def get_now(request: Request, hub: CurrentHub, shell: CurrentShell, caller: Reader) -> Response:
    """What of the page changes by itself."""
    with hub.database.transaction() as connection:
        shown = _shown(connection, caller)
    return shell.page(request, "rollouts/now.html", caller, **shown)


@router.get("/{rollout_id}")
def get_one(rollout_id: RolloutId, request: Request, hub: CurrentHub, shell: CurrentShell, caller: Reader) -> Response:
    """One rollout, also one that is over."""
    with hub.database.transaction() as connection:
        found = reading.one(connection, caller.merchant_id, rollout_id)
        champion = service.champion_of(connection, caller.merchant_id, found.kind)
    runs = found.state == "full" and champion == found.candidate_id
    return shell.page(
        request, "rollouts/rollout.html", caller, **_of(found), runs=runs, done=request.query_params.get("done")
    )


@router.post("")
def post_start(request: Request, hub: CurrentHub, caller: Manager, fields: Fields) -> Response:
    """Begin the shadow of what was chosen."""
    try:
        stations = tuple(name for name in fields.get("stations", "").replace(",", " ").split() if name)
        share = float(fields.get("share", "10")) / 100
        plan = Plan(
            shadow=Plan().shadow.model_copy(update={"stations": stations}),
            canary=StagePlan(
                stations=stations,
                share=share,
                min_items=int(fields.get("min_items", "500")),
                min_hours=float(fields.get("min_hours", "4")),
            ),
            automatic=fields.get("automatic") == "yes",
        )
    except (ValueError, ValidationError):
        raise Problem("request.invalid", "see the page") from None
    with hub.database.transaction() as connection:
        service.start(connection, caller, fields.get("candidate", "")[:200], plan, Origin.of(request))
    return RedirectResponse(f"{HOME}?done=start", status_code=303)


@router.post("/{rollout_id}")
def post_act(rollout_id: RolloutId, request: Request, hub: CurrentHub, caller: Manager, fields: Fields) -> Response:
    """Let it go on, hold it, or take it back."""
    act = fields.get("act", "")
    try:
        why = Why(reason=fields.get("reason", "").strip())
    except ValidationError:
        raise Problem("request.invalid", "see the page") from None
    if act not in ACTS:
        raise Problem("request.invalid", "see the page")
    routes.do(hub, caller, rollout_id, act, why.reason, Origin.of(request))
    return RedirectResponse(f"{HOME}/{rollout_id}?done={act}", status_code=303)


def _shown(connection: Connection, caller: Caller) -> dict[str, Any]:
    service.look(connection, caller.merchant_id)
    page = reading.page(connection, caller.merchant_id)
    live = next((each for each in page.rollouts if each.ended_at is None), None)
    if live is not None:
        live = reading.one(connection, caller.merchant_id, live.id)
    over = [each for each in page.rollouts if each.ended_at is not None]
    base: dict[str, Any] = {"champions": page.champions, "over": over, "live": live}
    return base | (_of(live) if live is not None else {"words_of": rollout_words})


def _of(found: Rollout) -> dict[str, Any]:
    return {"rollout": found, "drawn": [drawn(each) for each in found.figures.weighed], "words_of": rollout_words}


def _candidates(connection: Connection, caller: Caller) -> list[registry.BundleRow]:
    known = registry.list(connection, caller.merchant_id, limit=MOST_CANDIDATES)
    running = set(reading.page(connection, caller.merchant_id).champions.values())
    return [each for each in known if each.state == "published" and each.bundle_id not in running]


def drawn(figure: WeighedFigure) -> Drawn:
    """Where to draw a figure: from a little below what it may be to a little above where it is too much."""
    alone = figure.champion_items is None
    left = 0.0 if alone else min(-figure.fine, min(0.0, figure.value) - figure.fine)
    right = max(2 * figure.fine, figure.value * 1.2, figure.harm * 1.5)
    left, right = max(left, -1.0), min(right, 1.0)

    def at(value: float) -> float:
        inside = min(max(value, left), right)
        return round(MARGIN + (inside - left) / (right - left) * (WIDTH - 2 * MARGIN), 1)

    return Drawn(
        figure=figure,
        low=at(figure.low),
        high=at(figure.high),
        value=at(figure.value),
        zero=at(0.0),
        harm=at(figure.harm),
        fine=at(figure.fine),
        left=left,
        right=right,
    )
