"""A hub of real processes, and a station at it with a worker who knows the truth; for the loop of quality."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx2
import numpy as np
import yaml

from benchmarks.quality_goods import Goods, another, boxes, renders
from inspection.finding import Condition
from tests.station.rig import ROOT, Rig, gs1, wait_until

STATION = "loop-station"
PATIENCE_S = 1800.0
PUT_S = 0.15


class HubProcesses:
    """``hub_app.py serve``, ``worker`` and ``trainer`` on one embedded database."""

    def __init__(self, folder: Path, config: dict[str, Any]) -> None:
        self.folder, self.file = folder, folder / "hub.yaml"
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        whole = {"data_dir": str(folder / "hub"), "listen": {"host": "127.0.0.1", "port": port}, **config}
        self.file.write_text(yaml.safe_dump(whole), encoding="utf-8")
        self._running: list[subprocess.Popen[bytes]] = []

    def call(self, *words: str) -> str:
        """What a command of the hub prints."""
        command = [sys.executable, "hub_app.py", *words, "--config", str(self.file)]
        done = subprocess.run(command, cwd=ROOT, env=_clean(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout.strip()

    def __enter__(self) -> Self:
        self.call("migrate")
        try:
            for name in ("serve", "worker", "trainer"):
                with (self.folder / f"{name}.log").open("ab") as log:
                    command = [sys.executable, "hub_app.py", name, "--config", str(self.file)]
                    self._running.append(subprocess.Popen(command, cwd=ROOT, env=_clean(), stdout=log, stderr=log))
                if name == "serve":
                    wait_until(self._is_ready, PATIENCE_S, "the hub")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._running):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.wait(120)

    def _is_ready(self) -> bool:
        try:
            return httpx2.get(f"{self.url}/readyz", timeout=5).status_code == httpx2.codes.OK
        except httpx2.HTTPError:
            time.sleep(0.2)
            return False

    @contextmanager
    def client(self, token: str) -> Iterator[httpx2.Client]:
        """A caller."""
        headers = {"Authorization": f"Bearer {token}"}
        with httpx2.Client(base_url=self.url, headers=headers, timeout=300) as client:
            yield client


def _clean() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "RETURNS_HUB_DSN"}


@dataclass
class Worker:
    """Works the station: puts goods there, scans, and puts right what it proposes.

    Attributes:
        truth: by inspection, what lay there.
        overrides: how often the proposal was not what the goods deserve.
        held: how often no proposal came at all.
        sold: bad items that were proposed for sale, by bundle; binned: good ones that were to be scrapped.
    """

    rig: Rig
    folder: Path
    rng: np.random.Generator
    truth: dict[str, Goods] = field(default_factory=dict)
    overrides: int = 0
    held: int = 0
    sold: dict[str, int] = field(default_factory=dict)
    binned: dict[str, int] = field(default_factory=dict)
    _order: list[Goods] = field(default_factory=list)

    def item(self) -> str:
        """One item from the table to its report; the bundle that judged it."""
        if not self._order:
            self._order = list(renders())
            self.rng.shuffle(self._order)
        goods = another(self._order.pop(), self.folder, f"L{len(self.truth):06d}", self.rng)
        for view, shot in goods.shots.items():
            self.rig.bench.show(view, shot.picture)
        time.sleep(PUT_S)
        self.rig.scan(gs1(goods.serial, goods.gtin))
        shown = self.rig.wait(
            lambda now: now["state"] == "judged" and now["inspection_id"] not in self.truth, PATIENCE_S, "a verdict"
        )
        self.truth[shown["inspection_id"]] = goods
        self._decide(goods, shown)
        return str(shown["versions"]["bundle"])

    def _decide(self, goods: Goods, shown: dict[str, Any]) -> None:
        about, proposed = shown["inspection_id"], shown["verdict"]["disposition"]
        bundle = shown["versions"]["bundle"]
        self.held += proposed == "hold"
        if proposed != "hold" and not goods.wrong(proposed):
            self._order_of("ok", inspection_id=about)
        else:
            if goods.wrong(proposed):
                counted = self.sold if proposed == "resell" else self.binned
                counted[bundle] = counted.get(bundle, 0) + 1
            self.overrides += 1
            reason = "false_damage" if goods.condition is Condition.INTACT else "missed_damage"
            marks = [
                {"view": view, "box": {name: value for name, value in box.items() if name != "defect"}}
                | {"defect": box["defect"]}
                for view, shot in goods.shots.items()
                for box in boxes(shot)
            ]
            said = {"disposition": goods.right, "reason_code": reason, "marks": marks}
            self._order_of("override", inspection_id=about, **said)
        self.rig.wait_state("confirmed", "reported", "hold", timeout_s=PATIENCE_S)

    def _order_of(self, command: str, **more: Any) -> None:
        answer = self.rig.command(command, **more)
        assert answer.is_success, f"{command}: {answer.text}"

    def all_sent(self) -> None:
        """Wait until the hub has every report and picture."""
        self.rig.wait(lambda now: now["queue"]["waiting"] == 0, PATIENCE_S, "all reports to be sent")
