"""No verdict from an old frame, and the judge sees what the evidence shows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from devices.base import DeviceStatus, Emit
from inspection.errors import DeviceLost, InspectionError, StaleFrame, StoreError
from inspection.finding import Assessment
from inspection.frame import Frame, ViewPicture
from inspection.item import Item
from inspection.policy import Policy
from inspection.products import Catalogue
from inspection.report import PicturePart
from inspection.station.capture import Bench, CaptureFailed, take
from inspection.station.pictures import PictureStore, decode
from inspection.station.returns import ExpectedReturn, ReturnLine
from inspection.verdict import Disposition
from tests.station.parts import picture as picture_part
from tests.station.rig import ROOT, SOUP


@dataclass
class OneFrame:
    """A camera that gives one prepared frame, or fails; it does not look at the instant it is asked for."""

    view: str
    frame: Frame | InspectionError
    asked: list[int] = field(default_factory=list)

    @property
    def camera_id(self) -> str:
        return f"camera-{self.view}"

    @property
    def status(self) -> DeviceStatus:
        return DeviceStatus(self.camera_id, "camera", True, "", datetime.now(UTC))

    def start(self, emit: Emit) -> None: ...

    def stop(self) -> None: ...

    def latest(self) -> Frame:
        return self.frame_after(0, 0)

    def frame_after(self, monotonic_ns: int, timeout_s: float) -> Frame:  # noqa: ARG002
        self.asked.append(monotonic_ns)
        if isinstance(self.frame, InspectionError):
            raise self.frame
        return self.frame


def frame(age_s: float = 0.0, seed: int = 1) -> Frame:
    pixels = np.random.default_rng(seed).integers(0, 255, (48, 64, 3), np.uint8)
    return Frame(pixels, time.monotonic_ns() - int(age_s * 1e9), datetime.now(UTC), 7, "cam", "0" * 16)


def capture(tmp_path: Path, *cameras: OneFrame, after_s: float = 60.0, max_age_s: float = 3.0) -> object:
    after_ns = time.monotonic_ns() - int(after_s * 1e9)
    return take(cameras, PictureStore(tmp_path), after_ns=after_ns, timeout_s=0.1, max_age_s=max_age_s)


def stored(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_frame_from_before_the_item_was_identified_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CaptureFailed) as caught:
        capture(tmp_path, OneFrame("top", frame(age_s=1.0)), after_s=0.5)
    assert caught.value.cause_code == StaleFrame.code
    assert stored(tmp_path) == []


def test_a_frame_that_grew_old_while_another_view_was_waited_for_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CaptureFailed) as caught:
        capture(tmp_path, OneFrame("top", frame(age_s=5.0)), OneFrame("front", frame()))
    assert caught.value.view == "top"
    assert stored(tmp_path) == []


@pytest.mark.parametrize("error", [StaleFrame("old"), DeviceLost("gone")])
def test_one_missing_view_means_no_picture_at_all(tmp_path: Path, error: InspectionError) -> None:
    with pytest.raises(CaptureFailed) as caught:
        capture(tmp_path, OneFrame("top", frame()), OneFrame("front", error))
    assert (caught.value.view, caught.value.cause_code) == ("front", error.code)
    assert stored(tmp_path) == []


def test_the_judge_gets_the_pixels_of_the_stored_file(tmp_path: Path) -> None:
    taken = capture(tmp_path, OneFrame("top", frame()))
    (picture,) = taken.pictures  # type: ignore[attr-defined]
    data = PictureStore(tmp_path).read(picture.sha256)
    assert np.array_equal(taken.frames["top"].pixels, decode(data))  # type: ignore[attr-defined]
    assert (picture.camera_id, picture.sequence, picture.size_bytes) == ("cam", 7, len(data))


def test_views_that_stay_apart_are_told_as_trouble_and_nothing_is_stored(tmp_path: Path) -> None:
    cameras = OneFrame("top", frame(age_s=0.9)), OneFrame("front", frame())
    with pytest.raises(CaptureFailed) as caught:
        take(cameras, PictureStore(tmp_path), after_ns=0, timeout_s=0.1, max_age_s=3, max_skew_ms=200)
    assert (caught.value.view, caught.value.cause_code) == ("top", "camera.skew")
    assert "900 ms" in str(caught.value)
    assert stored(tmp_path) == []


def test_the_skew_of_a_set_is_told_and_goes_with_every_picture(tmp_path: Path) -> None:
    cameras = OneFrame("top", frame(age_s=0.12)), OneFrame("front", frame())
    taken = take(cameras, PictureStore(tmp_path), after_ns=0, timeout_s=0.1, max_age_s=3, max_skew_ms=200)
    assert 120 <= taken.skew_ms < 200
    assert [picture.offset_ms for picture in taken.pictures] == [0.0, round(taken.skew_ms, 3)]


def test_a_picture_of_a_station_that_did_not_measure_the_skew_keeps_its_bytes() -> None:
    before = picture_part().model_dump(mode="json")
    assert "offset_ms" not in before
    assert PicturePart.model_validate(before).model_dump(mode="json") == before


def test_every_view_is_asked_for_a_frame_after_the_same_instant(tmp_path: Path) -> None:
    cameras = OneFrame("top", frame()), OneFrame("front", frame(seed=2))
    take(cameras, PictureStore(tmp_path), after_ns=12345, timeout_s=0.1, max_age_s=3)
    assert cameras[0].asked == cameras[1].asked == [12345]


class Broken:
    bundle_id = "broken@1"

    def assess(self, pictures: Sequence[ViewPicture], _goods: str | None = None) -> Assessment:
        raise RuntimeError(f"out of memory for {len(pictures)} pictures")


@pytest.fixture(scope="module")
def bench() -> Bench:
    policy = Policy.load(ROOT / "configs" / "policy" / "default.yaml")
    return Bench(policy, Catalogue.load(ROOT / "configs" / "products.yaml"), Broken())


def test_a_model_that_fails_leaves_the_item_to_a_person(tmp_path: Path, bench: Bench) -> None:
    taken = capture(tmp_path, OneFrame("top", frame()))
    judgement = bench.judge_take(Item(gtin=SOUP, serial="1", sources=("barcode",)), taken, None)  # type: ignore[arg-type]
    assert judgement.assessment is None
    assert judgement.policy.disposition is Disposition.HOLD
    assert "out of memory" in judgement.failure


def test_another_product_than_the_one_sold_is_a_hold(tmp_path: Path, bench: Bench) -> None:
    taken = capture(tmp_path, OneFrame("top", frame()))
    expected = ExpectedReturn("RMA-1", (ReturnLine("00614141401024", None),))
    judgement = bench.judge_take(Item(gtin=SOUP, sources=("barcode",)), taken, expected)  # type: ignore[arg-type]
    assert judgement.policy.rule_id == "R02"
    assert "mismatch_class" in judgement.policy.reason_codes


def test_a_disk_that_refuses_is_told_as_such(tmp_path: Path) -> None:
    store = PictureStore(tmp_path, min_free_bytes=1 << 60)
    with pytest.raises(StoreError):
        take([OneFrame("top", frame())], store, after_ns=0, timeout_s=0.1, max_age_s=3)
