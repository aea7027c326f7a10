r"""Everything that one code says, whichever of its forms it is given in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from devices.gs1 import scan
from devices.gs1.application_identifiers import find
from devices.gs1.check_digits import is_digits
from devices.gs1.digital_link import DigitalLink, parse_uri
from devices.gs1.elements import (
    GS,
    Element,
    check_together,
    concatenated,
    missing_with,
    parse_bracketed,
    parse_elements,
)
from devices.gs1.errors import Gs1Error, quoted
from devices.gs1.gtin import GTIN_LENGTHS, check_gtin, readings_of_eight_digits

EIGHT = 8
_BARE = {12: "UPCA", 13: "EAN13", 14: "ITF14"}


@dataclass(frozen=True, slots=True)
class Reading:
    """What a code says.

    Attributes:
        form: what it was given as: ``scan`` (with AIM identifier), ``element string``, ``brackets``, ``GTIN`` or
            ``Digital Link``.
        data: in the notation of the GS1 syntax engine: ``^`` is FNC1, ``|`` stands before a composite component.
        elements: all of them; a bare GTIN is one of AI 01.
        aim: AIM identifier, or empty.
        symbology: name in the GS1 syntax engine, as far as the text tells; otherwise ``None``.
        symbology_name: as people say.
        link: the Digital Link, if it was one.
        notes: what was assumed, and what these elements need beside them and have not.
    """

    form: str
    data: str
    elements: tuple[Element, ...]
    aim: str = ""
    symbology: str | None = None
    symbology_name: str | None = None
    link: DigitalLink | None = None
    notes: tuple[str, ...] = ()


def read(text: str, *, unknown_ais: bool = False, strict: bool = False) -> Reading:
    """Read a scan, an element string, elements in brackets, a GTIN or a Digital Link.

    Args:
        text: FNC1 is GS (0x1D) or, where the data cannot have it as a character, ``^``.
        unknown_ais: keep elements in brackets whose AI is not assigned, instead of refusing them.
        strict: refuse elements that miss others which GS1 wants beside them. They may stand on another symbol of the
            same item, so that otherwise they are noted only.

    Raises:
        Gs1Error: it is none of these, or breaks its standard.
    """
    reading = _of_scan(text) if text.startswith("]") else _of_text(text.strip(" "), unknown_ais=unknown_ais)
    check_together(reading.elements)
    missing = missing_with(reading.elements)
    if strict and missing:
        raise Gs1Error("missing", "; ".join(missing))
    unknown = tuple(f"({e.code}) is not assigned by GS1" for e in reading.elements if not e.ai.assigned)
    return replace(reading, notes=(*reading.notes, *unknown, *missing))


def _of_scan(text: str) -> Reading:
    aim, payload = text[:3], text[3:]
    symbology = scan.AIM_IDENTIFIERS.get(aim)
    if symbology and symbology.content is scan.Content.ELEMENTS:
        # FNC1 in the first position is what the identifier stands for, but some scanners send it, too.
        payload = payload.replace("^", GS).removeprefix(GS)
    elif symbology and symbology.content is scan.Content.GTIN:
        payload = payload.replace("^", GS)
    scanned = scan.process(aim + payload)
    elements = scanned.elements
    notes: tuple[str, ...] = ()
    if scanned.primary:
        elements = (_gtin_element(check_gtin(scanned.primary)), *elements)
    elif not elements:
        elements, notes = _promised_by_nobody(payload)
    link = scanned.link
    return Reading("scan", scanned.data, elements, aim, scanned.symbology.key, scanned.symbology.name, link, notes)


def _promised_by_nobody(payload: str) -> tuple[tuple[Element, ...], tuple[str, ...]]:
    """Elements of a symbol that holds any text, when they name an item; a station takes them, too."""
    try:
        reading = _of_text(payload, unknown_ais=False)
    except Gs1Error:
        return (), ()
    if not any(element.code == "01" for element in reading.elements):
        return (), ()
    return reading.elements, (f"read as {reading.form}, which this symbology does not promise", *reading.notes)


def _of_text(text: str, *, unknown_ais: bool) -> Reading:
    if text.startswith("("):
        return _of_elements("brackets", parse_bracketed(text, unknown_ais=unknown_ais))
    if "://" in text:
        link = parse_uri(text)
        return replace(_of_elements("Digital Link", link.elements), link=link, notes=_ignored(link))
    linear, bar, composite = text.partition("|")
    component = parse_elements(_fnc1_as_gs(composite.removeprefix("]e0"))) if bar else ()
    if len(linear) in GTIN_LENGTHS and is_digits(linear):
        reading = _of_gtin(linear)
    else:
        reading = _of_elements("element string", _element_string(linear))
    if not bar:
        return reading
    return replace(reading, data=f"{reading.data}|{concatenated(component)}", elements=(*reading.elements, *component))


def _element_string(text: str) -> tuple[Element, ...]:
    try:
        return parse_elements(_fnc1_as_gs(text))
    except Gs1Error as error:
        if error.code != "gs1.unknown_ai":
            raise
        message = f"{quoted(text)} is neither GTIN nor Digital Link, and as an element string: {error}"
        raise Gs1Error("syntax" if not text[:2].isdigit() else "unknown_ai", message) from error


def _of_gtin(digits: str) -> Reading:
    if len(digits) != EIGHT:
        return Reading("GTIN", digits, (_gtin_element(check_gtin(digits)),), symbology=_BARE[len(digits)])
    symbology, gtin, notes = _of_eight(digits)
    return Reading("GTIN", digits, (_gtin_element(gtin),), symbology=symbology, notes=notes)


def _of_eight(digits: str) -> tuple[str, str, tuple[str, ...]]:
    """Symbology and GTIN-14 of 8 digits without AIM identifier.

    Where both fit, one that begins with 0 is a UPC-E: GS1-8 prefixes 000 to 099 are for use within a company, so that
    no trade item has such an EAN-8 (General Specifications, figure 1.4.3-1).
    """
    readings = readings_of_eight_digits(digits)
    if not readings:
        raise Gs1Error("check_digit", f"the check digit of {digits} is neither that of an EAN-8 nor of a UPC-E")
    chosen = "UPCE" if "EAN8" not in readings or (digits.startswith("0") and "UPCE" in readings) else "EAN8"
    others = tuple(
        f"as {symbology} it would be {gtin}; an AIM identifier would tell (]E4 EAN-8, ]E0 UPC-E)"
        for symbology, gtin in readings.items()
        if symbology != chosen
    )
    return chosen, readings[chosen], others


def _of_elements(form: str, elements: Sequence[Element]) -> Reading:
    return Reading(form, concatenated(elements), tuple(elements))


def _ignored(link: DigitalLink) -> tuple[str, ...]:
    return (f"not GS1's: {', '.join(link.ignored)}",) if link.ignored else ()


def _fnc1_as_gs(text: str) -> str:
    return text.replace("^", GS).removeprefix(GS)


def _gtin_element(gtin: str) -> Element:
    ai = find("01")
    if ai is None:
        raise LookupError("01")
    return Element(ai, gtin)
