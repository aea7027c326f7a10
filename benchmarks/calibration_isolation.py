"""Masks of rendered items against the true ones, and a contact sheet of the crops of real ones.

    python -m benchmarks.calibration_isolation [--sheet FILE.png --photographs DIR]

The items are those of `datasets/demo` with the picture of the empty station as background. What ran out of an item
counts as wrong here, though it is meant to be in the mask: the true masks do not have it. Photographs have no
background and no true masks: look at the sheet.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.capture_quality import LEAKING, PHOTOGRAPHS, rendered
from calibration.isolate import cut, isolate
from inspection.frame import Pixels

ENOUGH = 0.95
SPILT = LEAKING | {"can-06"}
SHOWN, COLUMNS, SIDE = 40, 5, 240


def main(
    sheet: Annotated[Path | None, typer.Option(help="Picture to write, with the crops of photographs.")] = None,
    photographs: Annotated[Path, typer.Option(help="Folder with manifest.csv of photographs.")] = PHOTOGRAPHS,
) -> None:
    """Print the table."""
    cv2.setNumThreads(1)
    overlaps: dict[str, list[float]] = {}
    for good in rendered("all", leaking=True):
        mask = isolate(good.pixels, good.empty).mask > 0
        item = good.name.split("/")[0]
        kind = "leaking" if item in SPILT else item.split("-")[0]
        overlaps.setdefault(kind, []).append(float((mask & good.item).sum() / (mask | good.item).sum()))
    overlaps["all"] = [value for values in overlaps.values() for value in values]
    Console().print(table(overlaps))
    if sheet is not None:
        cv2.imwrite(str(sheet), contact_sheet(photographs))


def table(overlaps: dict[str, list[float]]) -> Table:
    """Intersection over union by kind of item."""
    result = Table(title="Masks of rendered items, intersection over union with the true ones")
    for column in ("items", "pictures", "mean", "lowest", f"over {ENOUGH}"):
        result.add_column(column, justify="left" if column == "items" else "right")
    for kind, values in overlaps.items():
        share = f"{np.mean(np.array(values) > ENOUGH):.0%}"
        result.add_row(kind, str(len(values)), f"{np.mean(values):.3f}", f"{min(values):.3f}", share)
    return result


def contact_sheet(folder: Path) -> Any:
    """Cans with their outline, and beside each what is cut out, uint8 (H, W, 3) BGR."""
    with (folder / "manifest.csv").open(encoding="utf-8") as file:
        names = [row["file"] for row in csv.DictReader(file) if row["set"] == "cans"]
    chosen = names[:: max(1, len(names) // SHOWN)][:SHOWN]
    tiles = [_tile(np.asarray(cv2.imread(str(folder / name)), np.uint8)) for name in chosen]
    return np.vstack([_row(tiles[start : start + COLUMNS]) for start in range(0, len(tiles), COLUMNS)])


def _row(tiles: Sequence[Pixels]) -> Pixels:
    empty = np.zeros_like(tiles[0])
    return np.hstack([*tiles, *[empty] * (COLUMNS - len(tiles))])


def _tile(pixels: Pixels) -> Pixels:
    found = isolate(pixels)
    factor = SIDE / max(pixels.shape[:2])
    small = cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    mask = cv2.resize(found.mask, (small.shape[1], small.shape[0]), interpolation=cv2.INTER_AREA)
    outlines = cv2.findContours((mask > 127).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
    cv2.drawContours(small, outlines, -1, (0, 0, 255), 2)
    tile = np.zeros((SIDE, 2 * SIDE, 3), np.uint8)
    tile[: small.shape[0], : small.shape[1]] = small
    if found.crop is not None:
        tile[:, SIDE:] = cv2.resize(cut(pixels, found.crop), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return tile


if __name__ == "__main__":
    typer.run(main)
