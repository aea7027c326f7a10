"""Parts that the configurations of all kinds of devices share; unknown keys are refused."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from devices.serial_link import PortSettings
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

    def port_settings(self) -> PortSettings:
        return PortSettings(
            port=self.port.identity() if isinstance(self.port, UsbConfig) else self.port,
            baudrate=self.baudrate,
            bytesize=self.bytesize,
            parity=self.parity,
            stopbits=self.stopbits,
        )
