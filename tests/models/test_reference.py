"""Good samples tell what is strange, within what they themselves differ; samples that disagree are refused."""

from __future__ import annotations

import csv
import math
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort
import pytest
from typer.testing import CliRunner

from inspection.finding import Defect
from inspection.frame import Pixels, ViewPicture
from models import reference
from models.__main__ import DEFAULT_BUNDLE, app
from models.evaluation.photographs import COLUMNS
from models.inner import PATCHES, has_tensor, with_output
from models.reference import MIN_SAMPLES, Bank, ReferenceRefused, Sample, ViewBank, extended, learn
from models.reference_build import add, build, read_picture
from models.reference_file import read_bank, write_bank
from models.references import References
from models.runtime import Judge
from models.students_t import t_below

GTIN = "00614141402014"
SIDE = 12


# --- patches alone ---------------------------------------------------------------------------------------------------


def grids(count: int, seed: int = 0, noise: float = 0.2, product: int = 1) -> list[np.ndarray]:
    """Patches of ``count`` pictures of one drawn product: the same place has nearly the same features."""
    pattern = np.random.default_rng(product).normal(0, 1, (SIDE, SIDE, 16))
    rng = np.random.default_rng(seed)
    return [(pattern + rng.normal(0, noise, pattern.shape)).astype(np.float32) for _ in range(count)]


def samples(count: int, **options: float) -> list[Sample]:
    return [Sample(f"{n}.png", grid) for n, grid in enumerate(grids(count, **options))]  # type: ignore[arg-type]


def test_what_is_like_the_samples_is_not_anomalous_and_what_differs_in_one_cell_is_and_there() -> None:
    bank = learn(samples(8))
    for good in grids(20, seed=9):
        assert not bank.compare(good).anomalous
    strange = grids(1, seed=10)[0]
    strange[3, 7] += 2.0
    found = bank.compare(strange)
    assert found.anomalous
    assert found.score > 0.99
    assert np.unravel_index(found.cells.argmax(), found.cells.shape) == (3, 7)
    assert float(np.median(found.cells)) < 0.5


def test_a_good_sample_a_cell_beside_its_place_is_still_good() -> None:
    moved = np.pad(grids(1, seed=5)[0], ((1, 0), (0, 1), (0, 0)), mode="edge")[:-1, 1:]
    assert not learn(samples(8)).compare(moved).anomalous


def test_what_the_camera_did_not_see_is_not_strange() -> None:
    bank, strange = learn(samples(8)), grids(1, seed=10)[0]
    strange[:3] += 5.0
    seen = np.ones((SIDE, SIDE), bool)
    seen[:3] = False
    assert bank.compare(strange).anomalous
    assert not bank.compare(strange, seen).anomalous


def test_the_score_grows_with_strangeness_and_passes_the_limit_where_it_says() -> None:
    bank = learn(samples(6))
    scores = [bank.score(value) for value in np.linspace(-2, 30, 50)]
    assert scores == sorted(scores)
    assert bank.score(bank.limit + 1e-6) >= 1 - reference.FALSE_ALARM > bank.score(bank.limit - 1e-3)


@pytest.mark.parametrize("count", [0, 3, 17])
def test_too_few_or_too_many_samples_are_refused(count: int) -> None:
    with pytest.raises(ReferenceRefused, match=f"found {count}"):
        learn(samples(count))


def test_the_sample_that_is_unlike_the_others_is_named() -> None:
    mixed = samples(8)
    odd = mixed[5].grid.copy()
    odd[2:5, 2:5] += 3.0
    mixed[5] = Sample("dented.png", odd)
    with pytest.raises(ReferenceRefused, match=r"dented\.png"):
        learn(mixed)


def test_two_samples_of_one_name_are_refused() -> None:
    twice = samples(5)
    with pytest.raises(ReferenceRefused, match=r"0\.png"):
        learn([*twice, twice[0]])


def test_adding_a_sample_is_the_same_as_having_had_it_from_the_start() -> None:
    all_of_them = samples(7)
    grown, whole = extended(learn(all_of_them[:6]), all_of_them[6]), learn(all_of_them)
    assert grown.names == whole.names
    np.testing.assert_allclose(grown.left_out, whole.left_out, atol=1e-5)
    other = grids(1, seed=9)[0]
    assert grown.compare(other).strangeness == pytest.approx(whole.compare(other).strangeness, abs=1e-5)


def test_a_full_bank_takes_no_more() -> None:
    with pytest.raises(ReferenceRefused, match="16"):
        extended(learn(samples(16)), Sample("one more.png", grids(1, seed=3)[0]))


