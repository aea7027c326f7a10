"""How RFID readers are described in a configuration file, and made of it; one class for each protocol."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from devices.base import Device
from devices.rfid import chafon, chafon_dialog, llrp_dialog, m100, m100_dialog, mercury_dialog, r2000_dialog
from devices.rfid.chafon_forms import Dialect
from devices.rfid.dialog import Dialog
from devices.rfid.field import TagField
from devices.rfid.reader import RfidReader
from devices.rfid.settings import Mode, ReaderSettings, Region
from devices.sections import Section, SerialConfig

Antenna = Annotated[int, Field(ge=1)]


class RfidReaderConfig(SerialConfig):
    """What is said of every UHF RFID reader.

    A protocol adds its ``driver`` and keys of its own, fills in the class variables and makes its `dialog`; keys that
    it cannot honour are refused rather than passed over.
    """

    REGIONS: ClassVar[Collection[Region]]
    """The frequency plans that can be set."""
    ANTENNAS: ClassVar[int] = 1
    """Most antennas; 1 for a reader that does not tell which one heard a tag."""
    TELLS_RSSI: ClassVar[bool] = True
    """Whether reads come with their signal strength."""

    mode: Literal["poll", "continuous"] = "poll"
    poll_ms: int = Field(50, ge=20, le=1000)
    power_dbm: float | None = Field(None, ge=0, le=33, description="Transmit power to set; left alone when absent.")
    region: Region | None = Field(None, description="Frequency plan to set; left alone when absent.")
    antennas: tuple[Antenna, ...] = Field(
        (), description="Antennas of this station; reads of others are a neighbour's."
    )
    rssi_gate_dbm: float | None = Field(None, ge=-128, le=0, description="Weaker tags are the neighbour's.")
    window_ms: int = Field(600, ge=100, le=10_000, description="A tag not heard for this long has left the field.")
    min_reads: int = Field(2, ge=1, le=20, description="Reads before a tag counts.")
    report_ms: int = Field(250, ge=50, le=10_000, description="A tag that stays is reported again after this time.")

    @model_validator(mode="after")
    def _can_be_honoured(self) -> Self:
        if self.region is not None and self.region not in self.REGIONS:
            known = ", ".join(sorted(self.REGIONS))
            raise ValueError(f"region {self.region} is unknown to this reader; it knows {known}")
        if self.antennas and self.ANTENNAS == 1:
            raise ValueError("antennas: this reader does not tell which antenna heard a tag; leave the key out")
        if self.antennas and max(self.antennas) > self.ANTENNAS:
            raise ValueError(f"antennas: this reader has at most {self.ANTENNAS}, not {max(self.antennas)}")
        if len(set(self.antennas)) < len(self.antennas):
            raise ValueError("antennas: one is named twice")
        if self.rssi_gate_dbm is not None and not self.TELLS_RSSI:
            raise ValueError("rssi_gate_dbm: this reader does not tell the signal strength; leave the key out")
        return self

    def dialog(self, settings: ReaderSettings) -> Dialog:
        """The protocol with this reader's settings."""
        raise NotImplementedError

    def build(self) -> Device:
        """The driver, not started."""
        settings = ReaderSettings(
            mode=Mode(self.mode),
            poll_ms=self.poll_ms,
            power_dbm=self.power_dbm,
            region=self.region,
            antennas=self.antennas,
        )
        field = TagField(
            gate_dbm=self.rssi_gate_dbm,
            antennas=frozenset(self.antennas),
            window_ms=self.window_ms,
            min_reads=self.min_reads,
            report_ms=self.report_ms,
        )
        return RfidReader(self.id, self.port_settings(), self.dialog(settings), settings, field)


class FrameBytes(Section):
    """First and last byte of a reader's frames; BB and 7E unless the firmware uses AA and DD."""

    header: int = Field(0xBB, ge=0, le=0xFF)
    end: int = Field(0x7E, ge=0, le=0xFF)


