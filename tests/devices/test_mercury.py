"""Protocol of Mercury readers: golden frames first, then any split, any noise, any truncation."""

from __future__ import annotations

import binascii
import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.rfid import gen2, mercury, mercury_commands, mercury_tags
from devices.rfid.dialog import Answer, Notice, Refusal, TagRead
from devices.rfid.framed import Side
from devices.rfid.mercury import (
    MAX_DATA,
    READER_OVERHEAD,
    Command,
    Message,
    Opcode,
    Region,
    frame_crc,
    status_text,
)
from tests.devices.streams import cuts, hostile, pieces

# Log of a Nano module on a pseudo-antenna (SparkFun library, comment in parseResponse).
STREAMED = bytes.fromhex(
    "FF 28 22 00 00 10 00 1B 01 FF 01 01 C4 11 0E 16 40 00 00 01 27 00 00 05 00 00 0F 00 80"
    "30 00 00 00 00 00 00 00 00 00 00 00 15 45 E9 4A 56 1D"
)
# Version that an M7e Pico told (public log).
M7E_VERSION = bytes.fromhex("FF 14 03 00 00 23 01 06 00 38 00 02 01 20 24 09 13 02 01 06 08 00 00 00 10 CB 65")
# Answer to 29 that an M6e Nano gave (public log of its data; three tags, the first with 120 embedded bytes).
BUFFER_DATA = bytes.fromhex(
    "0F FF 00 03"
    "01 E9 11 0E 0E 70 00 00 00 39 00 AE 05 03 C0 30 20" + "00" * 64 + "00 04" + "00" * 8 + "10 08 78 DE 30 00"
    "E2 00 00 15 86 0E 02 68 15 50 7D BB 20 0C E2 00 34 12 01 5F FF 00 06 2F 7D BB 02 19 01 5C 30 0D 5F FB FF FF DC"
    "00 80 02 00 00 00 80 30 00 E2 00 00 15 86 0E 02 68 15 50 7D BB 78 DE"
    "01 E9 11 0E 0E 70 00 00 00 52 00 81 05 00 00 80 02 00 00 00 80 30 00 E2 00 00 15 86 0E 02 72 15 40 80 09 9B 4D"
    "01 E9 11 0E 0E 70 00 00 00 66 00 81 05 00 00 80 02 00 00 00 80 30 00 E2 00 00 15 86 0E 02 72 15 40 80 09 9B 4D"
)
SGTIN = bytes.fromhex("3074257BF7194E4000001A85")
COMMANDS = {
    "start reading": (mercury_commands.start_reading(), "FF102F00000122000005072210001B03E801FFDD2B"),
    "stop reading": (mercury_commands.stop_reading(), "FF032F0000025E86"),
    "version": (mercury_commands.get_version(), "FF00031D0C"),
    "region China": (mercury_commands.set_region(Region.CHINA), "FF0197064BBB"),
    "region North America 2": (mercury_commands.set_region(Region.NORTH_AMERICA_2), "FF01970D4BB0"),
    "power 5 dBm": (mercury_commands.set_read_power(5.0), "FF029201F440AD"),
    "power?": (mercury_commands.get_read_power(), "FF016200BEBD"),
    "antenna 1": (mercury_commands.set_antenna(1), "FF02910101703B"),
    "antennas 1": (mercury_commands.set_antenna_list([1]), "FF039102010142C5"),
    "Gen2": (mercury_commands.set_protocol_gen2(), "FF02930005517D"),
    "filter off": (mercury_commands.set_read_filter(on=False), "FF039A010C00A35D"),
    "clear buffer": (mercury_commands.clear_tag_buffer(), "FF002A1D25"),
    "search 500 ms": (mercury_commands.read_multiple(500), "FF0522000013 01F42B19"),
    "get buffer": (mercury_commands.get_tag_buffer(), "FF032901FF001B03"),
}


def heard(stream: bytes, side: Side = Side.READER) -> list[Message]:
    parser = mercury.parser(side)
    return parser.feed(stream) + parser.flush()


def reads(messages: list[Message]) -> list[TagRead]:
    return [message for message in messages if isinstance(message, TagRead)]


def nibble_crc(body: bytes) -> int:
    """The CRC as the maker's sources compute it: four bits at a time, the register not flushed at the end."""
    table = [binascii.crc_hqx(bytes([nibble]), 0) for nibble in range(16)]
    crc = 0xFFFF
    for byte in body:
        for nibble in (byte >> 4, byte & 15):
            crc = (crc << 4 & 0xFFFF | nibble) ^ table[crc >> 12]
    return crc


