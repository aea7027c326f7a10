"""The sequential test: stable figures stay quiet, changes are told once, cured ones too, a kill changes nothing."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspection.drifting import MOST_KEPT, RECENT, Found, Kind, Watch, threshold_of

DAYS, A_DAY = 10, 40


def learnt(kind: Kind = Kind.NUMBER, seed: int = 1, rate: float = 0.05, day_sd: float = 0.0) -> Watch:
    """A watch that has seen ten days of normal figures, or of yes with ``rate``."""
    draw, made = random.Random(seed), Watch(kind)
    for day in range(DAYS):
        off = draw.gauss(0, day_sd)
        for _ in range(A_DAY):
            made.learn(draw.gauss(off, 1) if kind is Kind.NUMBER else float(draw.random() < rate), day)
    made.learnt_enough()
    return made


def until_told(watch: Watch, figures: list[float], day: int = DAYS) -> tuple[int, Found] | None:
    threshold = threshold_of(7 * A_DAY, 100, 0.5)
    for place, figure in enumerate(figures):
        found = watch.watch(figure, day + place // A_DAY, f"item-{place}", threshold)
        if found is not None:
            return place + 1, found
    return None


@pytest.mark.parametrize(("shift", "direction"), [(2.5, "up"), (-2.5, "down")])
def test_a_shift_is_told_within_a_few_items_and_its_size_and_beginning_with_it(shift: float, direction: str) -> None:
    draw = random.Random(2)
    watch = learnt()
    assert until_told(watch, [draw.gauss(0, 1) for _ in range(80)]) is None
    told = until_told(watch, [draw.gauss(shift, 1) for _ in range(100)], DAYS + 2)
    assert told is not None
    items, found = told
    assert items <= 25
    assert found.direction == direction
    assert 1.0 < abs(found.effect) < 4.0
    assert found.items <= items + 10


def test_more_spread_is_told_as_such() -> None:
    draw = random.Random(3)
    told = until_told(learnt(), [draw.gauss(0, 4) for _ in range(300)])
    assert told is not None
    assert told[1].direction == "spread"


def test_another_rate_is_told() -> None:
    draw = random.Random(4)
    told = until_told(learnt(Kind.YES_NO), [float(draw.random() < 0.5) for _ in range(200)])
    assert told is not None
    assert told[1].direction == "up"
    assert told[1].effect > 0.2


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("day_sd", [0.0, 0.3])
def test_stable_figures_with_days_of_their_own_raise_no_alarm(kind: Kind, day_sd: float) -> None:
    told = 0
    for seed in range(12):
        watch, draw = learnt(kind, seed, day_sd=day_sd), random.Random(1000 + seed)
        figures = []
        for _ in range(15):
            off = draw.gauss(0, day_sd)
            figures += [
                draw.gauss(off, 1) if kind is Kind.NUMBER else float(draw.random() < 0.05) for _ in range(A_DAY)
            ]
        told += until_told(watch, figures) is not None
    assert told == 0


def test_a_change_too_small_to_matter_is_not_told() -> None:
    draw = random.Random(5)
    assert until_told(learnt(), [draw.gauss(0.25, 1) for _ in range(3000)]) is None


def test_an_alarm_is_told_once_and_is_cured_when_the_figures_are_again_as_they_were() -> None:
    draw, watch = random.Random(6), learnt()
    assert until_told(watch, [draw.gauss(3, 1) for _ in range(60)]) is not None
    for place in range(200):
        assert watch.watch(draw.gauss(3, 1), 20 + place // A_DAY, f"bad-{place}", 1e5) is None
        assert not watch.cured()
    cured_after = None
    for place in range(3 * RECENT):
        watch.watch(draw.gauss(0, 1), 30 + place // A_DAY, f"good-{place}", 1e5)
        if watch.cured():
            cured_after = place + 1
            break
    assert cured_after is not None
    assert watch.alarm is None
    assert until_told(watch, [draw.gauss(3, 1) for _ in range(60)], 40) is not None


@settings(max_examples=20)
@given(st.lists(st.floats(-5, 5), min_size=1, max_size=60), st.integers(0, 59), st.sampled_from(list(Kind)))
def test_written_down_and_read_again_anywhere_it_goes_on_the_same(figures: list[float], cut: int, kind: Kind) -> None:
    values = [float(each > 0) for each in figures] if kind is Kind.YES_NO else figures
    one, other = learnt(kind), learnt(kind)
    for place, value in enumerate(values):
        if place == cut:
            other = Watch.of(json.loads(json.dumps(other.as_json())))
        first = one.watch(value, DAYS, f"{place}", 50.0)
        assert other.watch(value, DAYS, f"{place}", 50.0) == first
    assert one.as_json() == other.as_json()


def test_constant_figures_and_ties_are_no_change() -> None:
    made = Watch(Kind.NUMBER)
    for day in range(DAYS):
        for _ in range(A_DAY):
            made.learn(1.0, day)
    made.learnt_enough()
    assert until_told(made, [1.0] * 400) is None
    assert until_told(made, [2.0] * 60, 40) is not None


def test_a_long_reference_is_thinned_and_still_spans_its_days() -> None:
    made = Watch(Kind.NUMBER)
    for day in range(40):
        for item in range(100):
            made.learn(float(item), day)
    assert len(made.kept) <= MOST_KEPT
    assert (made.days[0], made.days[-1], made.learnt) == (0, 39, 4000)


def test_the_budget_of_alarms_is_shared() -> None:
    assert threshold_of(1000, 90, 0.5) == 1000 * 90 / 0.5
    assert threshold_of(0, 0, 10) == 20
