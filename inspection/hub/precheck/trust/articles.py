"""The articles whose codes are to be read in a picture."""

from __future__ import annotations

import zxingcpp

from inspection.frame import Pixels

_RETAIL = (zxingcpp.BarcodeFormat.EAN13, zxingcpp.BarcodeFormat.EAN8, zxingcpp.BarcodeFormat.UPCA)
GTIN_DIGITS = 14
RESTRICTED = ("02", "04", "2")
"""GS1 prefixes for use within a company (GS1 General Specifications 1.4.3): such a number names no article."""


def gtins_in(pixels: Pixels) -> list[str]:
    """GTINs of 14 digits of the retail barcodes (EAN-13, EAN-8, UPC-A) in a picture (H, W, 3) BGR, in their order.

    The reader has checked the check digits.
    """
    found = []
    for code in zxingcpp.read_barcodes(pixels, formats=_RETAIL):
        digits = code.text
        if digits.isdecimal() and not digits.zfill(13).startswith(RESTRICTED):
            found.append(digits.zfill(GTIN_DIGITS))
    return sorted(set(found))
