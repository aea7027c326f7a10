"""The daily check at the station: nobody presses anything, and what moved counts until a check passes."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from calibration.background import solve_background
from calibration.checks import Shift
from calibration.daily import see_card
from calibration.record import CalibrationRecord, Made
from calibration.store import CalibrationStore
from calibration.targets import Card
from inspection.errors import CalibrationError
from inspection.frame import Frame, Pixels
from inspection.station.calibration_check import FAILS, FAILS_S, CardCheck
from inspection.station.calibration_clock import CalibrationClock
from inspection.station.calibrations import Calibrations
from tests.calibration import known
from tests.calibration.test_daily import CAMERA, CARD, MM_PER_PX, SIZE, TABLE, frame, scene

HOUR = timedelta(hours=1)


def made_at(at: datetime) -> Made:
    return Made(by="tech-1", at=at, software="0.1.0", frames=(), valid_until=at + timedelta(days=90))


@pytest.fixture(scope="module")
def record() -> CalibrationRecord:
    """Calibrated ten and a half hours ago, the card seen then."""
    assert isinstance(CARD, Card)
    made = made_at(datetime.now(UTC).replace(microsecond=0) - 10.5 * HOUR)
    background = solve_background({str(seed): frame(TABLE * 1.6, seed=seed) for seed in range(6)}).part(made)
    plane = known.plane(SIZE, MM_PER_PX, made=made)
    plain = known.record(SIZE, plane=plane, background=background)
    return plain.model_copy(update={"card": see_card(frame(scene()), CARD, plain, made)})


@dataclass
class Desk:
    """One calibrated view, and the check of it with a clock of its own."""

    folder: Path
    record: CalibrationRecord
    now_s: float = 0.0

    def __post_init__(self) -> None:
        self.store = CalibrationStore(self.folder)
        self.store.save(self.record, by="tech-1", at=datetime.now(UTC), software="0.1.0")
        self.calibrations = Calibrations(self.store, {"top": "cam"}, ("plane",), shift=Shift(8 * HOUR, 2 * HOUR))
        assert isinstance(CARD, Card)
        self.check = CardCheck(self.calibrations, CARD, "worker-7", clock=lambda: self.now_s)

    def look(self, pixels: Pixels, *, keep: bool = False) -> dict[str, object]:
        shot = Frame(pixels, time.monotonic_ns(), datetime.now(UTC), 0, "cam", "")
        self.now_s += FAILS_S / (FAILS - 1) + 0.01
        return self.check.look("top", shot, keep=keep)

    @property
    def faults(self) -> list[str]:
        return [fault.code for fault in self.calibrations.faults]


@pytest.fixture
def desk(record: CalibrationRecord, tmp_path: Path) -> Desk:
    return Desk(tmp_path, record)


def test_an_overdue_view_passes_at_the_first_look_and_is_calibrated_again(desk: Desk) -> None:
    assert desk.faults == ["calibration.check_overdue"]
    shot = Frame(frame(scene()), time.monotonic_ns(), datetime.now(UTC), 0, "cam", "")
    assert desk.calibrations.correct("top", shot).calibration_problems == ("check_overdue",)
    assert desk.look(frame(TABLE * 1.6))["reason"] == "no_target"
    said = desk.look(frame(scene(), seed=9))
    assert (said["checked"], said["moves"], said["reference"]) == ("passed", [], True)
    assert desk.faults == []
    assert desk.calibrations.correct("top", shot).calibrated
    (entry,) = desk.calibrations.checks.entries("cam", "top")
    assert (entry.passed, entry.by, entry.compared, entry.calibration_id) == (
        True,
        "worker-7",
        "card",
        desk.record.calibration_id,
    )


def test_what_moved_must_be_seen_in_a_row_and_is_then_kept_until_a_check_passes(desk: Desk) -> None:
    dim = frame(scene(), CAMERA.level(0.8))
    assert [desk.look(dim)["checked"] for _ in range(FAILS)] == ["", "", "failed"]
    assert desk.faults == ["calibration.check_failed"]
    assert "light" in desk.calibrations.faults[0].detail
    (entry,) = desk.calibrations.checks.entries("cam", "top")
    assert [move.code for move in entry.moves] == ["exposure"]
    again = Calibrations(desk.store, {"top": "cam"}, ("plane",))
    assert [fault.code for fault in again.faults] == ["calibration.check_failed"], "a restart forgot it"
    assert desk.look(frame(scene(), seed=9))["checked"] == "passed"
    assert desk.faults == []


def test_one_bad_look_among_good_ones_fails_nothing(desk: Desk) -> None:
    blurred = frame(scene(), blur_px=4.0)
    assert desk.look(blurred)["reason"] == "checking"
    assert desk.look(frame(TABLE * 1.6))["reason"] == "no_target"
    assert [desk.look(blurred)["checked"] for _ in range(FAILS - 1)] == [""] * (FAILS - 1)
    assert desk.calibrations.checks.entries("cam", "top") == []


def test_the_card_is_kept_as_reference_when_asked_for(desk: Desk) -> None:
    desk.store.save(desk.record.model_copy(update={"card": None}), by="tech-1", at=datetime.now(UTC), software="0.1.0")
    assert desk.look(frame(scene()))["reference"] is False
    with pytest.raises(CalibrationError, match="white"):
        desk.look(frame(scene(), CAMERA.level(1.8)), keep=True)
    assert desk.look(frame(scene()), keep=True)["reference"] is True
    kept = desk.calibrations.state("top").record
    assert kept is not None
    assert kept.card is not None
    assert kept.card.made.by == "worker-7"


def test_a_view_without_calibration_cannot_be_checked(desk: Desk) -> None:
    desk.store.path("cam", "top").unlink()
    assert desk.look(frame(scene()))["reason"] == "uncalibrated"


def test_what_time_changes_is_told_once_without_anybody_asking() -> None:
    answers = iter(["fine", "fine", "due", "due"])
    told: list[int] = []
    last = ["due"]
    clock = CalibrationClock(lambda: next(answers, last[0]), every_s=0.01)
    clock.start(lambda: told.append(1))
    deadline = time.monotonic() + 60
    while not told and time.monotonic() < deadline:
        time.sleep(0.01)
    last[0] = "fine"
    while len(told) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    clock.stop()
    assert len(told) == 2
