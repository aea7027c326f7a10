"""Several API processes on one port: one that dies is replaced, and none outlives the one that looks after them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.hub.faults.conftest import PATIENCE_S, Place, Sent, reconcile, send, until
from tests.hub.reports import picture, png, report, sha256
from tests.hub.test_hub_app import ROOT, clean_environment


@pytest.fixture
def serving(place: Place) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "hub_app.py", "serve", "--processes", "2", "--port", "0", "--config", str(place.config)]
    environment = clean_environment() | {"RETURNS_HUB_DSN": place.database.dsn}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    url = next(found[1] for line in process.stderr if (found := re.search(r'"url": "([^"]+)".*"serving"', line)))
    yield process, url
    if process.poll() is None:
        process.terminate()
    process.communicate(timeout=PATIENCE_S)


def children(process: subprocess.Popen[str]) -> set[int]:
    return set(map(int, Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()))


def is_alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def deliver(place: Place, url: str, sent: Sent, seed: int) -> None:
    """On a connection of its own, which the kernel gives to any of the processes."""
    content = png(seed)
    with place.client(url) as client:
        send(client, sent, "PUT", f"/v1/images/{sha256(content)}", content=content)
        send(client, sent, "POST", "/v1/inspections", json=report(pictures=[picture(content)]))


@pytest.mark.slow
def test_one_of_several_processes_that_is_killed_is_replaced_and_metrics_are_those_of_all(
    place: Place, serving: tuple[subprocess.Popen[str], str]
) -> None:
    process, url = serving
    sent = Sent()
    for seed in range(6):
        deliver(place, url, sent, seed)
    before = children(process)
    assert len(before) == 2
    killed = min(before)
    os.kill(killed, signal.SIGKILL)
    for seed in range(6, 12):
        deliver(place, url, sent, seed)
    until(lambda: len(children(process) - before) == 1, "another took its place")
    with place.client(url) as client:
        counted = re.search(r'hub_inspections_received_total\{outcome="stored"\} (\S+)', client.get("/metrics").text)
    assert counted is not None
    assert float(counted[1]) == len(sent.reports)
    reconcile(place, sent)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0


@pytest.mark.slow
def test_no_process_outlives_the_one_that_looks_after_it(
    place: Place, serving: tuple[subprocess.Popen[str], str]
) -> None:
    process, url = serving
    with place.client(url) as client:
        assert client.get("/readyz").status_code == 200
    orphans = children(process)
    process.kill()
    until(lambda: not any(map(is_alive, orphans)), "they ended")
    with pytest.raises(httpx2.TransportError):
        httpx2.get(f"{url}/healthz")
