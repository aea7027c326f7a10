"""The printed sheet of command codes: one code a command with its words in Chinese and English, as PDF on A4.

A page is one black and white picture at 300 dpi, so every bar is a whole number of printer dots (ISO 32000-1, 8.9.5).
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import zxingcpp

from devices.printer.font import Dots, LabelFont
from inspection.station.guide import Guide
from inspection.station.orders import ANSWER_PREFIX, PREFIX, REASON_PREFIX
from inspection.station.web import words
from inspection.station.web.languages import Languages

Symbol = Literal["code128", "datamatrix"]

DPI = 300
WIDTH, HEIGHT = 2480, 3508  # A4
MARGIN = 150
COLUMNS, ROWS = 2, 7
GUTTER = 40
_FORMATS = {"code128": zxingcpp.BarcodeFormat.Code128, "datamatrix": zxingcpp.BarcodeFormat.DataMatrix}
_MODULE = {"code128": 3, "datamatrix": 12}
"""Dots of one module: 0.25 mm, which any scanner reads, and 1 mm, which is read from an arm's length."""
_BARS_HEIGHT = 150
_PT = 72 / DPI

KEYS: Mapping[str, str] = {
    "OK": "Enter",
    "RESELL": "1",
    "REPAIR": "2",
    "SCRAP": "3",
    "HOLD": "4",
    "RECAPTURE": "R",
    "UNDO": "U",
    "REPRINT": "P",
    "ASK": "Q",
    "START": "S",
    "SHIFT": "V",
    "CANCEL": "Esc",
}
"""The key that does the same; a foot pedal is a key, too."""


@dataclass(frozen=True, slots=True)
class Tile:
    """One command on the sheet.

    Attributes:
        code: what its barcode says.
        icon: one of `draw_icon`, or ``""``.
    """

    code: str
    chinese: str
    english: str
    key: str = ""
    icon: str = ""


def tiles(reasons: Sequence[str], guide: Guide, languages: Languages) -> list[Tile]:
    """Every command, every reason of an override and every answer to a question."""
    say = languages.catalogues["zh-CN"].gettext
    found = [Tile(PREFIX + name, say(text), text, KEYS[name], name.lower()) for name, text in words.COMMANDS.items()]
    for code in reasons:
        text = words.REASONS.get(code, code.replace("_", " "))
        found.append(Tile(f"{PREFIX}{REASON_PREFIX}{code}", say(text), text))
    for question in guide.questions:
        asked = question.text.by_tag()
        for answer in question.answers:
            given = answer.text.by_tag()
            code = f"{PREFIX}{ANSWER_PREFIX}{question.question_id}:{answer.value}"
            found.append(Tile(code, f"{asked['zh-CN']} {given['zh-CN']}", f"{asked['en']} {given['en']}"))
    return found


def pages(wanted: Sequence[Tile], symbol: Symbol = "code128", font: LabelFont | None = None) -> list[Dots]:
    """The pages as dots, each (3508, 2480), true is black."""
    font = font or LabelFont()
    drawn = []
    for first in range(0, len(wanted), COLUMNS * ROWS):
        page = np.zeros((HEIGHT, WIDTH), np.bool_)
        for place, tile in enumerate(wanted[first : first + COLUMNS * ROWS]):
            row, column = divmod(place, COLUMNS)
            _draw_tile(_cell(page, row, column), tile, symbol, font)
        drawn.append(page)
    return drawn


def pdf(drawn: Sequence[Dots], title: str) -> bytes:
    """The pages as a PDF file; the same pages give the same bytes."""
    kids = " ".join(f"{4 + 3 * number} 0 R" for number in range(len(drawn)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /ViewerPreferences << /PrintScaling /None >> >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(drawn)} >>".encode("ascii"),
        f"<< /Title ({title}) >>".encode("ascii"),
    ]
    size = f"{WIDTH * _PT:.2f} {HEIGHT * _PT:.2f}"
    for number, page in enumerate(drawn):
        content = f"q {WIDTH * _PT:.2f} 0 0 {HEIGHT * _PT:.2f} 0 0 cm /P Do Q".encode("ascii")
        bits = zlib.compress(np.packbits(~page, axis=1).tobytes(), 9)
        head = (
            f"<< /Type /XObject /Subtype /Image /Width {WIDTH} /Height {HEIGHT} /ColorSpace /DeviceGray"
            f" /BitsPerComponent 1 /Filter /FlateDecode /Length {len(bits)} >>\nstream\n"
        ).encode("ascii")
        mine = 4 + 3 * number
        objects += [
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {size}] /Contents {mine + 1} 0 R"
            f" /Resources << /XObject << /P {mine + 2} 0 R >> >> >>".encode("ascii"),
            b"<< /Length %d >>\nstream\n%b\nendstream" % (len(content), content),
            head + bits + b"\nendstream",
        ]
    return _file(objects)


def _cell(page: Dots, row: int, column: int) -> Dots:
    width = (WIDTH - 2 * MARGIN - GUTTER) // COLUMNS
    height = (HEIGHT - 2 * MARGIN) // ROWS
    left, top = MARGIN + column * (width + GUTTER), MARGIN + row * height
    cell: Dots = page[top : top + height - GUTTER, left : left + width]
    return cell


