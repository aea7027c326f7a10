"""The figures of a shift: counted once each, through restarts, take-backs and clocks that jump."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspection.station import session as machine
from inspection.station.journal import Journal
from inspection.station.orders import Order, OrderKind, order_of_code
from inspection.station.session import scanned
from inspection.station.session_data import Session
from inspection.station.shift_book import ShiftBook
from inspection.station.shift_clock import LONGEST_WORK_S, Moment, ShiftRules
from inspection.verdict import Disposition
from tests.station.parts import RULES, T0, at_judged, barcode, judge, policy, settle

HOUR = 3600.0


class Clocks:
    """A wall clock and an up-time that are turned apart."""

    def __init__(self) -> None:
        self.at, self.up_s, self.boot = T0, 100.0, "boot-1"

    def __call__(self) -> Moment:
        return Moment(self.at, self.boot, self.up_s)

    def forward(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        self.up_s += seconds


class Counted:
    """A journal in which items are decided."""

    def __init__(self, path: Path, rules: ShiftRules | None = None) -> None:
        self.path, self.rules, self.clocks = path, rules or ShiftRules(), Clocks()
        self.number = 0
        self.open()

    def open(self) -> None:
        self.journal = Journal(self.path)
        self.journal.shift = ShiftBook(self.journal, self.rules, self.clocks)

    def restart(self) -> None:
        self.journal.close()
        self.open()

    def decide(
        self, disposition: Disposition = Disposition.RESELL, who: str = "w-1", *, override: bool = False
    ) -> Session:
        self.number += 1
        session = Session()
        session = scanned(session, barcode(f"ITEM-{self.number}", self.number * 10), RULES, who).session
        proposed = Disposition.REPAIR if override else disposition
        step = settle(session, f"S{self.number}")
        self.journal.commit(step.transitions)
        started = machine.capture_started(step.session, T0)
        self.journal.commit(started.transitions)
        taken = judge(started.session, policy(proposed))
        self.journal.commit(taken.transitions)
        order = Order(OrderKind.OVERRIDE, who, disposition=disposition, reason_code="other")
        decided = machine.ordered(taken.session, order if override else Order(OrderKind.OK, who), RULES, T0, 0)
        self.journal.commit(decided.transitions)
        return decided.session


@pytest.fixture
def counted(tmp_path: Path) -> Counted:
    return Counted(tmp_path / "journal.sqlite")


def test_every_decision_counts_once_for_its_worker_and_for_all(counted: Counted) -> None:
    for who, disposition, override in (
        ("w-1", Disposition.RESELL, False),
        ("w-1", Disposition.SCRAP, True),
        ("w-2", Disposition.HOLD, False),
        ("w-2", Disposition.HOLD, True),
    ):
        counted.decide(disposition, who, override=override)
        counted.clocks.forward(30)
    counted.journal.shift.refused("picture.blurred", "w-1")
    figures = counted.journal.shift.figures()
    assert figures.all.dispositions == {"resell": 1, "scrap": 1, "hold": 2}
    assert (figures.all.items, figures.all.overrides, figures.all.worked_s) == (4, 2, 120)
    assert figures.all.per_hour == 120
    assert {name: tally.items for name, tally in figures.workers.items()} == {"w-1": 2, "w-2": 2}
    assert sorted(map(str, figures.holds)) == sorted(
        map(str, [({"": "other"}, 1), ({"en": "Intact", "zh-CN": "完好"}, 1)])
    )
    assert figures.refusals == {"picture.blurred": 1}


def test_a_decision_that_is_taken_back_is_not_counted_and_counts_again_when_made(counted: Counted) -> None:
    session = counted.decide()
    undone = machine.undone(session, "w-1", T0, unheard=True)
    counted.journal.commit(undone.transitions)
    assert counted.journal.shift.figures().all.items == 0
    again = machine.ordered(undone.session, Order(OrderKind.OK, "w-1"), RULES, T0, 0)
    counted.journal.commit(again.transitions)
    assert counted.journal.shift.figures().all.items == 1


def test_a_restart_changes_nothing_and_a_report_that_leaves_is_not_counted_again(counted: Counted) -> None:
    counted.decide()
    counted.clocks.forward(60)
    counted.decide()
    before = counted.journal.shift.figures()
    counted.restart()
    assert counted.journal.shift.figures() == before
    for entry in counted.journal.waiting():
        counted.journal.delivered(entry, T0)
    assert counted.journal.shift.figures().all.items == 2
    counted.clocks.boot, counted.clocks.up_s = "boot-2", 5.0  # the computer started again
    counted.clocks.at += timedelta(minutes=5)
    counted.decide()
    assert counted.journal.shift.figures().all.worked_s == 60 + 300


@pytest.mark.parametrize("jump", [timedelta(days=3), timedelta(days=-3), timedelta(hours=5), timedelta(hours=-5)])
def test_a_wall_clock_that_jumps_neither_ends_a_shift_nor_changes_its_pace(tmp_path: Path, jump: timedelta) -> None:
    counted = Counted(tmp_path / "j.sqlite", ShiftRules((time(6), time(14), time(22))))
    counted.clocks.at = datetime(2026, 3, 2, 10, 30).astimezone()
    for number in range(4):
        counted.decide()
        counted.clocks.forward(60)
        if number == 1:
            counted.clocks.at += jump
    figures = counted.journal.shift.figures()
    assert (figures.all.items, figures.all.worked_s) == (4, 180)


def test_a_shift_ends_with_a_long_pause_or_at_its_hour(tmp_path: Path) -> None:
    counted = Counted(tmp_path / "j.sqlite", ShiftRules((time(14),)))
    counted.clocks.at = datetime(2026, 3, 2, 13, 50).astimezone()
    counted.decide()
    counted.clocks.forward(5 * 60)
    counted.decide()
    counted.clocks.forward(6 * 60)
    assert counted.journal.shift.figures().all.items == 0  # 14:01, the next shift has begun
    counted.decide()
    counted.clocks.forward(HOUR)
    counted.decide()
    figures = counted.journal.shift.figures()
    assert (figures.all.items, figures.all.worked_s) == (2, LONGEST_WORK_S)
    counted.clocks.forward(4 * HOUR)
    assert counted.journal.shift.figures().started_at is None


@given(
    up=st.lists(st.floats(0, 5000), min_size=2, max_size=12),
    jumps=st.lists(st.floats(-1e6, 1e6), min_size=12, max_size=12),
)
def test_time_worked_is_never_negative_nor_more_than_the_time_that_passed(up: list[float], jumps: list[float]) -> None:
    before, total = Moment(T0, "b", 0.0), 0.0
    now = before
    for seconds, jump in zip(up, jumps, strict=False):
        now = Moment(before.at + timedelta(seconds=seconds + jump), "b", before.up_s + seconds)
        total += now.worked_s(before)
        before = now
    assert 0 <= total <= sum(up) + 1e-6


def test_asking_looks_into_an_index_only(counted: Counted) -> None:
    counted.decide()
    statements = [
        "SELECT kind FROM tally WHERE shift = 1 GROUP BY kind, worker, disposition, overridden, reason",
        "SELECT number, started_at FROM shifts ORDER BY number DESC LIMIT 1",
        "SELECT count(*) AS n FROM labels WHERE status IN ('held', 'owed')",
    ]
    with closing(sqlite3.connect(counted.path)) as db:
        for statement in statements:
            plan = " ".join(str(row[3]) for row in db.execute(f"EXPLAIN QUERY PLAN {statement}"))
            assert "INDEX" in plan or "SCAN shifts" in plan, plan


def test_what_is_old_is_forgotten_except_the_newest_shift(counted: Counted) -> None:
    counted.decide()
    counted.clocks.forward(5 * HOUR)
    counted.decide()
    counted.journal.prune(datetime.now(UTC) + timedelta(days=1))
    with closing(sqlite3.connect(counted.path)) as db:
        assert db.execute("SELECT count(*) FROM shifts").fetchone() == (1,)
    assert counted.journal.shift.figures().all.items == 1
    counted.journal.remember("shift_clock", json.dumps(["not", "ours"]))
    assert counted.journal.shift.figures().all.items == 0


def test_the_command_code_is_known() -> None:
    assert order_of_code("CMD:SHIFT", "w").kind is OrderKind.SHIFT
    assert at_judged().current is not None
