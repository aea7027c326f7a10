"""Figures over judged pictures: ranking, calibration, and what share is decided at which risk, with intervals.

Intervals are 95 %: of shares by Wilson (1927), of everything else by bootstrap over whole groups, since pictures of one
group stand or fall together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inspection.finding import Condition

Floats = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]
Interval = tuple[float, float]
SELLABLE = 2
"""Conditions before this place (intact, minor) can be sold."""
RESAMPLES = 400
BINS = 10
_Z = 1.959963984540054


@dataclass(frozen=True, eq=False)
class Scored:
    """N pictures with a label and an opinion.

    Attributes:
        sets: (N,) what each is counted with.
        groups: (N,) what each was photographed together with.
        truth: (N,) labelled condition, as its place in :class:`Condition`.
        p: (N, 4) probabilities of the conditions, rows sum to 1.
    """

    sets: npt.NDArray[np.str_]
    groups: npt.NDArray[np.str_]
    truth: npt.NDArray[np.int64]
    p: Floats

    def __post_init__(self) -> None:
        count = len(self.truth)
        if self.p.shape != (count, len(Condition)) or len(self.sets) != count or len(self.groups) != count:
            raise ValueError(f"{count} truths, {self.p.shape} probabilities, {len(self.sets)} sets do not fit together")

    def take(self, rows: npt.NDArray[np.integer] | Truths) -> Scored:
        """Only these rows."""
        return Scored(self.sets[rows], self.groups[rows], self.truth[rows], self.p[rows])

    def by_set(self) -> dict[str, Scored]:
        """Each set by itself, and ``all`` when there are several."""
        names = sorted(set(self.sets.tolist()))
        parts = {name: self.take(self.sets == name) for name in names}
        return parts | ({"all": self} if len(names) > 1 else {})

    @property
    def p_sellable(self) -> Floats:
        return np.asarray(self.p[:, :SELLABLE].sum(axis=1), np.float64)

    @property
    def sellable(self) -> Truths:
        return np.asarray(self.truth < SELLABLE, np.bool_)


@dataclass(frozen=True, slots=True)
class Bin:
    """One bin of a reliability diagram: pictures whose condition was named with about this probability."""

    count: int
    confidence: float
    right: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class Point:
    """What deciding the surest ``coverage`` of the pictures leads to.

    Attributes:
        threshold: of max(p_sellable, 1 - p_sellable) from which it is decided.
        coverage: share decided.
        wrong_resell: share of those called sellable that are not; 0 when none is.
        wrong_scrap: share of those called unsellable that could be sold; 0 when none is.
    """

    threshold: float
    coverage: float
    wrong_resell: float
    wrong_scrap: float


def auroc(positive: Truths, scores: Floats) -> float | None:
    """Area under the receiver operating characteristic; ties count half. ``None`` when one class is missing."""
    above, below = scores[positive], scores[~positive]
    if not len(above) or not len(below):
        return None
    order = np.sort(below)
    less = np.searchsorted(order, above, side="left")
    equal = np.searchsorted(order, above, side="right") - less
    return float((less + 0.5 * equal).sum() / (len(above) * len(below)))


def damage_auroc(scored: Scored) -> float | None:
    """How well 1 - p_intact ranks damaged before intact."""
    return auroc(scored.truth > 0, 1 - scored.p[:, 0])


def balanced_accuracy(scored: Scored) -> float | None:
    """Mean recall of the conditions that occur."""
    named = scored.p.argmax(axis=1)
    recalls = [float((named[scored.truth == place] == place).mean()) for place in sorted(set(scored.truth.tolist()))]
    return float(np.mean(recalls)) if recalls else None


def wilson(hits: int, count: int) -> Interval:
    """Interval of a share of which ``hits`` of ``count`` were seen (Wilson 1927, without continuity correction)."""
    if count == 0:
        return 0.0, 1.0
    share, square = hits / count, _Z**2
    middle = (share + square / (2 * count)) / (1 + square / count)
    half = _Z / (1 + square / count) * math.sqrt(share * (1 - share) / count + square / (4 * count**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def bootstrap(scored: Scored, figure: Callable[[Scored], float | None], resamples: int = RESAMPLES) -> Interval | None:
    """Interval of ``figure`` when whole groups are drawn anew; ``None`` with fewer than two groups, or no figure."""
    values = [value for some in resampled(scored, resamples) if (value := figure(some)) is not None]
    if not values or len(values) < resamples // 2:
        return None
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)


def resampled(scored: Scored, resamples: int = RESAMPLES) -> Iterator[Scored]:
    """The pictures again and again, whole groups drawn anew; nothing with fewer than two groups."""
    names, owner = np.unique(scored.groups, return_inverse=True)
    if len(names) < 2:  # noqa: PLR2004 - one group says nothing of others
        return
    order = np.argsort(owner, kind="stable")
    members = np.split(order, np.searchsorted(owner[order], np.arange(1, len(names))))
    rng = np.random.default_rng(0)
    for _ in range(resamples):
        chosen = rng.integers(0, len(names), len(names))
        yield scored.take(np.concatenate([members[place] for place in chosen]))


def reliability(scored: Scored, bins: int = BINS) -> list[Bin]:
    """How often the named condition is right, by its probability; empty bins are left out."""
    confidence, right = scored.p.max(axis=1), scored.p.argmax(axis=1) == scored.truth
    places = np.minimum((confidence * bins).astype(int), bins - 1)
    found = []
    for place in sorted(set(places.tolist())):
        here = places == place
        count, hits = int(here.sum()), int(right[here].sum())
        found.append(Bin(count, float(confidence[here].mean()), hits / count, wilson(hits, count)))
    return found


def calibration_error(scored: Scored, bins: int = BINS) -> float | None:
    """Expected calibration error of the named condition, equal-width bins; ``None`` without pictures."""
    total = len(scored.truth)
    return sum(b.count * abs(b.confidence - b.right) for b in reliability(scored, bins)) / total if total else None


def risk_coverage(scored: Scored) -> list[Point]:
    """What deciding the surest pictures first leads to, one point for every threshold that tells pictures apart."""
    p = scored.p_sellable
    sureness, called = np.maximum(p, 1 - p), p >= 0.5  # noqa: PLR2004 - the likelier of two
    order = np.argsort(-sureness, kind="stable")
    sureness, called, good = sureness[order], called[order], scored.sellable[order]
    resold, scrapped = np.cumsum(called), np.cumsum(~called)
    bad_resold, good_scrapped = np.cumsum(called & ~good), np.cumsum(~called & good)
    last = np.flatnonzero(np.append(np.diff(sureness) != 0, True)) if len(p) else np.array([], np.int64)
    return [
        Point(
            float(sureness[row]),
            (row + 1) / len(p),
            float(bad_resold[row] / max(1, resold[row])),
            float(good_scrapped[row] / max(1, scrapped[row])),
        )
        for row in last.tolist()
    ]


def risks_at(scored: Scored, coverages: Sequence[float]) -> list[float | None]:
    """Wrong resell when the surest are decided first up to each of these shares; ``None`` where not one can be."""
    points = risk_coverage(scored)
    reached = np.searchsorted([point.coverage for point in points], np.array(coverages) + 1e-9, side="right")
    return [points[place - 1].wrong_resell if place else None for place in reached.tolist()]


def share_decided(scored: Scored, wrong_resell: float = 0.01) -> float | None:
    """Greatest share that can be decided with at most this rate of wrong resell; ``None`` without pictures.

    The threshold is chosen on the same pictures, so this is what the ranking allows and not what a threshold chosen
    before would do; see :func:`at_threshold`.
    """
    points = risk_coverage(scored)
    return max((p.coverage for p in points if p.wrong_resell <= wrong_resell), default=0.0) if points else None


def at_threshold(scored: Scored, threshold: float) -> dict[str, tuple[int, int]]:
    """(hits, of how many) that a threshold chosen before decides, wrongly resells and wrongly scraps."""
    p = scored.p_sellable
    return of_calls(scored, (p >= threshold).astype(np.int64) - (1 - p >= threshold))


def of_calls(scored: Scored, called: npt.NDArray[np.int64]) -> dict[str, tuple[int, int]]:
    """The same of calls (N,) made already: 1 called sellable, -1 called bad, 0 neither."""
    resold, scrapped = called > 0, called < 0
    return {
        "decided": (int((resold | scrapped).sum()), len(called)),
        "wrong_resell": (int((resold & ~scored.sellable).sum()), int(resold.sum())),
        "wrong_scrap": (int((scrapped & scored.sellable).sum()), int(scrapped.sum())),
    }


def scored_of(rows: Sequence[tuple[str, str, Condition, Sequence[float]]]) -> Scored:
    """From (set, group, labelled condition, four probabilities) a picture."""
    places = {condition: place for place, condition in enumerate(Condition)}
    return Scored(
        np.array([row[0] for row in rows], np.str_),
        np.array([row[1] for row in rows], np.str_),
        np.array([places[row[2]] for row in rows], np.int64),
        np.array([row[3] for row in rows], np.float64).reshape(len(rows), len(places)),
    )
