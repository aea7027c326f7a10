"""How well 8 pictures of good samples tell a damaged item that was never seen, and what it costs a view.

    python -m benchmarks.reference [--photographs DIR] [--renders DIR] [--draws 3]

Three kinds of trials, each with samples drawn anew (seeded), the other good ones and all damaged ones to be told apart:
photographs of intact goods taken again by a simulated fixed camera (shift 2 %, turn 3 degrees, size 2 %, light 8 %,
noise, JPEG) with drawn scratches, stains and dents; photographs as they are, of one product on one day; renders of one
product (``python -m datasets.render``) with the damage the renderer knows, by picture. Refused banks are counted.
"""

from __future__ import annotations

import csv
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from inspection.frame import Pixels, ViewPicture
from models.evaluation.figures import auroc
from models.reference import ANY_VIEW, Bank, Comparison, ReferenceRefused, ViewBank, calibrated, learn
from models.reference_build import sample
from models.runtime import Judge

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = 8
TAKEN_AGAIN = 20
MOST_GOOD = 24
SIDE = 640
REPEATS = 60


@dataclass(frozen=True)
class Trial:
    """Good pictures to draw samples from, and damaged ones by what is wrong with them."""

    name: str
    good: list[Pixels]
    damaged: dict[str, list[Pixels]]
    draws: int


def main(
    photographs: Annotated[Path, typer.Option(help="Folder with a manifest.csv.")] = ROOT.parent / "shared/datasets",
    renders: Annotated[Path, typer.Option(help="Folder of renders with enough intact items of a GTIN.")] = ROOT
    / "runs/renders",
    bundle: Annotated[Path, typer.Option()] = ROOT / "models/bundles/default",
    draws: Annotated[int, typer.Option(min=1, help="Sets of samples drawn of each.")] = 3,
    goods: Annotated[int, typer.Option(min=1, help="Photographs of each set that are taken again.")] = 4,
) -> None:
    """Print the two tables."""
    judge = Judge.load(bundle)
    found: dict[str, list[dict[str, float]]] = defaultdict(list)
    refused: dict[str, list[str]] = defaultdict(list)
    bank: ViewBank | None = None
    for trial in [*taken_again(photographs, goods), *as_they_are(photographs, draws), *rendered(renders, draws)]:
        for draw in range(trial.draws):
            order = np.random.default_rng(draw).permutation(len(trial.good))
            chosen = [trial.good[index] for index in order[:SAMPLES]]
            place = judge.place_of(chosen)
            try:
                bank = learn([sample(judge, place, str(row), pixels) for row, pixels in enumerate(chosen)], place)
            except ReferenceRefused as error:
                refused[trial.name].append(str(error))
                continue
            beside = Bank(trial.name, judge.bundle_id, {ANY_VIEW: bank})
            good = [compared(judge, beside, trial.good[index]) for index in order[SAMPLES:][:MOST_GOOD]]
            damaged = {
                name: [compared(judge, beside, pixels) for pixels in some] for name, some in trial.damaged.items()
            }
            found[trial.name].append(measured(good, damaged))
        typer.echo(f"{trial.name}: {[round(row['AUROC all'], 3) for row in found[trial.name]]}", err=True)
    Console(width=150).print(ranking(found, refused))
    for name, reasons in refused.items():
        for reason in reasons:
            typer.echo(f"refused: {name}: {reason}")
    if bank is not None:
        Console(width=150).print(costs(judge, bank))


def compared(judge: Judge, bank: Bank, pixels: Pixels) -> Comparison:
    """What a station would say of a picture."""
    found = judge.assess_beside([ViewPicture("any", pixels)], bank)[1][0]
    if found is None:
        raise SystemExit("the bank has no view for a picture")
    return found


def measured(calm: list[Comparison], kinds: dict[str, list[Comparison]]) -> dict[str, float]:
    """AUROC of each kind of damage and of all together, false alarms, and the share of damage beyond the limit."""
    everything = [found for some in kinds.values() for found in some]
    result = {
        "good": float(len(calm)),
        "damaged": float(len(everything)),
        "false alarms": statistics.mean(c.anomalous for c in calm),
        "found": statistics.mean(c.anomalous for c in everything),
    }
    for name, some in {"all": everything, **kinds}.items():
        truth = np.array([True] * len(some) + [False] * len(calm))
        result[f"AUROC {name}"] = auroc(truth, np.array([c.strangeness for c in [*some, *calm]])) or 0.0
    return result


def ranking(found: dict[str, list[dict[str, float]]], refused: dict[str, list[str]]) -> Table:
    """A row a trial, the mean over its banks."""
    table = Table(title=f"{SAMPLES} good samples, no defect seen")
    columns = ("set", "banks", "refused", "good", "damaged", "AUROC", "lowest", "by kind", "false alarms", "found")
    for column in columns:
        table.add_column(column, justify="left" if column in {"set", "by kind"} else "right")
    for name in dict.fromkeys([*found, *refused]):
        rows = found[name]
        if not rows:
            table.add_row(name, "0", str(len(refused[name])), *[""] * 7)
            continue
        mean = {key: statistics.mean(row[key] for row in rows if key in row) for key in rows[0]}
        kinds = [f"{k[6:]} {v:.3f}" for k, v in mean.items() if k.startswith("AUROC ") and k != "AUROC all"]
        table.add_row(
            name,
            str(len(rows)),
            str(len(refused[name])),
            f"{sum(row['good'] for row in rows):.0f}",
            f"{sum(row['damaged'] for row in rows):.0f}",
            f"{mean['AUROC all']:.3f}",
            f"{min(row['AUROC all'] for row in rows):.3f}",
            ", ".join(kinds),
            f"{mean['false alarms']:.1%}",
            f"{mean['found']:.1%}",
        )
    return table


