"""The worker that opens customers' videos: bytes in, the few frames worth judging out; confined as for pictures.

A script of the standard library, OpenCV (with the FFmpeg inside it) and Pillow, started by
:mod:`inspection.hub.precheck.video`. Asked and answered as :mod:`inspection.hub.precheck.decoding` says, except that
what is told has ``frames``: for each, in the order of time, ``width``, ``height`` and ``at_ms``; their pixels follow.

A frame is worth judging when it is sharp, neither dark nor washed out, and shows something else than the others: of
each part of the video the sharpest, beginning only once the camera has found its exposure.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import warnings
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

LONG_SIDE = 1600
MAX_SIDE = 4096
MAX_FRAMES = 2400
"""20 s of 120 a second."""
MAX_MS = 20_500
"""What is promised is 20 s; recorders stop a little late."""
SETTLING_MS = 400
PARTS = 5
ALIKE_GREYS = 6.0
"""Mean difference of two small grey pictures below which they show the same."""
LOOKED_AT_SIDE = 320
DARK, BRIGHT = 25.0, 235.0
LEAST_SIDE = 64
OPTIONS = (cv2.CAP_PROP_N_THREADS, 1)
Pixels = npt.NDArray[np.uint8]


def _decoding() -> Any:
    """The sibling script, by its place: an isolated interpreter finds none by name."""
    spec = importlib.util.spec_from_file_location("decoding", Path(__file__).with_name("decoding.py"))
    if spec is None or spec.loader is None:
        raise ImportError("decoding.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class _Best:
    """The sharpest frame of one part of the video."""

    def __init__(self) -> None:
        self.sharpness, self.at_ms = -1.0, 0
        self.pixels: Pixels | None = None
        self.small: Pixels | None = None

    def offer(self, sharpness: float, at_ms: int, pixels: Pixels, small: Pixels) -> None:
        if sharpness > self.sharpness:
            self.sharpness, self.at_ms = sharpness, at_ms
            self.pixels, self.small = _reduced(pixels), small


def decode(kind: str, data: bytes) -> tuple[dict[str, Any], bytes]:
    """The frames worth judging, uint8 BGR, longer side at most `LONG_SIDE`.

    Raises:
        Unfit: ``broken``, ``too_large``, ``too_small``, ``too_long``.
    """
    del kind  # FFmpeg finds out by itself; what it may be was checked before
    unfit = sys.modules["decoding"].Unfit
    stream = BytesIO(data)  # OpenCV reads from it for as long as the capture lives, and holds no reference of its own
    capture = cv2.VideoCapture(stream, cv2.CAP_FFMPEG, OPTIONS)  # type: ignore[call-overload]
    if not capture.isOpened():
        raise unfit("broken")
    try:
        width, height = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        if max(width, height) > MAX_SIDE:
            raise unfit("too_large")
        if min(width, height) < LEAST_SIDE:
            raise unfit("too_small")
        best, count, last_ms = _sharpest(capture, unfit)
    except MemoryError as problem:
        raise unfit("too_large") from problem
    finally:
        capture.release()
    chosen = _different([each for each in best if each.pixels is not None])
    if not chosen:
        raise unfit("broken")
    frames = [{"width": p.shape[1], "height": p.shape[0], "at_ms": at_ms} for at_ms, p in chosen]
    told = {"frames": frames, "original_width": width, "original_height": height, "seconds": round(last_ms / 1e3, 1)}
    return told | {"frames_seen": count}, b"".join(pixels.tobytes() for _, pixels in chosen)


def _sharpest(capture: Any, unfit: type[Exception]) -> tuple[list[_Best], int, int]:
    """Of each fifth of the longest video the sharpest frame, and of a short one of each fifth of a second."""
    fps = capture.get(cv2.CAP_PROP_FPS)
    fps = fps if 1.0 <= fps <= 240.0 else 30.0  # noqa: PLR2004 -- recorders of phones
    kept: dict[int, _Best] = {}
    count = at_ms = 0
    while True:
        there, pixels = capture.read()
        if not there or pixels is None:
            break
        stamp = capture.get(cv2.CAP_PROP_POS_MSEC)
        at_ms = int(stamp) if stamp > 0 else int(count * 1e3 / fps)
        count += 1
        if at_ms > MAX_MS or count > MAX_FRAMES:
            raise unfit("too_long")
        if at_ms < SETTLING_MS and kept.keys() - {-1}:
            continue
        small = np.asarray(cv2.cvtColor(_reduced(pixels, LOOKED_AT_SIDE), cv2.COLOR_BGR2GRAY), dtype=np.uint8)
        mean = float(small.mean())
        sharpness = float(cv2.Laplacian(small, cv2.CV_64F).var()) * (1.0 if DARK <= mean <= BRIGHT else 0.1)
        place = -1 if at_ms < SETTLING_MS else at_ms // 500
        kept.setdefault(place, _Best()).offer(sharpness, at_ms, pixels, small)
        _thin(kept)
    if len(kept) > 1:
        kept.pop(-1, None)
    return _spread(list(kept.values())), count, at_ms


def _thin(kept: dict[int, _Best]) -> None:
    """Keep the pictures of few: of the closest neighbours the blurrier goes, so that what is kept stays spread."""
    if len(kept) <= 2 * PARTS:
        return
    places = sorted(kept)[:-1]
    pairs = sorted((b - a, min(a, b, key=lambda place: kept[place].sharpness)) for a, b in pairwise(places))
    kept.pop(pairs[0][1])


def _spread(found: list[_Best]) -> list[_Best]:
    """At most `PARTS`, the sharpest of each stretch of time."""
    found.sort(key=lambda each: each.at_ms)
    if len(found) <= PARTS:
        return found
    first, last = found[0].at_ms, found[-1].at_ms + 1
    parts: dict[int, _Best] = {}
    for each in found:
        part = (each.at_ms - first) * PARTS // (last - first)
        if part not in parts or each.sharpness > parts[part].sharpness:
            parts[part] = each
    return [parts[part] for part in sorted(parts)]


def _different(found: list[_Best]) -> list[tuple[int, Pixels]]:
    """In the order of time, without those that show what a sharper one does, and without the hopelessly blurred."""
    chosen: list[_Best] = []
    limit = 0.15 * max((each.sharpness for each in found), default=0.0)
    for each in sorted(found, key=lambda best: -best.sharpness):
        alike = any(float(np.mean(cv2.absdiff(each.small, other.small))) < ALIKE_GREYS for other in chosen)  # type: ignore[arg-type]
        if not chosen or (each.sharpness >= limit and not alike):
            chosen.append(each)
    return [
        (each.at_ms, each.pixels) for each in sorted(chosen, key=lambda best: best.at_ms) if each.pixels is not None
    ]


def _reduced(pixels: Pixels, side: int = LONG_SIDE) -> Pixels:
    factor = side / max(pixels.shape[:2])
    if factor >= 1:
        return np.ascontiguousarray(pixels)
    size = (max(1, round(pixels.shape[1] * factor)), max(1, round(pixels.shape[0] * factor)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def main() -> None:
    """``video_decoding.py MEMORY_BYTES CPU_SECONDS``."""
    memory_bytes, cpu_s = map(int, sys.argv[1:3])
    warnings.simplefilter("ignore")
    os.environ["OPENCV_LOG_LEVEL"] = "SILENT"
    cv2.setNumThreads(1)
    decoding = sys.modules["decoding"] = _decoding()
    decoding.confine(memory_bytes)
    decoding.serve(sys.stdin.buffer, sys.stdout.buffer, cpu_s, decode)


if __name__ == "__main__":
    main()
