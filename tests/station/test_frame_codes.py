"""Codes that the cameras see: they identify what nothing else does, contradict out loud, and make nobody wait."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
import zxingcpp

from devices import gs1
from devices.barcode.in_frame import CodeReader, FrameReading
from devices.barcode.in_frame_code import FrameCode
from inspection.frame import Frame, Pixels
from inspection.item import IdentityIssue, Item
from inspection.reading import CodeInView
from inspection.station.frame_codes import FrameCodes, Seen, article_of, joined
from tests.station.rig import SOUP, Rig
from tests.station.rig import gs1 as element_string

SARDINES = "00614141401024"


def picture(codes: dict[str, tuple[int, int]], size: tuple[int, int] = (960, 720)) -> Pixels:
    """A grey table with EAN-13 codes; ``codes`` are GTIN-14 and the middle of each."""
    pixels = np.full((size[1], size[0], 3), 170, np.uint8)
    for gtin, (x, y) in codes.items():
        code = zxingcpp.create_barcode(gtin[1:], zxingcpp.BarcodeFormat.EAN13)
        image = np.asarray(zxingcpp.write_barcode_to_image(code, scale=2, add_quiet_zones=True))
        height, width = image.shape[:2]
        left, top = x - width // 2, y - height // 2
        pixels[top : top + height, left : left + width] = image.reshape(height, width, 1)
    return pixels


def frames(*pictures: Pixels) -> dict[str, Frame]:
    return {
        f"view{n}": Frame(
            pixels=pixels,
            monotonic_ns=1,
            captured_at=datetime.now(UTC),
            sequence=1,
            camera_id=f"usb {n}",
            settings_digest="0" * 16,
        )
        for n, pixels in enumerate(pictures)
    }


@pytest.fixture
def codes() -> Iterator[FrameCodes]:
    # Budgets that a busy machine keeps: what is asked here is what is read, not when.
    found = FrameCodes(identify_ms=20_000, check_ms=20_000)
    yield found
    found.close()


def seen(gtin: str, serial: str | None = None, *, sure: bool = True) -> Seen:
    reading = CodeInView("camera:top", b"x", datetime.now(UTC), 1, gtin, view="top")
    return Seen(reading, gs1.ScannedIdentity(gtin, serial), sure)


def test_an_unidentified_item_takes_the_code_on_it(codes: FrameCodes) -> None:
    nobody = Item(issues=(IdentityIssue.NONE_READ,))
    sight = codes.look(frames(picture({SOUP: (480, 360)})), nobody)
    assert joined(nobody, sight.codes) == Item(gtin=SOUP, sources=("camera",))


def test_its_corners_are_kept_in_pixels_of_its_view(codes: FrameCodes) -> None:
    [found] = codes.look(frames(picture({SOUP: (300, 200)})), Item()).codes
    x, y = np.mean(found.reading.corners, axis=0)
    assert (found.reading.view, found.reading.symbology) == ("view0", "UPC-A")
    assert abs(x - 300) < 15
    assert abs(y - 200) < 40


def test_a_code_at_the_border_is_anothers(codes: FrameCodes) -> None:
    sight = codes.look(frames(picture({SARDINES: (120, 60), SOUP: (640, 360)}, (1280, 720))), Item())
    assert [one.identity.gtin for one in sight.codes] == [SOUP]


def test_the_item_is_where_the_empty_view_says() -> None:
    mask = np.zeros((720, 960), np.uint8)
    mask[:, :480] = 1
    found = FrameCodes(identify_ms=20_000, where=lambda _view, _frame: mask)
    sight = found.look(frames(picture({SOUP: (240, 360), SARDINES: (720, 360)})), Item())
    found.close()
    assert [one.identity.gtin for one in sight.codes] == [SOUP]


def test_two_codes_between_which_place_does_not_decide_are_a_contradiction(codes: FrameCodes) -> None:
    sight = codes.look(frames(picture({SOUP: (320, 360), SARDINES: (640, 360)})), Item())
    item = joined(Item(issues=(IdentityIssue.NONE_READ,)), sight.codes)
    assert item.gtin is None
    assert item.issues == (IdentityIssue.GTIN_DIFFERS,)


def test_two_views_with_different_codes_are_a_contradiction() -> None:
    item = joined(Item(), [seen(SOUP), seen(SARDINES)])
    assert (item.gtin, item.issues) == (None, (IdentityIssue.GTIN_DIFFERS,))


def test_a_scan_is_never_replaced() -> None:
    scanned = Item(gtin=SOUP, serial="1", sources=("barcode",))
    item = joined(scanned, [seen(SARDINES)])
    assert (item.gtin, item.serial, item.issues) == (SOUP, "1", (IdentityIssue.GTIN_DIFFERS,))


def test_a_code_that_agrees_confirms_a_scan_whatever_lies_beside_it() -> None:
    item = joined(Item(gtin=SOUP, sources=("barcode",)), [seen(SARDINES), seen(SOUP, "77", sure=False)])
    assert item == Item(gtin=SOUP, serial="77", sources=("barcode", "camera"))


def test_another_serial_number_in_view_is_a_contradiction() -> None:
    item = joined(Item(gtin=SOUP, serial="1"), [seen(SOUP, "2")])
    assert (item.serial, item.issues) == ("1", (IdentityIssue.SERIAL_DIFFERS,))


@pytest.mark.parametrize(
    ("text", "aim", "format_", "article"),
    [
        ("0614141401017", "]E0", "EAN-13", True),
        (f"01{SOUP}21A1", "]d2", "DataMatrix", True),
        (f"https://id.gs1.org/01/{SOUP}/21/A1", "]Q1", "QR Code", True),
        ("https://example.com/win", "]Q1", "QR Code", False),
        ("0614141401017", "]C0", "Code 128", False),  # a courier's number that happens to pass
        ("CMD:SCRAP", "]C0", "Code 128", False),
        ("RMA-2025-0001", "]C0", "Code 128", False),
    ],
)
def test_only_what_names_an_article_counts(text: str, aim: str, format_: str, article: bool) -> None:
    code = FrameCode(text, text, format_, aim, ((0, 0), (9, 0), (9, 9), (0, 9)))
    assert (article_of(code) is not None) == article


def test_a_reader_that_hangs_delays_nothing_beyond_the_budget() -> None:
    release = threading.Event()

    class Stuck(CodeReader):
        def read(self, *_: object, **__: object) -> FrameReading:
            release.wait(30)
            return FrameReading((), 0, 0.0, (), True)

    found = FrameCodes(identify_ms=50, reader=Stuck())
    sight = found.look(frames(picture({})), Item())
    assert not sight.complete  # and we are here although nobody has released it
    assert sight.codes == ()
    release.set()
    found.close()


def test_a_reader_that_fails_is_no_reading() -> None:
    class Broken(CodeReader):
        def read(self, *_: object, **__: object) -> FrameReading:
            raise MemoryError

    found = FrameCodes(identify_ms=20_000, reader=Broken())
    assert found.look(frames(picture({})), Item()).codes == ()
    found.close()


@pytest.mark.parametrize(("when", "item"), [("never", Item()), ("unidentified", Item(gtin=SOUP))])
def test_nobody_looks_when_the_configuration_says_so(when: str, item: Item) -> None:
    class Never(CodeReader):
        def read(self, *_: object, **__: object) -> FrameReading:
            raise AssertionError

    found = FrameCodes(when, reader=Never())  # type: ignore[arg-type]
    sight = found.look(frames(picture({SOUP: (480, 360)})), item)
    found.close()
    assert (sight.codes, sight.complete) == ((), True)


def test_the_station_identifies_by_camera_and_holds_a_contradiction(tmp_path: Path) -> None:
    with Rig(tmp_path) as rig:
        rig.config["capture"] = {"codes_ms": 5000, "codes_check_ms": 5000}
        path = tmp_path / "coded.png"
        cv2.imwrite(str(path), picture({SOUP: (480, 360)}))
        rig.bench.show("top", path)
        rig.start()
        rig.command("start")
        state = rig.wait_state("judged")
        assert (state["item"]["gtin"], state["item"]["sources"]) == (SOUP, ["camera"])
        [code] = state["codes"]
        assert (code["view"], len(code["corners"])) == ("top", 4)
        rig.command("cancel")
        rig.scan(element_string("S1", SARDINES))
        state = rig.wait(lambda shown: shown["state"] == "judged" and shown["item"]["serial"] == "S1")
        assert state["item"]["gtin"] == SARDINES
        assert state["item"]["issues"] == ["gtin_differs"]
        assert state["verdict"]["disposition"] == "hold"
        rig.command("ok", inspection_id=state["inspection_id"])
        rig.wait_state("reported")
        report = rig.hub.reports[state["inspection_id"], 1]
        [reading] = [part for part in report["readings"] if part.get("view")]
        assert (reading["kind"], reading["value"], len(reading["corners"])) == ("barcode", SOUP[1:], 4)
