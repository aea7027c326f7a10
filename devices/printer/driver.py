"""Driver of label printers that speak ZPL, on TCP 9100 or a serial port: one label at a time, and never half of one.

What can be guaranteed about a label, whatever happens to the line:

- It is sent only while the printer says that it could print it.
- It is done when the printer answers a question that was asked after the label's last byte: then all of it is there.
- When the line breaks before the last byte was handed over, the printer cannot have the label's end. Its beginning is
  dropped and the label is sent anew: it comes out once.
- When the line breaks after the last byte and before that answer, nobody but a person can know. The printer is asked
  whether a beginning without end lies in its memory; if so the label is sent anew. Otherwise the job fails with
  `PrintUnsure` and is not repeated: it may have come out, and two labels are worse than looking.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Lock

from devices.printer import zpl
from devices.printer.font import LabelFont
from devices.printer.label import Label
from devices.printer.status import HostStatus, StatusParser
from devices.serial_device import SerialDevice
from devices.serial_link import PortSettings
from inspection.errors import DeviceError, DeviceLost

TICK_S = 0.02
IDLE_GAP_NS = 200_000_000
ASK_NS = 500_000_000
SILENT_NS = 1_300_000_000
CHUNK = 512
"""Bytes handed over at a time; a serial port of 9600 baud takes them within its time-out."""
MAX_SENDINGS = 3


class PrintUnsure(DeviceError):
    """The line broke when the label had just been sent: it may have come out or not."""

    code = "printer.unsure"
    retryable = False


@dataclass(slots=True)
class _Job:
    data: bytes
    done: Future[None]
    begin: Callable[[], bool]
    interrupted: bool = False
    sent: int = 0
    sendings: int = 0

    @property
    def all_sent(self) -> bool:
        return self.sent == len(self.data)


class ZplPrinter(SerialDevice):
    """Connected while the printer says that it could print; what keeps it from that is the status in words."""

    def __init__(self, device_id: str, port: PortSettings, font: LabelFont | None = None) -> None:
        super().__init__(device_id, "printer", port, tick_s=TICK_S)
        self._font = font or LabelFont()
        self._parser = StatusParser()
        self._write: Callable[[bytes], None] = _not_open
        self._lock = Lock()
        self._jobs: deque[_Job] = deque()
        self._job: _Job | None = None
        self._broken = False
        self._ready = False
        self._asked_ns = 0
        self._waiting_since_ns: int | None = None
        self._last_byte_ns = 0

    def print_label(
        self, label: Label, *, begin: Callable[[], bool] = lambda: True, interrupted: bool = False
    ) -> Future[None]:
        """Print ``label`` after those that wait already, as soon as the printer can.

        Args:
            begin: called in the driver's thread right before the first byte is sent, e.g. to note it on disk. When it
                says no, the label is not sent and the future fails.
            interrupted: the program ended while it sent this label. It is sent only when the printer still has a
                beginning of one without its end; otherwise the future fails with `PrintUnsure`.

        The future ends when the printer has the whole label; with `PrintUnsure` when that cannot be known; with
        `DeviceError` when the printer does not take it, or the driver is stopped before. It may be cancelled while
        its label waits.
        """
        return self.print_job(zpl.render(label, self._font), begin=begin, interrupted=interrupted)

    def print_job(
        self, data: bytes, *, begin: Callable[[], bool] = lambda: True, interrupted: bool = False
    ) -> Future[None]:
        """Print ready-made ZPL, from ``^XA`` to ``^XZ``; otherwise as `print_label`.

        Raises:
            DeviceError: when it is not one whole format.
        """
        if not data.startswith(zpl.START) or data.find(zpl.END) != len(data) - len(zpl.END):
            raise DeviceError("a print job is one format, from ^XA to ^XZ")
        done: Future[None] = Future()
        with self._lock:
            self._jobs.append(_Job(data, done, begin, interrupted, sent=len(data) if interrupted else 0))
        return done

    @property
    def waiting(self) -> int:
        """Labels that are not printed yet."""
        with self._lock:
            return len(self._jobs) + (self._job is not None)

    def stop(self) -> None:
        super().stop()
        job, self._job = self._job, None
        if job is not None:
            job.done.set_exception(_unsure() if job.all_sent else DeviceError("the printer was stopped before"))
        with self._lock:
            left, self._jobs = self._jobs, deque()
        for waiting in left:
            if waiting.done.set_running_or_notify_cancel():
                waiting.done.set_exception(DeviceError("the printer was stopped before this label was sent"))

    def opened(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._parser.reset()
        self._ready = False
        self._waiting_since_ns = None
        self._ask(time.monotonic_ns())

    def received(self, data: bytes, monotonic_ns: int) -> None:
        self._last_byte_ns = monotonic_ns
        for status in self._parser.feed(data):
            self._take(status)
        self._go_on(monotonic_ns)

    def tick(self, monotonic_ns: int) -> None:
        if self._parser.pending and monotonic_ns - self._last_byte_ns >= IDLE_GAP_NS:
            self._parser.flush()
        self._go_on(monotonic_ns)

    def lost(self, reason: str) -> None:
        self._write = _not_open
        self._ready = False
        self._broken = self._broken or (self._job is not None and self._job.sent > 0)
        super().lost(reason)

    def _take(self, status: HostStatus) -> None:
        self._waiting_since_ns = None
        if self._broken:
            self._broken = False
            self._mend(status)
        elif self._job is not None and self._job.all_sent:
            self._proven(self._job, status)
        troubles = status.troubles
        self._ready = not troubles
        if troubles:
            self._announcer.lost("; ".join(troubles))
        else:
            self._announcer.came("printer ready")

    def _proven(self, job: _Job, status: HostStatus) -> None:
        """The printer answers a question that was asked after the label's last byte."""
        if not status.partial:
            self._end(job, None)
        elif job.sendings < MAX_SENDINGS:
            self._send_anew(job)
        else:
            self._write(zpl.FORGET_PARTIAL)
            hint = "Check cable, baud rate and flow control."
            self._end(job, DeviceError("the printer does not receive the label whole", hint=hint))

    def _mend(self, status: HostStatus) -> None:
        """The line broke while a label was under way and is there again."""
        job = self._job
        if job is None:
            return
        if job.all_sent and not status.partial:
            self._end(job, _unsure())
        else:
            self._send_anew(job)

    def _send_anew(self, job: _Job) -> None:
        self._write(zpl.FORGET_PARTIAL)
        job.sent = 0

    def _end(self, job: _Job, error: DeviceError | None) -> None:
        self._job = None
        if error is None:
            job.done.set_result(None)
        else:
            job.done.set_exception(error)

    def _go_on(self, now_ns: int) -> None:
        """Whatever is due: tell of silence, send the next piece, or ask."""
        since = self._waiting_since_ns
        if since is not None:
            if now_ns - since > SILENT_NS:
                self._ready = False
                self._announcer.lost(
                    "the printer does not answer: many do so while labels or ribbon are out or the head is open"
                )
                if now_ns - self._asked_ns > ASK_NS:
                    self._ask(now_ns)
            return
        job = self._next_job()
        if job is not None and not job.all_sent:
            self._send_piece(job, now_ns)
        elif now_ns - self._asked_ns >= ASK_NS:
            self._ask(now_ns)

    def _next_job(self) -> _Job | None:
        if not self._ready:
            return None
        while self._job is None:
            with self._lock:
                if not self._jobs:
                    return None
                job = self._jobs.popleft()
            if not job.done.set_running_or_notify_cancel():
                continue
            if not job.interrupted and not job.begin():
                job.done.set_exception(DeviceError("the label could not be noted as being sent, so it was not"))
                continue
            self._job = job
            self._broken = job.interrupted  # as if the line had broken under it: the printer's memory tells the rest
        return self._job

    def _send_piece(self, job: _Job, now_ns: int) -> None:
        if job.sent == 0:
            job.sendings += 1
        piece = job.data[job.sent : job.sent + CHUNK]
        job.sent += len(piece)  # counted before: when sending fails, some of it may have arrived
        self._write(piece)
        if job.all_sent:
            self._ask(now_ns)

    def _ask(self, now_ns: int) -> None:
        self._asked_ns = now_ns
        if self._waiting_since_ns is None:
            self._waiting_since_ns = now_ns
        self._write(zpl.STATUS)


def _unsure() -> PrintUnsure:
    return PrintUnsure(
        "the line broke just after the label was sent", hint="Look whether it came out, and print it again if not."
    )


def _not_open(_: bytes) -> None:
    raise DeviceLost("the port is closed")