def costs(judge: Judge, bank: ViewBank) -> Table:
    """Milliseconds a view: the judge alone, beside 8 and beside 16 samples, in turns."""
    noise = np.random.default_rng(0).normal(0, 0.1, bank.grids.shape).astype(np.float32)
    twice = calibrated(
        tuple(map(str, range(2 * SAMPLES))),
        np.concatenate([bank.grids, bank.grids + noise]),
        np.concatenate([bank.seen, bank.seen]),
        bank.place,
    )
    picture = [ViewPicture("top", np.random.default_rng(0).integers(0, 256, (480, 640, 3)).astype(np.uint8))]
    banks = [None, *(Bank("-", judge.bundle_id, {ANY_VIEW: view}) for view in (bank, twice))]
    times: list[list[float]] = [[], [], []]
    for _ in range(REPEATS):
        for index, one in enumerate(banks):
            start = time.perf_counter()
            judge.assess_beside(picture, one)
            times[index].append((time.perf_counter() - start) * 1e3)
    table = Table(title="Milliseconds a view, 640x480, 2 threads")
    for column in ("", "median", "best", "to the judge alone"):
        table.add_column(column, justify="right" if column else "left")
    alone = times[0]
    for name, some in zip(("judge alone", f"{SAMPLES} samples", f"{2 * SAMPLES} samples"), times, strict=True):
        ratio = statistics.median(b / a for a, b in zip(alone, some, strict=True))
        table.add_row(name, f"{statistics.median(some):.1f}", f"{min(some):.1f}", f"{ratio:.2f}")
    for count, view in ((SAMPLES, bank), (2 * SAMPLES, twice)):
        for name, spent in parts(judge, view, picture[0].pixels).items():
            ratio = statistics.median(b / a for a, b in zip(alone, spent, strict=True))
            table.add_row(
                f"{count} samples: {name}", f"{statistics.median(spent):.1f}", f"{min(spent):.1f}", f"{ratio:.2f}"
            )
    return table


def parts(judge: Judge, bank: ViewBank, pixels: Pixels) -> dict[str, list[float]]:
    """Milliseconds of laying over, of the graph's second look, and of the comparison."""
    times: dict[str, list[float]] = {"laying over": [], "second look of the graph": [], "comparing": []}
    if bank.place is None:
        return {}
    for _ in range(REPEATS):
        start = time.perf_counter()
        laid = judge.laid([pixels], [bank.place])[0]
        seen = time.perf_counter()
        grid = judge.patches(laid.fitted[None])[0]
        looked = time.perf_counter()
        laid.back(bank.compare(grid, laid.seen(grid.shape[0])).cells)
        ends = (seen - start, looked - seen, time.perf_counter() - looked)
        for spent, one in zip(times.values(), ends, strict=True):
            spent.append(one * 1e3)
    return times


# --- what is compared ------------------------------------------------------------------------------------------------


