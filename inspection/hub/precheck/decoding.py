"""The worker that opens customers' pictures: bytes in, upright pixels out, and nothing else of the machine in reach.

A script of the standard library, Pillow and c2pa-python alone, started by :mod:`inspection.hub.precheck.decoder`. Its
memory and processor time are limited; it can open no file and no socket, and write no file, once it has started.

Asked over standard input: `REQUEST` (format, length), then the bytes. Answered over standard output: `LENGTH`, that
many bytes of JSON, then, for a picture that was opened, height x width x 3 bytes BGR.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import json
import re
import resource
import struct
import sys
import warnings
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import pillow_heif
from PIL import Image, ImageFile, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin
from pillow_heif.as_plugin import HeifImageFile

REQUEST = struct.Struct(">8sI")
LENGTH = struct.Struct(">I")

LONG_SIDE = 2000
"""Of the picture that is handed out, pixels: finer than any judge's input, and an eye sees fine cracks in it."""
LEAST_SIDE = 64
MAX_PIXELS = 50_000_000
"""Of a picture that has to be decoded whole."""
MAX_REDUCED_PIXELS = 120_000_000
"""Of a JPEG, which is decoded at an eighth to a half of its size (ITU-T T.81 codes blocks of 8 x 8)."""
MAX_SIDE = 65_535

ORIENTATION, MAKE, MODEL, EXIF_FOLDER, PLACE_FOLDER, TAKEN_AT = 0x0112, 0x010F, 0x0110, 0x8769, 0x8825, 0x9003
"""Exif 2.32, tables 4 to 8."""
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
C2PA_STORE = bytes.fromhex("6332706100110010800000aa00389b71")
"""Type of the JUMBF superbox that holds all manifests of a file (C2PA 2.1, 11.1)."""
C2PA_IN_BOXES = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
"""Type of the ``uuid`` box that holds it in files of ISO/IEC 14496-12 (C2PA 2.1, annex A)."""
MOST_PARTS = 20_000
"""Segments, chunks or boxes of a file that are walked through; a picture of 25 MB has some thousand."""
_TIME = re.compile(r"(\d{4}):(\d\d):(\d\d) (\d\d:\d\d:\d\d)")


class Unfit(Exception):
    """The bytes give no picture; ``args[0]`` is the code."""


Credentials = Callable[[str, bytes], dict[str, Any]]


