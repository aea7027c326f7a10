"""What to render: a recipe an item, drawn from a seed; the same recipe gives the same picture, byte for byte."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from datasets.render.barcodes import ean13_of
from datasets.render.defects import damage
from datasets.render.goods import Goods, build_bottle, build_can, build_carton, build_phone
from datasets.render.scene import Station, draw_station
from inspection.errors import ConfigError
from inspection.evidence import canonical_json, sha256_hex
from inspection.finding import Condition, Defect

RENDERER = "1"  # raise it when the same recipe would give another picture
KINDS = ("can", "carton", "bottle", "phone")
PRODUCTS = Path(__file__).resolve().parents[1] / "demo" / "products.csv"

_D, _C = Defect, Condition
# The first six of each kind are the committed demo set: about half intact, every defect type once.
CASES: dict[str, tuple[tuple[tuple[Defect, ...], Condition], ...]] = {
    "can": (
        ((), _C.INTACT),
        ((_D.DENT,), _C.MINOR),
        ((), _C.INTACT),
        ((_D.TEAR,), _C.MINOR),
        ((_D.DENT, _D.CORROSION), _C.MAJOR),
        ((_D.CRUSH, _D.BREACH), _C.CRITICAL),
        ((), _C.INTACT),
        ((_D.DENT,), _C.MAJOR),
        ((_D.STAIN,), _C.MINOR),
        ((_D.SCRATCH,), _C.MINOR),
        ((_D.CORROSION,), _C.CRITICAL),
        ((_D.CRUSH,), _C.MAJOR),
    ),
    "carton": (
        ((), _C.INTACT),
        ((_D.WEAR,), _C.MINOR),
        ((), _C.INTACT),
        ((_D.CRUSH, _D.STAIN), _C.MAJOR),
        ((_D.HOLE,), _C.MAJOR),
        ((_D.BREACH,), _C.CRITICAL),
        ((), _C.INTACT),
        ((_D.DENT,), _C.MINOR),
        ((_D.TEAR,), _C.MAJOR),
        ((_D.SCRATCH,), _C.MINOR),
        ((_D.MISSING_PART,), _C.CRITICAL),
        ((_D.STAIN,), _C.MINOR),
    ),
    "bottle": (
        ((), _C.INTACT),
        ((_D.TEAR,), _C.MINOR),
        ((), _C.INTACT),
        ((_D.CRUSH,), _C.MAJOR),
        ((), _C.INTACT),
        ((_D.CRUSH, _D.MISSING_PART), _C.CRITICAL),
        ((_D.STAIN,), _C.MINOR),
        ((), _C.INTACT),
        ((_D.DENT,), _C.MINOR),
        ((_D.MISSING_PART,), _C.CRITICAL),
        ((_D.SCRATCH,), _C.MINOR),
        ((), _C.INTACT),
    ),
    "phone": (
        ((), _C.INTACT),
        ((_D.SCRATCH,), _C.MINOR),
        ((), _C.INTACT),
        ((_D.SMUDGE,), _C.MINOR),
        ((), _C.INTACT),
        ((_D.CRACK,), _C.CRITICAL),
        ((_D.STAIN,), _C.MINOR),
        ((_D.CRACK,), _C.MAJOR),
        ((), _C.INTACT),
        ((_D.SCRATCH, _D.DENT), _C.MAJOR),
        ((_D.SMUDGE, _D.CRACK), _C.CRITICAL),
        ((), _C.INTACT),
    ),
}


@dataclass(frozen=True, slots=True)
class Product:
    """A demo product: GTIN-14, name, kind of goods."""

    gtin: str
    name: str
    goods: str


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything a picture of an item follows from.

    Attributes:
        item: name of the item and of its folder; also its ``group`` in the manifest.
        defects, condition: what is wrong with it, and how bad.
        seed: of its shape, damage, pose, light and camera.
        width, height: of the pictures, pixels; spp: samples per pixel.
    """

    item: str
    goods: str
    gtin: str
    serial: str
    defects: tuple[Defect, ...]
    condition: Condition
    seed: int
    width: int
    height: int
    spp: int
    renderer: str = RENDERER

    @property
    def size(self) -> tuple[int, int]:
        return self.width, self.height

    def fields(self) -> dict[str, object]:
        """Plain JSON values."""
        return {**asdict(self), "defects": [str(d) for d in self.defects], "condition": str(self.condition)}

    def digest(self) -> str:
        """First 16 hex digits of the SHA-256 of the canonical JSON."""
        return sha256_hex(canonical_json(self.fields()))[:16]


