"""``/console``: staff, stations, tokens and the audit trail, for administrators and auditors."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, TypeAdapter, ValidationError

from inspection.hub.accounts import administration, audit, enrolment, sessions, staff
from inspection.hub.accounts.audit import Origin
from inspection.hub.accounts.matrix import Role
from inspection.hub.accounts.roles import Permission, allowed
from inspection.hub.accounts.schemas import NewStaffMember, NewToken, StaffChange, StationId
from inspection.hub.accounts.tokens import Caller
from inspection.hub.console.shell import CurrentShell, Fields, PageRoute
from inspection.hub.hub import CurrentHub
from inspection.hub.problems import Problem, faults

router = APIRouter(prefix="/console", route_class=PageRoute, include_in_schema=False)
StaffReader = Annotated[Caller, Depends(allowed(Permission.STAFF_READ))]
StaffManager = Annotated[Caller, Depends(allowed(Permission.STAFF_MANAGE))]
StationsReader = Annotated[Caller, Depends(allowed(Permission.STATIONS_READ))]
StationsManager = Annotated[Caller, Depends(allowed(Permission.STATIONS_MANAGE))]
TokensReader = Annotated[Caller, Depends(allowed(Permission.TOKENS_READ))]
TokensManager = Annotated[Caller, Depends(allowed(Permission.TOKENS_MANAGE))]
Auditor = Annotated[Caller, Depends(allowed(Permission.AUDIT_READ))]
STAFF_ROLES = tuple(role for role in Role if role is not Role.STATION)
SECRETS = ("password", "pin", "badge")
PER_PAGE = 50
M = TypeVar("M", bound=BaseModel)


@router.get("/staff")
def get_staff(request: Request, hub: CurrentHub, shell: CurrentShell, caller: StaffReader) -> Response:
    """Everybody, and the form for somebody new."""
    with hub.database.transaction() as connection:
        people = staff.everybody(connection, caller.merchant_id)
    return shell.page(request, "staff.html", caller, people=people, roles=STAFF_ROLES)


@router.post("/staff")
def post_staff(request: Request, hub: CurrentHub, caller: StaffManager, form: Fields) -> Response:
    """Somebody new."""
    given = _given(form, ("login", "name", "role", "language", "oidc_email", *SECRETS))
    made = administration.add_staff(hub, caller, _read(NewStaffMember, given), Origin.of(request))
    return RedirectResponse(f"/console/staff/{made.id}", status_code=303)


@router.get("/staff/{staff_id}")
def get_staff_member(
    staff_id: UUID, request: Request, hub: CurrentHub, shell: CurrentShell, caller: StaffReader
) -> Response:
    """One member of staff, and their sessions."""
    with hub.database.transaction() as connection:
        person = staff.find(connection, caller.merchant_id, staff_id)
        found = sessions.listed(connection, caller.merchant_id, staff_id)
    return shell.page(request, "staff_member.html", caller, person=person, sessions=found, roles=STAFF_ROLES)


@router.post("/staff/{staff_id}")
def post_staff_member(
    staff_id: UUID, request: Request, hub: CurrentHub, caller: StaffManager, form: Fields
) -> Response:
    """Changes. Secrets that are left empty stay; what was filled in and is empty now is taken away."""
    given: dict[str, Any] = _given(form, ("name", "role", *SECRETS))
    given |= {name: form[name] or None for name in ("language", "oidc_email") if name in form}
    if "disabled" in form:
        given["disabled"] = form["disabled"] == "yes"
    with hub.database.transaction() as connection:
        before = staff.find(connection, caller.merchant_id, staff_id)
    given = {name: value for name, value in given.items() if getattr(before, name, ...) != value}
    administration.change_staff(hub, caller, staff_id, _read(StaffChange, given), Origin.of(request))
    return RedirectResponse(f"/console/staff/{staff_id}", status_code=303)


@router.post("/staff/{staff_id}/sessions/end")
def post_end_sessions(staff_id: UUID, request: Request, hub: CurrentHub, caller: StaffManager) -> Response:
    """All of somebody's sessions."""
    administration.end_sessions(hub, caller, staff_id, Origin.of(request))
    return RedirectResponse(f"/console/staff/{staff_id}", status_code=303)


