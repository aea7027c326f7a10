"""The written matrix is what the routes do: every route, every role."""

from __future__ import annotations

import json
import re
from uuid import uuid4

import pytest
from fastapi import FastAPI

from inspection.hub.accounts.matrix import ASKED_AT_STATIONS, MATRIX, STATION_ONLY, Permission, Role
from inspection.hub.accounts.tokens import grant, new_token
from inspection.hub.accounts.walk import Access, accesses, table
from inspection.hub.app import build_app
from inspection.station.sign_in.members import APPROVES
from tests.hub.conftest import RunningHub


def filled(path: str) -> str:
    """A path with something of the right form for every parameter, that does not exist."""
    return re.sub(r"{(\w+)(:\w+)?}", lambda found: str(uuid4()) if "id" in found[1] else "0" * 64, path)


def test_every_route_says_who_may_call_it(running: RunningHub) -> None:
    app = build_app(running.hub)
    found = accesses(app)
    print(table(found))
    assert [each for each in found if not each.says] == []
    described = {(method.upper(), path) for path, each in app.openapi()["paths"].items() for method in each}
    assert described <= {(each.method, re.sub(r":\w+}", "}", each.path)) for each in found}


def test_a_route_that_says_nothing_is_found() -> None:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.get("/silent")(lambda: None)
    assert accesses(app) == [Access("GET", "/silent", None)]
    assert not accesses(app)[0].says


@pytest.mark.parametrize("role", list(Role))
def test_every_route_lets_in_exactly_whom_the_matrix_names(running: RunningHub, role: Role) -> None:
    wrong, token = [], new_token(role)
    with running.hub.database.transaction() as connection:
        grant(connection, running.merchant, token, role, f"test-{role}")
    with running.client(token) as client:
        for route in accesses(build_app(running.hub)):
            with client.stream(route.method, filled(route.path)) as answer:
                status = answer.status_code
                said = answer.read().decode()
            is_denied = status == 403 and (route.method == "HEAD" or json.loads(said)["code"] == "token.scope")
            if is_denied == route.lets_in(role) or status == 401:
                wrong.append((route.method, route.path, status, said[:200]))
    assert wrong == []


def test_every_permission_is_one_that_a_route_or_a_station_asks_for(running: RunningHub) -> None:
    asked = {route.permission for route in accesses(build_app(running.hub)) if route.permission is not None}
    assert asked | ASKED_AT_STATIONS == set(Permission)
    assert not asked & ASKED_AT_STATIONS
    assert {str(each) for each in ASKED_AT_STATIONS} == {APPROVES}


def test_the_matrix_has_every_role_and_permission_and_keeps_duties_apart() -> None:
    assert MATRIX.keys() == set(Role)
    assert frozenset().union(*MATRIX.values()) == set(Permission)
    managing = {each for each in Permission if each.endswith(":manage")}
    assert not MATRIX[Role.AUDITOR] & (managing | {Permission.RETURNS_IMPORT, Permission.PERSONS_ERASE})
    for role in set(Role) - {Role.STATION}:
        assert not MATRIX[role] & STATION_ONLY
    for role in set(Role) - {Role.ADMIN}:
        assert not MATRIX[role] & {Permission.STAFF_MANAGE, Permission.TOKENS_MANAGE, Permission.STATIONS_MANAGE}