def load_products(path: Path = PRODUCTS) -> list[Product]:
    """Products of a ``gtin,name,goods`` table.

    Raises:
        ConfigError: the file is missing or a row is not a product.
        IdentityError: a GTIN's check digit is wrong.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}", hint="It comes with the source tree.") from error
    products = []
    for number, row in enumerate(rows, start=2):
        if set(row) != {"gtin", "name", "goods"} or row["goods"] not in KINDS:
            raise ConfigError(
                f"{path.name}, line {number}: expected gtin,name,goods with goods one of {', '.join(KINDS)}"
            )
        ean13_of(row["gtin"])
        products.append(Product(**row))
    return products


def plan(
    items: int,
    seed: int,
    size: tuple[int, int],
    spp: int,
    kinds: Sequence[str] = KINDS,
    products: Sequence[Product] | None = None,
) -> list[Recipe]:
    """Recipes of ``items`` items, kinds taking turns; a longer plan starts with the shorter one's recipes.

    Raises:
        ConfigError: an unknown kind, or one without a product.
    """
    by_kind: dict[str, list[Product]] = {kind: [] for kind in KINDS}
    for product in load_products() if products is None else products:
        by_kind[product.goods].append(product)
    recipes = []
    for index in range(items):
        kind, turn = kinds[index % len(kinds)], index // len(kinds)
        if not by_kind.get(kind):
            raise ConfigError(f"no product of kind {kind!r}", hint=f"Kinds are {', '.join(KINDS)}.")
        cases = CASES[kind]
        defects, condition = cases[turn % len(cases)]
        choice = by_kind[kind][(turn + turn // 2) % len(by_kind[kind])]
        own = np.random.SeedSequence([seed, KINDS.index(kind), turn]).generate_state(1)
        serial = str(100_001 + 1000 * KINDS.index(kind) + turn)
        item_seed = int(own[0])
        recipes.append(
            Recipe(f"{kind}-{turn + 1:02d}", kind, choice.gtin, serial, defects, condition, item_seed, *size, spp)
        )
    return recipes


def prepare(recipe: Recipe) -> tuple[Goods, Station]:
    """The item with its damage, and the station it lies in."""
    rng = np.random.default_rng(recipe.seed)
    station = draw_station(rng)
    goods = _BUILD[recipe.goods](recipe, rng)
    damage(goods, recipe.defects, recipe.condition, rng, recipe.gtin)
    return goods, station


def _bottle(recipe: Recipe, rng: np.random.Generator) -> Goods:
    emptied = {Defect.CRUSH, Defect.MISSING_PART, Defect.BREACH} & set(recipe.defects)
    return build_bottle(recipe.gtin, rng, full=not emptied)


def _phone(recipe: Recipe, rng: np.random.Generator) -> Goods:
    stickered = recipe.gtin == "00614141404025" and not set(recipe.defects) - {Defect.SCRATCH}
    return build_phone(recipe.gtin, rng, serial=recipe.serial, sticker=stickered)


_BUILD = {
    "can": lambda recipe, rng: build_can(recipe.gtin, rng),
    "carton": lambda recipe, rng: build_carton(recipe.gtin, rng),
    "bottle": _bottle,
    "phone": _phone,
}
