"""What a scanned code says about an item: GS1 element strings, GS1 Digital Link and plain EAN/UPC."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from devices.gs1.digital_link import is_web_uri, parse_uri
from devices.gs1.elements import GS, Element, check_together, parse_bracketed, parse_elements, value_of
from devices.gs1.errors import Gs1Error, quoted, shortened
from devices.gs1.gtin import GTIN_LENGTHS, UPC_E_LENGTH, check_gtin, expand_upc_e, readings_of_eight_digits
from devices.gs1.scan import COMPOSITE

__all__ = ["ELEMENT_STRING_AIMS", "GTIN_AIMS", "GTIN_LENGTHS", "Gs1Error", "ScannedIdentity", "check_gtin", "parse"]

# AIM identifiers that promise a GS1 element string (GS1 General Specifications, figure 5.1.2-2).
ELEMENT_STRING_AIMS = frozenset({"]C1", "]d2", "]Q3", "]e0", "]J1", "]z1"})
# AIM identifiers that promise a bare GTIN, with the numbers of digits it may have. By the standard ]E0 has 13; many
# scanners leave off the zero before a UPC-A, or send a UPC-E as it is printed.
GTIN_AIMS = {"]E0": {8, 12, 13}, "]E3": {12, 13}, "]E4": {8}, "]I1": {14}}


@dataclass(frozen=True, slots=True)
class ScannedIdentity:
    """What one code says.

    Attributes:
        gtin: GTIN-14 with a valid check digit; ``None`` when the code carries a serial number only.
        serial: AI 21, or ``None``.
        lot: AI 10, or ``None``.
        expiry: AI 17, or the day of AI 7003, or ``None``; day 00 is the last of the month.
    """

    gtin: str | None
    serial: str | None = None
    lot: str | None = None
    expiry: date | None = None


def parse(text: str, aim: str = "") -> ScannedIdentity:
    """Identity of the item that a code stands on.

    Args:
        text: payload of the scan without AIM identifier; FNC1 is GS (0x1D).
        aim: AIM symbology identifier, or ``""``.

    Raises:
        Gs1Error: the code is no GS1 item code, or breaks its standard (check digit, length, date, two different
            values of one kind, elements that exclude each other).
    """
    try:
        return _parse(text, aim)
    except Gs1Error as error:
        kind = error.code.removeprefix("gs1.")
        reason = shortened(str(error), 160)
        raise Gs1Error(kind, f"{quoted(text)} is no GS1 item code: {reason}", hint=_HINT) from error


_HINT = "Scan again, or scan the code that carries the product number."


def _parse(text: str, aim: str) -> ScannedIdentity:
    if COMPOSITE in text and aim in GTIN_AIMS:
        linear, composite = text.split(COMPOSITE, maxsplit=1)
        more = _identity(parse_elements(composite))
        return ScannedIdentity(_bare_gtin(linear, aim), more.serial, more.lot, more.expiry)
    if is_web_uri(text):
        return _identified(_identity(parse_uri(text).elements), serial_alone=True)
    if aim in GTIN_AIMS or (aim not in ELEMENT_STRING_AIMS and _looks_like_gtin(text)):
        return ScannedIdentity(_bare_gtin(text, aim))
    # Brackets are how people write AIs, and how some scanners are set to send them.
    elements = parse_bracketed(text) if text.startswith("(") else parse_elements(text.strip(" ").removeprefix(GS))
    promised = aim in ELEMENT_STRING_AIMS or text.startswith(("(", GS))
    return _identified(_identity(elements), serial_alone=promised)


def _looks_like_gtin(text: str) -> bool:
    return len(text) in GTIN_LENGTHS and text.isascii() and text.isdigit()


def _bare_gtin(text: str, aim: str) -> str:
    lengths = GTIN_AIMS.get(aim, GTIN_LENGTHS)
    if len(text) not in lengths:
        wanted = " or ".join(map(str, sorted(lengths)))
        raise Gs1Error("length", f"expected {wanted} digits, found {len(text)} characters")
    if len(text) != UPC_E_LENGTH or aim == "]E4":
        return check_gtin(text)
    if aim:  # an EAN-8 would have come as ]E4
        return expand_upc_e(text)
    readings = readings_of_eight_digits(text)
    if not readings:
        raise Gs1Error("check_digit", "the check digit is neither that of an EAN-8 nor of a UPC-E")
    if len(readings) > 1:
        raise Gs1Error(
            "syntax", f"it is an EAN-8 as well as a UPC-E ({readings}); let the scanner send AIM identifiers"
        )
    return next(iter(readings.values()))


def _identity(elements: Sequence[Element]) -> ScannedIdentity:
    check_together(elements)
    gtin = value_of(elements, "01")
    expiry = next((element.date for code in ("17", "7003") for element in elements if element.code == code), None)
    return ScannedIdentity(
        check_gtin(gtin) if gtin else None, value_of(elements, "21"), value_of(elements, "10"), expiry
    )


def _identified(identity: ScannedIdentity, *, serial_alone: bool) -> ScannedIdentity:
    """Refuse what names no item. Text that merely looks like AI 21 is an order number as easily."""
    if identity.gtin is None and not (serial_alone and identity.serial):
        raise Gs1Error("missing", "it carries no GTIN")
    return identity
