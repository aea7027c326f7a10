"""Training once more: cut by kill -9 it comes to the same, and new labels move the heads of what is there."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from models.__main__ import app
from models.bundle import open_bundle
from models.examples import EXAMPLES, from_bytes
from models.runtime import Judge

torch = pytest.importorskip("torch", reason="training is not installed: make install-dev")

from rich.console import Console  # noqa: E402

from datasets.manifest import read_manifest  # noqa: E402
from inspection.errors import ConfigError  # noqa: E402
from inspection.ledger.keys import load_or_make_key  # noqa: E402
from models import signing  # noqa: E402
from models.training import fit  # noqa: E402
from models.training.backbone import Trunk, pretrained  # noqa: E402
from models.training.cracks import crack  # noqa: E402
from models.training.features import FeatureCache  # noqa: E402
from models.training.fit import fit_tail, labels_of  # noqa: E402
from models.training.resume import read  # noqa: E402
from models.training.run import train  # noqa: E402
from tests.models.conftest import small  # noqa: E402

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
STEPS, KILLED_AT = 10, 7
FIT = """
import os, signal, sys
from pathlib import Path
from tests.models import test_training_again as these
folder, drawn, kept = map(Path, sys.argv[1:])
heard = []
def advance(_loss):
    heard.append(1)
    if len(heard) == these.KILLED_AT:
        os.kill(os.getpid(), signal.SIGKILL)
