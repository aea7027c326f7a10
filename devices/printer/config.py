"""How label printers are described in a configuration file, and made of it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from devices.base import Device
from devices.printer.driver import ZplPrinter
from devices.printer.font import LabelFont
from devices.sections import SerialConfig


class ZplPrinterConfig(SerialConfig):
    """A label printer that speaks ZPL II; on the network its port is ``socket://address:9100``."""

    driver: Literal["printer.zpl"]
    baudrate: int = Field(9600, ge=300, le=4_000_000)
    font: Path | None = Field(None, description="Font with Chinese letters, absolute path; one is built in.")

    def build(self) -> Device:
        """The driver, not started."""
        return ZplPrinter(self.id, self.port_settings(), LabelFont(self.font))


PrinterConfig = ZplPrinterConfig
"""Every driver of this kind."""
