"""Shows by itself what time, or a camera, changes in the calibration: nobody scans at the beginning of a shift."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

log = structlog.get_logger()
EVERY_S = 20.0


class CalibrationClock:
    """A thread that asks for the faults now and then, and tells when they have changed.

    Args:
        ask: what is wrong now.
        every_s: how often.
    """

    def __init__(self, ask: Callable[[], object], every_s: float = EVERY_S) -> None:
        self._ask, self._every_s = ask, every_s
        self._tell: Callable[[], None] = lambda: None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="calibration-clock", daemon=True)

    def start(self, tell: Callable[[], None]) -> None:
        """Begin; ``tell`` is called from this thread."""
        self._tell = tell
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(5.0)

    def _run(self) -> None:
        before = self._asked(None)
        while not self._stopping.wait(self._every_s):
            now = self._asked(before)
            if now != before:
                self._tell()
            before = now

    def _asked(self, otherwise: object) -> object:
        try:
            return self._ask()
        except Exception as error:  # what cannot be asked now is asked again; the station goes on
            log.exception("calibration_clock_failed", error=str(error))
            return otherwise
