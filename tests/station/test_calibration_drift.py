"""Between checks, light, camera and focus that changed are caught by the next capture on its way to a verdict."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from calibration.record import CalibrationRecord
from calibration.store import CalibrationStore
from devices.base import DeviceStatus, Emit
from inspection.finding import Assessment, CaptureQuality, Condition
from inspection.frame import Frame, Pixels, ViewPicture
from inspection.item import Item
from inspection.policy import Policy
from inspection.products import Catalogue
from inspection.report import PolicyPart
from inspection.station.calibrations import Calibrations
from inspection.station.capture import Bench, take
from inspection.station.pictures import PictureStore
from tests.calibration.records import NOW
from tests.calibration.test_drift import CAMERA, Floats, capture, record_of, seen_from, with_item
from tests.station.rig import ROOT

PHONE = "00614141404018"
POLICY = Policy.load(ROOT / "configs" / "policy" / "default.yaml")
CATALOGUE = Catalogue.load(ROOT / "configs" / "products.yaml")


@dataclass
class Shown:
    """A camera that gives the picture it was told to give, now."""

    pixels: Pixels
    view: str = "top"
    camera_id: str = "cam"

    @property
    def status(self) -> DeviceStatus:
        return DeviceStatus(self.camera_id, "camera", True, "", datetime.now(UTC))

    def start(self, emit: Emit) -> None: ...

    def stop(self) -> None: ...

    def latest(self) -> Frame:
        return Frame(self.pixels, time.monotonic_ns(), datetime.now(UTC), 0, self.camera_id, "")

    def frame_after(self, monotonic_ns: int, timeout_s: float) -> Frame:  # noqa: ARG002
        return self.latest()


class Content:
    """A model that finds nothing wrong with anything."""

    bundle_id = "content@1+000000000000"

    def assess(self, pictures: Sequence[ViewPicture], _goods: str | None = None) -> Assessment:
        return Assessment(
            bundle_id=self.bundle_id,
            findings=(),
            p_defect={},
            p_condition=dict(zip(Condition, (0.99, 0.01, 0.0, 0.0), strict=True)),
            novelty=0.1,
            novel=False,
            confident=True,
            capture=tuple(CaptureQuality(shown.view) for shown in pictures),
        )


@dataclass
class Table:
    """One calibrated view, and what is decided of what lies there."""

    folder: Path
    record: CalibrationRecord
    calibrations: Calibrations = field(init=False)

    def __post_init__(self) -> None:
        self.store = CalibrationStore(self.folder / "calibration")
        self.save(self.record)
        self.calibrations = Calibrations(self.store, {"top": "cam"}, parts=("plane",), clock=lambda: NOW)
        self.bench = Bench(
            POLICY,
            CATALOGUE,
            Content(),
            self.calibrations.correct,
            self.calibrations.examine,
        )

    def save(self, record: CalibrationRecord) -> None:
        self.store.save(record, by="tech-1", at=datetime.now(UTC), software="0.1.0")

    def judged(self, pixels: Pixels) -> PolicyPart:
        """What is decided of a picture that was taken, stored and judged as the station does it."""
        taken = take([Shown(pixels)], PictureStore(self.folder), after_ns=0, timeout_s=0.1, max_age_s=3)
        return self.bench.judge_take(Item(gtin=PHONE), taken, None).policy

    @property
    def faults(self) -> list[str]:
        return [fault.code for fault in self.calibrations.faults]


@pytest.fixture(scope="module")
def record() -> CalibrationRecord:
    return record_of(seen_from())


@pytest.fixture
def table(record: CalibrationRecord, tmp_path: Path) -> Table:
    return Table(tmp_path, record)


def item(scene: Floats, **how: Any) -> Pixels:
    """An item on the table as the camera sees it."""
    return capture(with_item(scene, (330, 180))[0], **how)


MOVED = {
    "light a fifth down": (item, {"response": CAMERA.level(0.8)}, (0.0, 0.0), "moved_exposure"),
    "camera moved by 3 mm": (item, {}, (3.0, 0.0), "moved_shift"),
    "out of focus": (item, {"blur_px": 2.5}, (0.0, 0.0), "moved_focus"),
}


@pytest.mark.parametrize("what", MOVED)
def test_what_moved_is_caught_by_the_next_capture_and_gone_when_it_is_put_back(table: Table, what: str) -> None:
    picture, how, shift, code = MOVED[what]
    good = table.judged(item(seen_from()))
    assert (good.rule_id, "uncalibrated" in good.reason_codes, good.needs_confirmation) == ("R12", False, False)

    lowered = table.judged(picture(seen_from(*shift), **how))
    assert table.faults == [f"calibration.{code}"]
    if lowered.rule_id == "R12":
        assert lowered.needs_confirmation
        assert "uncalibrated" in lowered.reason_codes
    else:  # what blurs the table blurs the item, too
        assert lowered.reason_codes == ("bad_capture",)

    cured = table.judged(item(seen_from(), seed=11))
    assert table.faults == []
    assert not cured.needs_confirmation


def test_drift_is_gone_once_the_view_is_calibrated_again(table: Table) -> None:
    table.judged(item(seen_from(3.0, 0)))
    assert table.faults == ["calibration.moved_shift"]
    table.save(record_of(seen_from(3.0, 0)))
    assert table.faults == []
    assert not table.judged(item(seen_from(3.0, 0))).needs_confirmation


def test_a_capture_that_shows_no_table_leaves_what_is_known(table: Table) -> None:
    table.judged(item(seen_from(3.0, 0)))
    large = with_item(seen_from(), (0, 0))[0]
    covered = np.asarray(cv2.resize(large[:200, :320], large.shape[1::-1]), np.float64)
    table.judged(capture(covered))
    assert table.faults == ["calibration.moved_shift"]


def test_a_station_that_checks_no_pictures_watches_its_calibration_all_the_same(table: Table) -> None:
    picture = table.calibrations.correct("top", Shown(capture(seen_from(3.0, 0))).latest())
    seen = table.calibrations.examine(picture, check="never")
    assert (seen.problems, seen.calibration_problems) == ((), ("moved_shift",))
    assert seen.timings_ms["drift"] > 0
