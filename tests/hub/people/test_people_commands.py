"""``hub_app.py people``: taking out, erasing and sweeping from the command line."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest
import yaml

from inspection.hub.embedded_postgres import EmbeddedPostgres
from tests.hub.commands import call
from tests.hub.conftest import RunningHub
from tests.hub.test_returns import case


@pytest.fixture
def config(running: RunningHub, tmp_path: Path) -> str:
    path = tmp_path / "hub.yaml"
    path.write_text(yaml.safe_dump({"data_dir": str(running.hub.config.data_dir)}))
    return str(path)


def test_one_persons_cases_are_taken_out_and_erased(
    running: RunningHub, admin: httpx2.Client, config: str, tmp_path: Path
) -> None:
    body = case(order_ref=f"SO-{uuid4().hex[:8]}")
    admin.post("/v1/returns", json=body)
    out, dsn, order = tmp_path / "person.zip", running.hub.database.dsn, str(body["order_ref"])
    taken = call("people", "export", "--order", order, "--out", str(out), "--config", config, dsn=dsn)
    assert taken.exit_code == 0, taken.output
    with zipfile.ZipFile(out) as archive:
        assert order in archive.read("returns.json").decode()
    erased = call("people", "erase", "--order", order, "--reason", "asked for", "--config", config, dsn=dsn)
    assert erased.exit_code == 0, erased.output
    assert json.loads(erased.stdout)["counts"]["returns"] == 1
    assert admin.get(f"/v1/returns/{body['rma']}").json()["return"]["order_ref"] is None
    again = call("people", "erase", "--order", order, "--reason", "asked for", "--config", config, dsn=dsn)
    assert (again.exit_code, "return.unknown" in again.stderr) == (1, True)


def test_what_is_over_its_time_is_swept(running: RunningHub, config: str) -> None:
    swept = call("people", "sweep", "--config", config, dsn=running.hub.database.dsn)
    assert (swept.exit_code, swept.stdout.splitlines()[0]) == (0, "pictures: 0")


def test_a_database_without_the_schema_is_said_in_one_line(postgres: EmbeddedPostgres, config: str) -> None:
    name = f"bare_{uuid4().hex[:12]}"
    postgres.ensure_database(name)
    refused = call("people", "sweep", "--config", config, dsn=postgres.dsn(name))
    assert refused.exit_code == 1
    assert refused.stderr.startswith("database.schema: ")


def test_one_person_is_named_in_one_way(config: str) -> None:
    refused = call("people", "erase", "--reason", "asked for", "--config", config)
    assert (refused.exit_code, "--rma or --order" in refused.stderr) == (2, True)
