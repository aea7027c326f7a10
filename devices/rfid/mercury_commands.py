"""Frames of Mercury readers as they are built: commands of the host, answers of the reader.

Source: MercuryAPI, ``serial_reader_l3.c``; logs of the Universal Reader Assistant.
"""

from __future__ import annotations

from collections.abc import Sequence

from devices.rfid import mercury_tags
from devices.rfid.mercury import HEADER, MAX_DATA, SUCCESS, Opcode, Region, Search, frame_crc

POWER_STEP_DBM = 0.01
_STOP = bytes([0, 0, 0x02])


def encode(opcode: int, data: bytes = b"") -> bytes:
    """A host's frame; ``data`` is at most 255 bytes."""
    return _framed(bytes([opcode]), data)


def encode_response(opcode: int, data: bytes = b"", status: int = SUCCESS) -> bytes:
    """A reader's frame; the simulator's side of the protocol."""
    return _framed(bytes([opcode]) + status.to_bytes(2, "big"), data)


def _framed(front: bytes, data: bytes) -> bytes:
    if len(data) > MAX_DATA:
        raise ValueError(f"a frame holds at most {MAX_DATA} bytes of data, not {len(data)}")
    body = bytes([len(data)]) + front + data
    return bytes([HEADER]) + body + frame_crc(body).to_bytes(2, "big")


def get_version() -> bytes:
    """Ask who the reader is; the answer is read by `version_text`."""
    return encode(Opcode.VERSION)


_VERSION_SIZE = 20
_MODELS = {0x18: "M6e", 0x19: "M6e PRC", 0x20: "M6e Micro", 0x30: "M6e Nano", 0x38: "M7e Pico"}


def version_text(data: bytes) -> str:
    """Answer to 03 in words: boot loader, hardware, firmware date, firmware version, protocols, four bytes each."""
    if len(data) < _VERSION_SIZE:
        return f"Mercury reader, version {data.hex()}"
    hardware, date, firmware = data[4:8], data[8:12], data[12:16]
    model = _MODELS.get(hardware[0], f"Mercury hardware {hardware.hex().upper()}")
    # Each byte is a two-digit number written in hex, the year's too.
    return f"{model} firmware {firmware.hex('.').upper()} of {date[:2].hex()}-{date[2:3].hex()}-{date[3:].hex()}"


def get_read_power(*, limits: bool = False) -> bytes:
    """Ask for the transmit power; with ``limits`` also for the highest and lowest that the module can do."""
    return encode(Opcode.GET_READ_POWER, bytes([limits]))


def set_read_power(dbm: float) -> bytes:
    """Set the transmit power in steps of 0.01 dBm; the module refuses what it cannot do."""
    return encode(Opcode.SET_READ_POWER, round(dbm / POWER_STEP_DBM).to_bytes(2, "big", signed=True))


def read_power_dbm(data: bytes) -> float | None:
    """Answer to 62 in dBm; with limits asked for, an option byte stands before it."""
    at = _POWER_AT.get(len(data))
    return None if at is None else int.from_bytes(data[at : at + 2], "big", signed=True) / 100


_POWER_AT = {2: 0, 3: 1, 7: 1}


def get_region() -> bytes:
    """Ask for the frequency plan."""
    return encode(Opcode.GET_REGION)


def set_region(region: Region) -> bytes:
    """Choose the frequency plan; needed after every power-up of a module that has none stored."""
    return encode(Opcode.SET_REGION, bytes([region]))


def set_antenna(tx: int, rx: int | None = None) -> bytes:
    """Choose the one antenna for operations on single tags; ``rx`` is the same port unless given."""
    return encode(Opcode.SET_ANTENNA, bytes([tx, tx if rx is None else rx]))


def set_antenna_list(antennas: Sequence[int]) -> bytes:
    """Choose the antennas, from 1, that a search goes through in turn; each transmits and receives."""
    if not antennas:
        raise ValueError("a search needs at least one antenna")
    return encode(Opcode.SET_ANTENNA, b"\x02" + bytes(port for antenna in antennas for port in (antenna, antenna)))


def set_protocol_gen2() -> bytes:
    """Choose EPC Gen2 as the tag protocol."""
    return encode(Opcode.SET_PROTOCOL, bytes([0, mercury_tags.GEN2]))


