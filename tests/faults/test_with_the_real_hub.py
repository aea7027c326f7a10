"""Station and hub as they ship, on a real database: reported once, pictures identical, whoever is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.station.rig import ROOT, Rig, gs1, wait_until

pytestmark = pytest.mark.slow


class RealHub:
    """``hub_app.py demo`` as a process."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, 0
        self.url = self.station_token = self.admin_token = ""
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "hub_app.py", "demo", "--data", str(self.folder), "--port", str(self.port)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        line = json.loads(self._process.stdout.readline())
        self.url, self.station_token, self.admin_token = line["url"], line["station_token"], line["admin_token"]
        self.port = int(self.url.rpartition(":")[2])

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(number)
            process.wait(60)
            assert process.stdout is not None
            process.stdout.close()

    def get(self, path: str) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {self.admin_token}"}
        return httpx2.get(self.url + path, headers=headers, trust_env=False, timeout=60)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[RealHub]:
    hub = RealHub(tmp_path / "hub")
    hub.start()
    yield hub
    hub.stop()


def test_items_reach_the_real_hub_once_with_their_pictures(tmp_path: Path, hub: RealHub) -> None:
    with Rig(tmp_path, real_hub=(hub.url, hub.station_token)) as rig:
        rig.start()
        for number, look in enumerate(["intact", "critical", "novel"]):
            rig.put(look, number)
            rig.scan(gs1(f"40{number}"))
            rig.wait(lambda s, n=number: s["state"] == "judged" and s["item"]["serial"] == f"40{n}")  # type: ignore[misc]
            if number == 1:
                hub.stop()  # this one is confirmed while the hub is away
            rig.scan("CMD:OK")
            if number == 1:
                rig.wait(lambda s: s["queue"]["waiting"] == 1 and s["hub"]["trouble"])
                os.kill(rig.pid, signal.SIGKILL)
                rig.died()
                hub.start()
                rig.start()
            rig.wait(lambda s: s["queue"]["waiting"] == 0 and s["state"] == "reported", timeout_s=120)
        rows = rig.inspections()
        assert len(rows) == 3
        for row in rows:
            found = wait_until(lambda r=row: hub.get(f"/v1/inspections/{r['inspection_id']}"))  # type: ignore[misc]
            assert found.status_code == 200, found.text
            for picture in row["pictures"]:
                held = hub.get(f"/v1/images/{picture['sha256']}")
                stored = rig.data / "pictures" / picture["sha256"][:2] / f"{picture['sha256']}.jpg"
                assert held.content == stored.read_bytes()
