"""``/console/quality/bundles``: what was published, what the gate said of it with pictures and money, exceptions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.engine import Connection, Row

from inspection.hub.accounts.audit import Origin
from inspection.hub.accounts.roles import Permission, allowed
from inspection.hub.accounts.tables import staff
from inspection.hub.accounts.tokens import Caller
from inspection.hub.bundles import exams, gates, registry
from inspection.hub.bundles.identity import Kind
from inspection.hub.bundles.pages import words as bundle_words
from inspection.hub.console.shell import CurrentShell, Fields, PageRoute
from inspection.hub.hub import CurrentHub
from inspection.hub.problems import Problem

HOME = "/console/quality/bundles"
router = APIRouter(prefix=HOME, route_class=PageRoute, include_in_schema=False)
Reader = Annotated[Caller, Depends(allowed(Permission.BUNDLES_READ))]
Runner = Annotated[Caller, Depends(allowed(Permission.GATES_RUN))]
Excepter = Annotated[Caller, Depends(allowed(Permission.GATES_EXCEPT))]
LISTED = 50
MAX_NAME = 200


@router.get("")
def get_list(request: Request, hub: CurrentHub, shell: CurrentShell, caller: Reader) -> Response:
    """The newest bundles with what the gate said of each, and the newest gates."""
    with hub.database.transaction() as connection:
        rows = registry.list(connection, caller.merchant_id, limit=LISTED)
        rulings = {row.bundle_id: gates.ruling(connection, caller.merchant_id, row.bundle_id) for row in rows}
        taken = gates.newest(connection, caller.merchant_id)
        shown: dict[str, Any] = {
            "bundles": rows,
            "models": [row for row in rows if row.kind is Kind.BUNDLE],
            "rulings": rulings,
            "gates": taken,
            "exams": exams.names(hub, connection, caller.merchant_id),
            "names": _names(connection, caller.merchant_id, [row.published_by for row in rows]),
        }
    refused = bundle_words.REFUSED.get(request.query_params.get("refused", ""))
    return shell.page(request, "bundles/bundles.html", caller, words_of=bundle_words, refused=refused, **shown)


@router.get("/gates/{gate_id}")
def get_gate(gate_id: UUID, request: Request, hub: CurrentHub, shell: CurrentShell, caller: Reader) -> Response:
    """One gate: rules, changed verdicts as pictures with money, groups, exception."""
    with hub.database.transaction() as connection:
        row = gates.get(connection, caller.merchant_id, gate_id)
        exception = gates.exception_of(connection, caller.merchant_id, gate_id)
        ruling = gates.ruling(connection, caller.merchant_id, row.candidate_id)
        people = [row.asked_by, *(_people(exception))]
        names = _names(connection, caller.merchant_id, people)
    shown: dict[str, Any] = {
        "gate": row,
        "report": row.report,
        "exception": exception,
        "ruling": ruling,
        "names": names,
        "tables": _told(row.report),
        "money": money,
        "share": lambda value: f"{100 * value:+.1f} %",
        "done": request.query_params.get("done"),
    }
    return shell.page(request, "bundles/gate.html", caller, words_of=bundle_words, **shown)


@router.post("/gates")
def post_gate(request: Request, hub: CurrentHub, caller: Runner, fields: Fields) -> Response:
    """Send a candidate through the gate."""
    said = {name: fields.get(name, "")[:MAX_NAME] for name in ("candidate", "champion", "exam", "judge")}
    question = gates.Question(said["candidate"], said["champion"] or None, said["exam"], said["judge"] or None)
    try:
        with hub.database.transaction() as connection:
            row = gates.ask(hub, connection, caller, question, Origin.of(request))
    except Problem as problem:
        if problem.code != "gate.refused":
            raise
        return RedirectResponse(f"{HOME}?refused={problem.members['reason']}", status_code=303)
    return RedirectResponse(f"{HOME}/gates/{row.id}?done=asked", status_code=303)


@router.post("/gates/{gate_id}/exception")
def post_exception(gate_id: UUID, request: Request, hub: CurrentHub, caller: Runner, fields: Fields) -> Response:
    """Ask a second person to let it through."""
    with hub.database.transaction() as connection:
        gates.ask_exception(connection, caller, gate_id, fields.get("reason", ""), Origin.of(request))
    return RedirectResponse(f"{HOME}/gates/{gate_id}?done=exception", status_code=303)


@router.post("/gates/{gate_id}/decision")
def post_decision(gate_id: UUID, request: Request, hub: CurrentHub, caller: Excepter, fields: Fields) -> Response:
    """Let it through, or not."""
    granted = fields.get("granted") == "yes"
    answer, origin = fields.get("answer", ""), Origin.of(request)
    with hub.database.transaction() as connection:
        gates.decide_exception(connection, caller, gate_id, granted=granted, answer=answer, origin=origin)
    return RedirectResponse(f"{HOME}/gates/{gate_id}?done={'yes' if granted else 'no'}", status_code=303)


def money(minor: float) -> str:
    """Minor units as people write money, with sign."""
    return f"{minor / 100:{'+' if minor else ''},.2f}".replace("-", "\N{MINUS SIGN}")


def _told(report: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The groups in which something happened, the likeliest harm first."""
    found = [each for each in (report or {}).get("tables", []) if each["first"] or each["second"]]
    return sorted(found, key=lambda each: (-(each["second"] - each["first"]) / each["pictures"], each["value"]))


def _people(exception: Row[Any] | None) -> list[str]:
    if exception is None:
        return []
    return [str(each) for each in (exception.asked_by, exception.decided_by) if each is not None]


def _names(connection: Connection, merchant_id: UUID, ids: Sequence[str]) -> dict[str, str]:
    """Names of members of staff by their ids; what is no such id is left as it is."""
    wanted = []
    for each in set(ids):
        try:
            wanted.append(UUID(each))
        except ValueError:
            continue
    query = sa.select(staff.c.id, staff.c.name).where(staff.c.merchant_id == merchant_id, staff.c.id.in_(wanted))
    return {str(row.id): row.name for row in connection.execute(query)}
