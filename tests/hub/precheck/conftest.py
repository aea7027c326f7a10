"""One worker for all tests that do not hurt it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import httpx2
import pytest

from inspection.hub.accounts import sessions
from inspection.hub.accounts.tables import staff
from inspection.hub.accounts.tokens import Kind
from inspection.hub.precheck.decoder import Decoder
from inspection.hub.precheck.lookers import Lookers
from inspection.hub.precheck.settings import PrecheckSection
from tests.hub.conftest import RunningHub


@pytest.fixture(scope="session")
def decoder() -> Iterator[Decoder]:
    with Decoder() as made:
        yield made


@pytest.fixture(scope="session")
def lookers() -> Iterator[Lookers]:
    made = Lookers(PrecheckSection(looks=1))
    yield made
    made.close()


@pytest.fixture(scope="module")
def agent(running: RunningHub) -> Iterator[httpx2.Client]:
    """A supervisor who is signed in at the console."""
    with running.hub.database.transaction() as connection:
        columns = {"merchant_id": running.merchant, "login": "agent", "name": "An agent", "role": "supervisor"}
        person = connection.execute(staff.insert().values(columns).returning(staff)).one()
        secret, _ = sessions.begin(connection, person, Kind.SESSION, timedelta(hours=1), source="test")
    headers, cookies = {"Accept": "text/html"}, {"insecure-loopback-session": secret}
    with httpx2.Client(base_url=running.url, headers=headers, cookies=cookies, timeout=60) as made:
        yield made
