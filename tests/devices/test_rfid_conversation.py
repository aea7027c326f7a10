"""The one driver of all readers with a protocol made up for the purpose: what it says, when, and what it gives up."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from devices.base import DeviceEvent
from devices.frames import FrameCounts
from devices.rfid.dialog import Answer, Message, Notice, Question, Refusal, TagRead
from devices.rfid.field import TagField
from devices.rfid.reader import RfidReader
from devices.rfid.settings import Mode, ReaderSettings
from devices.serial_link import PortSettings
from inspection.errors import DeviceError, DeviceLost
from inspection.reading import Neighbour, TagReading

MS = 1_000_000
EPC = "3074257BF7194E4000001A85"
TAG = TagRead(EPC, None, -50.0, 1, None, b"tag")
POLL, POWER, NAME, STOP = 1, 2, 3, 4
END = Answer(POLL, end_of_round=True)
DONE = Answer(POWER, b"\x00")
HOT = Notice("too hot", trouble=True)
ALIVE = Notice("alive")

SET_POWER = Question("power", b"power", POWER, must_succeed=True, accepts=lambda answer: answer.data == b"\x00")
ASK_NAME = Question(
    "identity", b"name", NAME, accepts=lambda a: a.data != b"?", identity=lambda a: a.data.decode("ascii", "replace")
)


@dataclass
class Spoken:
    """A dialog whose messages are put in its mouth; a `devices.rfid.dialog.Dialog`."""

    setup: Sequence[Question] = ()
    tells_end_of_round: bool = True
    pending: int = 0
    counts: FrameCounts = field(default_factory=FrameCounts)
    next: list[Message] = field(default_factory=list)

    def questions(self) -> Sequence[Question]:
        return self.setup

    def poll(self) -> bytes:
        return b"poll"

    def start(self) -> bytes:
        return b"start"

    def stop(self) -> bytes:
        return b"stop"

    def farewell(self) -> Question | None:
        return Question("stop", b"stop", STOP)

    def feed(self, data: bytes) -> list[Message]:
        assert data
        said, self.next = self.next, []
        return said

    def flush(self) -> list[Message]:
        return []

    def reply_to(self, message: Message, /) -> bytes:
        return b"thanks" if message == ALIVE else b""

    def reset(self) -> None:
        self.next = []


class Talk:
    """The driver, opened; its clock is turned by hand, in milliseconds after the opening."""

    def __init__(
        self, setup: Sequence[Question] = (), *, mode: Mode = Mode.POLL, ends: bool = True, min_reads: int = 1
    ) -> None:
        self.dialog = Spoken(setup, ends)
        self.written: list[bytes] = []
        self.heard: list[TagReading] = []
        self.events: list[DeviceEvent] = []
        settings = ReaderSettings(mode=mode, poll_ms=50)
        self.reader = RfidReader("rfid", PortSettings("none"), self.dialog, settings, TagField(min_reads=min_reads))
        self.reader._announcer.deliver = self._deliver  # type: ignore[method-assign]  # no thread in these tests
        self.reader.opened(self.written.append)
        self._opened_ns = time.monotonic_ns()

    def _deliver(self, message: object) -> None:
        if isinstance(message, TagReading):
            self.heard.append(message)
        elif isinstance(message, DeviceEvent):
            self.events.append(message)

    @property
    def detail(self) -> str:
        return self.reader.status.detail

    def said(self) -> list[bytes]:
        """What was written since it was last asked for."""
        written, self.written[:] = list(self.written), []
        return written

    def hears(self, at_ms: int, *messages: Message) -> Talk:
        self.dialog.next = list(messages)
        self.reader.received(b"x", self._opened_ns + at_ms * MS)
        return self

    def says_it_is_alive(self, until_ms: int) -> Talk:
        """Five times a second."""
        for at_ms in range(100, until_ms, 200):
            self.hears(at_ms, ALIVE)
        return self

    def leaves(self, at_ms: int) -> bool:
        """Whether the port may be closed."""
        return not self.reader.takes_leave(self._opened_ns + at_ms * MS)

    def waits(self, until_ms: int, *, from_ms: int = 0) -> Talk:
        """Silence, with a tick every 20 ms."""
        for at_ms in range(from_ms, until_ms + 1, 20):
            self.reader.tick(self._opened_ns + at_ms * MS)
        return self


def test_without_questions_the_inventory_begins_at_once() -> None:
    assert Talk().said() == [b"poll"]
    assert Talk(mode=Mode.CONTINUOUS).said() == [b"start"]


def test_questions_are_asked_one_after_the_other_and_then_it_is_connected() -> None:
    talk = Talk([SET_POWER, ASK_NAME])
    assert talk.said() == [b"power"]
    assert talk.hears(10, DONE).said() == [b"name"]
    assert talk.hears(20, Answer(NAME, b"R2\x00000\xff")).said() == [b"poll"]
    assert not talk.reader.status.connected
    talk.hears(30, END)
    assert talk.reader.status.connected


def test_what_the_reader_says_of_itself_is_shown_without_what_cannot_be_printed() -> None:
    talk = Talk([ASK_NAME]).hears(10, Answer(NAME, b" R2\x00000\n")).hears(20, END)
    assert talk.detail == "R2000"


def test_an_answer_to_another_question_is_no_answer() -> None:
    talk = Talk([SET_POWER])
    assert talk.hears(10, Answer(NAME, b"\x00")).said() == [b"power"]


def test_a_question_that_must_succeed_and_stays_open_ends_the_conversation() -> None:
    with pytest.raises(DeviceLost, match="does not answer power"):
        Talk([SET_POWER]).waits(700)


def test_a_question_of_no_weight_is_asked_twice_and_passed_over() -> None:
    assert Talk([ASK_NAME]).waits(660).said() == [b"name", b"name", b"poll"]


def test_a_wrong_answer_to_a_question_of_no_weight_is_passed_over() -> None:
    talk = Talk([ASK_NAME]).hears(10, Answer(NAME, b"?"))
    assert talk.said() == [b"name"]
    assert talk.waits(320).hears(330, Answer(NAME, b"R2000")).said() == [b"name", b"poll"]


def test_a_wrong_answer_to_a_question_that_must_succeed_is_told_with_what_to_do() -> None:
    with pytest.raises(DeviceError, match="answered 01 to power") as raised:
        Talk([SET_POWER]).hears(10, Answer(POWER, b"\x01"))
    assert "power_dbm" in raised.value.hint


@pytest.mark.parametrize("to", [POWER, None])
def test_a_refusal_of_what_must_succeed_is_told_in_words(to: int | None) -> None:
    with pytest.raises(DeviceError, match="refused power: too much"):
        Talk([SET_POWER]).hears(10, Refusal(to, 7, "too much"))


def test_a_refusal_of_something_else_is_not_the_questions() -> None:
    assert Talk([SET_POWER]).hears(10, Refusal(POLL, 7, "busy"), DONE).said() == [b"power", b"poll"]


def test_a_refusal_of_a_question_of_no_weight_is_passed_over() -> None:
    assert Talk([ASK_NAME]).hears(10, Refusal(NAME, 1, "unknown command")).said() == [b"name", b"poll"]


def test_tags_heard_during_the_set_up_are_not_told() -> None:
    talk = Talk([SET_POWER]).hears(10, TAG, DONE)
    assert talk.heard == []
    assert [reading.epc for reading in talk.hears(20, TAG).heard] == [EPC]


def test_a_tag_that_only_came_by_is_told_as_a_neighbours_without_another_read() -> None:
    talk = Talk(min_reads=2).hears(10, TAG, END).hears(600, END)
    assert talk.heard == []
    [reading] = talk.hears(700, END).heard
    assert (reading.epc, reading.neighbour) == (EPC, Neighbour.TOO_BRIEF)


def test_what_the_protocol_does_not_carry_is_not_made_up() -> None:
    [reading] = Talk().hears(10, TAG).heard
    assert (reading.pc, reading.rssi_dbm, reading.antenna, reading.tag_crc_ok) == (None, -50.0, 1, None)
    assert reading.raw == b"tag"


def test_the_next_poll_waits_for_the_end_of_the_round() -> None:
    talk = Talk().hears(40, TAG).hears(140, TAG)
    assert talk.said() == [b"poll"]
    assert talk.hears(150, END).said() == [b"poll"]


def test_the_next_poll_waits_for_its_time() -> None:
    talk = Talk().hears(10, END)
    assert talk.said() == [b"poll"]
    assert talk.waits(60, from_ms=20).said() == [b"poll"]


def test_a_reader_that_tells_no_end_is_polled_again_after_anything() -> None:
    assert Talk(ends=False).hears(10, TAG).waits(60, from_ms=20).said() == [b"poll", b"poll"]


def test_no_tag_ends_a_round_and_is_no_trouble() -> None:
    talk = Talk().hears(10, Refusal(POLL, 0x15, "no tag", no_tag=True)).waits(60, from_ms=20)
    assert talk.said() == [b"poll", b"poll"]
    assert talk.detail == "reader answers"


def test_a_poll_without_an_answer_is_repeated_and_then_given_up() -> None:
    talk = Talk().waits(320)
    assert talk.said() == [b"poll", b"poll"]
    with pytest.raises(DeviceLost, match="answers nothing"):
        talk.waits(1400, from_ms=340)


def test_being_alive_is_no_answer_to_a_poll() -> None:
    talk = Talk().hears(10, END).waits(60, from_ms=20)
    with pytest.raises(DeviceLost, match="answers nothing"):
        talk.says_it_is_alive(2000)


def test_a_continuous_reader_that_says_it_is_alive_is_left_at_work() -> None:
    talk = Talk(mode=Mode.CONTINUOUS).says_it_is_alive(3000)
    assert set(talk.said()) == {b"start", b"thanks"}
    assert talk.reader.status.connected


def test_a_continuous_reader_that_fell_silent_is_stopped_and_started() -> None:
    talk = Talk(mode=Mode.CONTINUOUS).hears(10, TAG)
    assert talk.waits(320, from_ms=20).said() == [b"start", b"stop", b"start"]


def test_politeness_is_answered_at_once() -> None:
    assert Talk().hears(10, ALIVE).said() == [b"poll", b"thanks"]


@pytest.fixture
def every_level() -> Iterator[None]:
    """Nothing filtered, whatever a program that another test started has set in this process."""
    before = structlog.get_config()
    structlog.reset_defaults()
    yield
    structlog.configure(**before)


@pytest.mark.usefixtures("every_level")
def test_a_trouble_is_shown_and_logged_once_and_goes_away_by_itself() -> None:
    with capture_logs() as logs:
        talk = Talk().hears(10, END)
        for at_ms in range(20, 1000, 50):
            talk.hears(at_ms, HOT, END)
        assert talk.detail == "reader answers; too hot"
        assert talk.reader.status.connected
        for at_ms in range(1000, 4100, 50):
            talk.hears(at_ms, END)
    assert talk.detail == "reader answers"
    told = [(entry["event"], entry["trouble"]) for entry in logs if entry["event"].startswith("rfid.trouble")]
    assert told == [("rfid.trouble", "too hot"), ("rfid.trouble_over", "too hot")]
    assert [event.detail for event in talk.events] == ["reader answers", "reader answers; too hot", "reader answers"]
    assert all(event.connected for event in talk.events)


def test_a_loose_antenna_is_shown_until_it_is_back() -> None:
    talk = Talk().hears(10, Notice("antenna 2 is missing", trouble=True, about="antenna 2"), END)
    for at_ms in range(20, 10_000, 50):
        talk.hears(at_ms, END)
    assert talk.detail == "reader answers; antenna 2 is missing"
    assert talk.hears(10_020, Notice("antenna 2 is there", about="antenna 2")).detail == "reader answers"


def test_a_refused_inventory_is_a_trouble() -> None:
    talk = Talk().hears(10, Refusal(POLL, 0x22, "antenna missing")).waits(60, from_ms=20)
    assert talk.detail == "reader answers; antenna missing"
    assert talk.said() == [b"poll", b"poll"]


def test_a_trouble_told_before_the_reader_is_of_use_is_shown_when_it_is() -> None:
    talk = Talk([SET_POWER]).hears(10, HOT)
    assert talk.events == []
    assert talk.hears(20, DONE).hears(30, END).detail == "reader answers; too hot"


answers = [TAG, END, DONE, Answer(NAME, b"R2000"), Answer(POWER, b"\x01")]
refusals = [
    Refusal(POLL, 0x15, "no tag", no_tag=True),
    Refusal(POLL, 0x22, "antenna missing"),
    Refusal(NAME, 1, "unknown command"),
    Refusal(None, 7, "busy"),
]
said = st.sampled_from([*answers, *refusals, HOT, ALIVE])


@given(st.lists(st.tuples(st.integers(0, 500), st.lists(said, max_size=3)), max_size=30), st.sampled_from(Mode))
def test_whatever_was_said_and_when_the_reader_can_be_used_after_the_port_is_opened_again(
    story: list[tuple[int, list[Message]]], mode: Mode
) -> None:
    talk = Talk([SET_POWER, ASK_NAME], mode=mode)
    at_ms = 0
    try:
        for wait_ms, messages in story:
            talk.waits(at_ms + wait_ms, from_ms=at_ms)
            at_ms += wait_ms
            talk.hears(at_ms, *messages)
    except DeviceError as error:
        talk.reader.lost(str(error))
        assert not talk.reader.status.connected
    talk.reader.lost("closed")
    talk.reader.opened(talk.written.append)
    talk.hears(at_ms, DONE).hears(at_ms, Answer(NAME, b"R2000")).hears(at_ms, END)
    assert talk.reader.status.connected
    assert talk.detail == "R2000"


@given(st.lists(st.tuples(st.integers(0, 90), said), max_size=60), st.booleans())
def test_polls_are_never_closer_than_they_should_be(story: list[tuple[int, Message]], ends: bool) -> None:
    talk = Talk(ends=ends)
    assert talk.said() == [b"poll"]
    at_ms, polled = 0, list[int]()
    for wait_ms, message in story:
        at_ms += wait_ms
        if b"poll" in talk.hears(at_ms, message).said():
            polled.append(at_ms)
    assert all(b - a >= 50 for a, b in pairwise(polled))


def test_the_troubles_of_a_lost_reader_are_not_those_of_the_next() -> None:
    talk = Talk().hears(10, HOT, END)
    talk.reader.lost("unplugged")
    assert talk.detail == "unplugged"
    talk.reader.opened(talk.written.append)
    assert talk.hears(20, END).detail == "reader answers"


def test_a_reader_that_is_left_is_told_to_stop_until_it_answers() -> None:
    talk = Talk(mode=Mode.CONTINUOUS).hears(10, ALIVE)
    talk.said()
    assert not talk.leaves(100)
    assert not talk.leaves(200)
    assert talk.said() == [b"stop"]
    assert not talk.leaves(260)
    assert talk.said() == [b"stop"]
    assert talk.hears(270, Answer(STOP)).leaves(280)
    assert talk.said() == []


def test_what_is_read_while_the_driver_leaves_is_told_to_nobody_and_begins_nothing() -> None:
    talk = Talk(mode=Mode.CONTINUOUS).hears(10, ALIVE)
    talk.said()
    assert not talk.leaves(100)
    assert talk.hears(110, TAG).hears(120, Refusal(STOP, 1, "not now")).leaves(130)
    assert talk.heard == []
    assert talk.said() == [b"stop"]


def test_a_reader_that_never_answered_is_left_without_a_word() -> None:
    talk = Talk([SET_POWER])
    talk.said()
    assert talk.leaves(100)
    assert talk.said() == []
