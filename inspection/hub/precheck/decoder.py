"""Opens customers' pictures in a worker process that may die, hang or grow as it likes without harm to the asker."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import cv2
import numpy as np

from inspection.errors import InspectionError
from inspection.frame import Pixels
from inspection.hub.precheck.kinds import kind_of

SCRIPT = Path(__file__).with_name("decoding.py")
MAX_BYTES = 25_000_000
MAX_TOLD_BYTES = 4096
MAX_OUT_SIDE = 2000
JPEG_QUALITY = 90
REASONS = (
    *("empty", "too_many_bytes", "type", "too_large", "too_small", "too_long"),
    *("incomplete", "broken", "too_slow", "crashed"),
)
"""Why a file is refused."""
MAX_PICTURES = 8
"""That one file may give: the frames of a video."""
_LENGTH_BYTES = 4
_PIECE = 1 << 20


class PictureRefused(InspectionError):
    """A customer's file gives no picture; ``code`` says why: ``precheck.type``, ``precheck.incomplete``, …."""

    code = "precheck.broken"

    def __init__(self, reason: str) -> None:
        super().__init__(f"the file was refused: {reason}", hint="tell the customer the sentence of this code")
        self.code = f"precheck.{reason}"


@dataclass(frozen=True, slots=True)
class Bounds:
    """What opening one picture may take.

    Attributes:
        memory_bytes: of address space of the worker, its libraries (some 200 MB) included.
        cpu_s: processor seconds for one picture.
        wall_s: seconds until the worker is given up, e.g. when it hangs or the machine is overloaded.
        pictures: after which the worker is replaced, so that nothing adds up.
    """

    memory_bytes: int = 1 << 30
    cpu_s: int = 8
    wall_s: float = 30.0
    pictures: int = 500


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """A picture as it may be kept: made of pixels alone.

    Attributes:
        pixels: uint8 (H, W, 3) BGR, upright, longer side at most 2000.
        told: what the file said before its metadata was dropped; see :func:`inspection.hub.precheck.decoding.decode`.
    """

    pixels: Pixels
    told: Mapping[str, Any] = field(default_factory=dict)

    def jpeg(self) -> bytes:
        """The picture encoded afresh, without metadata; nothing of the file that came in is in it but pixels."""
        _, encoded = cv2.imencode(".jpg", self.pixels, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        return encoded.tobytes()


class _Died(Exception):
    """The worker ended."""


class _Hung(Exception):
    """The worker did not answer in time."""


class _Babbled(Exception):
    """The worker answered what none of ours does: it is not to be trusted any more."""


class Decoder:
    """One worker process and the line to it; thread-safe, one picture at a time.

    Args:
        bounds: what one picture may take.
        script: what the worker runs.
        anchors: certificates (PEM) of whose content credentials are believed; see :func:`anchors_of`.
    """

    def __init__(self, bounds: Bounds | None = None, script: Path = SCRIPT, anchors: Path | None = None) -> None:
        self._bounds = bounds or Bounds()
        self._script = script
        self._anchors = () if anchors is None else (anchors,)
        self._worker: subprocess.Popen[bytes] | None = None
        self._opened = 0
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """Of the worker; ``None`` while there is none."""
        worker = self._worker
        return None if worker is None else worker.pid

    def close(self) -> None:
        """End the worker; the next picture starts another."""
        with self._lock:
            self._end()

    def open(self, data: bytes) -> Opened:
        """The picture in a file.

        Raises:
            PictureRefused: ``precheck.`` and one of `REASONS`; ``crashed`` is what kills the worker.
        """
        if not data:
            raise PictureRefused("empty")
        if len(data) > MAX_BYTES:
            raise PictureRefused("too_many_bytes")
        kind = kind_of(data)
        if kind is None:
            raise PictureRefused("type")
        with self._lock:
            told, pixels = self._picture(kind, data)
        shape = (told.pop("height"), told.pop("width"), 3)
        return Opened(np.frombuffer(pixels, np.uint8).reshape(shape), told)

    def _picture(self, kind: str, data: bytes) -> tuple[dict[str, Any], bytes]:
        """As :meth:`_ask`; what credentials hold must not cost the customer the picture, so it is tried without."""
        try:
            return self._ask(kind, data)
        except PictureRefused as refused:
            if refused.code not in {"precheck.crashed", "precheck.too_slow"} or b"jumb" not in data:
                raise
            return self._ask(f"{kind}!", data)

    def _ask(self, kind: str, data: bytes) -> tuple[dict[str, Any], bytes]:
        """What the worker tells of a file, and its pixels; the lock is held."""
        request = kind.encode("ascii").ljust(8, b"\0") + len(data).to_bytes(_LENGTH_BYTES, "big") + data
        worker = self._ready()
        try:
            told, pixels = _exchange(worker, request, time.monotonic() + self._bounds.wall_s)
        except _Hung as hung:
            self._end()
            raise PictureRefused("too_slow") from hung
        except (_Died, _Babbled) as gone:
            out_of_time = self._end() == -signal.SIGXCPU
            raise PictureRefused("too_slow" if out_of_time else "crashed") from gone
        if "code" in told:
            raise PictureRefused(str(told["code"]))
        return told, pixels

    def _command(self) -> list[str]:
        return [str(each) for each in (self._script, self._bounds.memory_bytes, self._bounds.cpu_s, *self._anchors)]

    def _ready(self) -> subprocess.Popen[bytes]:
        if self._worker is not None and (self._worker.poll() is not None or self._opened >= self._bounds.pictures):
            self._end()
        if self._worker is None:
            self._worker = subprocess.Popen(
                [sys.executable, "-I", "-B", *self._command()],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                env={},  # no secret of ours is in its memory
            )
            for pipe in (self._worker.stdin, self._worker.stdout):
                os.set_blocking(_fd(pipe), False)
            self._opened = 0
        self._opened += 1
        return self._worker

    def _end(self) -> int | None:
        """Kill the worker unless it has ended by itself; returns how it ended, as :class:`subprocess.Popen` says it."""
        worker, self._worker = self._worker, None
        if worker is None:
            return None
        try:
            ended = worker.wait(0.2)  # it may be about to
        except subprocess.TimeoutExpired:
            worker.kill()
            ended = worker.wait()
        for pipe in (worker.stdin, worker.stdout):
            if pipe is not None:
                pipe.close()
        return ended


def _fd(pipe: Any) -> int:
    return int(pipe.fileno())


def _exchange(worker: subprocess.Popen[bytes], request: bytes, deadline: float) -> tuple[dict[str, Any], bytes]:
    """Send a request and read the whole answer, each as fast as the other side takes and gives it."""
    asking, answering = _fd(worker.stdin), _fd(worker.stdout)
    poller = select.poll()
    poller.register(asking, select.POLLOUT)
    poller.register(answering, select.POLLIN)
    left, answer, whole = memoryview(request), bytearray(), None
    while whole is None or len(answer) < whole:
        remaining_ms = (deadline - time.monotonic()) * 1e3
        ready = poller.poll(remaining_ms) if remaining_ms > 0 else []
        if not ready:
            raise _Hung
        for fd, _ in ready:
            if fd == asking:
                left = _sent(asking, left)
                if not left:
                    poller.unregister(asking)
            else:
                answer += _received(answering)
        whole = _answer_bytes(answer) if whole is None else whole
    if len(answer) > whole:
        raise _Babbled
    told, start = _told(answer)
    return told, bytes(answer[start:])


def _sent(fd: int, left: memoryview) -> memoryview:
    try:
        return left[os.write(fd, left[:_PIECE]) :]
    except BlockingIOError:
        return left
    except OSError as gone:
        raise _Died from gone


def _received(fd: int) -> bytes:
    try:
        piece = os.read(fd, _PIECE)
    except BlockingIOError:
        return b""
    if not piece:
        raise _Died
    return piece


def _answer_bytes(answer: bytearray) -> int | None:
    """How long the whole answer is; ``None`` until that can be known."""
    if len(answer) < _LENGTH_BYTES:
        return None
    length = int.from_bytes(answer[:_LENGTH_BYTES], "big")
    if length > MAX_TOLD_BYTES:
        raise _Babbled
    if len(answer) < _LENGTH_BYTES + length:
        return None
    told, start = _told(answer)
    if "code" in told:
        if told["code"] not in REASONS:
            raise _Babbled
        return start
    pictures = told.get("frames", [told])
    if not (isinstance(pictures, list) and 1 <= len(pictures) <= MAX_PICTURES):
        raise _Babbled
    return start + sum(map(_pixel_bytes, pictures))


def _pixel_bytes(picture: Any) -> int:
    width, height = (picture.get("width"), picture.get("height")) if isinstance(picture, dict) else (None, None)
    if not (isinstance(width, int) and isinstance(height, int) and min(width, height) >= 1):
        raise _Babbled
    if max(width, height) > MAX_OUT_SIDE:
        raise _Babbled
    return width * height * 3


def _told(answer: bytearray) -> tuple[dict[str, Any], int]:
    start = _LENGTH_BYTES + int.from_bytes(answer[:_LENGTH_BYTES], "big")
    try:
        told = json.loads(bytes(answer[_LENGTH_BYTES:start]))
    except ValueError as error:
        raise _Babbled from error
    if not isinstance(told, dict):
        raise _Babbled
    return told, start
