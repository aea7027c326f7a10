"""Bounds of rates that may be looked at after every item: confidence sequences, valid at all moments at once.

For k of n items, the mixture over p of likelihood ratios with a Beta(a, b) prior,
``M_n(p) = B(a + k, b + n - k) / B(a, b) / (p^k (1 - p)^(n - k))``, is a non-negative martingale of mean 1 when p is the
true rate. By Ville's inequality it exceeds 1/alpha ever with a probability of at most alpha, so that
``{p: M_n(p) < 1/alpha}`` covers the true rate at all n together with probability 1 - alpha (Robbins 1970; Howard,
Ramdas, McAuliffe, Sekhon 2021, Time-uniform, nonparametric, nonasymptotic confidence sequences, sec. 3; it is the
mixture sequential probability ratio test of Johari, Koomen, Pekelis, Walsh 2017 for a Bernoulli rate, inverted).
Looking often costs nothing; stopping when one likes is allowed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

PRIOR_A, PRIOR_B = 0.5, 1.5
"""Of the mixture: the rates that matter here are small."""
_STEPS = 50
_EDGE = 1e-12


@dataclass(frozen=True, slots=True)
class Count:
    """``hits`` of ``items``."""

    hits: int = 0
    items: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.hits <= self.items:
            raise ValueError(f"{self.hits} of {self.items}")

    @property
    def rate(self) -> float:
        """The share; 0 of nothing."""
        return self.hits / self.items if self.items else 0.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """A rate, or a difference of two, and between what it lies, at all moments at once."""

    value: float
    low: float
    high: float


def rate_bounds(count: Count, alpha: float) -> Bounds:
    """Where the true rate lies but for a probability of ``alpha``, however often this is asked as items come.

    Raises:
        ValueError: ``alpha`` is not between 0 and 1.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha between 0 and 1 expected, found {alpha}")
    if count.items == 0:
        return Bounds(0.0, 0.0, 1.0)
    limit = math.log(1 / alpha)
    rate = count.rate
    low = _crossing(count, limit, rate, 0.0)
    high = _crossing(count, limit, rate, 1.0)
    return Bounds(rate, low, high)


def excess_bounds(candidate: Count, champion: Count, alpha: float) -> Bounds:
    """By how much the candidate's rate exceeds the champion's; each is bounded with half of ``alpha``.

    Nothing is assumed of how the two depend on each other, so that they may be of the same items, or of others.
    """
    ours, theirs = rate_bounds(candidate, alpha / 2), rate_bounds(champion, alpha / 2)
    return Bounds(ours.value - theirs.value, ours.low - theirs.high, ours.high - theirs.low)


def log_mixture(count: Count, rate: float) -> float:
    """``ln M_n(rate)``; infinite where the counts are impossible at that rate."""
    misses = count.items - count.hits
    if (rate <= 0 and count.hits) or (rate >= 1 and misses):
        return math.inf
    likelihood = (count.hits * math.log(rate) if count.hits else 0.0) + (misses * math.log1p(-rate) if misses else 0.0)
    return _log_beta(PRIOR_A + count.hits, PRIOR_B + misses) - _log_beta(PRIOR_A, PRIOR_B) - likelihood


def _crossing(count: Count, limit: float, inside: float, outside: float) -> float:
    """Where ``log_mixture`` crosses ``limit`` between a rate inside the set and the end of the scale."""
    if log_mixture(count, outside) < limit:
        return outside
    for _ in range(_STEPS):
        middle = (inside + outside) / 2
        if log_mixture(count, middle) < limit:
            inside = middle
        else:
            outside = middle
        if abs(inside - outside) < _EDGE:
            break
    return outside


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
