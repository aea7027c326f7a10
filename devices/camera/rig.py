"""Several cameras as one: a picture of every view, all of the same moment, or none."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from inspection.errors import DeviceError, InspectionError, StaleFrame
from inspection.frame import Frame


class ViewCamera(Protocol):
    """What is asked of a camera; `devices.camera.base.Camera` is one."""

    @property
    def view(self) -> str: ...

    def frame_after(self, monotonic_ns: int, timeout_s: float) -> Frame: ...


class ViewsApart(DeviceError):
    """The cameras gave no pictures of one moment; an item may have moved in between."""

    code = "camera.skew"


class SetFailed(DeviceError):
    """A view has no picture that fits the others, so there is no set.

    Attributes:
        view: the view concerned.
        cause: `DeviceLost`, `StaleFrame`, `devices.camera.base.PicturesDiffer` or `ViewsApart`.
    """

    def __init__(self, view: str, cause: InspectionError) -> None:
        super().__init__(f"{view}: {cause}", hint=cause.hint)
        self.view, self.cause = view, cause


@dataclass(frozen=True, slots=True, eq=False)
class FrameSet:
    """One frame of every view.

    Attributes:
        frames: by view, in the order of the cameras.
    """

    frames: Mapping[str, Frame]

    @property
    def skew_ms(self) -> float:
        """Milliseconds from the first to the last of the frames, by the monotonic clock."""
        return max(self.offsets_ms.values(), default=0.0)

    @property
    def offsets_ms(self) -> dict[str, float]:
        """By view, milliseconds after the first of the frames."""
        first_ns = min((frame.monotonic_ns for frame in self.frames.values()), default=0)
        return {view: (frame.monotonic_ns - first_ns) / 1e6 for view, frame in self.frames.items()}


def capture_set(
    cameras: Sequence[ViewCamera], after_ns: int, timeout_s: float, *, max_skew_ms: float = math.inf
) -> FrameSet:
    """A frame of every camera, all begun after ``after_ns`` of the monotonic clock and at most ``max_skew_ms`` apart.

    While they are further apart, the oldest is taken again.

    Args:
        timeout_s: from now, for the whole set.

    Raises:
        SetFailed: naming the view that had no such frame in time, is lost, or stays behind the others.
    """
    deadline = time.monotonic() + timeout_s
    frames = {camera.view: _frame(camera, after_ns, deadline - time.monotonic()) for camera in cameras}
    while (taken := FrameSet(dict(frames))).skew_ms > max_skew_ms:
        behind = min(cameras, key=lambda camera: frames[camera.view].monotonic_ns)
        try:
            frames[behind.view] = _frame(behind, frames[behind.view].monotonic_ns, deadline - time.monotonic())
        except SetFailed as error:
            if isinstance(error.cause, StaleFrame):
                raise _apart(behind.view, taken, max_skew_ms) from error
            raise
    return taken


def _frame(camera: ViewCamera, after_ns: int, timeout_s: float) -> Frame:
    try:
        frame = camera.frame_after(after_ns, max(0.0, timeout_s))
    except DeviceError as error:
        raise SetFailed(camera.view, error) from error
    if frame.monotonic_ns <= after_ns:
        raise SetFailed(camera.view, StaleFrame("the camera gave a frame from before it was asked for one"))
    return frame


def _apart(view: str, taken: FrameSet, max_skew_ms: float) -> SetFailed:
    cause = ViewsApart(
        f"{taken.skew_ms:.0f} ms between the views, allowed are {max_skew_ms:.0f} ms",
        hint="Give the cameras the same frame rate, or allow more with capture.max_skew_ms.",
    )
    return SetFailed(view, cause)
