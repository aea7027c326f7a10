"""Files that a customer's phone, a broken line or an enemy may send, made on the fly with the answers they must get."""

from __future__ import annotations

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Iterator

import numpy as np
import pillow_heif
from PIL import Image

pillow_heif.register_heif_opener()

Case = tuple[str, bytes, set[str]]
OK, INCOMPLETE, TYPE, LARGE = {"ok"}, {"incomplete"}, {"type"}, {"too_large"}
EITHER = {"broken", "incomplete", "too_large", "too_small"}
"""What noise behind a true beginning may be called."""


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def noise(width: int = 160, height: int = 120) -> Image.Image:
    return Image.fromarray(np.random.default_rng(7).integers(0, 256, (height, width, 3), np.uint8))


def formats() -> dict[str, bytes]:
    picture = noise()
    return {
        "jpeg": encoded(picture, "JPEG", quality=95),
        "progressive": encoded(picture, "JPEG", quality=95, progressive=True),
        "png": encoded(picture, "PNG"),
        "webp": encoded(picture, "WEBP", quality=95),
        "lossless": encoded(picture, "WEBP", lossless=True),
        "heic": encoded(picture, "HEIF", quality=90),
    }


def hostile() -> list[Case]:
    whole = formats()
    made = (_cut_off(whole), _flipped(whole), _other_types(), _odd_but_fine(whole), _bombs(whole), _garbage(whole))
    return [case for cases in made for case in cases]


