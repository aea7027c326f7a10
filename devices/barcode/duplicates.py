"""One label before a scanner is one reading, however often the scanner reports it."""

from __future__ import annotations


class Duplicates:
    """Tells a scanner's stutter from a second scan: the same code within ``window_ms`` of its last report.

    The window slides: a label that stays before a scanner in presentation mode is one reading until it was away for
    ``window_ms``. Another code in between, or a port that was opened anew, makes the next one a new reading. This is
    about one device and holds for command codes as well; that two devices may read one item is the session's business
    (``session.rescan_guard_ms``).
    """

    def __init__(self, window_ms: int) -> None:
        self._window_ns = window_ms * 1_000_000
        self._last: tuple[str, str] | None = None
        self._last_ns = 0

    def is_repeat(self, text: str, aim: str, monotonic_ns: int) -> bool:
        """Whether this report belongs to the reading before; to be asked once for every report, in order."""
        code, before, before_ns = (text, aim), self._last, self._last_ns
        self._last, self._last_ns = code, monotonic_ns
        return code == before and monotonic_ns - before_ns < self._window_ns

    def reset(self) -> None:
        """Forget the last code."""
        self._last = None
