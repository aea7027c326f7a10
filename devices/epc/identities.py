"""EPC pure identities of trade items, logistic units and assets, and the GS1 keys that they stand for.

Source: GS1 EPC Tag Data Standard 1.13, sections 6.3 (EPC URIs) and 7 (correspondence to GS1 keys).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from devices.epc.characters import check_characters, escape, unescape
from devices.epc.errors import EpcError
from devices.gs1.application_identifiers import find
from devices.gs1.check_digits import is_digits, with_check_digit
from devices.gs1.content import check_value
from devices.gs1.digital_link import build_uri
from devices.gs1.elements import Element, bracketed, value_of

COMPANY_PREFIX_DIGITS = range(6, 13)
PREFIX = "urn:epc:id:"


class Scheme(Enum):
    """Schemes of this package.

    Attributes:
        digits: of company prefix and reference together; 0 where the reference is text.
        serial_length: characters that a serial number may have; 0 where there is none.
    """

    SGTIN = ("sgtin", 13, 20)
    SSCC = ("sscc", 17, 0)
    GRAI = ("grai", 12, 16)
    GIAI = ("giai", 0, 0)

    def __init__(self, label: str, digits: int, serial_length: int) -> None:
        self.label = label
        self.digits = digits
        self.serial_length = serial_length


LONGEST_GIAI = 30


@dataclass(frozen=True, slots=True)
class PureIdentity:
    """One thing, whatever tag or label names it.

    Attributes:
        company_prefix: 6 to 12 digits.
        reference: SGTIN: indicator and item reference; SSCC: extension digit and serial reference; GRAI: asset type,
            empty with a company prefix of 12 digits; GIAI: individual asset reference, which is text.
        serial: of SGTIN and GRAI, text without escapes; otherwise empty.

    Raises:
        EpcError: one of these is not what the scheme asks for.
    """

    scheme: Scheme
    company_prefix: str
    reference: str
    serial: str = ""

    def __post_init__(self) -> None:
        scheme, prefix = self.scheme, self.company_prefix
        if not is_digits(prefix) or len(prefix) not in COMPANY_PREFIX_DIGITS:
            raise EpcError("company_prefix", f"expected a company prefix of 6 to 12 digits, found {prefix[:40]!r}")
        if scheme is Scheme.GIAI:
            _check_text("asset reference", self.reference, LONGEST_GIAI - len(prefix))
        elif not re.fullmatch(rf"[0-9]{{{scheme.digits - len(prefix)}}}", self.reference):
            wanted = scheme.digits - len(prefix)
            found = self.reference[:40]
            raise EpcError("digits", f"company prefix {prefix} of an {scheme.name} leaves {wanted} digits: {found!r}")
        if scheme.serial_length:
            _check_text("serial number", self.serial, scheme.serial_length)
        if scheme is Scheme.SGTIN and not self.key.strip("0"):
            raise EpcError("digits", "all digits of the GTIN are zero")

    @property
    def uri(self) -> str:
        """``urn:epc:id:sgtin:0614141.812345.6789``."""
        return f"{PREFIX}{self.scheme.label}:{self.body}"

    @property
    def body(self) -> str:
        """The part of the URN that names the thing, ``0614141.812345.6789``."""
        parts = [self.company_prefix, escape(self.reference)]
        return ".".join([*parts, escape(self.serial)] if self.scheme.serial_length else parts)

    @property
    def key(self) -> str:
        """GTIN-14, SSCC of 18 digits, GRAI as in AI 8003 (zero, 13 digits, serial), or GIAI."""
        prefix, reference = self.company_prefix, self.reference
        match self.scheme:
            case Scheme.SGTIN | Scheme.SSCC:
                return with_check_digit(reference[0] + prefix + reference[1:])
            case Scheme.GRAI:
                return f"0{with_check_digit(prefix + reference)}{self.serial}"
            case Scheme.GIAI:
                return prefix + reference

    @property
    def gtin(self) -> str | None:
        """GTIN-14 of an SGTIN, otherwise ``None``."""
        return self.key if self.scheme is Scheme.SGTIN else None

    @property
    def elements(self) -> tuple[Element, ...]:
        """The GS1 elements that say the same."""
        elements = [_element(_KEY_AIS[self.scheme], self.key)]
        return tuple([*elements, _element("21", self.serial)] if self.scheme is Scheme.SGTIN else elements)

    @property
    def element_string(self) -> str:
        """``(01)80614141123458(21)6789``."""
        return bracketed(self.elements)

    @property
    def digital_link(self) -> str:
        """``https://id.gs1.org/01/80614141123458/21/6789``."""
        return build_uri(self.elements)


