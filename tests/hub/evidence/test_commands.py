"""``hub_app.py evidence``: as an operator and as an auditor without the hub type it."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml

from inspection.hub.database import Database
from inspection.hub.embedded_postgres import EmbeddedPostgres
from inspection.ledger.notes import VerifierKey
from tests.hub.folders import database_folder
from tests.hub.reports import picture, png, report, sha256
from tests.hub.test_hub_app import Demo, client, run


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    with database_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def config(data: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("config") / "hub.yaml"
    path.write_text(yaml.safe_dump({"data_dir": str(data), "listen": {"port": 0}}))
    return str(path)


@pytest.fixture(scope="module")
def body(data: Path) -> dict[str, Any]:
    """A report with a picture, delivered to a hub that ran."""
    found = report(pictures=[picture(png(5))])
    with Demo(data) as demo, client(demo.ready()) as station:
        assert station.put(f"/v1/images/{sha256(png(5))}", content=png(5)).status_code == 201
        assert station.post("/v1/inspections", json=found).status_code == 201
    return found


def test_export_and_verify_without_the_hub(config: str, body: dict[str, Any], tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.zip"
    exported = run("evidence", "export", body["inspection_id"], "--out", str(bundle), "--config", config)
    assert exported.returncode == 0, exported.stderr
    log_key = run("evidence", "keys", "--config", config).stdout.splitlines()[0].removeprefix("log ")
    assert VerifierKey.parse(log_key)
    nowhere = {"RETURNS_HUB_DSN": "postgresql://nobody@/none?host=/nonexistent"}
    good = run("evidence", "verify", str(bundle), "--log-key", log_key, **nowhere)
    assert good.returncode == 0, good.stdout
    assert "all 7 things are good" in good.stdout
    raw = bytearray(bundle.read_bytes())
    raw[raw.index(b'"disposition": "resell"') + 18] ^= 1
    bundle.write_bytes(raw)
    bad = run("evidence", "verify", str(bundle), **nowhere)
    assert bad.returncode == 1
    assert "FAILED reports/1.json: is not the record that is proven" in bad.stdout
    again = run("evidence", "export", body["inspection_id"], "--out", str(bundle), "--config", config)
    assert (again.returncode, len(again.stderr.splitlines())) == (1, 1)


def test_a_bundle_may_be_a_folder(config: str, body: dict[str, Any], tmp_path: Path) -> None:

    run("evidence", "export", body["inspection_id"], "--out", str(tmp_path / "b.zip"), "--config", config)
    with zipfile.ZipFile(tmp_path / "b.zip") as opened:
        opened.extractall(tmp_path / "b")
    assert run("evidence", "verify", str(tmp_path / "b")).returncode == 0
    (tmp_path / "b" / "pictures" / sha256(png(5))).write_bytes(png(6))
    bad = run("evidence", "verify", str(tmp_path / "b"))
    assert (bad.returncode, f"FAILED pictures/{sha256(png(5))}" in bad.stdout) == (1, True)


def test_commands_work_beside_a_running_hub(data: Path, config: str, body: dict[str, Any], tmp_path: Path) -> None:
    with Demo(data) as demo, client(demo.ready(), "admin") as admin:
        out = str(tmp_path / "beside.zip")
        assert run("evidence", "export", body["inspection_id"], "--out", out, "--config", config).returncode == 0
        assert run("evidence", "check", "--config", config).returncode == 0
        assert admin.get("/v1/evidence/checkpoint").status_code == 200


def test_check_names_what_was_changed_and_a_log_that_was_replaced(
    data: Path, config: str, body: dict[str, Any], tmp_path: Path
) -> None:
    with Demo(data) as demo, client(demo.ready(), "admin") as admin:
        kept = tmp_path / "kept.checkpoint"
        kept.write_bytes(admin.get("/v1/evidence/checkpoint").content)
    good = run("evidence", "check", "--config", config, "--checkpoint", str(kept))
    assert (good.returncode, "nothing was changed" in good.stdout) == (0, True), good.stdout
    with EmbeddedPostgres(data) as server:
        database = Database(server.dsn())
        with database.transaction() as connection:
            connection.execute(sa.text("UPDATE inspections SET disposition = 'scrap'"))
        database.close()
    file = next((data / "images").rglob(sha256(png(5))))
    file.write_bytes(png(5) + b"\0")
    bad = run("evidence", "check", "--config", config)
    assert bad.returncode == 1
    changed = [line for line in bad.stdout.splitlines() if line.startswith("CHANGED")]
    assert changed == [
        f"CHANGED inspection {body['inspection_id']} revision 1: disposition is scrap, its report says resell",
        f"CHANGED picture {sha256(png(5))}: its {len(png(5)) + 1} bytes have another hash",
    ]


@pytest.mark.parametrize(
    "words",
    [
        ("verify", "no-such-file"),
        ("trust-key", "station-1", "AAAA"),
        ("check", "--checkpoint", "no-such-file"),
        ("export", "5f0ad5a1-9a4f-4a35-9d0f-30dbbb7da9a1", "--out", "/nonexistent/x"),
    ],
)
def test_what_is_not_there_is_one_line(config: str, body: dict[str, Any], words: tuple[str, ...]) -> None:
    more = () if words[0] == "verify" else ("--config", config)
    done = run("evidence", *words, *more)
    errors = [line for line in done.stderr.splitlines() if not line.startswith("{")]
    assert (done.returncode, len(errors)) == (1, 1), done.stderr