@given(st.binary(min_size=2, max_size=300))
def test_the_checksum_is_the_makers(body: bytes) -> None:
    assert frame_crc(body) == nibble_crc(body)


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_are_what_public_logs_show(name: str) -> None:
    built, golden = COMMANDS[name]
    assert built == bytes.fromhex(golden)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_hosts_frame_is_read_as_one(name: str) -> None:
    frame = COMMANDS[name][0]
    expected = [Command(frame[2], frame[3:-2], frame)]
    assert heard(frame, Side.HOST) == expected
    assert heard(frame, Side.BOTH) == expected
    assert heard(frame, Side.READER) == []


def test_a_streamed_tag_is_read_with_all_it_tells() -> None:
    [read] = heard(STREAMED)
    assert read == TagRead("000000000000000000001545", 0x3000, -60.0, 1, True, STREAMED)
    kind, [record] = mercury_tags.streamed(STREAMED[5:-2])
    assert kind is mercury_tags.Streamed.TAG
    assert (record.frequency_khz, record.timestamp_ms, record.read_count, record.phase) == (923_200, 0x127, 1, 0)


def test_every_tag_of_the_buffer_is_read() -> None:
    messages = heard(mercury_commands.encode_response(Opcode.GET_TAG_BUFFER, BUFFER_DATA))
    assert [read.epc for read in reads(messages)] == ["E2000015860E026815507DBB"] + ["E2000015860E027215408009"] * 2
    assert messages[-1] == Answer(Opcode.GET_TAG_BUFFER, BUFFER_DATA)
    assert mercury_commands.tags_given(BUFFER_DATA) == 3


def test_a_tag_of_the_buffer_with_a_wrong_crc_is_left_out_and_the_others_stay() -> None:
    damaged = bytearray(BUFFER_DATA)
    damaged[-1] ^= 1
    messages = heard(mercury_commands.encode_response(Opcode.GET_TAG_BUFFER, bytes(damaged)))
    assert [read.epc for read in reads(messages)] == ["E2000015860E026815507DBB", "E2000015860E027215408009"]


FIELDS = {
    mercury_tags.Metadata.READ_COUNT: "07",
    mercury_tags.Metadata.RSSI: "BF",
    mercury_tags.Metadata.ANTENNA: "32",
    mercury_tags.Metadata.FREQUENCY: "0D3C62",
    mercury_tags.Metadata.TIMESTAMP: "0000A0B1",
    mercury_tags.Metadata.PHASE: "0051",
    mercury_tags.Metadata.PROTOCOL: "05",
    mercury_tags.Metadata.DATA: "0011ABCDE0",
    mercury_tags.Metadata.GPIO: "0F",
    mercury_tags.Metadata.GEN2_Q: "02",
    mercury_tags.Metadata.GEN2_LINK: "00",
    mercury_tags.Metadata.GEN2_TARGET: "01",
    mercury_tags.Metadata.BRAND: "0000",
}


@given(st.sets(st.sampled_from(list(FIELDS))), st.integers(0, 31), st.booleans())
def test_whichever_fields_are_sent_the_tag_is_read(
    sent: set[mercury_tags.Metadata], words: int, multi_select: bool
) -> None:
    memory = (words << 11).to_bytes(2, "big") + bytes(range(words * 2))
    memory += gen2.tag_crc(memory).to_bytes(2, "big")
    fields = bytes.fromhex("".join(FIELDS[flag] for flag in FIELDS if flag in sent))
    front = b"\x88" * multi_select + b"\x10\x00\x1b" + sum(sent).to_bytes(2, "big") + b"\x01"
    data = front + fields + (len(memory) * 8).to_bytes(2, "big") + memory
    [read] = reads(heard(mercury_commands.encode_response(Opcode.READ_TAG_MULTIPLE, data)))
    assert (read.epc, read.pc) == (bytes(range(words * 2)).hex().upper(), words << 11)
    assert read.rssi_dbm == (-65 if mercury_tags.Metadata.RSSI in sent else None)
    assert read.antenna == (3 if mercury_tags.Metadata.ANTENNA in sent else None)


def streamed(memory: bytes, bits: int | None = None, flags: int = 0, fields: bytes = b"") -> bytes:
    """A frame of the stream, its own checksum right, with a tag that sent ``memory``."""
    bits = len(memory) * 8 if bits is None else bits
    data = b"\x10\x00\x1b" + flags.to_bytes(2, "big") + b"\x01" + fields + bits.to_bytes(2, "big") + memory
    return mercury_commands.encode_response(Opcode.READ_TAG_MULTIPLE, data)


