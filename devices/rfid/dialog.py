"""What every RFID protocol offers to the one driver of all readers: bytes to ask, and what the answers mean.

A dialog is pure: no clock, no port. It is made of the reader's settings; `devices.rfid.reader` asks its questions in
order, repeats those that stay without answer, then polls or starts the inventory and takes what comes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from devices.frames import FrameCounts


@dataclass(frozen=True, slots=True)
class TagRead:
    """One tag heard once.

    Attributes:
        epc: upper-case hex; its length follows from the PC word where that travels.
        pc: protocol-control word; ``None`` when the protocol does not carry it.
        rssi_dbm: signal strength; ``None`` when the protocol does not carry it.
        antenna: from 1; ``None`` when the protocol does not carry it.
        tag_crc_ok: ``True`` when the tag's own CRC travelled and is right; ``None`` when it does not travel. A read
            whose tag CRC is wrong is refused by the protocol's parser and never comes here.
        raw: the frame it came in.
    """

    epc: str
    pc: int | None
    rssi_dbm: float | None
    antenna: int | None
    tag_crc_ok: bool | None
    raw: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """The reader did what was asked.

    Attributes:
        to: number of the command it answers.
        data: what it answered.
        end_of_round: an inventory round is over, with this or without any tag; the next poll may go out.
    """

    to: int
    data: bytes = b""
    end_of_round: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """The reader did not do what was asked.

    Attributes:
        to: number of the command it answers; ``None`` when the protocol does not say.
        code: as sent.
        text: the code in words.
        no_tag: only that an inventory heard nobody, which is no fault and ends a round.
    """

    to: int | None
    code: int
    text: str
    no_tag: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """The reader says something by itself: it is alive, it throttles, an antenna is loose.

    Attributes:
        text: in words.
        trouble: whether a person should see it.
        about: the part whose state this is, such as ``antenna 2``, when the reader tells a change of it once: the
            trouble then lasts until a notice about the same part is none. A trouble about nothing is one that the
            reader repeats, and is over when it does so no more.
    """

    text: str
    trouble: bool = False
    about: str = ""


Message = TagRead | Answer | Refusal | Notice


@dataclass(frozen=True, slots=True)
class Question:
    """One question of the set-up.

    Attributes:
        name: what it is about, for a person: ``identity``, ``power``, ``region``, ``antenna``, ``stop``.
        data: the bytes to send.
        to: `Answer.to` and `Refusal.to` of its answer.
        attempts: how often it is asked before it is given up.
        must_succeed: whether the reader is of no use without a good answer.
        accepts: whether an answer is a good one. Another one ends the set-up when it ``must_succeed``; otherwise it is
            passed over, as an answer to an earlier attempt is, and the question is asked again.
        identity: what the answer says about who the reader is; empty for most questions.
        later: makes the bytes in place of ``data`` when the question is put, as they depend on an answer before.
    """

    name: str
    data: bytes
    to: int
    attempts: int = 2
    must_succeed: bool = False
    accepts: Callable[[Answer], bool] = lambda _: True
    identity: Callable[[Answer], str] = lambda _: ""
    later: Callable[[], bytes] | None = None


class Dialog(Protocol):
    """One protocol with one reader's settings.

    A round of a poll must say something within 0.3 s, a tag or its end, or it is polled again; so must a reader that
    goes on by itself, if only that it is alive, or its inventory is started again.
    """

    @property
    def tells_end_of_round(self) -> bool:
        """Whether every round ends with an `Answer.end_of_round` or a `Refusal`, which is then waited for."""

    @property
    def pending(self) -> int:
        """Bytes of a frame that has begun and not ended."""

    @property
    def counts(self) -> FrameCounts:
        """What became of the bytes since the dialog was made."""

    def questions(self) -> Sequence[Question]:
        """The set-up, in order; first of all a stop, as the reader may still be at work for a killed program."""

    def poll(self) -> bytes:
        """Ask for one inventory round."""

    def start(self) -> bytes:
        """Let the inventory go on by itself."""

    def stop(self) -> bytes:
        """End what `start` began."""

    def farewell(self) -> Question | None:
        """What makes the reader fall silent before it is left alone; ``None`` where no inventory goes on by itself."""

    def feed(self, data: bytes) -> list[Message]:
        """What was said by ``data``, in order."""

    def flush(self) -> list[Message]:
        """The line fell idle: what an unfinished frame was hiding."""

    def reply_to(self, message: Message, /) -> bytes:
        """What politeness asks for at once, such as the acknowledgement of a keep-alive; mostly nothing."""

    def reset(self) -> None:
        """The port was closed; forget what is pending."""
