"""What is printed has the size that is written down, in PDF and PNG alike."""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from calibration.cli.target import write_target
from calibration.detect import find_target
from calibration.draw import Fill, Shape, draw_target, paint, png_bytes, sheet_of
from calibration.patches import lab_of_srgb
from calibration.pdf import PT_PER_MM, pdf_bytes
from calibration.targets import (
    KINDS,
    PAPERS_MM,
    Card,
    Charuco,
    ColourChart,
    load_target,
    make_target,
    target_json,
)
from inspection.errors import CalibrationError

PX_PER_MM = 10.0
NUMBER = r"(-?[\d.]+)"


def page_of(data: bytes) -> tuple[float, float, list[Shape]]:
    """Read our PDF back by its operators: width and height in mm, and the filled shapes in mm from the top left."""
    text = data.decode("latin-1")
    box = re.search(rf"/MediaBox \[0 0 {NUMBER} {NUMBER}\]", text)
    stream = re.search(r"/Length (\d+) >>\nstream\n", text)
    assert box is not None
    assert stream is not None
    content = text[stream.end() : stream.end() + int(stream[1])]
    assert text[stream.end() + int(stream[1]) :].startswith("\nendstream")
    first, *lines = content.split("\n")
    sx, _, _, sy, tx, ty = (float(value) for value in first.split()[:6])
    height_pt = float(box[2])
    rgb = (0, 0, 0)
    shapes: list[Shape] = []
    for line in lines:
        values = [float(value) for value in re.findall(r"(?<![\w.])-?\d+\.?\d*(?![\w.])", line)]
        if line.endswith((" g", " rg")):
            levels = values * 3 if line.endswith(" g") else values
            rgb = tuple(round(value * 255) for value in levels)  # type: ignore[assignment]
        elif line.endswith(" re f"):
            x, y, w, h = values
            shapes.append(Fill(np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h]]), rgb))
        elif line.endswith(" h f"):
            shapes.append(Fill(np.array(values).reshape(-1, 2), rgb))
    for shape in shapes:
        assert isinstance(shape, Fill)
        shape.points[:] = (shape.points * (sx, sy) + (tx, ty)) * (1, -1) / PT_PER_MM + (0, height_pt / PT_PER_MM)
    return float(box[1]) / PT_PER_MM, height_pt / PT_PER_MM, shapes


@pytest.mark.parametrize("paper", list(PAPERS_MM))
@pytest.mark.parametrize("kind", KINDS)
def test_the_pdf_shows_every_target_point_where_the_description_has_it(kind: str, paper: str) -> None:
    target = make_target(kind, paper)
    width, height, shapes = sheet_of(target, paper)

    page_width, page_height, drawn = page_of(pdf_bytes(shapes, width, height, "x"))
    picture = paint(drawn, page_width, page_height, PX_PER_MM)
    sighting = find_target(picture, target)

    assert (page_width, page_height) == pytest.approx(PAPERS_MM[paper], abs=0.001)
    seen_mm = (sighting.points_px + 0.5) / PX_PER_MM
    left, top = (seen_mm - sighting.points_mm).mean(axis=0)
    assert np.abs(seen_mm - (left, top) - sighting.points_mm).max() < 0.03
    assert left == pytest.approx((page_width - target.width_mm) / 2, abs=0.06)


def test_the_pdf_ruler_is_100_mm_long() -> None:
    _, _, drawn = page_of(pdf_bytes(sheet_of(make_target("charuco"), "A4")[2], 210, 297, "x"))
    low = [shape.points for shape in drawn if isinstance(shape, Fill) and shape.points[:, 1].min() > 260]
    assert np.ptp(np.concatenate(low)[:, 0]) == pytest.approx(100, abs=0.001)


def test_the_pdf_is_well_formed_and_asks_not_to_be_scaled() -> None:
    data = pdf_bytes(sheet_of(make_target("card"), "A4")[2], 210, 297, "a (card)")
    start = int(re.search(rb"startxref\n(\d+)\n%%EOF\n$", data)[1])  # type: ignore[index]
    assert data[start:].startswith(b"xref\n")
    places = [int(place) for place in re.findall(rb"(\d{10}) 00000 n", data)]
    assert [data[place:].split(b" ", 1)[0] for place in places] == [b"1", b"2", b"3", b"4", b"5", b"6"]
    assert b"/PrintScaling /None" in data
    assert b"100 %" in data
    assert rb"(a \(card\))" in data


