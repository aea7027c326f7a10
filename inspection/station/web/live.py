"""Live pictures for the screen: the newest frame of a view, small enough to be fetched a few times a second."""

from __future__ import annotations

import threading

import cv2

from inspection.errors import StoreError
from inspection.frame import Frame
from inspection.station.ports import StationCamera

MAX_WIDTH = 800
QUALITY = 80


class LivePictures:
    """Encodes each frame once, however many pages look.

    Args:
        cameras: by view.
    """

    def __init__(self, cameras: dict[str, StationCamera]) -> None:
        self._cameras = cameras
        self._lock = threading.Lock()
        self._encoded: dict[str, tuple[int, bytes]] = {}

    def jpeg(self, view: str) -> bytes | None:
        """The newest frame of ``view`` as JPEG at most 800 pixels wide; ``None`` for a view there is not.

        Raises:
            StaleFrame: the camera has no young frame.
            DeviceLost: the camera is not connected.
        """
        camera = self._cameras.get(view)
        if camera is None:
            return None
        frame = camera.latest()
        with self._lock:
            known = self._encoded.get(view)
            if known is None or known[0] != frame.monotonic_ns:
                known = self._encoded[view] = (frame.monotonic_ns, _encode(frame))
            return known[1]


def _encode(frame: Frame) -> bytes:
    pixels = frame.pixels
    if frame.width > MAX_WIDTH:
        size = (MAX_WIDTH, max(1, round(frame.height * MAX_WIDTH / frame.width)))
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    encoded, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not encoded:
        raise StoreError(f"a frame of shape {pixels.shape} could not be encoded")
    return data.tobytes()
