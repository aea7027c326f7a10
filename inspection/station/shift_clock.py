"""When one shift ends and the next begins, by a clock that nobody can turn: how long the computer has been up.

The wall clock may jump: a battery is empty, somebody sets it, time synchronisation comes late. The time between two
decisions is therefore taken from the monotonic clock, and from the wall clock only across a restart of the computer.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from functools import cache
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
LONGEST_WORK_S = 600.0
"""A longer time between two items is a pause, of which so much counts as work."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Now, by both clocks.

    Attributes:
        at: timezone-aware UTC, of the wall clock.
        boot: which start of the computer this is; empty where the system does not tell.
        up_s: seconds of the monotonic clock, comparable within one ``boot``.
    """

    at: datetime
    boot: str
    up_s: float

    @classmethod
    def now(cls) -> Moment:
        return cls(datetime.now(UTC), _boot(), time.monotonic())

    def since_s(self, before: Moment) -> float:
        """Seconds from ``before`` to this moment; never negative."""
        if self.boot and self.boot == before.boot:
            return max(0.0, self.up_s - before.up_s)
        return max(0.0, (self.at - before.at).total_seconds())

    def worked_s(self, before: Moment) -> float:
        """How much of that counts as work."""
        return min(LONGEST_WORK_S, self.since_s(before))


@dataclass(frozen=True, slots=True)
class ShiftRules:
    """When a shift ends.

    Attributes:
        starts: times of the day, by the station's wall clock, at which a shift begins.
        pause_s: after so long without an item the next one begins a new shift.
    """

    starts: tuple[time_of_day, ...] = ()
    pause_s: float = 4 * 3600.0

    def begins_anew(self, before: Moment | None, now: Moment) -> bool:
        """Whether ``now`` belongs to another shift than ``before``."""
        if before is None:
            return True
        gap_s = now.since_s(before)
        return gap_s >= self.pause_s or any(
            now.at - start < timedelta(seconds=gap_s) for start in self._last_starts(now)
        )

    def _last_starts(self, now: Moment) -> Sequence[datetime]:
        """The newest start of each time of the day that is not later than now."""
        here = now.at.astimezone()
        days = (here.date(), here.date() - timedelta(days=1))
        found = []
        for start in self.starts:
            local = (datetime.combine(day, start).astimezone() for day in days)
            found.append(next(each for each in local if each <= here))
        return found


@cache
def _boot() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""
