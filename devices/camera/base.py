"""The camera contract: frames with time, sequence and identity from a thread, never an old one, reconnecting for ever.

A driver is a `FrameSource`: open, read, close. `Camera` runs it in a capture thread and watches that thread from a
second one, because a read inside a video library may block for ever: the stuck thread is then left behind (it closes
its device when it comes back) and a fresh one is started.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import structlog

from devices.announcer import Announcer
from devices.backoff import Backoff
from devices.base import DeviceStatus, Emit
from devices.camera.capture import Capture
from devices.camera.source import CameraSettings, FrameSource
from devices.camera.watchdog import FrameFault, Watchdog
from inspection.errors import DeviceError, DeviceLost, StaleFrame
from inspection.frame import Frame, Pixels

log = structlog.get_logger(__name__)

WATCH_S = 0.05
MAX_ABANDONED = 3


class PicturesDiffer(DeviceError):
    """What a camera sees does not lie still, so that no picture of it is known to be of one moment."""

    code = "camera.moves"
    retryable = True


class PictureTap(Protocol):
    """Sees every picture of a camera, also those that are refused; see `devices.tools.picture_recording`."""

    def picture(self, pixels: Pixels | None, monotonic_ns: int, problem: str, *, still: bool) -> None:
        """Must return at once; ``problem`` is empty for a good picture, ``pixels`` are not to be changed."""


@dataclass(frozen=True, slots=True, eq=False)
class _Taken:
    """A picture, and the monotonic time at which its reading began."""

    frame: Frame
    began_ns: int


class Camera:
    """One camera; `start` returns at once, `stop` may be called twice, a stopped camera may be started again.

    Attributes:
        undecodable: pictures that could not be decoded since the camera was made.
        faults: pictures that the watchdog refused, by fault, since the camera was made.
        tap: sees every picture from the next one on.
    """

    def __init__(self, settings: CameraSettings, new_source: Callable[[], FrameSource]) -> None:
        self.settings = settings
        self.undecodable = 0
        self.faults: Counter[FrameFault] = Counter()
        self.tap: PictureTap | None = None
        self._watchdog = Watchdog(settings.watchdog)
        self._problem = ""
        self._new_source = new_source
        self._announcer = Announcer(settings.camera_id, "camera")
        self._arrived = threading.Condition()
        self._newest: _Taken | None = None
        self._still: _Taken | None = None
        self._capture: Capture | None = None
        self._abandoned: list[Capture] = []
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def camera_id(self) -> str:
        return self.settings.camera_id

    @property
    def device_id(self) -> str:
        """The same: a camera is a `devices.base.Device` whose readings are frames to be fetched."""
        return self.settings.camera_id

    @property
    def view(self) -> str:
        return self.settings.view

    @property
    def status(self) -> DeviceStatus:
        return self._announcer.status

    def start(self, emit: Emit) -> None:
        """Begin to capture; ``emit`` gets a `DeviceEvent` whenever the camera comes or goes."""
        if self._thread is not None:
            raise DeviceError(f"{self.camera_id} is already started")
        self._stopping = threading.Event()
        self._announcer.start(emit)
        name = f"{self.camera_id}-watch"
        self._thread = threading.Thread(target=self._run, args=(self._stopping,), name=name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop capturing and close the camera; a thread that a video library does not give back is left to it."""
        self._stopping.set()
        thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        self._drop_frame()
        self._announcer.stop()

    def latest(self) -> Frame:
        """The newest frame, to be looked at; what it shows may be moving.

        Raises:
            DeviceLost: the camera is not there.
            StaleFrame: the newest frame is older than ``stale_after_ms``.
        """
        with self._arrived:
            newest = self._newest
        if newest is None:
            raise self._why_none()
        frame = newest.frame
        age_ms = (time.monotonic_ns() - frame.monotonic_ns) / 1e6
        if age_ms > self.settings.stale_after_ms:
            raise StaleFrame(
                f"{self.camera_id}: newest picture is {age_ms:.0f} ms old, limit {self.settings.stale_after_ms} ms",
                hint="Wait for the camera or check it.",
            )
        return frame

    def frame_after(self, monotonic_ns: int, timeout_s: float) -> Frame:
        """The first frame of something still whose reading began after ``monotonic_ns``: nothing in it is older.

        Raises:
            DeviceLost: the camera is not there, or is lost while waiting.
            StaleFrame: no frame came within ``timeout_s`` seconds.
            PicturesDiffer: frames came, and what they show did not lie still.
        """
        deadline = time.monotonic() + timeout_s
        with self._arrived:
            while self._still is None or self._still.began_ns <= monotonic_ns:
                if self._newest is None and self._capture is None:
                    raise self._why_none()
                left_s = deadline - time.monotonic()
                if left_s <= 0:
                    raise self._why_none() if self._newest is None else self._why_not_in(timeout_s, monotonic_ns)
                self._arrived.wait(left_s)
            return self._still.frame

    def _why_not_in(self, timeout_s: float, monotonic_ns: int) -> DeviceError:
        if self._newest is not None and self._newest.began_ns > monotonic_ns and not self._problem:
            return PicturesDiffer(
                f"{self.camera_id}: no {self.settings.stillness.frames} like pictures in a row within {timeout_s:g} s",
                hint="Let go of the item, and keep what moves or flickers out of the picture.",
            )
        problem = f"; it delivers {self._problem}" if self._problem else ""
        return StaleFrame(f"{self.camera_id}: no new picture within {timeout_s:g} s{problem}", hint="Check the camera.")

    def _why_none(self) -> DeviceError:
        status = self.status
        if status.connected:
            return StaleFrame(f"{self.camera_id}: no picture yet")
        return DeviceLost(f"{self.camera_id}: {status.detail}", hint="Check the camera's cable and configuration.")

    def _run(self, stopping: threading.Event) -> None:
        backoff = Backoff()
        while not stopping.is_set():
            self._abandoned = [capture for capture in self._abandoned if capture.is_alive()]
            if len(self._abandoned) >= MAX_ABANDONED:
                stopping.wait(WATCH_S)
                continue
            self._watchdog = self._watchdog.successor()
            capture = Capture(self.settings, self._new_source(), self._watchdog, self._publish)
            with self._arrived:
                self._capture = capture
            capture.start()
            reason = self._watch(capture, stopping)
            with self._arrived:  # whoever misses the frame learns why
                if not stopping.is_set():
                    self._announcer.lost(reason)
                self._drop_frame()
            if capture.shown:
                backoff.reset()
            stopping.wait(backoff.next_s())

    def _watch(self, capture: Capture, stopping: threading.Event) -> str:
        """Wait until the capture ends by itself, hangs, or must stop; why it ended."""
        while not capture.ended.wait(WATCH_S):
            hanging = capture.hanging()
            if hanging:
                log.warning("camera.hangs", camera=self.camera_id, detail=hanging)
                capture.stopping.set()
                self._abandoned.append(capture)
                return hanging
            if stopping.is_set():
                capture.stopping.set()
                capture.join(self.settings.read_timeout_s)
                return "stopped"
        capture.join()
        return capture.reason

    def _publish(self, capture: Capture, pixels: Pixels | None, began_ns: int) -> str:
        """Show a picture, unless it is none; what is wrong with it in words, empty when it is good."""
        received_ns, captured_at = time.monotonic_ns(), datetime.now(UTC)
        problem = self._problem_of(capture, pixels)
        good = pixels is not None and not problem
        if not good:
            capture.stillness.interrupted()
        still = pixels is not None and good and capture.stillness.lies_still(pixels)
        if self.tap is not None:
            self.tap.picture(pixels, received_ns, problem, still=still)
        if pixels is None or not good:
            with self._arrived:
                if capture is self._capture:
                    self._problem = problem
            return problem
        frame = Frame(
            pixels=pixels,
            monotonic_ns=received_ns,
            captured_at=captured_at,
            sequence=capture.frames,
            camera_id=self.camera_id,
            settings_digest=capture.settings_digest,
            hardware=capture.hardware,
        )
        self._show(capture, _Taken(frame, began_ns), still=still)
        return ""

    def _show(self, capture: Capture, taken: _Taken, *, still: bool) -> None:
        with self._arrived:
            if capture is not self._capture:
                return
            self._problem = ""
            self._newest = taken
            self._still = taken if still else self._still
            self._arrived.notify_all()
            if not capture.shown:
                capture.shown = True
                self._announcer.came(capture.detail)

    def _problem_of(self, capture: Capture, pixels: Pixels | None) -> str:
        if pixels is None:
            self.undecodable += 1
            return "nothing that can be decoded"
        fault = capture.watchdog.examine(pixels)
        if fault is None:
            return ""
        self.faults[fault] += 1
        return fault.words

    def _drop_frame(self) -> None:
        with self._arrived:
            self._newest = self._still = None
            self._capture = None
            self._arrived.notify_all()
