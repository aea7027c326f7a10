"""The known examples most like a picture, named where the bundle knows any, and in the worker's language."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

from inspection.finding import Condition, Defect
from inspection.frame import ViewPicture
from inspection.policy import Policy
from inspection.products import Catalogue
from inspection.report import PicturePart
from inspection.station.capture import Bench
from inspection.station.pictures import PictureStore
from inspection.station.similar import KnownExamples
from inspection.station.web import words
from inspection.station.web.languages import Languages
from inspection.station.web.pages import Pages
from models.bundle import open_bundle, seal_bundle
from models.examples import EXAMPLES, Similar, learn
from models.explain import reference_of
from models.runtime import Judge
from tests.station.rig import ROOT

BUNDLE = ROOT / "models" / "bundles" / "default"
ITEMS = ("can-01", "carton-01", "phone-01", "bottle-01")
CONDITIONS = (Condition.INTACT, Condition.MINOR, Condition.MAJOR, Condition.CRITICAL)


def pixels_of(item: str) -> np.ndarray:
    found = cv2.imread(str(ROOT / "datasets" / "demo" / item / "top.jpg"))
    assert found is not None
    return found


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge.load(BUNDLE, threads=1)


@pytest.fixture
def bench(judge: Judge) -> Bench:
    configs = ROOT / "configs"
    policy, products = Policy.load(configs / "policy" / "default.yaml"), Catalogue.load(configs / "products.yaml")
    return Bench(policy, products, judge)


def test_a_picture_is_most_like_itself_and_at_most_three_are_named(judge: Judge, bench: Bench, tmp_path: Path) -> None:
    store = PictureStore(tmp_path, 0)
    batch = judge.preprocess([ViewPicture("top", pixels_of(item)) for item in ITEMS])
    reference = reference_of(open_bundle(BUNDLE))
    defects = [frozenset[Defect](), frozenset({Defect.DENT}), frozenset({Defect.CRACK}), frozenset({Defect.TEAR})]
    examples = learn(reference, judge.run_raw(batch).embedding, ITEMS, CONDITIONS, defects)
    known = KnownExamples(examples, reference, bench, store)
    for item, condition in zip(ITEMS, CONDITIONS, strict=True):
        stored = store.put(pixels_of(item))
        part = PicturePart(
            view="top",
            sha256=stored.sha256,
            media_type="image/jpeg",
            size_bytes=stored.size_bytes,
            width=1,
            height=1,
            captured_at=datetime.now(UTC),
            camera_id="camera-top",
            sequence=1,
            settings_digest="0" * 16,
        )
        found = known.most_like(part)
        assert len(found) == 3
        assert (found[0].name, found[0].condition) == (item, condition)
        assert found[0].distance < found[1].distance


def test_a_bundle_without_examples_or_a_station_without_model_names_none(bench: Bench, tmp_path: Path) -> None:
    store = PictureStore(tmp_path / "pictures", 0)
    bare = tmp_path / "bare"
    shutil.copytree(BUNDLE, bare)
    spec = open_bundle(bare).spec
    (bare / EXAMPLES).unlink()
    seal_bundle(bare, spec)
    assert KnownExamples.of(bare, bench, store) is None
    assert KnownExamples.of(BUNDLE, replace(bench, judge=None), store) is None


def test_they_are_named_in_the_workers_words() -> None:
    similar = (Similar("renders/can-01", Condition.MINOR, (Defect.DENT,), 0.5),)
    pages = Pages(Languages.load("en"))
    said = {tag: pages.render("similar.html", tag, {"similar": similar, "words": words}) for tag in ("en", "zh-CN")}
    assert "dent" in said["en"]
    assert "凹" in said["zh-CN"]
    assert "can-01" not in said["en"], "a file's name tells a worker nothing"
