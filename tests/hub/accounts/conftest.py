"""Staff and stations for tests of accounts; hashes are cheap here, and one test looks at the real ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import argon2
import httpx2
import pytest
import sqlalchemy as sa

from inspection.hub.accounts import clock, hashing
from inspection.hub.accounts.matrix import Role
from inspection.hub.accounts.tables import audit_entries
from inspection.hub.accounts.tokens import grant, new_token
from tests.hub.conftest import RunningHub

PASSWORD = "correct horse battery"
PIN = "482915"


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "HASHER", argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@dataclass(slots=True)
class Clock:
    """Moves the database's clock as accounts see it."""

    shift: timedelta = timedelta()

    def __call__(self) -> Any:
        return sa.func.clock_timestamp(type_=sa.DateTime(timezone=True)) + sa.literal(self.shift, sa.Interval)


@pytest.fixture
def moved(monkeypatch: pytest.MonkeyPatch) -> Clock:
    moved = Clock()
    monkeypatch.setattr(clock, "sql", moved)
    return moved


@pytest.fixture
def person(admin: httpx2.Client) -> Callable[..., dict[str, Any]]:
    """Adds a member of staff with password, badge and PIN."""

    def add(role: str = "operator", **members: Any) -> dict[str, Any]:
        name = uuid4().hex[:12]
        body = {
            "login": f"p{name}",
            "name": "Li Wei",
            "role": role,
            "password": PASSWORD,
            "badge": f"B-{name}",
            "pin": PIN,
        }
        answer = admin.post("/v1/staff", json=body | members)
        assert answer.status_code == 201, answer.text
        return {**answer.json(), "badge": body["badge"]}

    return add


@pytest.fixture
def enrolled(running: RunningHub, admin: httpx2.Client) -> Iterator[httpx2.Client]:
    """A station of its own that came in with a code."""
    station_id = f"st-{uuid4().hex[:8]}"
    code = admin.post(f"/v1/stations/{station_id}/enrolment-codes").json()["code"]
    with running.client() as nobody:
        made = nobody.post("/v1/enrolments", json={"code": code}).json()
    with running.client(made["credential"]) as client:
        client.station_id = station_id  # type: ignore[attr-defined]
        yield client


def client_as(running: RunningHub, role: Role) -> httpx2.Client:
    token = new_token(role)
    with running.hub.database.transaction() as connection:
        grant(connection, running.merchant, token, role, f"test-{role}")
    return running.client(token)


def entries(running: RunningHub, subject: str) -> list[tuple[str, str]]:
    """What the audit trail has on a subject, oldest first."""
    table = audit_entries
    with running.hub.database.transaction() as connection:
        query = sa.select(table.c.act, table.c.outcome).where(table.c.subject == subject).order_by(table.c.id)
        return [(row.act, row.outcome) for row in connection.execute(query)]
