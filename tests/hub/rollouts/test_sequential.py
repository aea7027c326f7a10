"""Looking after every item costs nothing: harmless candidates are seldom taken back, harmful ones soon."""

from __future__ import annotations

import math
import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspection.hub.rollouts.deciding import Figures, Move, decide
from inspection.hub.rollouts.plan import Limit, Limits, Plan, StagePlan
from inspection.hub.rollouts.sequential import Count, excess_bounds, log_mixture, rate_bounds
from inspection.rollout import Stage

QUICK = Plan(
    shadow=StagePlan(min_items=50, min_hours=0),
    canary=StagePlan(min_items=50, min_hours=0),
    limits=Limits(error=Limit(harm=0.02, fine=0.10)),
)


@given(st.integers(0, 3000), st.integers(0, 3000), st.floats(0.001, 0.5))
def test_the_share_lies_within_its_bounds_and_these_within_0_and_1(hits: int, misses: int, alpha: float) -> None:
    found = rate_bounds(Count(hits, hits + misses), alpha)
    assert 0 <= found.low <= found.value <= found.high <= 1


@given(st.integers(0, 50), st.integers(1, 500), st.floats(0.001, 0.1))
def test_less_alpha_is_never_a_narrower_interval(hits: int, more: int, alpha: float) -> None:
    wide, narrow = rate_bounds(Count(hits, hits + more), alpha / 2), rate_bounds(Count(hits, hits + more), alpha)
    assert wide.low <= narrow.low + 1e-9
    assert wide.high >= narrow.high - 1e-9


def test_of_nothing_nothing_is_known() -> None:
    assert (rate_bounds(Count(), 0.05).low, rate_bounds(Count(), 0.05).high) == (0, 1)
    assert excess_bounds(Count(), Count(), 0.05).low == -1


@pytest.mark.parametrize("alpha", [0.0, 1.0, -1.0])
def test_an_alpha_that_is_none_is_refused(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha"):
        rate_bounds(Count(1, 2), alpha)


def test_more_hits_than_items_are_refused() -> None:
    with pytest.raises(ValueError, match="3 of 2"):
        Count(3, 2)


@pytest.mark.parametrize("rate", [0.02, 0.1, 0.4])
def test_looked_at_after_every_item_the_true_rate_is_left_out_no_more_often_than_stated(rate: float) -> None:
    """Ville: the martingale at the true rate ever exceeds 1/alpha in at most alpha of all runs."""
    alpha, chance, runs = 0.1, random.Random(7), 300
    left_out = 0
    for _ in range(runs):
        hits = 0
        for items in range(1, 401):
            hits += chance.random() < rate
            if log_mixture(Count(hits, items), rate) >= -math.log(alpha):
                left_out += 1
                break
    assert left_out / runs <= alpha + 3 * (alpha * (1 - alpha) / runs) ** 0.5


def run(chance: random.Random, *, hold: float, override: float, differ: float, items: int) -> tuple[Move, int]:
    """One canary, looked at every 25 items; the champion holds 10 % and is overridden in 5 %."""
    seen = dict.fromkeys(("hold", "override", "differ", "champion_hold", "champion_override"), 0)
    for count in range(1, items + 1):
        seen["hold"] += chance.random() < hold
        seen["override"] += chance.random() < override
        seen["differ"] += chance.random() < differ
        seen["champion_hold"] += chance.random() < 0.10
        seen["champion_override"] += chance.random() < 0.05
        if count % 25:
            continue
        figures = Figures(
            items=count,
            hours=1,
            override=(Count(seen["override"], count), Count(seen["champion_override"], count)),
            hold=(Count(seen["hold"], count), Count(seen["champion_hold"], count)),
            disagreement=Count(seen["differ"], count),
            slow=Count(0, count),
            error=Count(0, count),
        )
        move = decide(Stage.CANARY, figures, QUICK).move
        if move is not Move.WAIT:
            return move, count
    return Move.WAIT, items


def test_a_candidate_as_good_as_the_champion_is_hardly_ever_taken_back_and_goes_on() -> None:
    chance = random.Random(11)
    ends = [run(chance, hold=0.10, override=0.05, differ=0.08, items=1500) for _ in range(40)]
    assert sum(move is Move.BACK for move, _ in ends) <= 2 + 2  # 5 % of 40, and what chance may add
    assert sum(move is Move.ON for move, _ in ends) >= 36


def test_a_candidate_that_is_overridden_in_a_third_is_taken_back_within_some_dozens() -> None:
    chance = random.Random(13)
    ends = [run(chance, hold=0.10, override=0.35, differ=0.30, items=1000) for _ in range(25)]
    assert all(move is Move.BACK for move, _ in ends)
    assert statistics.median(count for _, count in ends) < 150


def test_between_harm_and_fine_nothing_is_decided_until_a_person_is_asked() -> None:
    figures = Figures(items=60, hours=1, hold=(Count(9, 60), Count(5, 60)))
    assert decide(Stage.SHADOW, figures, QUICK).move is Move.WAIT
    late = Figures(items=60, hours=24 * 15, hold=(Count(9, 60), Count(5, 60)))
    assert decide(Stage.SHADOW, late, QUICK).move is Move.ASK


def test_fine_figures_wait_for_the_least_items_and_hours() -> None:
    good = Figures(
        items=900, hours=2, hold=(Count(50, 900), Count(50, 900)), override=(Count(20, 900), Count(20, 900)),
        disagreement=Count(40, 900), slow=Count(0, 900), error=Count(0, 900),
    )  # fmt: skip
    assert decide(Stage.CANARY, good, Plan(canary=StagePlan(min_items=901, min_hours=0))).reasons == ("items",)
    assert decide(Stage.CANARY, good, Plan(canary=StagePlan(min_items=1, min_hours=3))).reasons == ("hours",)
    assert decide(Stage.CANARY, good, Plan(canary=StagePlan(min_items=1, min_hours=1))).move is Move.ON
    by_hand = Plan(canary=StagePlan(min_items=1, min_hours=1), automatic=False)
    assert decide(Stage.CANARY, good, by_hand).move is Move.ASK


def test_limits_leave_room_between_harm_and_fine() -> None:
    with pytest.raises(ValueError, match="between the two"):
        Limit(harm=0.2, fine=0.2)
