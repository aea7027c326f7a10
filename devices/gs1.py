"""What a scanned code says about an item: GS1 element strings, GS1 Digital Link and plain EAN/UPC, read with biip."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from datetime import date

import biip
from biip.gs1_digital_link_uris import GS1DigitalLinkURI
from biip.gs1_element_strings import GS1ElementStrings
from biip.gs1_messages import GS1Message
from biip.gtin import Gtin
from biip.upc import Upc

from inspection.errors import IdentityError

# AIM identifiers that promise a GS1 element string (GS1 General Specifications, figure 5.1.2-2).
ELEMENT_STRING_AIMS = frozenset({"]C1", "]d2", "]Q3", "]e0", "]J1"})
# AIM identifiers that promise a bare GTIN, with the numbers of digits it may have.
GTIN_AIMS = {"]E0": {8, 12, 13}, "]E3": {12, 13}, "]E4": {8}, "]I1": {14}}
GTIN_LENGTHS = {8, 12, 13, 14}
UPC_E_LENGTH = 8

_URI = re.compile(r"https?://", re.IGNORECASE)
_COMPOSITE = "|]e0"


@dataclass(frozen=True, slots=True)
class ScannedIdentity:
    """What one code says.

    Attributes:
        gtin: GTIN-14 with a valid check digit; ``None`` when the code carries a serial number only.
        serial: AI 21, or ``None``.
        lot: AI 10, or ``None``.
        expiry: AI 17, or ``None``; day 00 is the last of the month.
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
        IdentityError: the code is no GS1 item code, or breaks its standard (check digit, length, date, two different
            values of one kind).
    """
    try:
        if _COMPOSITE in text and aim in GTIN_AIMS:
            linear, composite = text.split(_COMPOSITE, maxsplit=1)
            more = _from_elements(GS1Message.parse(composite).element_strings, linear)
            return ScannedIdentity(_bare_gtin(linear, aim), more.serial, more.lot, more.expiry)
        if _URI.match(text):
            scheme, rest = text.split(":", maxsplit=1)
            elements = GS1DigitalLinkURI.parse(f"{scheme.lower()}:{rest}").element_strings
            return _identified(_from_elements(elements, text), text, serial_alone=True)
        if aim in GTIN_AIMS or (aim not in ELEMENT_STRING_AIMS and _looks_like_gtin(text)):
            return ScannedIdentity(_bare_gtin(text, aim))
        # Brackets are how people write AIs, and how some scanners are set to send them.
        message = GS1Message.parse_hri(text) if text.startswith("(") else GS1Message.parse(text)
        promised = aim in ELEMENT_STRING_AIMS or text.startswith(("(", "\x1d"))
        return _identified(_from_elements(message.element_strings, text), text, serial_alone=promised)
    except (biip.ParseError, ValueError) as error:
        raise IdentityError(f"{_shown(text)} is no GS1 item code: {_one_line(error)}", hint=_HINT) from error


def check_gtin(gtin: str) -> str:
    """``gtin`` (8, 12, 13 or 14 digits) as GTIN-14.

    Raises:
        IdentityError: wrong length, a character that is no digit, or a wrong check digit.
    """
    try:
        return _gtin14(gtin)
    except biip.ParseError as error:
        raise IdentityError(f"{_shown(gtin)} is no GTIN: {_one_line(error)}") from error


_HINT = "Scan again, or scan the code that carries the product number."


def _looks_like_gtin(text: str) -> bool:
    return len(text) in GTIN_LENGTHS and _digits(text)


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _bare_gtin(text: str, aim: str) -> str:
    lengths = GTIN_AIMS.get(aim, GTIN_LENGTHS)
    if len(text) not in lengths or not _digits(text):
        raise biip.ParseError(f"expected {' or '.join(map(str, sorted(lengths)))} digits, found {len(text)} characters")
    if len(text) == UPC_E_LENGTH and aim in {"", "]E0"}:
        return _upc_e_or_ean_8(text, aim)
    return _gtin14(text)


def _upc_e_or_ean_8(text: str, aim: str) -> str:
    """GTIN-14 of 8 digits, which are a UPC-E or an EAN-8; one UPC-E in ten has the check digit of an EAN-8, too."""
    readings: dict[str, str] = {}
    with contextlib.suppress(biip.ParseError):
        readings["UPC-E"] = _gtin14(Upc.parse(text).as_gtin_14())
    if not aim:  # an EAN-8 would have come as ]E4
        with contextlib.suppress(biip.ParseError):
            readings["EAN-8"] = _gtin14(text)
    match list(readings.values()):
        case []:
            raise biip.ParseError("the check digit is neither that of an EAN-8 nor of a UPC-E")
        case [gtin]:
            return gtin
        case _:
            raise biip.ParseError(
                f"it is an EAN-8 as well as a UPC-E ({readings}); let the scanner send AIM identifiers"
            )


def _gtin14(text: str) -> str:
    if not _digits(text):
        raise biip.ParseError("expected digits only")
    gtin: str = Gtin.parse(text).as_gtin_14()
    if not gtin.strip("0"):
        raise biip.ParseError("all digits are zero")
    return gtin


def _from_elements(elements: GS1ElementStrings, text: str) -> ScannedIdentity:
    values: dict[str, str] = {}
    dates: dict[str, date | None] = {}
    for element in elements:
        ai = element.ai.ai
        if values.setdefault(ai, element.value) != element.value:
            raise IdentityError(f"{_shown(text)} has two different values of AI ({ai})", hint=_HINT)
        dates[ai] = element.date
    gtin = _gtin14(values["01"]) if "01" in values else None
    return ScannedIdentity(gtin, values.get("21"), values.get("10"), dates.get("17"))


def _identified(identity: ScannedIdentity, text: str, *, serial_alone: bool) -> ScannedIdentity:
    """Refuse what names no item. Text that merely looks like AI 21 is an order number as easily."""
    if identity.gtin is None and not (serial_alone and identity.serial):
        raise IdentityError(f"{_shown(text)} carries no GTIN", hint=_HINT)
    return identity


def _shown(text: str) -> str:
    return repr(_shortened(text, 60))


def _one_line(error: Exception) -> str:
    return _shortened(" ".join(str(error).split()), 160)


def _shortened(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[:length]}…"
