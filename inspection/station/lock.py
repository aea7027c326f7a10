"""One station at a time on one data folder, whatever ends it: the lock goes with the process."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from inspection.errors import InspectionError, JournalError


class AlreadyRunning(InspectionError):
    """Another station works on this data folder."""

    code = "station.running"


@contextmanager
def only_station(data: Path) -> Iterator[None]:
    """Hold ``data`` for this process.

    Raises:
        AlreadyRunning: another process holds it; names the process.
        JournalError: the folder cannot be made or written.
    """
    path = data / "station.lock"
    try:
        data.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise JournalError(
            f"{path} cannot be opened: {error.strerror}", hint="give the station a data folder it may write to"
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(descriptor, 20).decode("ascii", "replace").strip() or "unknown"
            raise AlreadyRunning(
                f"a station already works on {data} (process {holder})", hint="stop it, or set `data` to another folder"
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)
