"""Which window works the station: the first one that is open; the others only show, until one takes over."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

TAB = r"^[A-Za-z0-9-]{1,64}$"
"""What a window may call itself."""


class Tabs:
    """The open windows by a name that each gives itself.

    Args:
        on_change: called from any thread when another window works the station.
    """

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._lock = threading.Lock()
        self._open: dict[str, int] = {}
        self._active: str | None = None

    @contextmanager
    def open(self, tab: str) -> Iterator[None]:
        """The window is there."""
        with self._lock:
            self._open[tab] = self._open.get(tab, 0) + 1
            if self._active is None:
                self._active = tab
        try:
            yield
        finally:
            self._leave(tab)

    def may_work(self, tab: str | None) -> bool:
        """Whether this window works the station; programs, which have no window, always may."""
        with self._lock:
            return tab is None or self._active in (None, tab)

    def take_over(self, tab: str) -> None:
        """From now on this window works the station."""
        with self._lock:
            self._active = tab
        self._on_change()

    def _leave(self, tab: str) -> None:
        with self._lock:
            self._open[tab] -= 1
            if self._open[tab] == 0:
                del self._open[tab]
            changed = self._active == tab and tab not in self._open
            if changed:
                self._active = next(iter(self._open), None)
        if changed:
            self._on_change()
