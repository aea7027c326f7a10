"""How RFID readers are described in a configuration file, and made of it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from devices.base import Device
from devices.rfid import m100
from devices.rfid.field import TagField
from devices.rfid.reader import Mode, ReaderSettings, RfidReader
from devices.sections import Section, SerialConfig


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

    def build(self) -> Device:
        """The driver, not started."""
        settings = ReaderSettings(
            dialect=m100.Dialect(self.frame.header, self.frame.end),
            mode=Mode(self.mode),
            poll_ms=self.poll_ms,
            power_dbm=self.power_dbm,
            region=m100.Region[self.region.upper()] if self.region else None,
            report_ms=self.report_ms,
        )
        field = TagField(gate_dbm=self.rssi_gate_dbm, window_ms=self.window_ms, min_reads=self.min_reads)
        return RfidReader(self.id, self.port_settings(), settings, field)


RfidConfig = M100ReaderConfig
"""Every driver of this kind."""
