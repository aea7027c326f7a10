r"""What a scanner transmits: AIM symbology identifier and data, to and from the notation of the GS1 syntax engine.

In that notation ``^`` is FNC1, ``|`` stands before the composite component, and a text that begins with ``^`` as data
is written with a backslash before it.

Sources: ISO/IEC 15424 (AIM identifiers), GS1 General Specifications 7.8, GS1 Barcode Syntax Engine.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from devices.gs1.check_digits import check_digit_holds, is_digits, with_check_digit
from devices.gs1.digital_link import DigitalLink, is_web_uri, parse_uri
from devices.gs1.elements import GS, Element, parse_elements
from devices.gs1.errors import Gs1Error

COMPOSITE = "|]e0"
"""What stands between an EAN/UPC and the composite component above it."""


class Content(Enum):
    """What an AIM identifier promises."""

    ELEMENTS = "elements"
    GTIN = "gtin"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Symbology:
    """One kind of symbol.

    Attributes:
        key: its name in the GS1 syntax engine, e.g. ``GS1_128_CCA``; for others a name of the same form.
        name: as people say.
        content: what is in it.
        digits: numbers of digits of a GTIN in it.
    """

    key: str
    name: str
    content: Content
    digits: frozenset[int] = frozenset()


AIM_IDENTIFIERS: dict[str, Symbology] = {
    "]C1": Symbology("GS1_128_CCA", "GS1-128", Content.ELEMENTS),
    "]e0": Symbology("DataBarExpanded", "GS1 DataBar or composite", Content.ELEMENTS),
    "]d2": Symbology("DM", "GS1 DataMatrix", Content.ELEMENTS),
    "]Q3": Symbology("QR", "GS1 QR Code", Content.ELEMENTS),
    "]J1": Symbology("DotCode", "GS1 DotCode", Content.ELEMENTS),
    "]z1": Symbology("Aztec", "GS1 Aztec Code", Content.ELEMENTS),
    "]E0": Symbology("EAN13", "EAN-13, UPC-A or UPC-E", Content.GTIN, frozenset({13})),
    "]E4": Symbology("EAN8", "EAN-8", Content.GTIN, frozenset({8})),
    "]I1": Symbology("ITF14", "ITF-14", Content.GTIN, frozenset({14})),
    "]d1": Symbology("DM", "DataMatrix", Content.TEXT),
    "]Q1": Symbology("QR", "QR Code", Content.TEXT),
    "]J0": Symbology("DotCode", "DotCode", Content.TEXT),
    **{f"]A{n}": Symbology("Code39", "Code 39", Content.TEXT) for n in "013457"},
    **{f"]C{n}": Symbology("Code128", "Code 128", Content.TEXT) for n in "024"},
    "]E1": Symbology("EAN2", "EAN/UPC add-on of 2 digits", Content.TEXT),
    "]E2": Symbology("EAN5", "EAN/UPC add-on of 5 digits", Content.TEXT),
    "]E3": Symbology("EAN13AddOn", "EAN/UPC with add-on", Content.TEXT),
    **{f"]F{n}": Symbology("Codabar", "Codabar", Content.TEXT) for n in "0124"},
    "]G0": Symbology("Code93", "Code 93", Content.TEXT),
    "]I0": Symbology("ITF", "Interleaved 2 of 5", Content.TEXT),
    "]I3": Symbology("ITF", "Interleaved 2 of 5", Content.TEXT),
    **{f"]L{n}": Symbology("PDF417", "PDF417", Content.TEXT) for n in "012345"},
    **{f"]Q{n}": Symbology("QR", "QR Code", Content.TEXT) for n in "02456"},
    **{f"]U{n}": Symbology("MaxiCode", "MaxiCode", Content.TEXT) for n in "0123"},
    **{f"]X{n:X}": Symbology("Other", "another symbology", Content.TEXT) for n in range(16)},
    **{f"]d{n}": Symbology("DM", "DataMatrix", Content.TEXT) for n in "03456"},
    **{f"]e{n}": Symbology("Composite", "composite component", Content.TEXT) for n in "123"},
    **{f"]z{n}": Symbology("Aztec", "Aztec Code", Content.TEXT) for n in "023456789ABC"},
}
"""Every AIM identifier that this package knows. ``]Q1`` with a GS1 Digital Link in it is a text, too."""


@dataclass(frozen=True, slots=True)
class Scan:
    """One transmission.

    Attributes:
        aim: AIM identifier.
        symbology: what the identifier means.
        data: in the notation of the GS1 syntax engine.
        primary: digits of an EAN/UPC or ITF-14, otherwise empty.
        elements: of an element string, of the composite component of an EAN/UPC, or of a Digital Link.
        link: the Digital Link, if it was one.
    """

    aim: str
    symbology: Symbology
    data: str
    primary: str = ""
    elements: tuple[Element, ...] = field(default=())
    link: DigitalLink | None = None


def process(transmitted: str) -> Scan:
    """Read what a scanner transmits.

    Args:
        transmitted: AIM identifier and data; FNC1 within the data is GS (0x1D).

    Raises:
        Gs1Error: no or an unknown AIM identifier, or data that is not what the identifier promises.
    """
    aim, data = transmitted[:3], transmitted[3:]
    symbology = AIM_IDENTIFIERS.get(aim)
    if symbology is None:
        raise Gs1Error("aim", f"{aim!r} is no AIM symbology identifier that we know, such as ]C1 or ]E0")
    match symbology.content:
        case Content.ELEMENTS:
            return Scan(aim, symbology, f"^{_with_carets(data)}", elements=_elements(data))
        case Content.GTIN:
            return _process_gtin(aim, symbology, data)
        case Content.TEXT:
            link = parse_uri(data) if is_web_uri(data) else None
            return Scan(aim, symbology, _escape(data), elements=link.elements if link else (), link=link)


def generate(symbology: str, data: str, *, add_check_digit: bool = False) -> str:
    """What a scanner transmits for a symbol.

    Args:
        symbology: name in the GS1 syntax engine: ``QR``, ``DM``, ``DotCode``, ``GS1_128_CCA``, ``GS1_128_CCC``,
            ``DataBarExpanded``, ``DataBarOmni``, ``DataBarTruncated``, ``DataBarStacked``, ``DataBarStackedOmni``,
            ``DataBarLimited``, ``EAN13``, ``EAN8``, ``UPCA`` or ``UPCE`` (12 digits).
        data: in the notation of the engine, see above.
        add_check_digit: the digits of an EAN, UPC or DataBar come without check digit.

    Raises:
        Gs1Error: the symbology cannot carry such data.
    """
    linear, bar, composite = data.partition("|")
    if symbology in _TWO_DIMENSIONAL:
        plain, gs1 = _TWO_DIMENSIONAL[symbology]
        return gs1 + _checked(data) if data.startswith("^") else plain + _unescape(data)
    component = _checked(composite) if bar else ""
    if symbology in {"GS1_128_CCA", "GS1_128_CCC", "DataBarExpanded"}:
        sent = _checked(linear)
        if not bar:
            return f"{']e0' if symbology == 'DataBarExpanded' else ']C1'}{sent}"
        needs_fnc1 = _elements(sent)[-1].ai.length is None and not sent.endswith(GS)
        return f"]e0{sent}{GS if needs_fnc1 else ''}{component}"
    if symbology in _DATABAR:
        digits = _primary(linear.removeprefix("^01"), 14, add_check_digit=add_check_digit)
        if symbology == "DataBarLimited" and digits >= "2":
            raise Gs1Error("length", f"GS1 DataBar Limited holds GTINs below 2·10¹³, not {digits}")
        return f"]e001{digits}{component}"
    if symbology in _EAN_UPC:
        aim, length, pad = _EAN_UPC[symbology]
        digits = linear.removeprefix("^01" + "0" * (14 - length))
        sent = f"{aim}{pad}{_primary(digits, length, add_check_digit=add_check_digit)}"
        return f"{sent}{COMPOSITE}{component}" if bar else sent
    raise Gs1Error("aim", f"{symbology!r} is no symbology that we can generate scan data of")


_TWO_DIMENSIONAL = {"QR": ("]Q1", "]Q3"), "DM": ("]d1", "]d2"), "DotCode": ("]J0", "]J1")}
_DATABAR = frozenset({"DataBarOmni", "DataBarTruncated", "DataBarStacked", "DataBarStackedOmni", "DataBarLimited"})
_EAN_UPC = {"EAN13": ("]E0", 13, ""), "EAN8": ("]E4", 8, ""), "UPCA": ("]E0", 12, "0"), "UPCE": ("]E0", 12, "0")}


def _process_gtin(aim: str, symbology: Symbology, data: str) -> Scan:
    digits, composite, more = data.partition(COMPOSITE)
    if len(digits) not in symbology.digits or not is_digits(digits):
        wanted = " or ".join(map(str, sorted(symbology.digits)))
        raise Gs1Error(
            "length",
            f"{aim} promises {wanted} digits, found {len(digits)} characters",
            hint="A UPC is sent as 13 digits; let the scanner send EAN/UPC in full EAN format.",
        )
    if not check_digit_holds(digits):
        raise Gs1Error("check_digit", f"the check digit of {digits} is wrong; expected {with_check_digit(digits[:-1])}")
    if not composite:
        return Scan(aim, symbology, digits, primary=digits)
    return Scan(aim, symbology, f"{digits}|^{_with_carets(more)}", primary=digits, elements=_elements(more))


def _elements(data: str) -> tuple[Element, ...]:
    return parse_elements(data)


def _with_carets(data: str) -> str:
    return data.replace(GS, "^")


def _checked(data: str) -> str:
    """Data that begins with FNC1 as it is transmitted after an AIM identifier."""
    if not data.startswith("^"):
        raise Gs1Error("syntax", "expected elements that begin with FNC1, written ^")
    parse_elements(data[1:], fnc1="^")
    return data[1:].replace("^", GS)


def _primary(digits: str, length: int, *, add_check_digit: bool) -> str:
    given = length - add_check_digit
    if len(digits) != given or not is_digits(digits):
        raise Gs1Error("length", f"expected {given} digits, found {digits[:40]!r}")
    if add_check_digit:
        return with_check_digit(digits)
    if not check_digit_holds(digits):
        raise Gs1Error("check_digit", f"the check digit of {digits} is wrong; expected {with_check_digit(digits[:-1])}")
    return digits


def _escape(text: str) -> str:
    return f"\\{text}" if text.lstrip("\\").startswith("^") else text


def _unescape(text: str) -> str:
    return text[1:] if text.startswith("\\") and text.lstrip("\\").startswith("^") else text
