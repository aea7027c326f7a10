"""The camera contract: frames with time, sequence and identity from a thread, never an old one, reconnecting for ever.

A driver is a `FrameSource`: open, read, close. `Camera` runs it in a capture thread and watches that thread from a
second one, because a read inside a video library may block for ever: the stuck thread is then left behind (it closes
its device when it comes back) and a fresh one is started.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import cv2
import structlog

from devices.announcer import Announcer
from devices.backoff import Backoff
from devices.base import DeviceStatus, Emit
from devices.camera.watchdog import WATCH_NOTHING, FrameFault, Watchdog, WatchdogSettings
from devices.explain import explain
from inspection.errors import DeviceError, DeviceLost, StaleFrame
from inspection.evidence import canonical_json, sha256_hex
from inspection.frame import Frame, Pixels

log = structlog.get_logger(__name__)

WATCH_S = 0.05
MAX_ABANDONED = 3
GOOD_COUNTS = 0.5
"""Seconds of faulty pictures that a second of good ones makes up for: with a third of them faulty a camera is lost."""
DIGEST_LENGTH = 16

Settings = Mapping[str, str | int | float | bool | None]


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What a source says when it was opened.

    Attributes:
        detail: one sentence for a person.
        settings: as read back from the camera.
        period_s: time between two reads where the source knows it; otherwise `CameraSettings.period_s` holds.
    """

    detail: str
    settings: Settings
    period_s: float | None = None


class FrameSource(Protocol):
    """One driver. All calls come from one thread; `DeviceError` and `OSError` mean that the camera is lost."""

    def open(self) -> SourceInfo:
        """Open the camera; may take seconds."""

    def read(self) -> Pixels | None:
        """The next picture, exposed or decoded after the call began; ``None`` for one that could not be decoded."""

    def close(self) -> None:
        """Close the camera; also called when ``open`` failed."""


@dataclass(frozen=True, slots=True)
class CameraSettings:
    """How a camera is run, whatever its driver.

    Attributes:
        camera_id: configured, stable name.
        view: named position at the station.
        stale_after_ms: age from which `Camera.latest` refuses a frame.
        period_s: time between two reads; ``None`` reads as fast as the source delivers.
        read_timeout_s: a read that takes longer, or this long faulty pictures, is a lost camera.
        open_timeout_s: the same for opening.
        watchdog: the faults that are looked for in pictures.
    """

    camera_id: str
    view: str
    stale_after_ms: int = 500
    period_s: float | None = None
    read_timeout_s: float = 1.5
    open_timeout_s: float = 10.0
    watchdog: WatchdogSettings = WATCH_NOTHING


class Camera:
    """One camera; `start` returns at once, `stop` may be called twice, a stopped camera may be started again.

    Attributes:
        undecodable: pictures that could not be decoded since the camera was made.
        faults: pictures that the watchdog refused, by fault, since the camera was made.
    """

    def __init__(self, settings: CameraSettings, new_source: Callable[[], FrameSource]) -> None:
        self.settings = settings
        self.undecodable = 0
        self.faults: Counter[FrameFault] = Counter()
        self._watchdog = Watchdog(settings.watchdog)
        self._problem = ""
        self._new_source = new_source
        self._announcer = Announcer(settings.camera_id, "camera")
        self._arrived = threading.Condition()
        self._frame: Frame | None = None
        self._frame_began_ns = 0
        self._capture: _Capture | None = None
        self._abandoned: list[_Capture] = []
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
        """The newest frame.

        Raises:
            DeviceLost: the camera is not there.
            StaleFrame: the newest frame is older than ``stale_after_ms``.
        """
        with self._arrived:
            frame = self._frame
        if frame is None:
            raise self._why_none()
        age_ms = (time.monotonic_ns() - frame.monotonic_ns) / 1e6
        if age_ms > self.settings.stale_after_ms:
            raise StaleFrame(
                f"{self.camera_id}: newest picture is {age_ms:.0f} ms old, limit {self.settings.stale_after_ms} ms",
                hint="Wait for the camera or check it.",
            )
        return frame

    def frame_after(self, monotonic_ns: int, timeout_s: float) -> Frame:
        """The first frame whose reading began after ``monotonic_ns``, so that nothing in it is older than that.

        Raises:
            DeviceLost: the camera is not there, or is lost while waiting.
            StaleFrame: no such frame came within ``timeout_s`` seconds.
        """
        deadline = time.monotonic() + timeout_s
        with self._arrived:
            while self._frame is None or self._frame_began_ns <= monotonic_ns:
                if self._frame is None and self._capture is None:
                    raise self._why_none()
                left_s = deadline - time.monotonic()
                if left_s <= 0 and self._frame is None:
                    raise self._why_none()
                if left_s <= 0:
                    problem = f"; it delivers {self._problem}" if self._problem else ""
                    raise StaleFrame(
                        f"{self.camera_id}: no new picture within {timeout_s:g} s{problem}", hint="Check the camera."
                    )
                self._arrived.wait(left_s)
            return self._frame

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
            capture = _Capture(self.settings, self._new_source(), self._watchdog, self._publish)
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

    def _watch(self, capture: _Capture, stopping: threading.Event) -> str:
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

    def _publish(self, capture: _Capture, pixels: Pixels | None, began_ns: int) -> str:
        """Show a picture, unless it is none; what is wrong with it in words, empty when it is good."""
        received_ns, captured_at = time.monotonic_ns(), datetime.now(UTC)
        problem = self._problem_of(capture, pixels)
        with self._arrived:
            if capture is not self._capture:
                return problem
            self._problem = problem
            if pixels is None or problem:
                return problem
            self._frame, self._frame_began_ns = (
                Frame(
                    pixels=pixels,
                    monotonic_ns=received_ns,
                    captured_at=captured_at,
                    sequence=capture.frames,
                    camera_id=self.camera_id,
                    settings_digest=capture.settings_digest,
                ),
                began_ns,
            )
            self._arrived.notify_all()
            if not capture.shown:
                capture.shown = True
                self._announcer.came(capture.detail)
        return ""

    def _problem_of(self, capture: _Capture, pixels: Pixels | None) -> str:
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
            self._frame = None
            self._capture = None
            self._arrived.notify_all()


class _Capture(threading.Thread):
    """One connection to the camera: opens, reads and publishes until it is told to stop or the source fails."""

    def __init__(
        self,
        settings: CameraSettings,
        source: FrameSource,
        watchdog: Watchdog,
        publish: Callable[[_Capture, Pixels | None, int], str],
    ) -> None:
        super().__init__(name=f"{settings.camera_id}-capture", daemon=True)
        self.stopping = threading.Event()
        self.ended = threading.Event()
        self.reason = "ended"
        self.detail = ""
        self.settings_digest = ""
        self.frames = 0
        self.shown = False
        self.watchdog = watchdog
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