@router.get("/stations")
def get_stations(request: Request, hub: CurrentHub, shell: CurrentShell, caller: StationsReader) -> Response:
    """Every station, and what lets it in."""
    with hub.database.transaction() as connection:
        found = administration.all_stations(connection, caller.merchant_id)
    return shell.page(request, "stations.html", caller, stations=found, made=None)


@router.post("/stations/code")
def post_code(
    request: Request, hub: CurrentHub, shell: CurrentShell, caller: StationsManager, form: Fields
) -> Response:
    """A one-time code, shown this once; clicked twice, the second ends the first."""
    station_id = _station(form)
    code, expires_at = administration.make_code(hub, caller, station_id, Origin.of(request))
    with hub.database.transaction() as connection:
        found = administration.all_stations(connection, caller.merchant_id)
    made = {"station_id": station_id, "code": code, "expires_at": expires_at}
    return shell.page(request, "stations.html", caller, stations=found, made=made)


@router.post("/stations/shut-out")
def post_shut_out(request: Request, hub: CurrentHub, caller: StationsManager, form: Fields) -> Response:
    """A station's credentials, tokens, codes and badge sessions."""
    with hub.database.transaction() as connection:
        enrolment.revoke_station(connection, caller, _station(form), Origin.of(request))
    return RedirectResponse("/console/stations", status_code=303)


@router.get("/tokens")
def get_tokens(request: Request, hub: CurrentHub, shell: CurrentShell, caller: TokensReader) -> Response:
    """Tokens and credentials that let in now."""
    with hub.database.transaction() as connection:
        found = administration.live_tokens(connection, caller.merchant_id)
    return shell.page(request, "tokens.html", caller, tokens=found, made=None, roles=tuple(Role))


@router.post("/tokens")
def post_token(request: Request, hub: CurrentHub, shell: CurrentShell, caller: TokensManager, form: Fields) -> Response:
    """A token, shown this once."""
    given: dict[str, Any] = _given(form, ("role", "label", "station_id", "expires_in_days"))
    if given.get("expires_in_days", "").isdecimal():
        given["expires_in_days"] = int(given["expires_in_days"][:9])
    secret, _ = administration.make_token(hub, caller, _read(NewToken, given), Origin.of(request))
    with hub.database.transaction() as connection:
        found = administration.live_tokens(connection, caller.merchant_id)
    return shell.page(request, "tokens.html", caller, tokens=found, made=secret, roles=tuple(Role))


@router.post("/tokens/{token_id}/revoke")
def post_revoke(token_id: UUID, request: Request, hub: CurrentHub, caller: TokensManager) -> Response:
    """Shut out, in every process at once."""
    administration.revoke_token(hub, caller, token_id, Origin.of(request))
    return RedirectResponse("/console/tokens", status_code=303)


@router.get("/audit")
def get_audit(
    request: Request, hub: CurrentHub, shell: CurrentShell, caller: Auditor, before: int | None = None
) -> Response:
    """Who did what, newest first."""
    if before is not None and not 0 < before < 1 << 63:
        raise Problem("request.invalid", "use the link of the page before")
    with hub.database.transaction() as connection:
        rows = audit.page(connection, caller.merchant_id, audit.Wanted(), PER_PAGE, before)
        names = {str(row.id): row.login for row in staff.everybody(connection, caller.merchant_id)}
    shown = rows[:PER_PAGE]
    older = shown[-1].id if len(rows) > PER_PAGE else None
    return shell.page(request, "audit.html", caller, entries=shown, names=names, older=older)


def _given(form: dict[str, str], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: form[name] for name in names if form.get(name)}


def _read(model: type[M], given: dict[str, Any]) -> M:
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise Problem("request.invalid", "see errors", errors=faults(error)) from None


def _station(form: dict[str, str]) -> str:
    try:
        station_id: str = TypeAdapter(StationId).validate_python(form.get("station_id", "").strip())
    except ValidationError as error:
        raise Problem("request.invalid", "see errors", errors=faults(error)) from None
    return station_id
