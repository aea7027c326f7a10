"""What a printer says about itself: the answer to ``~HS`` (ZPL II Programming Guide, Host Status Return).

Three strings between STX and ETX, each ended by CR LF; together they are one `HostStatus`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from devices.frames import NO_FRAME, FrameCounts, FrameParser

STX, ETX, END = 0x02, 0x03, b"\x03\r\n"
_MAX_STRING = 96
_COUNTS = (12, 11, 2)
"""How many fields each string has."""


@dataclass(frozen=True, slots=True)
class HostStatus:
    """One answer to ``~HS``.

    Attributes:
        formats: whole formats that wait in the printer's memory.
        partial: the beginning of a format is there and its end is not.
        waiting: a label is printed and has to be taken away first (peel-off).
        remaining: labels of the running batch that are still to come.
    """

    paper_out: bool
    paused: bool
    head_open: bool
    ribbon_out: bool
    buffer_full: bool
    too_cold: bool
    too_hot: bool
    memory_lost: bool
    partial: bool
    waiting: bool
    formats: int
    remaining: int

    @property
    def troubles(self) -> tuple[str, ...]:
        """What keeps it from printing, for the person who stands before it; empty when nothing does."""
        said = (
            (self.head_open, "the print head is open: close it"),
            (self.paper_out, "the labels have run out: put in a new roll"),
            (self.ribbon_out, "the ribbon has run out: put in a new one"),
            (self.too_hot, "the print head is too hot: let it cool down"),
            (self.too_cold, "the print head is too cold"),
            (self.memory_lost, "the printer has lost its settings: set it up anew"),
            (self.buffer_full, "the printer's memory is full"),
            (self.paused, "the printer is paused: press its pause button"),
        )
        return tuple(words for true, words in said if true)


class _Shape:
    starts = bytes([STX])
    max_size = _MAX_STRING
    head = _MAX_STRING

    def size(self, front: bytes) -> int | None:
        end, again = front.find(END), front.find(STX, 1)
        if again > 0 and (end < 0 or again < end):
            return NO_FRAME
        if end >= 0:
            return end + len(END)
        return NO_FRAME if len(front) >= _MAX_STRING else None

    def frame(self, raw: bytes) -> tuple[str, ...] | None:
        text = raw[1 : -len(END)]
        if not (text.isascii() and text.replace(b",", b"").isdigit()):
            return None
        return tuple(text.decode("ascii").split(","))


@dataclass(slots=True)
class StatusParser:
    """``feed`` bytes, get the answers they complete; strings that lack a neighbour are dropped."""

    _strings: FrameParser[tuple[str, ...]] = field(default_factory=lambda: FrameParser(_Shape()))
    _so_far: list[tuple[str, ...]] = field(default_factory=list)

    @property
    def counts(self) -> FrameCounts:
        return self._strings.counts

    @property
    def pending(self) -> int:
        """Bytes of a string that has begun and not ended."""
        return self._strings.pending

    def feed(self, data: bytes) -> list[HostStatus]:
        """Answers that were completed by ``data``."""
        return self._joined(self._strings.feed(data))

    def flush(self) -> list[HostStatus]:
        """The line fell idle."""
        found = self._joined(self._strings.flush())
        self._so_far.clear()
        return found

    def reset(self) -> None:
        """Forget what is pending; for a port that was closed."""
        self._strings.reset()
        self._so_far.clear()

    def _joined(self, strings: list[tuple[str, ...]]) -> list[HostStatus]:
        found = []
        for fields in strings:
            if len(fields) == _COUNTS[0]:
                self._so_far.clear()
            elif not self._so_far or len(fields) != _COUNTS[len(self._so_far)]:
                self._so_far.clear()
                continue
            self._so_far.append(fields)
            if len(self._so_far) == len(_COUNTS):
                found.append(_status(*self._so_far[:2]))
                self._so_far.clear()
        return found


def _status(first: tuple[str, ...], second: tuple[str, ...]) -> HostStatus:
    return HostStatus(
        paper_out=first[1] == "1",
        paused=first[2] == "1",
        formats=int(first[4]),
        buffer_full=first[5] == "1",
        partial=first[7] == "1",
        memory_lost=first[9] == "1",
        too_cold=first[10] == "1",
        too_hot=first[11] == "1",
        head_open=second[2] == "1",
        ribbon_out=second[3] == "1",
        waiting=second[7] == "1",
        remaining=int(second[8]),
    )


def encode(status: HostStatus) -> bytes:
    """The three strings that say this, as a printer sends them."""
    first = (
        f"030,{status.paper_out:d},{status.paused:d},0400,{status.formats:03d},{status.buffer_full:d},0,"
        f"{status.partial:d},000,{status.memory_lost:d},{status.too_cold:d},{status.too_hot:d}"
    )
    second = f"000,0,{status.head_open:d},{status.ribbon_out:d},0,2,4,{status.waiting:d},{status.remaining:08d},1,000"
    return b"".join(b"\x02" + text.encode("ascii") + END for text in (first, second, "1234,0"))


READY = HostStatus(
    paper_out=False,
    paused=False,
    head_open=False,
    ribbon_out=False,
    buffer_full=False,
    too_cold=False,
    too_hot=False,
    memory_lost=False,
    partial=False,
    waiting=False,
    formats=0,
    remaining=0,
)
"""A printer that has nothing to do and nothing to complain about."""
