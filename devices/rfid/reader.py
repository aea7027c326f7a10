"""The one driver of all RFID readers: sets them up, keeps an inventory going, and tells which tags are in the field.

What differs from protocol to protocol is in the `devices.rfid.dialog.Dialog` it is given.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from devices.frames import FrameCounts
from devices.rfid.dialog import Answer, Dialog, Message, Notice, Question, Refusal, TagRead
from devices.rfid.field import TagField
from devices.rfid.settings import Mode, ReaderSettings
from devices.rfid.troubles import Troubles
from devices.serial_device import SerialDevice
from devices.serial_link import PortSettings
from inspection.errors import DeviceError, DeviceLost
from inspection.reading import TagReading

log = structlog.get_logger(__name__)

TICK_S = 0.02
IDLE_GAP_NS = 50_000_000
ANSWER_NS = 300_000_000
UNANSWERED_NS = 1_300_000_000
FAREWELL_AGAIN_NS = 150_000_000


class RfidReader(SerialDevice):
    """Connected once it took its settings and answers in its inventory; lost when it leaves questions open for 1.3 s.

    A tag is delivered as a `TagReading` when `TagField` counts it as in the field, and again now and then; a
    neighbour's tag too, marked as such.
    What the reader complains about stands in the status until it is over. An inventory that goes on by itself is ended
    when the driver is stopped, so that nothing transmits for nobody.
    """

    def __init__(
        self,
        device_id: str,
        port: PortSettings,
        dialog: Dialog,
        settings: ReaderSettings | None = None,
        field: TagField | None = None,
    ) -> None:
        super().__init__(device_id, "rfid", port, tick_s=TICK_S)
        self._dialog = dialog
        self._settings = settings or ReaderSettings()
        self._field = field or TagField()
        self._troubles = Troubles()
        self._write: Callable[[bytes], None] = _not_open
        self._setup: deque[Question] = deque()
        self._identity: list[str] = []
        self._attempts = 0
        self._inventory = False
        self._useful = False
        self._round_open = False
        self._asked_ns = 0
        self._open_since_ns: int | None = None
        self._heard_ns = 0
        self._last_byte_ns = 0
        self._farewell: Question | None = None
        self._left = False

    @property
    def counts(self) -> FrameCounts:
        """What became of the bytes since the driver was made."""
        return self._dialog.counts

    def opened(self, write: Callable[[bytes], None]) -> None:
        now_ns = time.monotonic_ns()
        self._write = write
        self._dialog.reset()
        self._forget()
        self._identity = []
        self._attempts = 0
        self._inventory = self._useful = False
        self._setup = deque(self._dialog.questions())
        self._heard_ns = now_ns
        self._open_since_ns = None
        self._farewell, self._left = None, False
        self._set_up(now_ns)

    def received(self, data: bytes, monotonic_ns: int) -> None:
        self._last_byte_ns = monotonic_ns
        messages = self._dialog.feed(data)
        if self._farewell is not None:
            self._left = self._left or any(_answers(message, self._farewell) for message in messages)
            return
        for message in messages:
            self._take(message, monotonic_ns)
        self._go_on(monotonic_ns)

    def tick(self, monotonic_ns: int) -> None:
        if self._dialog.pending and monotonic_ns - self._last_byte_ns >= IDLE_GAP_NS:
            for message in self._dialog.flush():
                self._take(message, monotonic_ns)
        self._go_on(monotonic_ns)

    def takes_leave(self, monotonic_ns: int) -> bool:
        """Ask for silence, again while no answer comes; what is read meanwhile is for nobody."""
        first = self._farewell is None
        if first and (self._inventory or self._identity):
            self._farewell = self._dialog.farewell()
        if self._farewell is None or self._left:
            return False
        if first or monotonic_ns - self._asked_ns > FAREWELL_AGAIN_NS:
            self._ask(self._farewell.data, monotonic_ns)
        return True

    def lost(self, reason: str) -> None:
        self._write = _not_open
        self._forget()
        super().lost(reason)

    @property
    def _polls(self) -> bool:
        return self._settings.mode is Mode.POLL

    def _forget(self) -> None:
        self._field.clear()
        self._troubles.clear()

    # Set-up ---------------------------------------------------------------------------------------------------------

    def _set_up(self, now_ns: int) -> None:
        """Put the first question that is left, or begin the inventory when none is."""
        while self._setup:
            question = self._setup[0]
            self._attempts += 1
            if self._attempts <= question.attempts:
                self._ask(question.later() if question.later else question.data, now_ns)
                return
            if question.must_succeed:
                raise DeviceLost(f"reader does not answer {question.name}")
            self._next_question()
        self._inventory = True
        self._begin_round(now_ns)

    def _next_question(self) -> None:
        self._setup.popleft()
        self._attempts = 0

    def _answered(self, answer: Answer, now_ns: int) -> None:
        question = self._setup[0]
        if not question.accepts(answer):
            if question.must_succeed:
                raise DeviceError(f"reader answered {answer.data.hex() or 'nothing'} to {question.name}", hint=_HINT)
            return
        self._identity += filter(None, [_printable(question.identity(answer))])
        self._next_question()
        self._set_up(now_ns)

    def _refused(self, refusal: Refusal, now_ns: int) -> None:
        question = self._setup[0]
        if question.must_succeed:
            raise DeviceError(f"reader refused {question.name}: {refusal.text}", hint=_HINT)
        self._next_question()
        self._set_up(now_ns)

    # Messages -------------------------------------------------------------------------------------------------------

    def _take(self, message: Message, now_ns: int) -> None:
        self._heard_ns = now_ns
        if not (self._polls and isinstance(message, Notice)):  # being alive is no answer to a poll
            self._open_since_ns = None
        if reply := self._dialog.reply_to(message):
            self._write(reply)
        if self._inventory:
            self._came()
        match message:
            case TagRead() if self._inventory:
                self._see(message, now_ns)
            case Notice():
                self._note(message, now_ns)
            case Answer() if self._setup and message.to == self._setup[0].to:
                self._answered(message, now_ns)
            case Refusal() if self._setup and not message.no_tag and message.to in {None, self._setup[0].to}:
                self._refused(message, now_ns)
            case Refusal() if self._inventory and not message.no_tag:
                self._note(Notice(message.text, trouble=True), now_ns)
        if self._inventory and (_ends_round(message) or not self._dialog.tells_end_of_round):
            self._round_open = False

    def _came(self) -> None:
        if not self._useful:
            self._useful = True
            self._announcer.came(self._detail())

    def _detail(self) -> str:
        return "; ".join([" ".join(self._identity) or "reader answers", *self._troubles.texts])

    def _see(self, read: TagRead, now_ns: int) -> None:
        reading = TagReading(
            device_id=self.device_id,
            raw=read.raw,
            at=datetime.now(UTC),
            monotonic_ns=now_ns,
            epc=read.epc,
            pc=read.pc,
            rssi_dbm=read.rssi_dbm,
            antenna=read.antenna,
            tag_crc_ok=read.tag_crc_ok,
        )
        for told in self._field.see(reading):
            self._announcer.deliver(told)

    def _note(self, notice: Notice, now_ns: int) -> None:
        before = self._troubles.texts
        self._troubles.note(notice, now_ns)
        self._show_troubles(before)

    def _show_troubles(self, before: tuple[str, ...]) -> None:
        """Tell what came and went, once."""
        now = self._troubles.texts
        for text in now:
            if text not in before:
                log.warning("rfid.trouble", device=self.device_id, trouble=text)
        for text in before:
            if text not in now:
                log.info("rfid.trouble_over", device=self.device_id, trouble=text)
        if self._useful:
            self._announcer.tells(self._detail())

    # Inventory ------------------------------------------------------------------------------------------------------

    def _go_on(self, now_ns: int) -> None:
        """Whatever is due: give the reader up, repeat a question, or start the next round."""
        # Silence counts from a question: a station that was asleep has asked nothing.
        if self._open_since_ns is not None and now_ns - self._open_since_ns > UNANSWERED_NS:
            raise DeviceLost(
                f"reader answers nothing for {UNANSWERED_NS / 1e9:.1f} s", hint="Check its power, cable and baud rate."
            )
        if self._setup:
            if now_ns - self._asked_ns > ANSWER_NS:
                self._set_up(now_ns)
            return
        self._let_pass(now_ns)
        silent = now_ns - max(self._heard_ns, self._asked_ns) > ANSWER_NS
        rested = self._polls and not self._round_open and now_ns - self._asked_ns >= self._settings.poll_ms * 1_000_000
        if silent or rested:
            if not self._polls:
                # Out of rounds, or in trouble: the answer to "stop" tells which.
                self._ask(self._dialog.stop(), now_ns)
            self._begin_round(now_ns)

    def _let_pass(self, now_ns: int) -> None:
        """Tell the tags that only came by, and the troubles that are over."""
        for told in self._field.passed(now_ns):
            self._announcer.deliver(told)
        before = self._troubles.texts
        self._troubles.forget_silent(now_ns)
        self._show_troubles(before)

    def _begin_round(self, now_ns: int) -> None:
        self._round_open = True
        self._ask(self._dialog.poll() if self._polls else self._dialog.start(), now_ns)

    def _ask(self, data: bytes, now_ns: int) -> None:
        self._asked_ns = now_ns
        if self._open_since_ns is None:
            self._open_since_ns = now_ns
        self._write(data)


_HINT = "Correct power_dbm, region or antennas in the configuration."


def _ends_round(message: Message) -> bool:
    return isinstance(message, Refusal) or (isinstance(message, Answer) and message.end_of_round)


def _answers(message: Message, question: Question) -> bool:
    return isinstance(message, Answer | Refusal) and message.to == question.to


def _not_open(_: bytes) -> None:
    raise DeviceLost("the port is closed")


def _printable(text: str) -> str:
    return "".join(char for char in text if char.isprintable() and char != "\ufffd").strip()
