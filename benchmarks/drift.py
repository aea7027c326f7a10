"""How soon planted drift is told, and how often stable data is called drifted.

    .venv/bin/python -m benchmarks.drift [--streams 90] [--repeats 20]

Real figures: rendered cans under a simulated lamp that differs a little from day to day and item to item, measured as
the hub does and judged by the shipped bundle. Planted: light -20 %, blur, another product under the same kind of
goods. Then thirty stable days of many streams, whose days differ.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Annotated

import cv2
import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from inspection.drifting import Watch, threshold_of
from inspection.frame import Pixels, ViewPicture
from inspection.hub.drift.figures import FIGURES, distance_of, of_picture
from models.runtime import Judge

ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / "datasets" / "demo"
A_DAY, DAYS, BUDGET = 60, 10, 0.5
DAY_LIGHT, ITEM_LIGHT = 0.02, 0.02
"""Of the lamp's light: standard deviation between days, and between items of a day."""
MOST = 600
NEVER = 10**9
GOODS = "can"
"""What the catalogue says all of them are; another product under it is a bottle."""
Figures = dict[str, float]


def main(
    streams: Annotated[int, typer.Option(min=10, help="Streams that share the budget of alarms.")] = 90,
    repeats: Annotated[int, typer.Option(min=3, help="Times that each drift is planted.")] = 20,
    variants: Annotated[int, typer.Option(min=1, help="Lamps that each picture is measured under.")] = 4,
) -> None:
    """Measure and print two tables."""
    judge = Judge.load(ROOT / "models" / "bundles" / "default", threads=1)
    draw = random.Random(0)  # noqa: S311 - a simulation
    own = _pictures(GOODS)
    stable = _measured(judge, own, draw, variants)
    planted: dict[str, tuple[list[Figures], Sequence[str]]] = {
        "light -20 %": (_measured(judge, own, draw, 1, _darker), ("brightness",)),
        "blur, sigma 1.5 px": (_measured(judge, own, draw, 1, _blurred), ("sharpness",)),
        "another product": (_measured(judge, _pictures("bottle"), draw, variants), ("distance", "novel")),
    }
    table = Table("planted", "figure", "items to alarm, median", "90 %", "not told in 600", title="Time to alarm")
    for name, (figures, names) in planted.items():
        for figure in names:
            soon = sorted(_to_alarm(stable, figures, figure, streams, seed) for seed in range(repeats))
            late = sum(each == NEVER for each in soon)
            table.add_row(name, figure, _shown(median(soon)), _shown(soon[int(0.9 * (len(soon) - 1))]), str(late))
    Console().print(table)
    alarms = Table("days differ by", "streams", "false alarms in 30 days", "a week", title="Stable data")
    for day_sd in (0.0, 0.2, 0.4):
        count = sum(_false(seed, day_sd, streams) for seed in range(streams))
        alarms.add_row(f"{day_sd} sd", str(streams), str(count), f"{count / 30 * 7:.2f}")
    Console().print(alarms)


def _pictures(*goods: str) -> list[Pixels]:
    names = [path for kind in goods for path in sorted(DEMO.glob(f"{kind}-*/top.jpg"))]
    return [np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR), np.uint8) for path in names]


def _darker(pixels: Pixels) -> Pixels:
    return _light(pixels, 0.8)


def _blurred(pixels: Pixels) -> Pixels:
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), 1.5), np.uint8)


def _light(pixels: Pixels, times: float) -> Pixels:
    """So many times the light: in linear light, as a lamp does it."""
    codes = np.arange(256) / 255
    table = np.clip(255 * (codes**2.2 * times) ** (1 / 2.2), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(pixels, table), np.uint8)


def _measured(
    judge: Judge,
    pictures: Sequence[Pixels],
    draw: random.Random,
    variants: int,
    plant: Callable[[Pixels], Pixels] = lambda pixels: pixels,
) -> list[Figures]:
    found = []
    for pixels in pictures:
        for _ in range(variants):
            shown = plant(_light(pixels, 1 + draw.gauss(0, ITEM_LIGHT)))
            figures = {name: value for name, (value, _) in of_picture(shown, "").items()}
            said = judge.assess([ViewPicture("top", shown)], GOODS)
            found.append({**figures, "distance": distance_of(said.novelty), "novel": float(said.novel)})
    return found


def _to_alarm(stable: list[Figures], drifted: list[Figures], figure: str, streams: int, seed: int) -> int:
    draw = random.Random(seed)  # noqa: S311 - a simulation
    watch = _learnt(lambda: draw.choice(stable)[figure], figure, seed)
    threshold = threshold_of(7 * A_DAY, streams, BUDGET)
    for item in range(MOST):
        day = DAYS + 1 + item // A_DAY
        if watch.watch(_of_day(draw.choice(drifted)[figure], figure, day, seed), day, f"{seed}/{item}", threshold):
            return item + 1
    return NEVER


def _learnt(take: Callable[[], float], figure: str, seed: int) -> Watch:
    watch = Watch(FIGURES[figure].kind)
    for day in range(DAYS):
        for _ in range(A_DAY):
            watch.learn(_of_day(take(), figure, day, seed), day)
    watch.learnt_enough()
    return watch


def _of_day(value: float, figure: str, day: int, seed: int) -> float:
    """Brightness with the lamp of its day."""
    if figure != "brightness":
        return value
    lamp = random.Random(f"{seed}/{day}").gauss(0, DAY_LIGHT)  # noqa: S311 - a simulation
    return float(value * (1 + lamp) ** (1 / 2.2))


def _false(seed: int, day_sd: float, streams: int) -> int:
    """Alarms in thirty stable days of normal figures, or of yes and no for every third stream."""
    draw = random.Random(seed)  # noqa: S311 - a simulation
    yes_no = seed % 3 == 0
    watch = Watch(FIGURES["hold" if yes_no else "distance"].kind)
    threshold, told = threshold_of(7 * A_DAY, streams, BUDGET), 0
    for day in range(DAYS + 30):
        off = draw.gauss(0, day_sd)
        if day == DAYS:
            watch.learnt_enough()
        for item in range(A_DAY):
            value = float(draw.random() < 0.1) if yes_no else draw.gauss(off, 1)
            if day < DAYS:
                watch.learn(value, day)
            else:
                told += watch.watch(value, day, f"{seed}/{day}/{item}", threshold) is not None
                watch.cured()
    return told


def _shown(items: float) -> str:
    return "–" if items >= NEVER else f"{items:.0f}"


if __name__ == "__main__":
    typer.run(main)
