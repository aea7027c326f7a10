"""The catalogue: what it holds, and what it refuses by file, line and key."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspection.errors import ConfigError
from inspection.products import Catalogue, gtin_check_digit
from tests.inspection.policies import PRODUCTS, ROOT

GOOD = """\
version: "3"
currency: EUR
goods:
  cup:
    category: household
    hygiene: false
    data_carrier: false
    price_as_is: 0
    price_repaired: 0
    price_parts: 0
    cost_repair: 0
    cost_handling: 10
    cost_disposal: 5
    cost_hold: 100
    cost_bad_resale: 900
    p_fix: 0.5
    value_limit: 9000
products:
  - gtin: "09506000134352"
    name: {zh-CN: 杯子, en: Cup}
    goods: cup
    price_new: 700
    price_open_box: 500
"""


def load(folder: Path, text: str) -> Catalogue:
    path = folder / "products.yaml"
    path.write_text(text, encoding="utf-8")
    return Catalogue.load(path)


def test_an_article_takes_what_it_does_not_name_from_its_goods(tmp_path: Path) -> None:
    cup = load(tmp_path, GOOD).find("09506000134352")
    assert cup is not None
    assert (cup.price_new, cup.cost_handling, cup.category, cup.weight_g) == (700, 10, "household", None)


def test_an_article_overrides_its_goods(tmp_path: Path) -> None:
    cup = load(tmp_path, GOOD + "    cost_handling: 77\n").find("09506000134352")
    assert cup is not None
    assert cup.cost_handling == 77


def test_shorter_gtins_find_the_same_article(tmp_path: Path) -> None:
    catalogue = load(tmp_path, GOOD)
    assert catalogue.find("9506000134352") is catalogue.find("09506000134352") is not None
    assert catalogue.find(None) is None
    assert catalogue.find("09506000134369") is None


def test_the_version_names_the_bytes_of_the_file(tmp_path: Path) -> None:
    first, second = load(tmp_path, GOOD), load(tmp_path, GOOD + "\n")
    assert first.version != second.version
    assert first.version.startswith("3+")


@pytest.mark.parametrize(
    ("old", "new", "fragments"),
    [
        (
            "price_open_box: 500",
            "price_openbox: 500",
            ("line 23", "products.0.price_openbox", "did you mean 'price_open_box'"),
        ),
        ("    price_new: 700\n", "", ("line 19", "price_new", "required")),
        ("price_new: 700", "price_new: 7.5", ("line 22", "products.0.price_new", "integer")),
        ("price_new: 700", "price_new: -1", ("line 22", "price_new")),
        ("price_new: 700", 'price_new: "700"', ("line 22", "price_new")),
        ('"09506000134352"', '"09506000134353"', ("line 19", "gtin", "should be 2")),
        ('"09506000134352"', "9506000134352", ("line 19", "gtin", "string")),
        ("goods: cup", "goods: mug", ("line 21", "'mug'", "known goods: cup")),
        ("hygiene: false", "hygeine: false", ("line 6", "goods.cup.hygeine", "unknown key", "'hygiene'")),
        ("p_fix: 0.5", "p_fix: 50", ("p_fix",)),
        ("currency: EUR", "currency: euro", ("line 2", "currency")),
        (", en: Cup", "", ("line 20", "no name in en")),
        ('version: "3"', 'version: "3"\nversions: "4"', ("line 2", "versions")),
        ("price_new: 700", "price_new: 700\n    price_new: 800", ("line 23", "'price_new' appears twice")),
        ("products:", "products: [", ("not YAML",)),
    ],
)
def test_a_mistake_names_file_line_and_key(tmp_path: Path, old: str, new: str, fragments: tuple[str, ...]) -> None:
    assert old in GOOD
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, GOOD.replace(old, new))
    line = caught.value.one_line()
    assert str(tmp_path / "products.yaml") in line
    assert "\n" not in line
    for fragment in fragments:
        assert fragment in line


def test_an_article_listed_twice_is_refused(tmp_path: Path) -> None:
    entry = GOOD[GOOD.index("  - gtin") :]
    with pytest.raises(ConfigError, match=r"products\.1\.gtin: 09506000134352 is listed twice"):
        load(tmp_path, GOOD + entry)


@pytest.mark.parametrize(
    ("digits", "check"),
    [("9506000134352"[:-1], 2), ("0061414112345", 2), ("400638133393", 1), ("9638507"[:-1] + "7", 4)],
)
def test_check_digits_are_those_of_real_gtins(digits: str, check: int) -> None:
    assert gtin_check_digit(digits) == check


@given(st.text(alphabet="0123456789", min_size=13, max_size=13), st.integers(0, 12), st.integers(1, 9))
def test_one_wrong_digit_never_passes(digits: str, position: int, shift: int) -> None:
    wrong = digits[:position] + str((int(digits[position]) + shift) % 10) + digits[position + 1 :]
    assert gtin_check_digit(wrong) != gtin_check_digit(digits)


def test_the_committed_catalogue_holds_every_demo_article_by_its_name() -> None:
    catalogue = Catalogue.load(PRODUCTS)
    with (ROOT / "datasets" / "demo" / "products.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 8
    for row in rows:
        product = catalogue.find(row["gtin"])
        assert product is not None
        assert (product.name["en"], product.goods) == (row["name"], row["goods"])


def test_the_committed_catalogue_has_an_article_for_photographs_of_every_kind_of_goods() -> None:
    photographed = [p for p in Catalogue.load(PRODUCTS).products.values() if p.gtin.startswith("006141419")]
    assert {product.goods for product in photographed} == {"can", "carton", "bottle", "phone", "parcel", "clothing"}


def test_no_food_of_the_committed_catalogue_may_be_sold_damaged() -> None:
    for product in Catalogue.load(PRODUCTS).products.values():
        if product.hygiene:
            assert (product.price_as_is, product.price_repaired, product.price_parts) == (0, 0, 0)


def test_prices_fall_from_new_to_as_is() -> None:
    for product in Catalogue.load(PRODUCTS).products.values():
        assert product.price_new > product.price_open_box >= product.price_repaired >= product.price_as_is
