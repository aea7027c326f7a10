"""Shapes and damage before any light: geometry, textures and bar codes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("mitsuba", reason="needs the train lock (mitsuba)")

from datasets.render.barcodes import check_digit, ean13_modules, ean13_of
from datasets.render.blow import Blow
from datasets.render.cuts import crack_star
from datasets.render.defects import INFLICT, SCALE, damage
from datasets.render.goods import Finish, Goods, Material, Part, build_bottle, build_can, build_carton, build_phone
from datasets.render.meshes import lathe, rounded_box, vertex_normals
from datasets.render.presses import Press, facing, press_item
from datasets.render.recipe import KINDS, load_products, plan, prepare
from datasets.render.textures import barcode_label, noise
from inspection.errors import ConfigError, IdentityError
from inspection.finding import Condition, Defect

GTIN = {product.goods: product.gtin for product in reversed(load_products())}


def build(kind: str, seed: int = 5) -> Goods:
    rng = np.random.default_rng(seed)
    if kind == "phone":
        return build_phone(GTIN[kind], rng, serial="1001", sticker=True)
    return {"can": build_can, "carton": build_carton, "bottle": build_bottle}[kind](GTIN[kind], rng)


@pytest.mark.parametrize("product", load_products(), ids=lambda product: product.name)
def test_every_products_check_digit_is_right(product):
    # the sum of GS1 General Specifications 7.9, written out rather than taken from the module under test
    digits = [int(digit) for digit in product.gtin]
    assert (3 * sum(digits[0::2]) + sum(digits[1::2])) % 10 == 0
    assert len(digits) == 14


@pytest.mark.parametrize("product", load_products(), ids=lambda product: product.name)
def test_a_printed_bar_code_reads_back_as_the_products_gtin(product):
    label = barcode_label(product.gtin, module_mm=0.5, bar_height_mm=15, px_per_mm=8.0)
    padded = cv2.copyMakeBorder(label, 20, 20, 20, 20, cv2.BORDER_CONSTANT, value=(255, 255, 255))
    (read,) = zxingcpp.read_barcodes(padded)
    assert read.text.zfill(14) == product.gtin


@given(st.text("0123456789", min_size=12, max_size=12))
def test_any_gtin_13_has_95_modules_with_guards_and_the_right_check_digit(body):
    gtin = "0" + body + str(check_digit("0" + body))
    modules = ean13_modules(gtin)
    assert len(modules) == 95
    assert modules[:3].tolist() == modules[-3:].tolist() == [True, False, True]
    assert modules[45:50].tolist() == [False, True, False, True, False]


@pytest.mark.parametrize("gtin", ["00614141401018", "10614141401014", "0614141401017", "0061414140101X"])
def test_a_gtin_that_ean_13_cannot_carry_is_refused(gtin):
    with pytest.raises(IdentityError):
        ean13_of(gtin)


def test_lathe_and_box_face_outwards_and_keep_their_sizes():
    can = lathe(np.array([(0.01, 100.0), (36.0, 100.0), (36.0, 0.0), (0.01, 0.0)]), segments=60, step_mm=2.0)
    box = rounded_box((195.0, 92.0, 64.0), 1.5, 3.0)
    for patch in (can, *box.values()):
        points = patch.points()
        middle = np.array([0.0, 0.0, 50.0 if patch is can else 32.0])
        outwards = ((points - middle) * vertex_normals(points, patch.faces)).sum(axis=1)
        assert np.mean(outwards > 0) > 0.99
    assert np.ptp(np.concatenate([p.points() for p in box.values()]), axis=0) == pytest.approx([195, 92, 64])


@pytest.mark.parametrize("kind", KINDS)
def test_an_item_stands_on_the_table_and_not_in_it(kind):
    goods = build(kind)
    lowest = min(
        float((points @ goods.pose[:3, :3].T + goods.pose[:3, 3])[:, 2].min()) for points, _ in goods.shaped().values()
    )
    assert -0.01 <= lowest <= 1.0


def small_can() -> Goods:
    """A wall with a film 0.9 mm above it: what matters of a can, with few vertices."""
    wall = lathe(np.array([(36.0, 100.0), (36.0, 0.0)]), segments=72, step_mm=4.0)
    film = lathe(np.array([(36.9, 90.0), (36.9, 10.0)]), segments=72, step_mm=4.0)
    under = lathe(np.array([(36.0, 90.0), (36.0, 10.0)]), segments=72, step_mm=4.0)
    paint = Material(Finish.MATTE, (200, 200, 200))
    parts = [Part("body", wall, paint, px_per_mm=1.0), Part("label", film, paint, skin=under.shape, px_per_mm=1.0)]
    return Goods("can", parts, np.eye(4))


@settings(max_examples=60, deadline=None)
@given(
    u=st.floats(0.3, 0.7),
    v=st.floats(0.2, 0.8),
    depth=st.floats(4, 14),
    wrinkle=st.floats(0, 1),
    soft=st.floats(0.1, 1.5),
    seed=st.integers(0, 99),
)
def test_a_dent_moves_vertices_within_its_mask_only(u, v, depth, wrinkle, soft, seed):
    goods = small_can()
    before = {name: points for name, (points, _) in goods.shaped().items()}
    point, normal = facing(goods, "label", u, v)
    press = Press(tuple(point), tuple(normal), (0.0, 0.3, 1.0), depth, 0.2, 0.5, soft, wrinkle, seed)
    press_item(goods, press, Defect.DENT)
    for part in goods.parts:
        moved = np.linalg.norm(goods.shaped()[part.name][0] - before[part.name], axis=1)
        covered = press.covers(part.carrier())
        assert (moved[~covered] == 0).all()
        deep = press.above_tool(part.carrier()) > 0
        assert (moved[deep] > 0).all()
        assert covered.any()


def test_a_dents_mask_is_where_the_tool_touched_the_surface():
    goods = build("can")
    point, normal = facing(goods, "label", 0.5, 0.5)
    press = Press(tuple(point), tuple(normal), (0.0, 0.0, 1.0), 6.0, 0.3, 0.3, 0.4)
    press_item(goods, press, Defect.DENT)
    mask = goods.part("label").regions[Defect.DENT]
    rows, cols = mask.shape
    assert mask[rows // 2, cols // 2]
    assert not mask[:, : cols // 4].any()
    assert not mask[:, -cols // 4 :].any()


def test_the_label_stays_outside_the_metal_after_a_deep_dent():
    goods = build("can")
    Blow(goods, 1.0, np.random.default_rng(2), (0, 0, 0)).press_label(
        0.5, 0.5, 0.6, Defect.DENT, depth=12.0, rise=(0.2, 0.5), soft=0.4
    )
    shaped = goods.shaped()
    label, body = goods.part("label"), goods.part("body")
    normal = -np.array([0.0, 1.0, 0.0])
    dented = press_heights(label, shaped["label"][0], normal)
    wall = press_heights(body, shaped["body"][0], normal)
    near = wall[np.abs(wall[:, 1] - 54) < 8]
    for height, z, x in dented[np.abs(dented[:, 1] - 54) < 5][::7]:
        around = near[(np.abs(near[:, 1] - z) < 1.0) & (np.abs(near[:, 2] - x) < 1.0)]
        if len(around):
            assert height > np.median(around[:, 0]) - 0.4


def press_heights(part, points, normal):
    """Height along ``normal``, z and x of the points on the front of a turned part, (N, 3)."""
    front = part.patch.points() @ normal > 25.0
    chosen = points[front]
    return np.column_stack([chosen @ normal, chosen[:, 2], chosen[:, 0]])


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "defect"), sorted(INFLICT), ids=str)
def test_every_damage_marks_itself_and_nothing_else(kind, defect):
    goods = build(kind)
    damage(goods, (defect,), Condition.MAJOR, np.random.default_rng(3), GTIN[kind])
    marked = {found for part in goods.parts for found in part.regions}
    assert marked == {defect}
    assert any(part.regions[defect].any() for part in goods.parts if defect in part.regions)
    assert all(np.isfinite(points).all() for points, _ in goods.shaped().values())


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_worse_conditions_are_larger_damage(kind):
    defect = {"can": Defect.DENT, "carton": Defect.STAIN, "bottle": Defect.TEAR, "phone": Defect.CRACK}[kind]
    sizes = []
    for condition in SCALE:
        total = 0.0
        for seed in range(2):
            goods = build(kind, seed)
            damage(goods, (defect,), condition, np.random.default_rng(seed), GTIN[kind])
            for part in goods.parts:
                if defect in part.regions:
                    width, height = part.patch.size_mm
                    total += float(part.regions[defect].mean()) * width * height
        sizes.append(total)
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]


def test_a_defect_that_goods_cannot_have_is_refused_before_anything_is_touched():
    goods = build("phone")
    with pytest.raises(ConfigError, match="a phone cannot show corrosion"):
        damage(goods, (Defect.CRACK, Defect.CORROSION), Condition.MAJOR, np.random.default_rng(1), GTIN["phone"])
    assert not any(part.regions for part in goods.parts)


@given(st.integers(0, 10_000))
def test_cracks_stay_on_the_glass(seed):
    size = (148.6, 70.6)
    for line in crack_star(np.random.default_rng(seed), size, (30.0, 30.0), 9, 0.8):
        assert (line >= -0.5).all()
        assert (line <= np.array(size) + 0.5).all()


def test_noise_is_the_same_at_the_same_point_in_any_company():
    points = np.random.default_rng(1).uniform(-50, 50, (200, 3))
    whole = noise(points, 9.0, 4)
    assert np.array_equal(whole[::3], noise(points[::3], 9.0, 4))
    assert 0.0 <= whole.min() < whole.max() <= 1.0


def test_a_longer_plan_starts_with_the_shorter_one_and_a_seed_changes_it():
    short, long = plan(8, 7, (64, 48), 2), plan(48, 7, (64, 48), 2)
    assert long[:8] == short
    assert len({recipe.item for recipe in long}) == len({recipe.digest() for recipe in long}) == 48
    assert all(a.digest() != b.digest() for a, b in zip(short, plan(8, 8, (64, 48), 2), strict=True))


def test_the_demo_plan_covers_every_condition_and_every_defect_goods_can_show():
    recipes = plan(24, 7, (640, 480), 16)
    assert {recipe.condition for recipe in recipes} == set(Condition)
    assert {defect for recipe in recipes for defect in recipe.defects} == {defect for _, defect in INFLICT}
    assert 8 <= sum(not recipe.defects for recipe in recipes) <= 16
    assert all((recipe.condition is Condition.INTACT) == (not recipe.defects) for recipe in recipes)
    assert {recipe.gtin for recipe in recipes} == {product.gtin for product in load_products()}


def test_the_same_recipe_gives_the_same_geometry():
    recipe = plan(24, 7, (64, 48), 2)[4]
    (first, station), (second, again) = prepare(recipe), prepare(recipe)
    assert station == again
    for name, (points, normals) in first.shaped().items():
        assert np.array_equal(points, second.shaped()[name][0])
        assert np.array_equal(normals, second.shaped()[name][1])
