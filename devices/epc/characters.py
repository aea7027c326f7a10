"""Characters of alphanumeric serial numbers: in URNs and in the bits of a tag.

Source: GS1 EPC Tag Data Standard 1.13, 14.3.2 and 14.4.2 (String method) and appendix A, whose table lists the
characters, those that are escaped in a URN, and their seven bits (ISO/IEC 646).
"""

from __future__ import annotations

import re

from devices.epc.errors import EpcError
from devices.gs1.check_digits import CSET_82

BITS = 7
ESCAPED = '"%&/<>?'
_ESCAPE = re.compile("%([0-9A-Fa-f]{2})?")


def escape(text: str) -> str:
    """``text`` as it stands in a URN: ``A/B`` is ``A%2FB``."""
    return "".join(f"%{ord(character):02X}" if character in ESCAPED else character for character in text)


def unescape(text: str) -> str:
    """Characters of a part of a URN.

    Raises:
        EpcError: a character that serial numbers do not have, one that must be escaped, or an escape of another one.
    """

    def character(escape: re.Match[str]) -> str:
        found = chr(int(escape[1], 16)) if escape[1] else ""
        if not found or found not in ESCAPED:
            raise EpcError("characters", f"{escape[0]} in {text[:60]!r} is no escape of one of {ESCAPED}")
        return found

    for each in text:
        if each != "%" and (each not in CSET_82 or each in ESCAPED):
            must = " unless it is escaped" if each in ESCAPED else ""
            raise EpcError("characters", f"{each!r} may not stand in {text[:60]!r}{must}")
    return _ESCAPE.sub(character, text)


def check_characters(text: str) -> None:
    """Raise :class:`EpcError` when ``text`` has a character that serial numbers do not have."""
    for character in text:
        if character not in CSET_82:
            raise EpcError("characters", f"{character!r} may not stand in {text[:60]!r}")


def to_bits(text: str, bits: int) -> int:
    """``text`` in the upper of ``bits`` bits, seven a character, with zeros after it.

    Raises:
        EpcError: it is longer.
    """
    if len(text) * BITS > bits:
        raise EpcError("serial", f"{text!r} has more than {bits // BITS} characters")
    value = 0
    for character in text:
        value = value << BITS | ord(character)
    return value << (bits - len(text) * BITS)


def from_bits(value: int, bits: int) -> str:
    """Text of ``bits`` bits: characters up to the first seven zeros.

    Raises:
        EpcError: no character, one that serial numbers do not have, or bits after the end that are not zero.
    """
    text = ""
    for shift in range(bits - BITS, -1, -BITS):
        code = value >> shift & 0x7F
        if not code:
            break
        text += chr(code)
    check_characters(text)
    if not text:
        raise EpcError("serial", "the tag has no character where its serial number should be")
    if value & ((1 << (bits - len(text) * BITS)) - 1):
        raise EpcError("padding", f"there are bits set after the end of its serial number {text!r}")
    return text
