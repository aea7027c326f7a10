"""Sections of a card: reliability, and what share is decided at which risk, set by set, with intervals."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from models.evaluation import figures
from models.evaluation.figures import Interval, Scored

COVERAGES = (0.5, 0.7, 0.8, 0.9, 0.95, 1.0)
RESAMPLES = 100
"""Of the curve's points: there are many of them."""


def sections(scored: Scored, called: npt.NDArray[np.int64], *, wrong_resell: float = 0.01) -> list[str]:
    """Markdown of the sections, to be joined with empty lines.

    Args:
        scored: N pictures, each judged by a model that saw nothing of its group.
        called: (N,) 1 called sellable, -1 called bad, 0 neither, by thresholds that the picture did not help to choose.
        wrong_resell: the stated rate.
    """
    parts = scored.by_set()
    of_parts = {name: called if name == "all" and len(parts) > 1 else called[scored.sets == name] for name in parts}
    return [
        "## Reliability",
        "Pictures by the probability of the condition that was named, and how often it was right, with 95 % intervals.",
        _reliability(scored),
        f"Expected calibration error by set: {_errors(parts)}.",
        "## What is decided without a person",
        "Decided is what is called sellable or unsellable surely enough for its kind of goods, by thresholds that were "
        "chosen on other groups. Intervals are 95 %: of shares by Wilson, of the last column by bootstrap over groups. "
        "The last column is the most that the ranking "
        f"would allow at {wrong_resell:.0%} wrong resell, its threshold chosen on these pictures.",
        _decided(parts, of_parts, wrong_resell),
        "## Risk and coverage",
        "Share of the resold ones that are bad, when the surest pictures are decided first up to this coverage; "
        "intervals are 95 %, by bootstrap over groups.",
        _risks(parts),
    ]


def _reliability(scored: Scored) -> str:
    rows = ["| named with | right | 95 % | pictures |", "|---|---|---|---|"]
    rows += [
        f"| {found.confidence:.3f} | {found.right:.3f} | {_interval(found.interval)} | {found.count} |"
        for found in figures.reliability(scored)
    ]
    return "\n".join(rows)


def _errors(parts: dict[str, Scored]) -> str:
    error_of = figures.calibration_error
    found = {name: (error_of(part), figures.bootstrap(part, error_of)) for name, part in parts.items()}
    return ", ".join(
        f"{name} {_number(error)}" + (f" ({_interval(interval)})" if interval is not None else "")
        for name, (error, interval) in found.items()
    )


def _decided(parts: dict[str, Scored], called: dict[str, npt.NDArray[np.int64]], wrong_resell: float) -> str:
    rows = [
        f"| set | pictures | decided | wrong resell | wrong scrap | decidable at {wrong_resell:.0%} |",
        "|---|---|---|---|---|---|",
    ]
    for name, part in parts.items():
        found = figures.of_calls(part, called[name])
        most = _at(wrong_resell)
        cells = [_share(*found[key]) for key in ("decided", "wrong_resell", "wrong_scrap")]
        interval = figures.bootstrap(part, most)
        best = _percent(most(part)) + (f" ({_interval(interval, percent=True)})" if interval is not None else "")
        rows.append(f"| {name} | {len(part.truth)} | {' | '.join(cells)} | {best} |")
    return "\n".join(rows)


def _risks(parts: dict[str, Scored]) -> str:
    heads = " | ".join(f"{coverage:.0%}" for coverage in COVERAGES)
    rows = [f"| set | {heads} |", "|---" * (1 + len(COVERAGES)) + "|"]
    for name, part in parts.items():
        drawn = [figures.risks_at(some, COVERAGES) for some in figures.resampled(part, RESAMPLES)]
        cells = []
        for place, risk in enumerate(figures.risks_at(part, COVERAGES)):
            known = [value for some in drawn if (value := some[place]) is not None]
            low, high = np.quantile(known, (0.025, 0.975)) if known else (0.0, 0.0)
            cells.append(_percent(risk) + (f" ({_interval((low, high), percent=True)})" if known else ""))
        rows.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _at(wrong_resell: float) -> Callable[[Scored], float | None]:
    return lambda scored: figures.share_decided(scored, wrong_resell)


def _share(hits: int, count: int) -> str:
    if not count:
        return "– of 0"
    return f"{hits / count:.1%} ({_interval(figures.wilson(hits, count), percent=True)}) of {count}"


def _interval(interval: Interval, *, percent: bool = False) -> str:
    low, high = interval
    return f"{low:.1%}–{high:.1%}" if percent else f"{low:.3f}–{high:.3f}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
