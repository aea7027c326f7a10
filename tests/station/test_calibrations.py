"""A calibration is used when it is good, named in the verdict, and never stops the work when it is not."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from calibration.correct import Corrector
from calibration.record import CalibrationRecord, encode_png
from calibration.store import CalibrationStore
from inspection.errors import ConfigError
from inspection.finding import Assessment, Box, CaptureQuality, Condition, Defect, Finding
from inspection.frame import Frame, ViewPicture
from inspection.item import Item
from inspection.policy import Policy
from inspection.policy.facts import CALIBRATION_PROBLEMS
from inspection.products import Catalogue
from inspection.station.calibrations import Calibrations
from inspection.station.capture import Bench, Take
from inspection.station.config import load_config
from inspection.station.web.words import FAULTS
from tests.calibration.known import SIZE, colour, flat, lens, made, plane, record
from tests.station.rig import ROOT, SOUP, Rig

NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
DIGEST = "0123456789abcdef"
POLICY = Policy.load(ROOT / "configs" / "policy" / "default.yaml")
CATALOGUE = Catalogue.load(ROOT / "configs" / "products.yaml")


@dataclass
class Clock:
    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Bed:
    """A store in a folder, one camera, and its calibrations."""

    folder: Path
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.store = CalibrationStore(self.folder)
        self.calibrations = Calibrations(self.store, {"top": "cam"}, clock=self.clock)

    @property
    def file(self) -> Path:
        return self.store.path("cam", "top")

    def save(self, known: CalibrationRecord) -> CalibrationRecord:
        self.store.save(known, by="tech-1", at=NOW, software="0.1.0")
        return known

    def picture(self, **changes: Any) -> ViewPicture:
        return self.calibrations.correct("top", replace(frame(), **changes))


@pytest.fixture
def bed(tmp_path: Path) -> Bed:
    return Bed(tmp_path / "calibration")


def frame(size: tuple[int, int] = SIZE) -> Frame:
    pixels = np.random.default_rng(5).integers(0, 256, (size[1], size[0], 3), np.uint8)
    return Frame(pixels, time.monotonic_ns(), datetime.now(UTC), 0, "cam", DIGEST)


def whole(**more: Any) -> CalibrationRecord:
    parts = {"lens": lens(), "plane": plane(), "colour": colour(), "flat": flat()}
    return record(**{**parts, "settings_digest": DIGEST, **more})


def test_a_calibrated_view_is_corrected_and_named(bed: Bed) -> None:
    known = bed.save(whole())
    picture = bed.picture()
    assert np.array_equal(picture.pixels, Corrector(known)(frame().pixels))
    assert (picture.calibration_id, picture.calibrated) == (known.calibration_id, True)
    assert bed.calibrations.faults == ()


def test_a_view_without_a_record_is_judged_as_it_is(bed: Bed) -> None:
    shot = frame()
    picture = bed.calibrations.correct("top", shot)
    assert picture.pixels is shot.pixels
    assert (picture.calibration_id, picture.calibration_problems) == (None, ("missing",))
    assert [(fault.code, fault.about) for fault in bed.calibrations.faults] == [("calibration.missing", "top")]


def test_a_new_record_is_used_from_the_next_picture_on(bed: Bed) -> None:
    assert not bed.picture().calibrated
    first = bed.save(whole())
    assert bed.picture().calibration_id == first.calibration_id
    second = bed.save(whole(lens=lens(k1=-0.1)))
    assert bed.picture().calibration_id == second.calibration_id
    bed.store.undo("cam", "top")
    assert bed.picture().calibration_id == first.calibration_id
    bed.file.unlink()
    assert not bed.picture().calibrated


def test_a_record_is_read_once_as_long_as_it_stays(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    bed.save(whole())
    bed.picture()
    monkeypatch.setattr(bed.store, "find", None)
    assert bed.picture().calibrated
    assert bed.calibrations.faults == ()


def test_an_expired_part_is_not_applied_and_the_rest_is(bed: Bed) -> None:
    known = bed.save(whole(colour=colour(made=made(days=100))))
    assert bed.picture().calibrated
    bed.clock.now = NOW + timedelta(days=30)
    picture = bed.picture()
    assert (picture.calibration_id, picture.calibrated) == (known.calibration_id, False)
    assert picture.calibration_problems == ("expired",)
    rest = known.model_copy(update={"colour": None})
    assert np.array_equal(picture.pixels, Corrector(rest)(frame().pixels))


def test_without_its_lens_a_plane_measures_nothing(bed: Bed) -> None:
    bed.save(whole(lens=lens(made=made(days=1))))
    picture = bed.picture()
    assert picture.calibration_problems == ("expired",)
    assert picture.geometry is not None
    assert picture.geometry.in_frame(Finding(Defect.DENT, 0.9, "top", Box(1, 2, 30, 40))).size_mm is None


def test_other_camera_settings_leave_the_geometry(bed: Bed) -> None:
    known = bed.save(whole(settings_digest="f" * 16))
    picture = bed.picture()
    assert picture.calibration_problems == ("other_settings",)
    rest = known.model_copy(update={"colour": None, "flat": None})
    assert np.array_equal(picture.pixels, Corrector(rest)(frame().pixels))


def test_a_view_that_lacks_a_part_counts_as_not_calibrated(bed: Bed) -> None:
    bed.save(record(lens=lens()))
    picture = bed.picture()
    assert picture.calibration_id is not None
    assert picture.calibration_problems == ("incomplete",)
    assert "plane" in bed.calibrations.faults[0].detail


def test_a_record_for_another_size_is_not_applied(bed: Bed) -> None:
    bed.save(whole())
    small = frame((160, 120))
    picture = bed.calibrations.correct("top", small)
    assert picture.pixels is small.pixels
    assert picture.calibration_problems == ("other_resolution",)


def test_a_record_of_another_camera_or_view_in_its_place_is_foreign(bed: Bed) -> None:
    for known, code in ((whole(camera_id="other"), "foreign_camera"), (whole(view="front"), "other_view")):
        bed.store.save(known, by="tech-1", at=NOW, software="0.1.0")
        bed.file.parent.mkdir(parents=True, exist_ok=True)
        bed.file.write_bytes(bed.store.path(known.camera_id, known.view).read_bytes())
        assert bed.picture().calibration_problems == (code,)


def damages(data: bytes) -> dict[str, bytes]:
    middle = len(data) // 2
    return {
        "half": data[:middle],
        "empty": b"",
        "one digit": data.replace(b"0.25", b"0.26", 1),
        "no json": b"\x00\xff" * 500 + b"}\n",
        "a list": b"[1, 2, 3]}\n",
        "newer": data.replace(b'"format":1', b'"format":9'),
        "deep": b"[" * 100_000 + b"}\n",
        "zeros": bytes(len(data)),
    }


@pytest.mark.parametrize("name", sorted(damages(b"")))
def test_a_damaged_file_leaves_the_view_uncalibrated_and_the_work_goes_on(bed: Bed, name: str) -> None:
    bed.save(whole())
    assert bed.picture().calibrated
    damaged = damages(bed.file.read_bytes())[name]
    assert damaged != bed.file.read_bytes()
    bed.file.write_bytes(damaged)
    picture = bed.picture()
    assert not picture.calibrated
    assert set(picture.calibration_problems) <= set(CALIBRATION_PROBLEMS)
    assert [fault.code for fault in bed.calibrations.faults] == [f"calibration.{picture.calibration_problems[0]}"]
    bed.save(whole())
    assert bed.picture().calibrated


def test_a_folder_in_place_of_the_file_is_told_too(bed: Bed) -> None:
    bed.file.mkdir(parents=True)
    assert bed.picture().calibration_problems == ("unreadable",)


def test_a_record_that_breaks_the_arithmetic_is_left_out(bed: Bed) -> None:
    singular = {**lens(), "camera_matrix": ((0, 0, 0), (0, 0, 0), (0, 0, 0))}
    bed.save(whole(lens=singular))
    shot = frame()
    picture = bed.calibrations.correct("top", shot)
    assert picture.pixels is shot.pixels
    assert picture.calibration_problems == ("failed",)


def test_a_camera_whose_name_no_file_can_have_is_uncalibrated(bed: Bed) -> None:
    strange = Calibrations(bed.store, {"top": "../cam"}, clock=bed.clock)
    assert not strange.correct("top", frame()).calibrated
    assert strange.faults[0].code == "calibration.failed"


def test_views_with_the_same_trouble_share_a_line() -> None:
    both = Calibrations(CalibrationStore(Path("nowhere")), {"top": "cam", "front": "cam-2"})
    assert [(fault.code, fault.about) for fault in both.faults] == [("calibration.missing", "top, front")]


def test_every_problem_has_its_words() -> None:
    assert {f"calibration.{code}" for code in (*CALIBRATION_PROBLEMS, "check_due")} == {
        code for code in FAULTS if code.startswith("calibration.")
    }


@dataclass
class Scratches:
    """Finds one scratch in the picture it is shown."""

    shown: list[ViewPicture] = field(default_factory=list)
    bundle_id: str = "test@1+000000000000"

    def assess(self, pictures: Sequence[ViewPicture], _goods: str | None = None) -> Assessment:
        self.shown += pictures
        return Assessment(
            bundle_id=self.bundle_id,
            findings=(Finding(Defect.SCRATCH, 0.9, "top", Box(20, 30, 40, 8)),),
            p_defect={Defect.SCRATCH: 0.9},
            p_condition=dict(zip(Condition, (0.2, 0.79, 0.01, 0.0), strict=True)),
            novelty=0.1,
            novel=False,
            confident=True,
            capture=(CaptureQuality("top"),),
        )


def bench(bed: Bed, judge: Scratches) -> Bench:
    return Bench(POLICY, CATALOGUE, judge, bed.calibrations.correct)


def test_the_verdict_names_the_calibration_and_the_finding_its_size(bed: Bed) -> None:
    known, judge = bed.save(whole()), Scratches()
    shot = frame()
    judgement = bench(bed, judge).judge_take(Item(gtin=SOUP), Take({"top": shot}, (), {}), None)
    assert judgement.versions.calibration == {"top": known.calibration_id}
    assert np.array_equal(judge.shown[0].pixels, Corrector(known)(shot.pixels))
    assert judgement.assessment is not None
    (found,) = judgement.assessment.findings
    assert found.size_mm == (10.0, 2.0)
    assert found.area_mm2 == 20.0
    assert found.size_uncertainty_mm is not None
    assert found.box is not None
    assert found.box.x != 20, "the box is the stored frame's, not the corrected picture's"
    assert "calibrated" in judgement.policy.values or judgement.policy.rule_id != "R09"


def test_the_same_frame_and_record_give_the_same_pixels_again(bed: Bed, tmp_path: Path) -> None:
    """What the judge saw follows from what is kept: the stored frame and the record in the store's history."""
    known, judge = bed.save(whole()), Scratches()
    shot = frame()
    bench(bed, judge).judge_take(Item(gtin=SOUP), Take({"top": shot}, (), {}), None)
    bed.save(whole(lens=lens(k1=-0.1)))
    kept = bed.store.undo("cam", "top")
    assert kept.calibration_id == known.calibration_id
    assert np.array_equal(Corrector(kept)(shot.pixels), judge.shown[0].pixels)


