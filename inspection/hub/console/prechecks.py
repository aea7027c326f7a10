"""``/console/prechecks``: cases that wait for a person; one case with its pictures, signals and decision."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.engine import Connection

from inspection.hub.accounts import audit
from inspection.hub.accounts.audit import Act, Origin
from inspection.hub.accounts.roles import Permission, allowed
from inspection.hub.accounts.tokens import Caller
from inspection.hub.console.shell import CurrentShell, Fields, PageRoute
from inspection.hub.hub import CurrentHub
from inspection.hub.inspections.tables import inspections
from inspection.hub.precheck import cases, deciding
from inspection.hub.precheck import routes as api
from inspection.hub.precheck.agreement import agreement, total
from inspection.hub.precheck.cases import State
from inspection.hub.precheck.challenges import ask, challenges_of
from inspection.hub.precheck.desk import CurrentDesk
from inspection.hub.precheck.page.view import view
from inspection.hub.precheck.replies import REPLIES, Decision, Reason
from inspection.hub.precheck.trust.weighing import claim_of, signals_of
from inspection.hub.problems import Problem
from inspection.hub.returns.schemas import RMA_PATTERN

router = APIRouter(prefix="/console/prechecks", route_class=PageRoute, include_in_schema=False)
Reader = Annotated[Caller, Depends(allowed(Permission.PRECHECK_READ))]
Decider = Annotated[Caller, Depends(allowed(Permission.PRECHECK_DECIDE))]
Analyst = Annotated[Caller, Depends(allowed(Permission.STATS_READ))]
agreement_router = APIRouter(prefix="/console/agreement", route_class=PageRoute, include_in_schema=False)
Rma = Annotated[str, Path(pattern=RMA_PATTERN)]
INSPECTIONS = 5
DAYS = 90


@router.get("")
def get_queue(request: Request, hub: CurrentHub, shell: CurrentShell, caller: Reader) -> Response:
    """The most urgent 50; ``?state=decided`` shows what was decided."""
    wanted = request.query_params.get("state", "")
    state = State(wanted) if wanted in set(State) else None
    with hub.database.transaction() as connection:
        rows = deciding.queue(connection, caller.merchant_id, state)
    return shell.page(request, "prechecks.html", caller, cases=rows, state=wanted if state else "")


@router.get("/{rma}")
def get_case(rma: Rma, request: Request, hub: CurrentHub, shell: CurrentShell, caller: Reader) -> Response:
    """One case."""
    done = request.query_params.get("done", "")
    with hub.database.transaction() as connection:
        case = cases.of_return(connection, caller.merchant_id, rma)
        shown = {
            "case": case,
            "seen": view(connection, case, shell.language(request, caller)),
            "signals": signals_of(connection, caller.merchant_id, case.id),
            "claim": claim_of(connection, case),
            "decisions": deciding.decisions_of(connection, caller.merchant_id, case.id),
            "challenges": challenges_of(connection, case),
            "inspected": _inspected(connection, caller.merchant_id, rma),
        }
    replies = {str(each): REPLIES[each][case.language or "en"] for each in Decision}
    suggested = _suggested(shown["signals"], bool(case.outcome and case.outcome != "more_photos"))
    return shell.page(
        request, "precheck.html", caller, **shown, replies=replies, reasons=list(Reason), suggested=suggested, done=done
    )


@router.get("/pictures/{picture_id}")
def get_picture(picture_id: UUID, hub: CurrentHub, caller: Reader) -> Response:
    """A picture as the customer's page shows it; it lies in no cache of a shared computer."""
    response = api.get_picture(picture_id, hub, caller)
    response.headers["Cache-Control"] = "private, no-store"
    return response


@router.post("/{rma}/decision")
def post_decision(rma: Rma, request: Request, hub: CurrentHub, caller: Decider, form: Fields) -> Response:
    """Decides, then shows the case again."""
    try:
        decision, reason = Decision(form.get("decision", "")), Reason(form.get("reason", ""))
        version = int(form.get("version", ""))
    except ValueError:
        raise Problem("request.invalid", "decision, reason and version are needed") from None
    ruling = deciding.Ruling(decision, reason, form.get("note", ""), version)
    with hub.database.transaction() as connection:
        deciding.decide(connection, caller, rma, ruling)
        audit.note(connection, caller, Act.PRECHECK_DECIDED, f"precheck/{rma}", Origin.of(request))
    return RedirectResponse(f"/console/prechecks/{rma}?done=decided", status_code=303)


@router.post("/{rma}/challenge")
def post_challenge(rma: Rma, request: Request, hub: CurrentHub, caller: Decider) -> Response:
    """Asks the customer for a paper with four characters beside the item, then shows the case again."""
    with hub.database.transaction() as connection:
        ask(connection, caller, rma, timedelta(hours=hub.config.precheck.challenge_hours))
        audit.note(connection, caller, Act.PRECHECK_CHALLENGED, f"precheck/{rma}", Origin.of(request))
    return RedirectResponse(f"/console/prechecks/{rma}?done=challenged", status_code=303)


@agreement_router.get("")
def get_agreement(
    request: Request, hub: CurrentHub, desk: CurrentDesk, shell: CurrentShell, caller: Analyst
) -> Response:
    """What customers' pictures showed beside what stations found, of the last 90 days."""
    with hub.database.transaction() as connection:
        kinds = agreement(connection, caller.merchant_id, desk.catalogue, DAYS)
    return shell.page(request, "agreement.html", caller, kinds=kinds, days=DAYS, total=total(kinds))


def _inspected(connection: Connection, merchant_id: UUID, rma: str) -> Any:
    """What stations found of this return since."""
    mine = sa.and_(inspections.c.merchant_id == merchant_id, inspections.c.rma == rma)
    columns = inspections.c.station_id, inspections.c.disposition, inspections.c.grade, inspections.c.received_at
    query = sa.select(*columns).where(mine).order_by(inspections.c.received_at.desc()).limit(INSPECTIONS)
    return connection.execute(query).all()


def _suggested(signals: Any, answered: bool) -> Reason:
    """The reason that stands in the form first; the person changes it."""
    kinds = {row.kind for row in signals}
    if "other_article" in kinds:
        return Reason.OTHER_ARTICLE
    return Reason.DAMAGE_SHOWN if answered else Reason.NOT_ENOUGH_SEEN
