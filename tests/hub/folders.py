"""Folders for databases that live as long as a test: in memory where there is room, for initdb waits on disks."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from inspection.hub.embedded_postgres import EmbeddedPostgres

MEMORY = Path("/dev/shm")
ROOM_BYTES = 1 << 30


@contextmanager
def database_folder() -> Iterator[Path]:
    """A data folder that PostgreSQL's account may enter; at the end its server is stopped and everything deleted."""
    roomy = os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM_BYTES
    folder = Path(tempfile.mkdtemp(prefix="hub-test-", dir=MEMORY if roomy else None))
    folder.chmod(0o755)
    try:
        yield folder
        EmbeddedPostgres(folder).destroy()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
