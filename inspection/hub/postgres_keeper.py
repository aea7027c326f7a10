"""Starts the embedded PostgreSQL again when it has died while the hub runs: killed, out of memory, out of disk."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

import structlog

from inspection.errors import InspectionError
from inspection.hub.embedded_postgres import EmbeddedPostgres

LOOK_S = 1.0
LONGEST_PAUSE_S = 30.0


class Keeper:
    """A thread that looks after the server of one data folder; a context manager.

    Each hub process has one; the first to notice starts the server, the others find it running. While it is gone,
    requests are answered 503 and connections heal by themselves.

    Args:
        server: started already.
        look_s: between two looks; after a start that failed the pause grows up to :data:`LONGEST_PAUSE_S`.
    """

    def __init__(self, server: EmbeddedPostgres, *, look_s: float = LOOK_S) -> None:
        self._server, self._look_s = server, look_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="postgres-keeper", daemon=True)
        self._log = structlog.get_logger("hub.database")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        pause_s = self._look_s
        while not self._stopping.wait(pause_s):
            try:
                revived = self._server.revive()
            except (InspectionError, OSError) as error:
                pause_s = min(LONGEST_PAUSE_S, 2 * pause_s)
                self._log.error("database_not_started", error=str(error), again_after_s=pause_s)
            else:
                pause_s = self._look_s
                if revived:
                    self._log.warning("database_started_again")
