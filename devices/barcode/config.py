"""How barcode scanners are described in a configuration file, and made of it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from devices.barcode.framing import Framing, Suffix
from devices.barcode.scanner import BarcodeScanner
from devices.base import Device
from devices.sections import SerialConfig


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

    def build(self) -> Device:
        """The driver, not started."""
        framing = Framing(Suffix[self.suffix.upper()], self.aim, self.encoding, self.max_length)
        return BarcodeScanner(self.id, self.port_settings(), framing, idle_gap_ms=self.idle_gap_ms)


BarcodeConfig = BarcodeScannerConfig
"""Every driver of this kind."""
