"""Check digits and check characters of GS1 keys."""

from __future__ import annotations

from inspection.digital_link import check_digit

CSET_82 = "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
"""GS1 AI encodable character set 82, in the order of its weights (GS1 General Specifications, 7.11)."""

_CSET_32 = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83)


def is_digits(text: str) -> bool:
    """Whether ``text`` is one or more ASCII digits."""
    return text.isascii() and text.isdigit()


def with_check_digit(digits: str) -> str:
    """``digits`` and the check digit that belongs to them (GS1 General Specifications, 7.9.1)."""
    return digits + check_digit(digits)


def check_digit_holds(digits: str) -> bool:
    """Whether the last of ``digits`` is the check digit of those before it."""
    return is_digits(digits) and with_check_digit(digits[:-1]) == digits


def check_pair(text: str) -> str:
    """The two check characters that follow ``text``, up to 23 characters of set 82, in a GMN (7.9.5).

    Raises:
        ValueError: a character of another set, or too many.
    """
    weights = _PRIMES[: len(text)][::-1]
    total = sum(weight * CSET_82.index(character) for character, weight in zip(text, weights, strict=True)) % 1021
    return _CSET_32[total >> 5] + _CSET_32[total & 31]
