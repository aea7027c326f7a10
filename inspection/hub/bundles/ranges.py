"""One range of bytes of something whole, for downloads that go on where they were cut (RFC 9110, 14)."""

from __future__ import annotations

import re
from dataclasses import dataclass

_RANGE = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*")


class NoSuchRange(ValueError):
    """None of the bytes asked for exist."""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """From ``first`` up to and with ``last``."""

    first: int
    last: int

    def header(self, size: int) -> str:
        """``Content-Range`` of this part."""
        return f"bytes {self.first}-{self.last}/{size}"


def asked_range(header: str | None, if_range: str | None, tag: str, size: int) -> ByteRange | None:
    """The part that ``Range`` asks for; ``None`` for the whole.

    Whole is also answered where a server may ignore the header: several ranges, one it does not understand, and one of
    something that has changed since (``If-Range``; RFC 9110, 13.1.5 and 14.2).

    Raises:
        NoSuchRange: it begins beyond the end, or asks for no byte.
    """
    if not header or (if_range is not None and if_range.strip() != tag):
        return None
    found = _RANGE.fullmatch(header.strip())
    if found is None or found[1] == found[2] == "":
        return None
    if found[1] == "":
        length = int(found[2])
        first, last = max(0, size - length), size - 1
        if length == 0 or size == 0:
            raise NoSuchRange
        return ByteRange(first, last)
    first, last = int(found[1]), int(found[2]) if found[2] else size - 1
    if found[2] and last < first:
        return None
    if first >= size:
        raise NoSuchRange
    return ByteRange(first, min(last, size - 1))
