"""Whether a stream of figures still is what it was: a sequential test whose false alarms are bounded. Pure.

Each new figure is ranked in a reference of the stream's own first weeks; a conformal p-value (Vovk et al. 2005, ties
broken at random) becomes a normal score. Bets on a shift up or down, on more spread, or on another rate multiply into
e-values; the Shiryaev-Roberts sum of their products is an e-detector (Shin, Ramdas & Rinaldo 2024, arXiv 2203.03532):
however long one looks, the expected number of false alarms in n figures is at most n divided by the threshold. So a
week's budget of alarms over all streams gives each its threshold. No two days are alike: how much the days of the
reference differ is measured, and a figure is compared with what the earlier ones of its day foretell; so one odd day
is one piece of evidence, however many items it has. Figures of neighbouring items are alike, too, and bets are
tempered by it. An alarm also needs a change that matters.
"""

from __future__ import annotations

import hashlib
import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import NormalDist, fmean, pvariance, variance
from typing import Any

SHIFTS = (-2.0, -1.0, -0.5, 0.5, 1.0, 2.0)
"""Bets on a shift of the mean, in standard deviations of the reference."""
SPREADS = (2.0,)
"""Bets on so many times the spread."""
ODDS = (0.33, 2.0, 4.0, 10.0)
"""Bets on other odds of a yes."""
LEAST_SHIFT, LEAST_SPREAD, LEAST_RATE = 0.5, 0.6, 0.08
"""What matters: standard deviations, times the spread more, share of the items."""
LEAST_SLACK, LEAST_SLACK_RATE = 0.15, 0.02
"""A reference of some hundred figures is itself so far off."""
LEAST_A_DAY, LEAST_WITHIN = 5, 0.05
MOST_KEPT = 1200
HINT = 300.0
RECENT = 40
"""Figures by which an alarm is found cured, and after which one may be at the earliest."""
BATCH = 20
_NORMAL = NormalDist()


class Kind(StrEnum):
    """What a figure is."""

    NUMBER = "number"
    YES_NO = "yes_no"


@dataclass(frozen=True, slots=True)
class Found:
    """A change.

    Attributes:
        direction: ``up``, ``down`` or ``spread``.
        effect: of what is since it: standard deviations of the reference, times the spread, or share of the items.
        items: since it began, as far as can be told.
    """

    direction: str
    effect: float
    items: int


@dataclass(slots=True)
class Bet:
    """One bet's sum, and the run of figures that speaks for it."""

    log_sum: float = -math.inf
    log_run: float = 0.0
    items: int = 0
    total: float = 0.0
    squares: float = 0.0


