"""What the value of a GS1 element must be beyond its format: check digits, dates, codes of a list, and so on.

The checks are those that the GS1 Barcode Syntax Dictionary of 2026-01-27 names for each AI.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from functools import lru_cache

from devices.gs1 import code_lists
from devices.gs1.application_identifiers import ApplicationIdentifier, matches
from devices.gs1.check_digits import CSET_82, check_digit_holds, check_pair, is_digits
from devices.gs1.dates import read_date, read_time
from devices.gs1.errors import Gs1Error, shortened

Check = Callable[[str], None]
"""Raises :class:`ValueError`, saying what is wrong."""

SHORTEST_COMPANY_PREFIX = 4


def check_value(ai: ApplicationIdentifier, value: str) -> None:
    """Raise :class:`Gs1Error` when ``value`` is not one that ``ai`` may have."""
    place = f"({ai.code}){shortened(value)}"
    if not value:
        raise Gs1Error("length", f"({ai.code}) has no value; expected {ai.shape}")
    allowed = _ALPHABETS.get(ai.code, CSET_82)
    for character in value:
        if character not in allowed:
            raise Gs1Error("characters", f"{place}: {character!r} may not stand in a value of ({ai.code})")
    if not ai.pattern.fullmatch(value):
        raise _misshapen(ai, value, place)
    for kind, start, end, check in _checks(ai.code):
        part = value[start:end]
        if not part:
            continue
        try:
            check(part)
        except ValueError as error:
            raise Gs1Error(kind, f"{place}: {error}") from error


def _misshapen(ai: ApplicationIdentifier, value: str, place: str) -> Gs1Error:
    if ai.shape.startswith("N") and not is_digits(value) and ai.shape[1:].lstrip(".").isdigit():
        return Gs1Error("characters", f"{place}: expected {ai.shape}, that is digits only")
    low, high = _lengths(ai.shape)
    if not low <= len(value) <= high:
        return Gs1Error("length", f"{place}: expected {ai.shape}, found {len(value)} characters")
    kind = "date" if any(kind == "date" for kind, *_ in _checks(ai.code)) else "content"
    return Gs1Error(kind, f"{place}: that is no {ai.title or ai.shape}")


def _lengths(shape: str) -> tuple[int, int]:
    """Fewest and most characters of a value of ``shape``, such as ``N13[+X..17]``."""
    must, _, may = shape.partition("[")
    parts = [(bool(dots), int(count)) for dots, count in re.findall(r"[NXYZ](\.\.)?([0-9]+)", must)]
    optional = sum(map(int, re.findall(r"[0-9]+", may))) or bool(may)
    return sum(1 if dots else count for dots, count in parts), sum(count for _, count in parts) + optional


def _check_digit(digits: str) -> None:
    if not check_digit_holds(digits):
        raise ValueError(f"the check digit of {digits} is wrong")


def _check_pair(text: str) -> None:
    if check_pair(text[:-2]) != text[-2:]:
        raise ValueError(f"the check characters of {text} are wrong")


def _company_prefix(text: str) -> None:
    if not is_digits(text) or len(text) < SHORTEST_COMPANY_PREFIX:
        raise ValueError("it must begin with a GS1 company prefix, at least 4 digits")


def _date(digits: str) -> None:
    read_date(digits, whole_months=False)


def _date_or_month(digits: str) -> None:
    read_date(digits)


def _full_date(digits: str) -> None:
    date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))


def _time(digits: str) -> None:
    read_time(digits)


def _one_of(what: str, codes: frozenset[str]) -> Check:
    def check(code: str) -> None:
        if code not in codes:
            raise ValueError(f"{code} is no {what}")

    return check


def _at_most(largest: int, what: str) -> Check:
    def check(digits: str) -> None:
        if int(digits) > largest:
            raise ValueError(f"{digits} is no {what}")

    return check


def _like(pattern: str, wanted: str) -> Check:
    compiled = re.compile(pattern)

    def check(text: str) -> None:
        if not compiled.fullmatch(text):
            raise ValueError(f"expected {wanted}, found {text}")

    return check


def _countries(digits: str) -> None:
    for at in range(0, len(digits), 3):
        _country(digits[at : at + 3])


def _piece_of_total(digits: str) -> None:
    piece, total = int(digits[:2]), int(digits[2:])
    if not 1 <= piece <= total:
        raise ValueError(f"there is no piece {piece} of {total}")


def _position(text: str) -> None:
    position, _, end = text.partition("/")
    if not 1 <= int(position) <= int(end):
        raise ValueError(f"there is no place {position} of {end}")


def _iban(text: str) -> None:
    if text[:2] not in code_lists.COUNTRY_LETTERS or not re.fullmatch(r"[0-9A-Z]{11,34}", text):
        raise ValueError("it is no IBAN (ISO 13616)")
    if int("".join(str(int(character, 36)) for character in text[4:] + text[:4])) % 97 != 1:
        raise ValueError("the check digits of the IBAN are wrong")


def _coupon(text: str) -> None:
    found = _COUPON.fullmatch(text)
    if not found:
        raise ValueError("it is no coupon after the North American Coupon Application Guideline")
    start, end = found["start"], found["end"]
    for day in filter(None, (start, end)):
        _date(day)
    if start and end and end < start:
        raise ValueError("the coupon ends before it starts")


def _counted(lengths: range, more: int) -> str:
    """Pattern of a digit that tells, less ``more``, how many digits follow it."""
    return "(?:" + "|".join(rf"{n}\d{{{n + more}}}" for n in lengths) + ")"


_PREFIX = _counted(range(7), 6)
_PURCHASE = _counted(range(1, 6), 0) + r"[0-49]\d{3}"
_FURTHER = rf"{_PURCHASE}(?:9|{_PREFIX})"
_SERIAL = _counted(range(10), 6)
_COUPON = re.compile(
    rf"{_PREFIX}\d{{6}}{_counted(range(1, 6), 0)}{_PURCHASE}(?:1[0-3]{_FURTHER})?(?:2{_FURTHER})?"
    rf"(?:3(?P<end>\d{{6}}))?(?:4(?P<start>\d{{6}}))?(?:5{_SERIAL})?(?:6{_counted(range(1, 8), 6)})?"
    r"(?:9[01256][0-2]\d[01])?"
)
_country = _one_of("country code of ISO 3166-1", code_lists.COUNTRY_NUMBERS)
_country_letters = _one_of("country code of ISO 3166-1", code_lists.COUNTRY_LETTERS)
_currency = _one_of("currency code of ISO 4217", code_lists.CURRENCY_NUMBERS)
_not_zero = _like(r"0*[1-9]\d*", "a number above zero")
_yes_no = _like("[01]", "0 (no) or 1 (yes)")
_escapes = _like(r"(?:[^%]|%[0-9A-Fa-f]{2})*", "% only before two hexadecimal digits")

_ALPHABETS = {"8010": CSET_82 + "#"}

# AIs · kind of error · first and last character · check
_CHECKS: tuple[tuple[str, str, int, int | None, Check], ...] = (
    ("00 01 02 03 402 410 411 412 413 414 415 416 417 8017 8018", "check_digit", 0, None, _check_digit),
    ("253 255", "check_digit", 0, 13, _check_digit),
    ("8006 8026", "check_digit", 0, 14, _check_digit),
    ("8003", "content", 0, 1, _like("0", "0 before the 13 digits of a GRAI")),
    ("8003", "check_digit", 1, 14, _check_digit),
    ("8013 8014", "check_digit", 0, None, _check_pair),
    ("401 7023 8004 8010 8013 8014", "content", 0, SHORTEST_COMPANY_PREFIX, _company_prefix),
    ("8014", "content", 0, None, _like(r".*\D.*", "a character that is no digit")),
    ("11 12 13 15 16 17 4324 4325", "date", 0, 6, _date_or_month),
    ("4326 7003 7006 7007 7011 8008", "date", 0, 6, _date),
    ("7007", "date", 6, 12, _date),
    ("7250 7251", "date", 0, 8, _full_date),
    ("4324 4325 7003 7011 8008", "date", 6, None, _time),
    ("7251", "date", 8, None, _time),
    ("421 422 424 426", "content", 0, 3, _country),
    ("423 425", "content", 0, None, _countries),
    ("703n", "content", 0, 3, _one_of("country code of ISO 3166-1", code_lists.COUNTRY_NUMBERS | {"999"})),
    ("4307 4317", "content", 0, None, _country_letters),
    ("391n 393n", "content", 0, 3, _currency),
    ("4300 4301 4302 4303 4304 4305 4306 4310 4311 4312 4313 4314 4315 4316 4320", "content", 0, None, _escapes),
    ("7253 7254 7256 7257 7259", "content", 0, None, _escapes),
    ("4309", "content", 0, 10, _at_most(1_800_000_000, "latitude")),
    ("4309", "content", 10, 20, _at_most(3_600_000_000, "longitude")),
    ("4321 4322 4323", "content", 0, None, _yes_no),
    ("7040", "content", 3, 4, _like("[-0-9A-Z_a-z]", "an importer index")),
    ("7041", "content", 0, None, _one_of("package type", code_lists.PACKAGE_TYPES)),
    ("7241", "content", 0, None, _one_of("AIDC media type", code_lists.MEDIA_TYPES)),
    ("7252", "content", 0, None, _like("[0129]", "0, 1, 2 or 9 (ISO 5218)")),
    ("7258", "content", 0, None, _position),
    ("8001", "content", 0, 4, _not_zero),
    ("8001", "content", 4, 9, _not_zero),
    ("8001", "content", 9, 12, _not_zero),
    ("8001", "content", 12, 13, _like("[019]", "winding direction 0, 1 or 9")),
    ("8006 8026", "content", 14, 18, _piece_of_total),
    ("8007", "content", 0, None, _iban),
    ("8011", "content", 0, None, _like("[1-9].*", "no zero in front")),
    ("8110", "content", 0, None, _coupon),
    ("8112", "content", 0, None, _like(rf"[01]{_PREFIX}\d{{6}}{_SERIAL}", "a positive offer file coupon")),
)


@lru_cache(maxsize=1024)
def _checks(code: str) -> tuple[tuple[str, int, int | None, Check], ...]:
    return tuple(row[1:] for row in _CHECKS if any(matches(code, template) for template in row[0].split()))
