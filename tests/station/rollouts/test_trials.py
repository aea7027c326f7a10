"""Champion and candidate side by side: who judges which item, what is said of it, and what that may cost."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspection.finding import Assessment, CaptureQuality, Condition, Defect
from inspection.frame import Frame, ViewPicture
from inspection.item import Item
from inspection.rollout import Kind, Stage, TrialOpinion, drawn
from inspection.station.capture import Bench, Take
from inspection.station.rollouts.opinions import OpinionBox
from inspection.station.rollouts.running import MOST_FAILURES, Asked, Running, Side, Tried
from inspection.station.rollouts.shadow import Budget, Shadow
from tests.station.rig import wait_until
from tests.station.rollouts.goods import configured

FRAME = Frame(np.full((8, 8, 3), 9, np.uint8), 0, datetime(2026, 11, 22, tzinfo=UTC), 1, "cam", "0" * 16)


class Judge:
    """Says one condition of everything, or fails."""

    def __init__(self, name: str, condition: Condition = Condition.INTACT, *, fails: bool = False) -> None:
        self.bundle_id, self._condition, self.fails = name, condition, fails
        self.asked = 0

    def assess(self, pictures: Sequence[ViewPicture], _goods: str | None = None) -> Assessment:
        self.asked += 1
        if self.fails:
            raise RuntimeError("broken")
        return Assessment(
            bundle_id=self.bundle_id,
            findings=(),
            p_defect=dict.fromkeys(Defect, 0.01),
            p_condition={each: 0.97 if each is self._condition else 0.01 for each in Condition},
            novelty=0.0,
            novel=False,
            confident=True,
            capture=tuple(CaptureQuality(each.view) for each in pictures),
        )


@pytest.fixture(scope="module")
def bench() -> Bench:
    return configured()


def side(bench: Bench, judge: Judge) -> Side:
    return Side(Bench(bench.policy, bench.catalogue, judge), {Kind.BUNDLE: judge.bundle_id})


def asked(inspection_id: uuid.UUID | None = None) -> Asked:
    return Asked(inspection_id or uuid.uuid4(), Item(gtin=None), Take({"top": FRAME}, (), {}), None, None)


def on_trial(candidate: Side, stage: Stage = Stage.CANARY, share: float = 1.0, budget_ms: float = 1e4) -> Tried:
    return Tried(uuid.uuid4(), stage, candidate, share, budget_ms, Kind.BUNDLE, "new@1+000000000000")


def running(champion: Side, tried: Tried | None) -> Running:
    found = Running(champion)
    found.stage(champion, tried)
    found.take_over()
    return found


@given(st.uuids(), st.uuids(), st.floats(0, 1), st.floats(0, 1))
def test_who_is_drawn_for_a_share_is_drawn_for_every_larger_one(
    rollout: uuid.UUID, inspection: uuid.UUID, first: float, second: float
) -> None:
    small, large = sorted((first, second))
    assert drawn(rollout, inspection, large) or not drawn(rollout, inspection, small)
    assert drawn(rollout, inspection, 1.0)
    assert not drawn(rollout, inspection, 0.0)


def test_as_many_are_drawn_as_the_share_says() -> None:
    rollout = uuid.UUID(int=7)
    hits = sum(drawn(rollout, uuid.UUID(int=number), 0.2) for number in range(5000))
    assert 900 < hits < 1100


def test_in_its_shadow_the_candidate_judges_nothing(bench: Bench) -> None:
    old, new = Judge("old@1+000000000000"), Judge("new@1+000000000000")
    judged = running(side(bench, old), on_trial(side(bench, new), Stage.SHADOW)).judge(asked())
    assert judged.judgement.versions.bundle == old.bundle_id
    assert (old.asked, new.asked) == (1, 0)


def test_what_is_staged_judges_from_the_exchange_on_and_not_before(bench: Bench) -> None:
    old, new = Judge("old@1+000000000000"), Judge("new@1+000000000000")
    found = Running(side(bench, old))
    done = found.stage(side(bench, new), None)
    assert found.waits
    assert found.judge(asked()).judgement.versions.bundle == old.bundle_id
    found.take_over()
    assert done.is_set()
    judged = found.judge(asked())
    assert judged.judgement.versions.bundle == new.bundle_id
    assert found.that_judged(side(bench, old).bench.versions).ids[Kind.BUNDLE] == old.bundle_id


def test_a_candidate_that_fails_costs_the_item_nothing_and_is_dropped_after_some(bench: Bench) -> None:
    old, new = Judge("old@1+000000000000"), Judge("new@1+000000000000", fails=True)
    tried = on_trial(side(bench, new))
    found = running(side(bench, old), tried)
    for _ in range(MOST_FAILURES):
        judged = found.judge(asked())
        assert judged.judgement.versions.bundle == old.bundle_id
        assert judged.judgement.failure == ""
        assert judged.opinion is not None
        assert judged.opinion.candidate is not None
        assert "broken" in judged.opinion.candidate.error
    assert found.tried is None
    assert tried.rollout_id in found.spoiled
    found.judge(asked())
    assert new.asked == MOST_FAILURES


def test_both_opinions_of_an_item_are_kept_beside_the_verdict(bench: Bench, tmp_path: Path) -> None:
    old, new = Judge("old@1+000000000000"), Judge("new@1+000000000000", Condition.CRITICAL)
    found = running(side(bench, old), on_trial(side(bench, new), Stage.SHADOW))
    box = OpinionBox(tmp_path / "opinions.sqlite")
    shadow = Shadow(found, box.put)
    shadow.start()
    item = asked()
    judged = found.judge(item)
    found.told(judged, item)
    wait_until(lambda: box.count() == 1, what="the second opinion")
    shadow.stop()
    ((_, said),) = box.waiting()
    assert said.inspection_id == item.inspection_id
    assert said.judged_by == "champion"
    assert said.champion is not None
    assert said.candidate is not None
    assert (said.champion.condition, said.candidate.condition) == (Condition.INTACT, Condition.CRITICAL)
    assert judged.judgement.versions.bundle == old.bundle_id


def test_while_an_item_is_judged_no_second_opinion_begins(bench: Bench) -> None:
    old, new = Judge("old@1+000000000000"), Judge("new@1+000000000000")
    found = running(side(bench, old), on_trial(side(bench, new), Stage.SHADOW))
    kept: list[TrialOpinion] = []
    came = threading.Event()

    def keep(said: TrialOpinion) -> None:
        kept.append(said)
        came.set()

    shadow = Shadow(found, keep)
    shadow.start()
    item = asked()
    judged = found.judge(item)
    found.idle.clear()  # the next item is on the table
    found.told(judged, item)
    assert new.asked == 0
    found.idle.set()
    assert came.wait(60)
    shadow.stop()
    assert new.asked == 1


def test_without_a_budget_the_candidate_of_a_shadow_is_never_asked(bench: Bench) -> None:
    new = Judge("new@1+000000000000")
    found = running(side(bench, Judge("old@1+0")), on_trial(side(bench, new), Stage.SHADOW, budget_ms=0))
    kept: list[TrialOpinion] = []
    shadow = Shadow(found, kept.append)
    shadow.start()
    for _ in range(5):
        item = asked()
        found.told(found.judge(item), item)
    shadow.stop()
    assert new.asked == 0
    assert kept == []


@given(st.floats(1, 500), st.lists(st.floats(1, 800), min_size=50, max_size=200))
def test_on_average_an_item_costs_no_more_than_the_budget(per_item_ms: float, costs: list[float]) -> None:
    budget, spent = Budget(per_item_ms), 0.0
    for cost in costs:
        if budget.comes():
            budget.spent(cost)
            spent += cost
    assert spent <= per_item_ms * len(costs) + 2 * max(costs)


def test_opinions_survive_and_are_forgotten_once_the_hub_has_them(bench: Bench, tmp_path: Path) -> None:
    found = running(side(bench, Judge("old@1+0")), on_trial(side(bench, Judge("new@1+000000000000"))))
    box = OpinionBox(tmp_path / "o.sqlite")
    said = found.judge(asked()).opinion
    assert said is not None
    box.put(said)
    box.put(said)
    box.close()
    box = OpinionBox(tmp_path / "o.sqlite")
    ((number, again),) = box.waiting()
    assert again == said
    box.forget([number])
    assert box.count() == 0


def test_a_damaged_file_of_opinions_is_put_aside_and_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "o.sqlite"
    path.write_bytes(b"no database at all" * 100)
    assert OpinionBox(path).count() == 0
    assert path.with_suffix(".damaged").exists()