@dataclass(slots=True)
class Watch:
    """One figure of one stream.

    Attributes:
        kind: of the figures.
        rate: share of yes that is known beforehand, e.g. from training; nothing needs to be learnt then.
        kept: the reference, in the order of time while it is learnt, then by size; days: of its figures till then.
        seen: figures in all; learnt: how many of them the reference stands for.
        temper: 0..1, what a figure counts beside independent ones.
        between: variance of the means of days, at its upper limit; within: of the scores of a day.
        today: the day of the last figure; count, total: of its scores.
        alarm: the change that was told and is not cured.
    """

    kind: Kind
    rate: float | None = None
    kept: list[float] = field(default_factory=list)
    days: list[int] = field(default_factory=list)
    seen: int = 0
    learnt: int = 0
    every: int = 1
    temper: float = 1.0
    between: float = 0.0
    within: float = 1.0
    today: int = 0
    count: int = 0
    total: float = 0.0
    bets: list[Bet] = field(default_factory=list)
    recent: list[float] = field(default_factory=list)
    alarm: Found | None = None

    def __post_init__(self) -> None:
        if self.rate is not None and not self.bets:
            self._start()

    @property
    def watching(self) -> bool:
        """Whether the reference is learnt."""
        return bool(self.bets)

    def learn(self, figure: float, day: int) -> None:
        """Take a figure into the reference; ``day`` counts days from any."""
        if self.seen % self.every == 0:
            self.kept.append(figure)
            self.days.append(day)
        self.seen += 1
        self.learnt += 1
        if len(self.kept) > MOST_KEPT:  # thinned evenly, so that it still spans all its days
            self.kept, self.days = self.kept[::2], self.days[::2]
            self.every *= 2

    def learnt_enough(self) -> None:
        """The reference is whole: watch from now on."""
        scores = list(self.kept) if self.kind is Kind.YES_NO else _ranked(self.kept)
        self.between, self.within = _variances(scores, self.days)
        self.temper = _temper(scores, self.days)
        self.kept.sort()
        self.days = []
        if self.kind is Kind.YES_NO:
            self.rate = (sum(self.kept) + 1) / (len(self.kept) + 2)
        self._start()

    def watch(self, figure: float, day: int, name: str, threshold: float) -> Found | None:
        """Look at one figure.

        Args:
            figure: the next one; day: its day, counted like those that were learnt.
            name: of it, the same every time; it breaks ties, so that going over it again gives the same.
            threshold: over 1; at most one false alarm in so many figures is expected.

        Returns:
            A change that matters and was not told yet.
        """
        self.seen += 1
        score = self._score(figure, name)
        self.recent = [*self.recent, score][-RECENT:]
        if day != self.today:
            self.today, self.count, self.total = day, 0, 0.0
        logs = self._log_bets(score)
        self.count, self.total = self.count + 1, self.total + score
        for bet, log_e in zip(self.bets, logs, strict=True):
            _lay(bet, self.temper * log_e, score)
        if self.alarm is not None:
            return None
        total = _log_mean([bet.log_sum for bet in self.bets])
        if total < math.log(threshold):
            return None
        found = self._found()
        if found is None:  # certain, and too small to matter
            return None
        self.alarm = found
        self.recent = []
        return found

    @property
    def suspicious(self) -> bool:
        """Whether there is more than a hint of a change, though less than an alarm may need."""
        return self.alarm is not None or (max((bet.log_run for bet in self.bets), default=0.0) > math.log(HINT))

    def cured(self) -> bool:
        """Whether the last figures are again like the reference; then it watches anew."""
        alarm = self.alarm
        if alarm is None or len(self.recent) < RECENT:
            return False
        least = {"spread": LEAST_SPREAD}.get(alarm.direction, LEAST_SHIFT if self.kind is Kind.NUMBER else LEAST_RATE)
        if abs(self._effect(alarm.direction, self.recent)) >= min(least, abs(alarm.effect) / 2):
            return False
        self.alarm = None
        self._start()
        return True

    def as_json(self) -> dict[str, Any]:
        """JSON values; :meth:`of` reads them."""
        bets = [
            [None if math.isinf(b.log_sum) else b.log_sum, b.log_run, b.items, b.total, b.squares] for b in self.bets
        ]
        alarm = None if self.alarm is None else [self.alarm.direction, self.alarm.effect, self.alarm.items]
        return {
            "kind": self.kind.value, "rate": self.rate, "kept": self.kept, "seen": self.seen, "learnt": self.learnt,
            "days": self.days, "every": self.every, "temper": self.temper, "between": self.between,
            "within": self.within, "today": self.today, "count": self.count, "total": self.total, "bets": bets,
            "recent": self.recent, "alarm": alarm,
        }  # fmt: skip

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Watch:
        """What :meth:`as_json` wrote."""
        bets = [Bet(-math.inf if row[0] is None else row[0], *row[1:]) for row in said["bets"]]
        alarm = None if said["alarm"] is None else Found(*said["alarm"])
        return cls(**{**said, "kind": Kind(said["kind"]), "bets": bets, "alarm": alarm})

    def _start(self) -> None:
        self.bets = [Bet() for _ in ((*SHIFTS, *SPREADS) if self.kind is Kind.NUMBER else ODDS)]
        self.recent = []

    def _score(self, figure: float, name: str) -> float:
        """The normal score of a number in the reference; 0 or 1."""
        if self.kind is Kind.YES_NO:
            return figure
        below, upto = bisect_left(self.kept, figure), bisect_right(self.kept, figure)
        place = below + _by_lot(name) * (upto - below + 1)
        return _NORMAL.inv_cdf(min(max(place / (len(self.kept) + 1), 1e-9), 1 - 1e-9))

    def _log_bets(self, score: float) -> list[float]:
        """Log e-values: what a bet's day foretells of this score against what a day of the reference does.

        Numbers: normal, with a normal effect of the day. Yes and no: binomial, with a beta distributed rate of the day.
        """
        if self.kind is Kind.YES_NO:
            return [self._log_odds_bet(odds, score) for odds in ODDS]
        learnt = 1 + self.count * self.between / self.within
        foretold = self.between * self.total / self.within / learnt
        spread_of = self.within + self.between / learnt
        logs = []
        for shift in SHIFTS:
            null = foretold + math.copysign(LEAST_SLACK, shift) / learnt
            step = shift / learnt
            logs.append(step * (score - null - step / 2) / spread_of)
        off = (score - foretold) ** 2 / spread_of
        for spread in SPREADS:
            half = (1 - 1 / spread**2) / 2
            logs.append(half * (off - (LEAST_SLACK * spread) ** 2) - math.log(spread))
        return logs

    def _log_odds_bet(self, odds: float, score: float) -> float:
        rate = self.rate or 0.0
        edge = min(0.98, rate + LEAST_SLACK_RATE) if odds > 1 else max(0.005, rate - LEAST_SLACK_RATE)
        other = odds * edge / (1 - edge + odds * edge)
        if self.between > 0:
            like_items = max(1.0, edge * (1 - edge) / self.between - 1)
            edge, other = ((like_items * each + self.total) / (like_items + self.count) for each in (edge, other))
        return math.log(other / edge) if score else math.log((1 - other) / (1 - edge))

    def _found(self) -> Found | None:
        best = max(range(len(self.bets)), key=lambda place: self.bets[place].log_run)
        bet = self.bets[best]
        if bet.items == 0:
            return None
        mean = bet.total / bet.items
        if self.kind is Kind.YES_NO:
            off = mean - (self.rate or 0.0)
            return Found("up" if off > 0 else "down", off, bet.items) if abs(off) >= LEAST_RATE else None
        if best >= len(SHIFTS):
            spread = math.sqrt(bet.squares / bet.items) - 1
            return Found("spread", spread, bet.items) if spread >= LEAST_SPREAD else None
        return Found("up" if mean > 0 else "down", mean, bet.items) if abs(mean) >= LEAST_SHIFT else None

    def _effect(self, direction: str, scores: Sequence[float]) -> float:
        if direction == "spread":
            return math.sqrt(fmean(score**2 for score in scores)) - 1
        return fmean(scores) - (self.rate or 0.0 if self.kind is Kind.YES_NO else 0.0)


