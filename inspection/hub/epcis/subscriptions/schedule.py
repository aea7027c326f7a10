"""When a scheduled subscription is told: the fields of EPCIS 2.0 (8.2.5.3), in UTC.

Each field is a list of numbers and ranges, such as ``0,30`` or ``[1-5]``. Of the fields that are not given, those finer
than the finest given one are their lowest value, and all others are any: ``{"hour": "1"}`` is one o'clock, once.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from inspection.hub.problems import Problem

RANGES = {
    "second": (0, 59),
    "minute": (0, 59),
    "hour": (0, 23),
    "dayOfMonth": (1, 31),
    "month": (1, 12),
    "dayOfWeek": (1, 7),
}
TIMES = ("second", "minute", "hour")
MAX_TEXT = 400
YEARS = 9
"""Between two 29ths of February there may be eight."""
_ELEMENT = re.compile(r"\A(?:(\d{1,2})|\[(\d{1,2})-(\d{1,2})\])\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Values of each field that match."""

    fields: Mapping[str, frozenset[int]]

    def next_after(self, moment: datetime) -> datetime | None:
        """The first match later than ``moment``; ``None`` for a day that never comes."""
        start = moment.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)
        midnight = start.replace(hour=0, minute=0, second=0)
        times = itertools.product(*(sorted(self.fields[name]) for name in ("hour", "minute", "second")))
        offsets = [timedelta(hours=hour, minutes=minute, seconds=second) for hour, minute, second in times]
        for number in range(YEARS * 366):
            day = midnight + timedelta(days=number)
            if self._has(day):
                found = next((day + offset for offset in offsets if day + offset >= start), None)
                if found is not None:
                    return found
        return None

    def _has(self, day: datetime) -> bool:
        named = {"month": day.month, "dayOfMonth": day.day, "dayOfWeek": day.isoweekday()}
        return all(value in self.fields[name] for name, value in named.items())


def read_schedule(value: Any) -> Schedule:
    """The schedule that a subscription asks for.

    Raises:
        Problem: ``epcis.query`` as ``SubscriptionControlsException``.
    """
    if not isinstance(value, dict) or not value:
        raise refused("schedule", "must be an object with second, minute, hour, dayOfMonth, month or dayOfWeek")
    for name in value:
        if name not in RANGES:
            raise refused(f"schedule/{str(name)[:40]}", "no field of a schedule")
    given = {name: _values(name, text) for name, text in value.items()}
    finest = next((place for place, name in enumerate(TIMES) if name in given), len(TIMES))
    fields = {}
    for name, (low, high) in RANGES.items():
        finer = name in TIMES and TIMES.index(name) < finest
        fields[name] = given.get(name) or frozenset({low} if finer else range(low, high + 1))
    schedule = Schedule(fields)
    if schedule.next_after(datetime.now(UTC)) is None:
        raise refused("schedule", "names a day that no year has")
    return schedule


def _values(name: str, text: Any) -> frozenset[int]:
    low, high = RANGES[name]
    message = f"must be numbers from {low} to {high} and ranges such as [{low}-{high}], divided by commas"
    if isinstance(text, int) and not isinstance(text, bool):
        text = str(text)
    if not isinstance(text, str) or not text or len(text) > MAX_TEXT:
        raise refused(f"schedule/{name}", message)
    found: set[int] = set()
    for element in text.split(","):
        match = _ELEMENT.match(element.strip())
        if match is None:
            raise refused(f"schedule/{name}", message)
        first = int(match[1] or match[2])
        last = int(match[1] or match[3])
        if not low <= first <= last <= high:
            raise refused(f"schedule/{name}", message)
        found.update(range(first, last + 1))
    return frozenset(found)


def refused(pointer: str, message: str) -> Problem:
    """``epcis.query`` with the standard's name for what is wrong with a subscription."""
    shown = f"/{pointer}"
    return Problem(
        "epcis.query",
        f"{shown}: {message}",
        type="epcisException:SubscriptionControlsException",
        errors=[{"pointer": shown, "message": message}],
    )
