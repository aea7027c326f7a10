"""Driver of scales: keeps asking, or listens, and tells what lies on the scale; tares and zeroes it."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from queue import Empty, SimpleQueue

import structlog

from devices.frames import FrameCounts
from devices.scale.dialog import Dialog
from devices.scale.weight import Answer, Message, Mode, Refusal, Weight
from devices.serial_device import SerialDevice
from devices.serial_link import PortSettings
from inspection.errors import DeviceError, DeviceLost
from inspection.reading import WeightReading

log = structlog.get_logger(__name__)

TICK_S = 0.02
IDLE_GAP_NS = 100_000_000
ANSWER_NS = 300_000_000
SILENT_NS = 1_300_000_000
ALIKE_STEPS = 5


class Sending(Enum):
    """Who keeps the weights coming.

    With ``POLL`` the scale is asked again and again. With ``STREAM`` it sends by itself; it is told to at the start
    where its protocol has a command for that.
    """

    POLL = "poll"
    STREAM = "stream"


@dataclass(frozen=True, slots=True)
class ScaleSettings:
    """How the scale is to work.

    Attributes:
        sending: see `Sending`.
        poll_ms: time between two polls.
    """

    sending: Sending = Sending.POLL
    poll_ms: int = 100


@dataclass(slots=True)
class _Wish:
    """A tare or zero that somebody waits for."""

    name: str
    command: bytes
    done: Future[None]
    sent_ns: int = 0


class Scale(SerialDevice):
    """Connected once it said something in its protocol; lost when it says nothing of the kind for 1.3 s.

    Every weight is delivered as a `WeightReading`. One is called stable only when the scale said so twice in a row in
    messages of one length and about one weight: a line without checksum that lost a digit looks whole.
    """

    def __init__(
        self, device_id: str, port: PortSettings, dialog: Dialog, settings: ScaleSettings | None = None
    ) -> None:
        super().__init__(device_id, "scale", port, tick_s=TICK_S)
        self._dialog = dialog
        self._settings = settings or ScaleSettings()
        self._parser = dialog.parser()
        self._write: Callable[[bytes], None] = _not_open
        self._wishes: SimpleQueue[_Wish] = SimpleQueue()
        self._wish: _Wish | None = None
        self._before: Weight | None = None
        self._asked_ns = 0
        self._waiting_since_ns: int | None = None
        self._last_byte_ns = 0
        self._gibberish = False
        self._refusal = ""

    @property
    def counts(self) -> FrameCounts:
        """What became of the bytes since the driver was made."""
        return self._parser.counts

    def tare(self, timeout_s: float = 5.0) -> None:
        """Make what lies on the scale its tare; returns when the scale has done it.

        Raises:
            DeviceLost: when the scale is not connected.
            DeviceError: when it refuses or does not do it in time, mostly because it does not come to rest.
        """
        self._order("tare", self._dialog.tare, timeout_s)

    def zero(self, timeout_s: float = 5.0) -> None:
        """Make what the scale shows its zero; returns when the scale has done it.

        Raises:
            DeviceLost, DeviceError: as `tare`.
        """
        self._order("zero", self._dialog.zero, timeout_s)

    def opened(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._parser.reset()
        self._before = None
        self._gibberish = False
        self._refusal = ""
        self._waiting_since_ns = None
        now_ns = time.monotonic_ns()
        if self._settings.sending is Sending.POLL:
            self._ask(now_ns)
            return
        if self._dialog.start:
            write(self._dialog.start)
        self._waiting_since_ns = now_ns

    def received(self, data: bytes, monotonic_ns: int) -> None:
        self._gibberish = True
        self._last_byte_ns = monotonic_ns
        self._take_all(self._parser.feed(data), monotonic_ns)
        self._go_on(monotonic_ns)

    def tick(self, monotonic_ns: int) -> None:
        if self._parser.pending and monotonic_ns - self._last_byte_ns >= IDLE_GAP_NS:
            self._take_all(self._parser.flush(), monotonic_ns)
        self._go_on(monotonic_ns)

    def lost(self, reason: str) -> None:
        self._write = _not_open
        self._end_wish(DeviceLost(f"the scale was lost: {reason}"))
        super().lost(reason)

    def _order(self, name: str, command: bytes, timeout_s: float) -> None:
        if not self.status.connected:
            raise DeviceLost(f"{self.device_id} is not connected: {self.status.detail}")
        done: Future[None] = Future()
        self._wishes.put(_Wish(name, command, done))
        try:
            done.result(timeout_s)
        except FutureTimeout as error:
            done.cancel()
            raise DeviceError(
                f"{self.device_id} did not {name} within {timeout_s:g} s", hint="Let the scale come to rest."
            ) from error

    def _take_all(self, messages: list[Message], now_ns: int) -> None:
        for message in messages:
            self._gibberish = False
            self._waiting_since_ns = now_ns if self._settings.sending is Sending.STREAM else None
            if not self.status.connected:
                self._announcer.came(f"{self._dialog.name} scale answers")
            match message:
                case Weight():
                    self._weight(message, now_ns)
                case Answer() if self._wish is not None and message.to in {"", self._wish.name}:
                    self._end_wish(None)
                case Refusal():
                    self._refused(message)

    def _weight(self, weight: Weight, now_ns: int) -> None:
        if weight.mode is Mode.TARE:
            return
        stable = weight.stable and not weight.held and self._before is not None and _alike(self._before, weight)
        self._before = weight
        self._announcer.deliver(
            WeightReading(
                device_id=self.device_id,
                raw=weight.raw,
                at=datetime.now(UTC),
                monotonic_ns=now_ns,
                grams=weight.grams,
                stable=stable,
                overload=weight.overload,
                underload=weight.underload,
            )
        )
        wish = self._wish
        # Not every scale answers a command; a zero that is shown afterwards is as good.
        if wish is not None and stable and weight.grams == 0 and now_ns - wish.sent_ns > ANSWER_NS:
            self._end_wish(None)

    def _refused(self, refusal: Refusal) -> None:
        if self._wish is not None and refusal.to in {"", self._wish.name}:
            self._end_wish(DeviceError(f"{self.device_id}: {refusal.text}", hint="Let the scale come to rest."))
        elif refusal.text != self._refusal:
            self._refusal = refusal.text
            log.warning("scale.refused", device=self.device_id, reason=refusal.text)

    def _go_on(self, now_ns: int) -> None:
        """Whatever is due: give the scale up, carry a wish to it, or ask for the next weight."""
        since = self._waiting_since_ns
        if since is not None and now_ns - since > SILENT_NS:
            raise self._silent()
        self._next_wish(now_ns)
        if self._settings.sending is Sending.POLL:
            waited_ns = now_ns - self._asked_ns
            if waited_ns >= (self._settings.poll_ms * 1_000_000 if since is None else ANSWER_NS):
                self._ask(now_ns)

    def _ask(self, now_ns: int) -> None:
        self._asked_ns = now_ns
        if self._waiting_since_ns is None:
            self._waiting_since_ns = now_ns
        self._write(self._dialog.poll)

    def _silent(self) -> DeviceLost:
        if self._gibberish:
            return DeviceLost(
                f"nothing that came for {SILENT_NS / 1e9:.1f} s is {self._dialog.name}",
                hint="Check protocol, baud rate and parity on the scale and in the configuration.",
            )
        return DeviceLost(
            f"the scale says nothing for {SILENT_NS / 1e9:.1f} s",
            hint="Check its power and cable, and whether it sends by itself or has to be asked (mode).",
        )

    def _next_wish(self, now_ns: int) -> None:
        if self._wish is not None and self._wish.done.cancelled():
            self._wish = None
        if self._wish is not None:
            return
        try:
            wish = self._wishes.get_nowait()
        except Empty:
            return
        if wish.done.cancelled():
            return
        self._wish = wish
        wish.sent_ns = now_ns
        self._before = None  # what it weighs from now on is counted from another zero
        self._write(wish.command)

    def _end_wish(self, error: DeviceError | None) -> None:
        wish, self._wish = self._wish, None
        if wish is None or not wish.done.set_running_or_notify_cancel():
            return
        if error is None:
            wish.done.set_result(None)
        else:
            wish.done.set_exception(error)


def _alike(one: Weight, other: Weight) -> bool:
    """Whether two messages, both stable, confirm each other."""
    if not (one.stable and other.stable) or one.grams is None or other.grams is None:
        return False
    same_form = len(one.raw) == len(other.raw) and one.step_g == other.step_g and one.mode is other.mode
    return same_form and abs(one.grams - other.grams) <= ALIKE_STEPS * other.step_g


def _not_open(_: bytes) -> None:
    raise DeviceLost("the port is closed")