def parse_pure_identity(uri: str) -> PureIdentity:
    """Identity of ``urn:epc:id:<scheme>:<parts>``.

    Raises:
        EpcError: another scheme, or parts that it does not allow.
    """
    label, colon, body = uri.removeprefix(PREFIX).partition(":")
    if not uri.startswith(PREFIX) or not colon:
        raise EpcError("syntax", f"expected {PREFIX}sgtin: and its parts, found {uri[:60]!r}")
    return parse_body(scheme_called(label), body)


def scheme_called(label: str) -> Scheme:
    """Scheme ``sgtin``, ``sscc``, ``grai`` or ``giai``.

    Raises:
        EpcError: another one.
    """
    for scheme in Scheme:
        if scheme.label == label:
            return scheme
    known = ", ".join(scheme.label for scheme in Scheme)
    raise EpcError("scheme", f"{label[:40]!r} is no EPC scheme that we know; we know {known}")


def parse_body(scheme: Scheme, body: str) -> PureIdentity:
    """Identity of what follows the scheme in a URN, e.g. ``0614141.812345.6789``."""
    count = 3 if scheme.serial_length else 2
    parts = body.split(".", maxsplit=count - 1)
    if len(parts) != count:
        raise EpcError("syntax", f"an {scheme.name} has {count} parts with dots between them, found {body[:60]!r}")
    return PureIdentity(scheme, parts[0], unescape(parts[1]), *map(unescape, parts[2:]))


def identity_of_elements(elements: Sequence[Element], company_prefix_digits: int) -> PureIdentity:
    """Identity that GS1 elements name; they do not tell where their company prefix ends.

    Raises:
        EpcError: there is no such key among them, its serial number is missing, or the prefix cannot be so long.
    """
    scheme, key = key_among(elements)
    digits = company_prefix_digits
    if digits not in COMPANY_PREFIX_DIGITS:
        raise EpcError("company_prefix", f"a company prefix has 6 to 12 digits, not {digits}")
    match scheme:
        case Scheme.SGTIN:
            serial = value_of(elements, "21") or ""
            return PureIdentity(scheme, key[1 : digits + 1], key[0] + key[digits + 1 : -1], serial)
        case Scheme.SSCC:
            return PureIdentity(scheme, key[1 : digits + 1], key[0] + key[digits + 1 : -1])
        case Scheme.GRAI:
            return PureIdentity(scheme, key[1 : digits + 1], key[digits + 1 : 13], key[14:])
        case Scheme.GIAI:
            return PureIdentity(scheme, key[:digits], key[digits:])


def key_among(elements: Sequence[Element]) -> tuple[Scheme, str]:
    """Scheme and key of the first element that names a single thing.

    Raises:
        EpcError: none does.
    """
    for element in elements:
        for scheme, code in _KEY_AIS.items():
            if element.code == code:
                _check_serialised(scheme, element.value, elements)
                return scheme, element.value
    raise EpcError("scheme", "there is no GTIN (01), SSCC (00), GRAI (8003) or GIAI (8004) to make an EPC of")


_KEY_AIS = {Scheme.SGTIN: "01", Scheme.SSCC: "00", Scheme.GRAI: "8003", Scheme.GIAI: "8004"}
_GRAI_DIGITS = 14


def _check_serialised(scheme: Scheme, key: str, elements: Sequence[Element]) -> None:
    if scheme is Scheme.SGTIN and not value_of(elements, "21"):
        raise EpcError("serial", f"GTIN {key} alone names a product, not one unit of it; an EPC needs a serial (21)")
    if scheme is Scheme.GRAI and len(key) == _GRAI_DIGITS:
        raise EpcError("serial", f"GRAI {key} has no serial component, which an EPC needs")


def _check_text(what: str, text: str, most: int) -> None:
    if not 1 <= len(text) <= most:
        raise EpcError("serial", f"expected a {what} of 1 to {most} characters, found {len(text)}")
    check_characters(text)


def _element(code: str, value: str) -> Element:
    ai = find(code)
    if ai is None:
        raise LookupError(code)
    check_value(ai, value)
    return Element(ai, value)