def set_read_filter(*, on: bool) -> bytes:
    """Whether a tag is streamed only once in a while (on) or each time it is heard (off)."""
    return encode(Opcode.SET_OPTIONAL_PARAMETER, bytes([0x01, 0x0C, on]))


def set_parameter(key: int, value: bytes) -> bytes:
    """Set an optional parameter of the reader by its key."""
    return encode(Opcode.SET_OPTIONAL_PARAMETER, bytes([0x01, key]) + value)


def get_parameter(key: int) -> bytes:
    """Ask for an optional parameter of the reader by its key."""
    return encode(Opcode.GET_OPTIONAL_PARAMETER, bytes([0x01, key]))


def read_single(timeout_ms: int = 100) -> bytes:
    """Look for one tag; the answer is its EPC and tag CRC, without PC."""
    return encode(Opcode.READ_TAG_SINGLE, timeout_ms.to_bytes(2, "big"))


def read_multiple(timeout_ms: int) -> bytes:
    """Search for ``timeout_ms`` and keep the tags in the reader's buffer; the answer is their number."""
    flags = Search.ANTENNA_LIST | Search.LARGE_POPULATION
    return encode(Opcode.READ_TAG_MULTIPLE, b"\x00" + flags.to_bytes(2, "big") + timeout_ms.to_bytes(2, "big"))


def tags_waiting(data: bytes) -> int | None:
    """Answer to `read_multiple`: how many tags are in the buffer; ``None`` when it is no such answer.

    Option (1), search flags (2), count (1, or 4 with `Search.LARGE_POPULATION`); some firmware adds a byte before them.
    """
    size = _COUNT_SIZE.get(len(data))
    return None if size is None else int.from_bytes(data[-size:], "big")


_COUNT_SIZE = {4: 1, 5: 1, 7: 4, 8: 4}


def get_tag_buffer(metadata: int = mercury_tags.USUAL) -> bytes:
    """Take the next tags out of the buffer, as many as go into a frame."""
    return encode(Opcode.GET_TAG_BUFFER, metadata.to_bytes(2, "big") + b"\x00")


def tags_given(data: bytes) -> int:
    """Answer to `get_tag_buffer`: how many tags it holds."""
    return int.from_bytes(data[3:4], "big")


def clear_tag_buffer() -> bytes:
    """Forget the tags in the buffer."""
    return encode(Opcode.CLEAR_TAG_BUFFER)


def start_reading(cycle_ms: int = 1000, metadata: int = mercury_tags.USUAL) -> bytes:
    """Search for Gen2 tags for ever and stream each; a cycle without any ends with status 0400.

    Timeout (2, unused), option 01, sub-opcode 22, search flags (2, unused), protocol, length of the sub-command; then
    the sub-command: 22, option, search flags (2), time of a cycle (2), metadata flags (2).
    """
    flags = Search.ANTENNA_LIST | Search.STREAMING | Search.LARGE_POPULATION
    search = (
        bytes([mercury_tags.OPTION_METADATA])
        + flags.to_bytes(2, "big")
        + cycle_ms.to_bytes(2, "big")
        + metadata.to_bytes(2, "big")
    )
    front = bytes([0, 0, 0x01, Opcode.READ_TAG_MULTIPLE, 0, 0, mercury_tags.GEN2, len(search)])
    return encode(Opcode.MULTI_PROTOCOL, front + bytes([Opcode.READ_TAG_MULTIPLE]) + search)


def stop_reading() -> bytes:
    """End `start_reading`; tags that were read before may still come before the answer."""
    return encode(Opcode.MULTI_PROTOCOL, _STOP)


def is_stop(data: bytes) -> bool:
    """Whether the data of a 2F command is that of `stop_reading`."""
    return data == _STOP


def tag_record(epc: bytes, rssi_dbm: int, antenna: int = 1, timestamp_ms: int = 0) -> bytes:
    """The frame by which a streaming reader reports a tag; the simulator's side of the protocol."""
    flags = Search.ANTENNA_LIST | Search.STREAMING | Search.LARGE_POPULATION
    front = bytes([mercury_tags.OPTION_METADATA]) + flags.to_bytes(2, "big") + mercury_tags.USUAL.to_bytes(2, "big")
    record = mercury_tags.record_bytes(epc, rssi_dbm, antenna, timestamp_ms)
    return encode_response(Opcode.READ_TAG_MULTIPLE, front + b"\x01" + record)
