"""The program itself: ready in one line, gone without a trace, nothing lost when it is killed."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import httpx2
import pytest
import yaml

from inspection.hub.database import head_revision
from inspection.hub.embedded_postgres import EmbeddedPostgres
from inspection.hub.postgres_place import find_place
from inspection.hub.serving import listen
from tests.hub.commands import call
from tests.hub.folders import database_folder
from tests.hub.reports import picture, png, report, sha256

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 120


class Demo:
    """``hub_app.py demo`` as a process of its own."""

    def __init__(self, data: Path) -> None:
        command = [sys.executable, "hub_app.py", "demo", "--data", str(data), "--port", "0"]
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=clean_environment()
        )

    def ready(self) -> dict[str, str]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.communicate()[1]
        found: dict[str, str] = json.loads(line)
        assert found.keys() == {"url", "admin_token", "station_token"}
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Whatever a test found wrong, nothing of it runs on."""
        if self.process.poll() is None:
            self.process.terminate()
        self.process.communicate(timeout=PATIENCE_S)

    def stopped_by(self, number: int) -> int:
        self.process.send_signal(number)
        out, _ = self.process.communicate(timeout=PATIENCE_S)
        assert out == ""
        return self.process.returncode


def clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "RETURNS_HUB_DSN"}


def client(found: dict[str, str], scope: str = "station") -> httpx2.Client:
    headers = {"Authorization": f"Bearer {found[f'{scope}_token']}"}
    return httpx2.Client(base_url=found["url"], headers=headers, timeout=PATIENCE_S)


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "hub_app.py", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        env=clean_environment() | environment,
    )


def server_runs(data: Path) -> bool:
    return (find_place(data).cluster / "postmaster.pid").exists()


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    """One data folder for the module: initdb is the slow part."""
    with database_folder() as folder:
        with EmbeddedPostgres(folder):
            pass
        yield folder


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_is_ready_in_one_line_and_stops_with_its_database(data: Path, number: int) -> None:
    with Demo(data) as demo:
        found = demo.ready()
        with client(found) as station, client(found, "admin") as admin:
            assert station.get("/readyz").status_code == 200
            assert station.get("/v1/stats").status_code == 200
            assert admin.post("/v1/returns", json={"rma": f"R-{number}", "lines": [{}]}).status_code == 201
        assert server_runs(data)
        assert demo.stopped_by(number) == 0
    assert not server_runs(data)
    for name in ("admin.token", "station.token"):
        assert oct((data / name).stat().st_mode & 0o777) == "0o600"


def test_kill_9_loses_nothing_and_the_next_start_finds_everything(data: Path) -> None:
    with Demo(data) as demo:
        before = demo.ready()
        photo = png(41)
        body = report(pictures=[picture(photo), picture(png(42), "front")])
        with client(before) as station:
            assert station.post("/v1/inspections", json=body).status_code == 201
            assert station.put(f"/v1/images/{sha256(photo)}", content=photo).status_code == 201
        demo.process.kill()
        demo.process.wait()
    with Demo(data) as again:
        after = again.ready()
        assert (after["admin_token"], after["station_token"]) == (before["admin_token"], before["station_token"])
        with client(after) as station:
            repeated = station.post("/v1/inspections", json=body)
            assert (repeated.status_code, repeated.json()["code"]) == (409, "inspection.exists")
            assert repeated.json()["missing_images"] == [sha256(png(42))]
            assert station.get(f"/v1/images/{sha256(photo)}").content == photo
            assert station.get(f"/v1/inspections/{body['inspection_id']}").json()["report"] == body
        assert again.stopped_by(signal.SIGTERM) == 0
    assert not server_runs(data)


def test_two_on_one_data_folder_share_the_database(data: Path) -> None:
    with Demo(data) as first, Demo(data) as second:
        one, two = first.ready(), second.ready()
        body = report()
        with client(one) as station:
            assert station.post("/v1/inspections", json=body).status_code == 201
        assert first.stopped_by(signal.SIGTERM) == 0
        with client(two) as station:
            assert station.get(f"/v1/inspections/{body['inspection_id']}").status_code == 200
        assert second.stopped_by(signal.SIGTERM) == 0
    assert not server_runs(data)


def test_a_stop_during_the_start_leaves_nothing_running(data: Path) -> None:
    with Demo(data) as demo:
        pid_file = find_place(data).cluster / "postmaster.pid"
        deadline = time.monotonic() + PATIENCE_S
        while not pid_file.exists():
            assert demo.process.poll() is None
            assert time.monotonic() < deadline
            select.select([], [], [], 0.001)
        assert demo.stopped_by(signal.SIGTERM) == 0
    assert not server_runs(data)


