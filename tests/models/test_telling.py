"""A training tells how far it is, takes a data version, and is made again from a bundle's lineage."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from datasets.__main__ import app as dataset_app
from datasets.versions.folders import set_digests
from datasets.versions.store import VersionStore
from models.__main__ import app
from models.bundle import open_bundle

torch = pytest.importorskip("torch", reason="training is not installed: make install-dev")

from rich.console import Console  # noqa: E402

from models.training import telling  # noqa: E402
from models.training.run import train  # noqa: E402
from tests.models.conftest import small  # noqa: E402

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]


def lines(file: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_stages_losses_and_figures_are_told(
    drawn: Path, work: Path, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With features that are there already; the fits are made anew, in processes of their own."""
    shutil.copytree(work, tmp_path / "work")
    shutil.rmtree(tmp_path / "work" / "fits")
    file = tmp_path / "progress.jsonl"
    monkeypatch.setenv(telling.FILE, str(file))
    train(small(drawn, tmp_path / "out", tmp_path / "work", epochs=8, threads=2), Console(quiet=True))
    told = lines(file)
    stages = [line for line in told if line["kind"] == "stage"]
    assert stages[-1]["stage"] == "fine-tuning"
    assert stages[-1]["done"] == stages[-1]["total"]
    losses = [line for line in told if line["kind"] == "loss"]
    assert {line["fit"] for line in losses} == {"own", "fold 1"}
    assert all(isinstance(line["loss"], float) and line["loss"] > 0 for line in losses)
    own = [line for line in losses if line["fit"] == "own"]
    assert own[-1]["step"] == own[-1]["steps"]
    assert own[-1]["epoch"] == 8
    metrics = {line["fit"]: line for line in told if line["kind"] == "metric"}
    assert 0 <= float(str(metrics["own"]["value"])) <= 1
    assert metrics["own"]["pictures"] == 16


def test_a_figure_counts_every_condition_alike_and_nothing_is_told_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(telling.FILE, str(tmp_path / "told"))
    logits = np.eye(4, dtype=np.float32)[[0, 0, 0, 1]]
    telling.tell_metric("own", logits, np.array([0, 0, 0, 2]))
    assert lines(tmp_path / "told")[0]["value"] == 0.5
    monkeypatch.delenv(telling.FILE)
    telling.tell_metric("own", logits, np.array([0, 0, 0, 2]))
    assert len(lines(tmp_path / "told")) == 1


CHILD = """
import os, sys, time
os.environ["RETURNS_TRAINING_PARENT"] = str(os.getppid())
from models.training.telling import end_with_parent
print(os.getpid(), flush=True)
while True:
    end_with_parent()
    time.sleep(0.05)
"""
PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=sys.stdout)
time.sleep(600)
"""


def test_a_training_ends_with_the_worker_that_started_it() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, CHILD], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait(60)
    assert parent.stdout.read() == ""  # ends when the last holder of the pipe, the child, is gone
    for _ in range(600):
        if not Path(f"/proc/{child}").exists():
            return
        time.sleep(0.1)
    pytest.fail("the child goes on")


def test_a_data_version_is_trained_on_and_made_again_from_the_bundles_lineage(drawn: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    made = CliRunner().invoke(dataset_app, ["version", "create", "v", "--data", str(drawn), "--store", str(store)])
    version = VersionStore(store).read(made.output.strip())
    config = tmp_path / "small.yaml"
    config.write_text("size: 128\nversions: 1\nepochs: 4\nby_date: false\nfinder: false\nfolds: 1\n", encoding="utf-8")
    out, work = tmp_path / "bundle", tmp_path / "work"
    words = ["train", "--config", config, "--dataset", "v", "--store", store, "--out", out, "--work", work]
    done = CliRunner().invoke(app, [*map(str, words), "--golden", str(drawn), "--threads", "1", "--name", "v"])
    assert done.exit_code == 0, done.output
    opened = open_bundle(out)
    assert opened.spec.lineage is not None
    assert opened.spec.lineage.data == set_digests(version)
    assert opened.spec.lineage.config["dataset"] == version.id
    again = ["reproduce", str(out), "--store", str(store), "--golden", str(drawn), "--work", str(tmp_path / "w2")]
    done = CliRunner().invoke(app, again)
    assert done.exit_code == 0, done.output
    assert "graph: the same bytes" in " ".join(done.output.split())
    refused = CliRunner().invoke(app, [*again, "--data", str(drawn)])
    assert refused.exit_code == 2
    assert "drawn differs (64 pictures, it was" in refused.output


def test_other_data_are_refused_before_anything_is_computed(bundle: Path, drawn: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(drawn, other)
    with (other / "manifest.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    rows[1]["defects"] = "dent"
    with (other / "manifest.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    words = ["reproduce", str(bundle), "--data", str(other), "--work", str(tmp_path / "w")]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 2
    assert "drawn differs (other pictures or labels)" in done.output
    assert not (tmp_path / "w").exists()
