"""What every scale protocol offers to the one driver of all scales: bytes to ask with, and a parser of what comes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from devices.frames import FrameCounts
from devices.scale.weight import Message


class Parser(Protocol):
    """A pure incremental parser; see `devices.frames.FrameParser`."""

    @property
    def counts(self) -> FrameCounts: ...

    @property
    def pending(self) -> int: ...

    def feed(self, data: bytes) -> list[Message]: ...

    def flush(self) -> list[Message]: ...

    def reset(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Dialog:
    """One protocol.

    Attributes:
        name: for a person.
        parser: makes a parser of its messages.
        poll: asks for the weight at once, stable or not.
        tare: makes what lies on the scale its tare.
        zero: makes what the scale shows its zero.
        start: lets the scale send by itself; empty when that is a setting of the scale.
    """

    name: str
    parser: Callable[[], Parser]
    poll: bytes
    tare: bytes
    zero: bytes
    start: bytes = b""
