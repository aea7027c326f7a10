"""How cameras are described in a configuration file, and made of it."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from devices.camera.address import Login
from devices.camera.base import Camera
from devices.camera.genicam import FEATURES, GenicamSettings, genicam_camera
from devices.camera.opencv import PROPERTIES, OpenCvSettings, opencv_camera
from devices.camera.replay import replay_camera
from devices.camera.source import CameraSettings
from devices.camera.stillness import TAKE_EVERY, StillnessSettings
from devices.camera.watchdog import WatchdogSettings
from devices.sections import Identifier, Section, UsbConfig


class WatchdogConfig(Section):
    """Which faults are looked for in the pictures of a camera; what is not named follows the kind of source."""

    frozen: bool | None = Field(None, description="The same sensor noise twice. Off where a source has no noise.")
    black: bool | None = Field(None, description="Nothing to see. Off where the light goes out while the station runs.")
    one_colour: bool | None = Field(None, description="One colour without noise, as from a decoder without data.")
    torn: bool | None = Field(None, description="Parts of two moments in one picture, or a part missing.")

    def settings(self, *, live: bool) -> WatchdogSettings:
        """As configured; otherwise all for a ``live`` source and nothing for files, which may be drawn or repeat."""
        chosen = {name: live if value is None else value for name, value in self.model_dump().items()}
        return WatchdogSettings(**chosen)


class StillnessConfig(Section):
    """When a picture is of something that lies still; only such a picture is judged."""

    frames: int | None = Field(
        None,
        ge=1,
        le=50,
        description="So many pictures in a row must be alike; 1 takes every one. 3 for a camera, 1 for files.",
    )
    moved_share: float = Field(
        StillnessSettings().moved_share, gt=0, le=0.5, description="Share of a picture that may differ from the last."
    )

    def settings(self, *, live: bool) -> StillnessSettings:
        """As configured; otherwise every picture of files is taken, which may differ as they like."""
        usual = StillnessSettings() if live else TAKE_EVERY
        return StillnessSettings(usual.frames if self.frames is None else self.frames, self.moved_share)


class CameraBase(Section):
    """What all cameras have."""

    FILES: ClassVar[tuple[str, ...]] = ()
    """Names of the fields that hold a path."""

    id: Identifier
    view: Identifier = Field(description="Named position at the station, such as top.")
    stale_after_ms: int = Field(500, ge=50, le=10_000, description="Older pictures are refused.")
    watchdog: WatchdogConfig = WatchdogConfig.model_validate({})
    stillness: StillnessConfig = StillnessConfig.model_validate({})

    def resolved(self, base: Path) -> Self:
        """The same, with paths that are relative to ``base`` made whole."""
        files = {name: getattr(self, name) for name in self.FILES}
        return self.model_copy(update={name: base / path for name, path in files.items() if path is not None})

    def camera_settings(self, *, live: bool, period_s: float | None = None) -> CameraSettings:
        return CameraSettings(
            self.id,
            self.view,
            stale_after_ms=self.stale_after_ms,
            period_s=period_s,
            watchdog=self.watchdog.settings(live=live),
            stillness=self.stillness.settings(live=live),
        )


class OpenCvCameraConfig(CameraBase):
    """A camera through OpenCV: exactly one of usb, url and path. Values are in the driver's own units."""

    FILES = ("path", "login_file")

    driver: Literal["opencv"]
    usb: UsbConfig | None = None
    url: str | None = Field(
        None, pattern=r"^[a-z][a-z0-9+.-]*://", repr=False, description="Stream such as rtsp://…; better without login."
    )
    login_file: Path | None = Field(None, description="File that holds user:password of the url and nothing else.")
    login_env: str | None = Field(
        None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="Variable that holds the same."
    )
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
        if self.login_file is not None and self.login_env is not None:
            raise ValueError("give login_file or login_env, not both")
        if self.login is not None and self.url is None:
            raise ValueError("a login is for a camera with url")
        return self

    @property
    def login(self) -> Login | None:
        if self.login_file is None and self.login_env is None:
            return None
        return Login(self.login_file, self.login_env)

    def requested(self) -> dict[str, float]:
        """The settings that are to be made, by name."""
        return {
            name: float(value) for name, value in self.model_dump(include=set(PROPERTIES), exclude_none=True).items()
        }

    def build(self) -> Camera:
        """The camera, not started."""
        device = self.usb.identity() if self.usb else self.url or str(self.path)
        live = self.path is None or self.path.is_relative_to("/dev")
        settings = OpenCvSettings(device, self.requested(), self.fourcc, self.login)
        return opencv_camera(self.camera_settings(live=live), settings)


class ReplayCameraConfig(CameraBase):
    """A folder of pictures, or a video, shown at a frame rate."""

    FILES = ("path",)

    driver: Literal["replay"]
    path: Path = Field(description="Folder of pictures, one picture, or a video file.")
    fps: float = Field(10.0, gt=0, le=120)
    serial_number: str = Field("", max_length=64, description="Of the camera that took them; empty if not known.")

    def build(self) -> Camera:
        """The camera, not started."""
        return replay_camera(self.camera_settings(live=False, period_s=1 / self.fps), self.path, self.serial_number)


class GenicamCameraConfig(CameraBase):
    """A GenICam camera (GigE Vision, USB3 Vision); needs ``pip install .[genicam]`` and the maker's GenTL producer."""

    FILES = ("cti",)

    driver: Literal["genicam"]
    cti: Path = Field(description="GenTL producer: the .cti file of the camera maker's software.")
    serial_number: str = Field(min_length=1, description="As printed on the camera.")
    pixel_format: str | None = Field(None, description="Such as BayerRG8, BGR8 or Mono8.")
    width: int | None = Field(None, ge=16, le=16384)
    height: int | None = Field(None, ge=16, le=16384)
    fps: float | None = Field(None, gt=0, le=1000)
    exposure_us: float | None = Field(None, gt=0, description="Switches automatic exposure off.")
    gain_db: float | None = Field(None, description="Switches automatic gain off.")
    balance_red: float | None = Field(None, gt=0, description="White balance, red to green; switches automatic off.")
    balance_blue: float | None = Field(None, gt=0, description="White balance, blue to green.")

    def build(self) -> Camera:
        """The camera, not started; harvesters is loaded when it is opened."""
        requested = self.model_dump(include=set(FEATURES), exclude_none=True)
        settings = GenicamSettings(self.cti, self.serial_number, requested)
        return genicam_camera(self.camera_settings(live=True), settings)


CameraKinds = OpenCvCameraConfig | ReplayCameraConfig | GenicamCameraConfig
"""Every driver of this kind."""
