"""LLRP messages as they are built: the client's, and the reader's for simulators (LLRP 1.0.1, sections 10 to 16)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from devices.rfid import gen2, llrp_events
from devices.rfid.llrp import HEAD, REQUEST_OF, MessageType
from devices.rfid.llrp_capabilities import HOPPING, Channels
from devices.rfid.llrp_parameters import Parameter, tlv, tv

ALL = 0
"""Identifier that means every ROSpec, every antenna."""

_GEN2 = 1
_PERIODIC = 1
_IMMEDIATE = 1
_ON = b"\x80"
_EVENT_ROSPEC = 2
_EVENT_READER_EXCEPTION = 4
_EVENT_ANTENNA = 8
_REPORT_ANTENNA = 0x1000
_REPORT_RSSI = 0x0400
_REPORT_FIRST_SEEN = 0x0200
_REPORT_SEEN_COUNT = 0x0080
_SELECT_CRC_AND_PC = 0xC0
_FEW_TAGS = 8
# Session 0: a tag that was read answers again in the next round; in the others it keeps silent for seconds.
_SINGULATION = tlv(
    Parameter.GEN2_INVENTORY_COMMAND,
    b"\x00" + tlv(Parameter.GEN2_SINGULATION, b"\x00" + _FEW_TAGS.to_bytes(2, "big") + bytes(4)),
)


def encode(kind: MessageType, message_id: int, body: bytes = b"", *, version: int = 1) -> bytes:
    """A message; ``version`` is 1 for LLRP 1.0.1 and 2 for 1.1."""
    head = (version << 10 | kind).to_bytes(2, "big") + (HEAD + len(body)).to_bytes(4, "big")
    return head + message_id.to_bytes(4, "big") + body


def get_capabilities(message_id: int) -> bytes:
    """Ask who the reader is and what it can do."""
    return encode(MessageType.GET_READER_CAPABILITIES, message_id, b"\x00")


def set_config(message_id: int, keepalive_ms: int) -> bytes:
    """Ask for keep-alives every ``keepalive_ms`` and news of inventories, antennas and faults; hold nothing back."""
    events = (_EVENT_ROSPEC, _EVENT_READER_EXCEPTION, _EVENT_ANTENNA)
    wanted = b"".join(tlv(Parameter.EVENT_STATE, event.to_bytes(2, "big") + _ON) for event in events)
    body = (
        b"\x00"
        + tlv(Parameter.EVENT_SPEC, wanted)
        + tlv(Parameter.KEEPALIVE_SPEC, bytes([_PERIODIC]) + keepalive_ms.to_bytes(4, "big"))
        + tlv(Parameter.EVENTS_AND_REPORTS, b"\x00")
    )
    return encode(MessageType.SET_READER_CONFIG, message_id, body)


@dataclass(frozen=True, slots=True)
class RoSpec:
    """An inventory for ever.

    Attributes:
        rospec_id: from 1.
        antennas: from 1; empty means all.
        power_index: row of the reader's power table; ``None`` leaves the power.
        channels: from the reader's capabilities; used with ``power_index``.
        starts_itself: whether it runs as soon as it is enabled.
        report_each: whether each tag is reported when it is read; otherwise the reader waits to be asked.
    """

    rospec_id: int = 1
    antennas: Sequence[int] = ()
    power_index: int | None = None
    channels: Channels = HOPPING
    starts_itself: bool = False
    report_each: bool = True


def add_rospec(message_id: int, rospec: RoSpec) -> bytes:
    """Tell the reader of ``rospec``; it starts disabled."""
    body = (
        rospec.rospec_id.to_bytes(4, "big")
        + b"\x00\x00"
        + _boundary(starts_itself=rospec.starts_itself)
        + _inventory(rospec)
        + _reports(each=rospec.report_each)
    )
    return encode(MessageType.ADD_ROSPEC, message_id, tlv(Parameter.RO_SPEC, body))


def _boundary(*, starts_itself: bool) -> bytes:
    start = tlv(Parameter.RO_START_TRIGGER, bytes([_IMMEDIATE if starts_itself else 0]))
    return tlv(Parameter.RO_BOUNDARY, start + tlv(Parameter.RO_STOP_TRIGGER, bytes(5)))


def _inventory(rospec: RoSpec) -> bytes:
    antennas = rospec.antennas or (ALL,)
    settings = _SINGULATION
    if rospec.power_index is not None:
        channels = rospec.channels
        numbers = (channels.hop_table, channels.channel, rospec.power_index)
        settings = tlv(Parameter.RF_TRANSMITTER, b"".join(number.to_bytes(2, "big") for number in numbers)) + settings
    configurations = b"".join(
        tlv(Parameter.ANTENNA_CONFIGURATION, antenna.to_bytes(2, "big") + settings) for antenna in antennas
    )
    return tlv(
        Parameter.AI_SPEC,
        len(antennas).to_bytes(2, "big")
        + b"".join(antenna.to_bytes(2, "big") for antenna in antennas)
        + tlv(Parameter.AI_STOP_TRIGGER, bytes(5))
        + tlv(Parameter.INVENTORY_SPEC, b"\x00\x01" + bytes([_GEN2]) + configurations),
    )


def _reports(*, each: bool) -> bytes:
    wanted = _REPORT_ANTENNA | _REPORT_RSSI | _REPORT_FIRST_SEEN | _REPORT_SEEN_COUNT
    memory = tlv(Parameter.GEN2_MEMORY_SELECTOR, bytes([_SELECT_CRC_AND_PC]))
    content = tlv(Parameter.REPORT_CONTENT, wanted.to_bytes(2, "big") + memory)
    trigger, tags = (1, 1) if each else (0, 0)
    return tlv(Parameter.RO_REPORT_SPEC, bytes([trigger]) + tags.to_bytes(2, "big") + content)


def about_rospec(kind: MessageType, message_id: int, rospec_id: int) -> bytes:
    """ENABLE, DISABLE, START, STOP or DELETE_ROSPEC; with `ALL` for ``rospec_id`` DELETE takes them all away."""
    return encode(kind, message_id, rospec_id.to_bytes(4, "big"))


def get_report(message_id: int) -> bytes:
    """Ask for the tags that the reader has gathered."""
    return encode(MessageType.GET_REPORT, message_id)


def keepalive_ack(message_id: int) -> bytes:
    """Answer a keep-alive with its own identifier."""
    return encode(MessageType.KEEPALIVE_ACK, message_id)


def close_connection(message_id: int) -> bytes:
    """Take leave; the reader takes the next client at once."""
    return encode(MessageType.CLOSE_CONNECTION, message_id)


_RESPONSE_TO = {request: response for response, request in REQUEST_OF.items()}


def status_parameter(code: int = llrp_events.SUCCESS, description: str = "") -> bytes:
    """LLRPStatus."""
    told = description.encode()
    return tlv(Parameter.STATUS, code.to_bytes(2, "big") + len(told).to_bytes(2, "big") + told)


def response(to: MessageType, message_id: int, *, code: int = 0, description: str = "", more: bytes = b"") -> bytes:
    """A reader's answer to a request; without one of its own an error message."""
    kind = _RESPONSE_TO.get(to, MessageType.ERROR_MESSAGE)
    return encode(kind, message_id, status_parameter(code, description) + more)


