"""What an alarm shows: the reference beside what came since, in bins, and the items that speak loudest."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from inspection.drifting import Kind, Watch

BINS = 14
PICTURES = 12
Item = tuple[float, tuple[str, str | None]]
"""Value; inspection and hash of its picture."""


def chart_of(watch: Watch, since: Sequence[float]) -> dict[str, Any]:
    """Edges of the bins and, for each, the share of the reference and of what came since; for yes and no, the rates."""
    if watch.kind is Kind.YES_NO:
        rate = sum(since) / len(since) if since else 0.0
        return {"edges": [], "before": [round(watch.rate or 0.0, 4)], "since": [round(rate, 4)]}
    both = [*watch.kept, *since]
    low, high = min(both, default=0.0), max(both, default=1.0)
    width = (high - low) / BINS or 1.0
    edges = [round(low + width * place, 4) for place in range(BINS + 1)]
    return {"edges": edges, "before": _shares(watch.kept, edges), "since": _shares(since, edges)}


def worst(watch: Watch, since: Sequence[Item], direction: str) -> list[dict[str, Any]]:
    """The items of a change that speak loudest, with their pictures."""
    middle = watch.kept[len(watch.kept) // 2] if watch.kept else 0.0
    sign = {"up": -1.0, "down": 1.0}.get(direction)
    loud = sorted(since, key=lambda item: -abs(item[0] - middle) if sign is None else sign * item[0])
    return [
        {"inspection_id": inspection, "sha256": sha256, "value": value}
        for value, (inspection, sha256) in loud[:PICTURES]
    ]


def _shares(values: Sequence[float], edges: Sequence[float]) -> list[float]:
    counts = [0] * (len(edges) - 1)
    for value in values:
        counts[min(max(bisect_right(edges, value) - 1, 0), len(counts) - 1)] += 1
    return [round(count / max(1, len(values)), 4) for count in counts]
