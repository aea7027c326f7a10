"""Frames of the A0 protocol: what a host asks, and what a reader says to it."""

from __future__ import annotations

from collections.abc import Sequence

from devices.rfid import gen2
from devices.rfid.r2000 import ANY_ADDRESS, RSSI_OFFSET_DBM, SECOND_FOUR, encode
from devices.rfid.r2000_forms import ANTENNAS, CHANNELS, Command, Region

BAUD_RATES = {38400: 0x03, 115200: 0x04}
"""Codes of the two baud rates there are."""

_FOUR = 4
_NO_ANTENNA = 0xFF


def reset(address: int = ANY_ADDRESS) -> bytes:
    """Start the reader over; it answers only when it does not."""
    return encode(Command.RESET, b"", address)


def set_baud_rate(baud_rate: int, address: int = ANY_ADDRESS) -> bytes:
    """Speak at 38400 or 115200 baud from now on, also after power was off."""
    if baud_rate not in BAUD_RATES:
        raise ValueError(f"the reader knows {' and '.join(map(str, BAUD_RATES))} baud, not {baud_rate}")
    return encode(Command.SET_BAUD_RATE, bytes([BAUD_RATES[baud_rate]]), address)


def get_firmware(address: int = ANY_ADDRESS) -> bytes:
    """Ask for the version: two bytes, major and minor."""
    return encode(Command.GET_FIRMWARE, b"", address)


def set_antenna(antenna: int, address: int = ANY_ADDRESS) -> bytes:
    """Work with one antenna, 1..8."""
    return encode(Command.SET_ANTENNA, bytes([_index(antenna)]), address)


def get_antenna(address: int = ANY_ADDRESS) -> bytes:
    """Ask which antenna works: one byte, from 0."""
    return encode(Command.GET_ANTENNA, b"", address)


def set_power(dbm: int | Sequence[int], address: int = ANY_ADDRESS) -> bytes:
    """Set the output power in whole dBm, one for all antennas or one for each of 4 or 8."""
    powers = [dbm] if isinstance(dbm, int) else list(dbm)
    return encode(Command.SET_POWER, bytes(powers), address)


def get_power(address: int = ANY_ADDRESS) -> bytes:
    """Ask for the output power: one byte of dBm when all antennas have the same, else 4 or 8."""
    return encode(Command.GET_POWER, b"", address)


def set_region(region: Region, address: int = ANY_ADDRESS) -> bytes:
    """Choose a frequency plan with all its channels."""
    return encode(Command.SET_REGION, bytes([region, *CHANNELS[region]]), address)


def get_region(address: int = ANY_ADDRESS) -> bytes:
    """Ask for the frequency plan: region, first and last channel."""
    return encode(Command.GET_REGION, b"", address)


def inventory(repeat: int = 1, address: int = ANY_ADDRESS) -> bytes:
    """One round whose tags go to the reader's buffer; ``repeat`` is 1..255, 255 for the shortest."""
    return encode(Command.INVENTORY, bytes([repeat]), address)


def real_time_inventory(repeat: int = 1, address: int = ANY_ADDRESS) -> bytes:
    """One round of which every tag is reported at once; ``repeat`` as of `inventory`."""
    return encode(Command.REAL_TIME_INVENTORY, bytes([repeat]), address)


def fast_switch_inventory(antennas: Sequence[int], address: int = ANY_ADDRESS) -> bytes:
    """One round over several antennas, once each, without a rest between them."""
    places = _FOUR if max(antennas) <= _FOUR and len(antennas) <= _FOUR else ANTENNAS
    if len(antennas) > places:
        raise ValueError(f"a round has {places} places for antennas, not {len(antennas)}")
    chosen = [_index(antenna) for antenna in antennas] + [_NO_ANTENNA] * (places - len(antennas))
    stays = [byte for antenna in chosen for byte in (antenna, 1)]
    return encode(Command.FAST_SWITCH_INVENTORY, bytes([*stays, 0, 1]), address)


def session_inventory(session: int, repeat: int = 1, address: int = ANY_ADDRESS) -> bytes:
    """As `real_time_inventory`, of the tags that are in state A of a session, 0..3 (Gen2 v2, 6.3.2.2)."""
    return encode(Command.SESSION_INVENTORY, bytes([session, 0, repeat]), address)


