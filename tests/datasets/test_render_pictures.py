"""Pictures, masks, records and the command line of the renderer, at stamp size; and the committed demo set."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("mitsuba", reason="needs the train lock (mitsuba)")

import drjit

from datasets.masks import mask_code
from datasets.render import records
from datasets.render.__main__ import parse_kinds, parse_size
from datasets.render.masks import mask_picture, read_mask, render_masks
from datasets.render.recipe import PRODUCTS, Recipe, load_products, plan, prepare
from datasets.render.records import COLUMNS, JPEG_QUALITY
from datasets.render.scene import VIEWS, denoise, develop, render_picture, without_sparkle, write_meshes
from inspection.errors import ConfigError
from inspection.evidence import sha256_hex
from inspection.finding import Condition, Defect

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "datasets" / "demo"
DEMO_PLAN = plan(24, 7, (640, 480), 16)
TINY = (64, 48)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    """Blocks of a picture are summed in a fixed order by one thread only."""
    drjit.set_thread_count(1)


def recipe_for(item: str, size: tuple[int, int] = TINY, spp: int = 2) -> Recipe:
    return next(recipe for recipe in plan(24, 7, size, spp) if recipe.item == item)


def masks_of(item: str, folder: Path, size: tuple[int, int] = (160, 120)):
    goods, station = prepare(recipe_for(item, size))
    meshes = write_meshes(goods, folder)
    return {view: render_masks(goods, meshes, station, view, size) for view in VIEWS}


@pytest.mark.slow
def test_a_tiny_render_is_the_same_byte_for_byte_and_another_seed_is_not(tmp_path):
    recipe = recipe_for("can-02")
    records.render_item(recipe, tmp_path / "a")
    records.render_item(recipe, tmp_path / "b")
    names = sorted(path.name for path in (tmp_path / "a" / "can-02").iterdir())
    assert len(names) == 7
    for name in names:
        assert (tmp_path / "a" / "can-02" / name).read_bytes() == (tmp_path / "b" / "can-02" / name).read_bytes()
    other = next(recipe for recipe in plan(24, 8, TINY, 2) if recipe.item == "can-02")
    records.render_item(other, tmp_path / "c")
    assert (tmp_path / "a/can-02/front.jpg").read_bytes() != (tmp_path / "c/can-02/front.jpg").read_bytes()


@pytest.mark.parametrize("item", ["can-01", "carton-01", "bottle-01", "phone-01"])
def test_an_intact_items_mask_is_empty_and_its_item_mask_is_not(item, tmp_path):
    for found, masks in masks_of(item, tmp_path).values():
        assert masks == {}
        assert found.mean() > 0.02


@pytest.mark.parametrize("item", ["can-05", "carton-04", "bottle-06", "phone-06", "can-06"])
def test_mask_pixels_lie_on_the_item_and_every_defect_is_seen_somewhere(item, tmp_path):
    seen = set()
    for found, masks in masks_of(item, tmp_path).values():
        for defect, mask in masks.items():
            seen.add(defect)
            assert not (mask & ~found).any()
        assert found.mean() < 0.6
    assert seen == set(recipe_for(item).defects)


def test_what_has_spilled_on_the_table_is_not_the_item(tmp_path):
    goods, station = prepare(recipe_for("can-06", (160, 120)))
    meshes = write_meshes(goods, tmp_path)
    found, _ = render_masks(goods, meshes, station, "top", (160, 120))
    goods.part("puddle").belongs = True
    flooded, _ = render_masks(goods, meshes, station, "top", (160, 120))
    assert flooded.sum() > 1.1 * found.sum()


def test_only_visible_parts_are_masked(tmp_path):
    """The lid of a can hides most of a dent in its wall from above."""
    views = masks_of("can-02", tmp_path)
    top, front = (int(views[view][1][Defect.DENT].sum()) for view in VIEWS)
    assert 0 < top * 4 < front


def test_a_mask_picture_reads_back_and_the_smaller_defect_stays_on_top(tmp_path):
    wide, small = np.zeros((48, 64), bool), np.zeros((48, 64), bool)
    wide[5:40, 5:40], small[10:14, 10:14] = True, True
    picture = mask_picture({Defect.STAIN: small, Defect.CRUSH: wide}, TINY)
    records.write_image(tmp_path / "m.png", picture)
    back = read_mask(tmp_path / "m.png")
    assert np.array_equal(back[Defect.STAIN], small)
    assert np.array_equal(back[Defect.CRUSH], wide & ~small)
    assert len({mask_code(defect) for defect in Defect} - {0}) == len(Defect)
    assert max(mask_code(defect) for defect in Defect) <= 255


def test_denoising_keeps_print_edges_and_calms_flat_noise():
    rng = np.random.default_rng(1)
    albedo = np.full((40, 40, 3), 0.1, np.float32)
    albedo[:, 20:] = 0.8
    normal = np.zeros((40, 40, 3), np.float32)
    noisy = (albedo * rng.normal(1.0, 0.1, (40, 40, 1))).astype(np.float32)
    calm = denoise(noisy, albedo, normal)
    assert calm[5:35, 22:38].std() < 0.5 * noisy[5:35, 22:38].std()
    assert abs(float(calm[20, 20, 0] - calm[20, 19, 0])) > 0.5


def test_sparkle_is_taken_from_the_table_but_not_from_the_item():
    picture = np.full((20, 20, 3), 0.1, np.float32)
    picture[5, 5] = picture[12, 12] = 5.0
    item = np.zeros((20, 20), bool)
    item[10:15, 10:15] = True
    calm = without_sparkle(picture, item)
    assert calm[5, 5, 0] == pytest.approx(0.1)
    assert calm[12, 12, 0] == 5.0


def test_development_is_monotonic_and_never_overflows():
    ramp = np.repeat(np.linspace(-0.1, 50, 4000, dtype=np.float32)[None, :, None], 3, axis=2)
    grey = develop(ramp)[0, :, 0].astype(int)
    assert (np.diff(grey) >= 0).all()
    assert (grey[0], grey[-1]) == (0, 255)


@pytest.mark.slow
@pytest.mark.parametrize("item", ["can-01", "phone-01"])
def test_a_picture_does_not_depend_on_the_order_in_which_lamps_were_loaded(item, tmp_path):
    """Parallel loading shuffles two or three lamps: six renders alike by luck are one in 32, or rarer."""
    goods, station = prepare(recipe_for(item))
    meshes = write_meshes(goods, tmp_path)
    pictures = [render_picture(goods, meshes, station, "front", TINY, 2) for _ in range(6)]
    assert all(np.abs(picture.astype(int) - pictures[0]).max() <= 1 for picture in pictures)


@pytest.mark.slow
def test_a_stopped_run_goes_on_where_it_was_and_redoes_what_was_changed(tmp_path):
    out = tmp_path / "out"
    options = ["--items", "2", "--size", "64x48", "--spp", "1", "--goods", "phone,can", "--out", str(out)]
    command = [sys.executable, "-m", "datasets.render", *options]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
    times = {path: path.stat().st_mtime_ns for path in out.rglob("*.jpg")}
    assert len(times) == 6
    (out / "can-01" / "recipe.json").unlink()  # as if killed before the item was complete
    (out / "phone-01" / "top.jpg").write_bytes(b"spoilt")
    again = subprocess.run([*command, "--items", "3"], check=True, cwd=ROOT, capture_output=True, text=True)
    assert "0 of 3 items are there already" in again.stderr
    third = subprocess.run([*command, "--items", "3"], check=True, cwd=ROOT, capture_output=True, text=True)
    assert "3 of 3 items are there already" in third.stderr
    assert (out / "empty" / "top.jpg").stat().st_mtime_ns == times[out / "empty" / "top.jpg"]
    with (out / "manifest.csv").open(newline="", encoding="utf-8") as file:
        items = [row["item"] for row in csv.DictReader(file)]
    assert items == ["phone-01", "phone-01", "can-01", "can-01", "phone-02", "phone-02"]


def test_bad_options_are_named_in_one_line():
    assert parse_size("640X480") == (640, 480)
    assert parse_kinds("can, phone") == ("can", "phone")
    for bad in ("640", "8x8", "640x", "99999x480", "-64x48"):
        with pytest.raises(ConfigError, match="--size"):
            parse_size(bad)
    for bad in ("", "shoe", "can,can"):
        with pytest.raises(ConfigError, match="--goods"):
            parse_kinds(bad)


def test_a_product_table_with_a_strange_column_names_its_line(tmp_path):
    table = tmp_path / "products.csv"
    table.write_text("gtin,name,goods\n00614141401017,Soup,can\n00614141401024,Shoe,shoe\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="line 3"):
        load_products(table)
    with pytest.raises(ConfigError, match=r"missing\.csv"):
        load_products(tmp_path / "missing.csv")


# -- the committed set -----------------------------------------------------------------------------------------------


def manifest() -> list[dict[str, str]]:
    with (DEMO / "manifest.csv").open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        assert tuple(reader.fieldnames or ()) == COLUMNS
        return list(reader)


def test_the_committed_set_is_complete_and_made_by_the_recipes_it_names():
    rows = manifest()
    expected = [(recipe.item, view) for recipe in DEMO_PLAN for view in VIEWS]
    assert [(row["item"], row["view"]) for row in rows] == expected
    for recipe in DEMO_PLAN:
        assert records.is_done(recipe, DEMO), f"{recipe.item}: files and recipe disagree; render it again"
    assert records.empty_is_done(DEMO, (640, 480), 16)
    assert rows == [dict(zip(COLUMNS, row.values, strict=True)) for row in records.manifest_rows(DEMO_PLAN, DEMO)]


@pytest.mark.parametrize("recipe", DEMO_PLAN, ids=lambda recipe: recipe.item)
def test_a_committed_items_pictures_and_masks_fit_each_other(recipe):
    rows = [row for row in manifest() if row["item"] == recipe.item]
    shown: set[Defect] = set()
    for row in rows:
        picture = cv2.imread(str(DEMO / row["file"]))
        item = cv2.imread(str(DEMO / recipe.item / f"{row['view']}.item.png"), cv2.IMREAD_GRAYSCALE) > 0
        assert picture.shape == (480, 640, 3)
        assert item.shape == (480, 640)
        for defect, mask in read_mask(DEMO / row["mask"]).items():
            assert not (mask & ~item).any()
            shown.add(defect)
        listed = {Defect(defect) for defect in row["defects"].split(";") if defect}
        assert listed <= set(recipe.defects)
        assert Condition(row["condition"]) is (recipe.condition if listed else Condition.INTACT)
        assert (row["set"], row["capture"], row["licence"]) == ("renders", "fixed", "CC0-1.0")
        assert row["group"] == recipe.item
        assert (row["gtin"], row["serial"], row["goods"]) == (recipe.gtin, recipe.serial, recipe.goods)
        assert not recipe.serial.startswith("0")  # SGTIN-96 serials carry no leading zeros
    assert shown == set(recipe.defects)


def test_the_committed_set_stays_small_and_holds_nothing_unknown():
    files = [path for path in DEMO.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 8_000_000
    known = {DEMO / name for name in ("README.md", "products.csv", "manifest.csv")}
    for folder in [*(recipe.item for recipe in DEMO_PLAN), "empty"]:
        record = json.loads((DEMO / folder / "recipe.json").read_text(encoding="utf-8"))
        known |= {DEMO / folder / name for name in [*record["files"], "recipe.json"]}
        for name, digest in record["files"].items():
            assert sha256_hex((DEMO / folder / name).read_bytes()) == digest
    assert set(files) == known
    assert PRODUCTS in known
    assert 80 <= JPEG_QUALITY <= 95


@pytest.mark.parametrize("view", VIEWS)
def test_the_empty_station_differs_from_a_picture_mostly_where_the_item_is(view):
    empty = cv2.imread(str(DEMO / "empty" / f"{view}.jpg")).astype(int)
    inside, outside = [], []
    for recipe in DEMO_PLAN:
        picture = cv2.imread(str(DEMO / recipe.item / f"{view}.jpg")).astype(int)
        item = cv2.imread(str(DEMO / recipe.item / f"{view}.item.png"), cv2.IMREAD_GRAYSCALE) > 0
        change = np.abs(picture - empty).mean(axis=2)
        inside.append(change[item].mean())
        outside.append(np.median(change[~item]))
    assert np.mean(inside) > 3 * np.mean(outside)