def with_crc(pc_and_epc: bytes) -> bytes:
    return pc_and_epc + gen2.tag_crc(pc_and_epc).to_bytes(2, "big")


def test_an_extended_pc_word_is_no_part_of_the_epc() -> None:
    one = streamed(with_crc(bytes.fromhex("3200 0001") + SGTIN))
    two = streamed(with_crc(bytes.fromhex("3200 8001 0002") + SGTIN))
    assert [read.epc for read in reads(heard(one + two))] == [SGTIN.hex().upper()] * 2


@pytest.mark.parametrize(
    "frame",
    [
        streamed(with_crc(b"\x28\x00" + SGTIN)),
        streamed(with_crc(b"\x38\x00" + SGTIN)),
        streamed(b"\x30\x00" + SGTIN + b"\x00\x00"),
        streamed(with_crc(b"\x30\x00" + SGTIN), bits=120),
        streamed(with_crc(b"\x30\x00" + SGTIN), bits=136),
        streamed(with_crc(b"\x30\x00" + SGTIN), bits=0),
        streamed(b"", bits=0),
        streamed(with_crc(b"\x30\x00" + SGTIN), flags=0x4000),
        streamed(with_crc(b"\x30\x00" + SGTIN), flags=0x0040, fields=b"\x03"),
    ],
    ids=[
        "PC says less",
        "PC says more",
        "tag CRC",
        "bits say less",
        "bits say more",
        "no bits",
        "nothing",
        "unknown field",
        "not Gen2",
    ],
)
def test_a_tag_that_contradicts_itself_is_refused_though_the_frame_is_sound(frame: bytes) -> None:
    parser = mercury.parser()
    assert reads(parser.feed(frame) + parser.flush()) == []
    assert parser.counts.refused >= 1


def test_port_sixteen_is_sent_as_zero() -> None:
    frame = mercury_commands.tag_record(SGTIN, -50, antenna=16)
    assert [read.antenna for read in reads(heard(frame))] == [16]


def test_a_keep_alive_is_no_fault() -> None:
    [alive] = heard(mercury_commands.encode_response(Opcode.READ_TAG_MULTIPLE, status=0x0400))
    assert isinstance(alive, Refusal)
    assert alive.no_tag


@pytest.mark.parametrize(("frame", "word"), [("FF 00 22 05 04 85 E4", "hot"), ("FF 00 22 05 05 85 E5", "return loss")])
def test_trouble_of_the_radio_is_told_in_words(frame: str, word: str) -> None:
    [notice] = heard(bytes.fromhex(frame))
    assert isinstance(notice, Notice)
    assert notice.trouble
    assert word in notice.text


def test_a_refused_command_is_told_in_words() -> None:
    [refusal] = heard(mercury_commands.encode_response(Opcode.SET_READ_POWER, status=0x0103))
    assert refusal == Refusal(Opcode.SET_READ_POWER, 0x0103, "power too high")
    assert status_text(0x0BAD) == "unknown status 0BAD"


def test_the_number_of_tags_that_wait_is_read_from_every_form_of_the_answer() -> None:
    forms = ("00 0003 02", "00 01 0003 02", "00 0013 00000002", "00 01 0013 00000002")
    assert [mercury_commands.tags_waiting(bytes.fromhex(form)) for form in forms] == [2] * 4
    assert mercury_commands.tags_waiting(b"") is None


def test_the_end_of_a_stream_ends_a_round() -> None:
    data = bytes.fromhex("10 001B 01FF 00 0000")
    [end] = heard(mercury_commands.encode_response(Opcode.READ_TAG_MULTIPLE, data))
    assert end == Answer(Opcode.READ_TAG_MULTIPLE, data, end_of_round=True)


def test_a_version_is_told_in_words() -> None:
    [answer] = heard(M7E_VERSION)
    assert isinstance(answer, Answer)
    assert mercury_commands.version_text(answer.data) == "M7e Pico firmware 02.01.06.08 of 2024-09-13"
    assert mercury_commands.version_text(b"\x01") == "Mercury reader, version 01"


def test_power_is_read_with_and_without_its_limits() -> None:
    for form in ("01F4", "00 01F4", "01 01F4 0A8C 0000"):
        assert mercury_commands.read_power_dbm(bytes.fromhex(form)) == 5.0
    assert mercury_commands.read_power_dbm(b"") is None


def test_more_than_a_frame_holds_is_refused_when_built() -> None:
    with pytest.raises(ValueError, match="255"):
        mercury_commands.encode(Opcode.WRITE_TAG_DATA, bytes(MAX_DATA + 1))


