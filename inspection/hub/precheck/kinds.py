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


class Container(StrEnum):
    """Video formats that customers' phones make."""

    MP4 = "mp4"
    WEBM = "webm"


_MP4_BRANDS = frozenset(
    {
        b"isom",
        b"iso2",
        b"iso4",
        b"iso5",
        b"iso6",
        b"mp41",
        b"mp42",
        b"avc1",
        b"qt  ",
        b"M4V ",
        b"3gp4",
        b"3gp5",
        b"3gp6",
    }
)
"""ISO/IEC 14496-12, annex E, and the brands that phones write beside."""
_EBML, _WEBM_WITHIN = b"\x1a\x45\xdf\xa3", 64


def container_of(data: bytes) -> Container | None:
    """The video format; ``None`` for every other content, also for pictures in the same family of boxes."""
    if data.startswith(_EBML) and b"webm" in data[:_WEBM_WITHIN]:
        return Container.WEBM
    if data[4:8] == b"ftyp" and not _is_heif(data) and data[8:12] in _MP4_BRANDS:
        return Container.MP4
    return None
