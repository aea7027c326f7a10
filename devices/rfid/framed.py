"""What several protocols of readers share: frames that hold several messages, and frames of either direction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Generic, TypeVar

from devices.frames import FrameCounts, FrameParser

Said = TypeVar("Said")


class Side(Enum):
    """Whose frames are taken. The frame itself does not tell, and some can be read both ways."""

    READER = "reader"
    HOST = "host"
    BOTH = "both"
    """What a reader may have said is taken as said by a reader; for a log of which no more is known."""

    @property
    def hears_reader(self) -> bool:
        return self is not Side.HOST

    @property
    def hears_host(self) -> bool:
        return self is not Side.READER


@dataclass(frozen=True, slots=True)
class Request:
    """What a host asked of a reader.

    Attributes:
        command: its number.
        data: its parameters.
        address: of the reader that is meant.
        raw: the frame it came in.
    """

    command: int
    data: bytes
    address: int
    raw: bytes


@dataclass(slots=True)
class MessageParser(Generic[Said]):
    """``feed`` bytes, get messages: those of all frames that were completed, in order."""

    frames: FrameParser[tuple[Said, ...]]
    counts: FrameCounts = field(init=False)

    def __post_init__(self) -> None:
        self.counts = self.frames.counts

    @property
    def pending(self) -> int:
        """Bytes of a frame that may have begun and not ended."""
        return self.frames.pending

    def feed(self, data: bytes) -> list[Said]:
        """Messages that were completed by ``data``, in order."""
        return _flat(self.frames.feed(data))

    def flush(self) -> list[Said]:
        """As `FrameParser.flush`."""
        return _flat(self.frames.flush())

    def reset(self) -> None:
        """As `FrameParser.reset`."""
        self.frames.reset()


def _flat(frames: Iterable[tuple[Said, ...]]) -> list[Said]:
    return [message for messages in frames for message in messages]