def _draw_tile(cell: Dots, tile: Tile, symbol: Symbol, font: LabelFont) -> None:
    cell[:4], cell[-4:], cell[:, :4], cell[:, -4:] = True, True, True, True
    left = 40
    if tile.icon:
        icon = draw_icon(tile.icon, 130)
        if icon is not None:
            _put(cell, icon, left, 24)
            left += 160
    room = cell.shape[1] - left - 40
    _put(cell, _fitting(font, tile.chinese, 84, room), left, 14)
    _put(cell, _fitting(font, tile.english, 56, room - (190 if tile.key else 0)), left, 104)
    if tile.key:
        key = font.dots(f"[{tile.key}]", 56, bold=True)
        _put(cell, key, cell.shape[1] - key.shape[1] - 30, 104)
    code = _code(tile.code, symbol, cell.shape[1] - 80)
    _put(cell, code, (cell.shape[1] - code.shape[1]) // 2, 190)
    if symbol == "code128":
        _put(cell, _fitting(font, tile.code, 40, cell.shape[1] - 80), 40, cell.shape[0] - 62)


def _code(text: str, symbol: Symbol, room: int) -> Dots:
    options = {"force_square": True} if symbol == "datamatrix" else {}
    code = zxingcpp.create_barcode(text, _FORMATS[symbol], **options)
    image = np.asarray(zxingcpp.write_barcode_to_image(code, scale=1, add_quiet_zones=False))
    black = image.reshape(image.shape[0], image.shape[1]) < 128  # noqa: PLR2004 - half of 255
    module = _MODULE[symbol]
    if symbol == "code128":
        module = min(module, room // (black.shape[1] + 20))  # 10 modules of quiet zone on either side
        black = np.repeat(black[:1], _BARS_HEIGHT // module, axis=0)
    else:
        module = min(module, 200 // black.shape[0])
    return np.kron(black, np.ones((module, module), np.bool_)).astype(np.bool_)


def _fitting(font: LabelFont, text: str, height: int, room: int) -> Dots:
    while font.width(text, height) > room and height > 20:  # noqa: PLR2004 - still readable on paper
        height -= 4
    return font.dots(text, height, bold=True)


def _put(cell: Dots, dots: Dots, left: int, top: int) -> None:
    height, width = min(dots.shape[0], cell.shape[0] - top - 6), min(dots.shape[1], cell.shape[1] - left - 6)
    cell[top : top + height, left : left + width] |= dots[:height, :width]


def draw_icon(name: str, size: int) -> Dots | None:
    """The command's drawing, the same shapes as on the screen; ``None`` for one that has none."""
    lines = _ICONS.get(name)
    if lines is None:
        return None
    image = np.zeros((size, size), np.uint8)
    for line in lines:
        points = (np.array(line, np.float32) / 48 * (size - 12) + 6).round().astype(np.int32)
        cv2.polylines(image, [points.reshape(-1, 1, 2)], isClosed=False, color=255, thickness=max(2, size // 14))
    return np.asarray(image > 0, np.bool_)


def _ring(radius: float) -> list[tuple[float, float]]:
    return [(24 + radius * np.cos(a), 24 + radius * np.sin(a)) for a in np.linspace(0, 2 * np.pi, 49)]


_ICONS: dict[str, list[list[tuple[float, float]]]] = {
    "ok": [[(6, 26), (18, 38), (42, 10)]],
    "resell": [_ring(22), [(13, 25), (21, 33), (36, 16)]],
    "repair": [
        [(2, 2), (46, 2), (46, 46), (2, 46), (2, 2)],
        [(12, 36), (26, 22)],
        [(34, 9), (25, 14), (27, 22), (35, 23), (39, 14)],
    ],
    "scrap": [
        [(15, 2), (33, 2), (46, 15), (46, 33), (33, 46), (15, 46), (2, 33), (2, 15), (15, 2)],
        [(15, 15), (33, 33)],
        [(33, 15), (15, 33)],
    ],
    "hold": [[(24, 2), (46, 24), (24, 46), (2, 24), (24, 2)], [(19, 16), (19, 32)], [(29, 16), (29, 32)]],
    "recapture": [[(4, 14), (14, 14), (18, 8), (30, 8), (34, 14), (44, 14), (44, 40), (4, 40), (4, 14)], _ring(8)],
    "undo": [[(18, 8), (6, 18), (18, 28)], [(6, 18), (32, 18), (42, 26), (42, 34), (32, 42), (14, 42)]],
    "reprint": [
        [(6, 16), (42, 16), (42, 36), (6, 36), (6, 16)],
        [(14, 16), (14, 4), (34, 4), (34, 16)],
        [(14, 28), (34, 28)],
    ],
    "ask": [[(14, 14), (20, 6), (30, 6), (34, 14), (32, 20), (24, 26), (24, 32)], [(24, 40), (24, 43)]],
    "start": [[(12, 6), (40, 24), (12, 42), (12, 6)]],
    "shift": [[(6, 42), (42, 42)], [(12, 42), (12, 26)], [(24, 42), (24, 8)], [(36, 42), (36, 18)]],
    "cancel": [[(8, 8), (40, 40)], [(40, 8), (8, 40)]],
}


def _file(objects: Sequence[bytes]) -> bytes:
    """Header, objects, cross-reference table and trailer (ISO 32000-1, 7.5); the third object is the information."""
    data = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    start = len(data)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    data += b"xref\n0 %d\n0000000000 65535 f \n%b" % (len(objects) + 1, table)
    return data + b"trailer\n<< /Size %d /Root 1 0 R /Info 3 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        start,
    )
