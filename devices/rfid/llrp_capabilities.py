"""What an LLRP reader tells of itself: who it is, its antennas, and which powers it can transmit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from devices.rfid import llrp_parameters
from devices.rfid.llrp_parameters import Parameter

_MAKERS = {25882: "Impinj", 10642: "Zebra", 161: "Motorola", 26554: "ThingMagic"}
_GENERAL_FIELDS = 12
_REGULATORY_FIELDS = 4
_HOPPING_BIT = 0x80


@dataclass(frozen=True, slots=True)
class Channels:
    """How RFTransmitter names the channel: a hop table when the reader hops, the first fixed frequency otherwise."""

    hop_table: int
    channel: int


HOPPING = Channels(hop_table=1, channel=0)
FIXED = Channels(hop_table=0, channel=1)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Answer to GET_READER_CAPABILITIES, as far as it is used (LLRP 1.0.1, section 9.2).

    Attributes:
        maker: IANA private enterprise number.
        model: the maker's number of the model.
        firmware: as told.
        antennas: how many antennas can be connected.
        powers_dbm: transmit power by index; empty when the reader did not tell.
        channels: see `Channels`.
    """

    maker: int
    model: int
    firmware: str
    antennas: int
    powers_dbm: dict[int, float]
    channels: Channels

    @property
    def text(self) -> str:
        """Who the reader is, in words."""
        maker = _MAKERS.get(self.maker, f"maker {self.maker}")
        return f"{maker} LLRP reader, model {self.model}, firmware {self.firmware}, {self.antennas} antennas"

    def power_index(self, dbm: float) -> int | None:
        """Index of the highest power that is not above ``dbm``; ``None`` when there is none."""
        below = [(power, index) for index, power in self.powers_dbm.items() if power <= dbm]
        return max(below)[1] if below else None


def capabilities(body: bytes) -> Capabilities | None:
    """Read the body of GET_READER_CAPABILITIES_RESPONSE; ``None`` when the reader did not tell who it is."""
    general = next(_children(body, Parameter.GENERAL_CAPABILITIES), None)
    if general is None or len(general) < _GENERAL_FIELDS + 2:
        return None
    firmware_end = _GENERAL_FIELDS + 2 + _number(general[12:14])
    powers: dict[int, float] = {}
    channels = HOPPING
    for regulatory in _children(body, Parameter.REGULATORY_CAPABILITIES):
        for band in _children(regulatory[_REGULATORY_FIELDS:], Parameter.UHF_CAPABILITIES):
            for entry in _children(band, Parameter.POWER_TABLE_ENTRY):
                powers[_number(entry[:2])] = int.from_bytes(entry[2:4], "big", signed=True) / 100
            for frequencies in _children(band, Parameter.FREQUENCY_INFORMATION):
                channels = _channels(frequencies)
    return Capabilities(
        maker=_number(general[4:8]),
        model=_number(general[8:12]),
        firmware=general[14:firmware_end].decode("utf-8", "replace"),
        antennas=_number(general[:2]),
        powers_dbm=powers,
        channels=channels,
    )


def _channels(frequencies: bytes) -> Channels:
    if not frequencies[:1] or not frequencies[0] & _HOPPING_BIT:
        return FIXED
    table = next(_children(frequencies[1:], Parameter.HOP_TABLE), b"\x01")
    return Channels(hop_table=table[0], channel=0)


def _children(content: bytes, kind: Parameter) -> Iterator[bytes]:
    """Contents of the parameters of one type among those that fill ``content``."""
    return (inner for found, inner in llrp_parameters.split(content) or () if found == kind)


def _number(content: bytes) -> int:
    return int.from_bytes(content, "big")
