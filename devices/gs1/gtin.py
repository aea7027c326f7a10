"""Bare trade item numbers: EAN-13, EAN-8, UPC-A, UPC-E and ITF-14 as GTIN-14."""

from __future__ import annotations

import contextlib

from biip import ParseError
from biip.upc import Upc

from devices.gs1.check_digits import check_digit_holds, is_digits, with_check_digit
from devices.gs1.errors import Gs1Error, quoted

GTIN_LENGTHS = {8, 12, 13, 14}
UPC_E_LENGTH = 8


def check_gtin(gtin: str) -> str:
    """``gtin`` (8, 12, 13 or 14 digits) as GTIN-14.

    Raises:
        Gs1Error: wrong length, a character that is no digit, a wrong check digit, or zeros only.
    """
    if not is_digits(gtin):
        raise Gs1Error("characters", f"{quoted(gtin)} is no GTIN: expected digits only")
    if len(gtin) not in GTIN_LENGTHS:
        raise Gs1Error("length", f"{quoted(gtin)} is no GTIN: expected 8, 12, 13 or 14 digits, found {len(gtin)}")
    if not check_digit_holds(gtin):
        expected = with_check_digit(gtin[:-1])[-1]
        raise Gs1Error("check_digit", f"{gtin} is no GTIN: its check digit is wrong, expected {expected}")
    if not gtin.strip("0"):
        raise Gs1Error("content", f"{gtin} is no GTIN: all digits are zero")
    return gtin.zfill(14)


def expand_upc_e(digits: str) -> str:
    """GTIN-14 of a UPC-E with number system and check digit, 8 digits (General Specifications, 5.2.2.4.2).

    Raises:
        Gs1Error: it is none.
    """
    if len(digits) != UPC_E_LENGTH or not is_digits(digits):
        raise Gs1Error("length", f"{quoted(digits)} is no UPC-E: expected 8 digits")
    try:
        upc_a: str = Upc.parse(digits).as_upc_a()
    except ParseError as error:
        raise Gs1Error("check_digit", f"{digits} is no UPC-E: {' '.join(str(error).split())}") from error
    return check_gtin(upc_a)


def readings_of_eight_digits(digits: str) -> dict[str, str]:
    """GTIN-14 by symbology, ``EAN8`` or ``UPCE``, of what 8 digits can be.

    Often they can be both: a UPC-E whose last digit before the check digit is 5 to 9 has the check digit of an EAN-8.
    """
    readings: dict[str, str] = {}
    with contextlib.suppress(Gs1Error):
        readings["EAN8"] = check_gtin(digits)
    with contextlib.suppress(Gs1Error):
        readings["UPCE"] = expand_upc_e(digits)
    return readings