def read_memory(
    bank: int, first_word: int, words: int, password: bytes = bytes(4), address: int = ANY_ADDRESS
) -> bytes:
    """Read memory of the tags in the field; bank 0 reserved, 1 EPC, 2 TID, 3 user."""
    return encode(Command.READ, bytes([bank, first_word, words]) + password, address)


def write_memory(
    bank: int, first_word: int, data: bytes, password: bytes = bytes(4), address: int = ANY_ADDRESS
) -> bytes:
    """Write whole 16-bit words to memory of the tags in the field; banks as of `read_memory`."""
    return encode(Command.WRITE, password + bytes([bank, first_word, len(data) // 2]) + data, address)


def set_epc_match(epc: bytes, address: int = ANY_ADDRESS) -> bytes:
    """Let the next accesses be to the tag with this EPC alone."""
    return encode(Command.SET_EPC_MATCH, bytes([0, len(epc)]) + epc, address)


def clear_epc_match(address: int = ANY_ADDRESS) -> bytes:
    """End `set_epc_match`."""
    return encode(Command.SET_EPC_MATCH, b"\x01", address)


def get_epc_match(address: int = ANY_ADDRESS) -> bytes:
    """Ask what `set_epc_match` chose: 01, or 00, length and EPC."""
    return encode(Command.GET_EPC_MATCH, b"", address)


def get_buffer(*, clear: bool = False, address: int = ANY_ADDRESS) -> bytes:
    """Ask for the tags in the buffer, one packet each."""
    return encode(Command.TAKE_BUFFER if clear else Command.GET_BUFFER, b"", address)


def count_buffer(address: int = ANY_ADDRESS) -> bytes:
    """Ask how many tags are in the buffer: two bytes."""
    return encode(Command.COUNT_BUFFER, b"", address)


def clear_buffer(address: int = ANY_ADDRESS) -> bytes:
    """Forget the tags in the buffer."""
    return encode(Command.CLEAR_BUFFER, b"", address)


def tag_packet(
    epc: bytes,
    rssi_dbm: float,
    *,
    antenna: int = 1,
    channel: int = 1,
    command: Command = Command.REAL_TIME_INVENTORY,
    address: int = 1,
) -> bytes:
    """What a reader says of a tag; RSSI -129 .. -2 dBm, channel 0..59."""
    freq_ant, rssi = _heard(antenna, channel, rssi_dbm)
    return encode(command, bytes([freq_ant]) + _pc_and_epc(epc) + bytes([rssi]), address)


def buffered_tag_packet(
    epc: bytes,
    rssi_dbm: float,
    *,
    tags: int = 1,
    antenna: int = 1,
    command: Command = Command.GET_BUFFER,
    address: int = 1,
) -> bytes:
    """What a reader says of a tag in its buffer; ``tags`` is how many are there in all."""
    freq_ant, rssi = _heard(antenna, 1, rssi_dbm)
    memory = _pc_and_epc(epc)
    memory += gen2.tag_crc(memory).to_bytes(2, "big")
    data = tags.to_bytes(2, "big") + bytes([len(memory)]) + memory + bytes([rssi, freq_ant, 1])
    return encode(command, data, address)


def end_packet(command: Command, reads: int, *, antenna: int = 1, address: int = 1) -> bytes:
    """What a reader says at the end of a round."""
    if command == Command.FAST_SWITCH_INVENTORY:
        return encode(command, reads.to_bytes(3, "big") + bytes(4), address)
    return encode(command, bytes([_index(antenna), 0, 0]) + reads.to_bytes(4, "big"), address)


def _pc_and_epc(epc: bytes) -> bytes:
    return gen2.pc_for(epc).to_bytes(2, "big") + epc


def _heard(antenna: int, channel: int, rssi_dbm: float) -> tuple[int, int]:
    """The bytes FreqAnt and RSSI."""
    index = _index(antenna)
    rssi = round(rssi_dbm) - RSSI_OFFSET_DBM
    if not 0 <= rssi < SECOND_FOUR:
        raise ValueError(f"the RSSI byte holds -129 to -2 dBm, not {rssi_dbm}")
    return channel << 2 | index % _FOUR, rssi | (SECOND_FOUR if index >= _FOUR else 0)


def _index(antenna: int) -> int:
    if not 1 <= antenna <= ANTENNAS:
        raise ValueError(f"antennas are numbered 1 to {ANTENNAS}, there is no {antenna}")
    return antenna - 1
