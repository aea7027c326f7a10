"""Rounding to int8: measured, kept within the stated limit, and a bundle like any other."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from inspection.errors import ConfigError
from inspection.frame import Pixels, ViewPicture
from models import quantize as rounding
from models.__main__ import DEMO
from models.bundle import open_bundle
from models.bundle_command import DEFAULT_BUNDLE
from models.runtime import Judge

pytestmark = pytest.mark.slow
pytest.importorskip("onnx", reason="training is not installed: make install-dev")


def pictures(count: int) -> list[Pixels]:
    files = sorted(file for file in DEMO.glob("**/*.jpg") if "mask" not in file.name)
    return [np.asarray(cv2.imread(str(file)), np.uint8) for file in files[:count]]


def test_the_rounded_bundle_judges_alike_says_so_and_keeps_its_contract(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounding, "RECIPES", rounding.RECIPES[1:2])
    monkeypatch.setattr(rounding, "_times", lambda *_: (2.0, 1.0))  # a busy machine must not decide
    cost, [only] = rounding.quantize(DEFAULT_BUNDLE, pictures(16), tmp_path / "int8", least_same=0.8)
    assert cost == only
    assert cost.pictures == 8
    parent, made = open_bundle(DEFAULT_BUNDLE), open_bundle(tmp_path / "int8")
    assert made.spec.precision == "int8"
    assert made.spec.lineage is not None
    assert made.spec.lineage.parent == parent.bundle_id
    assert "Rounded to int8" in made.contents["card.md"].decode()
    assert len(made.contents["model.onnx"]) < 0.6 * len(parent.contents["model.onnx"])
    judge, original = Judge.load(tmp_path / "int8"), Judge.load(DEFAULT_BUNDLE)
    batch = judge.preprocess([ViewPicture("top", pictures(1)[0])])
    np.testing.assert_allclose(judge.run_raw(batch).conditions, original.run_raw(batch).conditions, atol=0.25)
    assert judge.patches(batch).shape == original.patches(batch).shape
    assert [path.name for path in tmp_path.iterdir()] == ["int8"]


def test_what_costs_too_much_or_saves_nothing_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounding, "RECIPES", rounding.RECIPES[1:2])
    monkeypatch.setattr(rounding, "_times", lambda *_: (1.0, 2.0))
    with pytest.raises(ConfigError, match="no variant is faster"):
        rounding.quantize(DEFAULT_BUNDLE, pictures(16), tmp_path / "int8", least_same=0.0)
    assert list(tmp_path.iterdir()) == []


def test_too_few_pictures_or_a_folder_that_exists_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="at least 16"):
        rounding.quantize(DEFAULT_BUNDLE, pictures(3), tmp_path / "int8")
    with pytest.raises(ConfigError, match="exists"):
        rounding.quantize(DEFAULT_BUNDLE, pictures(16), tmp_path)