class M100ReaderConfig(RfidReaderConfig):
    """A UHF RFID reader with an M100, Q100, YRM100 or R200 module."""

    REGIONS = m100_dialog.REGIONS

    driver: Literal["rfid.m100"]
    frame: FrameBytes = FrameBytes()  # type: ignore[call-arg]  # all fields have defaults

    def dialog(self, settings: ReaderSettings) -> Dialog:
        return m100_dialog.M100Dialog(settings, m100.Dialect(self.frame.header, self.frame.end))


class MercuryReaderConfig(RfidReaderConfig):
    """A UHF RFID reader with an M6e, M7e or Nano module of ThingMagic or JADAK."""

    REGIONS = mercury_dialog.REGIONS
    ANTENNAS = mercury_dialog.ANTENNAS

    driver: Literal["rfid.mercury"]

    def dialog(self, settings: ReaderSettings) -> Dialog:
        return mercury_dialog.MercuryDialog(settings)


class LlrpReaderConfig(RfidReaderConfig):
    """A UHF RFID reader in the network that speaks LLRP, of Impinj, Zebra and others; its region is set in itself."""

    REGIONS = ()
    ANTENNAS = llrp_dialog.ANTENNAS

    driver: Literal["rfid.llrp"]
    port: str = Field(pattern=r"^socket://", description="socket://host:5084, or a forwarded port in its place.")
    mode: Literal["poll", "continuous"] = "continuous"

    def dialog(self, settings: ReaderSettings) -> Dialog:
        return llrp_dialog.LlrpDialog(settings)


class R2000ReaderConfig(RfidReaderConfig):
    """A UHF RFID reader of the Impinj R2000 family that speaks A0, of Invelion, Rodinbell and others; always polled."""

    REGIONS = r2000_dialog.REGIONS
    ANTENNAS = r2000_dialog.ANTENNAS

    driver: Literal["rfid.r2000"]
    mode: Literal["poll"] = "poll"
    power_dbm: int | None = Field(None, ge=0, le=33, description="Transmit power to set; left alone when absent.")
    address: int = Field(0xFF, ge=0, le=0xFF, description="Of the reader; 255 for whichever is on the line.")

    def dialog(self, settings: ReaderSettings) -> Dialog:
        return r2000_dialog.R2000Dialog(settings, self.address)


class ChafonReaderConfig(RfidReaderConfig):
    """What is said of every Chafon reader; it is always polled."""

    REGIONS = chafon_dialog.REGIONS
    DIALECT: ClassVar[Dialect]

    baudrate: int = Field(57600, ge=300, le=4_000_000)
    mode: Literal["poll"] = "poll"
    power_dbm: int | None = Field(None, ge=0, le=33, description="Transmit power to set; left alone when absent.")
    address: int = Field(0xFF, ge=0, le=0xFF, description="Of the reader; 255 for whichever is on the line.")

    def dialog(self, settings: ReaderSettings) -> Dialog:
        return chafon_dialog.ChafonDialog(self.DIALECT, settings, self.address)


class Uhf18ReaderConfig(ChafonReaderConfig):
    """A UHFReader18 or RRU9803M, such as CF-RU5102 and CF-RU5106."""

    DIALECT = Dialect.UHF18
    TELLS_RSSI = False

    driver: Literal["rfid.uhf18"]


class Uhf288ReaderConfig(ChafonReaderConfig):
    """A UHFReader288 or UHFReader86, such as CF-RU6402, CF-MU804 and CF-MU904."""

    DIALECT = Dialect.UHF288
    ANTENNAS = chafon_dialog.ANTENNAS

    driver: Literal["rfid.uhf288"]
    rssi_offset_db: float = Field(
        chafon.RSSI_OFFSET_DB, ge=-256, le=0, description="Added to the reader's byte of strength to make dBm of it."
    )

    def dialog(self, settings: ReaderSettings) -> Dialog:
        return chafon_dialog.ChafonDialog(self.DIALECT, settings, self.address, self.rssi_offset_db)


# Every driver of this kind; further protocols join with "|".
RfidConfig = (
    M100ReaderConfig
    | MercuryReaderConfig
    | LlrpReaderConfig
    | R2000ReaderConfig
    | Uhf18ReaderConfig
    | Uhf288ReaderConfig
)
