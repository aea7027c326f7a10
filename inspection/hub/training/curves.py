"""Points of a training as lines of a chart; the page draws it on the server, the script only asks for it again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 1000, 320
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 12, 34
MOST = 400
"""Points drawn of a curve; more are thinned out."""
OWN = "own"


@dataclass(frozen=True, slots=True)
class Curve:
    """One fit.

    Attributes:
        fit: its name; ``own`` is what the bundle judges with, others judge what it has learned from.
        line: ``x,y x,y …`` in the chart's units.
        last: newest loss.
        share: how far it is, 0..1.
        figure: balanced accuracy on what it did not learn from, once it has ended.
    """

    fit: str
    line: str
    last: float
    share: float
    figure: float | None


@dataclass(frozen=True, slots=True)
class Chart:
    """Curves, the own first, and where the lines of the grid stand: (place, what is written there)."""

    curves: tuple[Curve, ...]
    rows: tuple[tuple[float, str], ...]
    columns: tuple[tuple[float, str], ...]


def chart(points: Sequence[Any]) -> Chart:
    """The chart of some points (``kind, fit, step, steps, value``)."""
    losses: dict[str, list[tuple[float, float]]] = {}
    figures: dict[str, float] = {}
    for point in points:
        if point.kind == "loss" and point.steps:
            losses.setdefault(point.fit, []).append((point.step / point.steps, point.value))
        elif point.kind == "balanced_accuracy":
            figures[point.fit] = point.value
    top = _nice(max((value for line in losses.values() for _, value in line), default=1.0))
    curves = [
        Curve(fit, _line(line, top), line[-1][1], line[-1][0], figures.get(fit))
        for fit, line in sorted(losses.items(), key=lambda each: (each[0] != OWN, each[0]))
    ]
    rows = tuple((_y(top * part / 4, top), f"{top * part / 4:g}") for part in range(5))
    columns = tuple((_x(part / 4), f"{25 * part} %") for part in range(5))
    return Chart(tuple(curves), rows, columns)


def _line(points: Sequence[tuple[float, float]], top: float) -> str:
    step = max(1, math.ceil(len(points) / MOST))
    kept = [*points[::step], points[-1]]
    return " ".join(f"{_x(share):.1f},{_y(value, top):.1f}" for share, value in kept)


def _x(share: float) -> float:
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _y(value: float, top: float) -> float:
    return TOP + (1 - min(1.0, max(0.0, value / top))) * (HEIGHT - TOP - BOTTOM)


def _nice(value: float) -> float:
    """The next of 1, 2, 4 or 8 times a power of ten, so that its quarters read well."""
    if not value > 0 or not math.isfinite(value):
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(power * factor for factor in (1, 2, 4, 8, 10) if value <= power * factor)
