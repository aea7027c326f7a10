"""The product catalogue: what an item is worth, what handling it costs, and what its kind of goods demands."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from inspection.errors import ConfigError
from inspection.yaml_source import KeyPath, YamlSource, read_yaml

Money = Annotated[int, Field(ge=0, le=10**9)]
Share = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(min_length=1, max_length=100)]
T = TypeVar("T", bound=BaseModel)


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Product(_Entry):
    """One article. Money is in minor units (cents, fen) of the catalogue's currency.

    Attributes:
        gtin: GTIN-14 with a valid check digit.
        name: what a person calls it, by language tag; ``zh-CN`` and ``en`` at least.
        goods: kind of thing, the word the pictures are labelled with (``can``, ``phone``, …).
        category: trade category, e.g. ``food``.
        price_new: resale price as new.
        price_open_box: resale price opened or with a disclosed blemish.
        price_as_is: what it fetches damaged, unrepaired; 0 when it may not be sold so.
        price_repaired: what it fetches after repair; 0 when it is never repaired.
        price_parts: what its parts fetch.
        cost_repair: a typical repair; cost_handling: cleaning, packing, storing; cost_disposal: scrapping it properly.
        cost_hold: a person looking at it.
        cost_bad_resale: a customer receiving a bad one.
        p_fix: share of repairs that succeed.
        value_limit: above this new price a person always decides.
        weight_g: weight as sold, grams, packaging included; ``None`` when not known.
        weight_tolerance_g: how far a complete item may be off.
        size_mm: length, width and height as sold, mm, packaging included, in any order; two equal ones mean something
            round; ``None`` when not known, or when the article has no shape of its own.
        size_tolerance: how far each side of its outline may be off, relative.
        hygiene: food, cosmetics, intimate or medical goods: a broken seal ends resale.
        hazardous_contents: a leak endangers people (chemicals, cells).
        data_carrier: holds personal data and must be wiped.
        returnable: ``False`` when the law excludes it from return.
        min_days_left: least remaining shelf life for resale, days; ``None`` for goods that do not expire.
        min_confidence: least model confidence for this kind of goods.
    """

    gtin: Annotated[str, Field(pattern=r"^\d{14}$")]
    name: dict[Name, Name]
    goods: Name
    category: Name
    price_new: Money
    price_open_box: Money
    price_as_is: Money
    price_repaired: Money
    price_parts: Money
    cost_repair: Money
    cost_handling: Money
    cost_disposal: Money
    cost_hold: Money
    cost_bad_resale: Money
    p_fix: Share
    value_limit: Money
    weight_g: Annotated[float, Field(gt=0, le=1_000_000)] | None = None
    weight_tolerance_g: Annotated[float, Field(ge=0, le=1_000_000)] = 0.0
    size_mm: Annotated[list[Annotated[float, Field(ge=1, le=5_000)]], Field(min_length=3, max_length=3)] | None = None
    size_tolerance: Annotated[float, Field(gt=0, le=0.5)] = 0.08
    hygiene: bool
    hazardous_contents: bool = False
    data_carrier: bool
    returnable: bool = True
    min_days_left: Annotated[int, Field(ge=0, le=36_500)] | None = None
    min_confidence: Share = 0.0


class _File(_Entry):
    version: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    goods: dict[Name, dict[str, Any]]
    products: Annotated[list[dict[str, Any]], Field(max_length=10_000)]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All articles by GTIN-14.

    Attributes:
        version: version in the file + first 12 hex digits of the file's SHA-256.
        currency: ISO 4217 code of every amount.
    """

    version: str
    currency: str
    products: Mapping[str, Product]

    @classmethod
    def load(cls, path: Path) -> Catalogue:
        """Read and check ``path``.

        Raises:
            ConfigError: naming file, line and key, for an unknown or missing key, a value of the wrong kind, a wrong
                check digit, or a GTIN listed twice.
        """
        source = read_yaml(path, ConfigError)
        file = _validate(_File, source.data, source, ())
        for goods, defaults in file.goods.items():
            _check_defaults(goods, defaults, source)
        products: dict[str, Product] = {}
        for index, entry in enumerate(file.products):
            product = _product(entry, index, file, source)
            if product.gtin in products:
                raise _mistake(source, ("products", index, "gtin"), f"{product.gtin} is listed twice")
            products[product.gtin] = product
        digest = hashlib.sha256(source.raw).hexdigest()[:12]
        return cls(f"{file.version}+{digest}", file.currency, products)

    def find(self, gtin: str | None) -> Product | None:
        """The article with this GTIN; GTIN-8, -12 and -13 are taken as GTIN-14 with leading zeros."""
        return self.products.get(gtin.zfill(14)) if gtin else None


def gtin_check_digit(digits: str) -> int:
    """Check digit over the digits before it: weights 3, 1, 3 … from the right (GS1 General Specifications, 7.9)."""
    total = sum(int(digit) * (3 if position % 2 == 0 else 1) for position, digit in enumerate(reversed(digits)))
    return -total % 10


def _product(entry: dict[str, Any], index: int, file: _File, source: YamlSource) -> Product:
    keys = ("products", index)
    goods = entry.get("goods")
    if isinstance(goods, str) and goods not in file.goods:
        known = ", ".join(sorted(file.goods))
        raise _mistake(source, (*keys, "goods"), f"no defaults for goods {goods!r}", hint=f"known goods: {known}")
    defaults = file.goods[goods] if isinstance(goods, str) else {}
    product = _validate(Product, {**defaults, **entry}, source, keys)
    if gtin_check_digit(product.gtin[:-1]) != int(product.gtin[-1]):
        expected = gtin_check_digit(product.gtin[:-1])
        raise _mistake(source, (*keys, "gtin"), f"check digit of {product.gtin} should be {expected}")
    missing = {"zh-CN", "en"} - set(product.name)
    if missing:
        raise _mistake(source, (*keys, "name"), f"no name in {', '.join(sorted(missing))}")
    return product


def _check_defaults(goods: str, defaults: dict[str, Any], source: YamlSource) -> None:
    allowed = set(Product.model_fields) - {"gtin", "name", "goods"}
    for key in defaults:
        if key not in allowed:
            raise _unknown(source, ("goods", goods, key), key, allowed)


def _validate(model: type[T], data: Any, source: YamlSource, keys: KeyPath) -> T:
    try:
        return model.model_validate(data)
    except ValidationError as problem:
        errors = problem.errors(include_url=False, include_context=False)
        unknown = next((error for error in errors if error["type"] == "extra_forbidden"), None)
        if unknown is not None:  # a mistyped key is also a missing one; the typo is what to tell
            key = str(unknown["loc"][-1])
            raise _unknown(source, (*keys, *unknown["loc"]), key, model.model_fields) from problem
        raise _mistake(source, (*keys, *errors[0]["loc"]), errors[0]["msg"]) from problem


def _unknown(source: YamlSource, keys: KeyPath, key: str, known: Iterable[str]) -> ConfigError:
    near = difflib.get_close_matches(key, list(known), n=1)
    return _mistake(source, keys, f"unknown key {key!r}", hint=f"did you mean {near[0]!r}?" if near else "")


def _mistake(source: YamlSource, keys: KeyPath, message: str, *, hint: str = "") -> ConfigError:
    place = source.place(keys)
    key = ".".join(str(part) for part in keys) or "the file"
    return ConfigError(f"{source.path}: line {place.line}: {key}: {message}", hint=hint)
