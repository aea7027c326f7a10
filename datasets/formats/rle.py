"""Run lengths of masks: COCO's (column by column, plain or packed into text) and Label Studio's brush (RGBA bits)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from datasets.versions.version import VersionError

Plane = npt.NDArray[np.bool_]
CHANNELS = 4
WORD_BITS = 8
LENGTH_BITS = (3, 4, 8, 16)
"""Of a brush's run lengths; each run says which of the four it uses."""
OPAQUE = 255
HALF = 128


def counts_of(plane: Plane) -> list[int]:
    """COCO's plain run lengths of a bool (height, width), zeros first, by columns (COCO mask API, ``rleEncode``)."""
    flat = np.asarray(plane, np.int8).ravel(order="F")
    ends = np.flatnonzero(np.diff(flat)) + 1
    edges = np.concatenate([[0], ends, [flat.size]])
    runs: list[int] = np.diff(edges).tolist()
    return [0, *runs] if flat.size and flat[0] else runs


def plane_of(counts: Sequence[int] | str, width: int, height: int, where: str) -> Plane:
    """The mask that COCO's run lengths say, plain or as text; bool (height, width).

    Raises:
        VersionError: they are no run lengths, or do not fill the picture exactly.
    """
    runs = _unpacked(counts, where) if isinstance(counts, str) else list(counts)
    if len(runs) > width * height + 1 or not all(type(run) is int and 0 <= run <= width * height for run in runs):
        raise VersionError(f"{where}: these are no run lengths")
    if sum(runs) != width * height:
        raise VersionError(f"{where}: the run lengths fill {sum(runs)} of {width * height} px")
    values = np.arange(len(runs)) % 2 == 1
    return np.repeat(values, runs).reshape((height, width), order="F")


def _unpacked(text: str, where: str) -> list[int]:
    """Run lengths from COCO's text: 6 bits a character from 48 on, 5 of them value (COCO mask API, ``rleFrString``)."""
    runs: list[int] = []
    value = shift = 0
    for character in text:
        code = ord(character) - 48
        if not 0 <= code < 64 or shift > 30:  # noqa: PLR2004 - 6 bits; more than 2**35 is no length
            raise VersionError(f"{where}: {character!r} does not belong into run lengths")
        value |= (code & 0x1F) << shift
        shift += 5
        if not code & 0x20:
            if code & 0x10:
                value |= -1 << shift
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))  # noqa: PLR2004 - from the third on, a difference
            value = shift = 0
    if shift:
        raise VersionError(f"{where}: the run lengths end early")
    return runs


def brush_of(plane: Plane) -> list[int]:
    """Label Studio's brush of a bool (height, width): bytes of a run-length coded RGBA picture, opaque where drawn.

    32 bits length, 5 bits word size - 1, four times 4 bits of length sizes - 1; then runs: a bit that says that one
    value is repeated, two bits for the size, the length - 1, the value (Label Studio SDK, ``brush.decode_rle``).
    """
    flat = np.repeat(np.where(plane.ravel(), np.uint8(OPAQUE), np.uint8(0)), CHANNELS)
    bits = [f"{flat.size:032b}", f"{WORD_BITS - 1:05b}", *(f"{size - 1:04b}" for size in LENGTH_BITS)]
    edges = np.concatenate([[0], np.flatnonzero(np.diff(flat)) + 1, [flat.size]])
    for start, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        left = end - start
        while left:
            run = min(left, 1 << LENGTH_BITS[-1])
            choice = next(place for place, size in enumerate(LENGTH_BITS) if run <= 1 << size)
            bits.append(f"1{choice:02b}{run - 1:0{LENGTH_BITS[choice]}b}{int(flat[start]):08b}")
            left -= run
    text = "".join(bits)
    text += "0" * (-len(text) % 8)
    return [int(text[place : place + 8], 2) for place in range(0, len(text), 8)]


def plane_of_brush(values: object, width: int, height: int, where: str) -> Plane:
    """The mask that a brush's bytes say; bool (height, width), true where it is at least half opaque.

    Raises:
        VersionError: they are no bytes, of another size, or end early.
    """
    if not isinstance(values, list) or len(values) > 8 * width * height + 64:
        raise VersionError(f"{where}: a brush is a list of bytes")
    if not all(type(value) is int and 0 <= value <= 255 for value in values):  # noqa: PLR2004
        raise VersionError(f"{where}: a brush is a list of bytes")
    reader = _Bits(bytes(values), where)
    size = reader.read(32)
    if size != width * height * CHANNELS:
        raise VersionError(f"{where}: the brush is of {size} values, the picture of {width * height * CHANNELS}")
    word = reader.read(5) + 1
    lengths = [reader.read(4) + 1 for _ in range(4)]
    if word > WORD_BITS:
        raise VersionError(f"{where}: values of {word} bits")
    out = np.zeros(size, np.uint8)
    at = 0
    while at < size:
        repeated = reader.read(1)
        end = at + 1 + reader.read(lengths[reader.read(2)])
        if end > size:
            raise VersionError(f"{where}: a run goes beyond the picture")
        if repeated:
            out[at:end] = reader.read(word)
        else:
            for place in range(at, end):
                out[place] = reader.read(word)
        at = end
    return np.asarray(out.reshape(height, width, CHANNELS)[:, :, CHANNELS - 1] >= HALF)


class _Bits:
    """Bits of some bytes, the highest of each first."""

    def __init__(self, data: bytes, where: str) -> None:
        self._data, self._where = data, where
        self._at = 0

    def read(self, count: int) -> int:
        start, end = self._at, self._at + count
        if end > 8 * len(self._data):
            raise VersionError(f"{self._where}: the brush ends early")
        self._at = end
        part = int.from_bytes(self._data[start // 8 : (end + 7) // 8])
        return (part >> (-end % 8)) & ((1 << count) - 1)
