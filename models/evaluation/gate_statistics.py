"""Intervals for comparing two bundles on the same pictures: exact where few things happened, by groups where pictures
stand or fall together. Pure arithmetic; needs neither SciPy nor a table.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
Interval = tuple[float, float]
_STEPS = 80
"""Halvings; an interval of length 1 is known to 1e-24, which is finer than a double."""


def binomial_at_most(hits: int, count: int, share: float) -> float:
    """Chance of at most ``hits`` of ``count`` when each happens with probability ``share``."""
    if hits < 0:
        return 0.0
    if hits >= count or share <= 0.0:
        return 1.0
    if share >= 1.0:
        return 0.0
    log_p, log_q = math.log(share), math.log1p(-share)
    whole = math.lgamma(count + 1)
    terms = (
        math.exp(whole - math.lgamma(k + 1) - math.lgamma(count - k + 1) + k * log_p + (count - k) * log_q)
        for k in range(hits + 1)
    )
    return min(1.0, math.fsum(terms))


def exact_interval(hits: int, count: int, confidence: float = 0.95) -> Interval:
    """Interval of a share of which ``hits`` of ``count`` were seen (Clopper and Pearson 1934); never too narrow."""
    tail = (1 - confidence) / 2
    low = 0.0 if hits == 0 else _root(lambda p: 1 - binomial_at_most(hits - 1, count, p) - tail)
    high = 1.0 if hits >= count else _root(lambda p: tail - binomial_at_most(hits, count, p))
    return low, high


def mcnemar(only_first: int, only_second: int) -> float:
    """Two-sided chance of so uneven a split of the pairs that differ, if neither were better (exact; McNemar 1947)."""
    count = only_first + only_second
    return min(1.0, 2 * binomial_at_most(min(only_first, only_second), count, 0.5)) if count else 1.0


def paired_interval(only_second: int, only_first: int, pairs: int, confidence: float = 0.95) -> Interval:
    """Interval of the difference of two shares of the same ``pairs`` things, second minus first (Tango 1998).

    The score interval for matched pairs: all differences that the score test does not reject. Unlike the usual one it
    says something when hardly any or no pair differs: with none, ± z² / (pairs + z²).

    Args:
        only_second: pairs where it happened to the second only; only_first likewise.
    """
    if pairs == 0:
        return -1.0, 1.0
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    seen = (only_second - only_first) / pairs
    high = _root(lambda d: -z - _score(only_second, only_first, pairs, d), seen, 1.0)
    low = _root(lambda d: z - _score(only_second, only_first, pairs, d), -1.0, seen)
    return low, high


def grouped_interval(values: Floats, groups: Places, resamples: int, confidence: float = 0.95) -> Interval:
    """Interval of the mean of ``values`` (N,) when whole groups are drawn anew (Davison and Hinkley 1997, 3.8).

    Args:
        groups: (N,) which group each is of, from 0.
        resamples: draws; always the same ones.
    """
    sums, sizes = np.bincount(groups, values), np.bincount(groups).astype(np.float64)
    count = len(sums)
    if count < 2:  # noqa: PLR2004 - one group says nothing of others
        return -math.inf, math.inf
    if not values.any():
        return 0.0, 0.0
    drawn = _drawn(count, resamples)
    means = (drawn @ sums) / (drawn @ sizes)
    low, high = np.quantile(means, ((1 - confidence) / 2, (1 + confidence) / 2))
    return float(low), float(high)


@functools.lru_cache(maxsize=2)  # the measures of one group of pictures come one after the other
def _drawn(count: int, resamples: int) -> npt.NDArray[np.float32]:
    """How often each of ``count`` groups is drawn, (resamples, count)."""
    rng = np.random.default_rng(0)
    return rng.multinomial(count, np.full(count, 1 / count), resamples).astype(np.float32)


def difference(first: Floats, second: Floats, groups: Places, resamples: int, confidence: float) -> Interval:
    """Interval of the mean of ``second - first`` (N,), pair by pair.

    Of what either happens or does not, the wider of :func:`paired_interval`, which knows that few were looked at, and
    :func:`grouped_interval`, which knows that pictures of one group are alike.
    """
    by_groups = grouped_interval(second - first, groups, resamples, confidence)
    if not _happens_or_not(first, second):
        return by_groups
    only_second = int(((second == 1) & (first == 0)).sum())
    only_first = int(((first == 1) & (second == 0)).sum())
    by_pairs = paired_interval(only_second, only_first, len(first), confidence)
    if math.isinf(by_groups[0]):
        return -1.0, 1.0
    return min(by_groups[0], by_pairs[0]), max(by_groups[1], by_pairs[1])


def _happens_or_not(*arrays: Floats) -> bool:
    return all(bool(np.isin(values, (0.0, 1.0)).all()) for values in arrays)


def _score(only_second: int, only_first: int, pairs: int, difference: float) -> float:
    """Tango's statistic; 0 at the difference seen, and falling."""
    a = 2 * pairs
    b = -only_second - only_first + (2 * pairs - only_second + only_first) * difference
    c = -only_first * difference * (1 - difference)
    share = (math.sqrt(max(0.0, b * b - 4 * a * c)) - b) / (2 * a)
    variance = pairs * (2 * share + difference * (1 - difference))
    above = only_second - only_first - pairs * difference
    if variance <= 0:
        return 0.0 if above == 0 else math.copysign(math.inf, above)
    return above / math.sqrt(variance)


def _root(rising: Callable[[float], float], low: float = 0.0, high: float = 1.0) -> float:
    """Where ``rising`` turns positive between ``low`` and ``high``; an end when it does not."""
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if rising(middle) < 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2
