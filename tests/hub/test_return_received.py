"""The event that a return was received: once, with the report that showed it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx2
import sqlalchemy as sa

from inspection.hub.tables import events
from tests.hub.conftest import RunningHub
from tests.hub.reports import report


def received(running: RunningHub, rma: str) -> list[dict[str, Any]]:
    query = sa.select(events.c.payload).where(events.c.kind == "return_received", events.c.subject == rma)
    with running.hub.database.transaction() as connection:
        return list(connection.execute(query.where(events.c.merchant_id == running.merchant)).scalars())


def test_the_first_report_of_a_return_receives_it_once(running: RunningHub, station: httpx2.Client) -> None:
    rma, first = f"RMA-{uuid4().hex[:8]}", str(uuid4())
    for body in (
        report(rma=rma, inspection_id=first),
        report(rma=rma, inspection_id=first, revision=2),
        report(rma=rma),
        report(rma=None),
    ):
        assert station.post("/v1/inspections", json=body).status_code == 201
    assert received(running, rma) == [
        {"station_id": "station-07", "inspection_id": first, "arrived_at": "2026-11-21T08:00:01.250000+08:00"}
    ]


def test_a_refused_report_receives_nothing(running: RunningHub, station: httpx2.Client) -> None:
    rma = f"RMA-{uuid4().hex[:8]}"
    assert station.post("/v1/inspections", json=report(rma=rma) | {"revision": 2}).status_code == 422
    assert received(running, rma) == []


def test_of_several_first_reports_at_once_one_receives(running: RunningHub) -> None:
    rma = f"RMA-{uuid4().hex[:8]}"

    def send(_: int) -> int:
        with running.client(running.station_token) as client:
            return client.post("/v1/inspections", json=report(rma=rma)).status_code

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(send, range(8))) == [201] * 8
    assert len(received(running, rma)) == 1
