"""What the README promises of the demo."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
DEMO = [sys.executable, "station_app.py", "demo"]
ANY_PORT = ["--port", "0", "--hub-port", "0"]

pytestmark = pytest.mark.slow


def command(data: Path, *options: str) -> list[str]:
    images = ["--images", str(ROOT / "datasets" / "demo")]
    return [*DEMO, "--data", str(data), *ANY_PORT, *images, *options]


def run(data: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(data, *options), cwd=ROOT, capture_output=True, text=True, timeout=180, check=False
    )  # fmt: skip


@contextmanager
def running(data: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """The demo as a process of its own; whatever is left of it and its children is killed at the end."""
    process = subprocess.Popen(
        command(data, *options), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    family: list[psutil.Process] = []
    try:
        yield process
    finally:
        if process.poll() is None:
            family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        for member in family:
            if member.is_running():
                member.kill()
        process.wait(timeout=20)
        if process.stdout is not None:
            process.stdout.close()


def url_of_station(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if line.startswith("Station: "):
            return line.split()[1]
    raise AssertionError("".join(said))


def state(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{url}/api/state", timeout=5) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


def station_of(process: subprocess.Popen[str]) -> psutil.Process:
    for child in psutil.Process(process.pid).children(recursive=True):
        if "station_app.py" in child.cmdline():
            return child
    raise AssertionError("no station runs")


def test_its_items_are_all_at_the_hub_with_their_pictures(tmp_path: Path) -> None:
    done = run(tmp_path / "demo", "--items", "4", "--headless", "--json", str(tmp_path / "items.json"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "The hub holds 4 of 4 with their pictures." in done.stdout
    items = json.loads((tmp_path / "items.json").read_text(encoding="utf-8"))
    assert len({item["inspection_id"] for item in items}) == 4
    for item in items:
        assert item["state"] == "reported"
        assert item["pictures"]
        assert {"identify", "capture", "correct", "judge", "decide", "journal"} <= set(item["timings_ms"])


def test_a_killed_station_is_started_again_and_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    with running(tmp_path / "demo", "--items", "5", "--headless", "--json", str(tmp_path / "items.json")) as demo:
        url = url_of_station(demo)
        deadline = time.monotonic() + 60
        while state(url)["state"] not in ("identified", "capturing", "judged"):
            assert time.monotonic() < deadline
        station_of(demo).kill()
        output, _ = demo.communicate(timeout=150)
    assert demo.returncode == 0, output
    assert "The station ended (-9); starting it again." in output
    assert "The hub holds 5 of 5 with their pictures." in output
    items = json.loads((tmp_path / "items.json").read_text(encoding="utf-8"))
    assert len({item["inspection_id"] for item in items}) == 5
    assert len({item["rma"] for item in items}) == 5


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_stops_everything_cleanly(tmp_path: Path, name: str) -> None:
    with running(tmp_path / "demo") as demo:
        url_of_station(demo)
        family = psutil.Process(demo.pid).children(recursive=True)
        assert len(family) >= 2
        demo.send_signal(getattr(signal, name))
        demo.communicate(timeout=20)
        assert demo.returncode == 0
    _, alive = psutil.wait_procs(family, timeout=5)
    assert not alive


def test_a_killed_demo_leaves_no_process_behind(tmp_path: Path) -> None:
    with running(tmp_path / "demo") as demo:
        url_of_station(demo)
        family = psutil.Process(demo.pid).children(recursive=True)
        demo.kill()
        _, alive = psutil.wait_procs(family, timeout=15)
        assert not alive


def test_a_cut_demo_goes_on_with_the_item_on_the_table(tmp_path: Path) -> None:
    with running(tmp_path / "demo", "--manual") as demo:
        url = url_of_station(demo)
        deadline = time.monotonic() + 60
        while (before := state(url))["state"] != "judged":
            assert time.monotonic() < deadline
        demo.send_signal(signal.SIGTERM)
        demo.communicate(timeout=20)
    done = run(tmp_path / "demo", "--items", "1", "--headless", "--json", str(tmp_path / "items.json"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Going on with what lay on the table" in done.stdout
    items = json.loads((tmp_path / "items.json").read_text(encoding="utf-8"))
    assert before["inspection_id"] in {item["inspection_id"] for item in items}
    assert len(items) == 2


@pytest.mark.parametrize("option", ["--port", "--hub-port"])
def test_a_busy_port_is_one_line_that_names_the_option(tmp_path: Path, option: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = run(tmp_path / "demo", "--items", "1", "--headless", option, port)
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert port in line
    assert re.search(rf"{option}\b", line)


def test_a_folder_without_pictures_is_said_to_be_so(tmp_path: Path) -> None:
    done = subprocess.run(
        [*DEMO, "--data", str(tmp_path / "demo"), *ANY_PORT, "--images", str(tmp_path), "--items", "1"],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "no pictures in" in done.stderr
