"""Another camera in place of the old one, and records that cannot be used: told in words, and never the end of work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from calibration.guided import Guide
from calibration.record import CalibrationRecord
from calibration.store import CalibrationStore
from inspection.errors import CalibrationError
from tests.calibration.known import lens, made, plane, record
from tests.calibration.test_guided import WHO, sheet
from tests.station.rig import Rig
from tests.station.test_calibrations import NOW, codes, inspected, versions

WHOLE = {"camera_id": "camera-top", "view": "top", "lens": lens(), "plane": plane()}


def save(folder: Path, known: CalibrationRecord) -> CalibrationStore:
    store = CalibrationStore(folder / "calibration")
    store.save(known, by="tech-1", at=NOW, software="0.1.0")
    return store


def start(rig: Rig, serial_number: str = "") -> None:
    rig.config["calibration"] = {"folder": str(rig.folder / "calibration"), "check_hours": 0}
    rig.config["cameras"] = [{**rig.config["cameras"][0], "serial_number": serial_number}]
    rig.start()


def test_a_swapped_camera_is_told_before_any_item_and_the_work_goes_on(tmp_path: Path) -> None:
    with Rig(tmp_path) as rig:
        known = record(**WHOLE, hardware="replay:A1")
        save(tmp_path, known)
        start(rig, "A1")
        assert (versions(inspected(rig, 1)), codes(rig.state())) == ({"top": known.calibration_id}, [])
        rig.stop()

        start(rig, "B2")
        told = rig.wait(lambda state: codes(state) == ["calibration.foreign_camera"], 60, "the swap to be told")
        (detail,) = [fault["detail"] for fault in told["faults"] if fault["code"] == "calibration.foreign_camera"]
        assert "replay:A1" in detail
        assert "replay:B2" in detail
        state = inspected(rig, 2)
        assert versions(state) == {}
        assert state["verdict"]["needs_confirmation"]


def damaged(store: CalibrationStore, how: str) -> str:
    """Damage the record; returns the code that follows."""
    file = store.path("camera-top", "top")
    data = file.read_bytes()
    if how == "half-written":
        file.write_bytes(data[:300])
        return "half_written"
    if how == "corrupted":
        file.write_bytes(data.replace(b"0.25", b"0.26", 1))
        return "corrupted"
    other: dict[str, Any] = {
        "foreign": ("foreign_camera", {"camera_id": "elsewhere"}),
        "expired": ("expired", {"lens": lens(made=made(days=1)), "plane": plane(made=made(days=1))}),
        "other size": ("other_resolution", {"width": 160, "height": 120}),
    }
    code, changes = other[how]
    changed = record(**{key: value for key, value in {**WHOLE, **changes}.items() if key not in {"width", "height"}})
    changed = changed.model_copy(update={key: changes[key] for key in ("width", "height") if key in changes})
    store.save(changed, by="tech-1", at=NOW, software="0.1.0")
    if changed.camera_id != "camera-top":
        file.write_bytes(store.path(changed.camera_id, "top").read_bytes())
    return str(code)


def test_a_station_starts_over_every_record_that_cannot_be_used(tmp_path: Path) -> None:
    with Rig(tmp_path) as rig:
        store = save(tmp_path, record(**WHOLE))
        for number, how in enumerate(("half-written", "corrupted", "foreign", "expired", "other size")):
            code = damaged(store, how)
            if number == 0:
                start(rig)
            wanted = [f"calibration.{code}"]
            state = inspected(rig, number)
            assert codes(state) == wanted, how
            assert state["verdict"]["needs_confirmation"]
            store.path("camera-top", "top").unlink()
            save(tmp_path, record(**WHOLE))
            assert codes(inspected(rig, number + 10)) == []


def calibrate(folder: Path, store: CalibrationStore, hardware: str, level: float = 190.0) -> None:
    guide = Guide("flat", folder / f"{hardware or 'none'}-{level:g}".replace(":", "_"), None, (320, 240))
    for seed in range(2):
        guide.look(sheet(seed, level), take=True)
    guide.solve(store, **WHO, hardware=hardware)


def test_calibrating_with_another_camera_begins_a_new_record(tmp_path: Path) -> None:
    store = CalibrationStore(tmp_path / "store")
    old = record(camera_id="cam", lens=lens(), plane=plane(), hardware="usb:A", settings_digest="a" * 16)
    store.save(old, by="tech-1", at=NOW, software="0.1.0")
    with pytest.raises(CalibrationError):
        calibrate(tmp_path, store, "usb:B", level=20.0)
    assert store.find("cam", "top", NOW).record == old, "a failed calibration changed something"
    calibrate(tmp_path, store, "usb:B")
    new = store.find("cam", "top", NOW, hardware="usb:B").record
    assert new is not None
    assert (new.hardware, set(new.parts())) == ("usb:B", {"flat"})
    (problem,) = store.find("cam", "top", NOW, hardware="usb:A").problems
    assert problem.code == "calibration.foreign_camera"


@pytest.mark.parametrize("how", ["damaged", "other size"])
def test_a_record_that_cannot_be_gone_on_with_is_begun_anew(tmp_path: Path, how: str) -> None:
    store = CalibrationStore(tmp_path / "store")
    size = (640, 480) if how == "other size" else (320, 240)
    store.save(record(size, camera_id="cam", lens=lens(size)), by="tech-1", at=NOW, software="0.1.0")
    if how == "damaged":
        file = store.path("cam", "top")
        file.write_bytes(file.read_bytes()[:200])
    calibrate(tmp_path, store, "")
    found = store.find("cam", "top", NOW, size=(320, 240))
    assert found.problems == ()
    assert found.record is not None
    assert set(found.record.parts()) == {"flat"}


def test_a_record_from_before_cameras_told_who_they_are_keeps_its_id_and_is_taken_over(tmp_path: Path) -> None:
    store = CalibrationStore(tmp_path / "store")
    old = record(camera_id="cam", lens=lens(), settings_digest="a" * 16)
    assert "hardware" not in old.model_dump(mode="json")
    store.save(old, by="tech-1", at=NOW, software="0.1.0")
    assert store.find("cam", "top", NOW, hardware="usb:A").problems == ()
    calibrate(tmp_path, store, "usb:A")
    found = store.find("cam", "top", NOW, hardware="usb:A").record
    assert found is not None
    assert (found.hardware, set(found.parts())) == ("usb:A", {"lens", "flat"})