def decode(kind: str, data: bytes, credentials: Credentials | None = None) -> tuple[dict[str, Any], bytes]:
    """What is told of a picture, and its pixels: upright, on white, longer side at most `LONG_SIDE`.

    Of an animation it is the first picture. Colour profiles are not applied. What is told: ``width``, ``height`` of the
    pixels, ``original_width``, ``original_height`` as stored, ``animated``, ``orientation`` (Exif, 1..8), ``taken_at``
    (local time of the camera), ``camera_make``, ``camera_model``, ``has_place`` (never the place itself), ``c2pa``
    (``absent``, ``present``, or more, and from whom, where ``credentials`` read it; see :func:`has_c2pa`).

    A kind that ends with ``!`` asks for the picture alone: its credentials ended a worker before.

    Raises:
        Unfit: it cannot be opened, or is too large or too small.
    """
    pixels, kind, is_alone = 0, kind.rstrip("!"), kind.endswith("!")
    try:
        image = _opened(kind, data)
        pixels = image.width * image.height
        _check_size(kind, *image.size)
        size = image.size
        if kind == "jpeg":
            factor = max(1, max(size) // LONG_SIDE)
            image.draft(None, (size[0] // factor, size[1] // factor))
        animated = bool(getattr(image, "is_animated", False))
        image.load()
        c2pa: dict[str, Any] = {"c2pa": "present" if has_c2pa(kind, data) else "absent"}
        if credentials is not None and c2pa["c2pa"] == "present" and not is_alone:
            c2pa = credentials(kind, data)
        told = {
            **_told(image),
            **c2pa,
            "original_width": size[0],
            "original_height": size[1],
            "animated": animated,
        }
        upright = _upright(_reduced(_flat(image)), told["orientation"])
        told |= {"width": upright.width, "height": upright.height}
        return told, upright.tobytes("raw", "BGR")
    except Unfit:
        raise
    except MemoryError as problem:
        raise Unfit("too_large") from problem
    except Exception as problem:  # whatever hostile bytes make a decoder say, it is no picture
        if pixels > MAX_PIXELS:
            raise Unfit("too_large") from problem
        raise Unfit("broken" if is_whole(kind, data) else "incomplete") from problem


def _opened(kind: str, data: bytes) -> ImageFile.ImageFile:
    """The picture with its header read, and no pixels yet."""
    file = BytesIO(data)
    if kind == "jpeg":
        return JpegImagePlugin.JpegImageFile(file)
    if kind == "png":
        return PngImagePlugin.PngImageFile(file)
    if kind == "webp":
        _check_size(kind, *webp_size(data))  # Pillow makes room for the canvas when it opens the file
        return WebPImagePlugin.WebPImageFile(file)
    heif: ImageFile.ImageFile = HeifImageFile(file)  # type: ignore[no-untyped-call]
    return heif


def _check_size(kind: str, width: int, height: int) -> None:
    most = MAX_REDUCED_PIXELS if kind == "jpeg" else MAX_PIXELS
    if width * height > most or max(width, height) > MAX_SIDE:
        raise Unfit("too_large")
    if min(width, height) < LEAST_SIDE:
        raise Unfit("too_small")


def webp_size(data: bytes) -> tuple[int, int]:
    """(width, height) that a WebP's first chunk declares (RFC 9649, 2.5 to 2.7).

    Raises:
        ValueError: the first chunk is none that a picture starts with.
    """
    chunk, body = data[12:16], data[20:30]
    if len(body) == 10 and chunk == b"VP8X":  # noqa: PLR2004 -- bytes that all three layouts fit into
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if len(body) == 10 and chunk == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":  # noqa: PLR2004
        return int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF
    if len(body) == 10 and chunk == b"VP8L" and body[0] == 0x2F:  # noqa: PLR2004
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    raise ValueError("no WebP header")


def is_whole(kind: str, data: bytes) -> bool:
    """Whether the file has its end, as far as its own structure says; what then fails is broken, not cut off."""
    if kind == "png":
        return b"IEND" in data[-64:]
    if kind == "webp":
        return len(data) >= 8 + int.from_bytes(data[4:8], "little")
    return _jpeg_has_end(data) if kind == "jpeg" else _boxes_fit(data)


def _jpeg_has_end(data: bytes) -> bool:
    """Whether there is an end marker behind the first scan; a preview in the Exif segment has one of its own."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:  # noqa: PLR2004 -- marker
        if data[at + 1] == 0xDA:  # noqa: PLR2004 -- start of scan
            return data.rfind(b"\xff\xd9") > at
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return at + 4 <= len(data)


def _boxes_fit(data: bytes) -> bool:
    """Whether the outermost boxes (ISO/IEC 14496-12, 4.2) end where the file ends."""
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        if size == 0:
            return True
        if size < 8:  # noqa: PLR2004 -- its own header
            return at > 0
        at += size
    return at == len(data)


def _flat(image: Image.Image) -> Image.Image:
    """RGB of 8 bits, transparent places white."""
    if image.mode in {"I;16", "I;16B", "I;16L", "I"}:
        return image.point(lambda value: value * (1 / 257)).convert("L").convert("RGB")
    if image.has_transparency_data:
        clear = image.convert("RGBA")
        flat = Image.new("RGB", clear.size, "white")
        flat.paste(clear, mask=clear.getchannel("A"))
        return flat
    return image if image.mode == "RGB" else image.convert("RGB")


def _reduced(image: Image.Image) -> Image.Image:
    factor = LONG_SIDE / max(image.size)
    if factor >= 1:
        return image
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    return image.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    turn = TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def _told(image: Image.Image) -> dict[str, Any]:
    """What the metadata says, as far as it can be read; it never decides whether a picture is one."""
    told: dict[str, Any] = {"orientation": 1, "has_place": b"GPSL" in _bytes(image.info.get("xmp"))}
    with contextlib.suppress(Exception):
        exif = image.getexif()
        orientation = exif.get(ORIENTATION)
        told["orientation"] = orientation if orientation in TURNS else 1
        told["has_place"] = told["has_place"] or PLACE_FOLDER in exif
        told["camera_make"], told["camera_model"] = _word(exif.get(MAKE)), _word(exif.get(MODEL))
        taken = _TIME.fullmatch(_word(exif.get_ifd(EXIF_FOLDER).get(TAKEN_AT)))
        told["taken_at"] = "{}-{}-{}T{}".format(*taken.groups()) if taken else ""
    return told


def has_c2pa(kind: str, data: bytes) -> bool:
    """Whether a file carries a C2PA manifest store: content credentials.

    That it is there says nothing of whether its signatures hold, or whose they are; :mod:`.credentials` does. Where it
    lies: JPEG in segments APP11 (ISO/IEC 19566-5, D.2), PNG in a chunk ``caBX``, WebP in a chunk ``C2PA``, HEIC in an
    outermost box ``uuid`` (C2PA 2.1, annex A).
    """
    walk = {"jpeg": _jpeg_stores, "png": _png_stores, "webp": _webp_stores, "heif": _heif_stores}[kind]
    view = memoryview(data)
    return any(_is_c2pa_store(view[at : at + 64]) for at, _ in zip(walk(view), range(MOST_PARTS), strict=False) if at)


def _is_c2pa_store(box: memoryview) -> bool:
    """A superbox ``jumb`` whose description box ``jumd`` comes first and has the type of a store (ISO/IEC 19566-5)."""
    start = 16 if _int(box[:4]) == 1 else 8
    return bytes(box[4:8]) == b"jumb" and bytes(box[start + 4 : start + 24]) == b"jumd" + C2PA_STORE


def _jpeg_stores(data: memoryview) -> Iterator[int]:
    """Where APP11 segments that carry boxes have their boxes, 0 for every other segment; until the first scan."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:  # noqa: PLR2004 -- marker
        if data[at + 1] == 0xFF:  # noqa: PLR2004 -- a byte that fills
            at += 1
        elif data[at + 1] == 0xDA:  # noqa: PLR2004 -- start of scan
            return
        else:
            boxes = data[at + 1] == 0xEB and bytes(data[at + 4 : at + 6]) == b"JP"  # noqa: PLR2004 -- APP11
            yield at + 12 if boxes else 0
            at += 2 + max(2, _int(data[at + 2 : at + 4]))


def _png_stores(data: memoryview) -> Iterator[int]:
    at = 8
    while at + 12 <= len(data):
        yield at + 8 if bytes(data[at + 4 : at + 8]) == b"caBX" else 0
        at += 12 + _int(data[at : at + 4])


def _webp_stores(data: memoryview) -> Iterator[int]:
    at = 12
    while at + 8 <= len(data):
        yield at + 8 if bytes(data[at : at + 4]) == b"C2PA" else 0
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + size + size % 2


def _heif_stores(data: memoryview) -> Iterator[int]:
    """After the box's type follow version and flags, a purpose that ends with 0, and an offset of 8 bytes."""
    at, purpose = 0, b"manifest\0"
    while at + 8 <= len(data):
        size, start = _int(data[at : at + 4]), at + 8
        if size == 1:
            size, start = _int(data[at + 8 : at + 16]), at + 16
        is_c2pa = bytes(data[at + 4 : at + 8]) == b"uuid" and bytes(data[start : start + 16]) == C2PA_IN_BOXES
        named = bytes(data[start + 20 : start + 20 + len(purpose)]) == purpose
        yield start + 20 + len(purpose) + 8 if is_c2pa and named else 0
        if size < start - at:  # 0: to the end of the file
            return
        at += size


def _int(data: memoryview) -> int:
    return int.from_bytes(data, "big")


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""


def _word(value: object) -> str:
    """Printable text of at most 64 characters."""
    return "".join(c for c in value if c.isprintable()).strip()[:64] if isinstance(value, str) else ""


Decode = Callable[[str, bytes], tuple[dict[str, Any], bytes]]


def serve(asked: IO[bytes], answers: IO[bytes], cpu_s: int, opens: Decode | None = None) -> None:
    """Answer until the asker goes away; ``cpu_s`` seconds of processor for each file."""
    while len(header := asked.read(REQUEST.size)) == REQUEST.size:
        kind, length = REQUEST.unpack(header)
        used = resource.getrusage(resource.RUSAGE_SELF)
        spent = int(used.ru_utime + used.ru_stime) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (spent + cpu_s, resource.RLIM_INFINITY))
        try:
            told, pixels = (opens or decode)(kind.rstrip(b"\0").decode("ascii", "replace"), asked.read(length))
        except Unfit as unfit:
            told, pixels = {"code": unfit.args[0]}, b""
        text = json.dumps(told).encode("ascii")
        answers.write(LENGTH.pack(len(text)) + text)
        answers.write(pixels)
        answers.flush()


def confine(memory_bytes: int) -> None:
    """Give up memory beyond ``memory_bytes``, files and sockets beyond the standard streams, and core dumps."""
    for limit, value in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 3),
    ):
        resource.setrlimit(limit, (value, value))


def sibling(name: str) -> Any:
    """Another script of this folder, by its place: an isolated interpreter finds none by name."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    if spec is None or spec.loader is None:
        raise ImportError(name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main() -> None:
    """``decoding.py MEMORY_BYTES CPU_SECONDS [ANCHORS]``."""
    memory_bytes, cpu_s = map(int, sys.argv[1:3])
    warnings.simplefilter("ignore")  # to print one, Python would open files
    Image.MAX_IMAGE_PIXELS = None  # ours is checked before, and exactly
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    pillow_heif.options.DECODE_THREADS = 1
    Image.preinit()
    TiffImagePlugin.ImageFileDirectory_v2()  # reads Exif; loaded now, as later no file can be opened
    anchors = Path(sys.argv[3]).read_text("utf-8") if len(sys.argv) > 3 else ""  # noqa: PLR2004 -- see above
    credentials = sibling("credentials").reader(anchors)
    confine(memory_bytes)
    serve(sys.stdin.buffer, sys.stdout.buffer, cpu_s, functools.partial(decode, credentials=credentials))


if __name__ == "__main__":
    main()
