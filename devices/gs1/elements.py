"""GS1 element strings: as a scanner sends them, and with their AIs in brackets as people write them.

Sources: GS1 General Specifications 7.8 (processing of data from a GS1 symbology), GS1 Barcode Syntax Dictionary.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from devices.gs1.application_identifiers import ApplicationIdentifier, find, find_at_start, matches, unassigned
from devices.gs1.content import check_value
from devices.gs1.dates import read_date
from devices.gs1.errors import Gs1Error, quoted

GS = "\x1d"
"""What a scanner sends for FNC1 within the data."""

DATE_AIS = frozenset(
    {"11", "12", "13", "15", "16", "17", "4324", "4325", "4326", "7003", "7006", "7007", "7011", "8008"}
)
_SERIALISED = {"253": 13, "255": 13, "8003": 14}


@dataclass(frozen=True, slots=True)
class Element:
    """One AI and its value, which has passed all checks of that AI."""

    ai: ApplicationIdentifier
    value: str

    @property
    def code(self) -> str:
        return self.ai.code

    @property
    def date(self) -> date | None:
        """Date of an element that is one (of 7007 the first); day 00 is the last day of the month."""
        return read_date(self.value) if self.code in DATE_AIS else None

    @property
    def decimal(self) -> Decimal | None:
        """Number with the decimal places that the AI's last digit tells: measures 31nn–36nn and amounts 39nn."""
        if self.code[:2] not in {"31", "32", "33", "34", "35", "36", "39"} or not self.ai.assigned:
            return None
        digits = self.value[3:] if self.currency else self.value
        return Decimal(digits).scaleb(-int(self.code[3]))

    @property
    def currency(self) -> str | None:
        """ISO 4217 number of an amount of 391n or 393n."""
        return self.value[:3] if self.code[:3] in {"391", "393"} else None


def parse_elements(data: str, *, fnc1: str = GS) -> tuple[Element, ...]:
    """Elements of what a scanner sends after the AIM identifier, or of the text of a symbol without one.

    Args:
        data: at least one element; ``fnc1`` ends each one whose AI has no predefined length and may end the others.
        fnc1: one character, ``^`` in the notation of the GS1 syntax engine.

    Raises:
        Gs1Error: an unknown AI, or a value that is not what its AI asks for.
    """
    if not data:
        raise Gs1Error("length", "there is no element")
    elements: list[Element] = []
    at = 0
    while at < len(data):
        ai = find_at_start(data[at:])
        if ai is None:
            raise Gs1Error("unknown_ai", f"{quoted(data[at:])} begins with no GS1 application identifier")
        at += len(ai.code)
        end = data.find(fnc1, at)
        end = len(data) if end < 0 else end
        if ai.length is not None:
            end = min(end, at + ai.length)
        value = data[at:end]
        check_value(ai, value)
        elements.append(Element(ai, value))
        at = end + data.startswith(fnc1, end)
    return tuple(elements)


def parse_bracketed(text: str, *, unknown_ais: bool = False) -> tuple[Element, ...]:
    r"""Elements of ``(01)09521234543213(21)S1``.

    Args:
        text: an opening bracket that belongs to a value is written ``\(``; where it is not, one that is not followed
            by 2 to 4 digits and a closing bracket is taken as part of the value.
        unknown_ais: keep elements whose AI is not assigned, instead of refusing them.

    Raises:
        Gs1Error: not of this form, or an element that is not what its AI asks for.
    """
    elements: list[Element] = []
    rest = "".join(text.split())  # no value has white space, but what people paste has
    while rest:
        code, closed, after = rest[1:].partition(")")
        if not rest.startswith("(") or not closed:
            raise Gs1Error("syntax", f"expected an application identifier in brackets, found {quoted(rest)}")
        ai = find(code) or (unassigned(code) if unknown_ais else None)
        if ai is None:
            raise Gs1Error("unknown_ai", f"({code[:20]}) is no GS1 application identifier")
        value, rest = _up_to_bracket(after)
        check_value(ai, value)
        elements.append(Element(ai, value))
    if not elements:
        raise Gs1Error("length", "there is no element")
    return tuple(elements)


def bracketed(elements: Sequence[Element]) -> str:
    """``(01)09521234543213(21)S1``, without escapes (General Specifications 4.14, human readable interpretation)."""
    return "".join(f"({element.code}){element.value}" for element in elements)


def concatenated(elements: Sequence[Element], *, fnc1: str = "^") -> str:
    """The elements in one string, beginning with FNC1, which also ends every element that needs it but the last."""
    parts = []
    separator = fnc1
    for element in elements:
        parts += [separator, element.code, element.value]
        separator = fnc1 if element.ai.length is None else ""
    return "".join(parts)


def check_together(elements: Sequence[Element]) -> None:
    """Raise :class:`Gs1Error` for two values of one AI, AIs that exclude each other, or a signature without serial."""
    values: dict[str, str] = {}
    for element in elements:
        if values.setdefault(element.code, element.value) != element.value:
            raise Gs1Error("conflict", f"there are two different values of AI ({element.code})")
    for element in elements:
        for template in element.ai.excludes:
            for other in values:
                if other != element.code and matches(other, template):
                    raise Gs1Error("conflict", f"({element.code}) and ({other}) must not stand together")
    if "8030" in values:
        for code, length in _SERIALISED.items():
            if len(values.get(code, "")) == length:
                raise Gs1Error("missing", f"({code}) needs a serial component where a digital signature (8030) stands")


def missing_with(elements: Sequence[Element]) -> tuple[str, ...]:
    """What these elements need beside them and have not, one sentence each.

    It may stand on another symbol of the same item, so that it is for the reader to judge.
    """
    codes = {element.code for element in elements}
    found = []
    for element in elements:
        for groups in element.ai.needs:
            wanted = [group.split("+") for group in groups.split(",")]
            others = codes - {element.code}
            if not any(all(any(matches(other, one) for other in others) for one in group) for group in wanted):
                found.append(f"({element.code}) needs {groups.replace('+', ' with ').replace(',', ' or ')} beside it")
    return tuple(dict.fromkeys(found))


def value_of(elements: Sequence[Element], code: str) -> str | None:
    """Value of the first element with AI ``code``."""
    return next((element.value for element in elements if element.code == code), None)


def _up_to_bracket(text: str) -> tuple[str, str]:
    value = ""
    while True:
        before, opened, after = text.partition("(")
        if not opened:
            return value + before, ""
        if before.endswith("\\"):
            value, text = f"{value}{before[:-1]}(", after
        elif _is_code(after.partition(")")[0]):
            return value + before, f"({after}"
        else:
            value, text = f"{value}{before}(", after


def _is_code(text: str) -> bool:
    return re.fullmatch(r"[0-9]{2,4}", text) is not None
