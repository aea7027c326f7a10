"""``/console/quality/training``: what is being trained, what came of it, and one training with its curves."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from inspection.hub.accounts.roles import Permission, allowed
from inspection.hub.accounts.tokens import Caller
from inspection.hub.console.shell import WITH_SCRIPT, CurrentShell, Fields, PageRoute
from inspection.hub.datasets import service as datasets
from inspection.hub.datasets.routes import who
from inspection.hub.hub import CurrentHub, Hub
from inspection.hub.problems import Problem
from inspection.hub.training import service
from inspection.hub.training.curves import HEIGHT, WIDTH, chart
from inspection.hub.training.pages import words
from inspection.hub.training.service import Wanted

router = APIRouter(prefix="/console/quality/training", route_class=PageRoute, include_in_schema=False)
Reader = Annotated[Caller, Depends(allowed(Permission.TRAINING_READ))]
Trainer = Annotated[Caller, Depends(allowed(Permission.TRAINING_RUN))]
HOME = "/console/quality/training"
KINDS = ("refresh", "full")


@router.get("")
def get_trainings(request: Request, hub: CurrentHub, shell: CurrentShell, caller: Reader) -> Response:
    """The queue, and a form that first says what a training will take."""
    with hub.database.transaction() as connection:
        rows = service.listed(connection, caller.merchant_id)
        versions = datasets.listed(connection, caller.merchant_id)
    wanted = _wanted(dict(request.query_params))
    known = wanted is not None and wanted.dataset in {each.id for each in versions}
    thought = service.foresee(hub, caller.merchant_id, wanted) if wanted is not None and known else None
    shown: dict[str, Any] = {"jobs": rows, "versions": versions, "wanted": wanted, "thought": thought, "kinds": KINDS}
    problem = request.query_params.get("problem", "")
    return shell.page(request, "training/trainings.html", caller, **shown, said=words, problem=problem)


@router.post("")
def post_training(hub: CurrentHub, caller: Trainer, form: Fields) -> Response:
    """Puts a training into the queue, then shows it."""
    wanted = _wanted(form)
    if wanted is None:
        raise Problem("request.invalid", "kind and dataset are needed")
    try:
        row = service.ask(hub, caller.merchant_id, wanted, who(caller))
    except Problem as problem:
        if problem.code != "training.nothing_to_refresh":
            raise
        return RedirectResponse(f"{HOME}?problem=refresh", status_code=303)
    return RedirectResponse(f"{HOME}/{row.id}", status_code=303)


@router.get("/{job_id}")
def get_training(job_id: UUID, request: Request, hub: CurrentHub, shell: CurrentShell, caller: Reader) -> Response:
    """One training; its script asks for what changes when the hub says that something did."""
    response = shell.page(request, "training/training.html", caller, **_shown(hub, caller, job_id))
    response.headers["Content-Security-Policy"] = WITH_SCRIPT
    return response


@router.get("/{job_id}/now")
def get_now(job_id: UUID, request: Request, hub: CurrentHub, shell: CurrentShell, caller: Reader) -> Response:
    """What of the page changes."""
    return shell.page(request, "training/training_now.html", caller, **_shown(hub, caller, job_id))


@router.post("/{job_id}/cancel")
def post_cancel(job_id: UUID, hub: CurrentHub, caller: Trainer) -> Response:
    """Cancels, then shows the training again."""
    with hub.database.transaction() as connection:
        service.cancel(connection, caller.merchant_id, job_id)
    return RedirectResponse(f"{HOME}/{job_id}", status_code=303)


def _shown(hub: Hub, caller: Caller, job_id: UUID) -> dict[str, Any]:
    with hub.database.transaction() as connection:
        row = service.find(connection, caller.merchant_id, job_id)
        points, after = [], 0
        while rows := service.points_of(connection, caller.merchant_id, job_id, after):
            points += rows
            after = rows[-1].seq
    drawn = chart(points)
    return {"job": row, "chart": drawn, "size": (WIDTH, HEIGHT), "said": words, "is_over": row.state in service.ENDED}


def _wanted(form: dict[str, str]) -> Wanted | None:
    """What a form asks for."""
    kind, dataset, name = form.get("kind", ""), form.get("dataset", ""), form.get("name", "").strip() or "default"
    if kind not in KINDS or not datasets.is_id(dataset) or not service.is_name(name):
        return None
    return Wanted(kind, dataset, name)
