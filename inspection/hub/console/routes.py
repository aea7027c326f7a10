"""``/console``: signing in and out, and one's own account."""

from __future__ import annotations

import secrets
from pathlib import Path as File
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.responses import FileResponse, RedirectResponse

from inspection.hub.accounts import administration, audit, cookies, oidc, sessions, sign_in, staff
from inspection.hub.accounts.audit import Act, Origin
from inspection.hub.accounts.roles import Permission, allowed, may, openly
from inspection.hub.accounts.tokens import Caller, Kind
from inspection.hub.console import parts
from inspection.hub.console.shell import HOME, QUALITY, SIGN_IN, STATIC, CurrentShell, Fields, PageRoute, Shell
from inspection.hub.hub import CurrentHub, Hub
from inspection.hub.problems import Problem

router = APIRouter(prefix="/console", route_class=PageRoute, include_in_schema=False)
Myself = Annotated[Caller, Depends(allowed(Permission.SELF))]
BEFORE = openly("whoever signs in is not signed in yet")


@router.get("", dependencies=[openly("only sends on")])
def get_home() -> Response:
    """To the account page."""
    return RedirectResponse(HOME, status_code=303)


@router.get("/static/{name}", dependencies=[openly("styles say nothing")])
def get_static(name: Annotated[str, Path(pattern=r"^[a-z]+\.(css|js|svg)$")]) -> Response:
    """A style sheet, script or picture of ours; its address carries its version."""
    return _static(STATIC / name)


@router.get("/static/{part}/{name}", dependencies=[openly("styles and scripts say nothing")])
def get_part_static(
    part: Annotated[str, Path(pattern=r"^[a-z_]+$")], name: Annotated[str, Path(pattern=r"^[a-z_-]+\.(css|js|svg)$")]
) -> Response:
    """The same of another capability's pages."""
    return _static(parts.static_file(part, name))


@router.get("/quality")
def get_quality(caller: Myself) -> Response:
    """To the first page of the QA engineer's loop that the caller may see."""
    pages = [path for path, _, permission in QUALITY if may(caller.role, permission)]
    if not pages:
        raise Problem("http.not_found", "there is no such page for this role")
    return RedirectResponse(pages[0], status_code=303)


@router.get("/sign-in", dependencies=[BEFORE])
def get_sign_in(request: Request, shell: CurrentShell) -> Response:
    """The form; its token is bound to a cookie of this browser, so that no other page can sign somebody in."""
    return _sign_in_page(request, shell)


@router.post("/sign-in", dependencies=[BEFORE])
def post_sign_in(request: Request, hub: CurrentHub, shell: CurrentShell, form: Fields) -> Response:
    """Name and password."""
    try:
        cookies.demand_safe_transport(request)
        known = cookies.read(request, cookies.FORM) or ""
        cookies.demand_own_page(request, known, form.get("csrf_token", ""), hub.config.access.public_url)
        login, password = form.get("login", ""), form.get("password", "")
        came_in = sign_in.by_password(hub, login, password, Origin.of(request))
    except Problem as problem:
        if "text/html" not in request.headers.get("accept", ""):
            raise
        response = _sign_in_page(request, shell, problem)
        response.headers.update(problem.headers)
        return response
    return _signed_in(request, hub, came_in)


@router.get("/oidc/start", dependencies=[BEFORE])
def get_oidc_start(request: Request, hub: CurrentHub) -> Response:
    """To the identity provider."""
    cookies.demand_safe_transport(request)
    url, browser = oidc.begin(hub, _provider(request), Origin.of(request))
    response = RedirectResponse(url, status_code=303)
    cookies.put(request, response, cookies.FLOW, browser, int(oidc.FLOW_LASTS.total_seconds()))
    return response


@router.get("/oidc/callback", dependencies=[BEFORE])
def get_oidc_callback(request: Request, hub: CurrentHub) -> Response:
    """Back from the identity provider."""
    came_back = {name: value for name, value in request.query_params.items() if len(value) <= 4096}  # noqa: PLR2004
    browser = cookies.read(request, cookies.FLOW)
    came_in = oidc.finish(hub, _provider(request), came_back, browser, Origin.of(request))
    response = _signed_in(request, hub, came_in)
    cookies.drop(request, response, cookies.FLOW)
    return response


@router.post("/sign-out")
def post_sign_out(request: Request, hub: CurrentHub, caller: Myself) -> Response:
    """Ends the session, here and in the database."""
    if caller.kind is Kind.SESSION:
        with hub.database.transaction() as connection:
            sessions.revoke(connection, caller.merchant_id, caller.token_id)
            audit.note(connection, caller, Act.SIGNED_OUT, f"staff/{caller.staff_id}", Origin.of(request))
    response = RedirectResponse(SIGN_IN, status_code=303)
    cookies.drop(request, response, cookies.SESSION)
    return response


@router.get("/account")
def get_account(request: Request, hub: CurrentHub, shell: CurrentShell, caller: Myself) -> Response:
    """One's own sessions, and the password."""
    person, found = None, []
    if caller.staff_id is not None:
        with hub.database.transaction() as connection:
            person = staff.find(connection, caller.merchant_id, caller.staff_id)
            found = sessions.listed(connection, caller.merchant_id, caller.staff_id)
    done = request.query_params.get("done", "")
    return shell.page(request, "account.html", caller, person=person, sessions=found, done=done)


@router.post("/account/password")
def post_password(request: Request, hub: CurrentHub, caller: Myself, form: Fields) -> Response:
    """Another password; other sessions end."""
    old, new = form.get("old", ""), form.get("new", "")
    administration.change_own_password(hub, caller, old, new, Origin.of(request))
    return RedirectResponse(f"{HOME}?done=password", status_code=303)


@router.post("/account/sessions/{session_id}/end")
def post_end_session(session_id: UUID, request: Request, hub: CurrentHub, caller: Myself) -> Response:
    """One of one's own sessions."""
    administration.end_session(hub, caller, session_id, Origin.of(request), anybody=False)
    return RedirectResponse(f"{HOME}?done=session", status_code=303)


def _static(path: File | None) -> Response:
    if path is None or not path.is_file():
        raise Problem("http.not_found", "nothing is served at this path")
    return FileResponse(path, headers={"Cache-Control": "public, max-age=31536000, immutable"})


def _sign_in_page(request: Request, shell: Shell, problem: Problem | None = None) -> Response:
    fresh = None
    if cookies.is_readable(request) and cookies.read(request, cookies.FORM) is None:
        fresh = secrets.token_urlsafe(32)
        request.cookies[cookies.name_of(request, cookies.FORM)] = fresh
    provider = request.app.state.oidc
    response = shell.page(
        request,
        "sign_in.html",
        status=problem.status if problem else 200,
        problem=problem.code if problem else None,
        is_safe=cookies.is_readable(request),
        provider=provider.section.title if provider else None,
    )
    if fresh is not None:
        cookies.put(request, response, cookies.FORM, fresh)
    return response


def _signed_in(request: Request, hub: Hub, came_in: sign_in.SignedIn) -> Response:
    response = RedirectResponse(HOME, status_code=303)
    cookies.put(request, response, cookies.SESSION, came_in.token, hub.config.access.session_max_h * 3600)
    cookies.drop(request, response, cookies.FORM)
    return response


def _provider(request: Request) -> oidc.Provider:
    provider: oidc.Provider | None = request.app.state.oidc
    if provider is None:
        raise Problem("http.not_found", "no identity provider is configured")
    return provider
