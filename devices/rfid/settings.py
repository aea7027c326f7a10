"""How an RFID reader is to work, in words that all protocols share."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum


class Mode(Enum):
    """How the inventory is kept going.

    ``POLL`` asks for one inventory after the other: every question is answered, so a silent reader is noticed. With
    ``CONTINUOUS`` the reader goes by itself and is asked to stop and start over when it falls silent.
    """

    POLL = "poll"
    CONTINUOUS = "continuous"


class Region(StrEnum):
    """Frequency plans; which one may be used is the law of the place. No protocol knows all of them."""

    CHINA_900 = "china_900"
    CHINA_800 = "china_800"
    US = "us"
    EUROPE = "europe"
    KOREA = "korea"
    JAPAN = "japan"
    INDIA = "india"
    AUSTRALIA = "australia"
    NEW_ZEALAND = "new_zealand"


@dataclass(frozen=True, slots=True)
class ReaderSettings:
    """How the reader is to work.

    Attributes:
        mode: see `Mode`.
        poll_ms: time from one poll to the next, unless its round takes longer.
        power_dbm: transmit power to set; ``None`` leaves it.
        region: frequency plan to set; ``None`` leaves it.
        antennas: numbers from 1 of the antennas to use; empty leaves it to the reader.
    """

    mode: Mode = Mode.POLL
    poll_ms: int = 50
    power_dbm: float | None = None
    region: Region | None = None
    antennas: tuple[int, ...] = ()
