"""How barcode scanners are described in a configuration file, and made of it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from devices.barcode.framing import Framing, Suffix
from devices.barcode.keyboard import KeyboardScanner, KeyboardSettings
from devices.barcode.scanner import DUPLICATE_MS, BarcodeScanner, ScannerSettings, Trigger
from devices.barcode.ssi_scanner import SsiScanner, SsiSettings
from devices.base import Device
from devices.sections import Identifier, Section, SerialConfig

DuplicateMs = Annotated[
    int,
    Field(
        ge=0, le=60_000, description="The same code again within this time is the same reading; 0 takes every report."
    ),
]


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
    separate: Literal["auto", "never"] = Field(
        "auto", description="Whether scans that ran together are taken apart where their check digits prove it."
    )
    trigger: Literal["none", "honeywell", "newland"] = Field(
        "none", description="How it is told to read; none leaves it to its own trigger."
    )
    duplicate_ms: DuplicateMs = DUPLICATE_MS

    def build(self) -> Device:
        """The driver, not started."""
        framing = Framing(
            Suffix[self.suffix.upper()], self.aim, self.encoding, self.max_length, separate=self.separate == "auto"
        )
        settings = ScannerSettings(framing, self.idle_gap_ms, Trigger[self.trigger.upper()], self.duplicate_ms)
        return BarcodeScanner(self.id, self.port_settings(), settings)


class SsiScannerConfig(SerialConfig):
    """A Zebra scanner that is set to SSI (on USB: "SSI over USB CDC")."""

    driver: Literal["barcode.ssi"]
    baudrate: int = Field(9600, ge=300, le=4_000_000)
    encoding: Literal["utf-8", "latin-1"] = "utf-8"
    trigger: Literal["none", "host"] = Field(
        "none", description="host puts the scanner into host trigger mode, so that it reads when it is told to."
    )
    ask_every_ms: int = Field(700, ge=0, le=60_000, description="How often a silent scanner is asked; 0 is never.")
    duplicate_ms: DuplicateMs = DUPLICATE_MS

    def build(self) -> Device:
        """The driver, not started."""
        settings = SsiSettings(self.trigger == "host", self.ask_every_ms, self.encoding, self.duplicate_ms)
        return SsiScanner(self.id, self.port_settings(), settings)


class KeyboardScannerConfig(Section):
    """A scanner that can only type, into the station's page: a fallback, as it may lose the separators of a code."""

    id: Identifier
    driver: Literal["barcode.keyboard"]
    group_separator: str = Field(
        "", pattern=r"^[!-/:-@\[-`{-~]?$", description="The sign that the scanner types for GS (FNC1), if it can."
    )
    max_length: int = Field(512, ge=16, le=4096, description="Longest scan, characters.")
    gap_ms: int = Field(60, ge=10, le=500, description="Longest time between two keys of a scan; a person is slower.")
    duplicate_ms: DuplicateMs = DUPLICATE_MS

    def build(self) -> Device:
        """The device, not started."""
        return KeyboardScanner(
            self.id, KeyboardSettings(self.group_separator, self.max_length, self.gap_ms, self.duplicate_ms)
        )


BarcodeConfig = BarcodeScannerConfig | SsiScannerConfig | KeyboardScannerConfig
"""Every driver of this kind."""
