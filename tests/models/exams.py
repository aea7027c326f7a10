"""Exams of the demo's pictures, and candidates that are not what they should be."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Collection
from pathlib import Path

from models.bundle import open_bundle, seal_bundle

ROOT = Path(__file__).resolve().parents[2]
DEFAULT = ROOT / "models" / "bundles" / "default"
DEMO = ROOT / "datasets" / "demo"
ITEMS = ("can-01", "can-06", "carton-01", "phone-04")


def small_exam(folder: Path, items: Collection[str] = ITEMS) -> Path:
    """A manifest of some of the demo's items, and their pictures; returns the manifest."""
    folder.mkdir(parents=True)
    with (DEMO / "manifest.csv").open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["item"] in items]
    with (folder / "manifest.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, [*rows[0], "station"])
        writer.writeheader()
        for number, row in enumerate(rows):
            writer.writerow(row | {"station": f"station-0{number % 2 + 1}", "mask": ""})
    for row in rows:
        (folder / row["file"]).parent.mkdir(exist_ok=True)
        shutil.copy(DEMO / row["file"], folder / row["file"])
    return folder / "manifest.csv"


def small_rules(path: Path) -> Path:
    """The project's rules, for an exam as small as that."""
    text = (ROOT / "configs" / "gate.yaml").read_text(encoding="utf-8")
    for old, new in (
        ("pictures: 200\n    groups: 100\n    bad: 20", "pictures: 6\n    groups: 3\n    bad: 1"),
        ("upper: 0.05", "upper: 0.5"),
        ("margin: 0.03", "margin: 0.5\n    least_groups: 2"),
        ("limit: 1.1\n", "limit: 3.0\n"),  # a machine that others use, too
    ):
        assert old in text
        text = text.replace(old, new, 1)
    path.write_text(text, encoding="utf-8")
    return path


def spoiled(out: Path, version: str = "3-spoiled") -> Path:
    """The project's bundle with thresholds that sell whatever is more likely sound than not, and find nothing novel."""
    shutil.copytree(DEFAULT, out)
    spec = open_bundle(DEFAULT).spec
    goods = {
        name: kind.model_copy(update={"resell": 0.5001, "resell_bound": 0.01})
        for name, kind in spec.thresholds.goods.items()
    }
    thresholds = spec.thresholds.model_copy(update={"goods": goods, "novelty": 50.0, "other_kind": None})
    seal_bundle(out, spec.model_copy(update={"version": version, "thresholds": thresholds}))
    return out


def renamed(out: Path, version: str) -> Path:
    """The project's bundle under another version: it judges alike."""
    shutil.copytree(DEFAULT, out)
    seal_bundle(out, open_bundle(DEFAULT).spec.model_copy(update={"version": version}))
    return out
