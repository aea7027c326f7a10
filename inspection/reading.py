"""What the non-camera devices said: raw bytes kept beside what they mean."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Reading:
    """Common part of every reading.

    Attributes:
        device_id: configured name of the device.
        raw: the exact bytes of the message, frame included.
        at: timezone-aware UTC time of arrival.
        monotonic_ns: ``time.monotonic_ns()`` of arrival.
    """

    device_id: str
    raw: bytes
    at: datetime
    monotonic_ns: int


@dataclass(frozen=True, slots=True)
class BarcodeReading(Reading):
    """One scan.

    Attributes:
        text: payload without framing and without AIM identifier; FNC1 is GS (0x1D).
        aim: AIM symbology identifier such as ``]C1``, or ``""`` when the scanner sends none.
    """

    text: str
    aim: str = ""


Corners = tuple[tuple[float, float], tuple[float, float], tuple[float, float], tuple[float, float]]
"""Top left, top right, bottom right, bottom left as a code is read; x to the right, y down, pixels of the frame."""


@dataclass(frozen=True, slots=True)
class CodeInView(BarcodeReading):
    """A code that a camera saw on the item; ``device_id`` is the camera's, ``raw`` the code's content in UTF-8.

    Attributes:
        view: the view whose frame it was read in.
        corners: where it lies in that frame.
        symbology: kind of symbol, e.g. ``EAN-13``.
    """

    view: str = ""
    corners: Corners = ((0.0, 0.0), (0.0, 0.0), (0.0, 0.0), (0.0, 0.0))
    symbology: str = ""


class Neighbour(StrEnum):
    """Why a tag is taken for one of another table."""

    TOO_WEAK = "too_weak"
    OTHER_ANTENNA = "other_antenna"
    TOO_BRIEF = "too_brief"


@dataclass(frozen=True, slots=True)
class TagReading(Reading):
    """One RFID tag seen once.

    Attributes:
        epc: EPC as upper-case hex; its length follows from the PC word where that travels.
        pc: protocol-control word; ``None`` when the reader does not tell.
        rssi_dbm: signal strength, negative dBm; ``None`` when the reader does not tell.
        antenna: antenna number from 1; ``None`` when the reader does not tell.
        tag_crc_ok: result of the Gen2 CRC-16 over PC and EPC; ``None`` when the CRC does not travel.
        neighbour: why the tag is a neighbour's, heard and not taken; ``None`` for a tag of this table.
    """

    epc: str
    pc: int | None
    rssi_dbm: float | None = None
    antenna: int | None = None
    tag_crc_ok: bool | None = None
    neighbour: Neighbour | None = None


@dataclass(frozen=True, slots=True)
class WeightReading(Reading):
    """What a scale shows at one moment.

    Attributes:
        grams: exact; ``None`` when the scale is out of its range.
        stable: whether the load rests and the scale said the same weight twice.
        overload: more than the scale can weigh.
        underload: less than it can weigh: the pan is off.
    """

    grams: Decimal | None
    stable: bool = False
    overload: bool = False
    underload: bool = False
