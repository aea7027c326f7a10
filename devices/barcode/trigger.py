"""Triggers of scanners that can be told to read: what is sent, and how one who asked learns what became of it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass, field
from typing import Protocol

from inspection.errors import DeviceError

HONEYWELL_ON = bytes.fromhex("16 54 0D")
"""SYN T CR: begin to read; Honeywell, HHP, Mindeo, Datalogic in HHP mode. Never acknowledged."""
HONEYWELL_OFF = bytes.fromhex("16 55 0D")
"""SYN U CR: stop reading."""

ACKNOWLEDGED_WITHIN_S = 1.2
AGAIN_AFTER_NS = 400_000_000
MAX_TIMES_SENT = 3


class TriggerFailed(DeviceError):
    """A scanner was told to read, or to stop, and there is no sign that it does."""

    code = "trigger.failed"


class Triggered(Protocol):
    """A scanner that reads on command."""

    def trigger(self) -> None:
        """Begin to read; what is read comes as a reading.

        Returns when the scanner acknowledged, or, where its protocol knows no acknowledgement, when the command was
        sent. Not to be called from the device's own listener.

        Raises:
            TriggerFailed: with the reason: no trigger configured, not connected, refused, or no acknowledgement.
        """

    def release(self) -> None:
        """Stop reading; raises like `trigger`."""


@dataclass(slots=True)
class Order:
    """One command to a scanner and the one who waits for its outcome.

    Attributes:
        name: of the command, for a person.
        data: the bytes to send.
        acknowledged: whether the scanner answers it.
        again: what to send when it does not answer; the same bytes unless the protocol marks a repetition.
    """

    name: str
    data: bytes
    acknowledged: bool = True
    again: bytes = b""
    done: Future[None] = field(default_factory=Future)
    sent_ns: int = 0
    times_sent: int = 0


class Orders:
    """Hands commands from any thread to the link's thread, one at a time, and their outcome back.

    `give` is for any thread; all else for the link's thread.
    """

    def __init__(self, device_id: str) -> None:
        self._device_id = device_id
        self._waiting: queue.SimpleQueue[Order] = queue.SimpleQueue()
        self._open: Order | None = None
        self._closed_because = "it is not started"
        self._lock = threading.Lock()

    def give(self, order: Order, timeout_s: float = ACKNOWLEDGED_WITHIN_S) -> None:
        """Have ``order`` sent and wait for its outcome.

        Raises:
            TriggerFailed: it was not sent, refused, or not acknowledged in time.
        """
        with self._lock:
            if self._closed_because:
                raise TriggerFailed(
                    f"{self._device_id} cannot be told to {order.name}: {self._closed_because}",
                    hint="Look at the scanner's cable and power, or pull its own trigger.",
                )
            self._waiting.put(order)
        try:
            order.done.result(timeout_s)
        except NotYet:
            if not order.done.cancel():  # the outcome came in this very moment
                return order.done.result()
            raise TriggerFailed(
                f"{self._device_id} did not acknowledge “{order.name}” within {timeout_s:g} s",
                hint="Check that it is set to be triggered by the host, that the configured trigger is its own, and "
                "that its line to the scanner (TX) is connected.",
            ) from None

    def opened(self) -> None:
        """The scanner can be spoken to."""
        with self._lock:
            self._closed_because = ""

    def closed(self, reason: str) -> None:
        """It cannot be spoken to; whoever waits is told."""
        with self._lock:
            self._closed_because = reason
            waiting = [order for order in (self._open, *_all_of(self._waiting)) if order is not None]
            self._open = None
        for order in waiting:
            self._fail(order, f"{self._device_id} cannot be told to {order.name}: {reason}")

    def work(self, write: Callable[[bytes], None], monotonic_ns: int) -> None:
        """Send the next command if the one before is done with, or that one again if its answer is overdue."""
        if self._open is not None and self._open.done.done():
            self._open = None  # nobody waits any more
        if self._open is not None and monotonic_ns - self._open.sent_ns >= AGAIN_AFTER_NS:
            self.send_again(write, monotonic_ns)
        while self._open is None:
            try:
                order = self._waiting.get_nowait()
            except queue.Empty:
                return
            if order.done.cancelled():
                continue
            write(order.data)
            order.sent_ns, order.times_sent = monotonic_ns, 1
            if order.acknowledged:
                self._open = order
            else:
                _finish(order)

    def send_again(self, write: Callable[[bytes], None], monotonic_ns: int) -> None:
        """Send the open command again, at most twice."""
        order = self._open
        if order is not None and order.times_sent < MAX_TIMES_SENT:
            write(order.again or order.data)
            order.sent_ns, order.times_sent = monotonic_ns, order.times_sent + 1

    def acknowledged(self) -> bool:
        """The scanner did what it was told; ``False`` when it was told nothing."""
        order, self._open = self._open, None
        if order is None:
            return False
        _finish(order)
        return True

    def refused(self, reason: str) -> bool:
        """The scanner did not do what it was told; ``False`` when it was told nothing."""
        order, self._open = self._open, None
        if order is None:
            return False
        self._fail(order, f"{self._device_id} refused “{order.name}”: {reason}")
        return True

    def _fail(self, order: Order, why: str) -> None:
        if order.done.set_running_or_notify_cancel():
            order.done.set_exception(TriggerFailed(why, hint="See the scanner's manual for its trigger mode."))


def _finish(order: Order) -> None:
    if order.done.set_running_or_notify_cancel():
        order.done.set_result(None)


def _all_of(waiting: queue.SimpleQueue[Order]) -> list[Order]:
    found = []
    while not waiting.empty():
        found.append(waiting.get_nowait())
    return found
