"""What is known of each symbology: how its content is written, what is well formed, how far a read can be trusted."""

from __future__ import annotations

from devices.barcode.in_frame_code import FrameCode

MATRIX = frozenset({"QR Code", "Data Matrix", "PDF417", "Aztec"})
"""Reed-Solomon corrected: a wrong text is out of the question, one read will do at any step."""

CHECKED = frozenset(
    {"EAN-13", "UPC-A", "Code 128", "Code 93", "DataBar Omni", "DataBar Stacked", "DataBar Stacked Omni"}
    | {"DataBar Expanded", "DataBar Expanded Stacked"}
)
"""Linear with a check over every character: one read of the picture as it is will do. Sharpened, enlarged or otherwise
changed pictures show bars that are not there: then it takes two."""

_GTIN_DIGITS = {"EAN-13": 13, "UPC-A": 13, "UPC-E": 13, "EAN-8": 8}
_SHORTEST = {"ITF": 6, "Code 39": 3, "Codabar": 6, "Code 93": 2, "Code 128": 2}
"""Characters; shorter ones are what stripes and print are taken for (Codabar with its start and stop letters)."""

_GTIN_14 = 14


def trusted(code: FrameCode, *, unchanged: bool) -> bool:
    """Whether one read settles it; ``unchanged``: read in the picture as it is.

    ITF, Code 39, Codabar (no check at all), UPC-E (a parity for check digit), EAN-8 and DataBar Limited (short) take
    two reads always.
    """
    return code.format in MATRIX or (unchanged and code.format in CHECKED)


def short_itf(code: FrameCode) -> bool:
    """Whether it is an ITF without the check digit that 14 digits have."""
    return code.format == "ITF" and len(code.data) != _GTIN_14


def well_formed(code: FrameCode) -> bool:
    """Whether length and check digit are what the symbology asks for."""
    name = code.format
    if name == "UPC-E" and not code.data.startswith("00"):
        # GS1 gives UPC-E to number system 0 only; as system 1 the left half of an EAN-13 is read when the line slants.
        return False
    if name in _GTIN_DIGITS:
        return len(code.data) == _GTIN_DIGITS[name] and check_digit_right(code.data)
    if name == "ITF":
        even = len(code.data) % 2 == 0 and _digits(code.data) and len(code.data) >= _SHORTEST[name]
        return even and (len(code.data) != _GTIN_14 or check_digit_right(code.data))
    family = next((family for family in _SHORTEST if name.startswith(family)), None)
    return bool(code.data) and (family is None or len(code.data) >= _SHORTEST[family])


def check_digit_right(digits: str) -> bool:
    """GS1 modulo 10 over a GTIN (GS1 General Specifications, 7.9): weights 1 and 3 from the right add up to a ten."""
    return (
        _digits(digits) and sum(int(digit) * (3 if i % 2 else 1) for i, digit in enumerate(reversed(digits))) % 10 == 0
    )


def text_and_data(name: str, text: str, data: str) -> tuple[str, str, str]:
    """Printed text, transmitted data and name of the symbology, of what a reader said.

    Args:
        name: symbology as the reader calls it.
        text: content with GS1 identifiers in brackets.
        data: content with FNC1 as GS (0x1D); the same as ``text`` when it is not GS1.
    """
    if name in {"EAN-13", "UPC-A"}:
        digits = text.zfill(13)
        return (digits[1:], digits, "UPC-A") if digits.startswith("0") else (digits, digits, "EAN-13")
    if name == "UPC-E":
        return _upc_e(text)
    if name.startswith("DataBar") and "Expanded" not in name:
        return text.removeprefix("(01)"), data, name  # they hold one GTIN and nothing else
    return text, data, name


def _upc_e(digits: str) -> tuple[str, str, str]:
    """A UPC-E given as its 8 digits or as the 13 that they stand for."""
    long = expanded_upc_e(digits) if len(digits) == len("01234565") else digits.zfill(13)
    return shortened_upc_e(long), long, "UPC-E"


def expanded_upc_e(digits: str) -> str:
    """The 13 digits that the 8 of a UPC-E stand for (GS1 General Specifications, 5.2.2.4.2)."""
    system, body, check = digits[0], digits[1:7], digits[7]
    kind = body[5]
    if kind in "012":
        middle = f"{body[:2]}{kind}0000{body[2:5]}"
    elif kind == "3":
        middle = f"{body[:3]}00000{body[3:5]}"
    elif kind == "4":
        middle = f"{body[:4]}00000{body[4]}"
    else:
        middle = f"{body[:5]}0000{kind}"
    return f"0{system}{middle}{check}"


def shortened_upc_e(digits: str) -> str:
    """The 8 digits of the UPC-E that stand for these 13; the 13 themselves when no UPC-E does."""
    system, maker, product, check = digits[1], digits[2:7], digits[7:12], digits[12]
    bodies = [f"{maker[:2]}{product[2:]}{maker[2]}", f"{maker[:3]}{product[3:]}3", f"{maker[:4]}{product[4]}4"]
    bodies.append(f"{maker}{product[4]}")
    short = (f"{system}{body}{check}" for body in bodies)
    return next((digits8 for digits8 in short if expanded_upc_e(digits8) == digits), digits)


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit()
