"""One clear defect in one view suffices, one bad view does not veto, and only what every view shows sound is sound."""

from __future__ import annotations

import math

import numpy as np
import pytest

from models.fusion import Fused, fused

INTACT, MINOR, MAJOR, CRITICAL = np.eye(4, dtype=np.float32) * 0.97 + 0.01 - 0.01 * np.eye(4, dtype=np.float32)
UNSURE = np.full(4, 0.25, np.float32)


def views(
    *conditions: np.ndarray, distances: tuple[float, ...] = (), good: tuple[bool, ...] = (),
    lines: tuple[float, float] = (0.9, 0.9),
) -> Fused:  # fmt: skip
    count = len(conditions)
    defects = np.array([[place / 10, 0.5] for place in range(count)], np.float32)
    far = np.array(distances or (1.0,) * count, np.float32)
    return fused(defects, np.stack(conditions), far, good or (True,) * count, lines)


def test_one_clear_defect_in_one_view_suffices_wherever_it_is() -> None:
    for place in range(4):
        conditions = [INTACT] * 4
        conditions[place] = CRITICAL
        found = views(*conditions)
        assert found.deciding == place
        assert found.confident
        np.testing.assert_array_equal(found.p_condition, CRITICAL)


def test_a_bad_view_says_nothing_for_or_against() -> None:
    found = views(INTACT, CRITICAL, distances=(1, 9), good=(True, False))
    assert (found.deciding, found.views, found.distance) == (0, (0,), 1.0)
    np.testing.assert_allclose(found.p_defect, (0.0, 0.5))
    assert views(CRITICAL, INTACT, distances=(1, 9), good=(True, False)).deciding == 0


def test_of_bad_views_only_all_count() -> None:
    found = views(INTACT, CRITICAL, good=(False, False))
    assert (found.views, found.deciding) == ((0, 1), 1)


def test_an_odd_view_takes_nothing_back_from_clear_damage_in_another() -> None:
    assert views(MAJOR, INTACT, distances=(1, 9)).distance == 1.0
    assert views(MAJOR, INTACT, distances=(9, 1)).distance == 9.0


@pytest.mark.parametrize("other", [INTACT, MINOR, UNSURE])
def test_whoever_calls_an_item_sound_must_know_every_view(other: np.ndarray) -> None:
    assert views(INTACT, other, distances=(1, 9)).distance == 9.0


def test_an_unsure_view_leaves_the_item_unsure() -> None:
    found = views(INTACT, UNSURE)
    assert found.deciding == 1
    assert not found.confident


def test_the_order_of_the_views_changes_nothing() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        count = int(rng.integers(1, 6))
        conditions = rng.dirichlet(np.ones(4), count).astype(np.float32)
        defects, distances = rng.random((count, 3)).astype(np.float32), rng.random(count).astype(np.float32)
        good, order = rng.random(count) < 0.7, rng.permutation(count)
        one = fused(defects, conditions, distances, list(good), (0.8, 0.7))
        other = fused(defects[order], conditions[order], distances[order], list(good[order]), (0.8, 0.7))
        assert order[other.deciding] == one.deciding
        assert (one.distance, one.confident) == (other.distance, other.confident)
        np.testing.assert_array_equal(one.p_defect, other.p_defect)


@pytest.mark.parametrize(("condition", "lines", "sure"), [
    (INTACT, (0.99, 0.5), False), (INTACT, (0.9, math.inf), True), (INTACT, (math.inf, 0.6), False),
    (CRITICAL, (0.5, 0.99), False), (CRITICAL, (math.inf, 0.9), True), (CRITICAL, (0.6, math.inf), False),
])  # fmt: skip
def test_each_side_has_a_line_of_its_own(condition: np.ndarray, lines: tuple[float, float], sure: bool) -> None:
    assert views(condition, lines=lines).confident is sure
