"""Small labelled pictures for tests of versions and formats."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np

from datasets.masks import mask_code
from datasets.versions import making
from datasets.versions.entry import Consent, Entry, Mark
from datasets.versions.store import VersionStore
from datasets.versions.version import Version
from inspection.finding import Condition, Defect


def jpeg(seed: int, size: tuple[int, int] = (40, 30)) -> bytes:
    """A picture of noise, ``size`` wide and high, another one for each seed."""
    picture = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), np.uint8)
    return cv2.imencode(".jpg", picture)[1].tobytes()


def folder(path: Path, count: int = 12, start: int = 0, of_set: str = "shop") -> Path:
    """A folder with a manifest: every second item cracked, two pictures an item."""
    path.mkdir(parents=True)
    with (path / "manifest.csv").open("w", encoding="utf-8", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(("file", "set", "goods", "defects", "condition", "group", "capture", "licence", "note"))
        for number in range(start, start + count):
            (path / f"{number}.jpg").write_bytes(jpeg(number))
            labels = ("crack", "major") if number // 2 % 2 else ("", "intact")
            rows.writerow((f"{number}.jpg", of_set, "phone", *labels, f"item-{number // 2}", "fixed", "CC0-1.0", ""))
    return path


def entry(store: VersionStore, seed: int, **said: object) -> Entry:
    """An entry whose picture lies in the store; intact unless told otherwise."""
    sha256 = store.put(jpeg(seed))
    content = {
        "sha256": sha256, "kind": "jpg", "width": 40, "height": 30, "set": "shop", "goods": "phone",
        "condition": Condition.INTACT, "licence": "CC0-1.0", "source": "a test", "consent": Consent.TERMS, **said,
    }  # fmt: skip
    return Entry.model_validate(content)


def drawn(store: VersionStore) -> Version:
    """A version with boxes, with an exact mask, with neither, and an intact item."""
    codes = np.zeros((30, 40), np.uint8)
    codes[3:9, 4:20] = mask_code(Defect.SCRATCH)
    codes[12:20, 30:40] = mask_code(Defect.DENT)
    mask = store.put(cv2.imencode(".png", codes, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes())
    marks = (
        Mark(defect=Defect.CRACK, x=0, y=7, width=40, height=1),
        Mark(defect=Defect.HOLE, x=39, y=29, width=1, height=1),
    )
    entries = [
        entry(store, 1, item="a", customer="c1", date="2026-11-02", station="s1", view="top", label="l1"),
        entry(store, 2, item="b", condition=Condition.MINOR, defects=(Defect.DENT, Defect.SCRATCH), mask=mask),
        entry(store, 3, item="c", condition=Condition.CRITICAL, defects=(Defect.CRACK, Defect.HOLE), marks=marks),
        entry(store, 4, item="d", goods="can", condition=Condition.MAJOR, defects=(Defect.DAMAGED,), capture="web"),
    ]
    return making.make("drawn", entries)
