"""The thread that opens a camera, reads it and publishes its pictures until it is told to stop or the camera fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import cv2
import structlog

from devices.camera.source import CameraSettings, FrameSource
from devices.camera.stillness import Stillness
from devices.camera.watchdog import Watchdog
from devices.explain import explain
from inspection.errors import DeviceError, DeviceLost
from inspection.evidence import canonical_json, sha256_hex
from inspection.frame import Pixels

log = structlog.get_logger(__name__)

GOOD_COUNTS = 0.5
"""Seconds of faulty pictures that a second of good ones makes up for: with a third of them faulty a camera is lost."""
DIGEST_LENGTH = 16


class Capture(threading.Thread):
    """One connection to the camera: opens, reads and publishes until it is told to stop or the source fails."""

    def __init__(
        self,
        settings: CameraSettings,
        source: FrameSource,
        watchdog: Watchdog,
        publish: Callable[[Capture, Pixels | None, int], str],
    ) -> None:
        super().__init__(name=f"{settings.camera_id}-capture", daemon=True)
        self.stopping = threading.Event()
        self.ended = threading.Event()
        self.reason = "ended"
        self.detail = ""
        self.settings_digest = ""
        self.hardware = ""
        self.frames = 0
        self.shown = False
        self.watchdog = watchdog
        self.stillness = Stillness(settings.stillness)
        self._settings = settings
        self._source = source
        self._publish = publish
        self._busy: tuple[str, float, float] | None = None

    def hanging(self) -> str:
        """What does not come back, in words; empty when all is well."""
        busy = self._busy
        if busy is None:
            return ""
        doing, since, limit_s = busy
        return f"{doing} for {limit_s:g} s" if time.monotonic() - since > limit_s else ""

    def run(self) -> None:
        try:
            self._busy = ("cannot be opened", time.monotonic(), self._settings.open_timeout_s)
            info = self._source.open()
            self._busy = None
            self.detail = info.detail
            self.hardware = info.hardware
            self.settings_digest = sha256_hex(canonical_json(dict(info.settings)))[:DIGEST_LENGTH]
            self._read_all(info.period_s or self._settings.period_s)
        except (DeviceError, OSError, cv2.error) as error:
            self.reason = explain(error)
        except Exception as error:  # a fault in a driver is shown like a lost camera, never silent
            log.exception("camera.driver_fault", camera=self._settings.camera_id)
            self.reason = f"driver fault: {type(error).__name__}: {error}"
        finally:
            self._busy = None
            self._close()
            self.ended.set()

    def _read_all(self, period_s: float | None) -> None:
        next_read = before = time.monotonic()
        faulty_s, told = 0.0, ""
        while not self.stopping.is_set():
            began_ns = time.monotonic_ns()
            self._busy = ("no picture", time.monotonic(), self._settings.read_timeout_s)
            pixels = self._source.read()
            self._busy = None
            problem = self._publish(self, pixels, began_ns)
            self.frames += pixels is not None
            now = time.monotonic()
            faulty_s = faulty_s + (now - before) if problem else max(0.0, faulty_s - GOOD_COUNTS * (now - before))
            before = now
            if problem not in {"", told}:
                log.warning("camera.faulty_picture", camera=self._settings.camera_id, detail=problem)
                told = problem
            if problem and faulty_s > self._settings.read_timeout_s:
                raise DeviceLost(f"delivers {problem}")
            if period_s is not None:
                next_read = max(next_read + period_s, time.monotonic())
                self.stopping.wait(next_read - time.monotonic())

    def _close(self) -> None:
        try:
            self._source.close()
        except (DeviceError, OSError, cv2.error):
            log.exception("camera.close_failed", camera=self._settings.camera_id)
