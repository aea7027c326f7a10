"""A small bundle, trained in the test on pictures that the test draws."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

if TYPE_CHECKING:
    from models.training.config import TrainOptions

ITEMS = 64
SIDE = 128


def draw(path: Path, rng: np.random.Generator, *, cracked: bool) -> None:
    """A textured box on a table; a cracked one carries a jagged dark line."""
    picture = np.full((SIDE, SIDE, 3), rng.integers(90, 160, 3), np.uint8)
    low, high = (int(edge) for edge in (rng.integers(14, 28), rng.integers(100, 114)))
    cv2.rectangle(picture, (low, low), (high, high), tuple(int(c) for c in rng.integers(150, 240, 3)), -1)
    if cracked:
        points = np.cumsum(rng.integers(-14, 22, (9, 2)), axis=0) + rng.integers(30, 50, 2)
        cv2.polylines(picture, [np.clip(points, low, high).astype(np.int32)], False, (15, 15, 15), 3)
    noisy = picture.astype(np.int16) + rng.integers(-8, 9, picture.shape)
    cv2.imwrite(str(path), np.clip(noisy, 0, 255).astype(np.uint8))


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of drawn pictures with a manifest: half intact, half cracked."""
    folder = tmp_path_factory.mktemp("drawn")
    rng = np.random.default_rng(7)
    with (folder / "manifest.csv").open("w", encoding="utf-8", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(("file", "set", "goods", "defects", "condition", "group", "capture", "licence", "note"))
        for number in range(ITEMS):
            cracked = number % 2 == 1
            name = f"{number:03d}.jpg"
            draw(folder / name, rng, cracked=cracked)
            labels = ("crack", "major") if cracked else ("", "intact")
            rows.writerow((name, "drawn", "box", *labels, f"g{number // 4}-{cracked}", "fixed", "CC0-1.0", ""))
    return folder


def small(drawn: Path, out: Path, work: Path, **changes: Any) -> TrainOptions:
    """Options of a small training."""
    from models.training.config import TrainOptions  # noqa: PLC0415 - after torch was asked for

    return TrainOptions(
        **{
            "data": [drawn], "golden": drawn, "out": out, "work": work, "name": "small", "size": 128, "versions": 1,
            "epochs": 24, "by_date": False, "finder": False, "folds": 2, **changes,
        }
    )  # fmt: skip


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the small training keeps what it computes."""
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="session")
def bundle(drawn: Path, work: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle that training made of them."""
    pytest.importorskip("torch", reason="training is not installed: make install-dev")
    from rich.console import Console  # noqa: PLC0415

    from models.training.run import train  # noqa: PLC0415

    out = tmp_path_factory.mktemp("bundles") / "small"
    train(small(drawn, out, work), Console(quiet=True))
    return out
