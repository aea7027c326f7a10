"""Reading codes in pictures: what is in view is read with its corners, and nothing that is not there."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import cv2
import numpy as np
import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pyzbar import pyzbar

from benchmarks.barcode_pictures import DAMAGES, KINDS, Gray, content_of, nothing, photo, put, symbol
from devices import gs1
from devices.barcode.in_frame import CodeReader
from devices.barcode.in_frame_code import FrameCode, PictureError
from devices.barcode.in_frame_place import choose
from inspection.finding import Box

ROOT = Path(__file__).resolve().parents[2]
READER = CodeReader()


def ground(width: int = 900, height: int = 700) -> Gray:
    return np.full((height, width), 205, np.uint8)


def one_code(content: str, kind: str, degrees: float = 0) -> Gray:
    picture = ground()
    put(picture, symbol(content, kind), (450, 350), degrees)
    return picture


@pytest.mark.parametrize("kind", [*KINDS, "Aztec", "Codabar", "Code93"])
def test_every_format_is_read_as_it_is_printed(kind: str) -> None:
    content, text = ("A123456B",) * 2 if kind == "Codabar" else content_of(kind, np.random.default_rng(3))
    assert [code.text for code in READER.read(one_code(content, kind)).codes] == [text]


@pytest.mark.parametrize("degrees", range(0, 360, 15))
@pytest.mark.parametrize("kind", ["Code128", "EAN13", "DataMatrix"])
def test_a_code_is_read_however_it_is_turned(kind: str, degrees: int) -> None:
    content, text = content_of(kind, np.random.default_rng(degrees))
    assert [code.text for code in READER.read(one_code(content, kind, degrees)).codes] == [text]


@pytest.mark.parametrize(
    ("kind", "content", "sigma"), [("EAN13", "4006381333931", 2.2), ("Code128", "LP00012345", 2.5)]
)
def test_a_blurred_code_that_one_look_misses_is_read(kind: str, content: str, sigma: float) -> None:
    picture = np.asarray(cv2.GaussianBlur(one_code(content, kind), (0, 0), sigma))
    assert zxingcpp.read_barcodes(picture) == []
    assert [code.text for code in READER.read(picture).codes] == [content]


@pytest.mark.parametrize("damage", [damage for damage in DAMAGES if damage != "blurred"])
def test_damaged_pictures_are_read(damage: str) -> None:
    rng = np.random.default_rng(11)
    pictures = [photo(kind, damage, rng) for kind in ("EAN13", "Code128", "Code39", "ITF")]
    texts = [[code.text for code in READER.read(picture.pixels).codes] for picture in pictures]
    assert texts == [[picture.text] for picture in pictures]


def test_several_codes_in_view_come_with_their_corners() -> None:
    picture = ground(1200, 900)
    expected = {
        "4006381333931": put(picture, symbol("4006381333931", "EAN13"), (300, 200)),
        "LP00012345": put(picture, symbol("LP00012345", "Code128"), (800, 220), 8),
        "https://example.org/r": put(picture, symbol("https://example.org/r", "QRCode"), (300, 600), 30),
        "LP7": put(picture, symbol("LP7", "DataMatrix", scale=6), (850, 650), 100, inset=60),
    }
    codes = {code.text: code.corners for code in READER.read(picture).codes}
    assert codes.keys() == expected.keys()
    for text, corners in expected.items():
        seen = np.array(codes[text], np.float32)
        if text.startswith(("http", "LP7")):
            assert np.abs(seen - corners).max() < 6, text
        # Of a linear code the lines are told that cross it whole: they begin and end at its sides, and lie within it.
        assert np.abs(seen.mean(axis=0) - corners.mean(axis=0)).max() < 10, text
        outline = np.array(corners, np.float32)
        assert all(cv2.pointPolygonTest(outline, (float(x), float(y)), True) > -6 for x, y in seen), text
        assert np.linalg.norm(seen[1] - seen[0]) > 0.95 * np.linalg.norm(corners[1] - corners[0]), text


@pytest.mark.parametrize("degrees", [0, 30, 45, 90, 135, 180, 270])
def test_corners_are_those_of_the_picture_whatever_the_step(degrees: int) -> None:
    picture = ground()
    corners = put(picture, symbol("LP00012345", "Code128"), (450, 350), degrees)
    (code,) = READER.read(picture).codes
    seen = np.array(code.corners)
    ends = (corners[0] + corners[3]) / 2, (corners[1] + corners[2]) / 2
    reach = np.linalg.norm(corners[3] - corners[0]) / 2
    assert (
        np.abs((seen[0] + seen[3]) / 2 - ends[0]).max() < reach
    )  # a line across the bars at a slant ends above or below the middle
    assert np.abs((seen[1] + seen[2]) / 2 - ends[1]).max() < reach


def test_a_large_picture_is_searched_whole_and_its_corners_are_its_own() -> None:
    picture = ground(4000, 3000)
    corners = put(picture, symbol("LP77", "DataMatrix", scale=2), (3500, 2600), inset=20)
    (code,) = READER.read(picture).codes
    assert code.text == "LP77"
    assert np.abs(np.array(code.corners) - corners).max() < 6


def test_scanner_data_and_aim_identifier_name_the_item() -> None:
    picture = one_code("(01)04006381333931(10)LOT1", "DataBarExp")
    (code,) = READER.read(picture).codes
    assert code.data == "010400638133393110LOT1"
    assert code.aim == "]e0"
    assert gs1.parse(code.data, code.aim).lot == "LOT1"


def test_control_characters_come_as_they_are() -> None:
    (code,) = READER.read(one_code("a\x1db<GS>", "DataMatrix")).codes
    assert code.text == "a\x1db<GS>"


def test_light_on_dark_is_read() -> None:
    assert READER.read(255 - one_code("LP5", "DataMatrix")).codes[0].text == "LP5"


def test_a_region_makes_the_ladder_go_on_until_the_item_is_read() -> None:
    picture = ground(1200, 700)
    put(picture, symbol("4006381333931", "EAN13"), (300, 350))
    put(picture, symbol("LP00012345", "Code128"), (850, 350), 45)
    item = Box(600, 50, 550, 600)
    reading = READER.read(picture, item_region=item)
    assert {code.text for code in reading.codes} == {"4006381333931", "LP00012345"}
    choice = choose(reading.codes, item)
    assert choice.code is not None
    assert choice.code.text == "LP00012345"


def test_thorough_reads_the_harder_neighbour_too() -> None:
    picture = ground(1200, 700)
    put(picture, symbol("4006381333931", "EAN13"), (300, 350))
    hard = cv2.GaussianBlur(symbol("LP00012345", "Code128"), (0, 0), 2.2)
    put(picture, np.asarray(hard), (850, 350))
    assert {code.text for code in READER.read(picture, thorough=True).codes} == {"4006381333931", "LP00012345"}


def test_nothing_is_read_where_no_code_is() -> None:
    rng = np.random.default_rng(5)
    for picture in [nothing(rng) for _ in range(12)]:
        assert READER.read(picture.pixels).codes == ()


def test_the_demo_goods_give_their_own_numbers_or_none() -> None:
    demo = ROOT / "datasets" / "demo"
    known = (demo / "products.csv").read_text(encoding="utf-8")
    for path in sorted(demo.glob("*/*.jpg"))[::3]:
        for code in READER.read(cv2.imread(str(path))).codes:
            assert code.data in known, path


def test_the_search_ends_at_its_deadline() -> None:
    """The clock goes on by a millisecond whenever it is looked at, so that every step takes about as long."""
    ticks = count()
    reader = CodeReader(clock=lambda: next(ticks) / 1000)
    picture = nothing(np.random.default_rng(1)).pixels
    whole = reader.read(picture)
    assert whole.complete
    part = reader.read(picture, deadline_ms=whole.ms / 4)
    assert not part.complete
    assert part.steps == whole.steps[: len(part.steps)]
    assert reader.read(picture, deadline_ms=0).steps == ("plain",)


SHAPES = st.one_of(
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.tuples(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 3, 4])),
)


@settings(deadline=None, max_examples=40)
@given(arrays.arrays(np.uint8, SHAPES))
def test_no_picture_however_odd_makes_it_fail(picture: Gray) -> None:
    READER.read(picture)
    READER.read(picture[::-1, ::-1])


@pytest.mark.parametrize(
    "wrong",
    [np.zeros((4, 4)), np.zeros((0, 5), np.uint8), np.zeros((5, 5, 2), np.uint8), np.zeros(9, np.uint8), None],
)
def test_what_is_no_picture_is_refused(wrong: np.ndarray) -> None:
    with pytest.raises(PictureError):
        READER.read(wrong)


def test_a_picture_of_too_many_pixels_is_refused_without_being_touched() -> None:
    huge = np.broadcast_to(np.uint8(0), (100_000, 100_000))
    with pytest.raises(PictureError, match="megapixels"):
        READER.read(huge)


def test_a_slanted_itf_is_read_whole_or_not_at_all() -> None:
    rng = np.random.default_rng(99)
    pictures = [photo("ITF", "turned", rng) for _ in range(25)]
    texts = [[code.text for code in READER.read(picture.pixels).codes] for picture in pictures]
    assert all(found in ([], [picture.text]) for found, picture in zip(texts, pictures, strict=True))
    assert sum(map(bool, texts)) >= 20


@pytest.mark.shared
def test_photographs_are_read_five_points_better_than_by_either_library(shared: Path) -> None:
    counts = {"ours": 0, "zxing": 0, "zbar": 0, "all": 0}
    photos = [
        path
        for path in sorted((shared / "barcodes").glob("*/*.[jp][pn]g"))
        if path.parent.name.startswith(("ean13", "upca", "code128", "qrcode"))  # as all three write them
    ]
    for path in photos[::2]:
        picture = cv2.imread(str(path))
        truth = path.with_suffix(".txt").read_text(encoding="utf-8").split()
        counts["all"] += 1
        counts["ours"] += _says(truth, [code.text for code in READER.read(picture).codes])
        counts["zxing"] += _says(truth, [code.text for code in zxingcpp.read_barcodes(picture)])
        counts["zbar"] += _says(truth, [found.data.decode("utf-8", "replace") for found in pyzbar.decode(picture)])
    assert counts["all"] > 120
    assert counts["ours"] >= max(counts["zxing"], counts["zbar"]) + 0.05 * counts["all"], counts


@pytest.mark.shared
@pytest.mark.parametrize("every", [2, pytest.param(1, marks=pytest.mark.long)])
def test_carpets_cloth_and_print_are_never_read(shared: Path, every: int) -> None:
    photos = sorted((shared / "barcodes").glob("falsepositives*/*.jpg"))
    assert len(photos) > 20
    for path in photos[::every]:
        assert READER.read(cv2.imread(str(path))).codes == (), path


def _says(truth: list[str], texts: list[str]) -> bool:
    """Whether one text is the truth; white space and the leading 0 of a UPC-A written as EAN-13 do not count."""
    return any(
        text.split() == truth or [text.removeprefix("0")] == [t.removeprefix("0") for t in truth] for text in texts
    )


def code_at(x: float, y: float, text: str = "a") -> FrameCode:
    corners = ((x - 5, y - 5), (x + 5, y - 5), (x + 5, y + 5), (x - 5, y + 5))
    return FrameCode(text, text, "QR Code", "", corners)


def test_the_code_on_the_item_is_the_one_nearest_its_centre() -> None:
    codes = [code_at(20, 20, "elsewhere"), code_at(150, 150, "middle"), code_at(190, 190, "edge")]
    choice = choose(codes, Box(100, 100, 100, 100))
    assert choice.code is codes[1]
    assert choice.problem == ""


def test_no_code_on_the_item_is_said_so() -> None:
    assert choose([code_at(20, 20)], Box(100, 100, 100, 100)).problem == "none_on_item"
    assert choose([], np.ones((9, 9), np.uint8)).problem == "none_on_item"
    assert choose([code_at(3, 3)], np.zeros((9, 9), np.uint8)).problem == "none_on_item"


def test_two_codes_equally_near_are_ambiguous_unless_they_say_the_same() -> None:
    item = Box(100, 100, 100, 100)
    choice = choose([code_at(130, 150, "a"), code_at(170, 150, "b")], item)
    assert choice.code is None
    assert choice.problem == "ambiguous"
    assert {code.text for code in choice.rivals} == {"a", "b"}
    assert choose([code_at(130, 150, "a"), code_at(170, 150, "a")], item).code is not None


def test_a_mask_decides_pixel_by_pixel() -> None:
    mask = np.zeros((200, 200), np.uint8)
    cv2.circle(mask, (100, 100), 50, 255, -1)
    assert choose([code_at(60, 60, "in its box, not on it"), code_at(100, 80, "on it")], mask).code == code_at(
        100, 80, "on it"
    )
