"""SSI packets: golden bytes typed from the manual and captures, then any split, noise and truncation."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.barcode import ssi
from devices.barcode.ssi import DecodeData, Message, MessageParser, Opcode, Packet, Source
from devices.barcode.ssi_symbologies import SYMBOLOGIES
from tests.devices.streams import cuts, hostile, pieces

EAN = bytes.fromhex("12 F3 00 00 0B 34 30 30 36 33 38 31 33 33 33 39 33 31 FC 54")
ACK = bytes.fromhex("04 D0 00 00 FF 2C")
GS1 = "010061414140101721123\x1d10LOT7"


def decode(text: str | bytes, code_type: int = 0x1B, status: int = 0) -> bytes:
    data = text.encode() if isinstance(text, str) else text
    return ssi.encode(Opcode.DECODE_DATA, bytes([code_type]) + data, source=Source.SCANNER, status=status)


def texts(messages: list[Message]) -> list[str]:
    return [m.scan.text for m in messages if isinstance(m, DecodeData) and m.scan is not None]


def feed(*packets: bytes) -> list[Message]:
    return MessageParser().feed(b"".join(packets))


@pytest.mark.parametrize(
    ("built", "published"),
    [
        (ssi.start_session(), "04 E4 04 00 FF 14"),
        (ssi.stop_session(), "04 E5 04 00 FF 13"),
        (ssi.scan_enable(), "04 E9 04 00 FF 0F"),
        (ssi.scan_disable(), "04 EA 04 00 FF 0E"),
        (ssi.acknowledge(), "04 D0 04 00 FF 28"),
        (ssi.acknowledge(Source.SCANNER), "04 D0 00 00 FF 2C"),
        (ssi.refuse(ssi.Nak.RESEND), "05 D1 04 00 01 FF 25"),
        (ssi.beep(1), "05 E6 04 00 01 FF 10"),
        (ssi.led(1, on=False), "05 E8 04 00 01 FF 0E"),
        (ssi.param_send(bytes.fromhex("8A 08")), "07 C6 04 00 FF 8A 08 FD 9E"),
        (decode("4006381333931", 0x0B), EAN.hex()),
    ],
)
def test_built_packets_are_the_published_ones_and_are_read(built: bytes, published: str) -> None:
    assert built == bytes.fromhex(published)
    [message] = feed(built)
    packet = message.packet if isinstance(message, DecodeData) else message
    assert packet.raw == built


def test_a_code_comes_with_its_symbology_and_aim_identifier() -> None:
    [message] = feed(EAN)
    assert isinstance(message, DecodeData)
    assert message.symbology == "EAN-13"
    assert message.scan is not None
    assert (message.scan.text, message.scan.aim, message.scan.raw) == ("4006381333931", "]E0", EAN)


@pytest.mark.parametrize(
    ("code_type", "aim"), [(0x0F, "]C1"), (0xC1, "]d2"), (0xC2, "]Q3"), (0x30, "]e0"), (0x0A, "]E4"), (0x03, "]C0")]
)
def test_the_code_type_tells_the_aim_identifier(code_type: int, aim: str) -> None:
    [message] = feed(decode("X", code_type))
    assert isinstance(message, DecodeData)
    assert message.scan is not None
    assert message.scan.aim == aim


def test_an_aim_identifier_that_the_scanner_sends_counts_more_than_the_code_type() -> None:
    [message] = feed(decode("]d2" + GS1, 0x1B))
    assert isinstance(message, DecodeData)
    assert message.scan is not None
    assert (message.scan.text, message.scan.aim) == (GS1, "]d2")


def test_every_aim_identifier_of_the_table_has_the_form_of_one() -> None:
    assert all(aim == "" or (aim[0] == "]" and len(aim) == 3) for _, aim in SYMBOLOGIES.values())


def test_a_suffix_in_the_packet_is_no_part_of_the_code() -> None:
    assert texts(feed(decode(GS1 + "\r\n"))) == [GS1]


def test_two_packets_in_one_read_are_two_scans() -> None:
    assert texts(feed(decode("FIRST"), decode("SECOND"))) == ["FIRST", "SECOND"]


def test_a_scan_in_several_packets_is_one_scan_and_each_packet_a_message() -> None:
    messages = feed(decode("ABC", status=ssi.MORE_FOLLOW), decode("DEF", status=ssi.MORE_FOLLOW), decode("G"))
    assert [isinstance(message, DecodeData) for message in messages] == [True] * 3
    assert texts(messages) == ["ABCDEFG"]


def test_a_packet_sent_again_is_the_same_scan() -> None:
    messages = feed(decode("ABC"), decode("ABC", status=ssi.RETRANSMITTED))
    assert texts(messages) == ["ABC"]
    assert isinstance(messages[1], DecodeData)
    assert messages[1].repeated


def test_a_packet_sent_again_that_never_arrived_is_a_scan() -> None:
    assert texts(feed(decode("ABC"), decode("DEF", status=ssi.RETRANSMITTED))) == ["ABC", "DEF"]


def test_the_same_code_scanned_twice_is_two_scans() -> None:
    assert texts(feed(decode("ABC"), decode("ABC"))) == ["ABC", "ABC"]


def test_a_middle_packet_sent_again_is_joined_once() -> None:
    more = ssi.MORE_FOLLOW
    packets = [decode("AB", status=more), decode("CD", status=more)]
    assert texts(feed(*packets, decode("CD", status=more | ssi.RETRANSMITTED), decode("E"))) == ["ABCDE"]


def test_a_packet_that_repeats_an_old_scan_is_new_once_repeats_are_over() -> None:
    parser = MessageParser()
    parser.feed(decode("ABC"))
    parser.expect_no_repeat()
    assert texts(parser.feed(decode("ABC", status=ssi.RETRANSMITTED))) == ["ABC"]


def test_the_rest_of_a_scan_that_was_given_up_is_no_scan() -> None:
    parser = MessageParser()
    more = ssi.MORE_FOLLOW
    parser.feed(decode("0100614141401017", status=more))
    parser.give_up_scan()
    late = decode("211234", status=more | ssi.RETRANSMITTED) + decode("5678")
    assert texts(parser.feed(late + decode("NEXT"))) == ["NEXT"]
    assert parser.counts.dropped_scans == 1


def test_half_a_scan_is_not_joined_with_another_code() -> None:
    parser = MessageParser()
    assert texts(parser.feed(decode("HALF", 0x1B, ssi.MORE_FOLLOW) + decode("4006381333931", 0x0B))) == [
        "4006381333931"
    ]
    assert parser.counts.dropped_scans == 1


def test_closing_the_port_forgets_half_a_scan() -> None:
    parser = MessageParser()
    parser.feed(decode("HALF", status=ssi.MORE_FOLLOW) + decode("X")[:4])
    parser.reset()
    assert parser.pending == 0
    assert texts(parser.feed(decode("WHOLE"))) == ["WHOLE"]


def test_a_scan_without_end_is_dropped_and_held_in_bounded_memory() -> None:
    parser = MessageParser()
    for number in range(2_000):
        assert texts(parser.feed(decode(f"{number:0250}", status=ssi.MORE_FOLLOW))) == []
        assert sum(map(len, parser._parts)) + sum(map(len, parser._raw)) <= 3 * ssi.MAX_SCAN
    assert texts(parser.feed(decode("END"))) == []
    assert texts(parser.feed(decode("NEXT"))) == ["NEXT"]


def test_a_wrong_checksum_is_refused_and_counted() -> None:
    parser = MessageParser()
    assert parser.feed(EAN[:-1] + b"\x49") + parser.flush() == []
    assert parser.counts.refused >= 1
    assert parser.counts.frames == 0


def test_what_is_no_text_is_dropped() -> None:
    parser = MessageParser()
    assert texts(parser.feed(decode(b"caf\xe9") + decode(b"A\0B") + decode("", 0x1B) + decode("sig", 0x69))) == []
    assert parser.counts.dropped_scans == 4
    assert texts(MessageParser("latin-1").feed(decode(b"caf\xe9"))) == ["café"]


def test_refusals_are_told_in_words() -> None:
    [message] = feed(ssi.refuse(ssi.Nak.DENIED, Source.SCANNER))
    assert isinstance(message, Packet)
    assert "trigger mode" in ssi.nak_text(message.data)
    assert ssi.nak_text(b"\x63") == "cause 63"
    assert ssi.nak_text(b"") == "cause not told"


def test_too_much_for_one_packet_is_an_error() -> None:
    with pytest.raises(ValueError, match="at most 251"):
        ssi.encode(Opcode.PARAM_SEND, bytes(252))


packets = st.one_of(
    st.builds(decode, st.text("0123456789ABC\x1d", min_size=1, max_size=60), st.sampled_from([0x0B, 0x0F, 0xC1])),
    st.sampled_from([ACK, ssi.start_session(), ssi.refuse(ssi.Nak.DENIED, Source.SCANNER)]),
)


@given(st.lists(packets, max_size=6), cuts)
def test_a_stream_split_anywhere_gives_the_same_messages(sent: list[bytes], at: list[int]) -> None:
    stream = b"".join(sent)
    parser = MessageParser()
    got = [message for piece in pieces(stream, at) for message in parser.feed(piece)]
    assert got == feed(stream)
    assert [m.packet.raw if isinstance(m, DecodeData) else m.raw for m in got] == sent


@given(hostile(b"\x04\xf3\x00\x0b\xff\xd0\x01\x02"), cuts)
def test_hostile_bytes_give_the_same_messages_and_hold_less_than_a_packet(stream: bytes, at: list[int]) -> None:
    parser, whole = MessageParser(), MessageParser()
    got = []
    for piece in pieces(stream, at):
        got += parser.feed(piece)
        assert parser.pending < ssi.MAX_LENGTH + 2
    assert got + parser.flush() == whole.feed(stream) + whole.flush()
    assert parser.pending == 0


@given(st.binary(max_size=40), packets)
def test_a_packet_behind_noise_is_found_when_the_line_falls_idle(noise: bytes, packet: bytes) -> None:
    parser = MessageParser()
    found = parser.feed(noise + packet) + parser.flush()
    raws = [m.packet.raw if isinstance(m, DecodeData) else m.raw for m in found]
    assert packet in raws or any(packet[:3] in raw for raw in raws)


@pytest.mark.slow
def test_ten_million_random_bytes_hold_no_scan() -> None:
    parser, source, began = MessageParser(), random.Random(20261122), time.perf_counter()
    scans = []
    for _ in range(10_000_000 // 4096):
        scans += texts(parser.feed(source.randbytes(4096)))
        assert parser.pending < ssi.MAX_LENGTH + 2
    print(f"{10 / (time.perf_counter() - began):.1f} MB/s, {parser.counts}")
    assert scans == []
