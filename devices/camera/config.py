"""How cameras are described in a configuration file, and made of it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from devices.camera.base import Camera, CameraSettings
from devices.camera.opencv import OpenCvSettings, opencv_camera
from devices.camera.replay import replay_camera
from devices.sections import Identifier, Section, UsbConfig


class CameraBase(Section):
    """What all cameras have."""

    id: Identifier
    view: Identifier = Field(description="Named position at the station, such as top.")
    stale_after_ms: int = Field(500, ge=50, le=10_000, description="Older pictures are refused.")

    def camera_settings(self, period_s: float | None = None) -> CameraSettings:
        return CameraSettings(self.id, self.view, stale_after_ms=self.stale_after_ms, period_s=period_s)


class OpenCvCameraConfig(CameraBase):
    """A camera through OpenCV: exactly one of usb, url and path. Values are in the driver's own units."""

    driver: Literal["opencv"]
    usb: UsbConfig | None = None
    url: str | None = Field(None, pattern=r"^[a-z][a-z0-9+.-]*://", description="Stream such as rtsp://…")
    path: Path | None = Field(None, description="Device such as /dev/v4l/by-id/…, or a video file.")
    fourcc: str | None = Field(None, min_length=4, max_length=4)
    width: int | None = Field(None, ge=16, le=16384)
    height: int | None = Field(None, ge=16, le=16384)
    fps: float | None = Field(None, gt=0, le=1000)
    auto_exposure: float | None = None
    exposure: float | None = None
    gain: float | None = None
    brightness: float | None = None
    auto_white_balance: float | None = None
    white_balance_k: float | None = None
    autofocus: float | None = None
    focus: float | None = None

    @model_validator(mode="after")
    def _names_one_camera(self) -> OpenCvCameraConfig:
        if sum(where is not None for where in (self.usb, self.url, self.path)) != 1:
            raise ValueError("name the camera by exactly one of usb, url and path")
        return self

    def requested(self) -> dict[str, float]:
        """The settings that are to be made, by name."""
        described = {"id", "view", "stale_after_ms", "driver", "usb", "url", "path", "fourcc"}
        return {name: float(value) for name, value in self.model_dump(exclude=described, exclude_none=True).items()}

    def build(self) -> Camera:
        """The camera, not started."""
        device = self.usb.identity() if self.usb else self.url or str(self.path)
        return opencv_camera(self.camera_settings(), OpenCvSettings(device, self.requested(), self.fourcc))


class ReplayCameraConfig(CameraBase):
    """A folder of pictures, or a video, shown at a frame rate."""

    driver: Literal["replay"]
    path: Path = Field(description="Folder of pictures, one picture, or a video file.")
    fps: float = Field(10.0, gt=0, le=120)

    def build(self) -> Camera:
        """The camera, not started."""
        return replay_camera(self.camera_settings(1 / self.fps), self.path)


CameraKinds = OpenCvCameraConfig | ReplayCameraConfig
"""Every driver of this kind."""
