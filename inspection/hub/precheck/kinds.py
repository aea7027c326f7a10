"""What a file is by its first bytes; its name and what the sender calls it count for nothing."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """Picture formats that customers' phones make."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    HEIF = "heif"


_HEVC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"})
"""ISO/IEC 23008-12, annex B: HEVC pictures. ``mif1`` alone does not say how the picture is coded."""
_BRANDS_FROM, _MOST_BRANDS = 16, 32


def kind_of(data: bytes) -> Kind | None:
    """The format; ``None`` for every other content."""
    if data.startswith(b"\xff\xd8\xff"):
        return Kind.JPEG
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return Kind.PNG
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return Kind.WEBP
    return Kind.HEIF if _is_heif(data) else None


def _is_heif(data: bytes) -> bool:
    """An ISO base media file (ISO/IEC 14496-12, 4.3) that names a brand of HEVC pictures."""
    if data[4:8] != b"ftyp":
        return False
    end = min(int.from_bytes(data[:4], "big"), _BRANDS_FROM + 4 * _MOST_BRANDS, len(data))
    brands = [data[8:12], *(data[at : at + 4] for at in range(_BRANDS_FROM, end, 4))]
    return not _HEVC_BRANDS.isdisjoint(brands)
