"""Cuts the lines out of a scale's byte stream; what a line means is the protocol's matter."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from devices.frames import FrameCounts
from devices.scale.weight import Message

MAX_LINE = 96
"""Longest line, bytes, without its end; no weight of any protocol here comes near it."""

# A CR ends a line by itself too, but only the next byte tells that no LF belongs to it.
_END = re.compile(rb"\r\n|\n|\r(?=[^\n])")


@dataclass(frozen=True, slots=True)
class Line:
    """One line.

    Attributes:
        body: without its end; of a line that was too long, its last `MAX_LINE` bytes.
        end: CR LF, LF or CR.
        whole: whether its beginning was seen.
    """

    body: bytes
    end: bytes
    whole: bool

    @property
    def raw(self) -> bytes:
        return self.body + self.end


@dataclass(slots=True)
class LineParser:
    """``feed`` bytes, get the messages they complete; the same surface as `devices.frames.FrameParser`.

    A line counts only with its end: what is unfinished when the line falls idle may be half a number and is dropped.
    Any split of a stream gives the same messages, and never more than one line is held.

    Args:
        meaning: the message of a line, ``None`` for a line that is none.
    """

    meaning: Callable[[Line], Message | None]
    counts: FrameCounts = field(default_factory=FrameCounts)
    _rest: bytes = b""
    _whole: bool = True

    @property
    def pending(self) -> int:
        """Bytes of a line that has begun and not ended."""
        return len(self._rest)

    def feed(self, data: bytes) -> list[Message]:
        """Messages that were completed by ``data``, in order."""
        data = self._rest + data
        messages: list[Message] = []
        at = 0
        for end in _END.finditer(data):
            messages += self._line(data[at : end.start()], end.group())
            at = end.end()
        self._rest = data[at:]
        self._shorten()
        return messages

    def flush(self) -> list[Message]:
        """The line fell idle: a CR at its end was a whole line end; anything else unfinished is dropped."""
        rest, self._rest = self._rest, b""
        if rest.endswith(b"\r"):
            return self._line(rest[:-1], b"\r")
        if rest:
            self._refuse(rest)
            self._whole = False  # what comes next may be the other half of it
        return []

    def reset(self) -> None:
        """Forget what is pending, for a port that was closed; the next line may have begun before it was opened."""
        self._rest = b""
        self._whole = False

    def _line(self, body: bytes, end: bytes) -> list[Message]:
        whole, self._whole = self._whole, True
        if len(body) > MAX_LINE:
            self.counts.noise_bytes += len(body) - MAX_LINE
            body, whole = body[-MAX_LINE:], False
        message = self.meaning(Line(body, end, whole)) if body else None
        if message is not None:
            self.counts.frames += 1
            return [message]
        if body.strip():
            self._refuse(body)
        return []

    def _refuse(self, body: bytes) -> None:
        self.counts.refused += 1
        self.counts.noise_bytes += len(body)

    def _shorten(self) -> None:
        """Keep of a line without end only what could still count."""
        too_many = len(self._rest) - MAX_LINE - self._rest.endswith(b"\r")
        if too_many > 0:
            self._rest = self._rest[too_many:]
            self._whole = False
            self.counts.noise_bytes += too_many
