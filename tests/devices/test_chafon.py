"""The Chafon protocol in its two dialects: golden frames, refused ones, then any split, noise and truncation."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from devices.rfid import chafon_commands as commands
from devices.rfid.chafon import Dialect, Message, crc, encode, encode_answer, parser
from devices.rfid.chafon_commands import Region
from devices.rfid.chafon_forms import Command
from devices.rfid.chafon_words import MORE_FOLLOWS, status_text
from devices.rfid.dialog import Answer, Notice, Refusal, TagRead
from devices.rfid.framed import Request, Side
from tests.devices.streams import cuts, hostile, pieces

# Tests of wabson/chafon-rfid, and what readers in automatic mode were heard to send (public logs).
TAG_18 = bytes.fromhex("13 00 01 03 01 0C 49 44 00 00 00 00 00 00 0A 00 03 34 A5 FB")
TWO_TAGS_18 = bytes.fromhex(
    "20 00 01 03 02 0C 00 00 00 00 00 00 00 00 00 00 03 13 0C 00 00 00 00 00 00 00 00 00 00 03 14 9A C9"
)
TAG_288 = bytes.fromhex("15 00 01 03 01 01 0C 30 39 60 63 03 C7 43 80 00 1A 05 59 40 F9 3E")
THIRD_ANTENNA_288 = bytes.fromhex("15 00 01 03 04 01 0C 49 44 00 00 00 00 00 00 0A 00 03 34 64 25 C0")
SHORT_TAG_288 = bytes.fromhex("0D 00 01 03 01 01 04 00 32 30 38 6D A3 D2")
NO_TAG_288 = bytes.fromhex("07 00 01 01 01 00 1E 4B")
TWO_TAGS_288 = bytes.fromhex(
    "23 00 01 03 01 02 0C 00 00 00 00 00 00 00 00 00 00 03 13 6B 0C 00 00 00 00 00 00 00 00 00 00 03 14 6C 70 F2"
)
INFO_288 = bytes.fromhex("11 00 21 00 00 16 0C 03 4E 00 1E 0A 01 00 00 00 E6 51")
PUSHED_18 = bytes.fromhex("11 00 EE 00 E2 00 00 17 00 14 02 66 16 70 6B 48 83 37")
EPC = bytes.fromhex("3034257BF7194E4000001A85")
DIALECTS = [Dialect.UHF18, Dialect.UHF288]

words = st.integers(1, 31).flatmap(lambda count: st.binary(min_size=count * 2, max_size=count * 2))
lists = st.lists(words, max_size=3).filter(lambda epcs: sum(map(len, epcs)) < 200)
HOSTILE = hostile(b"\x01\x00\x03\x0c\x05\x13\x15\xee\xfb\x21")


def read(data: bytes, dialect: Dialect, side: Side = Side.READER) -> list[Message]:
    """All that is said by ``data`` when nothing follows it."""
    whole = parser(dialect, side)
    return whole.feed(data) + whole.flush()


def tags(messages: list[Message]) -> list[TagRead]:
    return [message for message in messages if isinstance(message, TagRead)]


def test_the_crc_is_that_of_the_catalogue() -> None:
    assert crc(b"123456789") == 0x6F91


def test_a_tag_of_a_uhfreader18_has_no_antenna_and_no_strength() -> None:
    [tag] = read(TAG_18, Dialect.UHF18)
    assert tag == TagRead("49440000000000000A000334", None, None, None, tag_crc_ok=None, raw=TAG_18)


def test_a_tag_of_a_uhfreader288_has_both() -> None:
    [tag] = read(TAG_288, Dialect.UHF288)
    assert tag == TagRead("3039606303C74380001A0559", None, -65.0, 1, tag_crc_ok=None, raw=TAG_288)


@pytest.mark.parametrize(("frame", "dialect"), [(TWO_TAGS_18, Dialect.UHF18), (TWO_TAGS_288, Dialect.UHF288)])
def test_a_frame_with_two_tags_yields_both(frame: bytes, dialect: Dialect) -> None:
    found = tags(read(frame, dialect))
    assert [tag.epc for tag in found] == ["000000000000000000000313", "000000000000000000000314"]
    assert [tag.rssi_dbm for tag in found] == ([None, None] if dialect is Dialect.UHF18 else [-22.0, -21.0])


@pytest.mark.parametrize(
    ("frame", "epc", "rssi_dbm"),
    [
        ("15 00 01 03 01 01 0C E2 80 68 94 00 00 40 0A 9D 22 A9 EB 5D F9 C3", "E28068940000400A9D22A9EB", -36.0),
        ("15 00 01 03 01 01 0C E2 80 68 94 00 00 50 05 B2 21 08 61 4D 2F 50", "E280689400005005B2210861", -52.0),
        ("15 00 01 03 01 01 0C 30 34 B7 08 AC 39 7E 00 00 00 06 49 42 1A B7", "3034B708AC397E0000000649", -63.0),
        ("0D 00 01 03 01 01 04 11 10 00 A4 43 AD 25", "111000A4", -62.0),
    ],
)
def test_tags_of_public_logs_are_read(frame: str, epc: str, rssi_dbm: float) -> None:
    [tag] = tags(read(bytes.fromhex(frame), Dialect.UHF288))
    assert (tag.epc, tag.rssi_dbm, tag.antenna) == (epc, rssi_dbm, 1)


@pytest.mark.parametrize(
    "frame",
    [
        "11 00 EE 00 E2 84 36 11 00 00 10 00 09 49 44 AA 9A CC",
        "11 00 EE 00 E2 00 00 1D 76 05 00 17 15 50 02 00 71 20",
    ],
)
def test_pushed_tags_of_public_logs_are_read(frame: str) -> None:
    raw = bytes.fromhex(frame)
    assert [tag.epc for tag in tags(read(raw, Dialect.UHF18))] == [raw[4:-2].hex().upper()]


def test_a_log_of_one_round_is_read_to_its_end() -> None:
    tag = "15 00 01 03 01 01 0C E2 00 00 19 46 04 00 52 21 00 3D FF 4C 95 DD"
    log = bytes.fromhex("06 00 01 04 FF D4 39" + tag + tag + "07 00 01 01 01 00 1E 4B")
    messages = read(log, Dialect.UHF288, Side.BOTH)
    assert [type(message) for message in messages] == [Request, TagRead, TagRead, Answer]


def test_the_antenna_is_a_bit() -> None:
    [tag] = tags(read(THIRD_ANTENNA_288, Dialect.UHF288))
    assert tag.antenna == 3
    [tag] = tags(read(commands.tag_list(Dialect.UHF288, [EPC], antenna=8), Dialect.UHF288))
    assert tag.antenna == 8


def test_a_tag_heard_by_several_antennas_belongs_to_none_of_them() -> None:
    [tag] = tags(read(encode_answer(0xEE, 0, b"\x05\x0c" + EPC + b"\x50"), Dialect.UHF288))
    assert tag.antenna is None


def test_the_scale_of_the_strength_can_be_set() -> None:
    [tag] = tags(parser(Dialect.UHF288, rssi_offset_db=-256).feed(commands.tag_list(Dialect.UHF288, [EPC])))
    assert tag.rssi_dbm == -60 + 129 - 256


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("bits", [16, 64, 96, 128, 240, 496])
def test_every_length_of_epc_is_read(dialect: Dialect, bits: int) -> None:
    epc = bytes(range(1, bits // 8 + 1))
    [tag, over] = read(commands.tag_list(dialect, [epc]), dialect)
    assert isinstance(tag, TagRead)
    assert tag.epc == epc.hex().upper()
    assert over == Answer(Command.INVENTORY, b"\x01", end_of_round=True)


def test_a_short_epc_captured_from_a_race_is_read() -> None:
    assert [tag.epc for tag in tags(read(SHORT_TAG_288, Dialect.UHF288))] == ["00323038"]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_tags_of_different_lengths_in_one_frame_are_read(dialect: Dialect) -> None:
    epcs = [EPC, EPC[:8], EPC + EPC[:4]]
    assert [tag.epc for tag in tags(read(commands.tag_list(dialect, epcs), dialect))] == [e.hex().upper() for e in epcs]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_tag_without_epc_is_none_and_hides_no_other(dialect: Dialect) -> None:
    assert [tag.epc for tag in tags(read(commands.tag_list(dialect, [b"", EPC]), dialect))] == [EPC.hex().upper()]


def test_the_tid_that_a_tag_sent_along_is_no_part_of_its_epc() -> None:
    data = b"\x01\x01" + bytes([0x80 | 24]) + EPC + bytes(12) + b"\x50"
    [tag] = tags(read(encode_answer(0x01, 0x01, data), Dialect.UHF288))
    assert tag.epc == EPC.hex().upper()


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("status", [0x01, 0x02])
def test_an_empty_round_is_over_without_a_tag(dialect: Dialect, status: int) -> None:
    frame = commands.tag_list(dialect, [], status=status)
    assert read(frame, dialect) == [Answer(Command.INVENTORY, bytes([status]), end_of_round=True)]


def test_an_empty_round_captured_from_hardware_is_over() -> None:
    assert read(NO_TAG_288, Dialect.UHF288) == [Answer(Command.INVENTORY, b"\x01", end_of_round=True)]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_while_more_tags_follow_the_round_is_not_over(dialect: Dialect) -> None:
    first = commands.tag_list(dialect, [EPC], status=MORE_FOLLOWS)
    [tag] = read(first, dialect)
    assert isinstance(tag, TagRead)
    last = read(first + commands.tag_list(dialect, []), dialect)[-1]
    assert last == Answer(Command.INVENTORY, b"\x01", end_of_round=True)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_reader_with_too_many_tags_says_so(dialect: Dialect) -> None:
    tag, notice, over = read(commands.tag_list(dialect, [EPC], status=0x04), dialect)
    assert isinstance(tag, TagRead)
    assert notice == Notice("more tags than the reader's memory holds", trouble=True)
    assert isinstance(over, Answer)
    assert over.end_of_round


@pytest.mark.parametrize(
    ("status", "text", "no_tag"),
    [
        (0xF8, "antenna error: it may be disconnected", False),
        (0xF9, "command failed", False),
        (0xFB, "no tag in the field", True),
        (0xFD, "wrong length of command", False),
        (0xFE, "unknown command, or its CRC was wrong", False),
        (0xFF, "bad parameter", False),
    ],
)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_refusals_are_told_in_words(dialect: Dialect, status: int, text: str, no_tag: bool) -> None:
    assert read(encode_answer(0x01, status), dialect) == [Refusal(0x01, status, text, no_tag)]


def test_a_command_that_was_not_understood_is_refused_without_its_number() -> None:
    assert read(encode_answer(0x00, 0xFE), Dialect.UHF18) == [Refusal(None, 0xFE, status_text(0xFE))]


def test_an_unknown_status_is_told_as_it_is() -> None:
    assert status_text(0x77) == "unknown status 77"


def test_the_statistics_of_a_round_end_it() -> None:
    [answer] = read(encode_answer(0x01, 0x26, b"\x01\x00\x19\x00\x00\x00\x07"), Dialect.UHF288)
    assert answer == Answer(0x01, b"\x01\x00\x19\x00\x00\x00\x07", end_of_round=True)


def test_a_tag_pushed_by_a_uhfreader18_is_read() -> None:
    [tag] = tags(read(PUSHED_18, Dialect.UHF18))
    assert tag.epc == "E20000170014026616706B48"


def test_a_tag_pushed_by_a_uhfreader288_is_read() -> None:
    [tag] = tags(read(commands.pushed_tag(Dialect.UHF288, EPC, rssi_dbm=-51, antenna=2), Dialect.UHF288))
    assert (tag.epc, tag.rssi_dbm, tag.antenna) == (EPC.hex().upper(), -51.0, 2)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_heartbeat_is_noticed(dialect: Dialect) -> None:
    assert read(commands.heartbeat(7), dialect) == [Notice("heartbeat, no tag in the field")]


def test_who_a_reader_is() -> None:
    [answer] = read(INFO_288, Dialect.UHF288)
    assert isinstance(answer, Answer)
    assert commands.reader_info(answer.data) == commands.ReaderInfo(
        "UHFReader288M", Dialect.UHF288, "0.22", Region.EUROPE, power_dbm=30, scan_ms=1000
    )


def test_a_reader_of_an_unknown_kind_is_told_by_its_number() -> None:
    info = commands.reader_info(bytes.fromhex("0102 75 03 C0 C0 1E 0A"))
    assert (info.model, info.dialect, info.region) == ("type 75", None, None)


@pytest.mark.parametrize(
    ("built", "published"),
    [
        (commands.inventory_18(), "04 FF 01 1B B4"),
        (commands.get_info(), "04 FF 21 19 95"),
        (commands.inventory_288(q=15, scan_ms=2000), "0D FF 01 0F 00 01 00 00 00 00 80 14 C0 3A"),
        (commands.tag_list(Dialect.UHF18, [TAG_18[6:-2]], status=3), TAG_18.hex()),
        (commands.tag_list(Dialect.UHF288, [TAG_288[7:-3]], rssi_dbm=-65, status=3), TAG_288.hex()),
        (commands.pushed_tag(Dialect.UHF18, PUSHED_18[4:-2]), PUSHED_18.hex()),
    ],
)
def test_built_frames_are_the_published_ones(built: bytes, published: str) -> None:
    assert built == bytes.fromhex(published)


def test_regions_are_coded_as_in_the_manual() -> None:
    assert commands.set_region(Region.US)[3:5] == b"\x31\x80"
    assert commands.set_region(Region.EUROPE)[3:5] == b"\x4e\x00"
    assert commands.set_region(Region.CHINA_900)[3:5] == b"\x13\x40"


ASKED = {
    "info": commands.get_info(),
    "inventory 18": commands.inventory_18(),
    "inventory 288": commands.inventory_288(antenna=4, session=2),
    "region": commands.set_region(Region.KOREA),
    "power": commands.set_power(30),
    "scan time": commands.set_scan_time(500),
    "baud rate": commands.set_baud_rate(115200),
    "antennas": commands.set_antennas([1, 4]),
    "beeper": commands.set_beeper(on=False),
    "signals": commands.set_signals(1, 1, 1),
    "answer mode 18": commands.set_answer_mode(Dialect.UHF18),
    "answer mode 288": commands.set_answer_mode(Dialect.UHF288),
    "automatic mode": commands.set_automatic_mode(),
}


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("side", [Side.HOST, Side.BOTH])
@pytest.mark.parametrize("name", ASKED)
def test_what_a_host_asks_is_understood(name: str, side: Side, dialect: Dialect) -> None:
    frame = ASKED[name]
    assert read(frame, dialect, side) == [Request(frame[2], frame[3:-2], 0xFF, frame)]


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("name", ASKED)
def test_a_host_is_not_taken_for_a_reader(name: str, dialect: Dialect) -> None:
    assert read(ASKED[name], dialect) == []


@pytest.mark.parametrize("side", [Side.READER, Side.BOTH])
@pytest.mark.parametrize(
    "frame", [TAG_18, TWO_TAGS_18, TAG_288, TWO_TAGS_288, SHORT_TAG_288, THIRD_ANTENNA_288, PUSHED_18]
)
def test_where_the_dialect_is_not_known_the_frame_tells(frame: bytes, side: Side) -> None:
    known = read(frame, Dialect.UHF18) or read(frame, Dialect.UHF288)
    assert tags(known)
    assert read(frame, Dialect.EITHER, side) == known


@pytest.mark.parametrize(
    ("frame", "dialect"),
    [
        (TAG_18, Dialect.UHF288),
        (TAG_288, Dialect.UHF18),
        (TWO_TAGS_18, Dialect.UHF288),
        (TWO_TAGS_288, Dialect.UHF18),
        (PUSHED_18, Dialect.UHF288),
        (commands.pushed_tag(Dialect.UHF288, EPC), Dialect.UHF18),
    ],
)
@pytest.mark.parametrize("side", [Side.READER, Side.BOTH])
def test_a_tag_in_the_other_dialect_is_none(frame: bytes, dialect: Dialect, side: Side) -> None:
    assert read(frame, dialect, side) == []


@pytest.mark.parametrize(
    "frame",
    [
        "15 00 01 03 01 01 0C 00 00 00 00 00 00 00 00 00 00 03 13 6B B1 A6",  # published with a wrong CRC
        encode_answer(0x01, 0x01, b"\x01\x0d" + EPC + b"\x00").hex(),  # an odd EPC
        encode_answer(0x01, 0x01, b"\x02\x0c" + EPC).hex(),  # two tags, one is there
        encode_answer(0x01, 0x01, b"\x01\x0c" + EPC + b"\x00").hex(),  # a byte too many
        encode_answer(0x01, 0x01, b"\x01\x0c" + EPC[:-1]).hex(),  # a byte too few
        encode_answer(0x01, 0x01, b"\x01\x40" + bytes(64)).hex(),  # longer than an EPC can be
        encode_answer(0x01, 0x01, b"\x01\x01\x0c" + EPC).hex(),  # no strength
        encode_answer(0x01, 0x00, b"\x01\x0c" + EPC).hex(),  # not a status of an inventory
        encode_answer(0x01, 0x77, b"\x01\x0c" + EPC).hex(),  # no such status
        encode_answer(0x21, 0x00, b"\x00").hex(),  # too short for who the reader is
        encode_answer(0x2F, 0x00, b"\x00").hex(),  # a setting has no answer but its status
        encode_answer(0x2F, 0x05).hex(),  # not a status of a setting
        encode_answer(0xEE, 0x28, bytes(4)).hex(),  # heartbeat too short
        encode_answer(0xC0, 0x00).hex(),  # no such command
        encode_answer(0x01, 0x01, b"\x01\x0c" + EPC, address=0xFF).hex(),  # no reader has this address
        encode(0x21, b"\x01\x02\x03").hex(),
    ],
)
def test_a_frame_whose_form_is_wrong_says_nothing(frame: str) -> None:
    for dialect in Dialect:
        assert read(bytes.fromhex(frame), dialect) == []


def test_a_whole_frame_that_its_tags_do_not_fill_is_counted() -> None:
    reader = parser(Dialect.UHF18)
    assert reader.feed(encode_answer(0x01, 0x01, b"\x02\x0c" + EPC)) == []
    assert reader.counts.refused == 1
    assert reader.flush() == []
    assert reader.pending == 0


def test_only_the_reader_with_the_address_is_heard() -> None:
    mine, other = (commands.tag_list(Dialect.UHF18, [EPC], address=address) for address in (3, 4))
    assert [tag.raw for tag in tags(parser(Dialect.UHF18, address=3).feed(other + mine))] == [mine]


def test_a_frame_hidden_behind_a_false_start_comes_out_when_the_line_falls_idle() -> None:
    reader = parser(Dialect.UHF18)
    assert reader.feed(bytes.fromhex("FE 00 02 00") + TAG_18) == []
    assert tags(reader.flush()) == tags(read(TAG_18, Dialect.UHF18))
    assert reader.pending == 0


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda: commands.set_antennas([]), "antennas from 1 to 4"),
        (lambda: commands.set_antennas([5]), "antennas from 1 to 4"),
        (lambda: commands.inventory_288(scan_ms=30_000), "not 30000"),
        (lambda: commands.tag_list(Dialect.UHF18, [b"odd"]), "whole 16-bit words"),
    ],
)
def test_what_no_reader_can_do_is_not_built(wrong: Callable[[], bytes], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        wrong()


@pytest.mark.parametrize("bit", range(8))
@pytest.mark.parametrize(("frame", "dialect"), [(TAG_18, Dialect.UHF18), (TAG_288, Dialect.UHF288)])
def test_one_flipped_bit_anywhere_yields_no_tag(frame: bytes, dialect: Dialect, bit: int) -> None:
    for index in range(len(frame)):
        broken = bytearray(frame)
        broken[index] ^= 1 << bit
        assert tags(read(bytes(broken), dialect)) == []


@given(st.sampled_from(DIALECTS), st.lists(lists, max_size=5), cuts)
def test_a_stream_split_anywhere_gives_the_same_messages(
    dialect: Dialect, rounds: list[list[bytes]], at: list[int]
) -> None:
    stream = b"".join(commands.tag_list(dialect, epcs) for epcs in rounds) + INFO_288
    split = parser(dialect)
    got = [message for piece in pieces(stream, at) for message in split.feed(piece)] + split.flush()
    assert got == read(stream, dialect)
    assert [tag.epc for tag in tags(got)] == [epc.hex().upper() for epcs in rounds for epc in epcs]


@given(HOSTILE, cuts, st.sampled_from(Side), st.sampled_from(Dialect))
def test_any_bytes_split_anywhere_give_the_same_messages(
    stream: bytes, at: list[int], side: Side, dialect: Dialect
) -> None:
    split, whole = parser(dialect, side), parser(dialect, side)
    assert [m for piece in pieces(stream, at) for m in split.feed(piece)] == whole.feed(stream)
    assert split.flush() == whole.flush()
    assert split.counts == whole.counts
    assert split.pending == 0


@given(st.sampled_from(DIALECTS), lists.filter(len), st.integers(1, 300))
def test_a_truncated_frame_yields_no_tag(dialect: Dialect, epcs: list[bytes], cut: int) -> None:
    frame = commands.tag_list(dialect, epcs)
    assert tags(read(frame[: cut % len(frame)], dialect)) == []


@given(st.sampled_from(DIALECTS), st.binary(max_size=60), lists.filter(len))
def test_after_noise_a_frame_is_found(dialect: Dialect, noise: bytes, epcs: list[bytes]) -> None:
    frame = commands.tag_list(dialect, epcs)
    found = read(noise + frame, dialect)
    # Noise may by chance be the head of a whole frame; then its CRC must have held, which is what we ask for.
    assume(not [message for message in read(noise, dialect) if message])
    assert [tag.raw for tag in tags(found)] == [frame] * len(epcs)


@pytest.mark.slow
@pytest.mark.parametrize(("dialect", "side"), [(d, Side.READER) for d in Dialect] + [(Dialect.EITHER, Side.BOTH)])
def test_ten_million_random_bytes_yield_no_epc(dialect: Dialect, side: Side) -> None:
    source = random.Random(20_262)
    reader = parser(dialect, side)
    for _ in range(1000):
        assert tags(reader.feed(source.randbytes(10_000))) == []
        assert reader.pending < 256
    assert reader.counts.noise_bytes > 9_900_000
