"""Frames of the M100 family: golden bytes typed from manuals and captures, then any split, noise and truncation."""

from __future__ import annotations

import random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from devices.rfid import gen2, m100
from devices.rfid.dialog import Answer, Refusal, TagRead
from devices.rfid.m100 import AA_DD, Command, Frame, FrameType, frame_parser, parser
from tests.devices.streams import cuts, hostile, pieces

CAPTURED_TAG = bytes.fromhex("BB 02 22 00 11 C4 30 00 E2 00 00 1D 73 15 01 65 21 40 8F C6 B8 3E C2 7E")
CAPTURED_TAG_2 = bytes.fromhex("BB 02 22 00 11 CB 34 00 E2 00 47 1B B0 00 60 13 04 45 09 D0 95 82 D4 7E")
SGTIN_TAG = bytes.fromhex("BB 02 22 00 11 C4 30 00 30 34 25 7B F7 19 4E 40 00 00 1A 85 EE 2C 84 7E")
RESYNC_TRAP = bytes.fromhex("BB 02 22 00 11 C4 30 00 30 7E BB 02 22 00 11 22 33 7E 7E BB 66 FE 37 7E")
POWER_SET = bytes.fromhex("BB 01 B6 00 01 00 B8 7E")
STOPPED = bytes.fromhex("BB 01 28 00 01 00 2A 7E")
NO_TAG = bytes.fromhex("BB 01 FF 00 01 15 16 7E")

epcs = st.integers(1, 31).flatmap(lambda words: st.binary(min_size=words * 2, max_size=words * 2))
HOSTILE = hostile(b"\xbb\x7e\x00\x01\x02\x22\x11")
notices = st.builds(m100.tag_notice, epcs, st.integers(-128, 127))


def tag_read(epc: str, pc: int, rssi_dbm: float, raw: bytes) -> TagRead:
    return TagRead(epc, pc, rssi_dbm, antenna=None, tag_crc_ok=True, raw=raw)


def test_a_tag_captured_from_hardware_is_read() -> None:
    assert parser().feed(CAPTURED_TAG) == [tag_read("E200001D7315016521408FC6", 0x3000, -60, CAPTURED_TAG)]


def test_a_tag_with_another_pc_word_is_read() -> None:
    [tag] = parser().feed(CAPTURED_TAG_2)
    assert tag == tag_read("E200471BB0006013044509D0", 0x3400, -53, CAPTURED_TAG_2)


def test_a_frame_full_of_headers_and_ends_is_cut_by_its_length() -> None:
    [tag] = parser().feed(RESYNC_TRAP)
    assert isinstance(tag, TagRead)
    assert tag.epc == "307EBB0222001122337E7EBB"


def test_answers_and_refusals_are_told_apart() -> None:
    messages = parser().feed(POWER_SET + STOPPED + NO_TAG)
    refusal = Refusal(None, 0x15, "no tag in the field", no_tag=True)
    assert messages == [Answer(Command.SET_POWER, b"\0"), Answer(Command.STOP, b"\0"), refusal]


def test_a_command_of_the_host_is_its_frame() -> None:
    raw = bytes.fromhex("BB 00 27 00 03 22 27 10 83 7E")
    assert parser().feed(raw) == [Frame(FrameType.COMMAND, Command.INVENTORY_ROUNDS, b"\x22\x27\x10", raw)]


def test_a_published_frame_with_a_wrong_sum_is_refused() -> None:
    cutter = parser()
    version = bytes.fromhex("BB 01 03 00 10 00 4D 31 30 30 20 32 36 64 42 6D 20 56 31 2E 30 22 7E")
    assert cutter.feed(version) + cutter.flush() == []
    assert cutter.counts.refused == 1


