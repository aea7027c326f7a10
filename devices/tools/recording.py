"""Raw bytes of a device with their times, in a file that plays back exactly: a site's trouble, brought home.

The file is text, one JSON object a line. The first says whose bytes follow; each further line is one event:

    {"recording": 1, "device": "rfid", "port": "/dev/ttyUSB0", "baudrate": 115200, "started": "2026-05-01T08:00:00Z"}
    {"t": 0.001532, "out": "BB0003000100047E"}
    {"t": 0.015210, "in": "BB01…"}
    {"t": 2.500000, "note": "lost: unplugged"}

``t`` is in seconds since the start. Every line is on disk before the next event, so a recording that was cut off by a
crash or a full disk is good up to its last whole line.
"""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from inspection.errors import InspectionError

VERSION = 1
MAX_LINE = 1 << 20

Direction = Literal["in", "out", "note"]


class RecordingError(InspectionError):
    """A recording cannot be written or read."""

    code = "recording.invalid"


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a recording.

    Attributes:
        t_s: seconds since the recording began.
        direction: ``in`` from the device, ``out`` to it, ``note`` about it.
        data: the bytes, or a note's text in UTF-8.
    """

    t_s: float
    direction: Direction
    data: bytes


@dataclass(frozen=True, slots=True)
class Header:
    """Whose bytes a recording holds."""

    device: str
    port: str
    baudrate: int
    started: str


class Recorder:
    """Writes a recording; usable from several threads.

    Raises:
        RecordingError: the file exists, or cannot be written.
    """

    def __init__(self, path: Path, *, device: str, port: str, baudrate: int) -> None:
        self.bytes_in = 0
        self.bytes_out = 0
        self._began_ns = time.monotonic_ns()
        self._lock = threading.Lock()
        try:
            self._file = path.open("x", encoding="utf-8")
        except FileExistsError as error:
            raise RecordingError(f"{path} exists", hint="name another; none is written over") from error
        except OSError as error:
            raise RecordingError(f"{path}: {error.strerror}", hint="name a file that can be written") from error
        self._put(
            {
                "recording": VERSION,
                "device": device,
                "port": port,
                "baudrate": baudrate,
                "started": datetime.now(UTC).isoformat(),
            }
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def received(self, data: bytes, monotonic_ns: int) -> None:
        """Bytes came from the device at ``monotonic_ns``."""
        self.bytes_in += len(data)
        self._event("in", data.hex().upper(), monotonic_ns)

    def sent(self, data: bytes, monotonic_ns: int) -> None:
        """Bytes went to the device at ``monotonic_ns``."""
        self.bytes_out += len(data)
        self._event("out", data.hex().upper(), monotonic_ns)

    def note(self, text: str) -> None:
        """Something happened that is no bytes: the device came, went, or was read."""
        self._event("note", text, time.monotonic_ns())

    def close(self) -> None:
        """End the file; calling it twice is fine."""
        with self._lock:
            self._file.close()

    def _event(self, direction: Direction, text: str, monotonic_ns: int) -> None:
        self._put({"t": round((monotonic_ns - self._began_ns) / 1e9, 6), direction: text})

    def _put(self, line: dict[str, Any]) -> None:
        with self._lock:
            if self._file.closed:
                return
            self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
            self._file.flush()


def read_header(path: Path) -> Header:
    """Whose recording ``path`` is.

    Raises:
        RecordingError: no such file, or no recording.
    """
    with _open(path) as file:
        return _header(path, file)


def read_events(path: Path) -> Iterator[Event]:
    """The events of a recording, in order; a last line that was cut off is left out.

    Raises:
        RecordingError: no such file, no recording, or a line in the middle that is none of ours.
    """
    with _open(path) as file:
        _header(path, file)
        last_s = 0.0
        for number, line in enumerate(iter(lambda: file.readline(MAX_LINE), ""), start=2):
            if not line.endswith("\n"):
                return
            event = _event(path, number, line)
            if event.t_s < last_s:  # two threads wrote at once: the order on disk is the order that counts
                event = Event(last_s, event.direction, event.data)
            last_s = event.t_s
            yield event


def _open(path: Path) -> io.TextIOWrapper:
    try:
        return path.open("r", encoding="utf-8")
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror}", hint="name a recording") from error


def _header(path: Path, file: io.TextIOWrapper) -> Header:
    try:
        line = json.loads(file.readline(MAX_LINE))
        if line["recording"] != VERSION:
            raise RecordingError(f"{path} is a recording of version {line['recording']}, not {VERSION}")
        return Header(str(line["device"]), str(line["port"]), int(line["baudrate"]), str(line["started"]))
    except (ValueError, KeyError, TypeError) as error:
        raise RecordingError(f"{path} is no recording", hint="make one with: station_app.py devices record") from error


def _event(path: Path, number: int, line: str) -> Event:
    try:
        fields = json.loads(line)
        t_s = float(fields["t"])
        if "note" in fields:
            return Event(t_s, "note", str(fields["note"]).encode())
        direction: Direction = "in" if "in" in fields else "out"
        return Event(t_s, direction, bytes.fromhex(fields[direction]))
    except (ValueError, KeyError, TypeError) as error:
        raise RecordingError(f"{path}, line {number} is no event of a recording: {line.strip()[:60]}") from error