def test_a_busy_port_is_named_before_anything_is_started(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = call("demo", "--data", str(tmp_path / "data"), "--port", str(port))
    assert done.exit_code == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "--port" in done.stderr
    assert str(port) in done.stderr
    assert not (tmp_path / "data").exists()


def test_answers_do_not_wait_for_nagle() -> None:
    with listen("127.0.0.1", 0) as listening:
        assert listening.proto == socket.IPPROTO_TCP  # what asyncio asks before it sets TCP_NODELAY


def test_a_token_file_that_others_can_read_is_refused(data: Path) -> None:
    path = data / "admin.token"
    path.touch()
    path.chmod(0o644)
    done = run("demo", "--data", str(data))
    path.chmod(0o600)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "admin.token" in done.stderr
    assert not server_runs(data)


def test_a_deleted_token_file_makes_a_new_token_and_shuts_the_old_one_out(data: Path) -> None:
    with Demo(data) as first:
        before = first.ready()
    (data / "station.token").unlink()
    with Demo(data) as second:
        after = second.ready()
        with client(after) as new, client(after | {"station_token": before["station_token"]}) as old:
            assert (new.get("/v1/stats").status_code, old.get("/v1/stats").status_code) == (200, 401)


def test_a_configured_hub_is_checked_given_a_token_and_served(data: Path, tmp_path: Path) -> None:
    config = tmp_path / "hub.yaml"
    config.write_text(yaml.safe_dump({"data_dir": str(data), "listen": {"port": 0}}))
    migrated = call("migrate", "--config", str(config))
    assert (migrated.exit_code, migrated.stdout) == (0, f"schema {head_revision()}\n")
    checked = call("doctor", "--config", str(config))
    assert checked.exit_code == 0, checked.stderr
    made = call("token", "--scope", "station", "--label", "st", "--station", "station-01", "--config", str(config))
    assert made.exit_code == 0, made.stderr
    command = [sys.executable, "hub_app.py", "serve", "--config", str(config)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, env=clean_environment())
    assert process.stderr is not None
    url = next(json.loads(line)["url"] for line in process.stderr if '"ready"' in line)
    with client({"url": url, "station_token": made.stdout.strip()}) as station:
        assert station.post("/v1/inspections", json=report(station_id="station-01")).status_code == 201
        assert station.post("/v1/inspections", json=report(station_id="station-02")).status_code == 403
    process.send_signal(signal.SIGTERM)
    logged = process.communicate(timeout=PATIENCE_S)[1]
    assert process.returncode == 0
    lines = [json.loads(line) for line in logged.splitlines()]
    assert any(line["event"] == "request" and line["status"] == 201 and line["request_id"] for line in lines)
    stored = next(line for line in lines if line["event"] == "inspection")
    assert (stored["outcome"], len(stored["inspection_id"]), len(stored["request_id"])) == ("stored", 36, 32)
    assert made.stdout.strip() not in logged


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("surprise: 1\n", ["surprise"]),
        ("listen: {prot: 1}\n", ["listen.prot"]),
        ("listen: {port: many}\n", ["listen.port"]),
        ("images: {max_bytes: 1}\n", ["images.max_bytes"]),
        ("epcis: {gln: '12'}\n", ["epcis.gln"]),
        ("a: [\n", ["not YAML"]),
        ("- 1\n", ["keys and values"]),
    ],
)
def test_a_mistake_in_the_configuration_is_one_line_with_file_and_key(
    tmp_path: Path, text: str, names: list[str]
) -> None:
    config = tmp_path / "wrong.yaml"
    config.write_text(text)
    done = call("migrate", "--config", str(config))
    assert (done.exit_code, len(done.stderr.splitlines())) == (1, 1)
    for name in (str(config), *names):
        assert name in done.stderr


def test_the_example_configuration_says_the_defaults() -> None:
    from inspection.hub.config import HubConfig, load_config  # noqa: PLC0415 - only here

    assert load_config(ROOT / "configs" / "hub.yaml") == HubConfig()


def test_a_database_elsewhere_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    dsn = f"postgresql://hub:hunter2@/hub?host={tmp_path}"
    done = run("migrate", RETURNS_HUB_DSN=dsn)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "database.unavailable" in done.stderr
    assert "hunter2" not in done.stderr
