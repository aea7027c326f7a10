"""The label: one description, printed and previewed; data that can never become a command."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import cv2
import numpy as np
import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from typer.testing import CliRunner

from devices.__main__ import app
from devices.printer import graphic, matrix, preview, zpl
from devices.printer.font import LabelFont
from devices.printer.label import HEIGHT, WIDTH, WORDS, Bar, Label, Matrix, Text, lay_out
from inspection.errors import ConfigError, DeviceError
from inspection.verdict import Disposition

FONT = LabelFont()
DAY = date(2026, 3, 1)
LABEL = Label(Disposition.RESELL, "LP-2026-000123", DAY, "RMA-2026-0042", "00614141404018", "SN-7", "A-03-17")
FIELD = re.compile(r"\^FO(\d+),(\d+)(\^(?:A0N,\d+,\d+|BXN,\d+,200)\^FH_\^FD|\^GFA,|\^GB)([^^~]*)\^FS")
PLATES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=64)


def put_back(data: str) -> str:
    """What a printer makes of a field's data under ^FH_ and ^CI28."""
    pieces = re.split(r"_([0-9A-F]{2})", data)
    return b"".join(
        bytes([int(piece, 16)]) if index % 2 else piece.encode("ascii") for index, piece in enumerate(pieces)
    ).decode("utf-8")


def texts(job: bytes) -> list[str]:
    return [put_back(found[4]) for found in FIELD.finditer(job.decode("ascii")) if "^FD" in found[3]]


def grammar(job: bytes) -> str:
    """The job with every field replaced by its kind; nothing may be left that is not part of the form."""
    return FIELD.sub(lambda found: f"<{found[3][:3]}>", job.decode("ascii"))


def test_the_plate_is_a_datamatrix_and_text() -> None:
    job = zpl.render(LABEL, FONT)
    assert re.search(rb"\^BXN,\d+,200\^FH_\^FDLP-2026-000123\^FS", job)
    assert texts(job).count("LP-2026-000123") == 2
    assert {"RMA-2026-0042", "00614141404018", "SN-7", "A-03-17", "2026-03-01"} <= set(texts(job))


@pytest.mark.parametrize("disposition", Disposition)
def test_the_disposition_is_a_picture_of_its_two_words(disposition: Disposition) -> None:
    label = Label(disposition, "LP-1", DAY)
    heading = lay_out(label, FONT).elements[0]
    assert isinstance(heading, Text)
    assert heading.text == " ".join(WORDS[disposition])
    assert graphic.graphic_field(FONT.dots(heading.text, heading.height, bold=True)) in zpl.render(label, FONT).decode()


def test_a_job_is_one_format_in_utf_8_and_ascii_on_the_wire() -> None:
    job = zpl.render(LABEL, FONT)
    assert job.startswith(b"^XA^CI28")
    assert job.endswith(b"^XZ")
    assert (job.count(b"^XA"), job.count(b"^XZ"), job.count(b"~")) == (1, 1, 0)
    assert job.isascii()


@given(st.text())
def test_escaped_data_is_no_command_and_comes_back_whole(text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    data = zpl.escaped(text)
    assert not set(data) & set("^~\r\n\x00\x03")
    assert data.isascii()
    assert put_back(data) == text


@given(plate=PLATES, rma=st.text(max_size=80), serial=st.text(max_size=30), place=st.text(max_size=30))
def test_no_data_makes_a_command(plate: str, rma: str, serial: str, place: str) -> None:
    job = zpl.render(Label(Disposition.SCRAP, plate, DAY, rma, None, serial, place), FONT)
    form = re.sub(r"<\^(?:A0|BX|GF|GB)>", "", grammar(job))
    assert form == f"^XA^CI28^LH0,0^PW{WIDTH}^LL{HEIGHT}^PQ1,0,1,N^XZ"
    assert plate in texts(job), "the DataMatrix"


@pytest.mark.parametrize("evil", ["^XZ^XA^FDx", "~JA", "^FS^FO0,0^GB800,400,400^FS", "a\x1b\x02\x03^CC!", "_5EXZ"])
def test_what_is_meant_as_a_command_is_printed_as_text(evil: str) -> None:
    job = zpl.render(Label(Disposition.HOLD, "LP-1", DAY, serial=evil), FONT)
    shown = "".join(char if char.isprintable() else "?" for char in evil)
    assert shown in texts(job) or any(text.endswith("..") for text in texts(job))
    assert job.count(b"^XZ") == 1


@given(PLATES)
def test_the_preview_carries_the_plate(plate: str) -> None:
    picture = preview.draw(lay_out(Label(Disposition.REPAIR, plate, DAY), FONT))
    assert [found.text for found in zxingcpp.read_barcodes(picture)] == [plate]


@given(PLATES, st.text(max_size=80), st.text(max_size=40))
def test_elements_stay_on_the_label_and_apart(plate: str, rma: str, place: str) -> None:
    layout = lay_out(Label(Disposition.SCRAP, plate, DAY, rma=rma, place=place), FONT)
    taken = np.zeros((HEIGHT, WIDTH), np.bool_)
    for element in layout.elements:
        match element:
            case Text():
                dots = FONT.dots(element.text, element.height, bold=element.bold)
            case Matrix():
                dots = matrix.dots(element.text, element.module)
            case Bar():
                dots = np.ones((element.height, element.width), np.bool_)
        bottom, right = element.top + dots.shape[0], element.left + dots.shape[1]
        assert right <= WIDTH
        assert bottom <= HEIGHT
        room = taken[element.top : bottom, element.left : right]
        assert not (room & dots).any()
        room |= dots


@given(hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=70)))
def test_a_picture_survives_its_compression(dots: np.ndarray) -> None:
    again = graphic.dots_of(graphic.graphic_field(dots))
    assert np.array_equal(again[:, : dots.shape[1]], dots)
    assert not again[:, dots.shape[1] :].any()


