"""The two readers behind one face: zxing-cpp and zbar (pyzbar); what they say about a picture as `FrameCode`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
import structlog
import zxingcpp

from devices.barcode.in_frame_code import Corners, FrameCode
from devices.barcode.in_frame_renderings import Rendering
from devices.barcode.in_frame_symbols import text_and_data, well_formed

log = structlog.get_logger(__name__)

Reader = Callable[[Rendering], list[FrameCode]]

FORMATS: tuple[str, ...] = (
    "EAN13",
    "EAN8",
    "UPCA",
    "UPCE",
    "Code128",
    "Code39",
    "Code93",
    "Codabar",
    "ITF",
    "DataBarOmni",
    "DataBarStk",
    "DataBarStkOmni",
    "DataBarExp",
    "DataBarExpStk",
    "DataBarLtd",
    "QRCode",
    "DataMatrix",
    "PDF417",
    "Aztec",
)
"""Formats that goods and parcels carry, by zxing-cpp's names. Not among them: DX film edge, Telepen, MaxiCode, micro
and rectangular QR, Aztec runes and EAN add-ons, which cost time and are what noise is taken for."""

RARE_FORMATS = frozenset({"Aztec", "Codabar", "DataBarLtd"})
"""Left out of the first step, an eighth of whose time they would take."""

MATRIX_FORMATS = frozenset({"QRCode", "DataMatrix", "PDF417", "Aztec"})

_ZBAR_FORMATS = {
    "EAN13": ("EAN13", "EAN-13", "]E0"),
    "UPCA": ("UPCA", "UPC-A", "]E0"),
    "UPCE": ("UPCE", "UPC-E", "]E0"),
    "EAN8": ("EAN8", "EAN-8", "]E4"),
    "Code128": ("CODE128", "Code 128", ""),  # zbar does not tell whether FNC1 came first
    "Code39": ("CODE39", "Code 39", ""),
    "Code93": ("CODE93", "Code 93", ""),
    "ITF": ("I25", "ITF", "]I0"),
    "QRCode": ("QRCODE", "QR Code", ""),
}
"""zxing-cpp's name: zbar's name, our name, AIM identifier. Not DataBar, about which zbar writes to standard error."""

_READING_DIRECTIONS = {"UP": (1, 0), "RIGHT": (0, 1), "DOWN": (-1, 0), "LEFT": (0, -1)}


def zxing(formats: Sequence[str], *, rotate: bool = True, invert: bool = False, downscale: bool = False) -> Reader:
    """Reader of zxing-cpp; what its three further searches cost is measured in ``benchmarks/barcodes.py``.

    Args:
        formats: names out of `FORMATS` or any other of zxing-cpp's.
        rotate: also for codes that stand on their side.
        invert: also for light codes on dark ground.
        downscale: also in smaller copies of the picture.
    """
    if not formats:
        return lambda _: []
    wanted = [getattr(zxingcpp.BarcodeFormat, name) for name in formats]
    search = functools.partial(
        zxingcpp.read_barcodes, formats=wanted, try_rotate=rotate, try_invert=invert, try_downscale=downscale
    )

    def read(rendering: Rendering) -> list[FrameCode]:
        found = search(rendering.pixels)
        texts = [barcode.text for barcode in found]
        if any(map(_may_be_escaped, found)):
            plain = {barcode.bytes: barcode.text for barcode in search(rendering.pixels, text_mode=_PLAIN)}
            texts = [plain.get(b.bytes, b.text) if _may_be_escaped(b) else b.text for b in found]
        codes = [_of_zxing(barcode, text, rendering) for barcode, text in zip(found, texts, strict=True)]
        return [code for code in codes if well_formed(code)]

    return read


_PLAIN = zxingcpp.TextMode.Plain


def _may_be_escaped(barcode: Any) -> bool:
    """Whether control characters may stand in the text as pictures (``␝``) or names (``<U+9C>``)."""
    if barcode.content_type == zxingcpp.ContentType.GS1:
        return False
    return "<" in barcode.text or any("\u2400" <= character <= "\u2426" for character in barcode.text)


def _of_zxing(barcode: Any, text: str, rendering: Rendering) -> FrameCode:
    position = barcode.position
    points = [position.top_left, position.top_right, position.bottom_right, position.bottom_left]
    corners = rendering.in_picture([(point.x, point.y) for point in points])
    is_gs1 = barcode.content_type == zxingcpp.ContentType.GS1
    raw = barcode.bytes.decode("latin-1") if is_gs1 else text
    shown, data, name = text_and_data(str(barcode.format), text, raw)
    return FrameCode(shown, data, name, barcode.symbology_identifier, _corners(corners))


def zbar(formats: Sequence[str]) -> Reader:
    """Reader of zbar for those of ``formats`` that it reads well; it finds nothing where libzbar is not installed."""
    pyzbar = _pyzbar()
    named = {_ZBAR_FORMATS[name][0]: _ZBAR_FORMATS[name][1:] for name in formats if name in _ZBAR_FORMATS}
    if pyzbar is None or not named:
        return lambda _: []
    symbols = [pyzbar.ZBarSymbol[name] for name in named]

    def read(rendering: Rendering) -> list[FrameCode]:
        found = pyzbar.decode(rendering.pixels, symbols=symbols)
        codes = [_of_zbar(symbol, *named[symbol.type], rendering) for symbol in found if symbol.type in named]
        return [code for code in codes if code is not None and well_formed(code)]

    return read


def _of_zbar(symbol: Any, name: str, aim: str, rendering: Rendering) -> FrameCode | None:
    try:
        text = symbol.data.decode("ascii")
    except UnicodeDecodeError:
        return None  # zbar guesses the character set, and often wrongly
    outline = np.array([(point.x, point.y) for point in symbol.polygon] or _rectangle(symbol.rect), np.float32)
    box = cv2.boxPoints(cv2.minAreaRect(outline))
    corners = rendering.in_picture(_as_read(box, _READING_DIRECTIONS.get(symbol.orientation or "UP", (1, 0))))
    shown, data, name = text_and_data(name, text, text)
    return FrameCode(shown, data, name, aim, _corners(corners))


def _as_read(box: Any, direction: tuple[int, int]) -> Any:
    """The four corners, clockwise, from the one where reading in ``direction`` begins."""
    sides = np.roll(box, -1, axis=0) - box
    lengths = np.hypot(sides[:, 0], sides[:, 1])
    along = sides @ np.array(direction, np.float32) / np.maximum(lengths, 1)
    return np.roll(box, -int(np.argmax(along)), axis=0)


def _rectangle(rect: Any) -> list[tuple[int, int]]:
    right, bottom = rect.left + rect.width, rect.top + rect.height
    return [(rect.left, rect.top), (right, rect.top), (right, bottom), (rect.left, bottom)]


def _corners(points: Sequence[tuple[float, float]]) -> Corners:
    one, two, three, four = points
    return one, two, three, four


@functools.cache
def _pyzbar() -> Any:
    try:
        from pyzbar import pyzbar  # noqa: PLC0415  it loads a shared library of the system
    except ImportError as error:
        log.warning(
            "barcode.zbar_missing", problem=str(error), hint="install libzbar0; without it some codes stay unread"
        )
        return None
    return pyzbar
