"""A whole workplace for tests: simulated devices, a recording hub, and the real station as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import cv2
import httpx2
import numpy as np
import yaml

from devices.simulators import SimulatedBench
from inspection.station.journal import Journal
from tests.station.recording_hub import TOKEN, RecordingHub

ROOT = Path(__file__).resolve().parents[2]
VIEWS = ("top", "front")
SOUP = "00614141401017"
COLOURS = {"intact": None, "minor": (12, (40, 40, 220)), "critical": (60, (40, 40, 220)), "novel": (70, (220, 60, 40))}


def gs1(serial: str, gtin: str = SOUP) -> str:
    """Text of a GS1 DataMatrix with serial number."""
    return f"01{gtin}21{serial}"


def draw(path: Path, look: str, number: int = 0) -> Path:
    """A grey can on a grey table, told apart by ``number``, with a patch whose colour says its condition."""
    pixels = np.full((240, 320, 3), 150, np.uint8)
    cv2.circle(pixels, (160, 120), 90, (185, 185, 185), -1)
    cv2.putText(pixels, str(number), (8, 232), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (30, 30, 30), 2)
    patch = COLOURS[look]
    if patch is not None:
        radius, colour = patch
        cv2.circle(pixels, (170, 110), radius, colour, -1)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), pixels)
    return path


def wait_until(wanted: Callable[[], Any], timeout_s: float = 60.0, what: str = "") -> Any:
    """Poll another process until ``wanted`` is true; returns its value."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = wanted()
        if value:
            return value
        assert time.monotonic() < deadline, f"waited {timeout_s:.0f} s for {what or wanted}"
        time.sleep(0.01)


class Rig:
    """Starts, kills and talks to a station.

    Attributes:
        program: what Python runs before the configuration.

    Args:
        folder: for bench, data and configuration.
        real_hub: URL and token of another hub than the recording one.
    """

    program: tuple[str, ...] = ("-m", "tests.faults.station_under_test")

    def __init__(self, folder: Path, *, real_hub: tuple[str, str] | None = None, data: Path | None = None) -> None:
        self.folder = folder
        self.hub = RecordingHub().start()
        self.bench = SimulatedBench(folder / "bench", views=VIEWS)
        self.data = data or folder / "data"
        self.http: httpx2.Client | None = None
        self.url = ""
        self._process: subprocess.Popen[str] | None = None
        url, token = real_hub or (self.hub.url, TOKEN)
        (folder / "token").write_text(token)
        self.config: dict[str, Any] = {
            "station_id": "test-station",
            "data": str(self.data),
            "web": {"port": 0, "language": "en"},
            "hub": {"url": url, "token_file": "token", "back_off_cap_s": 0.3, "refused_retry_s": 1},
            "devices": [
                {"id": "scanner", "driver": "barcode.serial", "port": str(folder / "bench" / "scanner")},
                {
                    "id": "rfid",
                    "driver": "rfid.m100",
                    "port": str(folder / "bench" / "rfid"),
                    "rssi_gate_dbm": -60,
                },
            ],
            "cameras": [
                {
                    "id": f"camera-{view}",
                    "view": view,
                    "driver": "replay",
                    "path": str(folder / "bench" / "cameras" / view),
                    "fps": 30,
                }
                for view in VIEWS
            ],
            "policy": str(ROOT / "configs" / "policy" / "default.yaml"),
            "products": str(ROOT / "configs" / "products.yaml"),
            "session": {"undo_ms": 0},
            "limits": {"min_free_mb": 0},
        }
        self.put("intact")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.bench.close()
        self.hub.stop()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def write_config(self) -> Path:
        path = self.folder / "station.yaml"
        path.write_text(yaml.safe_dump(self.config))
        return path

    def start(self, kill: str = "", *, devices: bool = True) -> float:
        """Start the station and wait for its devices; returns seconds from start to ready."""
        log = (self.folder / "station.log").open("a")
        began = time.monotonic()
        self._process = subprocess.Popen(
            [sys.executable, *self.program, str(self.write_config())],
            cwd=ROOT,
            env={**os.environ, "STATION_TEST_KILL": kill},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        log.close()
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        took = time.monotonic() - began
        assert line.startswith("ready: "), f"{line!r}; log:\n{(self.folder / 'station.log').read_text()[-3000:]}"
        self.url = line.removeprefix("ready: ").strip()
        self.http = httpx2.Client(base_url=self.url, trust_env=False, timeout=60)
        if devices:
            self.wait(lambda state: all(device["connected"] for device in state["devices"]), what="devices")
        return took

    def stop(self) -> int | None:
        """SIGTERM; returns the exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def died(self, timeout_s: float = 60.0) -> int:
        """Wait until the station ended by itself; returns its exit code."""
        assert self._process is not None
        code = self._process.wait(timeout_s)
        self._end(signal.SIGKILL)
        return code

    def _end(self, number: signal.Signals) -> int | None:
        if self.http is not None:
            self.http.close()
            self.http = None
        process, self._process = self._process, None
        if process is None:
            return None
        if process.poll() is None:
            process.send_signal(number)
        code = process.wait(60)
        assert process.stdout is not None
        process.stdout.close()
        return code

    def state(self) -> dict[str, Any]:
        assert self.http is not None
        state: dict[str, Any] = self.http.get("/api/state").json()
        return state

    def wait(self, wanted: Callable[[dict[str, Any]], Any], timeout_s: float = 60.0, what: str = "") -> dict[str, Any]:
        """The first state that is ``wanted``."""
        found: dict[str, Any] = {}

        def look() -> bool:
            found.clear()
            found.update(self.state())
            return bool(wanted(found))

        wait_until(look, timeout_s, what or f"a state; last: {found}")
        return found

    def wait_state(self, *states: str, timeout_s: float = 60.0) -> dict[str, Any]:
        return self.wait(lambda state: state["state"] in states, timeout_s, f"state {states}")

    def put(self, look: str, number: int = 0, epcs: tuple[str, ...] = ()) -> None:
        """Put an item under the cameras and its tags into the field."""
        for view in VIEWS:
            self.bench.show(view, draw(self.folder / "goods" / f"{view}-{look}-{number}.png", look, number))
        self.bench.place_tags(epcs)

    def scan(self, text: str, aim: str = "]d2") -> None:
        assert self.bench.scan(text, aim=aim), "nobody listens to the scanner"

    def command(self, command: str, **more: Any) -> httpx2.Response:
        assert self.http is not None
        return self.http.post("/api/command", json={"command": command, **more})

    def inspections(self) -> list[dict[str, Any]]:
        assert self.http is not None
        rows: list[dict[str, Any]] = self.http.get("/api/inspections", params={"limit": 1000}).json()["inspections"]
        return rows

    def journal(self) -> Journal:
        """The journal of a station that is not running."""
        return Journal(self.data / "journal.sqlite")