def event_notification(message_id: int, kind: Parameter, content: bytes, at_us: int = 0) -> bytes:
    """A reader's event."""
    event = tlv(Parameter.UTC_TIMESTAMP, at_us.to_bytes(8, "big")) + tlv(kind, content)
    return encode(MessageType.READER_EVENT_NOTIFICATION, message_id, tlv(Parameter.EVENT_DATA, event))


def capabilities_content(powers_cdbm: Sequence[int], antennas: int, firmware: str) -> bytes:
    """GeneralDeviceCapabilities and RegulatoryCapabilities of a reader that hops, model 2001002 of Impinj."""
    told = firmware.encode()
    general = (
        antennas.to_bytes(2, "big")
        + b"\x40\x00"
        + (25882).to_bytes(4, "big")
        + (2_001_002).to_bytes(4, "big")
        + len(told).to_bytes(2, "big")
        + told
    )
    entries = b"".join(
        tlv(Parameter.POWER_TABLE_ENTRY, index.to_bytes(2, "big") + power.to_bytes(2, "big", signed=True))
        for index, power in enumerate(powers_cdbm, start=1)
    )
    hop_table = tlv(Parameter.HOP_TABLE, b"\x01\x00\x00\x01" + (902_750).to_bytes(4, "big"))
    frequencies = tlv(Parameter.FREQUENCY_INFORMATION, _ON + hop_table)
    band = tlv(Parameter.UHF_CAPABILITIES, entries + frequencies)
    country_and_standard = (840).to_bytes(2, "big") + b"\x00\x01"
    return tlv(Parameter.GENERAL_CAPABILITIES, general) + tlv(
        Parameter.REGULATORY_CAPABILITIES, country_and_standard + band
    )


def tag_report_data(epc: bytes, rssi_dbm: int, antenna: int = 1, first_seen_us: int = 0) -> bytes:
    """One TagReportData with PC and tag CRC."""
    pc = gen2.pc_for(epc).to_bytes(2, "big")
    is_96 = len(epc) == 12  # noqa: PLR2004  the parameter's name says it
    content = (
        (tv(Parameter.EPC_96, epc) if is_96 else tlv(Parameter.EPC_DATA, (len(epc) * 8).to_bytes(2, "big") + epc))
        + tv(Parameter.ANTENNA_ID, antenna.to_bytes(2, "big"))
        + tv(Parameter.PEAK_RSSI, rssi_dbm.to_bytes(1, "big", signed=True))
        + tv(Parameter.FIRST_SEEN_UTC, first_seen_us.to_bytes(8, "big"))
        + tv(Parameter.SEEN_COUNT, b"\x00\x01")
        + tv(Parameter.GEN2_PC, pc)
        + tv(Parameter.GEN2_CRC, gen2.tag_crc(pc + epc).to_bytes(2, "big"))
    )
    return tlv(Parameter.TAG_REPORT, content)


def report(message_id: int, reports: Sequence[bytes]) -> bytes:
    """RO_ACCESS_REPORT of what `tag_report_data` made."""
    return encode(MessageType.RO_ACCESS_REPORT, message_id, b"".join(reports))
