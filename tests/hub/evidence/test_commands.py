"""``hub_app.py evidence``: as an operator and as an auditor without the hub type it."""

from __future__ import annotations

import base64
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa
import yaml
from typer.testing import Result

from inspection.hub.images.vault import KEY_VARIABLE
from inspection.ledger.notes import VerifierKey
from tests.hub.commands import call
from tests.hub.conftest import RunningHub
from tests.hub.evidence.conftest import deliver
from tests.hub.folders import database_folder
from tests.hub.reports import picture, png, report, sha256
from tests.hub.test_hub_app import Demo, client, run

Command = Callable[..., Result]
NOWHERE = {"RETURNS_HUB_DSN": "postgresql://nobody@/none?host=/nonexistent"}


@pytest.fixture
def command(running: RunningHub, tmp_path: Path) -> Command:
    """``hub_app.py evidence …`` in this process, beside the hub that runs."""
    settings = running.hub.config
    config = tmp_path / "hub.yaml"
    evidence = {"origin": settings.evidence.origin, "witnesses": list(settings.evidence.witnesses)}
    config.write_text(yaml.safe_dump({"data_dir": str(settings.data_dir), "evidence": evidence}))
    dsn, key = running.hub.database.dsn, base64.b64encode(bytes(32)).decode()

    def run(*words: str) -> Result:
        more = () if words[0] == "verify" else ("--config", str(config))
        return call("evidence", *words, *more, dsn=dsn, **{KEY_VARIABLE: key})

    return run


@pytest.fixture
def body(station: httpx2.Client, request: pytest.FixtureRequest) -> dict[str, Any]:
    """A report with a picture of its own, delivered."""
    return deliver(station, seed=sum(request.node.name.encode()))


def test_export_and_verify_without_the_hub(tmp_path: Path) -> None:
    """The program itself, beside a hub that runs, then where there is none."""
    bundle, config = tmp_path / "bundle.zip", tmp_path / "hub.yaml"
    with database_folder() as data, Demo(data) as demo, client(demo.ready()) as station:
        config.write_text(yaml.safe_dump({"data_dir": str(data), "listen": {"port": 0}}))
        body = report(pictures=[picture(png(5))])
        assert station.put(f"/v1/images/{sha256(png(5))}", content=png(5)).status_code == 201
        assert station.post("/v1/inspections", json=body).status_code == 201
        exported = run("evidence", "export", body["inspection_id"], "--out", str(bundle), "--config", str(config))
        assert exported.returncode == 0, exported.stderr
        log_key = call("evidence", "keys", "--config", str(config)).stdout.splitlines()[0].removeprefix("log ")
        assert VerifierKey.parse(log_key)
    good = run("evidence", "verify", str(bundle), "--log-key", log_key, **NOWHERE)
    assert good.returncode == 0, good.stdout
    assert "all 7 things are good" in good.stdout


def test_one_changed_byte_is_named_and_no_bundle_is_overwritten(
    command: Command, body: dict[str, Any], tmp_path: Path
) -> None:
    bundle = tmp_path / "bundle.zip"
    assert command("export", body["inspection_id"], "--out", str(bundle)).exit_code == 0
    raw = bytearray(bundle.read_bytes())
    raw[raw.index(b'"disposition": "resell"') + 18] ^= 1
    bundle.write_bytes(raw)
    bad = command("verify", str(bundle))
    assert bad.exit_code == 1
    assert "FAILED reports/1.json: is not the record that is proven" in bad.stdout
    again = command("export", body["inspection_id"], "--out", str(bundle))
    assert (again.exit_code, len(again.stderr.splitlines())) == (1, 1)
    assert bundle.read_bytes() == raw


def test_a_bundle_may_be_a_folder(command: Command, body: dict[str, Any], tmp_path: Path) -> None:
    command("export", body["inspection_id"], "--out", str(tmp_path / "b.zip"))
    with zipfile.ZipFile(tmp_path / "b.zip") as opened:
        opened.extractall(tmp_path / "b")
    assert command("verify", str(tmp_path / "b")).exit_code == 0
    name = body["pictures"][0]["sha256"]
    (tmp_path / "b" / "pictures" / name).write_bytes(png(6))
    bad = command("verify", str(tmp_path / "b"))
    assert (bad.exit_code, f"FAILED pictures/{name}" in bad.stdout) == (1, True)


def test_check_names_what_was_changed_and_a_log_that_was_replaced(
    command: Command, body: dict[str, Any], running: RunningHub, admin: httpx2.Client, tmp_path: Path
) -> None:
    kept = tmp_path / "kept.checkpoint"
    assert command("export", body["inspection_id"], "--out", str(tmp_path / "b.zip")).exit_code == 0
    kept.write_bytes(admin.get("/v1/evidence/checkpoint").content)
    good = command("check", "--checkpoint", str(kept))
    assert (good.exit_code, "nothing was changed" in good.stdout) == (0, True), good.stdout
    name, length = body["pictures"][0]["sha256"], body["pictures"][0]["size_bytes"]
    file = next((running.hub.config.data_dir / "images").rglob(name))
    sealed = file.read_bytes()
    file.write_bytes(running.hub.images.get(running.merchant, name) + b"\0")
    decide(running, body, "scrap")
    bad = command("check")
    file.write_bytes(sealed)
    decide(running, body, "resell")
    assert bad.exit_code == 1
    assert [line for line in bad.stdout.splitlines() if line.startswith("CHANGED")] == [
        f"CHANGED inspection {body['inspection_id']} revision 1: disposition is scrap, its report says resell",
        f"CHANGED picture {name}: its {length + 1} bytes have another hash",
    ]
    assert command("check").exit_code == 0


def decide(running: RunningHub, body: dict[str, Any], disposition: str) -> None:
    """Write into the database what no part of the hub would."""
    change = sa.text("UPDATE inspections SET disposition = :disposition WHERE inspection_id = :id")
    with running.hub.database.transaction() as connection:
        connection.execute(change, {"disposition": disposition, "id": body["inspection_id"]})


@pytest.mark.parametrize(
    "words",
    [
        ("verify", "no-such-file"),
        ("trust-key", "station-1", "AAAA"),
        ("check", "--checkpoint", "no-such-file"),
        ("export", "5f0ad5a1-9a4f-4a35-9d0f-30dbbb7da9a1", "--out", "/nonexistent/x"),
    ],
)
def test_what_is_not_there_is_one_line(command: Command, words: tuple[str, ...]) -> None:
    done = command(*words)
    errors = [line for line in done.stderr.splitlines() if not line.startswith("{")]
    assert (done.exit_code, len(errors)) == (1, 1), done.stderr
