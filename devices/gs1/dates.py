"""Dates of GS1 elements: two-digit years, and day 00 for a whole month."""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, time

YEARS_BACK = 49


def full_year(two_digits: int, this_year: int | None = None) -> int:
    """Year of a date with ``two_digits`` of it, from 49 years ago to 50 years ahead (General Specifications, 7.12)."""
    now = datetime.now(UTC).year if this_year is None else this_year
    first = now - YEARS_BACK
    return first + (two_digits - first) % 100


def read_date(yymmdd: str, *, whole_months: bool = True) -> date:
    """Date of six digits; day 00 is the last day of the month (General Specifications, 3.4.2).

    Raises:
        ValueError: there is no such date, or it has day 00 where ``whole_months`` are not allowed.
    """
    year, month, day = full_year(int(yymmdd[:2])), int(yymmdd[2:4]), int(yymmdd[4:6])
    if day == 0 and whole_months:
        day = calendar.monthrange(year, month)[1]
    return date(year, month, day)


def read_time(digits: str) -> time:
    """Time of day of ``HH``, ``HHMM`` or ``HHMMSS``.

    Raises:
        ValueError: there is no such time.
    """
    hour, minute, second = (int(digits[at : at + 2] or "0") for at in (0, 2, 4))
    return time(hour, minute, second)
