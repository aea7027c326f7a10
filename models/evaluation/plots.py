"""Plots of a report; every one says what it is of, and shows intervals where there are few pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from inspection.finding import Condition
from inspection.verdict import Disposition
from models.evaluation import figures
from models.evaluation.figures import Scored
from models.evaluation.photographs import Result
from models.evaluation.summary import Share, by_set, figures_of

WIDE = 4
STATED = 0.01
_COLOURS = {
    Disposition.RESELL: "#2a9d5c",
    Disposition.REPAIR: "#e0a52e",
    Disposition.SCRAP: "#c8442f",
    Disposition.HOLD: "#9aa4ad",
}


def reliability(scored: Scored, folder: Path) -> Path:
    """A diagram a set: how often the named condition is right, by its probability."""
    parts = scored.by_set()
    with _grid(len(parts), folder / "reliability.png") as axes:
        for axis, (name, part) in zip(axes, parts.items(), strict=False):
            found = figures.reliability(part)
            right = np.array([b.right for b in found])
            off = np.abs(np.array([b.interval for b in found]).T - right)
            axis.plot([0, 1], [0, 1], color="0.75", linewidth=1)
            axis.errorbar([b.confidence for b in found], right, yerr=off, fmt="o-", capsize=3, markersize=4)
            for b in found:
                axis.annotate(str(b.count), (b.confidence, -0.07), fontsize=7, ha="center", color="0.4")
            error = figures.calibration_error(part) or 0.0
            axis.set(xlim=(0.2, 1.02), ylim=(-0.1, 1.05), title=f"{name}, {len(part.truth)} pictures, ECE {error:.1%}")
            axis.set(xlabel="probability of the named condition", ylabel="share that is right")
    return folder / "reliability.png"


def risk_coverage(scored: Scored, sure: npt.NDArray[np.bool_], folder: Path) -> Path:
    """A curve a set: what share of the resold ones is bad when the surest are decided first; ``sure`` (N,) are."""
    parts = scored.by_set()
    with _grid(len(parts), folder / "risk_coverage.png") as axes:
        for axis, (name, part) in zip(axes, parts.items(), strict=False):
            points = figures.risk_coverage(part)
            coverage = [p.coverage for p in points]
            axis.plot(coverage, [100 * p.wrong_resell for p in points], label="wrong resell")
            axis.plot(coverage, [100 * p.wrong_scrap for p in points], label="wrong scrap", linestyle="--")
            axis.axhline(100 * STATED, color="0.6", linewidth=1, linestyle=":")
            decided = sure if name == "all" and len(parts) > 1 else sure[scored.sets == name]
            axis.axvline(float(decided.mean()), color="0.6", linewidth=1)
            top = max([3.0, *(110 * max(p.wrong_resell, p.wrong_scrap) for p in points)])
            axis.set(xlim=(0, 1.02), ylim=(-0.02 * top, top), title=f"{name}, {len(part.truth)} pictures")
            axis.set(xlabel="share decided, surest first", ylabel="% wrong of those called so")
            axis.legend(fontsize=7, loc="upper left")
    return folder / "risk_coverage.png"


def decided(results: Sequence[Result], folder: Path) -> Path:
    """What the policy does with each set, and what share could be decided at 1 % wrong resell, with intervals."""
    import matplotlib as mpl  # noqa: PLC0415 - comes with the training extra

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    parts = by_set(results)
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 1.6 + 0.45 * len(parts)), layout="constrained")
    places = np.arange(len(parts))
    start = np.zeros(len(parts))
    for disposition in Disposition:
        for confirm in (False, True) if disposition is not Disposition.HOLD else (True,):
            share = np.array([_share(some, disposition, confirm) for some in parts.values()])
            words = (
                f"{disposition}, a person confirms" if confirm and disposition is not Disposition.HOLD else disposition
            )
            hatch = "///" if confirm and disposition is not Disposition.HOLD else None
            if share.any():
                left.barh(places, share, left=start, color=_COLOURS[disposition], hatch=hatch, label=str(words))
            start = start + share
    left.set(yticks=places, yticklabels=[f"{n} ({len(s)})" for n, s in parts.items()], xlim=(0, 1), xlabel="share")
    left.set_title("What the policy does", fontsize=10)
    figure.legend(*left.get_legend_handles_labels(), fontsize=7, ncols=7, loc="outside lower center")
    found = [figures_of(some) for some in parts.values()]
    _with_interval(
        right, places - 0.17, [f.alone.value for f in found], [f.alone.interval for f in found], "decided alone"
    )
    _with_interval(
        right, places + 0.17, [f.decidable for f in found], [f.decidable_interval for f in found],
        "decidable at 1 % wrong resell",
    )  # fmt: skip
    right.set(yticks=places, yticklabels=[], xlim=(-0.02, 1.02), xlabel="share, 95 % interval")
    right.set_title("Decided without a person", fontsize=10)
    right.legend(fontsize=7)
    for axis in (left, right):
        axis.invert_yaxis()
    figure.savefig(folder / "decided.png", dpi=110)
    plt.close(figure)
    return folder / "decided.png"


def confusion(scored: Scored, folder: Path) -> Path:
    """A table a set: labelled condition against the named one."""
    parts = scored.by_set()
    names = [str(condition) for condition in Condition]
    with _grid(len(parts), folder / "confusion.png") as axes:
        for axis, (name, part) in zip(axes, parts.items(), strict=False):
            counts = np.zeros((len(names), len(names)), int)
            np.add.at(counts, (part.truth, part.p.argmax(axis=1)), 1)
            axis.imshow(counts / np.maximum(1, counts.sum(axis=1, keepdims=True)), cmap="Blues", vmin=0, vmax=1)
            for row, column in np.ndindex(*counts.shape):
                share = counts[row, column] / max(1, counts[row].sum())
                axis.text(column, row, counts[row, column], ha="center", va="center", color="w" if share > 0.6 else "k")  # noqa: PLR2004
            axis.set(xticks=range(4), xticklabels=names, yticks=range(4), yticklabels=names)
            axis.set(xlabel="named", ylabel="labelled", title=f"{name}, {len(part.truth)} pictures")
    return folder / "confusion.png"


def _share(results: Sequence[Result], disposition: Disposition, confirm: bool) -> float:
    hold = disposition is Disposition.HOLD
    some = [r for r in results if r.decision is disposition and (hold or r.confirm == confirm)]
    return Share(len(some), len(results)).value or 0.0


def _with_interval(axis: Any, places: Any, values: Sequence[float | None], intervals: Sequence[Any], name: str) -> None:
    known = [(y, v, i) for y, v, i in zip(places, values, intervals, strict=True) if v is not None]
    if not known:
        return
    y, value = np.array([k[0] for k in known]), np.array([k[1] for k in known])
    low = np.array([v - i[0] if i else 0.0 for _, v, i in known]).clip(0)
    high = np.array([i[1] - v if i else 0.0 for _, v, i in known]).clip(0)
    axis.errorbar(value, y, xerr=[low, high], fmt="o", capsize=3, markersize=5, label=name)


@contextmanager
def _grid(count: int, path: Path) -> Iterator[list[Any]]:
    import matplotlib as mpl  # noqa: PLC0415

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    columns = min(WIDE, count)
    height = -(-count // columns)
    figure, axes = plt.subplots(
        height, columns, figsize=(max(4.2, 3.6 * columns), 3.5 * height), squeeze=False, layout="constrained"
    )
    for axis in axes.flat[count:]:
        axis.axis("off")
    for axis in axes.flat:
        axis.title.set_fontsize(9)
        axis.tick_params(labelsize=7)
    yield list(axes.flat[:count])
    figure.savefig(path, dpi=110)
    plt.close(figure)
