"""Daily checks are kept with who and when, survive a power cut, and say when the next one is due."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.checks import KEPT_LINES, MOST_LINES, CheckEntry, CheckLog, MoveFound, Shift
from calibration.record import CalibrationRecord
from calibration.store import CalibrationStore
from inspection.errors import CalibrationError
from tests.calibration.records import NOW, made, plane, record

HOUR = timedelta(hours=1)
SHIFT = Shift(8 * HOUR, 2 * HOUR)


def entry(at: datetime, *codes: str) -> CheckEntry:
    moves = tuple(MoveFound(code=code, value=3.0, limit=1.0, unit="mm") for code in codes)
    return CheckEntry(
        at=at,
        by="p7",
        software="0.1.0",
        camera_id="cam-1",
        view="top",
        calibration_id="top+0",
        compared="card",
        moves=moves,
    )


def known() -> CalibrationRecord:
    return record(plane=plane())


@pytest.fixture
def log(tmp_path: Path) -> CheckLog:
    return CheckLog(CalibrationStore(tmp_path))


@pytest.mark.parametrize(("hours", "standing"), [(0, ""), (7.9, ""), (8.1, "due"), (9.9, "due"), (10.1, "overdue")])
def test_a_view_is_asked_for_and_then_overdue(hours: float, standing: str) -> None:
    assert SHIFT.standing(known(), None, NOW + hours * HOUR) == standing
    assert SHIFT.standing(known(), entry(NOW + 20 * HOUR), NOW + (20 + hours) * HOUR) == standing


def test_a_station_may_do_without_checks() -> None:
    assert Shift(None).standing(known(), None, NOW + 1000 * HOUR) == ""


def test_a_failed_check_stands_until_one_passes_or_what_moved_is_calibrated_again() -> None:
    failed = entry(NOW + HOUR, "shift")
    assert SHIFT.standing(known(), failed, NOW + 2 * HOUR) == "failed"
    assert Shift(None).standing(known(), failed, NOW + 2 * HOUR) == "failed"
    lens = known().model_copy(update={"lens": known().lens})
    assert SHIFT.standing(lens, failed, NOW + 2 * HOUR) == "failed"
    later = made().model_copy(update={"at": NOW + 3 * HOUR})
    cured = known().model_copy(update={"plane": plane().model_copy(update={"made": later})})
    assert SHIFT.standing(cured, failed, NOW + 4 * HOUR) == ""
    assert SHIFT.standing(cured, entry(NOW + HOUR, "shift", "focus"), NOW + 4 * HOUR) == "failed"


def test_checks_are_kept_in_order_with_who_and_what(log: CheckLog) -> None:
    assert log.last("cam-1", "top", NOW) is None
    for hours, codes in ((0, ("shift",)), (1, ())):
        log.append(entry(NOW + hours * HOUR, *codes))
    assert [one.passed for one in log.entries("cam-1", "top")] == [False, True]
    assert log.last("cam-1", "top", NOW + HOUR) == entry(NOW + HOUR)
    assert log.last("cam-1", "front", NOW + HOUR) is None


def test_a_check_with_a_clock_that_went_ahead_does_not_count(log: CheckLog) -> None:
    log.append(entry(NOW))
    log.append(entry(NOW + 10_000 * HOUR))
    assert log.last("cam-1", "top", NOW + HOUR) == entry(NOW)


@given(cut=st.integers(0, 400), noise=st.binary(max_size=40))
def test_what_a_power_cut_leaves_spoils_no_other_check(
    tmp_path_factory: pytest.TempPathFactory, cut: int, noise: bytes
) -> None:
    log = CheckLog(CalibrationStore(Path(tmp_path_factory.mktemp("log"))))
    log.append(entry(NOW))
    log.append(entry(NOW + HOUR, "focus"))
    path = log.path("cam-1", "top")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - min(cut, len(whole))] + noise)
    log.append(entry(NOW + 2 * HOUR))
    assert log.last("cam-1", "top", NOW + 2 * HOUR) == entry(NOW + 2 * HOUR)


def test_a_long_file_loses_its_oldest_lines_only(log: CheckLog) -> None:
    log.append(entry(NOW))
    path = log.path("cam-1", "top")
    path.write_bytes(path.read_bytes() * MOST_LINES)
    log.append(entry(NOW + HOUR))
    entries = log.entries("cam-1", "top")
    assert (len(entries), entries[-1]) == (KEPT_LINES + 1, entry(NOW + HOUR))


def test_a_disk_that_refuses_is_told_as_such(log: CheckLog) -> None:
    log.path("cam-1", "top").mkdir(parents=True)
    with pytest.raises(CalibrationError) as caught:
        log.append(entry(NOW))
    assert caught.value.code == "calibration.write"
    assert log.last("cam-1", "top", NOW) is None
