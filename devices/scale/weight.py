"""What scales say, whatever their protocol: weights in grams, answers, refusals; and the units they say it in."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

GRAMS = {
    "g": Decimal(1),
    "kg": Decimal(1000),
    "mg": Decimal("0.001"),
    "ug": Decimal("0.000001"),
    "t": Decimal(1_000_000),
    "lb": Decimal("453.59237"),
    "oz": Decimal("28.349523125"),
    "ozt": Decimal("31.1034768"),
    "dwt": Decimal("1.55517384"),
    "gn": Decimal("0.06479891"),
    "ct": Decimal("0.2"),
    "mom": Decimal("3.75"),
}
"""Grams of one unit, exact: SI, the international avoirdupois pound of 1959 and its parts, metric carat, momme.

Units that differ from country to country (tael, baht, tola), counts and percentages are no weight to us.
"""

_SPELLINGS = {"G": "g", "KG": "kg", "Kg": "kg", "LB": "lb", "lbs": "lb", "OZ": "oz", "CT": "ct", "GN": "gn", "T": "t"}


class Mode(StrEnum):
    """What a weight is the weight of."""

    GROSS = "gross"
    NET = "net"
    TARE = "tare"


@dataclass(frozen=True, slots=True)
class Weight:
    """One weight as a scale said it.

    Attributes:
        grams: exact; ``None`` when the scale is out of its range.
        stable: whether the scale calls it stable.
        raw: the message, line end included.
        mode: gross, net or tare; ``None`` when the protocol does not say.
        overload: more than the scale can weigh.
        underload: less than the scale can weigh: the pan is off.
        zero: whether the scale is at its zero point; ``None`` when the protocol does not say.
        held: the display is frozen, so this may be the weight of what lay there before.
        step_g: smallest difference this message can show, grams.
    """

    grams: Decimal | None
    stable: bool
    raw: bytes
    mode: Mode | None = None
    overload: bool = False
    underload: bool = False
    zero: bool | None = None
    held: bool = False
    step_g: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True)
class Answer:
    """The scale did what was asked, or tells about itself.

    Attributes:
        to: ``zero``, ``tare``, the command's own letters, or empty when the protocol does not say.
        text: what it answered.
        raw: the message, line end included.
    """

    to: str
    text: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Refusal:
    """The scale did not do what was asked.

    Attributes:
        to: as in `Answer`.
        text: why, in words.
        raw: the message, line end included.
    """

    to: str
    text: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Command:
    """What a computer asked; parsed for simulators and for looking at recorded lines."""

    name: str
    raw: bytes


Message = Weight | Answer | Refusal | Command


def in_grams(number: str, unit: str) -> tuple[Decimal, Decimal] | None:
    """Grams and smallest step of a displayed number; ``None`` when its unit is not one of weight.

    Args:
        number: sign and decimal digits as displayed, at most 16 characters; blanks between sign and digits are ignored.
        unit: as the scale writes it; letter case counts, as ``mg`` is not ``Mg``.
    """
    factor = GRAMS.get(_SPELLINGS.get(unit, unit))
    if factor is None:
        return None
    value = Decimal(number.replace(" ", ""))
    decimals = len(number.partition(".")[2])
    return value * factor, factor.scaleb(-decimals)