these.fitted(folder, drawn, kept, advance)
"""


def fitted(folder: Path, drawn: Path, kept: Path | None, advance: object = lambda _loss: None) -> dict[str, np.ndarray]:
    """The weights of a tiny fit on features in ``folder``, which saves every third step in ``kept``."""
    torch.set_num_threads(1)
    fit.SAVE_EVERY = 3
    samples = read_manifest(drawn)[:16]
    network = pretrained()
    cache = FeatureCache(folder, samples, 64, 1, 0)
    cache.fill(Trunk(network), 1, lambda _: None)
    tail = fit_tail(
        network, cache, samples, labels_of(samples), range(16), epochs=STEPS * fit.BATCH / 16, seed=1,
        advance=advance, kept=kept,
    )  # fmt: skip
    return {name: value.numpy() for name, value in tail.state_dict().items()}


def test_a_fit_that_was_killed_comes_to_the_same_as_one_that_was_not(drawn: Path, tmp_path: Path) -> None:
    whole = fitted(tmp_path / "features", drawn, None)
    kept = tmp_path / "fit.part"
    done = subprocess.run(
        [sys.executable, "-c", FIT, str(tmp_path / "features"), str(drawn), str(kept)],
        cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, timeout=300, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr
    state = read(kept)
    assert state is not None
    assert state["step"] == 6
    heard: list[float] = []
    again = fitted(tmp_path / "features", drawn, kept, heard.append)
    assert len(heard) == STEPS  # the six that were done are told at once, for the time left
    for name, value in whole.items():
        np.testing.assert_array_equal(again[name], value, err_msg=name)


def test_a_half_written_state_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "fit.part").write_bytes(b"PK\x03\x04 cut")
    assert read(tmp_path / "fit.part") is None
    assert read(tmp_path / "not-there.part") is None


def test_a_bundle_knows_where_it_comes_from_and_its_examples_and_is_signed(bundle: Path, work: Path) -> None:
    signer = signing.signer("training", load_or_make_key(work / "signing.key"))
    opened = open_bundle(bundle, [signer.verifier])
    assert opened.signed_by == ("training",)
    lineage = opened.spec.lineage
    assert lineage is not None
    assert set(lineage.data) == {"drawn"}
    assert lineage.config["size"] == 128
    assert str(work) not in (bundle / "bundle.json").read_text(encoding="utf-8")
    known = from_bytes(opened.contents[EXAMPLES])
    assert len(known.names) == opened.spec.data.pictures
    card = opened.contents["card.md"].decode()
    for heading in ("From where on it is sure", "Reliability", "What is decided without a person", "Risk and coverage"):
        assert f"## {heading}" in card
    box = opened.spec.thresholds.goods["box"]
    assert (box.sound, box.bad) == (16, 16)
    assert box.resell is None  # sixteen groups cannot promise one in a hundred


def test_a_training_that_was_done_is_not_done_again(bundle: Path, drawn: Path, work: Path, tmp_path: Path) -> None:
    before = {file.name: file.stat().st_mtime_ns for file in (work / "fits").iterdir()}
    train(small(drawn, tmp_path / "again", work), Console(quiet=True))
    assert before == {file.name: file.stat().st_mtime_ns for file in (work / "fits").iterdir()}
    assert (tmp_path / "again" / "model.onnx").read_bytes() == (bundle / "model.onnx").read_bytes()


def test_new_labels_move_the_heads_alone(bundle: Path, drawn: Path, work: Path, tmp_path: Path) -> None:
    """More of the same goods from a QA engineer, under another set; features of the old ones are not computed again."""
    shutil.copytree(work, tmp_path / "work")
    more = tmp_path / "more"
    more.mkdir()
    with (drawn / "manifest.csv").open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["file"] < "024"]
    with (more / "manifest.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        for row in rows:
            shutil.copy(drawn / row["file"], more / row["file"])
            writer.writerow({**row, "set": "corrected"})
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "work" / "features").glob("*/fine.npy")}
    options = small(drawn, tmp_path / "fresh", tmp_path / "work", data=[drawn, more], refresh=True)
    train(options, Console(quiet=True))
    assert all(path.stat().st_mtime_ns == before for path, before in files.items())
    assert len(list((tmp_path / "work" / "features").glob("*/fine.npy"))) == len(files) + 1
    fresh, old = open_bundle(tmp_path / "fresh"), open_bundle(bundle)
    assert fresh.spec.data.sets == {"drawn": 64, "corrected": 24}
    assert fresh.spec.lineage is not None
    assert fresh.spec.lineage.config["refresh"] is True
    assert fresh.contents["model.onnx"] != old.contents["model.onnx"]
    last = torch.load(tmp_path / "work" / "last-small.pt", weights_only=True)["weights"]["own"]
    first = torch.load(work / "last-small.pt", weights_only=True)["weights"]["own"]
    frozen = [name for name in first if name.startswith(("stage.", "expand.", "norm."))]
    assert all(torch.equal(last[name], first[name]) for name in frozen)
    assert not torch.equal(last["conditions.weight"], first["conditions.weight"])
    assert Judge.load(tmp_path / "fresh", threads=1).bundle_id == fresh.bundle_id


def test_nothing_to_refresh_is_said_before_anything_is_computed(drawn: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nothing to refresh"):
        train(small(drawn, tmp_path / "out", tmp_path / "work", refresh=True), Console(quiet=True))
    assert not (tmp_path / "work").exists()


def test_the_gravest_mistakes_are_put_on_a_sheet_outside_the_project(bundle: Path, drawn: Path, tmp_path: Path) -> None:
    wanted = ["mistakes", "--bundle", str(bundle), "--data", str(drawn), "--threads", "1", "--out"]
    done = CliRunner().invoke(app, [*wanted, str(tmp_path / "sheets" / "worst.png")])
    assert done.exit_code == 0, done.output
    assert cv2.imread(str(tmp_path / "sheets" / "worst.png")) is not None
    with (tmp_path / "sheets" / "worst.csv").open(encoding="utf-8", newline="") as stream:
        listed = list(csv.DictReader(stream))
    assert f"the {len(listed)} gravest mistakes of 16 not trained on" in done.output
    assert all(row["labelled"] != row["named"] for row in listed)
    refused = CliRunner().invoke(app, [*wanted, str(ROOT / "worst.png")])
    assert refused.exit_code == 2
    assert not (ROOT / "worst.png").exists()


def test_a_painted_crack_is_thin_and_on_the_glass() -> None:
    glass = np.zeros((200, 200), np.uint8)
    glass[40:160, 60:140] = 255
    for seed in range(20):
        picture = np.full((200, 200, 3), (20, 128, 235)[seed % 3], np.uint8)
        changed = (crack(picture, glass, np.random.default_rng(seed)).astype(int) != picture).any(axis=2)
        assert not changed[glass == 0].sum() > 0.05 * changed.sum()  # a shadow may fall a pixel beside
        assert 0.002 < changed[glass > 0].mean() < 0.5
