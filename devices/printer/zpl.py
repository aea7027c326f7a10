"""A label as ZPL II, and the questions a printer is asked (Zebra, ZPL II Programming Guide).

Data never reaches the printer as commands: every byte of a data field but letters, digits and a few harmless signs is
sent as ``_`` and two hexadecimal digits, which ``^FH_`` in front of the field makes the printer put back.
"""

from __future__ import annotations

import string

from devices.printer.font import LabelFont
from devices.printer.graphic import graphic_field
from devices.printer.label import Bar, Element, Label, Layout, Matrix, Text, lay_out

STATUS = b"~HS"
FORGET_PARTIAL = b"~JX"
"""Drops a format whose end never came; leaves whole ones alone (~JX, Cancel Current Partially Input Format)."""

START, END = b"^XA", b"^XZ"
QUALITY_ECC_200 = 200

_HARMLESS = frozenset((string.ascii_letters + string.digits + " .-/:").encode("ascii"))


def render(label: Label, font: LabelFont) -> bytes:
    """The job that prints ``label`` once: ASCII, from ``^XA`` to ``^XZ``."""
    return render_layout(lay_out(label, font))


def render_layout(layout: Layout) -> bytes:
    """The job that prints this layout once."""
    head = f"^XA^CI28^LH0,0^PW{layout.width}^LL{layout.height}"
    body = "".join(_field(element, layout.font) for element in layout.elements)
    return f"{head}{body}^PQ1,0,1,N^XZ".encode("ascii")


def escaped(text: str) -> str:
    """``text`` as the data of a field under ``^CI28`` and ``^FH_``: UTF-8, all but harmless bytes in hexadecimal."""
    return "".join(chr(byte) if byte in _HARMLESS else f"_{byte:02X}" for byte in text.encode("utf-8", "replace"))


def _field(element: Element, font: LabelFont) -> str:
    return f"^FO{element.left},{element.top}{_content(element, font)}^FS"


def _content(element: Element, font: LabelFont) -> str:
    match element:
        case Text() if element.text.isascii() and not element.bold:
            return f"^A0N,{element.height},{element.height}^FH_^FD{escaped(element.text)}"
        case Text():
            return graphic_field(font.dots(element.text, element.height, bold=element.bold))
        case Matrix():
            return f"^BXN,{element.module},{QUALITY_ECC_200}^FH_^FD{escaped(element.text)}"
        case Bar():
            return f"^GB{element.width},{element.height},{min(element.width, element.height)}"