def threshold_of(a_week: float, streams: int, alarms_a_week: float) -> float:
    """The threshold of one of ``streams`` figures that come ``a_week``, for ``alarms_a_week`` false ones over all."""
    return max(20.0, max(a_week, 1.0) * max(streams, 1) / alarms_a_week)


def _lay(bet: Bet, log_e: float, score: float) -> None:
    """Shiryaev-Roberts: R = (R + 1) e. The run is the CUSUM of the same, which tells since when."""
    bet.log_sum = _log_add(bet.log_sum, 0.0) + log_e
    bet.log_run += log_e
    if bet.log_run <= 0:
        bet.log_run, bet.items, bet.total, bet.squares = 0.0, 0, 0.0, 0.0
    else:
        bet.items += 1
        bet.total += score
        bet.squares += score * score


def _variances(scores: Sequence[float], days: Sequence[int]) -> tuple[float, float]:
    """Variance between the means of days, at its upper limit, and within days.

    The limit is that of a variance of so few days (chi squared, lower tenth by Wilson & Hilferty 1931).
    """
    groups: dict[int, list[float]] = {}
    for day, score in zip(days, scores, strict=True):
        groups.setdefault(day, []).append(score)
    large = [each for each in groups.values() if len(each) >= LEAST_A_DAY]
    if len(large) < 3:  # noqa: PLR2004 - too few days to tell
        return 0.0, 1.0
    within = fmean(variance(each) for each in large)
    free = len(large) - 1
    tenth = free * (1 - 2 / (9 * free) - 1.2816 * math.sqrt(2 / (9 * free))) ** 3
    of_means = variance(list(map(fmean, large))) * free / tenth
    by_chance = fmean(variance(each) / len(each) for each in large)
    return max(0.0, of_means - by_chance), max(LEAST_WITHIN, within)


def _temper(scores: Sequence[float], days: Sequence[int]) -> float:
    """One over how many times the variance of means of neighbours of a day exceeds that of independent figures."""
    sums: dict[int, tuple[float, int]] = {}
    for day, score in zip(days, scores, strict=True):
        total, count = sums.get(day, (0.0, 0))
        sums[day] = total + score, count + 1
    left = [score - sums[day][0] / sums[day][1] for day, score in zip(days, scores, strict=True)]
    batches = len(left) // BATCH
    spread = pvariance(left) if left else 0.0
    if batches < 3 or spread == 0:  # noqa: PLR2004 - too few to tell
        return 1.0
    means = [fmean(left[place * BATCH : (place + 1) * BATCH]) for place in range(batches)]
    return 1 / max(1.0, BATCH * pvariance(means) / spread)


def _ranked(kept: Sequence[float]) -> list[float]:
    """Normal scores of the reference's own figures, ties broken by lot as later."""
    order = sorted(kept)
    scores = []
    for number, each in enumerate(kept):
        below, upto = bisect_left(order, each), bisect_right(order, each)
        scores.append(_NORMAL.inv_cdf((below + _by_lot(str(number)) * (upto - below)) / len(order)))
    return scores


def _by_lot(name: str) -> float:
    """A number in 0..1 that only the name decides."""
    return (int.from_bytes(hashlib.blake2b(name.encode(), digest_size=7).digest(), "big") + 0.5) / (1 << 56)


def _log_add(one: float, other: float) -> float:
    high, low = max(one, other), min(one, other)
    return high if math.isinf(low) else high + math.log1p(math.exp(low - high))


def _log_mean(logs: Sequence[float]) -> float:
    high = max(logs)
    if math.isinf(high):
        return high
    return high + math.log(fmean(math.exp(each - high) for each in logs))
