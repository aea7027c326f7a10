"""How devices and cameras are described in a configuration file; unknown keys are refused.

Each kind describes its drivers in its own ``config`` module; a new driver is one more class there.

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
from typing import Annotated

from pydantic import Field, model_validator

from devices.barcode.config import BarcodeConfig
from devices.camera.config import CameraKinds
from devices.lamp.config import LampConfig
from devices.printer.config import PrinterConfig
from devices.rfid.config import RfidConfig
from devices.scale.config import ScaleKinds
from devices.sections import Section

DeviceConfig = Annotated[
    BarcodeConfig | RfidConfig | ScaleKinds | LampConfig | PrinterConfig, Field(discriminator="driver")
]
CameraConfig = Annotated[CameraKinds, Field(discriminator="driver")]


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
