"""Stations' signatures: verified, kept, and trusted only for a reason."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from inspection.hub.accounts.tokens import Scope, grant, new_token
from inspection.hub.evidence import station_keys
from inspection.hub.evidence.entering import find
from inspection.hub.evidence.station_keys import KeyState
from inspection.report import seal
from tests.hub.conftest import RunningHub
from tests.hub.reports import fields


def send(client: httpx2.Client, key: Ed25519PrivateKey | None, **changes: Any) -> dict[str, Any]:
    body = seal(fields(**changes), key).model_dump(mode="json")
    answer = client.post("/v1/inspections", json=body)
    assert answer.status_code == 201, answer.text
    return body


def entered(running: RunningHub, body: dict[str, Any]) -> tuple[str | None, bool]:
    """Key and trust as the log has them."""
    with running.hub.database.transaction() as connection:
        entry = find(connection, running.merchant, f"verdict/{body['inspection_id']}/{body['revision']}")
    assert entry is not None
    assert entry.leaf is not None
    return entry.leaf.facts["station_key"], entry.leaf.facts["station_key_trusted"]


def known(running: RunningHub, station_id: str) -> list[KeyState]:
    with running.hub.database.transaction() as connection:
        return sorted(station_keys.known(connection, running.merchant, station_id).values())


@pytest.fixture
def own(running: RunningHub, request: pytest.FixtureRequest) -> Iterator[tuple[httpx2.Client, str]]:
    """A client with a token of a station of its own, and that station's id."""
    station_id, token = f"own-{request.node.name[:50]}", new_token(Scope.STATION)
    with running.hub.database.transaction() as connection:
        grant(connection, running.merchant, token, Scope.STATION, "own", station_id=station_id)
    with running.client(token) as client:
        yield client, station_id


def test_the_first_key_that_comes_with_the_stations_own_token_is_trusted(
    running: RunningHub, own: tuple[httpx2.Client, str]
) -> None:
    key, second = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    client, station_id = own
    bodies = [send(client, each, station_id=station_id) for each in (key, key, second, None)]
    assert [entered(running, body)[1] for body in bodies] == [True, True, False, False]
    assert entered(running, bodies[0])[0] == bodies[0]["signature"]["public_key"]
    assert entered(running, bodies[3]) == (None, False)
    assert known(running, station_id) == [KeyState.RECORDED, KeyState.TRUSTED]


def test_a_key_that_comes_with_a_token_for_any_station_is_recorded_only(
    running: RunningHub, admin: httpx2.Client
) -> None:
    body = send(admin, Ed25519PrivateKey.generate(), station_id="station-any")
    assert entered(running, body)[1] is False
    assert known(running, "station-any") == [KeyState.RECORDED]


def test_a_key_of_one_station_is_not_trusted_for_another(
    running: RunningHub, own: tuple[httpx2.Client, str], admin: httpx2.Client
) -> None:
    client, station_id = own
    key = Ed25519PrivateKey.generate()
    assert entered(running, send(client, key, station_id=station_id))[1] is True
    assert entered(running, send(admin, key, station_id="station-other"))[1] is False


def test_a_person_trusts_and_revokes(running: RunningHub, admin: httpx2.Client) -> None:
    key = Ed25519PrivateKey.generate()
    before = send(admin, key, station_id="station-p")
    public = before["signature"]["public_key"]
    with running.hub.database.transaction() as connection:
        assert station_keys.decide(connection, running.merchant, "station-p", public, KeyState.TRUSTED)
        assert not station_keys.decide(connection, running.merchant, "station-p", public, KeyState.TRUSTED)
    trusted = send(admin, key, station_id="station-p")
    with running.hub.database.transaction() as connection:
        station_keys.decide(connection, running.merchant, "station-p", public, KeyState.REVOKED)
        station_keys.decide(connection, running.merchant, "station-p", public, KeyState.TRUSTED)
    after = send(admin, key, station_id="station-p")
    assert [entered(running, body)[1] for body in (before, trusted, after)] == [False, True, False]
    assert known(running, "station-p") == [KeyState.REVOKED]


def test_a_signature_that_does_not_verify_is_refused(running: RunningHub, own: tuple[httpx2.Client, str]) -> None:
    client, station_id = own
    body = seal(fields(station_id=station_id), Ed25519PrivateKey.generate()).model_dump(mode="json")
    other = seal(fields(station_id=station_id), Ed25519PrivateKey.generate()).model_dump(mode="json")
    for signature in (other["signature"], body["signature"] | {"value": other["signature"]["value"]}):
        answer = client.post("/v1/inspections", json=body | {"signature": signature})
        assert (answer.status_code, answer.json()["code"]) == (422, "inspection.signature")
    assert known(running, station_id) == []
    assert client.post("/v1/inspections", json=body).status_code == 201


def test_a_signed_report_is_read_back_as_it_came(running: RunningHub, own: tuple[httpx2.Client, str]) -> None:
    client, station_id = own
    body = send(client, Ed25519PrivateKey.generate(), station_id=station_id)
    assert client.get(f"/v1/inspections/{body['inspection_id']}").json()["report"] == body
    again = client.post("/v1/inspections", json={name: value for name, value in body.items() if name != "signature"})
    assert (again.status_code, again.json()["code"]) == (409, "inspection.exists")
    assert client.get(f"/v1/inspections/{body['inspection_id']}").json()["report"] == body