def test_the_distribution_is_students() -> None:
    """Two-sided 95 % and 99 % points of the published tables (e.g. NIST/SEMATECH e-Handbook, 1.3.6.7.2)."""
    for degrees, point, share in ((1, 12.706, 0.975), (2, 4.303, 0.975), (3, 3.182, 0.975), (7, 2.998, 0.99)):
        assert float(t_below(np.array(point), degrees)) == pytest.approx(share, abs=2e-4)
        assert float(t_below(np.array(-point), degrees)) == pytest.approx(1 - share, abs=2e-4)


def test_other_patches_than_the_samples_are_refused() -> None:
    with pytest.raises(ReferenceRefused, match="shape"):
        learn(samples(4)).compare(np.zeros((4, 4, 16), np.float32))


# --- files -----------------------------------------------------------------------------------------------------------


def small_bank() -> Bank:
    return Bank(GTIN, "small@1+0123456789ab", {"": learn(samples(5)), "top": learn(samples(4, product=2))})


def test_a_bank_read_again_says_the_same(tmp_path: Path) -> None:
    bank, path = small_bank(), tmp_path / "a.ref"
    write_bank(path, bank)
    again = read_bank(path)
    assert (again.product, again.bundle_id, list(again.views)) == (bank.product, bank.bundle_id, ["", "top"])
    grid = grids(1, seed=4)[0]
    one, other = bank.views[""].compare(grid), again.views[""].compare(grid)
    assert (one.strangeness, one.score, one.nearest) == (other.strangeness, other.score, other.nearest)
    assert [path.name for path in tmp_path.iterdir()] == ["a.ref"]