def test_a_policy_that_demands_calibration_holds_what_is_not(bed: Bed, tmp_path: Path) -> None:
    text = (ROOT / "configs" / "policy" / "default.yaml").read_text(encoding="utf-8")
    strict = tmp_path / "strict.yaml"
    begin = text.index("calibration_required:")
    strict.write_text(text[:begin] + text[begin:].replace("value: false", "value: true", 1), encoding="utf-8")
    table = replace(bench(bed, Scratches()), policy=Policy.load(strict))
    taken = Take({"top": frame()}, (), {})
    held = table.judge_take(Item(gtin=SOUP), taken, None).policy
    assert (held.rule_id, "uncalibrated" in held.reason_codes) == ("R09", True)
    bed.save(whole())
    assert table.judge_take(Item(gtin=SOUP), taken, None).policy.rule_id != "R09"


def test_the_folder_follows_the_data_unless_it_is_named(tmp_path: Path) -> None:
    text = yaml.safe_load((ROOT / "configs" / "station.yaml").read_text(encoding="utf-8"))
    for section, folder in (({}, "data/calibration"), ({"folder": "elsewhere"}, "elsewhere")):
        (tmp_path / "station.yaml").write_text(yaml.safe_dump({**text, "data": "data", "calibration": section}))
        config = load_config(tmp_path / "station.yaml")
        assert config.calibration is not None
        assert config.calibration.folder == tmp_path / folder
    (tmp_path / "station.yaml").write_text(yaml.safe_dump({**text, "calibration": {"parts": ["lense"]}}))
    with pytest.raises(ConfigError, match=r"calibration\.parts"):
        load_config(tmp_path / "station.yaml")


