"""Bad captures that are found, by cause and strength, and good ones that are refused.

    python -m benchmarks.capture_quality [--half report|tune] [--photographs DIR]

Every cause is laid over rendered items of `datasets/demo`, judged with the picture of the empty station as background;
limits were chosen on the odd items (tune), the even ones are reported. Photographs of cans, where they are, are judged
without any background. Last, what one check costs at 1280x720 on one core.
"""

from __future__ import annotations

import csv
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.bad_captures import CAUSES, Cause, Good, retaken
from calibration.isolate import isolate
from calibration.quality import Reference, examine
from inspection.frame import Pixels

ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / "datasets" / "demo"
PHOTOGRAPHS = ROOT.parent / "shared" / "datasets"
LEAKING = frozenset({"carton-06"})
"""Its juice runs out of the picture: that it is cut off is true."""


def main(
    half: Annotated[str, typer.Option(help="Items to use: report (even), tune (odd) or all.")] = "report",
    photographs: Annotated[
        Path, typer.Option(help="Folder with manifest.csv of photographs; may be absent.")
    ] = PHOTOGRAPHS,
    retakes: Annotated[int, typer.Option(min=1, help="Good captures of each picture.")] = 10,
) -> None:
    """Print the tables."""
    cv2.setNumThreads(1)
    console = Console()
    renders = rendered(half)
    references = {good.name: reference_of(good) for good in renders}
    console.print(detections("Renders, with a background", renders, references))
    console.print(false_alarms("renders, with a background", renders, references, retakes))
    alone = {good.name: Reference.of(None, 640, 480) for good in renders}
    console.print(false_alarms("renders, without", renders, alone, retakes))
    cans = photographed(photographs, half)
    if cans:
        plain = {good.name: Reference.of(None, good.pixels.shape[1], good.pixels.shape[0]) for good in cans}
        console.print(detections("Photographs of cans, without a background", cans, plain))
        console.print(false_alarms("photographs of cans, without", cans, plain, 2))
    console.print(cost(renders[0]))


def rendered(half: str, *, leaking: bool = False) -> list[Good]:
    """Both views of the items of one half; those that leak out of the picture when asked for."""
    found: list[Good] = []
    for view in ("top", "front"):
        empty = _read(DEMO / "empty" / f"{view}.jpg")
        goods = []
        for folder in sorted(path for path in DEMO.iterdir() if (path / f"{view}.item.png").is_file()):
            if (folder.name in LEAKING and not leaking) or not _chosen(int(folder.name[-2:]), half):
                continue
            mask = cv2.imread(str(folder / f"{view}.item.png"), cv2.IMREAD_GRAYSCALE)
            goods.append((f"{folder.name}/{view}", _read(folder / f"{view}.jpg"), np.asarray(mask) > 127))
        for place, (name, pixels, item) in enumerate(goods):
            other = Good(*goods[(place + len(goods) // 2 + 1) % len(goods)])
            found.append(Good(name, pixels, item, empty, other))
    return found


def photographed(folder: Path, half: str) -> list[Good]:
    """Every sixth can of one half at 640x640, when the photographs are there; its place is what `isolate` says."""
    manifest = folder / "manifest.csv"
    if not manifest.is_file():
        return []
    with manifest.open(encoding="utf-8") as file:
        names = [row["file"] for row in csv.DictReader(file) if row["set"] == "cans"][::6]
    names = [name for place, name in enumerate(names) if _chosen(place, half)]
    found = []
    for name in names:
        pixels = np.asarray(cv2.resize(_read(folder / name), (640, 640), interpolation=cv2.INTER_AREA), np.uint8)
        found.append(Good(name, pixels, isolate(pixels, refine=False).mask > 0))
    return [good for good in found if good.item.any()]


def reference_of(good: Good) -> Reference:
    """Of a view whose empty picture is the only thing known."""
    return Reference.of(None, good.pixels.shape[1], good.pixels.shape[0], good.empty)


def detections(title: str, goods: Sequence[Good], references: dict[str, Reference]) -> Table:
    """Share of spoilt captures that get the right code, and in brackets any code, at each strength."""
    table = Table(title=f"{title}: {len(goods)} pictures; found as such (refused for anything), %")
    table.add_column("cause")
    for _ in range(5):
        table.add_column(justify="right")
    for name, cause in CAUSES.items():
        usable = [good for good in goods if not cause.needs_empty or good.empty is not None]
        if not usable:
            continue
        cells = [_rate(cause, strength, usable, references) for strength in cause.strengths]
        header = " ".join(f"{strength:g}" for strength in cause.strengths)
        table.add_row(f"{name} ({header} {cause.unit})", *cells)
    return table


def false_alarms(title: str, goods: Sequence[Good], references: dict[str, Reference], retakes: int) -> str:
    """Share of good captures that are refused, and why."""
    refused: Counter[str] = Counter()
    names: set[str] = set()
    total = wrong = 0
    for place, good in enumerate(goods):
        for again in range(retakes):
            problems = examine(retaken(good, np.random.default_rng((7, place, again))), references[good.name]).problems
            total, wrong = total + 1, wrong + bool(problems)
            refused.update(problems)
            names |= {good.name} if problems else set()
    why = ", ".join(f"{code} {count}" for code, count in refused.most_common()) or "none"
    return (
        f"False alarms, {title}: {wrong} of {total} = {100 * wrong / total:.2f} % ({why}; {', '.join(sorted(names))})"
    )


def cost(good: Good, repeats: int = 100) -> str:
    """Milliseconds of one check at 1280x720, one thread: median of processor time."""
    pixels = np.asarray(cv2.resize(good.pixels, (1280, 720)), np.uint8)
    texts = []
    for title, background in (("with a background", good.empty), ("without", None)):
        reference = Reference.of(None, 1280, 720, background)
        times = []
        for _ in range(repeats):
            start = time.process_time()
            examine(pixels, reference)
            times.append((time.process_time() - start) * 1e3)
        texts.append(f"{title} {np.median(times):.2f} ms (best {min(times):.2f})")
    return f"One check at 1280x720 on one core: {', '.join(texts)}"


def _rate(cause: Cause, strength: float, goods: Sequence[Good], references: dict[str, Reference]) -> str:
    right = refused = 0
    for place, good in enumerate(goods):
        spoilt = cause.spoil(good, strength, np.random.default_rng((11, place)))
        problems = set(examine(spoilt, references[good.name]).problems)
        right += bool(problems & {cause.code, *cause.also})
        refused += bool(problems)
    return f"{100 * right / len(goods):.0f} ({100 * refused / len(goods):.0f})"


def _chosen(number: int, half: str) -> bool:
    return half == "all" or (number % 2 == 1) == (half == "tune")


def _read(path: Path) -> Pixels:
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR), np.uint8)


if __name__ == "__main__":
    typer.run(main)