def _cut_off(whole: dict[str, bytes]) -> Iterator[Case]:
    for name, data in whole.items():
        for kilobytes in range(1, len(data) // 1024 + 1):
            yield f"{name} cut at {kilobytes} kB", data[: kilobytes * 1024], INCOMPLETE
        for length in (12, 24, 40):
            yield f"{name} cut at {length} bytes", data[:length], INCOMPLETE


def _flipped(whole: dict[str, bytes]) -> Iterator[Case]:
    chance = random.Random(3)
    for name, data in whole.items():
        for turn in range(6):
            changed = bytearray(data)
            for _ in range(20):
                changed[chance.randrange(16, len(changed))] ^= 1 << chance.randrange(8)
            yield f"{name} flipped {turn}", bytes(changed), OK | EITHER


def _other_types() -> Iterator[Case]:
    picture = noise(64, 64)
    texts = {
        "svg": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        "pdf": b"%PDF-1.7\n1 0 obj\n",
        "exe": b"MZ" + bytes(500),
        "elf": b"\x7fELF" + bytes(500),
        "html": b"<!doctype html><img src=x onerror=alert(1)>",
        "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        "mp4": b"\0\0\0\x18ftypisom\0\0\2\0isomiso2",
        "avif": b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf",
        "zip": _archive(),
        "php": b"<?php system($_GET['c']); ?>",
    }
    for form in ("GIF", "BMP", "TIFF", "ICO", "TGA", "PPM", "JPEG2000"):
        texts[form] = encoded(picture, form)
    for name, data in texts.items():
        yield f"{name} as photo.jpg", data, TYPE
    yield "empty", b"", {"empty"}
    yield "zeros", bytes(4096), TYPE
    yield "25 MB and one", b"\xff\xd8\xff" + bytes(25_000_000), {"too_many_bytes"}


def _odd_but_fine(whole: dict[str, bytes]) -> Iterator[Case]:
    picture = noise(96, 80)
    frames = [Image.new("RGB", (96, 80), colour) for colour in ("red", "blue")]
    for name in ("jpeg", "progressive", "png", "webp", "lossless", "heic"):
        yield name, whole[name], OK
    yield "animated png", encoded(picture, "PNG", save_all=True, append_images=frames), OK
    yield "animated webp", encoded(picture, "WEBP", save_all=True, append_images=frames), OK
    yield "cmyk", encoded(picture.convert("CMYK"), "JPEG"), OK
    for mode in ("1", "L", "LA", "P", "RGBA"):
        yield f"png {mode}", encoded(picture.convert(mode), "PNG"), OK
    yield "16 bit grey", encoded(Image.new("I;16", (96, 80), 40_000), "PNG"), OK
    yield "16 bit colour", _png(96, 80, depth=16, colour=2, rows=(b"\0" + bytes(96 * 6)) * 80), OK
    for orientation in range(10):
        exif = Image.Exif()
        exif[0x0112] = orientation
        yield f"orientation {orientation}", encoded(picture, "JPEG", exif=exif), OK
    yield "jpeg and zip", whole["jpeg"] + _archive(), OK
    yield "png and script", whole["png"] + b"<script>alert(1)</script>", OK
    yield "broken exif", encoded(picture, "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff" + bytes(50)), OK
    yield "broken profile", encoded(picture, "JPEG", icc_profile=b"\xff" * 3000), OK
    yield "comment", encoded(picture, "JPEG", comment=b"<?php ?>" * 500), OK


def _bombs(whole: dict[str, bytes]) -> Iterator[Case]:
    for width, height in ((65_535, 65_535), (2**31 - 1, 2**31 - 1), (20_000, 20_000), (1_000_000, 64)):
        yield f"png says {width} x {height}", _png(width, height, rows=bytes(1000)), LARGE
    start = whole["jpeg"].index(b"\xff\xc0")
    for height, width in ((65_535, 65_535), (12_000, 12_000)):
        size = struct.pack(">HH", height, width)
        yield f"jpeg says {width} x {height}", whole["jpeg"][: start + 5] + size + whole["jpeg"][start + 9 :], LARGE
    canvas = (16_383).to_bytes(3, "little") * 2
    body = b"WEBPVP8X\x0a\0\0\0\x10\0\0\0" + canvas + b"VP8L" + bytes(40)
    yield "webp says 16384 x 16384", b"RIFF" + struct.pack("<I", len(body)) + body, LARGE
    yield "thousand times zipped", _png(7000, 7000, depth=1, colour=0, rows=bytes(7000 * 876)), OK
    yield (
        "text bomb",
        _png(96, 80, rows=(b"\0" + bytes(288)) * 80, before=_chunk(b"zTXt", b"a\0\0" + _mega())),
        {
            "ok",
            "broken",
        },
    )
    yield (
        "profile bomb",
        _png(96, 80, rows=(b"\0" + bytes(288)) * 80, before=_chunk(b"iCCP", b"a\0\0" + _mega())),
        {
            "ok",
            "broken",
        },
    )
    yield "100 megapixels of jpeg", encoded(Image.new("L", (10_000, 10_000), 90), "JPEG"), OK
    for side in (1, 8, 63):
        yield f"{side} pixels", encoded(noise(side, 200), "PNG"), {"too_small"}


def _garbage(whole: dict[str, bytes]) -> Iterator[Case]:
    chance = random.Random(11)
    for turn in range(10):
        yield f"random {turn}", b"\0" + chance.randbytes(3000), TYPE
    for name, data in whole.items():
        for turn in range(4):
            yield f"{name} then random {turn}", data[: 32 * (turn + 1)] + chance.randbytes(3000), EITHER
    wrong = bytearray(whole["png"])
    wrong[-40] ^= 0xFF
    yield "png with a wrong checksum", bytes(wrong), {"broken"}


def _archive() -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a.jpg", b"x" * 5000)
    return archive.getvalue()


def _mega() -> bytes:
    return zlib.compress(bytes(80_000_000), 9)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _png(width: int, height: int, *, depth: int = 8, colour: int = 2, rows: bytes, before: bytes = b"") -> bytes:
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    data = _chunk(b"IDAT", zlib.compress(rows, 9))
    return b"\x89PNG\r\n\x1a\n" + header + before + data + _chunk(b"IEND", b"")
