"""The A0 protocol of R2000 readers: golden frames, refused ones, then any split, noise and truncation."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from devices.rfid import gen2, r2000
from devices.rfid import r2000_commands as commands
from devices.rfid.dialog import Answer, Notice, Refusal, TagRead
from devices.rfid.framed import Request, Side
from devices.rfid.r2000 import Message, TagAccess, encode, error_text, parser
from devices.rfid.r2000_forms import Command, Region
from tests.devices.streams import cuts, hostile, pieces

# Captured from an IND903 and from readers that time races.
TAG = bytes.fromhex("A0 13 01 89 04 30 00 E2 00 30 16 66 13 01 21 15 50 74 EF 45 BF")
TAG_ON_CHANNEL_35 = bytes.fromhex("A0 13 01 89 8C 30 00 30 08 33 B2 DD D9 01 40 00 00 00 01 37 BB")
END = bytes.fromhex("A0 0A 01 8B 00 00 19 00 00 00 01 B0")
MEMORY = bytes.fromhex(  # a test of russss/rust-invelion
    "A0 21 01 81 00 01 18 30 00 30 39 60 62 C3 95 0D 40 00 11 B8 97 CD 0B E2 80 68 90 20 00 50 01 08 0B 01 8D"
)
SUCCESS = encode(Command.SET_POWER, b"\x10", 1)
EPC = bytes.fromhex("3034257BF7194E4000001A85")

words = st.integers(1, 31).flatmap(lambda count: st.binary(min_size=count * 2, max_size=count * 2))
packets = st.builds(
    commands.tag_packet,
    words,
    st.integers(-129, -2),
    antenna=st.integers(1, 8),
    channel=st.integers(0, 59),
    command=st.sampled_from([Command.REAL_TIME_INVENTORY, Command.SESSION_INVENTORY, Command.FAST_SWITCH_INVENTORY]),
    address=st.integers(0, 255),
)
HOSTILE = hostile(b"\xa0\x13\x0a\x04\x01\x89\x8b\x30\x00")


def read(data: bytes, side: Side = Side.READER) -> list[Message]:
    """All that is said by ``data`` when nothing follows it."""
    whole = parser(side)
    return whole.feed(data) + whole.flush()


def tags(messages: list[Message]) -> list[TagRead]:
    return [message for message in messages if isinstance(message, TagRead)]


def test_a_tag_captured_from_hardware_is_read() -> None:
    assert read(TAG) == [TagRead("E200301666130121155074EF", 0x3000, -60.0, 1, tag_crc_ok=None, raw=TAG)]


def test_the_channel_is_no_part_of_the_antenna() -> None:
    [tag] = tags(read(TAG_ON_CHANNEL_35))
    assert (tag.epc, tag.rssi_dbm, tag.antenna) == ("300833B2DDD9014000000001", -74.0, 1)


@pytest.mark.parametrize(
    ("frame", "epc", "rssi_dbm", "antenna"),
    [
        ("A0 13 01 8B 10 30 00 30 09 66 37 81 DB 02 97 48 76 FC 6A 67 2B", "3009663781DB02974876FC6A", -26.0, 1),
        ("A0 13 01 89 14 34 00 11 22 33 44 55 66 77 88 99 00 AA BB 60 B9", "11223344556677889900AABB", -33.0, 1),
        ("A0 13 01 8A B3 30 00 00 00 00 00 00 00 00 00 00 00 08 25 4C 66", "000000000000000000000825", -53.0, 4),
    ],
)
def test_tags_of_public_logs_are_read(frame: str, epc: str, rssi_dbm: float, antenna: int) -> None:
    [tag] = tags(read(bytes.fromhex(frame)))
    assert (tag.epc, tag.rssi_dbm, tag.antenna) == (epc, rssi_dbm, antenna)


def test_a_tag_of_a_public_log_whose_epc_was_edited_is_refused_and_what_follows_is_read() -> None:
    log = "A0 13 01 8A 0C 30 00 54 30 30 38 30 39 30 30 32 37 D8 DB 30 8D A0 05 01 8A 01 22 AD A0 05 01 8A 02 22 AC"
    assert read(bytes.fromhex(log)) == [
        Notice("antenna 2: antenna missing", trouble=True),
        Notice("antenna 3: antenna missing", trouble=True),
    ]


@pytest.mark.parametrize("bits", [16, 64, 96, 128, 240, 496])
@pytest.mark.parametrize("antenna", [1, 4, 5, 8])
def test_every_length_of_epc_is_read_from_every_antenna(bits: int, antenna: int) -> None:
    epc = bytes(range(1, bits // 8 + 1))
    [tag] = tags(read(commands.tag_packet(epc, -45, antenna=antenna, channel=59)))
    assert (tag.epc, tag.pc, tag.rssi_dbm, tag.antenna) == (epc.hex().upper(), bits // 16 << 11, -45.0, antenna)


def test_attribute_bits_of_the_pc_word_do_not_change_the_length() -> None:
    data = b"\x08" + bytes.fromhex("34 80") + EPC + b"\x45"
    [tag] = tags(read(encode(Command.REAL_TIME_INVENTORY, data, 1)))
    assert (tag.epc, tag.pc) == (EPC.hex().upper(), 0x3480)


def test_the_rounds_end_is_told() -> None:
    assert read(END) == [Answer(0x8B, bytes.fromhex("00001900000001"), end_of_round=True)]
    fast = commands.end_packet(Command.FAST_SWITCH_INVENTORY, 300_000)
    assert read(fast) == [Answer(0x8A, bytes.fromhex("0493E000000000"), end_of_round=True)]


def test_an_inventory_that_fails_is_refused_in_words() -> None:
    assert read(encode(0x89, b"\x22", 1)) == [Refusal(0x89, 0x22, "antenna missing")]


@pytest.mark.parametrize("code", [0x36, 0x38])
def test_that_nobody_was_heard_is_no_fault(code: int) -> None:
    [refusal] = read(encode(Command.TAKE_BUFFER, bytes([code]), 1))
    assert isinstance(refusal, Refusal)
    assert refusal.no_tag


def test_one_loose_antenna_of_several_is_noticed_and_the_round_goes_on() -> None:
    assert read(encode(0x8A, b"\x02\x22", 1)) == [Notice("antenna 3: antenna missing", trouble=True)]


def test_a_tag_of_the_buffer_is_read_with_its_own_crc() -> None:
    packet = commands.buffered_tag_packet(EPC, -50, tags=2, antenna=6)
    [tag] = read(packet)
    assert tag == TagRead(EPC.hex().upper(), 0x3000, -50.0, 6, tag_crc_ok=True, raw=packet)


def test_a_tag_of_the_buffer_with_a_wrong_crc_is_refused() -> None:
    data = bytearray(commands.buffered_tag_packet(EPC, -50)[4:-1])
    data[10] ^= 1
    assert read(encode(Command.GET_BUFFER, bytes(data), 1)) == []


def test_a_tag_of_the_buffer_with_more_than_its_epc_is_refused() -> None:
    memory = gen2.pc_for(EPC).to_bytes(2, "big") + EPC
    found = memory + gen2.tag_crc(memory).to_bytes(2, "big") + b"\x12\x34"
    assert read(encode(Command.GET_BUFFER, b"\x00\x01" + bytes([len(found)]) + found + b"\x45\x04\x01", 1)) == []


def test_memory_that_was_read_comes_with_its_tag() -> None:
    expected = TagAccess(0x81, 1, "30396062C3950D400011B897", 0x3000, 4, bytes.fromhex("E280689020005001"), MEMORY)
    assert read(MEMORY) == [expected]


def test_a_write_tells_per_tag_whether_it_worked() -> None:
    memory = gen2.pc_for(EPC).to_bytes(2, "big") + EPC
    found = memory + gen2.tag_crc(memory).to_bytes(2, "big")
    front = b"\x00\x01" + bytes([len(found)]) + found
    [done] = read(encode(Command.WRITE, front + b"\x10\x04\x01", 1))
    [failed] = read(encode(Command.WRITE, front + b"\x33\x04\x01", 1))
    assert isinstance(done, TagAccess)
    assert done.epc == EPC.hex().upper()
    assert failed == Refusal(Command.WRITE, 0x33, "writing a tag failed")


@pytest.mark.parametrize(
    ("frame", "data"),
    [
        ("A0 05 01 72 01 09 DE", "0109"),
        (encode(Command.GET_ANTENNA, b"\x03", 1).hex(), "03"),
        (encode(Command.GET_POWER, b"\x21", 1).hex(), "21"),
        (encode(Command.GET_POWER, b"\x1e\x1e\x1a\x1a", 1).hex(), "1E1E1A1A"),
        (encode(Command.GET_REGION, b"\x01\x07\x3b", 1).hex(), "01073B"),
        (encode(Command.GET_EPC_MATCH, b"\x01", 1).hex(), "01"),
        (encode(Command.GET_EPC_MATCH, b"\x00\x0c" + EPC, 1).hex(), "000C" + EPC.hex()),
        (encode(Command.INVENTORY, b"\x00\x00\x01\x00\x19\x00\x00\x00\x01", 1).hex(), "000001001900000001"),
        (encode(Command.COUNT_BUFFER, b"\x00\x08", 1).hex(), "0008"),
    ],
)
def test_what_a_reader_tells_of_itself_is_an_answer(frame: str, data: str) -> None:
    [answer] = read(bytes.fromhex(frame))
    assert isinstance(answer, Answer)
    assert answer.data == bytes.fromhex(data)


def test_a_power_above_all_power_is_an_error() -> None:
    [refusal] = read(encode(Command.GET_POWER, b"\x41", 1))
    assert refusal == Refusal(Command.GET_POWER, 0x41, "bad parameter")


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (0x11, "command failed"),
        (0x22, "antenna missing"),
        (0x48, "output power out of range"),
        (0x99, "unknown error 99"),
    ],
)
def test_error_codes_are_told_in_words(code: int, text: str) -> None:
    assert error_text(code) == text


@pytest.mark.parametrize(
    ("built", "published"),
    [
        (commands.get_firmware(1), "A0 03 01 72 EA"),
        (commands.set_antenna(1, 1), "A0 04 01 74 00 E7"),
        (commands.real_time_inventory(1, 1), "A0 04 01 89 01 D1"),
        (commands.session_inventory(1, 1, 1), "A0 06 01 8B 01 00 01 CC"),
        (
            commands.set_epc_match(bytes.fromhex("112233445566778899 00AABB"), 1),
            "A0 11 01 85 00 0C 11 22 33 44 55 66 77 88 99 00 AA BB 5B",
        ),
        (commands.tag_packet(EPC, -60, channel=2), "A0 13 01 89 08 30 00 30 34 25 7B F7 19 4E 40 00 00 1A 85 45 05"),
    ],
)
def test_built_frames_are_the_published_ones(built: bytes, published: str) -> None:
    assert built == bytes.fromhex(published)


ASKED = {
    "reset": commands.reset(),
    "baud rate": commands.set_baud_rate(38400),
    "firmware": commands.get_firmware(),
    "antenna": commands.set_antenna(8),
    "antenna?": commands.get_antenna(),
    "power": commands.set_power(20),
    "powers": commands.set_power([20, 21, 22, 23]),
    "power?": commands.get_power(),
    "region": commands.set_region(Region.EUROPE),
    "region?": commands.get_region(),
    "inventory": commands.inventory(),
    "real-time inventory": commands.real_time_inventory(255),
    "two antennas": commands.fast_switch_inventory([1, 3]),
    "six antennas": commands.fast_switch_inventory([1, 2, 3, 4, 5, 6]),
    "session": commands.session_inventory(2),
    "read": commands.read_memory(2, 0, 6),
    "write": commands.write_memory(3, 0, b"\x12\x34"),
    "match": commands.set_epc_match(EPC),
    "no match": commands.clear_epc_match(),
    "match?": commands.get_epc_match(),
    "buffer": commands.get_buffer(),
    "buffer and clear": commands.get_buffer(clear=True),
    "count": commands.count_buffer(),
    "clear": commands.clear_buffer(),
}


@pytest.mark.parametrize("name", ASKED)
def test_what_a_host_asks_is_understood(name: str) -> None:
    frame = ASKED[name]
    assert read(frame, Side.HOST) == [Request(frame[3], frame[4:-1], 0xFF, frame)]
    assert read(frame, Side.BOTH) == read(frame, Side.HOST)


@pytest.mark.parametrize("name", ASKED)
def test_a_host_is_not_taken_for_a_reader(name: str) -> None:
    assert read(ASKED[name]) == []


def test_a_log_of_both_sides_is_read_in_order() -> None:
    messages = read(
        commands.real_time_inventory() + TAG + commands.end_packet(Command.REAL_TIME_INVENTORY, 1), Side.BOTH
    )
    assert [type(message) for message in messages] == [Request, TagRead, Answer]


@pytest.mark.parametrize(
    "frame",
    [
        "A0 0A 01 89 00 00 1D 00 00 00 01 BC",  # published with a wrong check
        encode(0x89, b"\x08\x28\x00" + EPC + b"\x45", 1).hex(),  # PC says 10 bytes of EPC, 12 are there
        encode(0x89, b"\x08\x38\x00" + EPC + b"\x45", 1).hex(),  # PC says 14
        encode(0x89, b"\xf0\x30\x00" + EPC + b"\x45", 1).hex(),  # channel 60
        encode(0x89, b"\x08\x00\x00\x45", 1).hex(),  # no EPC
        encode(0x89, b"\x08\x30\x00" + EPC + b"\x45\x00", 1).hex(),  # half a phase
        encode(0x89, b"\x77", 1).hex(),  # no such error
        encode(0x89, b"\x09\x00\x1d\x00\x00\x00\x01", 1).hex(),  # end of antenna 10
        encode(0x72, b"\x01\x09\x00", 1).hex(),  # version of three bytes
        encode(0x75, b"\x09", 1).hex(),  # antenna 10
        encode(0x79, b"\x02\x06\x00", 1).hex(),  # channels the wrong way round
        encode(0xC5, b"\x10", 1).hex(),  # no such command
        encode(0x86, b"\x00\x0c" + EPC[:-2], 1).hex(),  # length of EPC and frame disagree
        "A0 02 01 5D",  # shorter than a frame can be
    ],
)
def test_a_frame_whose_form_is_wrong_says_nothing(frame: str) -> None:
    assert read(bytes.fromhex(frame)) == []


def test_a_whole_packet_whose_pc_word_is_wrong_is_counted() -> None:
    reader = parser()
    assert reader.feed(encode(0x89, b"\x08\x28\x00" + EPC + b"\x45", 1)) == []
    assert reader.counts.refused == 1
    assert reader.pending == 0


def test_only_the_reader_with_the_address_is_heard() -> None:
    mine, other = commands.tag_packet(EPC, -50, address=3), commands.tag_packet(EPC, -50, address=4)
    assert [tag.raw for tag in tags(parser(address=3).feed(other + mine))] == [mine]


def test_the_front_of_one_tag_and_the_next_tag_make_no_third_one() -> None:
    """Half of the cases would pass the check now and then; all 256 values of a byte are tried, so some do."""
    whole = commands.tag_packet(EPC, -50)
    false = 0
    for byte in range(256):
        broken = commands.tag_packet(bytes([byte]) * 12, -50)[:12]
        false += sum((broken + whole)[:21]) & 0xFF == 0
        assert [tag.raw for tag in tags(read(broken + whole))] == [whole]
    assert false


def test_a_frame_hidden_behind_a_false_start_comes_out_when_the_line_falls_idle() -> None:
    reader = parser()
    assert reader.feed(bytes.fromhex("A0 FB 01 81") + TAG) == []
    assert tags(reader.flush()) == tags(read(TAG))
    assert reader.pending == 0


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda: commands.set_baud_rate(9600), "not 9600"),
        (lambda: commands.set_antenna(9), "there is no 9"),
        (lambda: commands.fast_switch_inventory([*range(1, 9), 1]), "8 places"),
        (lambda: commands.tag_packet(EPC, 0), "not 0"),
    ],
)
def test_what_no_reader_can_do_is_not_built(wrong: Callable[[], bytes], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        wrong()


@pytest.mark.parametrize(("index", "mhz"), [(0, 865.0), (6, 868.0), (7, 902.0), (43, 920.0), (59, 928.0)])
def test_channels_are_those_of_the_manual(index: int, mhz: float) -> None:
    assert r2000.frequency_mhz(index) == mhz


@pytest.mark.parametrize("bit", range(8))
@pytest.mark.parametrize("index", range(len(TAG)))
def test_one_flipped_bit_anywhere_yields_no_tag(index: int, bit: int) -> None:
    broken = bytearray(TAG)
    broken[index] ^= 1 << bit
    assert tags(read(bytes(broken))) == []


@given(st.lists(packets | st.sampled_from([END, SUCCESS, MEMORY]), max_size=6), cuts)
def test_a_stream_split_anywhere_gives_the_same_messages(frames: list[bytes], at: list[int]) -> None:
    stream = b"".join(frames)
    split = parser()
    got = [message for piece in pieces(stream, at) for message in split.feed(piece)] + split.flush()
    assert got == read(stream)


@given(HOSTILE, cuts, st.sampled_from(Side))
def test_any_bytes_split_anywhere_give_the_same_messages(stream: bytes, at: list[int], side: Side) -> None:
    split, whole = parser(side), parser(side)
    assert [m for piece in pieces(stream, at) for m in split.feed(piece)] == whole.feed(stream)
    assert split.flush() == whole.flush()
    assert split.counts == whole.counts
    assert split.pending == 0


@given(packets, st.integers(1, 100))
def test_a_truncated_packet_yields_nothing(packet: bytes, cut: int) -> None:
    assume(0xA0 not in packet[1:])
    assert read(packet[: cut % len(packet)]) == []


@given(st.binary(max_size=60), packets)
def test_after_noise_a_packet_is_found(noise: bytes, packet: bytes) -> None:
    assume(0xA0 not in noise)
    assert [tag.raw for tag in tags(read(noise + packet))] == [packet]


@given(packets)
def test_every_packet_of_a_tag_is_read(packet: bytes) -> None:
    assert [tag.raw for tag in tags(read(packet))] == [packet]


@pytest.mark.slow
@pytest.mark.parametrize("side", Side)
def test_ten_million_random_bytes_yield_no_epc(side: Side) -> None:
    source = random.Random(20_261)
    reader = parser(side)
    for _ in range(1000):
        messages = reader.feed(source.randbytes(10_000))
        assert not [message for message in messages if isinstance(message, TagRead | TagAccess)]
        assert reader.pending < 257
    assert reader.counts.noise_bytes > 9_900_000
