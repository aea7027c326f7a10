"""Commands and replies of Newland and GM65 modules, and replies told from scans in one stream."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.barcode import newland
from devices.barcode.framing import ScanParser
from devices.barcode.newland import Command, CommandType, Reply, ReplySplitter
from tests.devices.streams import cuts, hostile, pieces


def split(stream: bytes, at: list[int] | None = None) -> list[Reply | bytes]:
    """Replies and the text between them, the text in one piece however it came."""
    splitter = ReplySplitter()
    out: list[Reply | bytes] = []
    parts = [part for piece in pieces(stream, at or []) for part in splitter.feed(piece)] + splitter.flush()
    for part in parts:
        if out and isinstance(part, bytes) and isinstance(before := out[-1], bytes):
            out[-1] = before + part
        else:
            out.append(part)
    assert splitter.pending == 0
    return out


@pytest.mark.parametrize(
    ("built", "published"),
    [
        (newland.TRIGGER, "7E 00 08 01 00 02 01 AB CD"),
        (newland.command(CommandType.WRITE, 2, b"\x01", checked=True), "7E 00 08 01 00 02 01 02 DA"),
        (newland.command(CommandType.WRITE, 0, b"\xf5", checked=True), "7E 00 08 01 00 00 F5 CB 23"),
        (newland.command(CommandType.WRITE, 0xD9, b"\x55", checked=True), "7E 00 08 01 00 D9 55 D1 76"),
        (newland.TRIGGERED, "02 00 00 01 00 33 31"),
        (newland.reply(b"\x00", newland.INVALID), "02 00 03 01 00 6A 61"),
    ],
)
def test_built_frames_are_the_published_ones(built: bytes, published: str) -> None:
    assert built == bytes.fromhex(published)


def test_a_command_is_read_with_and_without_its_crc() -> None:
    found = newland.command_parser().feed(bytes.fromhex("7E00080100020102DA 7E000801000201ABCD"))
    assert [(c.type, c.address, c.data, c.checked) for c in found] == [(8, 2, b"\x01", True), (8, 2, b"\x01", False)]


def test_a_command_with_a_wrong_crc_is_refused() -> None:
    parser = newland.command_parser()
    assert parser.feed(bytes.fromhex("7E 00 08 01 00 02 01 02 DB")) + parser.flush() == []
    assert parser.counts.refused == 1


def test_a_reply_says_whether_it_was_done() -> None:
    done, invalid = newland.reply_parser().feed(newland.TRIGGERED + bytes.fromhex("02 00 03 01 00 6A 61"))
    assert (done.ok, done.data) == (True, b"\x00")
    assert (invalid.ok, invalid.text) == (False, "unknown command")


def test_a_reply_of_256_bytes_has_length_byte_0() -> None:
    data = bytes(range(256))
    [found] = newland.reply_parser().feed(newland.reply(data))
    assert found.data == data


@pytest.mark.parametrize("data", [b"", bytes(257)])
def test_a_command_that_its_length_byte_cannot_say_is_an_error(data: bytes) -> None:
    with pytest.raises(ValueError, match="1 to 256"):
        newland.command(CommandType.WRITE, 0, data)


def test_a_reply_between_scans_is_told_from_them() -> None:
    stream = b"4006381333931\r" + newland.TRIGGERED + b"614141401017\r"
    before, reply, after = split(stream)
    assert (before, after) == (b"4006381333931\r", b"614141401017\r")
    assert isinstance(reply, Reply)
    assert reply.ok


def test_a_scan_in_an_envelope_is_no_reply() -> None:
    assert split(b"\x02ABC\x03\x02DEF\x03") == [b"\x02ABC\x03\x02DEF\x03"]


def test_a_spoiled_reply_costs_a_scan_and_never_makes_a_wrong_one() -> None:
    spoiled = newland.TRIGGERED[:-1] + b"\x30"
    parser = ScanParser()
    scans = []
    for part in split(spoiled + b"4006381333931\r614141401017\r"):
        assert isinstance(part, bytes)
        scans += parser.feed(part)
    assert [scan.text for scan in scans] == ["614141401017"]
    assert parser.counts.undecodable == 1


replies = st.builds(newland.reply, st.binary(min_size=1, max_size=20), st.integers(0, 5))
lines = st.text("0123456789ABC", min_size=1, max_size=20).map(lambda text: text.encode() + b"\r")


@given(st.lists(replies | lines, max_size=8), cuts)
def test_a_stream_split_anywhere_gives_the_same_parts(sent: list[bytes], at: list[int]) -> None:
    parts = split(b"".join(sent), at)
    assert parts == split(b"".join(sent))
    assert [part.raw for part in parts if isinstance(part, Reply)] == [s for s in sent if s.startswith(b"\x02")]


@given(hostile(b"\x02\x00\x01\x33\x31\r"), cuts)
def test_hostile_bytes_give_the_same_parts_and_lose_none(stream: bytes, at: list[int]) -> None:
    parts = split(stream, at)
    assert parts == split(stream)
    assert b"".join(part.raw if isinstance(part, Reply) else part for part in parts) == stream


@given(
    st.lists(
        st.builds(
            newland.command, st.sampled_from(CommandType), st.integers(0, 0xFFFF), st.binary(min_size=1, max_size=30)
        ),
        max_size=4,
    ),
    cuts,
)
def test_commands_split_anywhere_are_the_same(sent: list[bytes], at: list[int]) -> None:
    parser = newland.command_parser()
    got: list[Command] = [found for piece in pieces(b"".join(sent), at) for found in parser.feed(piece)]
    assert [found.raw for found in got] == sent


@pytest.mark.slow
def test_ten_million_random_bytes_hold_next_to_no_reply() -> None:
    splitter, source, replies_found = ReplySplitter(), random.Random(20261122), 0
    for _ in range(10_000_000 // 4096):
        replies_found += sum(isinstance(part, Reply) for part in splitter.feed(source.randbytes(4096)))
        assert splitter.pending <= newland.ReplyShape.max_size
    assert replies_found == 0
