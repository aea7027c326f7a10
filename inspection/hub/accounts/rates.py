"""How many requests one caller may make: token buckets, in memory, each process for itself.

They keep one caller from taking all of a process. What must hold over all processes, guessing, is braked in PostgreSQL.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from inspection.hub.problems import Problem

MAX_CALLERS = 10_000


class Rates:
    """Buckets by caller; the longest unused are forgotten.

    Args:
        per_s: requests a second in the long run.
        burst: requests at once.
        monotonic_s: the clock.
    """

    def __init__(self, per_s: float, burst: int, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._per_s, self._burst, self._now = per_s, float(burst), monotonic_s
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, caller: str) -> None:
        """Count one request.

        Raises:
            Problem: ``rate.limited`` with ``Retry-After``.
        """
        now = self._now()
        with self._lock:
            left, at = self._buckets.pop(caller, (self._burst, now))
            left = min(self._burst, left + max(0.0, now - at) * self._per_s)
            self._buckets[caller] = (max(left - 1.0, 0.0) if left >= 1.0 else left, now)
            if len(self._buckets) > MAX_CALLERS:
                self._buckets.popitem(last=False)
        if left < 1.0:
            seconds = max(1, round((1.0 - left) / self._per_s + 0.5))
            raise Problem("rate.limited", f"slow down; try again in {seconds} s", headers={"Retry-After": f"{seconds}"})
