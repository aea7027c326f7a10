"""Goods for the demo: photographs or renders, each with an identity that barcode and tag can carry."""

from __future__ import annotations

import csv
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, cycle, zip_longest
from pathlib import Path

from inspection.errors import ConfigError
from inspection.products import Catalogue

PICTURE_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}
DEMO_VIEWS = ("top", "front")
SHORT_NAME = 18


@dataclass(frozen=True, slots=True)
class DemoGoods:
    """One thing to put on the table: its label says ``gtin``; ``pictures`` has one file per view."""

    name: str
    gtin: str
    pictures: dict[str, Path]


@dataclass(frozen=True, slots=True)
class Source:
    """Where the demo's pictures come from.

    Attributes:
        title: for the person who looks, e.g. "photographs of ../shared/datasets".
        views: the views every item has a picture of.
        goods: what there is, in a mixed order.
        empty: picture of the empty station for each view, where there is one.
    """

    title: str
    views: tuple[str, ...]
    goods: tuple[DemoGoods, ...]
    empty: dict[str, Path]


def choose(images: Path | None, shared_datasets: Path, demo: Path, catalogue: Catalogue, seed: int) -> Source:
    """``--images`` if given, else the photographs of ``shared_datasets`` if they are there, else our own renders.

    Raises:
        ConfigError: a folder is given but holds no pictures.
    """
    labels = _labels(catalogue, demo / "products.csv")
    empty = {view: demo / "empty" / f"{view}.jpg" for view in DEMO_VIEWS if (demo / "empty" / f"{view}.jpg").is_file()}
    if images is not None:
        if not images.is_dir():
            raise ConfigError(f"--images {images} is not a folder", hint="give a folder of pictures")
        goods = _photographs(images, labels, seed)
        if not goods:
            raise ConfigError(f"no pictures in {images}", hint=f"wanted: {', '.join(sorted(PICTURE_SUFFIXES))}")
        return Source(f"pictures of {images}", ("top",), goods, empty)
    if (shared_datasets / "manifest.csv").is_file():
        return Source(f"photographs of {shared_datasets}", ("top",), _photographs(shared_datasets, labels, seed), empty)
    return Source("our own renders (datasets/demo)", DEMO_VIEWS, _renders(demo, seed), empty)


def forever(goods: Sequence[DemoGoods]) -> Iterator[tuple[int, DemoGoods]]:
    """The goods again and again, each with a serial number of its own, from 1."""
    return zip(count(1), cycle(goods), strict=False)


def _labels(catalogue: Catalogue, rendered: Path) -> dict[str, str]:
    """GTIN to put on a photograph of each kind of goods; a product that is not one of the renders comes first."""
    with rendered.open(encoding="utf-8", newline="") as stream:
        renders = {row["gtin"] for row in csv.DictReader(stream)}
    labels: dict[str, str] = {}
    for gtin, product in sorted(catalogue.products.items(), key=lambda entry: entry[0] in renders):
        labels.setdefault(product.goods, gtin)
    return labels


def _photographs(folder: Path, labels: dict[str, str], seed: int) -> tuple[DemoGoods, ...]:
    """Pictures of a folder; with a ``manifest.csv`` the kinds of goods and conditions take turns."""
    manifest = folder / "manifest.csv"
    if manifest.is_file():
        with manifest.open(encoding="utf-8", newline="") as stream:
            rows = [(row["file"], row["goods"], row.get("condition", "")) for row in csv.DictReader(stream)]
    else:
        files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURE_SUFFIXES)
        rows = [(str(path.relative_to(folder)), "", "") for path in files]
    by_kind: dict[tuple[str, str], list[DemoGoods]] = defaultdict(list)
    for file, goods, condition in rows:
        gtin = labels.get(goods) or next(iter(labels.values()))
        picture = (folder / file).resolve()
        if picture.is_file():
            by_kind[goods, condition].append(DemoGoods(_short(file), gtin, {"top": picture}))
    return _take_turns(list(by_kind.values()), seed)


def _short(file: str) -> str:
    """The folder and the end of a long file name, enough to find the picture again."""
    path = Path(file)
    stem = path.stem if len(path.stem) <= SHORT_NAME else f"…{path.stem[-SHORT_NAME:]}"
    return str(Path(*path.parts[:1]) / stem) if len(path.parts) > 1 else stem


def _renders(demo: Path, seed: int) -> tuple[DemoGoods, ...]:
    """The committed renders, two views an item."""
    pictures: dict[str, dict[str, Path]] = defaultdict(dict)
    gtins: dict[str, str] = {}
    kinds: dict[str, str] = {}
    with (demo / "manifest.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            pictures[row["item"]][row["view"]] = (demo / row["file"]).resolve()
            gtins[row["item"]] = row["gtin"]
            kinds[row["item"]] = row["goods"]
    by_kind: dict[str, list[DemoGoods]] = defaultdict(list)
    for item, views in pictures.items():
        if set(views) == set(DEMO_VIEWS):
            by_kind[kinds[item]].append(DemoGoods(item, gtins[item], views))
    return _take_turns(list(by_kind.values()), seed)


def _take_turns(kinds: list[list[DemoGoods]], seed: int) -> tuple[DemoGoods, ...]:
    rng = random.Random(seed)  # noqa: S311 - an order of pictures, not a secret
    for kind in kinds:
        rng.shuffle(kind)
    rng.shuffle(kinds)
    return tuple(item for turn in zip_longest(*kinds) for item in turn if item is not None)
