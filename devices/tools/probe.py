"""Finds out which device is at a serial port, and at which speed, by asking politely.

Only questions that change nothing are asked: who are you, what do you weigh. A candidate is found when its own parser
accepts an answer, checksum and form, so that noise finds nothing. The port is listened to first, as some devices speak
unasked. Scanners that only speak when something is scanned are found by scanning a code while the probe listens.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from devices.serial_link import PortSettings, SerialLink
from inspection.errors import DeviceError

ANSWER_S = 0.35
TICK_S = 0.02
IDLE_GAP_NS = 60_000_000
AGAIN_NS = 150_000_000
"""A device that still wonders about the question of another protocol hears the next one only when it is repeated."""
COMMON_SPEEDS = (115200, 57600, 38400, 19200, 9600)


class Listener(Protocol):
    """Looks for a protocol's answers in what a port says."""

    def feed(self, data: bytes) -> str | None:
        """Who answers, in words, as soon as that is known for sure."""

    def flush(self) -> str | None:
        """The line fell idle."""


@dataclass(frozen=True, slots=True)
class Line:
    """Data bits and parity of a serial line."""

    bytesize: int = 8
    parity: str = "N"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One protocol that a device at a port may speak.

    Attributes:
        driver: as in a configuration.
        options: further keys of the configuration, such as ``frame: {header: 0xAA, end: 0xDD}``.
        speeds: baud rates at which such devices leave their factory, likeliest first.
        question: bytes that ask who is there; empty for a device that speaks unasked.
        listener: makes a fresh listener.
        line: how the line is set beside its speed.
    """

    driver: str
    speeds: Sequence[int]
    question: bytes
    listener: Callable[[], Listener]
    options: str = ""
    line: Line = Line()


@dataclass(frozen=True, slots=True)
class Found:
    """A device that answered.

    Attributes:
        candidate: its protocol.
        baudrate: the speed it answered at.
        detail: what it said about itself.
    """

    candidate: Candidate
    baudrate: int
    detail: str

    def config(self, port: str) -> str:
        """The line of YAML to paste under ``devices``."""
        line = self.candidate.line
        keys = [f"id: NAME, driver: {self.candidate.driver}, port: {port}, baudrate: {self.baudrate}"]
        if line != Line():
            keys.append(f"bytesize: {line.bytesize}, parity: {line.parity}")
        return f"- {{{', '.join(filter(None, [*keys, self.candidate.options]))}}}"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One question at one speed, for progress."""

    number: int
    of: int
    driver: str
    baudrate: int


def probe(
    port: str,
    candidates: Iterable[Candidate],
    *,
    speeds: Sequence[int] | None = None,
    on_attempt: Callable[[Attempt], None] = lambda _: None,
    answer_s: float = ANSWER_S,
) -> Found | None:
    """The first candidate that answers at ``port``, at the factory speeds first and then at all common ones.

    Args:
        speeds: try only these.

    Raises:
        DeviceError: the port cannot be opened.
    """
    attempts = list(_attempts(list(candidates), speeds))
    for number, (candidate, baudrate) in enumerate(attempts, start=1):
        on_attempt(Attempt(number, len(attempts), candidate.driver, baudrate))
        detail = _ask(port, candidate, baudrate, answer_s)
        if detail is not None:
            return Found(candidate, baudrate, detail)
    return None


def listen(port: str, candidates: Iterable[Candidate], baudrate: int, seconds: float) -> Found | None:
    """The first candidate whose protocol is heard at ``port`` without anything being asked."""
    made = [(candidate, candidate.listener()) for candidate in candidates if candidate.line == Line()]
    conversation = _Conversation(b"", [listener for _, listener in made])
    heard = _hold(port, baudrate, Line(), conversation, seconds)
    if heard is None:
        return None
    index, detail = heard
    return Found(made[index][0], baudrate, detail)


def _attempts(candidates: list[Candidate], speeds: Sequence[int] | None) -> Iterable[tuple[Candidate, int]]:
    if speeds is not None:
        return [(candidate, speed) for speed in speeds for candidate in candidates]
    likely = [(candidate, speed) for candidate in candidates for speed in candidate.speeds]
    likely.sort(key=lambda attempt: -attempt[1])  # one speed after the other; the sort keeps the order within each
    others = [(candidate, speed) for speed in COMMON_SPEEDS for candidate in candidates]
    return list(dict.fromkeys([*likely, *others]))


def _ask(port: str, candidate: Candidate, baudrate: int, seconds: float) -> str | None:
    conversation = _Conversation(candidate.question, [candidate.listener()])
    try:
        heard = _hold(port, baudrate, candidate.line, conversation, seconds)
    except DeviceError:
        if candidate.line == Line():
            raise
        return None  # not every port can be set to 7 data bits
    return heard[1] if heard is not None else None


def _hold(port: str, baudrate: int, line: Line, conversation: _Conversation, seconds: float) -> tuple[int, str] | None:
    settings = PortSettings(port, baudrate=baudrate, bytesize=line.bytesize, parity=line.parity)
    link = SerialLink("probe", settings, conversation, tick_s=TICK_S)
    link.start()
    try:
        conversation.wait(seconds)
    finally:
        link.stop()
    if conversation.fault is not None and conversation.heard is None:
        raise DeviceError(f"{port}: {conversation.fault}")
    return conversation.heard


class _Conversation:
    """Asks one question and lets listeners hear the answer; the first that is sure ends it."""

    def __init__(self, question: bytes, listeners: Sequence[Listener]) -> None:
        self.heard: tuple[int, str] | None = None
        self.fault: str | None = None
        self._question = question
        self._listeners = listeners
        self._write: Callable[[bytes], None] = lambda _: None
        self._last_byte_ns = self._asked_ns = 0
        self._opened = threading.Event()
        self._done = threading.Event()

    def wait(self, seconds: float) -> None:
        """Until somebody was heard, the port failed, or ``seconds`` have passed since it was opened."""
        until = time.monotonic() + 5 + seconds
        while not (self._opened.is_set() or self._done.is_set()) and time.monotonic() < until:
            self._opened.wait(TICK_S)
        self._done.wait(seconds)

    def opened(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._ask(time.monotonic_ns())
        self._opened.set()

    def received(self, data: bytes, monotonic_ns: int) -> None:
        self._last_byte_ns = monotonic_ns
        self._take(lambda listener: listener.feed(data))

    def tick(self, monotonic_ns: int) -> None:
        if not self._last_byte_ns and monotonic_ns - self._asked_ns >= AGAIN_NS:
            self._ask(monotonic_ns)
        if self._last_byte_ns and monotonic_ns - self._last_byte_ns > IDLE_GAP_NS:
            self._take(lambda listener: listener.flush())

    def takes_leave(self, monotonic_ns: int) -> bool:  # noqa: ARG002
        return False

    def lost(self, reason: str) -> None:
        self.fault = reason
        self._done.set()

    def _ask(self, monotonic_ns: int) -> None:
        self._asked_ns = monotonic_ns
        if self._question:
            self._write(self._question)

    def _take(self, ask: Callable[[Listener], str | None]) -> None:
        for index, listener in enumerate(self._listeners):
            detail = ask(listener)
            if detail is not None and self.heard is None:
                self.heard = (index, detail)
                self._done.set()