def taken_again(folder: Path, goods: int) -> Iterator[Trial]:
    """Single photographs of intact goods, each taken again and again by a simulated camera."""
    if not (folder / "manifest.csv").is_file():
        return
    rows = list(csv.DictReader((folder / "manifest.csv").open(encoding="utf-8")))
    for kind in ("grocery", "clothing", "parcels", "phones", "cans"):
        files = [row["file"] for row in rows if row["set"] == kind and row["condition"] == "intact"]
        for number, file in enumerate(files[:: max(1, len(files) // goods)][:goods]):
            rng = np.random.default_rng([number, len(kind)])
            original = read(folder / file)
            good = [again(original, rng) for _ in range(TAKEN_AGAIN)]
            damaged = {name: [again(d(original, rng), rng) for _ in range(6)] for name, d in DAMAGES.items()}
            yield Trial(f"{kind}, taken again", good, damaged, 1)


def as_they_are(folder: Path, draws: int) -> Iterator[Trial]:
    """Cans of the one day that has intact ones (from changing distances), and screens of many models in one place."""
    if not (folder / "manifest.csv").is_file():
        return
    rows = list(csv.DictReader((folder / "manifest.csv").open(encoding="utf-8")))
    cans = [row for row in rows if row["set"] == "cans" and row["group"] == "20221108"]
    for view in ("side", "top"):
        shown = [row for row in cans if can_view(row["file"]) == view]
        yield Trial(
            f"cans of one day, {view}, distance changes",
            [read(folder / row["file"], side=0) for row in shown if row["condition"] == "intact"],
            {"dents": [read(folder / row["file"], side=0) for row in shown if row["condition"] != "intact"]},
            draws,
        )
    bad = {k: [r for r in rows if r["file"].startswith(f"phones/{k}/")][::15] for k in ("scratch", "stain", "oil")}
    yield Trial(
        "phones, 15 models in one place",
        [read(folder / row["file"]) for row in rows if row["file"].startswith("phones/good/")],
        {kind: [read(folder / row["file"]) for row in some] for kind, some in bad.items()},
        draws,
    )


def can_view(file: str) -> str:
    """From which side a can was photographed on the day of the intact ones; the time of day tells."""
    at = Path(file).stem.split("_")[2]
    return "top" if "093400" < at < "103000" or "113340" < at < "113800" else "side"


def rendered(folder: Path, draws: int) -> Iterator[Trial]:
    """Renders by GTIN and view, where more than the samples are intact."""
    if not (folder / "manifest.csv").is_file():
        return
    rows = list(csv.DictReader((folder / "manifest.csv").open(encoding="utf-8")))
    for gtin, view in sorted({(row["gtin"], row["view"]) for row in rows if row["gtin"]}):
        own = [row for row in rows if (row["gtin"], row["view"]) == (gtin, view)]
        good = [read(folder / row["file"]) for row in own if not row["defects"]]
        damaged = {"any": [read(folder / row["file"]) for row in own if row["defects"]]}
        if len(good) > SAMPLES and damaged["any"]:
            yield Trial(f"renders, {own[0]['goods']}, {view}", good, damaged, draws)


def read(file: Path, side: int = SIDE) -> Pixels:
    """The picture, its longer side ``side`` pixels; 0 for as it is."""
    pixels = cv2.imread(str(file), cv2.IMREAD_COLOR)
    if pixels is None:
        raise SystemExit(f"cannot read {file}")
    if not side:
        return np.asarray(pixels, np.uint8)
    scale = side / max(pixels.shape[:2])
    return np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def again(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """The same thing put down again under the same camera."""
    height, width = pixels.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), rng.uniform(-3, 3), rng.uniform(0.98, 1.02))
    turn[:, 2] += rng.uniform(-0.02, 0.02, 2) * width
    moved = cv2.warpAffine(pixels, turn, (width, height), borderMode=cv2.BORDER_REFLECT).astype(np.float32)
    noisy = np.clip(moved * rng.uniform(0.92, 1.08) + rng.normal(0, 3, moved.shape), 0, 255).astype(np.uint8)
    coded = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(75, 95))])[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)


def scratched(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """A bright or dark line of 3 pixels, 12 to 25 % of the width long."""
    height, width = pixels.shape[:2]
    angle, length = rng.uniform(0, np.pi), rng.uniform(0.12, 0.25) * width
    along = np.linspace(-0.5, 0.5, 12)[:, None] * length * np.array([np.cos(angle), np.sin(angle)])
    points = rng.uniform(0.35, 0.65, 2) * (width, height) + along + rng.normal(0, length * 0.02, (12, 2))
    colour = (235, 235, 235) if rng.random() < 0.5 else (30, 30, 30)
    drawn = pixels.copy()
    cv2.polylines(drawn, [points.astype(np.int32)], False, colour, max(1, round(width / 200)), cv2.LINE_AA)
    return drawn


def stained(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """A soft dark ellipse, 6 to 14 % of the width, covering 40 to 70 %."""
    height, width = pixels.shape[:2]
    mask = np.zeros((height, width), np.uint8)
    x, y = (int(value) for value in rng.uniform(0.35, 0.65, 2) * (width, height))
    axes = tuple(int(value) for value in rng.uniform(0.03, 0.07, 2) * width)
    cv2.ellipse(mask, (x, y), axes, rng.uniform(0, 180), 0, 360, 255, -1)
    cover = cv2.GaussianBlur(mask, (0, 0), width * 0.006)[..., None] / 255 * rng.uniform(0.4, 0.7)
    return np.asarray(pixels * (1 - cover) + cover * rng.integers(20, 110, 3), np.uint8)


def dented(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """A bulge of 6 to 10 % of the width: the picture is pulled together and shaded on two sides."""
    height, width = pixels.shape[:2]
    centre, radius = rng.uniform(0.35, 0.65, 2) * (width, height), rng.uniform(0.06, 0.1) * width
    y, x = np.mgrid[:height, :width].astype(np.float32)
    right, down = x - np.float32(centre[0]), y - np.float32(centre[1])
    near = np.exp(-(right**2 + down**2) / np.float32(radius**2 / 2))
    pull = np.float32(rng.uniform(0.3, 0.5)) * near
    moved = cv2.remap(pixels, x + right * pull, y + down * pull, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    shade = 1 + 0.5 * near * (0.54 * right + 0.84 * down) / np.float32(radius)
    return np.asarray(np.clip(moved * shade[..., None], 0, 255), np.uint8)


DAMAGES: dict[str, Callable[[Pixels, np.random.Generator], Pixels]] = {
    "scratch": scratched,
    "stain": stained,
    "dent": dented,
}


if __name__ == "__main__":
    typer.run(main)
