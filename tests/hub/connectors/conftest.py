"""A hub whose events go to destinations, and a deliverer that a test turns by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from prometheus_client import CollectorRegistry

from inspection.epcis import Names
from inspection.hub.accounts.tokens import Caller, Scope, grant, merchant_id, new_token
from inspection.hub.connectors.config import ConnectorsConfig
from inspection.hub.connectors.configured import configure
from inspection.hub.connectors.delivering import Deliverer, Slot
from inspection.hub.connectors.metrics import DeliveryMetrics
from inspection.hub.connectors.tables import attempts, deliveries, destinations
from inspection.hub.database import Database
from inspection.hub.inspections.intake import accept, check_report
from inspection.hub.requests import parse_json
from inspection.report import InspectionReport
from tests.hub.connectors.servers.faulty import FaultyServer
from tests.hub.reports import report

LOOPBACK = ["127.0.0.0/8"]
QUICK = {"first_s": 600, "cap_s": 3600, "break_s": 600}
"""Nothing is tried again by itself within a test: :meth:`Desk.let_time_pass` says when."""


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as server:
        yield server


class Desk:
    """Destinations in a real database, turned by hand."""

    def __init__(self, database: Database, merchant: UUID, caller: Caller) -> None:
        self.database = database
        self.merchant = merchant
        self._caller = caller
        self._deliverer: Deliverer | None = None
        self._config = ConnectorsConfig.model_validate({})

    def configure(self, **sections: dict[str, Any]) -> None:
        """Have these destinations, loopback allowed."""
        self._config = ConnectorsConfig.model_validate({"allow_networks": LOOPBACK, "destinations": sections})
        with self.database.transaction() as connection:
            configure(connection, self.merchant, self._config)
        metrics = DeliveryMetrics(CollectorRegistry())
        self._deliverer = Deliverer(self.database, self._config, Names(), metrics)

    def report(self, **changes: Any) -> InspectionReport:
        """Have the hub take in a report; its event is in the same transaction."""
        value = report(**changes)
        text, parsed = parse_json(InspectionReport.model_validate(value).model_dump_json().encode())
        with self.database.transaction() as connection:
            accept(connection, self._caller, check_report(text, parsed))
        return InspectionReport.model_validate(value)

    def turn(self, name: str) -> None:
        """Let every slot of a destination have its turn once."""
        assert self._deliverer is not None
        for number in range(self._config.destinations[name].parallel):
            self._deliverer.drain(Slot(self.merchant, name, number), lambda: False)

    def turn_until(self, name: str, done: Callable[[], bool], turns: int = 400) -> None:
        """Let time pass, without sleeping: whatever waits for its moment has it now."""
        for _ in range(turns):
            if done():
                return
            self.let_time_pass(name)
            self.turn(name)
        assert done(), [dict(row._mapping) for row in self.rows(name)]

    def let_time_pass(self, name: str) -> None:
        now = sa.func.now()
        mine = sa.and_(deliveries.c.merchant_id == self.merchant, deliveries.c.destination == name)
        with self.database.transaction() as connection:
            connection.execute(
                deliveries.update().where(mine, deliveries.c.next_attempt_at > now).values(next_attempt_at=now)
            )
            opened = sa.and_(destinations.c.name == name, destinations.c.open_until.is_not(None))
            connection.execute(destinations.update().where(opened).values(open_until=now, probing_until=None))

    def rows(self, name: str) -> list[Any]:
        mine = sa.and_(deliveries.c.merchant_id == self.merchant, deliveries.c.destination == name)
        with self.database.transaction() as connection:
            return list(connection.execute(sa.select(deliveries).where(mine).order_by(deliveries.c.event_id)))

    def states(self, name: str) -> list[str]:
        return [row.state for row in self.rows(name)]

    def ended(self, name: str) -> Callable[[], bool]:
        return lambda: "waiting" not in self.states(name)

    def destination(self, name: str) -> Any:
        mine = sa.and_(destinations.c.merchant_id == self.merchant, destinations.c.name == name)
        with self.database.transaction() as connection:
            return connection.execute(sa.select(destinations).where(mine)).one()

    def tries(self, delivery_id: UUID) -> list[Any]:
        with self.database.transaction() as connection:
            query = sa.select(attempts).where(attempts.c.delivery_id == delivery_id)
            return list(connection.execute(query.order_by(attempts.c.attempt_id)))


@pytest.fixture(scope="module")
def caller(database: Database) -> Caller:
    token = new_token(Scope.STATION)
    with database.transaction() as connection:
        merchant = merchant_id(connection)
        grant(connection, merchant, token, Scope.STATION, "connector-tests")
        from inspection.hub.accounts.tokens import authenticate  # noqa: PLC0415 - only here

        found = authenticate(connection, token)
    assert found is not None
    return found


@pytest.fixture
def desk(database: Database, caller: Caller) -> Iterator[Desk]:
    desk = Desk(database, caller.merchant_id, caller)
    yield desk
    desk.configure()  # takes every destination out again


@pytest.fixture
def name() -> str:
    """A destination's name that no other test of the module has."""
    return f"d-{uuid4().hex[:10]}"


@pytest.fixture
def secret(tmp_path: Path) -> Callable[[str], dict[str, str]]:
    """Puts a text into a file and says where it is, as a configuration does."""

    def put(text: str) -> dict[str, str]:
        path = tmp_path / f"secret-{uuid4().hex}"
        path.write_text(f"{text}\n")
        return {"file": str(path)}

    return put
