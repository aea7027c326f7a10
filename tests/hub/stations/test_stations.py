"""What stations say of themselves: kept once, bounded, one merchant's own, and told beside what is on hold."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx2
import pytest
import sqlalchemy as sa

from inspection.hub.accounts.matrix import Role
from inspection.hub.accounts.tokens import grant, new_token
from inspection.hub.stations.tables import station_status
from inspection.hub.tables import merchants
from tests.hub.accounts.conftest import Clock, moved
from tests.hub.conftest import RunningHub
from tests.hub.reports import report

__all__ = ["moved"]


def status(**changes: Any) -> dict[str, Any]:
    """What a station in the middle of its work says."""
    base: dict[str, Any] = {
        "state": "judged",
        "state_s": 3.5,
        "hour": {"items": 12, "dispositions": {"resell": 9, "hold": 3}, "overrides": 2},
        "waiting": 4,
        "oldest_waiting_s": 61.5,
        "refused": 0,
        "troubles": [{"code": "device.lost", "about": "scanner-1"}],
        "devices": 3,
        "devices_lost": 1,
        "software": "0.2.0",
        "policy": "1+abc",
        "products": "1+def",
        "model": "default@1+000000000000",
    }
    return base | changes


def seen(admin: httpx2.Client, station_id: str) -> dict[str, Any]:
    answer = admin.get("/v1/stations/status")
    assert answer.status_code == 200, answer.text
    (found,) = (each for each in answer.json()["stations"] if each["station_id"] == station_id)
    return dict(found)


@pytest.fixture
def name() -> str:
    return f"st-{uuid4().hex[:8]}"


@pytest.fixture
def other(running: RunningHub) -> Iterator[httpx2.Client]:
    """An administrator of another merchant."""
    token = new_token(Role.ADMIN)
    with running.hub.database.transaction() as connection:
        merchant = connection.execute(
            merchants.insert().values(name=f"other-{uuid4().hex[:8]}").returning(merchants.c.id)
        ).scalar_one()
        grant(connection, merchant, token, Role.ADMIN, "other")
    with running.client(token) as client:
        yield client


def test_the_newest_word_of_a_station_takes_the_place_of_the_one_before(
    running: RunningHub, station: httpx2.Client, admin: httpx2.Client, name: str
) -> None:
    assert station.put(f"/v1/stations/{name}/status", json=status()).status_code == 204
    newer = status(state="idle", state_s=0, waiting=0, oldest_waiting_s=None, troubles=[])
    assert station.put(f"/v1/stations/{name}/status", json=newer).status_code == 204
    found = seen(admin, name)
    assert found["status"] == newer
    assert found["silent"] is False
    with running.hub.database.transaction() as connection:
        count = sa.select(sa.func.count()).where(station_status.c.station_id == name)
        assert connection.execute(count).scalar_one() == 1


def test_a_station_speaks_for_itself_only(enrolled: httpx2.Client, admin: httpx2.Client, name: str) -> None:
    mine = enrolled.station_id  # type: ignore[attr-defined]
    assert enrolled.put(f"/v1/stations/{mine}/status", json=status()).status_code == 204
    refused = enrolled.put(f"/v1/stations/{name}/status", json=status())
    assert (refused.status_code, refused.json()["code"]) == (403, "station.mismatch")
    assert name not in admin.get("/v1/stations/status").text


@pytest.mark.parametrize(
    "wrong",
    [
        {"state": "asleep"},
        {"state_s": -1},
        {"waiting": -1},
        {"hour": {"items": 1 << 40}},
        {"hour": {"dispositions": {"sell": 1}}},
        {"troubles": [{"code": "device.lost"}] * 21},
        {"troubles": [{"code": "device.lost", "about": "x" * 65}]},
        {"troubles": [{"code": "<b>"}]},
        {"software": "x" * 201},
        {"worker": "somebody"},
        {"model": "x" * 20_000},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_what_is_too_much_or_of_no_kind_is_refused_and_nothing_kept(
    station: httpx2.Client, admin: httpx2.Client, name: str, wrong: dict[str, Any]
) -> None:
    answer = station.put(f"/v1/stations/{name}/status", json=status(**wrong))
    assert answer.status_code in (413, 422)
    assert name not in admin.get("/v1/stations/status").text


def test_another_merchants_stations_are_not_seen(
    station: httpx2.Client, admin: httpx2.Client, other: httpx2.Client, name: str
) -> None:
    station.put(f"/v1/stations/{name}/status", json=status())
    station.post("/v1/inspections", json=on_hold(name))
    assert seen(admin, name)["holds"]["items"] == 1
    assert other.get("/v1/stations/status").json()["stations"] == []
    other.put(f"/v1/stations/{name}/status", json=status(state="idle"))
    assert seen(admin, name)["status"]["state"] == "judged"
    assert seen(other, name)["holds"]["items"] == 0


def test_a_station_that_says_nothing_for_long_is_silent(
    station: httpx2.Client, admin: httpx2.Client, moved: Clock, name: str
) -> None:
    station.put(f"/v1/stations/{name}/status", json=status())
    moved.shift = timedelta(seconds=110)
    assert seen(admin, name)["silent"] is False
    moved.shift = timedelta(seconds=130)
    assert seen(admin, name)["silent"] is True
    station.put(f"/v1/stations/{name}/status", json=status())
    assert seen(admin, name)["silent"] is False


def on_hold(station_id: str, **changes: Any) -> dict[str, Any]:
    verdict = {"disposition": "hold", "grade": None, "decided_by": "policy"}
    return report(station_id=station_id, verdict=verdict, **changes)


def test_what_is_on_hold_is_told_until_somebody_decides(
    station: httpx2.Client, admin: httpx2.Client, moved: Clock, name: str
) -> None:
    first, second = on_hold(name), on_hold(name)
    for each in (first, second):
        assert station.post("/v1/inspections", json=each).status_code == 201
    holds = seen(admin, name)["holds"]
    assert (holds["items"], holds["overdue"]) == (2, False)
    assert seen(admin, name)["status"] is None, "it has not said yet how it is doing"
    moved.shift = timedelta(hours=25)
    assert seen(admin, name)["holds"]["overdue"] is True
    decided = report(station_id=name, inspection_id=first["inspection_id"], revision=2)
    assert station.post("/v1/inspections", json=decided).status_code == 201
    assert seen(admin, name)["holds"]["items"] == 1
