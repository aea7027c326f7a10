"""ultralytics trains a bundle of the same contract; without it, a clear error."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from datasets.manifest import read_manifest
from inspection.finding import Condition, Defect
from inspection.frame import ViewPicture
from models.__main__ import app
from models.engines.yolo import Classes, EngineMissing, YoloOptions, class_name, require_packages


@pytest.fixture(scope="module")
def yolo_bundle(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("ultralytics", reason="training is not installed: make install-dev")
    from models.engines.yolo import train  # noqa: PLC0415

    out = tmp_path_factory.mktemp("bundles") / "yolo"
    options = YoloOptions(
        data=[drawn], golden=drawn, out=out, work=tmp_path_factory.mktemp("work"), size=64, epochs=1, threads=1
    )
    train(options, Console(quiet=True))
    return out


def test_a_class_is_a_condition_with_its_defects(drawn: Path) -> None:
    samples = read_manifest(drawn)
    classes = Classes.of(samples, [Defect.CRACK, Defect.STAIN])
    assert classes.names == ("0-intact", "2-major crack")
    np.testing.assert_array_equal(classes.has_defect, [[0, 0], [1, 0]])
    np.testing.assert_array_equal(classes.has_condition, [[1, 0, 0, 0], [0, 0, 1, 0]])
    assert {classes.place(sample) for sample in samples if class_name(sample) == "0-intact"} == {0}


def test_the_same_run_time_judges_with_it(yolo_bundle: Path) -> None:
    from models.runtime import Judge  # noqa: PLC0415

    judge = Judge.load(yolo_bundle, threads=1)
    assert judge.spec.lineage is not None
    assert judge.spec.lineage.config["engine"] == "ultralytics"
    pixels = np.random.default_rng(0).integers(0, 256, (3, 100, 80, 3)).astype(np.uint8)
    views = [ViewPicture(str(number), one) for number, one in enumerate(pixels)]
    together = judge.run_raw(judge.preprocess(views))
    alone = [judge.run_raw(judge.preprocess([view])) for view in views]
    np.testing.assert_allclose(together.conditions, np.concatenate([raw.conditions for raw in alone]), atol=1e-5)
    np.testing.assert_allclose(together.conditions.sum(axis=1), 1, atol=1e-5)
    assert together.maps.shape == (3, len(judge.spec.defects), 2, 2)
    assert set(judge.assess(views[:1]).p_condition) == set(Condition)


def test_without_ultralytics_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(EngineMissing, match="torch is not installed"):
        require_packages()


def test_what_the_engine_does_not_have_is_refused_by_name() -> None:
    done = CliRunner().invoke(app, ["train", "--engine", "ultralytics", "--refresh"])
    assert done.exit_code == 2
    assert "--refresh" in done.output
