"""Opens customers' videos in a worker process, as :mod:`inspection.hub.precheck.decoder` opens pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inspection.hub.precheck.decoder import Bounds, Decoder, Opened, PictureRefused
from inspection.hub.precheck.kinds import container_of

SCRIPT = Path(__file__).with_name("video_decoding.py")
MAX_VIDEO_BYTES = 80_000_000
"""20 s of what phones record at 1080p."""
BOUNDS = Bounds(memory_bytes=3 << 29, cpu_s=40, wall_s=90.0, pictures=50)


@dataclass(frozen=True, slots=True, eq=False)
class VideoFrame:
    """A frame worth judging.

    Attributes:
        opened: its pixels, and what the file said.
        at_ms: its place in the video.
    """

    opened: Opened
    at_ms: int


class VideoDecoder(Decoder):
    """One worker process for videos and the line to it; thread-safe, one video at a time."""

    def __init__(self, bounds: Bounds = BOUNDS) -> None:
        super().__init__(bounds, SCRIPT)

    def frames(self, data: bytes) -> list[VideoFrame]:
        """The frames worth judging, in the order of time.

        Raises:
            PictureRefused: as :meth:`Decoder.open` does, and ``precheck.too_long``.
        """
        if not data:
            raise PictureRefused("empty")
        if len(data) > MAX_VIDEO_BYTES:
            raise PictureRefused("too_many_bytes")
        kind = container_of(data)
        if kind is None:
            raise PictureRefused("type")
        with self._lock:
            told, pixels = self._ask(kind, data)
        found, start = [], 0
        for frame in told.pop("frames"):
            shape = (frame["height"], frame["width"], 3)
            end = start + shape[0] * shape[1] * 3
            picture = np.frombuffer(pixels, np.uint8, end - start, start).reshape(shape)
            found.append(VideoFrame(Opened(picture, dict(told)), int(frame.get("at_ms", 0))))
            start = end
        return found