def test_every_picture_that_is_printed_is_where_the_preview_has_it() -> None:
    layout = lay_out(LABEL, FONT)
    picture, printed = preview.draw(layout) == 0, 0
    for found in FIELD.finditer(zpl.render_layout(layout).decode()):
        if found[3] == "^GFA,":
            dots = graphic.dots_of(found[3] + found[4])
            left, top = int(found[1]), int(found[2])
            shown = picture[top : top + dots.shape[0], left : left + dots.shape[1]]
            assert np.array_equal(shown, dots[:, : shown.shape[1]])
            printed += 1
    assert printed == 4, "the disposition and three captions"


def test_long_runs_are_squeezed_as_the_manual_has_it() -> None:
    dots = np.zeros((3, 8 * 210), np.bool_)
    dots[0, -4:] = True
    assert (
        graphic.graphic_field(dots) == "^GFA,630,630,210,zY0!,:"
    )  # 419 white digits, black to the end; white; as before
    assert np.array_equal(graphic.dots_of(graphic.graphic_field(dots)), dots)


def test_text_that_is_too_long_gets_smaller_then_shorter_and_the_plate_never() -> None:
    plate = "W" * 64
    layout = lay_out(Label(Disposition.SCRAP, plate, DAY, rma="R" * 200), FONT)
    shown = [element.text for element in layout.elements if isinstance(element, Text)]
    assert "".join(text for text in shown if set(text) == {"W"}) == plate
    assert next(text for text in shown if text.startswith("RR")).endswith("..")


@pytest.mark.parametrize("plate", ["", "x" * 65, "牌", "a\nb"])
def test_a_plate_that_no_scanner_could_read_is_refused(plate: str) -> None:
    with pytest.raises(DeviceError, match="licence plate"):
        Label(Disposition.SCRAP, plate, DAY)


def test_a_font_that_is_not_there_is_named_with_the_package_to_install(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        LabelFont(tmp_path / "none.ttf")
    assert "none.ttf" in str(error.value)
    assert "fonts-noto-cjk" in error.value.hint


@pytest.mark.parametrize(
    "data", [b"", b"not a font at all" * 100, b"\x00\x01\x00\x00\x00\x09" + bytes(400), b"ttcf" * 9]
)
def test_a_file_that_is_no_font_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "no.ttf"
    path.write_bytes(data)
    with pytest.raises(ConfigError, match="is no font"):
        LabelFont(path)


CJK = sorted(Path("/usr/share/fonts").rglob("NotoSansCJK-Bold.ttc"))


@pytest.mark.skipif(not CJK, reason="fonts-noto-cjk is not installed")
def test_a_font_of_the_system_may_be_named(tmp_path: Path) -> None:
    named = LabelFont(CJK[0])
    assert named.dots("转售", 80).tobytes() != FONT.dots("转售", 80).tobytes()
    cut = tmp_path / "cut.ttc"
    cut.write_bytes(CJK[0].read_bytes()[:100_000])
    with pytest.raises(ConfigError, match="is no font"):
        LabelFont(cut)


def test_chinese_letters_differ_from_each_other() -> None:
    letters = "".join(chinese for chinese, _ in WORDS.values())
    assert len({FONT.dots(letter, 80).tobytes() for letter in letters}) == len(set(letters))


def test_the_command_writes_the_preview_and_the_zpl(tmp_path: Path) -> None:
    options = ["--disposition", "resell", "--plate", "LP-9", "--rma", "RMA-2026-0042", "--date", "2026-03-01"]
    png, job = tmp_path / "out" / "label.png", tmp_path / "label.zpl"
    result = CliRunner().invoke(app, ["label", *options, "--preview", str(png), "--zpl", str(job)])
    assert result.exit_code == 0, result.output
    picture = cv2.imread(str(png), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    assert [found.text for found in zxingcpp.read_barcodes(picture)] == ["LP-9"]
    assert job.read_bytes() == zpl.render(Label(Disposition.RESELL, "LP-9", DAY, "RMA-2026-0042"), FONT)


def test_the_command_refuses_what_cannot_be_printed() -> None:
    result = CliRunner().invoke(app, ["label", "--disposition", "resell", "--plate", "牌"])
    assert result.exit_code == 2
    assert "licence plate" in result.output


def test_a_preview_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    options = ["--disposition", "resell", "--plate", "LP-9", "--preview", str(tmp_path)]
    result = CliRunner().invoke(app, ["label", *options])
    assert result.exit_code == 2
    assert "cannot be written" in result.output
