"""Cuts frames out of a byte stream: the one place where noise, false starts and wrong checksums are dealt with.

A protocol says what a frame looks like (`Shape`); what comes out does not depend on how the stream was split. A
candidate that is refused loses its first byte only, so that a good frame which begins inside it is found.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

Frame = TypeVar("Frame")
Made_co = TypeVar("Made_co", covariant=True)

NO_FRAME = 0
"""What `Shape.size` answers when no frame begins here."""


class Shape(Protocol[Made_co]):
    """What the frames of one protocol look like; both methods depend on their arguments alone."""

    @property
    def starts(self) -> bytes:
        """Bytes with which a frame can begin; empty when any can."""

    @property
    def max_size(self) -> int:
        """Longest frame, bytes; a longer one is a false start."""

    @property
    def head(self) -> int:
        """So many first bytes are enough to tell a frame's size."""

    def size(self, front: bytes) -> int | None:
        """Whole size of the frame that begins with ``front``; ``None`` while too little is there to tell.

        Args:
            front: what has arrived from the start of the candidate on, at most ``head`` bytes of it.
        """

    def frame(self, raw: bytes) -> Made_co | None:
        """The frame, its checksum and form verified; ``None`` when it is none."""


@dataclass(slots=True)
class FrameCounts:
    """What became of the bytes so far.

    Attributes:
        frames: frames delivered.
        refused: candidates that were whole and whose checksum or form was wrong.
        noise_bytes: bytes that belong to no frame.
    """

    frames: int = 0
    refused: int = 0
    noise_bytes: int = 0


@dataclass(slots=True)
class FrameParser(Generic[Frame]):
    """``feed`` bytes, get the frames they complete. Holds less than one frame between two calls."""

    shape: Shape[Frame]
    counts: FrameCounts = field(default_factory=FrameCounts)
    _rest: bytes = b""
    _any_start: re.Pattern[bytes] | None = field(init=False)

    def __post_init__(self) -> None:
        starts = self.shape.starts
        self._any_start = re.compile(b"[" + re.escape(starts) + b"]") if starts else None

    @property
    def pending(self) -> int:
        """Bytes of a frame that may have begun and not ended."""
        return len(self._rest)

    def feed(self, data: bytes) -> list[Frame]:
        """Frames that were completed by ``data``, in order."""
        return self._cut(self._rest + data, final=False)

    def flush(self) -> list[Frame]:
        """Give up the unfinished candidate because the line fell idle; frames that it was hiding come out."""
        return self._cut(self._rest, final=True)

    def reset(self) -> None:
        """Forget what is pending; for a port that was closed."""
        self._rest = b""

    def _cut(self, data: bytes, *, final: bool) -> list[Frame]:
        shape, counts = self.shape, self.counts
        frames: list[Frame] = []
        at, end = 0, len(data)
        while at < end:
            start = self._next_start(data, at)
            counts.noise_bytes += start - at
            at = start
            if at == end:
                break
            size = shape.size(data[at : at + shape.head])
            if size is not None and NO_FRAME < size <= shape.max_size and at + size <= end:
                frame = shape.frame(data[at : at + size])
                if frame is not None:
                    frames.append(frame)
                    counts.frames += 1
                    at += size
                    continue
                counts.refused += 1
            elif not final and (size is None or (size <= shape.max_size and size != NO_FRAME)):
                break
            at += 1
            counts.noise_bytes += 1
        self._rest = data[at:]
        return frames

    def _next_start(self, data: bytes, at: int) -> int:
        if self._any_start is None:
            return at
        found = self._any_start.search(data, at)
        return found.start() if found else len(data)


class SearchedShape(Shape[Made_co], Protocol[Made_co]):
    """A shape without a start byte: where a frame can begin is told by several bytes together."""

    @property
    def begins(self) -> re.Pattern[bytes]:
        """Matches wherever a frame can begin, also where too few bytes are left to tell."""


@dataclass(slots=True)
class SearchingParser(FrameParser[Frame]):
    """A `FrameParser` that looks for ``begins`` in one go, as asking `Shape.size` for every byte takes long."""

    shape: SearchedShape[Frame]

    def _next_start(self, data: bytes, at: int) -> int:
        found = self.shape.begins.search(data, at)
        return found.start() if found else len(data)
