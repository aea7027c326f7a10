"""How long to wait before looking for a lost device again."""

from __future__ import annotations

FIRST_S = 0.05
LONGEST_S = 1.0


class Backoff:
    """Doubles from ``first_s`` to ``longest_s`` seconds; `reset` after the device was of use again.

    With the defaults a device that comes back is tried within one second of its return.
    """

    def __init__(self, first_s: float = FIRST_S, longest_s: float = LONGEST_S) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._next_s = first_s

    def next_s(self) -> float:
        """Seconds to wait this time."""
        wait_s, self._next_s = self._next_s, min(self._longest_s, self._next_s * 2)
        return wait_s

    def reset(self) -> None:
        """Start again from the shortest wait."""
        self._next_s = self._first_s
