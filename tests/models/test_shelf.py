"""A station's references: items of a product with good samples are compared, and a new sample counts at once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from inspection.errors import ConfigError
from inspection.finding import Defect
from inspection.frame import Frame, ViewPicture
from inspection.item import Item
from inspection.pipeline import Context, inspect, uncorrected
from inspection.policy import Policy
from inspection.products import Catalogue
from inspection.station.config import load_config
from inspection.station.launch import load_bench
from models.__main__ import POLICY, PRODUCTS, ROOT, app
from models.bundle_command import DEFAULT_BUNDLE
from models.reference import ReferenceRefused
from models.reference_build import add, read_picture
from models.reference_file import read_bank, write_bank
from models.runtime import Judge
from models.shelf import Beside, Shelf
from tests.models.test_reference import picture

GTIN = "00614141402014"


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge.load(DEFAULT_BUNDLE)


@pytest.fixture(scope="module")
def built(judge: Judge, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a product's pictures and the bank made of them, and one with pictures that do not do."""
    folder = tmp_path_factory.mktemp("references")
    for name, numbers in ((GTIN.lstrip("0"), range(6)), ("4006381333931", range(2))):
        (folder / name).mkdir()
        for number in numbers:
            cv2.imwrite(str(folder / name / f"{number}.png"), picture(number))
    refused = Shelf(judge, folder).refresh()
    assert list(refused) == ["04006381333931"]
    return folder


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "references"))


def test_only_a_product_with_samples_is_compared(judge: Judge, folder: Path) -> None:
    shelf = Shelf(judge, folder)
    for gtin in (None, "", "../x", "04006381333931", "0012345678905"):
        assert shelf.judge_for(gtin) is judge
    beside = shelf.judge_for(GTIN.lstrip("0"))
    assert isinstance(beside, Beside)
    assert beside.bundle_id == judge.bundle_id
    stained = [ViewPicture("top", picture(77, "stain"))]
    assert Defect.NOVEL in {finding.defect for finding in beside.assess(stained).findings}
    assert Defect.NOVEL not in {finding.defect for finding in judge.assess(stained).findings}


def test_an_item_that_differs_is_held_and_the_place_is_shown(judge: Judge, folder: Path) -> None:
    catalogue = Catalogue.load(PRODUCTS)
    outcome = inspect(
        Item(gtin=GTIN),
        frames(picture(77, "stain")),
        judge=Shelf(judge, folder).judge_for(GTIN),
        correct=uncorrected,
        policy=Policy.load(POLICY),
        catalogue=catalogue,
        context=Context(),
    )
    assert outcome.assessment is not None
    assert any(f.defect is Defect.NOVEL and f.box is not None for f in outcome.assessment.findings)
    assert outcome.verdict.disposition == "hold"


def frames(pixels: np.ndarray) -> Mapping[str, Frame]:
    from datetime import UTC, datetime  # noqa: PLC0415

    return {"top": Frame(np.asarray(pixels, np.uint8), 0, datetime.now(UTC), 1, "camera", "0" * 64)}


def test_a_sample_added_counts_from_the_next_item_on(judge: Judge, folder: Path) -> None:
    shelf, path = Shelf(judge, folder), folder / f"{GTIN}.ref"
    before = shelf.bank(GTIN)
    assert before is not None
    assert shelf.bank(GTIN) is before
    write_bank(path, add(judge, before, "", "more.png", picture(60)))
    after = shelf.bank(GTIN)
    assert after is not None
    assert after.views[""].names[-1] == "more.png"
    path.unlink()
    assert shelf.judge_for(GTIN) is judge


def test_a_new_picture_or_another_bundle_has_the_bank_built_anew_and_nothing_else_does(
    judge: Judge, folder: Path
) -> None:
    shelf, path, built = Shelf(judge, folder), folder / f"{GTIN}.ref", list[str]()
    shelf.refresh(built.append)
    assert built == []
    cv2.imwrite(str(folder / GTIN.lstrip("0") / "6.png"), picture(6))
    os.utime(path, (1, 1))
    shelf.refresh(built.append)
    assert built == [GTIN]
    assert read_bank(path).views[""].names[-1] == "6.png"
    path.write_bytes(b"damaged")
    with pytest.raises(ReferenceRefused):
        shelf.judge_for(GTIN)
    shelf.refresh(built.append)
    assert built == [GTIN, GTIN]
    assert isinstance(shelf.judge_for(GTIN), Beside)


def test_samples_that_disagree_leave_the_bank_as_it_was(judge: Judge, folder: Path) -> None:
    path = folder / f"{GTIN}.ref"
    before = path.read_bytes()
    cv2.imwrite(str(folder / GTIN.lstrip("0") / "stained.png"), picture(60, "stain"))
    os.utime(path, (1, 1))
    done = CliRunner().invoke(app, ["reference", "refresh", str(folder)])
    assert done.exit_code == 2
    assert "stained.png" in done.output
    assert path.read_bytes() == before
    assert read_picture(folder / GTIN.lstrip("0") / "0.png").shape == (240, 320, 3)


def test_a_station_compares_where_its_configuration_names_a_folder(folder: Path, tmp_path: Path) -> None:
    text = (ROOT / "configs" / "station.yaml").read_text(encoding="utf-8").replace("../", f"{ROOT}/")
    for name in ("policy/default.yaml", "products.yaml", "guide.yaml"):
        text = text.replace(f": {name}", f": {ROOT}/configs/{name}")
    path = tmp_path / "station.yaml"
    path.write_text(text.replace("# references: references  ", "references: references  "), encoding="utf-8")
    bench = load_bench(load_config(path))
    assert bench.beside is not None
    assert isinstance(bench.beside(GTIN), Beside)
    assert bench.beside(None) is bench.judge
    shutil.rmtree(folder)
    with pytest.raises(ConfigError, match="is not a folder"):
        load_bench(load_config(path))
