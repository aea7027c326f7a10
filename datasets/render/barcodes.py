"""EAN-13 as bars: the pattern printed on the demo goods carries their true GTIN."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from inspection.errors import IdentityError

# GS1 General Specifications, section 5.2.1: number set A; B is C reversed, C is A inverted.
_SET_A = ("0001101", "0011001", "0010011", "0111101", "0100011", "0110001", "0101111", "0111011", "0110111", "0001011")
_PARITY = ("AAAAAA", "AABABB", "AABBAB", "AABBBA", "ABAABB", "ABBAAB", "ABBBAA", "ABABAB", "ABABBA", "ABBABA")
QUIET_LEFT, QUIET_RIGHT = 11, 7  # modules of white the standard asks for
MODULES = 95
GTIN_14 = 14


def check_digit(digits: str) -> int:
    """GS1 modulo-10 check digit of ``digits`` (GTIN without its last digit; any length)."""
    weighted = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits)))
    return -weighted % 10


def ean13_of(gtin: str) -> str:
    """The 13 digits printed for a GTIN-14 whose indicator is 0.

    Raises:
        IdentityError: not 14 digits, an indicator other than 0, or a wrong check digit.
    """
    if len(gtin) != GTIN_14 or not gtin.isdecimal():
        raise IdentityError(f"expected 14 digits, found {gtin!r}")
    if gtin[0] != "0":
        raise IdentityError(f"{gtin} has indicator {gtin[0]}; EAN-13 can only carry 0", hint="Print it as ITF-14.")
    if int(gtin[-1]) != check_digit(gtin[:-1]):
        raise IdentityError(f"{gtin} should end in {check_digit(gtin[:-1])}")
    return gtin[1:]


def ean13_modules(gtin: str) -> npt.NDArray[np.bool_]:
    """The 95 modules from left guard to right guard, True where a bar is."""
    digits = ean13_of(gtin)
    bits = ["101"]
    for digit, number_set in zip(digits[1:7], _PARITY[int(digits[0])], strict=True):
        code = _SET_A[int(digit)]
        bits.append(code if number_set == "A" else _inverted(code)[::-1])
    bits.append("01010")
    bits += [_inverted(_SET_A[int(digit)]) for digit in digits[7:]]
    bits.append("101")
    return np.array([bit == "1" for bit in "".join(bits)])


def _inverted(code: str) -> str:
    return code.translate(str.maketrans("01", "10"))
