"""A hub with a data version of drawn pictures, and a worker that trains."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from datasets.versions import making
from datasets.versions.making import Origin
from datasets.versions.store import VersionStore
from datasets.versions.version import Splitting
from inspection.hub.datasets import service as datasets
from inspection.hub.training import running, service
from inspection.hub.training.service import Wanted
from inspection.hub.training.settings import TrainingSection
from tests.hub.conftest import RunningHub
from tests.models.conftest import draw

OPTIONS = "size: 64\nversions: 1\nepochs: 6\nby_date: false\nfinder: false\nfolds: 1\n"


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 32 drawn pictures, half of them cracked."""
    folder = tmp_path_factory.mktemp("few")
    rng, rows = np.random.default_rng(3), ["file,set,goods,defects,condition,group,capture,licence"]
    for number in range(32):
        cracked = number % 2 == 1
        draw(folder / f"{number:02d}.jpg", rng, cracked=cracked)
        labels = "crack,major" if cracked else ",intact"
        rows.append(f"{number:02d}.jpg,drawn,box,{labels},g{number // 4}-{cracked},fixed,CC0-1.0")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def version(running: RunningHub, few: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Their version, on the hub, which trains small."""
    folder = tmp_path_factory.mktemp("training")
    (folder / "options.yaml").write_text(OPTIONS, encoding="utf-8")
    section = TrainingSection(
        folder=folder / "work", options=folder / "options.yaml", golden=few, threads=1, nice=0, attempts=3
    )
    object.__setattr__(running.hub, "config", running.hub.config.model_copy(update={"training": section}))
    store = VersionStore(folder / "store")
    entries = making.from_folders(store, [few], Origin("a test"))
    made = making.make("drawn", entries, splitting=Splitting(exam_share=0))
    return str(datasets.bring_in(running.hub, running.merchant, store, made, "test").id)


def never(seconds: float) -> bool:
    """A worker that is not stopping."""
    threading.Event().wait(min(seconds, 0.2))
    return False


def ask(running_hub: RunningHub, version: str, kind: str = "full", name: str = "small") -> UUID:
    row = service.ask(running_hub.hub, running_hub.merchant, Wanted(kind, version, name), "test")
    return UUID(str(row.id))


def state(running_hub: RunningHub, job: UUID) -> Any:
    with running_hub.hub.database.transaction() as connection:
        return service.find(connection, running_hub.merchant, job)


def do(running_hub: RunningHub, job: UUID, stopping: Callable[[float], bool] = never) -> Any:
    """What a worker does with a training."""
    running.run(running_hub.hub, running_hub.merchant, job, stopping)
    return state(running_hub, job)


@pytest.fixture(scope="module")
def trained(running: RunningHub, version: str) -> Any:
    """A training that was done."""
    pytest.importorskip("torch", reason="training is not installed: make install-dev")
    return do(running, ask(running, version))
