"""Sections of a card: reliability, and what share is decided at which risk, set by set, with intervals."""

from __future__ import annotations

from collections.abc import Callable

from models.evaluation import figures
from models.evaluation.figures import Interval, Scored

COVERAGES = (0.5, 0.7, 0.8, 0.9, 0.95, 1.0)


def sections(scored: Scored, *, confident: float, wrong_resell: float = 0.01) -> list[str]:
    """Markdown of the sections, to be joined with empty lines.

    Args:
        scored: pictures that chose neither weights nor thresholds.
        confident: the bundle's threshold of max(p_sellable, 1 - p_sellable).
        wrong_resell: the stated rate.
    """
    parts = scored.by_set()
    return [
        "## Reliability",
        "Pictures by the probability of the condition that was named, and how often it was right, with 95 % intervals.",
        _reliability(scored),
        f"Expected calibration error by set: {_errors(parts)}.",
        "## What is decided without a person",
        f"Decided is what is called sellable or unsellable with at least {confident:.3f}. Intervals are 95 %: of "
        "shares by Wilson, of the last column by bootstrap over groups. The last column is the most that the ranking "
        f"would allow at {wrong_resell:.0%} wrong resell, its threshold chosen on these pictures.",
        _decided(parts, confident, wrong_resell),
        "## Risk and coverage",
        "Share of the resold ones that are bad, when the surest pictures are decided first up to this coverage.",
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
    return ", ".join(f"{name} {_number(figures.calibration_error(part))}" for name, part in parts.items())


def _decided(parts: dict[str, Scored], confident: float, wrong_resell: float) -> str:
    rows = [
        f"| set | pictures | decided | wrong resell | wrong scrap | decidable at {wrong_resell:.0%} |",
        "|---|---|---|---|---|---|",
    ]
    for name, part in parts.items():
        found = figures.at_threshold(part, confident)
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
        points = figures.risk_coverage(part)
        cells = []
        for coverage in COVERAGES:
            reached = [point for point in points if point.coverage <= coverage + 1e-9]
            cells.append(f"{reached[-1].wrong_resell:.1%}" if reached else "–")
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
