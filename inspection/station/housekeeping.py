"""Keeps the disk from filling: what was reported long ago is forgotten, with its pictures."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

import structlog

from inspection.errors import InspectionError
from inspection.station.journal import Journal
from inspection.station.pictures import PictureStore

log = structlog.get_logger()
EVERY_S = 3600.0
YOUNG_S = 3600.0
"""A picture younger than this may belong to an inspection that is being judged."""


class Housekeeper:
    """A thread that tidies up at the start and every hour."""

    def __init__(self, journal: Journal, pictures: PictureStore, keep: timedelta) -> None:
        self._journal, self._pictures, self._keep = journal, pictures, keep
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="housekeeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(5.0)

    def tidy(self) -> tuple[int, int]:
        """Forget what is old; returns how many inspections and pictures went."""
        inspections = self._journal.prune(datetime.now(UTC) - self._keep)
        pictures = self._pictures.prune(self._journal.pictures_in_use(), YOUNG_S, time.time())
        return inspections, pictures

    def _run(self) -> None:
        while True:
            try:
                inspections, pictures = self.tidy()
                if inspections or pictures:
                    log.info("tidied", inspections=inspections, pictures=pictures)
            except InspectionError as error:
                log.error("tidying_failed", error=error.one_line())
            if self._stopping.wait(EVERY_S):
                return
