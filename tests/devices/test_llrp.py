"""Low Level Reader Protocol: messages of real readers first, then any split, any noise, any truncation."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.rfid import gen2, llrp, llrp_capabilities, llrp_messages
from devices.rfid.dialog import Answer, Notice, Refusal, TagRead
from devices.rfid.llrp import MAX_MESSAGE, Command, Connection, Farewell, KeepAlive, Message, MessageType
from devices.rfid.llrp_events import status_text
from devices.rfid.llrp_messages import RoSpec, encode
from devices.rfid.llrp_parameters import Parameter, split, tag_report, tlv, tv
from tests.devices.streams import cuts, hostile, pieces

# Reports that an Impinj reader sent (public capture): two of 96 bits and one of 144.
CAPTURED = [
    bytes.fromhex("043D0000002C4095892F 00F00022 8D3005FB63AC1F3841EC880467 810001 86CE 820004EC2EA8354C09 880001"),
    bytes.fromhex("043D0000002C40958930 00F00022 8D300833B2DDD906C000000000 810001 86C6 820004EC2EA8355AF2 880001"),
    bytes.fromhex(
        "043D0000003740958941 00F0002D 00F1001800901FB41F712AC9C37AB79D618173188324001A 810001 86EF"
        "820004EC2EA8381F57 880001"
    ),
]
# First part of what an Impinj Speedway tells of itself; the receive sensitivities are cut down to two of 42.
SPEEDWAY = bytes.fromhex(
    "011F000800000000"
    "00890046 0004 4000 0000651A 001E886A 000A 352E31342E302E323430"
    "008B000800010000 008B00080002000A"
    "008D000800040004 008C00090001000101 008C00090002000101"
)
SGTIN = bytes.fromhex("3074257BF7194E4000001A85")
LONG = bytes.fromhex("36742579701A8A8C9E5A8C9A0000000000000000000000000000")
PC_AND_EPC = b"\x30\x00" + SGTIN
CRC = gen2.tag_crc(PC_AND_EPC).to_bytes(2, "big")
EPC_96 = tv(Parameter.EPC_96, SGTIN)
PC = tv(Parameter.GEN2_PC, PC_AND_EPC[:2])


def heard(stream: bytes) -> list[Message]:
    parser = llrp.parser()
    return parser.feed(stream) + parser.flush()


def reads(messages: list[Message]) -> list[TagRead]:
    return [message for message in messages if isinstance(message, TagRead)]


def reported(content: bytes) -> bytes:
    return llrp_messages.report(1, [tlv(Parameter.TAG_REPORT, content)])


def test_captured_reports_are_read() -> None:
    assert reads(heard(b"".join(CAPTURED))) == [
        TagRead("3005FB63AC1F3841EC880467", None, -50.0, 1, None, CAPTURED[0]),
        TagRead("300833B2DDD906C000000000", None, -58.0, 1, None, CAPTURED[1]),
        TagRead("1FB41F712AC9C37AB79D618173188324001A", None, -17.0, 1, None, CAPTURED[2]),
    ]


def test_a_report_tells_when_and_how_often_it_was_seen() -> None:
    [(kind, content)] = split(CAPTURED[0][10:]) or []
    report = tag_report(content)
    assert kind == Parameter.TAG_REPORT
    assert report is not None
    assert (report.first_seen_us, report.seen_count) == (0x4EC2EA8354C09, 1)


@given(st.integers(0, 31), st.integers(-128, 127), st.integers(1, 65535))
def test_a_tag_of_any_length_comes_out_as_it_went_in(words: int, rssi_dbm: int, antenna: int) -> None:
    epc = bytes(range(words * 2))
    message = llrp_messages.report(7, [llrp_messages.tag_report_data(epc, rssi_dbm, antenna)])
    assert reads(heard(message)) == [TagRead(epc.hex().upper(), words << 11, rssi_dbm, antenna, True, message)]


def test_all_tags_of_a_report_come_out() -> None:
    epcs = [SGTIN, LONG, b""]
    message = llrp_messages.report(7, [llrp_messages.tag_report_data(epc, -50) for epc in epcs])
    assert [read.epc for read in reads(heard(message))] == [epc.hex().upper() for epc in epcs]


def test_parameters_that_are_not_known_are_passed_over() -> None:
    custom = tlv(Parameter.CUSTOM, bytes.fromhex("0000651A 00000039 EC78"))
    unknown = tlv(700, b"what")
    known = b"".join(
        tv(kind, bytes(size)) for kind, size in ((9, 4), (14, 2), (10, 2), (7, 2), (3, 8), (5, 8), (16, 4))
    )
    read = reads(heard(reported(EPC_96 + known + custom + PC + unknown + tv(Parameter.ANTENNA_ID, b"\x00\x02"))))
    assert [(tag.epc, tag.pc, tag.antenna) for tag in read] == [(SGTIN.hex().upper(), 0x3000, 2)]


def test_the_pc_alone_says_nothing_of_the_crc() -> None:
    [read] = reads(heard(reported(EPC_96 + PC)))
    assert (read.pc, read.tag_crc_ok) == (0x3000, None)


def test_extended_pc_words_count_for_the_crc() -> None:
    extended = b"\x32\x00\x80\x01\x00\x02" + SGTIN
    content = EPC_96 + tv(12, extended[:2]) + tv(19, extended[2:4]) + tv(20, extended[4:6])
    [read] = reads(heard(reported(content + tv(11, gen2.tag_crc(extended).to_bytes(2, "big")))))
    assert read.tag_crc_ok


@pytest.mark.parametrize(
    "content",
    [
        EPC_96 + PC + tv(Parameter.GEN2_CRC, bytes([CRC[0], CRC[1] ^ 1])),
        EPC_96 + tv(Parameter.GEN2_PC, b"\x28\x00"),
        tlv(Parameter.EPC_DATA, b"\x00\x60" + SGTIN[:-2]),
        tlv(Parameter.EPC_DATA, b"\x00\x5f" + SGTIN),
        tlv(Parameter.EPC_DATA, b""),
        tlv(Parameter.EPC_DATA, b"\x02\x00" + bytes(64)),
        tv(Parameter.ANTENNA_ID, b"\x00\x01") + EPC_96,
        EPC_96 + b"\xff\x00",
        EPC_96 + tlv(700, b"")[:-1] + b"\x03",
        EPC_96[:-1],
        b"",
    ],
    ids=[
        "tag CRC",
        "PC",
        "bits say more",
        "half a word",
        "no bits",
        "too long",
        "EPC not first",
        "unknown TV",
        "TLV too short",
        "cut",
        "nothing",
    ],
)
def test_a_tag_that_contradicts_itself_or_is_not_well_formed_is_refused(content: bytes) -> None:
    parser = llrp.parser()
    assert reads(parser.feed(reported(content)) + parser.flush()) == []
    assert parser.counts.refused >= 1


def test_a_tag_with_a_wrong_crc_is_left_out_and_the_others_stay() -> None:
    wrong = tlv(Parameter.TAG_REPORT, EPC_96 + PC + tv(Parameter.GEN2_CRC, b"\x00\x00"))
    message = llrp_messages.report(1, [wrong, llrp_messages.tag_report_data(LONG, -50)])
    assert [read.epc for read in reads(heard(message))] == [LONG.hex().upper()]


def test_a_report_without_tags_ends_a_round() -> None:
    assert heard(llrp_messages.report(1, [])) == [Answer(MessageType.GET_REPORT, end_of_round=True)]


def test_a_keep_alive_wants_its_identifier_back() -> None:
    [alive] = heard(encode(MessageType.KEEPALIVE, 0xABCDEF01))
    assert isinstance(alive, KeepAlive)
    assert llrp_messages.keepalive_ack(alive.message_id) == bytes.fromhex("04480000000AABCDEF01")


def test_an_answer_names_its_request_and_a_refusal_says_why() -> None:
    good = llrp_messages.response(MessageType.ENABLE_ROSPEC, 5)
    bad = llrp_messages.response(MessageType.ADD_ROSPEC, 6, code=101, description="TransmitPower")
    stray = encode(MessageType.ERROR_MESSAGE, 7, llrp_messages.status_parameter(109))
    assert heard(good + bad + stray) == [
        Answer(MessageType.ENABLE_ROSPEC, llrp_messages.status_parameter()),
        Refusal(MessageType.ADD_ROSPEC, 101, "message: error in a field: TransmitPower"),
        Refusal(None, 109, "message not supported by this reader"),
    ]
    assert status_text(999) == "unknown status 999"


def test_the_errors_of_single_parameters_may_follow_the_status() -> None:
    field_error = tlv(288, b"\x00\x02\x00\x65")
    parameter_error = tlv(289, b"\x00\xe0\x00\x65" + field_error)
    status = tlv(Parameter.STATUS, b"\x00\x64\x00\x03bad" + parameter_error)
    [refusal] = heard(encode(MessageType.ADD_ROSPEC_RESPONSE, 1, status))
    assert isinstance(refusal, Refusal)
    assert refusal.text == "message: error in a parameter: bad"


@pytest.mark.parametrize("status", [b"", b"\x00", b"\x00\x00\x00\x05ab", b"\x00\x00\x00\x00\x01"])
def test_a_broken_status_is_no_answer(status: bytes) -> None:
    assert heard(encode(MessageType.ADD_ROSPEC_RESPONSE, 1, tlv(Parameter.STATUS, status))) == []


def test_a_connection_that_another_client_has_is_told() -> None:
    messages = heard(
        b"".join(
            llrp_messages.event_notification(1, Parameter.CONNECTION_ATTEMPT, status.to_bytes(2, "big"))
            for status in (0, 2, 9)
        )
    )
    assert [message.accepted for message in messages if isinstance(message, Connection)] == [True, False, False]
    assert "another client has it" in str(messages[1])


EVENTS = [
    (Parameter.ANTENNA_EVENT, "00 0002", "antenna 2 is not connected", True),
    (Parameter.ANTENNA_EVENT, "01 0002", "antenna 2 is connected", False),
    (Parameter.READER_EXCEPTION, "0003 686F74", "reader: hot", True),
    (Parameter.BUFFER_OVERFLOW, "", "reader lost tags: its report buffer is full", True),
    (Parameter.BUFFER_WARNING, "50", "report buffer is 80 % full", False),
    (Parameter.RO_SPEC_EVENT, "01 00000001 00000000", "inventory ended", False),
]


@pytest.mark.parametrize(("kind", "content", "text", "trouble"), EVENTS)
def test_events_are_told_in_words(kind: Parameter, content: str, text: str, trouble: bool) -> None:
    [notice] = heard(llrp_messages.event_notification(1, kind, bytes.fromhex(content)))
    assert isinstance(notice, Notice)
    assert (notice.text, notice.trouble) == (text, trouble)


def test_a_captured_farewell_is_told() -> None:
    farewell = bytes.fromhex("043F0000001E00000001 00F60014 0080000C0005AC35BD20D1DA 01010004")
    [notice] = heard(farewell)
    assert notice == Farewell("reader closes the connection", trouble=True)


def test_a_hop_to_the_next_channel_concerns_nobody() -> None:
    parser = llrp.parser()
    hop = tlv(247, b"\x00\x01\x00\x07")
    event = tlv(Parameter.EVENT_DATA, tlv(Parameter.UPTIME, bytes(8)) + hop)
    assert parser.feed(encode(MessageType.READER_EVENT_NOTIFICATION, 1, event)) == []
    assert (parser.counts.frames, parser.pending) == (1, 0)


def test_a_message_of_a_maker_is_named() -> None:
    [notice] = heard(encode(MessageType.CUSTOM_MESSAGE, 1, bytes.fromhex("0000651A 16 FFFF")))
    assert notice == Notice("message 22 of maker 25882")


def test_what_a_captured_reader_tells_of_itself_is_read() -> None:
    [answer] = heard(encode(MessageType.GET_READER_CAPABILITIES_RESPONSE, 1, SPEEDWAY))
    assert isinstance(answer, Answer)
    told = llrp_capabilities.capabilities(answer.data)
    assert told is not None
    assert told.text == "Impinj LLRP reader, model 2001002, firmware 5.14.0.240, 4 antennas"
    assert told.power_index(30) is None


def test_the_power_is_the_highest_of_the_table_that_is_not_above_the_wanted() -> None:
    content = llrp_messages.capabilities_content((3000, 1000, 1025, 2000), 4, "1")
    told = llrp_capabilities.capabilities(llrp_messages.status_parameter() + content)
    assert told is not None
    assert [told.power_index(dbm) for dbm in (9.9, 10, 10.3, 29.9, 31.5)] == [None, 2, 3, 4, 1]
    assert told.channels == llrp_capabilities.HOPPING


def test_a_reader_without_hops_names_its_channel_by_number() -> None:
    band = tlv(
        Parameter.UHF_CAPABILITIES, tlv(Parameter.FREQUENCY_INFORMATION, b"\x00" + tlv(148, b"\x00\x01" + bytes(4)))
    )
    general = tlv(Parameter.GENERAL_CAPABILITIES, bytes(14))
    body = llrp_messages.status_parameter() + general + tlv(Parameter.REGULATORY_CAPABILITIES, bytes(4) + band)
    told = llrp_capabilities.capabilities(body)
    assert told is not None
    assert told.channels == llrp_capabilities.FIXED
    assert llrp_capabilities.capabilities(llrp_messages.status_parameter()) is None


REQUESTS = [
    llrp_messages.get_capabilities(1),
    llrp_messages.set_config(2, 200),
    llrp_messages.add_rospec(3, RoSpec(antennas=(1, 3), power_index=81)),
    llrp_messages.add_rospec(4, RoSpec(starts_itself=True, report_each=False)),
    llrp_messages.about_rospec(MessageType.DELETE_ROSPEC, 5, llrp_messages.ALL),
    llrp_messages.about_rospec(MessageType.START_ROSPEC, 6, 1),
    llrp_messages.get_report(7),
    llrp_messages.keepalive_ack(8),
    llrp_messages.close_connection(9),
]


def test_a_clients_messages_are_read_as_such() -> None:
    commands = heard(b"".join(REQUESTS))
    assert [command.message_id for command in commands if isinstance(command, Command)] == list(range(1, 10))
    assert b"".join(command.raw for command in commands if isinstance(command, Command)) == b"".join(REQUESTS)


def test_an_inventory_is_laid_out_as_the_standard_says() -> None:
    message = llrp_messages.add_rospec(3, RoSpec(rospec_id=9, antennas=(2,), power_index=81))
    assert message == bytes.fromhex(
        "0414 00000070 00000003"
        "00B1 0066 00000009 00 00"
        "00B2 0012 00B3 0005 00 00B6 0009 00 00000000"
        "00B7 0038 0001 0002 00B8 0009 00 00000000"
        "00BA 0027 0001 01 00DE 0020 0002 00E0 000A 0001 0000 0051 014A 0010 00 0150 000B 00 0008 00000000"
        "00ED 0012 01 0001 00EE 000B 1680 015C 0005 C0"
    )


SPEECH = b"".join(
    (
        llrp_messages.event_notification(1, Parameter.CONNECTION_ATTEMPT, b"\x00\x00"),
        encode(MessageType.GET_READER_CAPABILITIES_RESPONSE, 1, SPEEDWAY),
        *CAPTURED,
        encode(MessageType.KEEPALIVE, 2),
        llrp_messages.report(3, [llrp_messages.tag_report_data(LONG, -50), llrp_messages.tag_report_data(SGTIN, -5)]),
        llrp_messages.report(4, []),
        encode(MessageType.KEEPALIVE, 5, version=2),
        REQUESTS[2],
    )
)


@given(cuts)
def test_a_stream_split_anywhere_gives_the_same_messages(at: list[int]) -> None:
    parser = llrp.parser()
    said = [message for piece in pieces(SPEECH, at) for message in parser.feed(piece)]
    assert said == heard(SPEECH)
    assert (parser.counts.noise_bytes, parser.pending) == (0, 0)
    assert len(said) == 11


@given(hostile(b"\x04\x3d\x00\x00\x00\x2c\xf0\x8d\x3e"))
def test_whatever_comes_a_later_tag_is_still_read_and_memory_stays_bounded(noise: bytes) -> None:
    parser = llrp.parser()
    said = parser.feed(noise)
    assert parser.pending <= len(noise)
    said += parser.feed(CAPTURED[2]) + parser.flush()
    assert [read.epc for read in reads(said)].count("1FB41F712AC9C37AB79D618173188324001A") == 1


@given(st.integers(1, len(CAPTURED[0]) - 1))
def test_a_message_cut_short_by_a_lost_connection_is_forgotten(length: int) -> None:
    parser = llrp.parser()
    assert parser.feed(CAPTURED[0][:length]) == []
    parser.reset()
    assert [read.raw for read in reads(parser.feed(CAPTURED[1]))] == [CAPTURED[1]]


@pytest.mark.parametrize("length", [0, 9, MAX_MESSAGE + 1, 0xFFFFFFFF])
def test_a_length_that_cannot_be_is_not_waited_for(length: int) -> None:
    parser = llrp.parser()
    assert parser.feed(b"\x04\x3e" + length.to_bytes(4, "big") + bytes(4)) == []
    assert parser.pending == 0


@pytest.mark.parametrize(
    "message",
    [
        b"\x04\x3d\x00\x00\x00\x60" + bytes(4) + b"\x01\x1f\x00\x08",
        b"\x04\x3e\x00\x00\x00\x0e" + bytes(4) + b"\x00\xf0\x00\x04",
        b"\x04\x16\x00\x00\x00\x0c" + bytes(6),
        b"\x0c\x3e\x00\x00\x00\x0a" + bytes(4),
        b"\x07\x00\x00\x00\x00\x0a" + bytes(4),
    ],
    ids=["report of something else", "keep-alive with content", "ROSpec cut", "version 3", "unknown type"],
)
def test_what_cannot_be_a_message_is_not_waited_for(message: bytes) -> None:
    parser = llrp.parser()
    assert parser.feed(message + b"\x00") == []
    assert parser.pending == 0


@pytest.mark.slow
def test_ten_million_random_bytes_give_no_tag() -> None:
    noise = random.Random(20240602)
    parser = llrp.parser()
    for _ in range(2_500):
        assert reads(parser.feed(noise.randbytes(4_000))) == []
        assert parser.pending <= MAX_MESSAGE


@pytest.mark.shared
def test_the_shared_capture_of_a_real_reader_is_read_whole(shared: Path) -> None:
    capture = shared / "vectors" / "llrp_ro_access_report.hex"
    if not capture.is_file():
        pytest.skip("the capture is not among the shared vectors")
    stream = bytes.fromhex(capture.read_text(encoding="ascii"))
    parser = llrp.parser()
    assert Counter(read.epc for read in reads(parser.feed(stream))) == {
        "3005FB63AC1F3841EC880467": 22,
        "300833B2DDD906C000000000": 22,
        "1FB41F712AC9C37AB79D618173188324001A": 1,
    }
    assert (parser.counts.frames, parser.counts.noise_bytes, parser.pending) == (45, 0, 0)
