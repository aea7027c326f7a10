"""What is on a label and where: one description that becomes printer language and preview alike.

Everything is measured in dots from the top left corner. The design is for 100 x 50 mm at 203 dpi, 8 dots a millimetre.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from devices.printer import matrix
from devices.printer.font import BASELINE, LabelFont
from inspection.errors import DeviceError
from inspection.verdict import Disposition

WIDTH, HEIGHT = 800, 400
MARGIN = 24
MAX_PLATE = 64
SMALLEST_TEXT = 18
SMALLEST_PLATE = 12
SHORTENED = ".."

WORDS = {
    Disposition.RESELL: ("转售", "RESELL"),
    Disposition.REPAIR: ("返修", "REPAIR"),
    Disposition.SCRAP: ("报废", "SCRAP"),
    Disposition.HOLD: ("待判", "HOLD"),
}
"""The disposition in Chinese and English, as a worker calls it."""

_HEADING_TOP, _HEADING = 8, 104
_DAY_TOP, _DAY = 56, 40
_BAR_TOP, _BAR = 116, 6
_BODY_TOP = 140
_MATRIX, _MODULE_RANGE = 236, (4, 14)
_COLUMN = 290
_COLUMN_WIDTH = WIDTH - MARGIN - _COLUMN
_CAPTION, _CAPTION_WIDTH = 24, 116
_PLATE, _FACT, _PLACE = 48, 34, 48


@dataclass(frozen=True, slots=True)
class Label:
    """What a label says.

    Attributes:
        disposition: where the item goes.
        plate: licence plate, the number by which the item is found again; 1 to 64 printable ASCII characters.
        day: of the decision.
        rma, gtin, serial: what is known of the return and the item.
        place: where it is to be put: bin, shelf, cage.
    """

    disposition: Disposition
    plate: str
    day: date
    rma: str | None = None
    gtin: str | None = None
    serial: str | None = None
    place: str | None = None

    def __post_init__(self) -> None:
        if not (0 < len(self.plate) <= MAX_PLATE and self.plate.isascii() and self.plate.isprintable()):
            raise DeviceError(
                f"{self.plate!r} cannot be a licence plate",
                hint=f"Give 1 to {MAX_PLATE} printable ASCII characters.",
            )


@dataclass(frozen=True, slots=True)
class Text:
    """A line of text.

    Attributes:
        left, top: of its box.
        height: of its box, in which letters have room below the line too.
        text: printable characters only.
        bold: drawn heavier where it is drawn as a picture.
    """

    left: int
    top: int
    height: int
    text: str
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Matrix:
    """A DataMatrix ECC 200 whose modules are ``module`` dots wide."""

    left: int
    top: int
    module: int
    text: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A black rectangle."""

    left: int
    top: int
    width: int
    height: int


Element = Text | Matrix | Bar


@dataclass(frozen=True, slots=True)
class Layout:
    """A label's elements, none of which overlaps another."""

    width: int
    height: int
    elements: tuple[Element, ...]
    font: LabelFont = field(compare=False)


def lay_out(label: Label, font: LabelFont) -> Layout:
    """Where everything goes.

    Text that is too long becomes smaller, then shorter; the plate becomes smaller, then two lines, and stays whole.
    """
    chinese, english = WORDS[label.disposition]
    day = label.day.isoformat()
    module = max(_MODULE_RANGE[0], min(_MODULE_RANGE[1], _MATRIX // matrix.modules(label.plate)))
    elements: tuple[Element, ...] = (
        Text(MARGIN, _HEADING_TOP, _HEADING, f"{chinese} {english}", bold=True),
        Text(WIDTH - MARGIN - font.width(day, _DAY), _DAY_TOP, _DAY, day),
        Bar(MARGIN, _BAR_TOP, WIDTH - 2 * MARGIN, _BAR),
        Matrix(MARGIN, _BODY_TOP, module, label.plate),
        *_plate(label.plate, font),
        *_facts(label, font),
    )
    return Layout(WIDTH, HEIGHT, elements, font)


def _plate(plate: str, font: LabelFont) -> list[Text]:
    if font.width(plate, SMALLEST_TEXT) <= _COLUMN_WIDTH:
        return [_fitted(_COLUMN, _BODY_TOP, _PLATE, plate, _COLUMN_WIDTH, font)]
    half = -(-len(plate) // 2)
    lines = (plate[:half], plate[half:])
    return [
        _fitted(_COLUMN, _BODY_TOP + index * _PLATE // 2, _PLATE // 2, line, _COLUMN_WIDTH, font, SMALLEST_PLATE)
        for index, line in enumerate(lines)
    ]


def _facts(label: Label, font: LabelFont) -> list[Text]:
    rows = (
        (198, _FACT, "退货 RMA", label.rma),
        (240, _FACT, "GTIN", label.gtin),
        (282, _FACT, "序号 S/N", label.serial),
        (326, _PLACE, "库位 BIN", label.place),
    )
    left, room = _COLUMN + _CAPTION_WIDTH, _COLUMN_WIDTH - _CAPTION_WIDTH
    texts = []
    for top, height, caption, value in rows:
        texts.append(Text(_COLUMN, top + round((height - _CAPTION) * BASELINE), _CAPTION, caption))
        texts.append(_fitted(left, top, height, _printable(value or "-"), room, font))
    return texts


def _fitted(
    left: int, top: int, height: int, text: str, room: int, font: LabelFont, smallest: int = SMALLEST_TEXT
) -> Text:
    size = height
    while size > smallest and font.width(text, size) > room:
        size -= 1
    shown = text
    while font.width(shown, size) > room and len(shown) > len(SHORTENED):
        shown = shown.removesuffix(SHORTENED)[:-1] + SHORTENED
    return Text(left, top + round((height - size) * BASELINE), size, shown)


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)
