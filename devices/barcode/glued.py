"""Takes a burst apart in which a scanner ran two scans together, where their own structure proves where one ends.

Nothing is guessed: every part must be whole by its standard (check digit, lengths, dates), and there must be one way to
cut only. Whatever is less certain stays one text, which no standard then takes for an item.
"""

from __future__ import annotations

import re
from itertools import pairwise

from devices import gs1
from devices.gs1.elements import parse_elements
from inspection.errors import IdentityError

# ISO/IEC 15424: flag character, code character of a known symbology, modifier.
AIM = re.compile(r"\][A-UXZcdeghopsz][0-9A-Za-z]")
GTIN_LENGTHS = (13, 12, 14)
"""Digits of the GTINs that are looked for in a burst of digits; any burst of 16 may be two EAN-8 or something else."""


def separate(text: str, *, end_may_be_lost: bool) -> list[str]:
    """The scans that ``text`` consists of; ``[text]`` when it is one, or when it cannot be told.

    Args:
        text: a burst with the AIM identifiers that the scanner sent.
        end_may_be_lost: the scanner ends its scans with a suffix, so that a missing one means missing bytes: a scan is
            then taken only where its own length proves it whole. Without suffix nothing is missing, and two GTINs in
            a row are two scans.
    """
    if AIM.match(text):
        return _by_identifiers(text, end_may_be_lost=end_may_be_lost)
    if end_may_be_lost or not (text.isascii() and text.isdigit()) or _is_item(text):
        return [text]
    cuts = [_in_pieces(text, length) for length in GTIN_LENGTHS if len(text) > length and len(text) % length == 0]
    whole = [pieces for pieces in cuts if all(_is_item(piece) for piece in pieces)]
    return whole[0] if len(whole) == 1 else [text]


def ends_provably(text: str, aim: str) -> bool:
    """Whether the end of a code is proved by its length: a bare GTIN, or a last element of predefined length."""
    if aim in gs1.GTIN_AIMS:
        return True
    if aim not in gs1.ELEMENT_STRING_AIMS:
        return False
    try:
        return parse_elements(text)[-1].ai.length is not None
    except IdentityError:
        return False


def _by_identifiers(text: str, *, end_may_be_lost: bool) -> list[str]:
    starts = [found.start() for found in AIM.finditer(text)]
    parts = [text[begin:end] for begin, end in zip(starts, [*starts[1:], len(text)], strict=True)]
    codes = [(part[3:], part[:3]) for part in parts]
    if len(codes) == 1 or not all(_is_item(code, aim) for code, aim in codes):
        return [text]
    if any(aim == "]e0" and before in gs1.GTIN_AIMS for (_, before), (_, aim) in pairwise(codes)):
        return [text]  # one composite symbol: its linear and its stacked part
    if end_may_be_lost and not all(ends_provably(code, aim) for code, aim in codes[:-1]):
        return [text]
    return parts


def _in_pieces(text: str, length: int) -> list[str]:
    return [text[at : at + length] for at in range(0, len(text), length)]


def _is_item(text: str, aim: str = "") -> bool:
    try:
        gs1.parse(text, aim)
    except IdentityError:
        return False
    return True
