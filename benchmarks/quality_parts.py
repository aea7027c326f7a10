"""What the steps of :mod:`benchmarks.quality_loop` share: callers of the hub, the clock, trainings, bundles."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import httpx2
from rich.console import Console

from benchmarks.quality_site import PATIENCE_S, HubProcesses
from benchmarks.station_workplace import load_now
from tests.station.rig import ROOT, wait_until

NAME, ENOUGH = "loop", 300
"""Of the bundle; overrides from which on the project's own rules and plan count."""


@dataclass
class Loop:
    """What the steps share."""

    folder: Path
    overrides: int
    hub: HubProcesses
    admin: httpx2.Client
    people: dict[str, httpx2.Client]
    verifier: str
    steps: list[dict[str, Any]] = field(default_factory=list)

    @contextmanager
    def step(self, name: str) -> Iterator[dict[str, Any]]:
        """One step, timed; what is put into the value is kept beside its minutes."""
        found: dict[str, Any] = {"step": name, "load": load_now()}
        began = time.monotonic()
        try:
            yield found
        finally:
            found["minutes"] = round((time.monotonic() - began) / 60, 2)
            self.steps.append(found)
            (self.folder / "loop.json").write_text(json.dumps(self.steps, indent=1), encoding="utf-8")
            Console().print(found)

    def post(self, path: str, body: dict[str, Any] | None = None, who: str | None = None) -> Any:
        """What the hub answers, which must be well."""
        client = self.admin if who is None else self.people[who]
        answer = client.post(path, json=body) if body is not None else client.post(path)
        assert answer.is_success, f"{path}: {answer.text}"
        return answer.json() if answer.content else None

    def get(self, path: str, **query: Any) -> Any:
        """Likewise."""
        answer = self.admin.get(path, params=query)
        assert answer.is_success, f"{path}: {answer.text}"
        return answer.json()


def bring_in(loop: Loop, name: str, folder: Path, exam_share: float) -> str:
    """A labelled folder as a data version of the hub, by the two commands for it."""
    store = loop.folder / "store"
    words = ["--data", str(folder), "--store", str(store), "--source", "renders", "--key", "item", "--key", "customer"]
    command = [sys.executable, "-m", "datasets", "version", "create", name, *words, "--exam-share", str(exam_share)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    version = done.stdout.strip().splitlines()[-1]
    loop.hub.call("datasets", "import", version, "--store", str(store))
    return version


def train(loop: Loop, kind: str, version: str, found: dict[str, Any]) -> str:
    """A training until its bundle is published; the bundle's id."""
    job = loop.post("/v1/training", {"kind": kind, "dataset": version, "name": NAME})
    state: dict[str, Any] = {}

    def over() -> bool:
        time.sleep(1)
        state.update(loop.get(f"/v1/training/{job['id']}"))
        return state["state"] in ("done", "failed", "cancelled")

    wait_until(over, 2 * PATIENCE_S, f"the training {kind}")
    assert state["state"] == "done", state["failure"]
    found |= {"bundle": state["bundle_id"], "estimated_minutes": round(state["estimate_s"] / 60, 2)}
    return str(state["bundle_id"])


def fetched(loop: Loop, bundle: str) -> Path:
    """A published bundle, laid out."""
    folder = loop.folder / "bundles" / bundle
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    archive = folder.with_suffix(".zip")
    archive.write_bytes(loop.admin.get(f"/v1/bundles/{bundle}/archive").content)
    with ZipFile(archive) as stored:
        stored.extractall(folder)
    return folder