SPEECH = b"".join(
    (
        M7E_VERSION,
        STREAMED,
        mercury_commands.encode_response(Opcode.READ_TAG_MULTIPLE, status=0x0400),
        mercury_commands.encode_response(Opcode.GET_TAG_BUFFER, BUFFER_DATA),
        mercury_commands.tag_record(b"\xff" * 12, -40),
        bytes.fromhex("FF 00 22 05 05 85 E5"),
    )
)


@given(cuts, st.sampled_from(Side))
def test_a_stream_split_anywhere_gives_the_same_messages(at: list[int], side: Side) -> None:
    stream = SPEECH[:47] + mercury_commands.start_reading() + SPEECH[47:]
    parser = mercury.parser(side)
    said = [message for piece in pieces(stream, at) for message in parser.feed(piece)] + parser.flush()
    assert said == heard(stream, side)


def test_both_sides_of_a_tapped_line_are_told_apart() -> None:
    stream = b"".join(
        part
        for pair in (
            (mercury_commands.get_version(), M7E_VERSION),
            (mercury_commands.start_reading(), STREAMED),
            (mercury_commands.stop_reading(), mercury_commands.encode_response(Opcode.MULTI_PROTOCOL, b"\x02")),
        )
        for part in pair
    )
    kinds = [type(message) for message in heard(stream, Side.BOTH)]
    assert kinds == [Command, Answer, Command, TagRead, Command, Answer]


@given(hostile(b"\xff\x22\x29\x10\x01\x00"), st.sampled_from([Side.READER, Side.BOTH]))
def test_whatever_comes_a_later_tag_is_still_read_and_memory_stays_bounded(noise: bytes, side: Side) -> None:
    parser = mercury.parser(side)
    said = parser.feed(noise)
    assert parser.pending < MAX_DATA + READER_OVERHEAD
    said += parser.feed(STREAMED) + parser.flush()
    assert [read.epc for read in reads(said)].count("000000000000000000001545") == 1


@given(st.integers(1, len(STREAMED) - 1))
def test_a_frame_cut_short_gives_no_tag_and_does_not_hide_the_next(length: int) -> None:
    said = heard(STREAMED[:length] + STREAMED)
    assert [read.raw for read in reads(said)] == [STREAMED]
    assert reads(heard(STREAMED[:length])) == []


@given(st.integers(0, len(STREAMED) - 1), st.integers(1, 255))
def test_one_changed_byte_gives_no_tag(place: int, change: int) -> None:
    damaged = bytearray(STREAMED)
    damaged[place] ^= change
    assert reads(heard(bytes(damaged))) == []


@pytest.mark.slow
@pytest.mark.parametrize("side", Side)
def test_ten_million_random_bytes_give_no_tag(side: Side) -> None:
    noise = random.Random(20240601)
    parser = mercury.parser(side)
    for _ in range(2_500):
        assert reads(parser.feed(noise.randbytes(4_000))) == []
        assert parser.pending < MAX_DATA + READER_OVERHEAD


@pytest.mark.shared
def test_every_shared_frame_is_taken_or_refused_as_it_should(shared: Path) -> None:
    vectors = json.loads((shared / "vectors" / "rfid_vectors.json").read_text(encoding="utf-8"))["vectors"]
    checked = 0
    for row in vectors:
        if row["check"] != "mercury":
            continue
        frame = bytes.fromhex(row["hex"])
        own = Side.HOST if row["dir"] == "tx" else Side.READER
        for side in (own, Side.BOTH):
            parser = mercury.parser(side)
            parser.feed(frame)
            parser.flush()
            assert (parser.counts.frames, parser.counts.noise_bytes) == ((1, 0) if row["valid"] else (0, len(frame)))
        if "tag_pc_epc_crc" in row:
            memory = bytes.fromhex(row["tag_pc_epc_crc"])
            [read] = reads(heard(frame))
            assert (read.pc, read.epc) == (int.from_bytes(memory[:2], "big"), memory[2:-2].hex().upper())
        checked += 1
    assert checked >= 10


@pytest.mark.shared
def test_shared_frames_of_other_readers_yield_no_tag(shared: Path) -> None:
    vectors = json.loads((shared / "vectors" / "rfid_vectors.json").read_text(encoding="utf-8"))["vectors"]
    others = [bytes.fromhex(row["hex"]) for row in vectors if row["check"] != "mercury"]
    assert others
    assert [read for frame in others for read in reads(heard(frame, Side.BOTH))] == []
