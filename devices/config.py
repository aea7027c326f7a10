"""How devices and cameras are described in a configuration file; unknown keys are refused.

Example:
    devices:
      - {id: scanner, driver: barcode.serial, port: {vendor_id: 0x0c2e, product_id: 0x0b6a}}
      - {id: rfid, driver: rfid.m100, port: /dev/serial/by-id/usb-R200, power_dbm: 15, region: europe}
    cameras:
      - {id: cam-top, view: top, driver: opencv, usb: {vendor_id: 0x046d, product_id: 0x0825}, width: 1280, height: 960}
      - {id: cam-front, view: front, driver: replay, path: pictures/front, fps: 10}
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from devices.usb import UsbIdentity


class Section(BaseModel):
    """A part of a configuration file."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _usb_number(value: object) -> object:
    """``0x0c2e`` is a number in YAML already; quoted hex such as "0c2e", as lsusb prints it, is taken as well."""
    return int(value, 16) if isinstance(value, str) else value


UsbNumber = Annotated[int, BeforeValidator(_usb_number), Field(ge=0, le=0xFFFF)]
Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class UsbConfig(Section):
    """USB identity of a device, as ``lsusb -v`` prints it."""

    vendor_id: UsbNumber
    product_id: UsbNumber
    serial_number: str | None = Field(None, description="Needed when two devices of the kind are plugged in.")

    def identity(self) -> UsbIdentity:
        return UsbIdentity(self.vendor_id, self.product_id, self.serial_number)


class SerialConfig(Section):
    """Which serial port, and how its line is set."""

    id: Identifier
    port: str | UsbConfig = Field(
        description="Path of a port, pyserial URL (loop://, socket://host:port, rfc2217://host:port) or USB identity."
    )
    baudrate: int = Field(115200, ge=300, le=4_000_000)
    bytesize: Literal[5, 6, 7, 8] = 8
    parity: Literal["N", "E", "O"] = "N"
    stopbits: Literal[1, 2] = 1


class BarcodeScannerConfig(SerialConfig):
    """A barcode scanner on a serial port or USB-CDC."""

    driver: Literal["barcode.serial"]
    suffix: Literal["auto", "cr", "lf", "crlf", "tab", "none"] = Field(
        "auto", description="What the scanner sends after a scan; anything but auto and none is then required."
    )
    aim: bool = Field(True, description="Whether a leading AIM identifier such as ]C1 is split off.")
    encoding: Literal["utf-8", "latin-1"] = "utf-8"
    max_length: int = Field(8192, ge=16, le=65536, description="Longest scan, bytes.")
    idle_gap_ms: int = Field(100, ge=10, le=2000, description="Silence that ends a scan without suffix.")


class FrameBytes(Section):
    """First and last byte of a reader's frames; BB and 7E unless the firmware uses AA and DD."""

    header: int = Field(0xBB, ge=0, le=0xFF)
    end: int = Field(0x7E, ge=0, le=0xFF)


class M100ReaderConfig(SerialConfig):
    """A UHF RFID reader with an M100, Q100, YRM100 or R200 module."""

    driver: Literal["rfid.m100"]
    frame: FrameBytes = FrameBytes()  # type: ignore[call-arg]  # all fields have defaults
    mode: Literal["poll", "continuous"] = "poll"
    poll_ms: int = Field(50, ge=20, le=1000)
    power_dbm: float | None = Field(None, ge=0, le=33, description="Transmit power to set; left alone when absent.")
    region: Literal["china_900", "us", "europe", "china_800", "korea"] | None = None
    rssi_gate_dbm: float | None = Field(None, ge=-128, le=0, description="Weaker tags are the neighbour's.")
    window_ms: int = Field(600, ge=100, le=10_000, description="A tag not heard for this long has left the field.")
    min_reads: int = Field(2, ge=1, le=20, description="Reads before a tag counts.")
    report_ms: int = Field(250, ge=50, le=10_000, description="A tag that stays is reported again after this time.")


DeviceConfig = Annotated[BarcodeScannerConfig | M100ReaderConfig, Field(discriminator="driver")]


class CameraBase(Section):
    """What all cameras have."""

    id: Identifier
    view: Identifier = Field(description="Named position at the station, such as top.")
    stale_after_ms: int = Field(500, ge=50, le=10_000, description="Older pictures are refused.")


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


class ReplayCameraConfig(CameraBase):
    """A folder of pictures, or a video, shown at a frame rate."""

    driver: Literal["replay"]
    path: Path = Field(description="Folder of pictures, one picture, or a video file.")
    fps: float = Field(10.0, gt=0, le=120)


CameraConfig = Annotated[OpenCvCameraConfig | ReplayCameraConfig, Field(discriminator="driver")]


class DevicesSection(Section):
    """All devices and cameras of a station; may be used as a base class of the station's configuration."""

    devices: tuple[DeviceConfig, ...] = ()
    cameras: tuple[CameraConfig, ...] = ()

    @model_validator(mode="after")
    def _names_are_unique(self) -> DevicesSection:
        for what, names in (
            ("id", [*(device.id for device in self.devices), *(camera.id for camera in self.cameras)]),
            ("view", [camera.view for camera in self.cameras]),
        ):
            twice = [name for name, count in Counter(names).items() if count > 1]
            if twice:
                raise ValueError(f"{what} used twice: {', '.join(twice)}")
        return self