def test_a_running_station_takes_calibration_up_and_survives_its_loss(tmp_path: Path) -> None:
    with Rig(tmp_path) as rig:
        rig.config["calibration"] = {"folder": str(tmp_path / "calibration"), "check_hours": 0}
        rig.config["cameras"] = rig.config["cameras"][:1]
        store = CalibrationStore(tmp_path / "calibration")
        rig.start()
        assert codes(rig.state()) == ["calibration.missing"]
        assert rig.http is not None
        page = rig.http.get("/", headers={"Accept-Language": "en"}).text
        assert '<a href="/calibration?view=top">View top is not calibrated' in page
        assert versions(inspected(rig, 1)) == {}

        known = record(camera_id="camera-top", lens=lens(), plane=plane(), view="top")
        store.save(known, by="tech-1", at=NOW, software="0.1.0")
        state = inspected(rig, 2)
        assert (versions(state), codes(state)) == ({"top": known.calibration_id}, [])
        rig.command("ok", inspection_id=state["inspection_id"])
        rig.wait_state("reported", timeout_s=60)

        file = store.path("camera-top", "top")
        file.write_bytes(file.read_bytes()[:300])
        state = inspected(rig, 3)
        assert (versions(state), codes(state)) == ({}, ["calibration.half_written"])
        rig.kill()
        file.write_bytes(os.urandom(2000))
        rig.start()
        rig.wait(lambda shown: codes(shown) in (["calibration.corrupted"], ["calibration.half_written"]), 60)
        rig.stop()
        (report,) = rig.hub.reports.values()
        assert report["versions"]["calibration"] == {"top": known.calibration_id}


