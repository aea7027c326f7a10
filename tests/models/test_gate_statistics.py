"""The gate's intervals are those of the books."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.evaluation.gate_statistics import (
    difference,
    exact_interval,
    grouped_interval,
    mcnemar,
    paired_interval,
)

Z = 1.959963984540054


@pytest.mark.parametrize(("hits", "count"), [(0, 48), (3, 50), (50, 50), (7, 300), (150, 300)])
def test_the_exact_interval_is_scipys(hits: int, count: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    wanted = stats.binomtest(hits, count).proportion_ci(0.95, method="exact")
    assert exact_interval(hits, count) == pytest.approx((wanted.low, wanted.high), abs=1e-9)


def test_of_none_seen_the_upper_end_is_the_rule_of_three() -> None:
    assert exact_interval(0, 1000, 0.90)[1] == pytest.approx(3 / 1000, rel=0.01)  # Hanley and Lippman-Hand 1983


@pytest.mark.parametrize(("first", "second"), [(2, 10), (0, 5), (7, 7), (1, 0), (40, 20)])
def test_mcnemars_chance_is_that_of_a_fair_coin(first: int, second: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    assert mcnemar(first, second) == pytest.approx(stats.binomtest(first, first + second).pvalue)


def test_no_pair_that_differs_still_leaves_an_interval() -> None:
    assert paired_interval(0, 0, 48) == pytest.approx((-(Z**2) / (48 + Z**2), Z**2 / (48 + Z**2)))
    assert mcnemar(0, 0) == 1.0


def test_the_ends_of_the_paired_interval_are_where_the_score_test_turns() -> None:
    """Against the definition: the likelihood of three cells maximised with their difference held (Tango 1998, 2)."""
    optimize = pytest.importorskip("scipy.optimize")
    b, c, n = 12, 4, 50
    for end in paired_interval(b, c, n):

        def unlikely(p21: float, end: float = end) -> float:
            p12, rest = p21 + end, 1 - 2 * p21 - end
            if min(p12, p21, rest) <= 0:
                return math.inf
            return -(b * math.log(p12) + c * math.log(p21) + (n - b - c) * math.log(rest))

        p21 = optimize.minimize_scalar(unlikely, bounds=(max(0.0, -end), (1 - end) / 2), method="bounded").x
        score = (b - c - n * end) / math.sqrt(n * (2 * p21 + end * (1 - end)))
        assert abs(score) == pytest.approx(Z, abs=1e-3)


@settings(max_examples=100, deadline=None)
@given(b=st.integers(0, 40), c=st.integers(0, 40), same=st.integers(0, 200))
def test_the_paired_interval_holds_the_difference_and_turns_with_the_sides(b: int, c: int, same: int) -> None:
    n = b + c + same
    if n == 0:
        return
    low, high = paired_interval(b, c, n)
    assert -1 <= low <= (b - c) / n <= high <= 1
    assert paired_interval(c, b, n) == pytest.approx((-high, -low), abs=1e-9)


def test_alike_pictures_of_one_group_count_as_one() -> None:
    rng = np.random.default_rng(1)
    per_group = rng.normal(0, 1, 20)
    alone = grouped_interval(per_group, np.arange(20), 2000)
    ten_each = grouped_interval(np.repeat(per_group, 10), np.repeat(np.arange(20), 10), 2000)
    assert ten_each == pytest.approx(alone)
    as_if_apart = grouped_interval(np.repeat(per_group, 10), np.arange(200), 2000)
    assert as_if_apart[1] - as_if_apart[0] < 0.5 * (alone[1] - alone[0])


def test_an_interval_of_groups_holds_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    held = 0
    for _ in range(200):
        values = np.repeat(rng.normal(0.3, 1, 40), 3) + rng.normal(0, 0.2, 120)
        low, high = grouped_interval(values, np.repeat(np.arange(40), 3), 400)
        held += low <= 0.3 <= high
    assert 0.88 <= held / 200 <= 0.99


def test_what_happens_or_not_in_one_group_only_proves_nothing() -> None:
    first, second = np.zeros(9), np.ones(9)
    assert difference(first, second, np.zeros(9, np.int64), 400, 0.95) == (-1.0, 1.0)
