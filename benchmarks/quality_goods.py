"""Goods that never look twice alike, and the truth about them, for :mod:`benchmarks.quality_loop`.

They are the committed renders: each time one lies on the table it is an item of its own, turned, moved, nearer or
farther, and in another light. What is wrong with it is known, and where, by its mask. As all of them come from the same
few renders, what a judge gets right here says nothing about goods it has never seen.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from datasets.masks import mask_code
from inspection.finding import Condition, Defect
from inspection.frame import Pixels
from tests.station.rig import ROOT

DEMO = ROOT / "datasets" / "demo"
WORST = tuple(Condition)
SELLABLE = (Condition.INTACT, Condition.MINOR)
MIN_BOX = 4


@dataclass(frozen=True, slots=True)
class Shot:
    """One view of an item: file, mask, what it shows."""

    picture: Path
    mask: Path
    condition: Condition
    defects: tuple[Defect, ...]


@dataclass(frozen=True, slots=True)
class Goods:
    """One item."""

    gtin: str
    serial: str
    kind: str
    shots: dict[str, Shot]

    @property
    def key(self) -> str:
        """As the hub names it."""
        return f"{self.gtin}/{self.serial}"

    @property
    def condition(self) -> Condition:
        """Of the whole item: the worst that a view shows."""
        return max((shot.condition for shot in self.shots.values()), key=WORST.index)

    @property
    def right(self) -> str:
        """Where it belongs; the worker decides so."""
        if self.condition in SELLABLE:
            return "resell"
        return "repair" if self.kind == "phone" and self.condition is Condition.MAJOR else "scrap"

    def wrong(self, disposition: str) -> bool:
        """Whether a decision is a mistake; a hold is none."""
        return disposition != "hold" and (disposition == "resell") != (self.right == "resell")


def renders() -> list[Goods]:
    """The committed items."""
    found: dict[str, Goods] = {}
    with (DEMO / "manifest.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            item = found.setdefault(row["item"], Goods(row["gtin"], row["serial"], row["goods"], {}))
            defects = tuple(Defect(each) for each in row["defects"].split(";") if each)
            shot = Shot(DEMO / row["file"], DEMO / row["mask"], Condition(row["condition"]), defects)
            item.shots[row["view"]] = shot
    return list(found.values())


def varied(shot: Shot, folder: Path, name: str, rng: np.random.Generator) -> Shot:
    """The same view as it looks another time, as new files ``folder/name.jpg`` and ``.mask.png``."""
    pixels, mask = cv2.imread(str(shot.picture)), cv2.imread(str(shot.mask), cv2.IMREAD_GRAYSCALE)
    assert pixels is not None
    assert mask is not None
    height, width = mask.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), float(rng.uniform(-14, 14)), float(rng.uniform(0.85, 1.2)))
    turn[:, 2] += rng.uniform(-0.05, 0.05, 2) * (width, height)
    pixels = cv2.warpAffine(pixels, turn, (width, height), borderMode=cv2.BORDER_REFLECT_101)
    mask = cv2.warpAffine(mask, turn, (width, height), flags=cv2.INTER_NEAREST)
    if rng.random() < 0.5:
        pixels, mask = pixels[:, ::-1], mask[:, ::-1]
    folder.mkdir(parents=True, exist_ok=True)
    kept = Shot(folder / f"{name}.jpg", folder / f"{name}.mask.png", shot.condition, shot.defects)
    cv2.imwrite(str(kept.picture), lit(np.asarray(pixels, np.uint8), rng), [cv2.IMWRITE_JPEG_QUALITY, 92])
    cv2.imwrite(str(kept.mask), mask)
    return kept


def lit(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """In another light: brighter or darker by up to a fifth, warmer or colder, with a camera's noise."""
    light = rng.uniform(0.8, 1.2) * rng.uniform(0.96, 1.04, 3)
    noisy = pixels.astype(np.float32) * light.astype(np.float32) + rng.normal(0, 2, pixels.shape).astype(np.float32)
    return np.asarray(np.clip(noisy, 0, 255), np.uint8)


def boxes(shot: Shot) -> list[dict[str, Any]]:
    """Where its defects are, pixels; one box a defect that the mask shows."""
    mask = cv2.imread(str(shot.mask), cv2.IMREAD_GRAYSCALE)
    assert mask is not None
    found = []
    for defect in shot.defects:
        x, y, width, height = cv2.boundingRect((mask == mask_code(defect)).astype(np.uint8))
        if min(width, height) >= MIN_BOX:
            found.append({"x": x, "y": y, "width": width, "height": height, "defect": defect.value})
    return found


def write_manifest(folder: Path, goods: Sequence[Goods]) -> None:
    """``manifest.csv`` of items whose pictures lie in ``folder``."""
    columns = ["file", "set", "goods", "defects", "condition", "group", "capture", "licence", "item", "view", "mask"]
    with (folder / "manifest.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        for item in goods:
            for view, shot in item.shots.items():
                file, mask = (path.relative_to(folder).as_posix() for path in (shot.picture, shot.mask))
                row = [file, "renders", item.kind, ";".join(shot.defects), shot.condition, item.key, "fixed"]
                writer.writerow([*row, "CC0-1.0", item.key, view, mask])


def first_pictures(folder: Path, times: int, rng: np.random.Generator) -> list[Goods]:
    """``times`` labelled items of each render, each an item of its own, with their ``manifest.csv``."""
    found: list[Goods] = []
    for model in renders():
        for _ in range(times):
            found.append(another(model, folder, f"F{len(found):06d}", rng))
    write_manifest(folder, found)
    return found


def another(model: Goods, folder: Path, serial: str, rng: np.random.Generator) -> Goods:
    """An item like this, with pictures of its own."""
    shots = {view: varied(shot, folder, f"{serial}-{view}", rng) for view, shot in model.shots.items()}
    return replace(model, serial=serial, shots=shots)