def test_bad_pictures_are_taken_again_once_and_then_held_with_one_instruction(tmp_path: Path) -> None:
    with Rig(tmp_path) as rig:
        rig.config["calibration"] = {"folder": str(tmp_path / "calibration")}
        rig.config["cameras"] = rig.config["cameras"][:1]
        rig.config["capture"] = {"check": "always", "retake_ms": 3000}
        rig.start()
        bare = tmp_path / "bare.png"
        assert cv2.imwrite(str(bare), np.full((240, 320, 3), 150, np.uint8))

        rig.bench.show("top", bare)
        rig.scan(f"01{SOUP}21S1")
        rig.wait(lambda state: "picture.nothing_there" in [fault["code"] for fault in state["faults"]], 60)
        rig.put("intact")
        good = rig.wait_state("judged", timeout_s=60)
        assert (good["capture_problems"], good["takes"]) == ({}, 1)
        assert "picture.nothing_there" not in [fault["code"] for fault in good["faults"]]
        assert {"correct", "quality", "decide"} <= set(good["timings_ms"])

        rig.bench.show("top", bare)
        held = inspected(rig, 2)
        assert held["capture_problems"] == {"top": ["nothing_there"]}
        assert (held["verdict"]["disposition"], held["verdict"]["reason_codes"]) == ("hold", ["bad_capture"])
        assert rig.http is not None
        page = rig.http.get("/", headers={"Accept-Language": "en"}).text
        assert page.count("Nothing is there: put the item under the cameras.") == 1

        rig.put("intact")
        rig.command("recapture", inspection_id=held["inspection_id"])
        assert rig.wait(lambda state: state["state"] == "judged" and state["takes"] == 2)["capture_problems"] == {}


def test_only_views_with_a_known_background_are_examined_unless_told_otherwise(bed: Bed) -> None:
    bare = frame()
    bare.pixels[:] = 150
    bed.save(whole())
    picture = bed.calibrations.correct("top", bare)
    assert bed.calibrations.examine(picture).problems == ()
    assert bed.calibrations.examine(picture, check="always").problems != ()
    empty = cv2.GaussianBlur(frame().pixels, (0, 0), 3)
    background = {"made": made(), "mean_png": encode_png(empty), "sharpness": 0.3}
    bed.save(whole(background={**background, "spread_png": encode_png(np.full(SIZE[::-1], 16, np.uint8))}))
    assert bed.calibrations.examine(ViewPicture("top", np.asarray(empty, np.uint8))).problems == ("nothing_there",)


def inspected(rig: Rig, number: int) -> dict[str, Any]:
    """The state once another item was judged."""
    rig.command("cancel")
    rig.scan(f"01{SOUP}21S{number}")
    return rig.wait(
        lambda state: state["state"] == "judged" and (state["item"] or {}).get("serial") == f"S{number}", 60, "verdict"
    )


def codes(state: dict[str, Any]) -> list[str]:
    return [fault["code"] for fault in state["faults"] if fault["code"].startswith("calibration.")]


def versions(state: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = state["versions"]["calibration"]
    return found