@pytest.mark.parametrize(
    ("built", "published"),
    [
        (m100.get_info(m100.Info.HARDWARE), "BB 00 03 00 01 00 04 7E"),
        (m100.get_info(m100.Info.SOFTWARE), "BB 00 03 00 01 01 05 7E"),
        (m100.single_inventory(), "BB 00 22 00 00 22 7E"),
        (m100.start_inventory(10_000), "BB 00 27 00 03 22 27 10 83 7E"),
        (m100.stop_inventory(), "BB 00 28 00 00 28 7E"),
        (m100.set_power(20.0), "BB 00 B6 00 02 07 D0 8F 7E"),
        (m100.set_region(m100.Region.CHINA_900), "BB 00 07 00 01 01 09 7E"),
        (m100.encode(FrameType.COMMAND, Command.GET_POWER), "BB 00 B7 00 00 B7 7E"),
        (m100.tag_notice(bytes.fromhex("3034257BF7194E4000001A85"), -60), SGTIN_TAG.hex()),
    ],
)
def test_built_frames_are_the_published_ones(built: bytes, published: str) -> None:
    assert built == bytes.fromhex(published)


def test_the_other_dialect_frames_the_same_body() -> None:
    frame = m100.tag_notice(bytes.fromhex("3034257BF7194E4000001A85"), -60, AA_DD)
    assert frame == b"\xaa" + SGTIN_TAG[1:-1] + b"\xdd"
    [tag] = parser(AA_DD).feed(frame)
    assert isinstance(tag, TagRead)
    assert parser().feed(frame) == []


@pytest.mark.parametrize("word", ["no tag in the field", "bad parameter", "unknown command"])
def test_error_codes_are_told_in_words(word: str) -> None:
    assert word in {m100.error_text(code) for code in (0x15, 0x0E, 0x17)}


def test_the_error_that_a_tag_gave_is_told_with_the_operation() -> None:
    assert m100.error_text(0xB4) == "tag refused write: memory locked"
    assert m100.error_text(0xA3) == "tag refused read: memory overrun"
    assert m100.error_text(0x77) == "unknown error 77"


def test_a_tag_whose_length_and_pc_word_disagree_is_refused() -> None:
    parameters = SGTIN_TAG[5:-2]
    pc_and_epc = bytes.fromhex("2800") + parameters[3:-2]  # PC says 10 bytes, 12 are there
    crc = gen2.tag_crc(pc_and_epc).to_bytes(2, "big")
    cutter = parser()
    frame = m100.encode(FrameType.NOTICE, Command.INVENTORY, parameters[:1] + pc_and_epc + crc)
    assert cutter.feed(frame) == []
    assert cutter.counts.refused == 1


def test_a_tag_whose_crc_is_wrong_is_refused_though_the_frame_is_sound() -> None:
    parameters = bytearray(SGTIN_TAG[5:-2])
    parameters[8] ^= 0x01
    cutter = parser()
    assert cutter.feed(m100.encode(FrameType.NOTICE, Command.INVENTORY, bytes(parameters))) == []
    assert cutter.counts.refused == 1


def test_a_frame_hidden_behind_a_false_header_comes_out_when_the_line_falls_idle() -> None:
    cutter = parser()
    false_header = bytes.fromhex("BB 01 03 02 00")  # announces 512 bytes that never come
    assert cutter.feed(false_header + SGTIN_TAG) == []
    [tag] = cutter.flush()
    assert isinstance(tag, TagRead)
    assert not cutter.pending


def test_an_announced_length_beyond_reason_does_not_stop_the_stream() -> None:
    [tag] = parser().feed(bytes.fromhex("BB 02 22 FF FF") + SGTIN_TAG)
    assert isinstance(tag, TagRead)


@pytest.mark.parametrize("bit", range(8))
@pytest.mark.parametrize("index", range(1, len(SGTIN_TAG)))
def test_one_flipped_bit_anywhere_yields_no_tag(index: int, bit: int) -> None:
    broken = bytearray(SGTIN_TAG)
    broken[index] ^= 1 << bit
    cutter = parser()
    assert [m for m in cutter.feed(bytes(broken)) + cutter.flush() if isinstance(m, TagRead)] == []


@pytest.mark.parametrize(
    ("pc_and_epc", "crc"),
    [
        ("3000E200001D7315016521408FC6", 0xB83E),
        ("3400E200471BB0006013044509D0", 0x9582),
        ("30003034257BF7194E4000001A85", 0xEE2C),
        ("3000000000000000000000001545", 0xE94A),
    ],
)
def test_the_tag_crc_is_the_one_that_tags_sent(pc_and_epc: str, crc: int) -> None:
    assert gen2.tag_crc(bytes.fromhex(pc_and_epc)) == crc