def test_a_changed_or_cut_file_is_refused_wherever_it_is_changed(tmp_path: Path) -> None:
    path = tmp_path / "a.ref"
    write_bank(path, small_bank())
    whole = path.read_bytes()
    for place in [0, 10, 25, 90, len(whole) // 2, len(whole) - 1]:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(ReferenceRefused, match=r"a\.ref"):
            read_bank(path)
        path.write_bytes(whole[:place])
        with pytest.raises(ReferenceRefused, match=r"a\.ref"):
            read_bank(path)


def test_what_is_sealed_but_does_not_fit_together_is_refused(tmp_path: Path) -> None:
    bank = small_bank()
    view = bank.views[""]
    for wrong in (
        replace(view, names=view.names[:-1]),
        replace(view, names=(*view.names, "one more")),
        replace(view, grids=view.grids.astype(np.float64)),
        replace(view, grids=np.full_like(view.grids, np.nan)),
        replace(view, grids=view.grids[..., :0]),
        replace(view, seen=view.seen[1:]),
        replace(view, seen=np.zeros_like(view.seen)),
    ):
        write_bank(tmp_path / "a.ref", bank.with_view("", wrong))
        with pytest.raises(ReferenceRefused, match="does not hold"):
            read_bank(tmp_path / "a.ref")


def test_a_file_of_older_software_says_to_build_it_again(tmp_path: Path) -> None:
    (tmp_path / "a.ref").write_bytes(b"returns-reference 1\n" + b"0" * 64 + b"\nPK")
    with pytest.raises(ReferenceRefused, match="format 1") as refused:
        read_bank(tmp_path / "a.ref")
    assert "reference build" in str(refused.value.hint)


def test_a_write_that_fails_leaves_the_older_file(tmp_path: Path) -> None:
    with pytest.raises(ReferenceRefused, match="nowhere"):
        write_bank(tmp_path / "nowhere" / "a.ref", small_bank())
    assert list(tmp_path.iterdir()) == []


def test_another_bundle_is_refused() -> None:
    with pytest.raises(ReferenceRefused, match="other@1"):
        small_bank().require("other@1+ffffffffffff")


# --- the graph -------------------------------------------------------------------------------------------------------


def picture(seed: int, damage: str = "") -> Pixels:
    """A labelled box on a table, a little off each time; damaged ones carry a stain or a scratch."""
    rng = np.random.default_rng(seed)
    drawn = np.full((240, 320, 3), (90, 95, 100), np.uint8)
    cv2.rectangle(drawn, (70, 50), (250, 190), (60, 160, 210), -1)
    cv2.rectangle(drawn, (70, 50), (250, 80), (40, 60, 160), -1)
    cv2.putText(drawn, "OAT 1 l", (85, 130), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (20, 30, 40), 3, cv2.LINE_AA)
    cv2.circle(drawn, (215, 155), 22, (230, 230, 240), -1)
    if damage == "stain":
        cv2.ellipse(drawn, (120, 165), (20, 14), 20, 0, 360, (20, 30, 25), -1)
    if damage == "scratch":
        cv2.line(drawn, (150, 90), (235, 125), (250, 250, 250), 3, cv2.LINE_AA)
    turn = cv2.getRotationMatrix2D((160, 120), rng.uniform(-1.5, 1.5), 1)
    turn[:, 2] += rng.uniform(-4, 4, 2)
    moved = cv2.warpAffine(drawn, turn, (320, 240), borderMode=cv2.BORDER_REFLECT).astype(np.float32)
    noisy = moved * rng.uniform(0.96, 1.04) + rng.normal(0, 2, moved.shape)
    return np.asarray(np.clip(noisy, 0, 255), np.uint8)


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge.load(DEFAULT_BUNDLE)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("good")
    for number in range(6):
        cv2.imwrite(str(folder / f"{number}.png"), picture(number))
    return folder


@pytest.fixture(scope="module")
def few(good: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As few of them as do."""
    folder = tmp_path_factory.mktemp("few")
    for number in range(MIN_SAMPLES):
        (folder / f"{number}.png").write_bytes((good / f"{number}.png").read_bytes())
    return folder


@pytest.fixture(scope="module")
def bank(judge: Judge, good: Path) -> Bank:
    return build(judge, GTIN, good)


def test_an_appended_output_changes_no_other_output() -> None:
    graph = (DEFAULT_BUNDLE / "model.onnx").read_bytes()
    assert has_tensor(graph, PATCHES)
    assert not has_tensor(graph, f"{PATCHES}x")
    plain, extended_graph = (ort.InferenceSession(g) for g in (graph, with_output(graph, PATCHES)))
    names = [output.name for output in plain.get_outputs()]
    assert [output.name for output in extended_graph.get_outputs()] == [*names, PATCHES]
    side = plain.get_inputs()[0].shape[1]
    batch = np.random.default_rng(0).integers(0, 256, (2, side, side, 3)).astype(np.uint8)
    *outputs, patches = extended_graph.run([*names, PATCHES], {"pictures": batch})
    assert patches.shape == (2, 112, side // 16, side // 16)
    for one, other in zip(plain.run(names, {"pictures": batch}), outputs, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-5)


@pytest.mark.parametrize("damage", ["stain", "scratch"])
def test_damage_never_seen_is_found_where_it_is_and_called_novel(judge: Judge, bank: Bank, damage: str) -> None:
    assessment, (found,) = judge.assess_beside([ViewPicture("top", picture(77, damage))], bank)
    assert found is not None
    assert found.anomalous
    novel = [finding for finding in assessment.findings if finding.defect is Defect.NOVEL]
    assert novel
    assert novel[0].view == "top"
    centre = (120, 165) if damage == "stain" else (192, 108)
    boxes = [finding.box for finding in novel if finding.box is not None]
    assert any(math.dist((box.x + box.width / 2, box.y + box.height / 2), centre) < 45 for box in boxes), (
        f"{damage}: {boxes}"
    )


def test_good_ones_are_not_called_novel_and_judged_as_without_a_reference(judge: Judge, bank: Bank) -> None:
    for seed in range(80, 84):
        views = [ViewPicture("top", picture(seed))]
        beside, (found,) = judge.assess_beside(views, bank)
        assert found is not None
        assert not found.anomalous
        assert beside == judge.assess(views)


def test_a_good_one_put_down_elsewhere_in_other_light_is_still_good(judge: Judge, bank: Bank) -> None:
    turn = cv2.getRotationMatrix2D((160, 120), 3, 1.0)
    turn[:, 2] += (12, -7)
    elsewhere = cv2.warpAffine(picture(85), turn, (320, 240), borderMode=cv2.BORDER_REPLICATE)
    _, (found,) = judge.assess_beside([ViewPicture("top", cv2.convertScaleAbs(elsewhere, alpha=0.9))], bank)
    assert found is not None
    assert not found.anomalous


def test_a_view_without_samples_is_not_compared(judge: Judge, bank: Bank) -> None:
    only_top = Bank(GTIN, judge.bundle_id, {"top": bank.views[""]})
    views = [ViewPicture("front", picture(80, "stain")), ViewPicture("top", picture(80))]
    _, compared = judge.assess_beside(views, only_top)
    assert compared[0] is None
    assert compared[1] is not None


def test_a_bank_of_another_bundle_is_not_used(judge: Judge, bank: Bank) -> None:
    with pytest.raises(ReferenceRefused, match="made with"):
        judge.assess_beside([ViewPicture("top", picture(0))], replace(bank, bundle_id="old@1+000000000000"))


def test_a_damaged_picture_is_not_added_as_a_good_one_and_a_good_one_is(judge: Judge, bank: Bank) -> None:
    with pytest.raises(ReferenceRefused, match=r"bad\.png"):
        add(judge, bank, "", "bad.png", picture(60, "stain"))
    assert add(judge, bank, "", "6.png", picture(60)).views[""].names[-1] == "6.png"
    with pytest.raises(ReferenceRefused, match="no view 'side'"):
        add(judge, bank, "side", "6.png", picture(60))


def test_folders_in_the_folder_are_views(judge: Judge, tmp_path: Path) -> None:
    for view in ("front", "top"):
        (tmp_path / view).mkdir()
        for number in range(4):
            cv2.imwrite(str(tmp_path / view / f"{number}.png"), picture(number))
    (tmp_path / "top" / "notes.txt").write_text("not a picture", encoding="utf-8")
    assert list(build(judge, GTIN, tmp_path).views) == ["front", "top"]


def test_samples_of_many_products_are_refused(judge: Judge, tmp_path: Path) -> None:
    for number in range(6):
        rng = np.random.default_rng(number)
        drawn = np.full((240, 320, 3), (90, 95, 100), np.uint8)
        for _ in range(6):
            left, top, width, height = (int(value) for value in rng.integers((40, 30, 30, 20), (200, 160, 90, 70)))
            colour = tuple(int(value) for value in rng.integers(0, 256, 3))
            cv2.rectangle(drawn, (left, top), (left + width, top + height), colour, -1)
            cv2.circle(drawn, (left, top), height // 2, colour[::-1], 3)
        cv2.imwrite(str(tmp_path / f"{number}.png"), drawn)
    with pytest.raises(ReferenceRefused, match="one product"):
        build(judge, GTIN, tmp_path)


def test_what_is_no_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"not a picture")
    with pytest.raises(ReferenceRefused, match=r"a\.png"):
        read_picture(tmp_path / "a.png")


# --- command lines ---------------------------------------------------------------------------------------------------


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, " ".join(result.output.split())


def test_build_show_add(few: Path, tmp_path: Path) -> None:
    out = tmp_path / f"{GTIN}.ref"
    code, output = run("reference", "build", "--product", GTIN, few, "--out", out)
    assert code == 0, output
    cv2.imwrite(str(tmp_path / "7.png"), picture(7))
    code, output = run("reference", "add", out, tmp_path / "7.png")
    assert code == 0, output
    code, output = run("reference", "show", out)
    assert code == 0
    assert GTIN in output
    assert "7.png" in output
    before = out.read_bytes()
    code, output = run("reference", "add", out, tmp_path / "7.png")
    assert code == 2
    assert "reference.refused" in output
    assert out.read_bytes() == before


def test_photographs_beside_a_reference_get_two_more_columns_and_damage_is_held(good: Path, tmp_path: Path) -> None:
    for name, damage in (("good.png", ""), ("bad.png", "stain")):
        cv2.imwrite(str(tmp_path / name), picture(90, damage))
    manifest, out = tmp_path / "m.csv", tmp_path / "r.csv"
    manifest.write_text("file,goods\ngood.png,carton\nbad.png,carton\nnone.png,carton\n", encoding="utf-8")
    call = ("evaluate", "--images", tmp_path, "--manifest", manifest, "--out", out, "--reference", good)
    code, output = run(*call)
    assert code == 0, output
    rows = list(csv.DictReader(out.open(encoding="utf-8")))
    assert tuple(rows[0]) == (*COLUMNS, "reference_score", "reference_anomalous")
    assert [row["reference_anomalous"] for row in rows] == ["0", "1", ""]
    assert rows[1]["decision"] == "hold"
    assert float(rows[1]["reference_score"]) > float(rows[0]["reference_score"])


def test_in_a_trial_one_of_eight_samples_may_be_odd_and_is_left_out(judge: Judge, tmp_path: Path) -> None:
    for number in range(8):
        cv2.imwrite(str(tmp_path / f"{number}.png"), picture(number, "stain" if number == 3 else ""))
    with pytest.raises(ReferenceRefused, match=r"3\.png"):
        build(judge, GTIN, tmp_path)
    found = References.load(judge, tmp_path).every
    assert found is not None
    assert found.views[""].names == ("0.png", "1.png", "2.png", "4.png", "5.png", "6.png", "7.png")


def test_a_product_is_compared_with_its_own_reference_only(judge: Judge, bank: Bank, tmp_path: Path) -> None:
    write_bank(tmp_path / f"{GTIN}.ref", bank)
    references = References.load(judge, tmp_path)
    assert references.find(GTIN) is not None
    assert references.find(GTIN.lstrip("0")) is not None
    assert references.find("00614141401017", "carton", None) is None
    write_bank(tmp_path / "carton.ref", replace(bank, bundle_id="old@1+000000000000"))
    with pytest.raises(ReferenceRefused, match="old@1"):
        References.load(judge, tmp_path)


def test_a_view_of_a_bank_is_a_frozen_thing() -> None:
    view: ViewBank = learn(samples(4))
    with pytest.raises(AttributeError):
        view.names = ()  # type: ignore[misc]
