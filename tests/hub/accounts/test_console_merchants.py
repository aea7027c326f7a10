"""Two merchants on one hub: no page of the console shows or changes what is the other's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

import httpx2
import pytest

from inspection.hub.accounts import sessions
from inspection.hub.accounts.audit import Act, Actor, note
from inspection.hub.accounts.tables import access_tokens, staff
from inspection.hub.accounts.tokens import Kind, Scope, grant, new_token
from inspection.hub.schema import merchants
from tests.hub.conftest import RunningHub

PAGES = ("account", "staff", "stations", "tokens", "audit")


@dataclass(frozen=True, slots=True)
class Tenant:
    """A merchant with an administrator who is signed in at the console; everything it owns has its mark in its name."""

    mark: str
    person: UUID
    token: UUID
    session: UUID
    browser: httpx2.Client

    def csrf(self) -> str:
        found = re.search(r'name="csrf_token" value="([0-9a-f]{64})"', self.browser.get("/console/account").text)
        assert found
        return found[1]


@pytest.fixture
def tenants(running: RunningHub) -> Iterator[tuple[Tenant, Tenant]]:
    made = []
    for _ in range(2):
        mark = f"m{uuid4().hex[:10]}"
        with running.hub.database.transaction() as connection:
            merchant = connection.execute(merchants.insert().values(name=mark).returning(merchants.c.id)).scalar_one()
            columns = {"merchant_id": merchant, "login": f"{mark}-login", "name": f"{mark}-name", "role": "admin"}
            person = connection.execute(staff.insert().values(columns).returning(staff)).one()
            second = {**columns, "login": f"{mark}-second", "name": f"{mark}-second"}
            connection.execute(staff.insert().values(second))
            grant(connection, merchant, new_token(Scope.STATION), Scope.STATION, f"{mark}-label", station_id=mark)
            token = connection.execute(access_tokens.select().where(access_tokens.c.merchant_id == merchant)).one()
            secret, session = sessions.begin(connection, person, Kind.SESSION, timedelta(hours=1), source=f"{mark}-src")
            note(connection, Actor(merchant, "staff", str(person.id), "admin"), Act.TOKEN_MADE, f"{mark}-subject")
        browser = httpx2.Client(
            base_url=running.url,
            headers={"Accept": "text/html"},
            cookies={"insecure-loopback-session": secret},
            timeout=60,
        )
        made.append(Tenant(mark, person.id, token.id, session.id, browser))
    yield made[0], made[1]
    for tenant in made:
        tenant.browser.close()


def test_every_page_shows_ones_own_and_nothing_of_the_others(tenants: tuple[Tenant, Tenant]) -> None:
    for mine, other in (tenants, tenants[::-1]):
        for page in PAGES:
            answer = mine.browser.get(f"/console/{page}")
            assert answer.status_code == 200, page
            assert mine.mark in answer.text, page
            for theirs in (other.mark, str(other.person), str(other.token), str(other.session)):
                assert theirs not in answer.text, page
        for asked in (f"subject={other.mark}-subject", f"actor_id={other.person}"):
            assert other.mark not in mine.browser.get(f"/console/audit?{asked}").text
        assert mine.browser.get(f"/console/staff/{mine.person}").status_code == 200
        assert mine.browser.get(f"/console/staff/{other.person}").status_code == 404


def test_no_form_changes_what_is_the_others(tenants: tuple[Tenant, Tenant]) -> None:
    mine, other = tenants
    form = {"csrf_token": mine.csrf()}
    changed = form | {"name": "taken over", "role": "operator", "login": "x"}
    for path, fields in (
        (f"staff/{other.person}", changed),
        (f"staff/{other.person}/sessions/end", form),
        (f"account/sessions/{other.session}/end", form),
        (f"tokens/{other.token}/revoke", form),
    ):
        answer = mine.browser.post(f"/console/{path}", data=fields)
        assert answer.status_code == 404, (path, answer.status_code, answer.text[-500:])
    mine.browser.post("/console/stations/shut-out", data=form | {"station_id": other.mark})
    assert other.browser.get("/console/account").status_code == 200, "its session lives"
    assert f"{other.mark}-name" in other.browser.get("/console/staff").text
    assert f"{other.mark}-label" in other.browser.get("/console/tokens").text
