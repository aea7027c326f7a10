"""What the first bytes of a picture say: its kind and size. Names and declared types are never believed."""

from __future__ import annotations

from dataclasses import dataclass

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
JPEG_START = b"\xff\xd8\xff"
_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})


class NotAPicture(ValueError):
    """The bytes are no JPEG or PNG, or end before they say their size."""


@dataclass(frozen=True, slots=True)
class PictureHeader:
    """Kind and size.

    Attributes:
        media_type: ``image/jpeg`` or ``image/png``.
        width: pixels, at least 1.
        height: pixels, at least 1.
    """

    media_type: str
    width: int
    height: int


def read_header(data: bytes) -> PictureHeader:
    """Kind and size of the picture that begins with ``data``; its whole bytes may be given.

    PNG: signature and IHDR (W3C PNG 3rd edition, 5.2 and 11.2.1). JPEG: the first SOFn segment
    (ITU-T T.81, B.2.2).

    Raises:
        NotAPicture: when it is neither, or ends too early.
    """
    if data.startswith(PNG_SIGNATURE):
        media_type, (width, height) = "image/png", _png_size(data)
    elif data.startswith(JPEG_START):
        media_type, (width, height) = "image/jpeg", _jpeg_size(data)
    else:
        raise NotAPicture("it begins neither as JPEG nor as PNG")
    if width < 1 or height < 1:
        raise NotAPicture("its width or height is 0")
    return PictureHeader(media_type, width, height)


def _png_size(data: bytes) -> tuple[int, int]:
    if len(data) < 24 or data[12:16] != b"IHDR":  # noqa: PLR2004 - signature 8, length 4, type 4, width 4, height 4
        raise NotAPicture("a PNG must begin with its header chunk")
    return int.from_bytes(data[16:20]), int.from_bytes(data[20:24])


def _jpeg_size(data: bytes) -> tuple[int, int]:
    at = 2
    while at + 9 <= len(data):
        if data[at] != 0xFF:  # noqa: PLR2004 - every marker begins so
            raise NotAPicture("a JPEG segment does not begin with a marker")
        marker = data[at + 1]
        if marker == 0xFF:  # noqa: PLR2004 - fill byte
            at += 1
        elif marker in _STANDALONE:
            at += 2
        elif marker in _SOF:
            return int.from_bytes(data[at + 7 : at + 9]), int.from_bytes(data[at + 5 : at + 7])
        elif marker in {0xD8, 0xD9, 0xDA, 0x00}:
            break  # image data, or the end, before any frame header
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4])
    raise NotAPicture("a JPEG must say its size before its image data")
