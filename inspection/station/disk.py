"""Tells that the disk fills up before no picture can be stored any more, and stops telling when it is emptied."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from inspection.station.snapshot import Fault

NEARLY = 2
"""So many times what must stay free is little."""
STEP_MB = 100
MB = 1_000_000


class DiskWatch:
    """Looks at the disk of the station's data whenever it is asked; that costs microseconds.

    Args:
        min_free_mb: below this no picture is taken; 0 watches nothing.
        free: bytes that are free in a folder.
    """

    def __init__(
        self,
        folder: Path,
        min_free_mb: int,
        free: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    ) -> None:
        self._folder, self._min_free_mb, self._free = folder, min_free_mb, free
        self._told: tuple[Fault, ...] = ()

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What is to be said now; the number changes in steps of 100 MB only."""
        try:
            free_mb = self._free(self._folder) // MB
        except OSError:  # the journal tells of a disk that is gone
            return ()
        if free_mb >= NEARLY * self._min_free_mb:
            return ()
        rounded = free_mb // STEP_MB * STEP_MB if free_mb > STEP_MB else free_mb
        return (Fault(code="disk.low", about=str(rounded)),)

    def changed(self) -> bool:
        """Whether there is something else to be said than the last time this was asked."""
        before, self._told = self._told, self.faults
        return before != self._told
