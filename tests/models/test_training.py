"""Training in miniature, end to end: pictures in, a bundle out that judges."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from datasets.manifest import read_manifest
from datasets.masks import mask_code
from inspection.finding import Condition, Defect
from inspection.frame import ViewPicture
from models.evaluation.run import held_out_rows
from models.runtime import Judge

torch = pytest.importorskip("torch", reason="training is not installed: make install-dev")

from models.training import measure  # noqa: E402
from models.training.augment import augment  # noqa: E402
from models.training.backbone import Trunk, pretrained  # noqa: E402
from models.training.features import FeatureCache, JoinedFeatures  # noqa: E402
from models.training.fit import fit_tail, labels_of, predict  # noqa: E402
from models.training.network import Tail  # noqa: E402

pytestmark = pytest.mark.slow


def view(path: Path) -> ViewPicture:
    return ViewPicture("top", np.asarray(cv2.imread(str(path)), np.uint8))


def test_a_trained_bundle_tells_held_out_cracked_from_intact(bundle: Path, drawn: Path) -> None:
    judge = Judge.load(bundle, threads=2)
    samples = read_manifest(drawn)
    rows = held_out_rows(judge, samples)
    assert len(rows) >= 12
    right = [
        (judge.assess([view(samples[row].path)]).condition is Condition.INTACT) == (not samples[row].damaged)
        for row in rows
    ]
    assert sum(right) / len(right) >= 0.8


def test_a_cracked_item_has_a_finding_with_a_box_inside_the_picture(bundle: Path, drawn: Path) -> None:
    judge = Judge.load(bundle)
    found = [
        finding
        for sample in read_manifest(drawn)
        if sample.damaged
        for finding in judge.assess([view(sample.path)]).findings
    ]
    assert {finding.defect for finding in found} == {Defect.CRACK}
    placed = [finding.box for finding in found if finding.box is not None]
    assert placed
    assert all(box.x + box.width <= 128 and box.y + box.height <= 128 for box in placed)


def test_the_imagenet_weights_are_loaded_right() -> None:
    """A drawn ball on grass-like green is a ball to ImageNet; weights loaded in a wrong order see anything else."""
    picture = np.full((224, 224, 3), (60, 140, 70), np.uint8)
    cv2.circle(picture, (112, 112), 80, (40, 230, 220), -1)  # BGR: tennis-ball yellow
    cv2.ellipse(picture, (30, 112), (70, 100), 0, -50, 50, (245, 245, 245), 5)
    cv2.ellipse(picture, (194, 112), (70, 100), 0, 130, 230, (245, 245, 245), 5)
    pixels = torch.from_numpy(picture[:, :, ::-1].copy()).permute(2, 0, 1)[None].float()
    with torch.no_grad():
        top = torch.topk(pretrained()((pixels - 127) / 128), 5).indices[0].tolist()
    assert 852 in top  # tennis ball


def test_the_same_seed_trains_the_same_tail_and_another_seed_another(drawn: Path, tmp_path: Path) -> None:
    samples = read_manifest(drawn)[:16]
    network, labels = pretrained(), labels_of(samples)
    cache = FeatureCache(tmp_path, samples, 64, 1, 0)
    cache.fill(Trunk(network), 2, lambda _: None)

    def weights(seed: int) -> str:
        tail = fit_tail(network, cache, samples, labels, range(16), epochs=1, seed=seed)
        return hashlib.sha256(b"".join(value.numpy().tobytes() for value in tail.state_dict().values())).hexdigest()

    assert weights(1) == weights(1) != weights(2)


def test_features_of_a_cut_run_are_not_computed_again(drawn: Path, tmp_path: Path) -> None:
    samples = read_manifest(drawn)[:40]
    trunk = Trunk(pretrained())

    class Cut(Exception):
        pass

    def cut_after(count: int) -> None:
        if count:
            raise Cut

    first = FeatureCache(tmp_path, samples, 64, 1, 0)
    with pytest.raises(Cut):
        first.fill(trunk, 2, cut_after)
    heard: list[int] = []
    second = FeatureCache(tmp_path, samples, 64, 1, 0)
    second.fill(trunk, 2, heard.append)
    assert heard[0] == 16
    assert sum(heard) == 80
    whole = FeatureCache(tmp_path / "other", samples, 64, 1, 0)
    whole.fill(trunk, 2, lambda _: None)
    np.testing.assert_array_equal(np.asarray(second.fine), np.asarray(whole.fine))


def test_joined_caches_give_the_features_of_their_samples(drawn: Path, tmp_path: Path) -> None:
    samples, trunk = read_manifest(drawn)[:10], Trunk(pretrained())
    whole = FeatureCache(tmp_path / "whole", samples, 64, 1, 0)
    joined = JoinedFeatures([FeatureCache(tmp_path / "parts", part, 64, 1, 0) for part in (samples[:3], samples[3:])])
    whole.fill(trunk, 1, lambda _: None)
    joined.fill(trunk, 1, lambda _: None)
    versions, rows = np.array([1, 0, 1, 0, 1]), np.array([9, 2, 3, 0, 2])
    for ours, theirs in zip(joined.gather(versions, rows), whole.gather(versions, rows), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-3)


def test_the_run_time_features_are_those_of_torch(drawn: Path, tmp_path: Path) -> None:
    samples = read_manifest(drawn)[:4]
    trunk = Trunk(pretrained())
    cache = FeatureCache(tmp_path, samples, 64, 1, 0)
    cache.fill(trunk, 1, lambda _: None)
    from models.pixels import fit  # noqa: PLC0415

    batch = np.stack([fit(view(sample.path).pixels, 64)[0] for sample in samples])
    with torch.no_grad():
        fine, coarse = trunk(torch.from_numpy(batch))
    np.testing.assert_allclose(np.asarray(cache.fine[0], np.float32), fine.numpy(), atol=0.02)
    np.testing.assert_allclose(np.asarray(cache.coarse[0], np.float32), coarse.numpy(), atol=0.02)


def test_a_mask_is_turned_with_its_picture() -> None:
    picture = np.zeros((100, 100, 3), np.uint8)
    mask = np.zeros((100, 100), np.uint8)
    picture[20:40, 60:90], mask[20:40, 60:90] = 255, mask_code(Defect.DENT)
    for seed in range(20):
        turned, marks = augment(picture, mask, random.Random(seed))
        assert marks is not None
        bright = turned.mean(axis=2) > 90
        overlap = (bright & (marks > 0)).sum() / max(1, (bright | (marks > 0)).sum())
        assert overlap > 0.6


def test_batch_norms_keep_their_statistics_in_training() -> None:
    tail = Tail(pretrained(), 2, 4)
    tail.train()
    before = tail.norm.running_mean.clone()
    tail(torch.rand(4, 112, 4, 4), torch.rand(4, 192, 2, 2))
    assert torch.equal(before, tail.norm.running_mean)


def test_predictions_do_not_depend_on_the_batch(drawn: Path, tmp_path: Path) -> None:
    samples = read_manifest(drawn)[:9]
    network = pretrained()
    cache = FeatureCache(tmp_path, samples, 64, 1, 0)
    cache.fill(Trunk(network), 1, lambda _: None)
    tail = Tail(network, 1, 4).eval()
    whole = predict(tail, cache, range(9))[2]
    single = np.concatenate([predict(tail, cache, [index])[2] for index in range(9)])
    np.testing.assert_allclose(whole, single, atol=1e-4)


def test_conformal_threshold_keeps_the_stated_rates() -> None:
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 4, 4000)
    p_sellable = np.clip(np.where(truth < 2, 0.8, 0.2) + rng.normal(0, 0.2, 4000), 0.001, 0.999)
    conditions = np.stack([p_sellable, p_sellable * 0, 1 - p_sellable, p_sellable * 0], axis=1).astype(np.float32)
    threshold = measure.conformal_threshold(conditions[:2000], truth[:2000], 0.01, 0.01)
    assert 0.5 < threshold < 1
    resold = p_sellable[2000:] >= threshold
    assert resold.sum() > 300
    assert (truth[2000:][resold] >= 2).mean() <= 0.02
    assert measure.conformal_threshold(conditions[:50], truth[:50], 0.01, 0.01) == 1.0  # too few to promise anything


def test_temperature_undoes_overconfidence() -> None:
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 4, 3000)
    honest = np.eye(4)[truth] * 1.5 + rng.normal(0, 1, (3000, 4))
    assert measure.temperature((honest * 3).astype(np.float32), truth) > 1.8


def test_training_names_what_is_wrong_with_the_data(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "models", "train", "--data", str(tmp_path), "--out", str(tmp_path / "b")],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "manifest.csv is not there" in done.stderr
    assert "Traceback" not in done.stderr
