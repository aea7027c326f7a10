"""``/v1/connectors`` and ``hub_app.py connectors``: for those who may, what happened and sending it again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
import yaml
from typer.testing import Result

from tests.hub.commands import call
from tests.hub.conftest import RunningHub
from tests.hub.connectors.conftest import LOOPBACK, Desk
from tests.hub.connectors.servers.faulty import Answer, FaultyServer
from tests.hub.connectors.test_webhook import SYMMETRIC, section
from tests.hub.reports import GTIN

Put = Callable[[str], dict[str, str]]


def test_a_dead_letter_is_found_read_and_sent_again(
    desk: Desk, server: FaultyServer, name: str, secret: Put, admin: httpx2.Client
) -> None:
    desk.configure(**{name: section(server, secret)})
    server.planned.append(Answer(422, {"error": "unknown station"}))
    report = desk.report()
    desk.report()
    desk.turn(name)
    (about,) = [each for each in admin.get("/v1/connectors").json()["destinations"] if each["name"] == name]
    assert (about["dead"], about["waiting"], about["shut"]) == (1, 0, False)
    (dead,) = admin.get(f"/v1/connectors/{name}/deliveries", params={"state": "dead"}).json()["deliveries"]
    assert (dead["subject"], dead["kind"]) == (str(report.inspection_id), "inspection_confirmed")
    assert "unknown station" in dead["reason"]
    url = f"/v1/connectors/{name}/deliveries/{dead['delivery_id']}"
    (tried,) = admin.get(url).json()["tries"]
    assert (tried["status"], tried["request"]) == (422, f"POST {server.url}/hook")
    sent = admin.post(f"{url}/send")
    assert (sent.status_code, sent.json()["state"]) == (202, "waiting")
    desk.turn(name)
    assert admin.get(url).json()["state"] == "delivered"


def test_pages_go_through_all_deliveries_once(
    desk: Desk, server: FaultyServer, name: str, secret: Put, admin: httpx2.Client
) -> None:
    desk.configure(**{name: section(server, secret)})
    for _ in range(5):
        desk.report()
    found, before = [], None
    while True:
        params: dict[str, Any] = {"limit": 2} | ({} if before is None else {"before": before})
        page = admin.get(f"/v1/connectors/{name}/deliveries", params=params).json()
        found += [each["event_id"] for each in page["deliveries"]]
        before = page["next_before"]
        if before is None:
            break
    assert found == sorted((row.event_id for row in desk.rows(name)), reverse=True)


def test_many_are_sent_again_and_the_past_is_told(
    desk: Desk, server: FaultyServer, name: str, secret: Put, admin: httpx2.Client
) -> None:
    desk.configure(**{name: section(server, secret)})
    server.answer = lambda _: Answer(400)
    for _ in range(3):
        desk.report()
    desk.turn(name)
    assert admin.post(f"/v1/connectors/{name}/replay", json={}).json() == {"deliveries": 3}
    server.answer = lambda _: Answer()
    desk.turn_until(name, desk.ended(name))
    assert desk.states(name) == ["delivered"] * 3
    assert admin.post(f"/v1/connectors/{name}/replay", json={"past": True}).status_code == 422
    assert admin.post(f"/v1/connectors/{name}/replay", json={"what": 1}).status_code == 422


def test_a_destination_is_paused_and_resumed(
    desk: Desk, server: FaultyServer, name: str, secret: Put, admin: httpx2.Client
) -> None:
    desk.configure(**{name: section(server, secret)})
    assert admin.post(f"/v1/connectors/{name}/pause").json()["shut"] is True
    desk.report()
    desk.turn(name)
    assert server.got == []
    assert admin.post(f"/v1/connectors/{name}/resume").json()["shut"] is False
    desk.turn(name)
    assert desk.states(name) == ["delivered"]


def test_references_are_put_and_checked(
    desk: Desk, server: FaultyServer, name: str, secret: Put, admin: httpx2.Client
) -> None:
    desk.configure(**{name: section(server, secret)})
    url = f"/v1/connectors/{name}/references/RMA-1"
    item = {"gtin": GTIN, "ids": {"line_item_id": 7}}
    assert admin.put(url, json={"ids": {"return_id": "x"}, "items": [item]}).status_code == 204
    assert admin.put(url, json={"items": [item, item]}).status_code == 422
    assert admin.put(url, json={"items": [item | {"gtin": "1"}]}).status_code == 422


def test_what_is_not_there_is_said(admin: httpx2.Client, running: RunningHub) -> None:
    unknown = f"d-{uuid4().hex[:8]}"
    assert admin.get(f"/v1/connectors/{unknown}/deliveries").json()["code"] == "connector.unknown"
    assert admin.get(f"/v1/connectors/{unknown}/deliveries/{uuid4()}").json()["code"] == "delivery.unknown"
    assert admin.post("/v1/jobs/parked/1/run").json()["code"] == "job.unknown"
    assert admin.get("/v1/jobs/parked").json() == {"jobs": []}


@pytest.mark.parametrize("path", ["/v1/connectors", "/v1/jobs/parked"])
def test_a_station_may_not_look(station: httpx2.Client, path: str) -> None:
    assert station.get(path).json()["code"] == "token.scope"


@pytest.fixture
def command(desk: Desk) -> Callable[..., Result]:
    """``hub_app.py connectors …`` in this process."""
    return lambda *arguments: call("connectors", *arguments, dsn=desk.database.dsn)


def test_the_commands_print_what_would_be_sent_without_secrets_and_what_was_not_taken(
    desk: Desk, server: FaultyServer, name: str, secret: Put, tmp_path: Path, command: Callable[..., Result]
) -> None:
    said = section(server, secret, headers={"Authorization": secret("Bearer hunter2")})
    destinations = tmp_path / "connectors.yaml"
    destinations.write_text(yaml.safe_dump({"allow_networks": LOOPBACK, "destinations": {name: said}}))
    config = tmp_path / "hub.yaml"
    config.write_text(yaml.safe_dump({"data_dir": str(tmp_path), "connectors": {"file": str(destinations)}}))
    desk.configure(**{name: said})
    report = desk.report()
    tried = command("try", name, "--event", str(report.inspection_id), "--config", str(config))
    assert tried.exit_code == 0, tried.output
    assert f"POST {server.url}/hook" in tried.output
    assert '"disposition": "resell"' in tried.output
    assert "Authorization: (secret)" in tried.output
    assert "hunter2" not in tried.output
    assert SYMMETRIC[6:] not in tried.output
    assert server.got == []
    assert command("try", "other", "--event", "1", "--config", str(config)).exit_code == 1
    assert command("try", name, "--event", "999999999", "--config", str(config)).exit_code == 1
    assert "good" in command("check", str(destinations)).output
    server.planned.append(Answer(422, {"error": "no"}))
    desk.turn(name)
    assert "dead 1" in command("list", "--config", str(config)).output
    assert str(report.inspection_id) in command("dead", name, "--config", str(config)).output
    assert "1 to be sent again" in command("send", name, "--config", str(config)).output
    desk.turn(name)
    assert desk.states(name) == ["delivered"]