@given(st.lists(notices | st.sampled_from([POWER_SET, NO_TAG]), max_size=6), cuts)
def test_a_stream_split_anywhere_gives_the_same_messages(frames: list[bytes], at: list[int]) -> None:
    stream = b"".join(frames)
    cutter = parser()
    got = [message for piece in pieces(stream, at) for message in cutter.feed(piece)]
    assert got == parser().feed(stream)
    assert len(got) == len(frames)
    assert not cutter.pending


@given(HOSTILE, cuts)
def test_any_bytes_split_anywhere_give_the_same_frames(stream: bytes, at: list[int]) -> None:
    split, whole = frame_parser(), frame_parser()
    assert [f for piece in pieces(stream, at) for f in split.feed(piece)] == whole.feed(stream)
    assert split.flush() == whole.flush()
    assert split.counts == whole.counts


@given(st.binary(max_size=60), st.lists(notices, min_size=1, max_size=4), st.binary(max_size=60))
def test_after_noise_every_whole_frame_is_found(before: bytes, frames: list[bytes], after: bytes) -> None:
    cutter = frame_parser()
    got = cutter.feed(before + b"".join(frames) + after) + cutter.flush()
    raws = [frame.raw for frame in got]
    # Noise may by chance be the head of a longer, whole frame; then its sum must have held, which is what we ask for.
    assume(all(raw in frames for raw in raws))
    assert raws == frames


@given(notices, st.integers(1, 80))
def test_a_truncated_frame_yields_nothing(frame: bytes, cut: int) -> None:
    assume(0xBB not in frame[1:])
    cutter = parser()
    assert cutter.feed(frame[: cut % len(frame)]) + cutter.flush() == []


@given(notices, st.integers(1, 80), notices)
def test_a_truncated_frame_does_not_cost_the_next_one(broken: bytes, cut: int, whole: bytes) -> None:
    assume(0xBB not in broken[1:])
    cutter = parser()
    got = cutter.feed(broken[: cut % len(broken)] + whole) + cutter.flush()
    assert [message.raw for message in got if isinstance(message, TagRead)] == [whole]


def test_two_halves_of_tags_that_make_a_frame_with_the_right_sum_are_no_tag() -> None:
    broken = m100.tag_notice(bytes.fromhex("0007 3949 7E92 A4C9 0000 0000 0000"), 0)
    whole = m100.tag_notice(bytes.fromhex("007E 0000 0000 0000 0000 0000 0000"), 97)
    stream = broken[:17] + whole
    assert len(frame_parser().feed(stream)) == 1  # the 8-bit sum lets the false one through …
    cutter = parser()
    [tag] = cutter.feed(stream) + cutter.flush()  # … the CRC of the tag does not, and the true one is found
    assert isinstance(tag, TagRead)
    assert tag.raw == whole


@given(HOSTILE)
def test_random_bytes_yield_no_tag_with_a_wrong_checksum(stream: bytes) -> None:
    cutter = parser()
    for message in cutter.feed(stream) + cutter.flush():
        if isinstance(message, TagRead):
            assert sum(message.raw[1:-2]) & 0xFF == message.raw[-2]
            assert gen2.tag_crc(message.raw[6:-4]).to_bytes(2, "big") == message.raw[-4:-2]


@pytest.mark.slow
@pytest.mark.parametrize("dialect", [m100.BB_7E, AA_DD])
def test_ten_million_random_bytes_yield_no_tag_and_hold_one_frame_of_memory(dialect: m100.Dialect) -> None:
    noise = random.Random(20260101)
    cutter = parser(dialect)
    tags, most = [], 0
    for _ in range(10_000_000 // 4000):
        tags += [message for message in cutter.feed(noise.randbytes(4000)) if isinstance(message, TagRead)]
        most = max(most, cutter.pending)
    assert tags + cutter.flush() == []
    assert 0 < most < cutter.shape.max_size
    assert cutter.counts.frames * 7 + cutter.counts.noise_bytes <= 10_000_000