def test_the_png_carries_its_resolution_and_shows_what_the_pdf_shows(tmp_path: Path) -> None:
    said = write_target("colour", "A4", tmp_path)
    data = Path(said["files"]["png"]).read_bytes()  # type: ignore[index]
    place = data.index(b"pHYs")
    assert struct.unpack(">IIB", data[place + 4 : place + 13]) == (20000, 20000, 1)
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (297 * 20, 210 * 20, 3)
    small = np.asarray(cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)
    _, _, drawn = page_of(Path(said["files"]["pdf"]).read_bytes())  # type: ignore[index]
    other = paint(drawn, 210, 297, PX_PER_MM)
    rows = slice(0, 2600)  # below is text, which only the printer's font draws
    assert np.abs(small[rows].astype(int) - other[rows]).mean() < 0.5


def test_the_png_is_one_that_any_reader_accepts() -> None:
    data = png_bytes(draw_target(make_target("card"), 2), 2)
    assert cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).shape == (200, 300, 3)


def test_the_board_is_the_one_opencv_draws() -> None:
    target = make_target("charuco")
    assert isinstance(target, Charuco)
    theirs = target.board().generateImage((9 * 70, 12 * 70), marginSize=0)
    ours = cv2.cvtColor(draw_target(target, 3.5), cv2.COLOR_BGR2GRAY)
    assert (theirs != ours).mean() < 0.03  # its markers are a pixel off at two sides


@pytest.mark.parametrize("kind", KINDS)
def test_a_description_read_back_is_the_same(kind: str, tmp_path: Path) -> None:
    said = write_target(kind, "letter", tmp_path, ruler_mm=99.3)
    target = load_target(Path(said["files"]["json"]))  # type: ignore[index]
    assert target == make_target(kind, "letter").model_copy(update={"ruler_mm": 99.3})


def test_the_colour_target_has_a_grey_ramp_and_at_least_24_known_colours() -> None:
    target = make_target("colour")
    assert isinstance(target, ColourChart)
    greys = [patch for patch in target.patches if len(set(patch.srgb)) == 1]
    assert len(target.patches) >= 24
    assert [patch.lab[0] for patch in greys] == pytest.approx([96, 81, 66, 51, 36, 21], abs=0.5)
    assert len({patch.srgb for patch in target.patches}) == len(target.patches)


def test_lab_of_known_colours() -> None:
    """Values of sRGB primaries and white as published by Lindbloom (D65)."""
    assert lab_of_srgb((255, 255, 255)) == pytest.approx((100, 0, 0), abs=0.02)
    assert lab_of_srgb((255, 0, 0)) == pytest.approx((53.24, 80.09, 67.20), abs=0.02)
    assert lab_of_srgb((0, 0, 255)) == pytest.approx((32.30, 79.19, -107.86), abs=0.02)


def test_the_card_has_everything_the_daily_check_looks_at() -> None:
    card = make_target("card")
    assert isinstance(card, Card)
    assert len(card.markers) == 4
    assert len(card.patches) >= 5
    assert card.scale.length_mm == 100
    star = draw_target(card, 10)[380 - 290 : 380 + 290, 750 - 290 : 750 + 290]
    assert 110 < star.mean() < 170


def test_kinds_share_no_marker() -> None:
    ids = [{marker.id for marker in markers_of(kind)} for kind in KINDS]
    assert sum(len(one) for one in ids) == len(set.union(*ids))


def markers_of(kind: str) -> tuple:
    target = make_target(kind)
    return target.markers() if isinstance(target, Charuco) else target.markers


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "poster"},
        {"square_mm": -1},
        {"square_mm": 1e400},
        {"surprise": 1},
        {"dictionary": "DICT_9X9_7"},
        {"dictionary": "__class__"},
        {"ruler_mm": 10},
        {"squares_x": 10**9},
    ],
    ids=str,
)
def test_a_description_that_is_none_is_refused(change: dict[str, object], tmp_path: Path) -> None:
    path = tmp_path / "target.json"
    path.write_text(json.dumps({**json.loads(target_json(make_target("charuco"))), **change}))
    with pytest.raises(CalibrationError) as caught:
        load_target(path)
    assert caught.value.code == "calibration.target"


@pytest.mark.parametrize("data", [None, b"", b"[", b"\xff\xd8", b"[]", b'{"kind": "charuco"}'])
def test_a_file_that_describes_nothing_is_refused(data: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "target.json"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(CalibrationError) as caught:
        load_target(path)
    assert caught.value.code == "calibration.target"
    assert caught.value.hint


def test_a_patch_beside_the_sheet_is_refused(tmp_path: Path) -> None:
    plain = json.loads(target_json(make_target("colour")))
    plain["patches"][3]["x_mm"] = 900
    path = tmp_path / "target.json"
    path.write_text(json.dumps(plain))
    with pytest.raises(CalibrationError, match="is not on the target"):
        load_target(path)
