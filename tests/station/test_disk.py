"""A disk that fills up is told before no picture can be stored, once, and not any more when it is emptied."""

from __future__ import annotations

from pathlib import Path

from inspection.station.disk import MB, DiskWatch
from inspection.station.screen import _once
from inspection.station.snapshot import Fault


def test_little_space_is_told_in_steps_and_goes_away_by_itself(tmp_path: Path) -> None:
    looks = iter([5000, 5000, 987, 987, 940, 940, 60, 60, 1000, 1000])  # each is asked for twice
    watch = DiskWatch(tmp_path, 500, lambda _folder: next(looks) * MB)
    told = [([fault.about for fault in watch.faults], watch.changed()) for _ in range(5)]
    assert told == [([], False), (["900"], True), (["900"], False), (["60"], True), ([], True)]


def test_a_station_that_watches_nothing_and_a_disk_that_is_gone_say_nothing(tmp_path: Path) -> None:
    assert DiskWatch(tmp_path, 0).faults == ()
    assert DiskWatch(tmp_path / "gone", 500).faults == ()


def test_a_disk_that_is_full_is_told_once() -> None:
    low, full, other = Fault(code="disk.low"), Fault(code="store.failed"), Fault(code="model.none")
    assert _once((full, other, low)) == (full, other)
    assert _once((other, low)) == (other, low)
