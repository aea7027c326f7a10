"""``python -m devices gs1``: one scanned code in every form it has."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer

from devices.cli.answer import answer, refuse
from devices.gs1.digital_link import RESOLVER, build_uri
from devices.gs1.elements import GS, Element, bracketed, concatenated, value_of
from devices.gs1.errors import Gs1Error
from devices.gs1.reading import Reading, read

_WRITTEN_GS = re.compile(r"\\(?:x1d|u001d)", re.IGNORECASE)
_VALUES = {
    "gtin": "01",
    "serial": "21",
    "lot": "10",
    "sscc": "00",
    "content_gtin": "02",
    "count": "37",
    "grai": "8003",
    "giai": "8004",
    "gln": "414",
}
_ALWAYS = ("gtin", "serial", "lot", "sscc")
_DATES = {"expiry": ("17", "7003"), "best_before": ("15",), "production_date": ("11",)}


def gs1(
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help="What a scanner sent or a label says.", show_default=False)
    ],
    stem: Annotated[str, typer.Option(help="What the Digital Link begins with.")] = RESOLVER,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse elements that miss those which GS1 wants beside them.")
    ] = False,
    unknown_ais: Annotated[
        bool, typer.Option("--unknown-ais", help="Keep elements in brackets whose AI is not assigned.")
    ] = False,
) -> None:
    """Show a scanned code in every form.

    TEXT is a scan with AIM identifier, an element string, elements in brackets, a bare EAN, UPC or GTIN, or a GS1
    Digital Link. FNC1 is the character GS, \\x1d typed as four characters, or ^. Formats, check digits, dates and what
    must not stand together are checked. What is missing beside an element is noted, as it may stand on another label.

    Examples:

    \b
      python -m devices gs1 ']d2010952123454321321S1\\x1d17271231'
      python -m devices gs1 '010952123454321310LOT7^21S1'
      python -m devices gs1 '(01)09521234543213(3103)000195'
      python -m devices gs1 4006381333931
      python -m devices gs1 https://example.com/01/09521234543213/21/S1?17=271231
      python -m devices gs1 ']E402345673|]e099COMPOSITE\\x1d98XYZ'

    In the answer, one JSON object, "data" has ^ for FNC1. When TEXT breaks the standard it is {"error": code,
    "message": …}, and the exit code is 2.
    """
    try:
        answer(described(read(_WRITTEN_GS.sub(GS, text), unknown_ais=unknown_ais, strict=strict), stem=stem))
    except Gs1Error as error:
        refuse(error)


def described(reading: Reading, *, stem: str = RESOLVER) -> dict[str, Any]:
    """``reading`` as the command prints it; what a code of its kind may say and does not is ``None``."""
    elements = reading.elements
    values = {name: value_of(elements, code) for name, code in _VALUES.items()}
    dates = {name: _date(elements, codes) for name, codes in _DATES.items()}
    link, why = _digital_link(reading, stem)
    found: dict[str, Any] = {
        "form": reading.form,
        "symbology": reading.symbology,
        "symbology_name": reading.symbology_name,
        "aim": reading.aim or None,
        "data": reading.data,
        "element_string": bracketed(elements) or None,
        "elements": [_described(element) for element in elements],
        **{name: value for name, value in values.items() if value or name in _ALWAYS},
        **{name: day for name, day in dates.items() if day or name == "expiry"},
        "ai_data": concatenated(elements) or None,
        "transmitted": concatenated(elements, fnc1=GS).removeprefix(GS) or None,
        "digital_link": link,
    }
    notes = (*reading.notes, *why)
    return found | ({"notes": list(notes)} if notes else {})


def _described(element: Element) -> dict[str, Any]:
    found: dict[str, Any] = {"ai": element.code, "title": element.ai.title or None, "value": element.value}
    if element.ai.description:
        found["description"] = element.ai.description
    if element.date:
        found["date"] = element.date.isoformat()
    if element.decimal is not None:
        found["decimal"] = float(element.decimal)
    if element.currency:
        found["currency"] = element.currency
    return found


def _date(elements: tuple[Element, ...], codes: tuple[str, ...]) -> str | None:
    days = (element.date for code in codes for element in elements if element.code == code)
    return next((day.isoformat() for day in days if day), None)


def _digital_link(reading: Reading, stem: str) -> tuple[str | None, tuple[str, ...]]:
    if not reading.elements:
        return None, ()
    try:
        return build_uri(reading.elements, stem=stem, in_path=reading.link.in_path if reading.link else 0), ()
    except Gs1Error as error:
        return None, (f"no Digital Link: {error}",)
