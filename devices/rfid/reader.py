"""Driver of M100/R200 readers: sets them up, keeps an inventory going, and tells which tags are in the field."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

import structlog

from devices.rfid import m100
from devices.rfid.field import TagField
from devices.serial_device import SerialDevice
from devices.serial_link import PortSettings
from inspection.errors import DeviceError, DeviceLost
from inspection.reading import TagReading

log = structlog.get_logger(__name__)

TICK_S = 0.02
IDLE_GAP_NS = 50_000_000
ANSWER_NS = 300_000_000
UNANSWERED_NS = 1_300_000_000


class Mode(Enum):
    """How the inventory is kept going.

    ``POLL`` asks for one inventory after the other: every question is answered, so a silent reader is noticed. With
    ``CONTINUOUS`` the reader goes by itself and is asked to stop and start over when it falls silent.
    """

    POLL = "poll"
    CONTINUOUS = "continuous"


@dataclass(frozen=True, slots=True)
class ReaderSettings:
    """How the reader is to work.

    Attributes:
        dialect: frame bytes of its firmware.
        mode: see `Mode`.
        poll_ms: time between two polls.
        power_dbm: transmit power to set; ``None`` leaves it.
        region: frequency plan to set; ``None`` leaves it.
        report_ms: a tag that stays in the field is reported again after this time.
    """

    dialect: m100.Dialect = m100.BB_7E
    mode: Mode = Mode.POLL
    poll_ms: int = 50
    power_dbm: float | None = None
    region: m100.Region | None = None
    report_ms: int = 250


@dataclass(frozen=True, slots=True)
class _Request:
    """One question of the set-up: how often it is asked, and whether the reader is of use without a good answer."""

    command: m100.Command
    data: bytes
    attempts: int
    must_succeed: bool = False


class RfidReader(SerialDevice):
    """Connected once it told its version and took its settings; lost when it leaves questions open for 1.3 s.

    A tag is delivered as a `TagReading` when `TagField` counts it as in the field, and again every ``report_ms``.
    """

    def __init__(
        self, device_id: str, port: PortSettings, settings: ReaderSettings | None = None, field: TagField | None = None
    ) -> None:
        super().__init__(device_id, "rfid", port, tick_s=TICK_S)
        self._settings = settings or ReaderSettings()
        self._field = field or TagField()
        self._parser = m100.MessageParser(self._settings.dialect)
        self._write: Callable[[bytes], None] = _not_open
        self._setup: deque[_Request] = deque()
        self._identity: list[str] = []
        self._attempts = 0
        self._inventory = False
        self._useful = False
        self._asked_ns = 0
        self._open_since_ns: int | None = None
        self._heard_ns = 0
        self._last_byte_ns = 0

    @property
    def counts(self) -> m100.Counts:
        """What became of the bytes since the driver was made."""
        return self._parser.counts

    def opened(self, write: Callable[[bytes], None]) -> None:
        now_ns = time.monotonic_ns()
        self._write = write
        self._parser.reset()
        self._field.clear()
        self._identity = []
        self._attempts = 0
        self._inventory = self._useful = False
        self._setup = deque(self._setup_requests())
        self._heard_ns = now_ns
        self._open_since_ns = None
        self._ask_setup(now_ns)

    def received(self, data: bytes, monotonic_ns: int) -> None:
        self._last_byte_ns = monotonic_ns
        for message in self._parser.feed(data):
            self._take(message, monotonic_ns)
        self._go_on(monotonic_ns)

    def tick(self, monotonic_ns: int) -> None:
        if self._parser.pending and monotonic_ns - self._last_byte_ns >= IDLE_GAP_NS:
            for message in self._parser.flush():
                self._take(message, monotonic_ns)
        self._go_on(monotonic_ns)

    def lost(self, reason: str) -> None:
        self._write = _not_open
        self._field.clear()
        super().lost(reason)

    def _setup_requests(self) -> list[_Request]:
        settings, dialect = self._settings, self._settings.dialect
        requests = [
            # The reader may still be in the inventory of a program that was killed.
            _Request(m100.Command.STOP, m100.stop_inventory(dialect), attempts=1),
            _Request(m100.Command.INFO, m100.get_info(m100.Info.HARDWARE, dialect), attempts=2),
            _Request(m100.Command.INFO, m100.get_info(m100.Info.SOFTWARE, dialect), attempts=1),
        ]
        if settings.region is not None:
            data = m100.set_region(settings.region, dialect)
            requests.append(_Request(m100.Command.SET_REGION, data, attempts=4, must_succeed=True))
        if settings.power_dbm is not None:
            data = m100.set_power(settings.power_dbm, dialect)
            requests.append(_Request(m100.Command.SET_POWER, data, attempts=4, must_succeed=True))
        return requests

    def _ask(self, data: bytes, now_ns: int) -> None:
        self._asked_ns = now_ns
        if self._open_since_ns is None:
            self._open_since_ns = now_ns
        self._write(data)

    def _ask_setup(self, now_ns: int) -> None:
        """Put the first question of the set-up again, or go on without its answer."""
        request = self._setup[0]
        self._attempts += 1
        if self._attempts <= request.attempts:
            self._ask(request.data, now_ns)
        elif request.must_succeed:
            raise DeviceLost(f"reader does not answer {request.command.name}")
        else:
            self._next_setup(now_ns)

    def _take(self, message: m100.Message, now_ns: int) -> None:
        self._heard_ns = now_ns
        self._open_since_ns = None
        if self._inventory and not self._useful:
            self._useful = True
            self._announcer.came(" ".join(self._identity) or "reader answers")
        match message:
            case m100.TagNotice():
                self._see(message, now_ns)
            case m100.Answer() if self._setup and message.command == self._setup[0].command:
                self._setup_answered(message, now_ns)
            case m100.Refusal() if self._setup and not message.no_tag:
                self._setup_refused(message, now_ns)

    def _setup_answered(self, answer: m100.Answer, now_ns: int) -> None:
        request = self._setup[0]
        if request.command is m100.Command.INFO:
            self._identity += filter(None, [_printable(answer.parameters[1:])])
        elif request.must_succeed and answer.parameters != b"\x00":
            raise DeviceError(f"reader answered {answer.parameters.hex()} to {request.command.name}, not 00")
        self._next_setup(now_ns)

    def _setup_refused(self, refusal: m100.Refusal, now_ns: int) -> None:
        request = self._setup[0]
        if request.must_succeed:
            raise DeviceError(
                f"reader refused {request.command.name}: {m100.error_text(refusal.code)}",
                hint="Correct power_dbm or region in the configuration.",
            )
        self._next_setup(now_ns)

    def _next_setup(self, now_ns: int) -> None:
        self._setup.popleft()
        self._attempts = 0
        if self._setup:
            self._ask_setup(now_ns)
            return
        self._inventory = True
        dialect = self._settings.dialect
        poll = self._settings.mode is Mode.POLL
        self._ask(m100.single_inventory(dialect) if poll else m100.start_inventory(dialect=dialect), now_ns)

    def _go_on(self, now_ns: int) -> None:
        """Whatever is due: give the reader up, repeat a question, or start the next inventory."""
        # Silence counts from a question: a station that was asleep has asked nothing.
        if self._open_since_ns is not None and now_ns - self._open_since_ns > UNANSWERED_NS:
            raise DeviceLost(
                f"reader answers nothing for {UNANSWERED_NS / 1e9:.1f} s", hint="Check its power, cable and baud rate."
            )
        waiting_ns = now_ns - self._asked_ns
        if self._setup:
            if waiting_ns > ANSWER_NS:
                self._ask_setup(now_ns)
        elif self._settings.mode is Mode.POLL:
            answered = self._open_since_ns is None
            if waiting_ns >= (self._settings.poll_ms * 1_000_000 if answered else ANSWER_NS):
                self._ask(m100.single_inventory(self._settings.dialect), now_ns)
        elif now_ns - max(self._heard_ns, self._asked_ns) > ANSWER_NS:
            # Out of rounds, or in trouble: the answer to "stop" tells which.
            self._ask(m100.stop_inventory(self._settings.dialect), now_ns)
            self._write(m100.start_inventory(dialect=self._settings.dialect))

    def _see(self, notice: m100.TagNotice, now_ns: int) -> None:
        reading = TagReading(
            device_id=self.device_id,
            raw=notice.raw,
            at=datetime.now(UTC),
            monotonic_ns=now_ns,
            epc=notice.epc,
            pc=notice.pc,
            rssi_dbm=float(notice.rssi_dbm),
            tag_crc_ok=True,
        )
        counts = self._field.see(reading)
        if counts and self._inventory and self._field.due(notice.epc, now_ns, self._settings.report_ms):
            self._announcer.deliver(reading)


def _not_open(_: bytes) -> None:
    raise DeviceLost("the port is closed")


def _printable(text: bytes) -> str:
    return "".join(char for char in text.decode("ascii", "replace") if char.isprintable() and char != "\ufffd").strip()
