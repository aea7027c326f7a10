"""What an M100 is asked, and what its answers mean to the driver."""

from __future__ import annotations

import pytest

from devices.rfid import m100
from devices.rfid.dialog import Answer, Refusal, TagRead
from devices.rfid.m100_dialog import M100Dialog
from devices.rfid.settings import ReaderSettings, Region

HARDWARE = Answer(m100.Command.INFO, b"\x00M100 26dBm V1.0")


def test_a_reader_that_is_left_as_it_is_is_only_stopped_and_asked_who_it_is() -> None:
    questions = M100Dialog().questions()
    assert [question.name for question in questions] == ["stop", "identity", "identity"]
    assert not any(question.must_succeed for question in questions)


def test_region_and_power_are_set_as_published_and_must_succeed() -> None:
    questions = M100Dialog(ReaderSettings(region=Region.CHINA_900, power_dbm=20)).questions()[3:]
    assert [question.data.hex(" ").upper() for question in questions] == [
        "BB 00 07 00 01 01 09 7E",
        "BB 00 B6 00 02 07 D0 8F 7E",
    ]
    for question in questions:
        assert question.must_succeed
        assert question.accepts(Answer(question.to, b"\x00"))
        assert not question.accepts(Answer(question.to, b"\x01"))


def test_a_late_answer_about_the_hardware_is_not_the_software_s() -> None:
    hardware, software = M100Dialog().questions()[1:3]
    assert hardware.accepts(HARDWARE)
    assert hardware.identity(HARDWARE) == "M100 26dBm V1.0"
    assert not software.accepts(HARDWARE)


def test_every_question_is_asked_in_the_dialect_of_the_firmware() -> None:
    dialog = M100Dialog(ReaderSettings(region=Region.US, power_dbm=10), m100.AA_DD)
    asked = [question.data for question in dialog.questions()] + [dialog.poll(), dialog.start(), dialog.stop()]
    assert all((data[0], data[-1]) == (0xAA, 0xDD) for data in asked)


def test_a_command_that_a_line_echoes_is_not_the_reader_s_word() -> None:
    dialog = M100Dialog()
    assert dialog.feed(dialog.poll() + m100.tag_notice(bytes(12), -40)) == [
        TagRead("00" * 12, 0x3000, -40.0, None, tag_crc_ok=True, raw=m100.tag_notice(bytes(12), -40))
    ]


def test_no_tag_is_no_refusal_of_the_inventory() -> None:
    [refusal] = M100Dialog().feed(m100.encode(m100.FrameType.RESPONSE, m100.Command.ERROR, bytes([m100.NO_TAG])))
    assert isinstance(refusal, Refusal)
    assert refusal.no_tag


def test_bytes_of_a_port_that_was_closed_are_forgotten() -> None:
    dialog = M100Dialog()
    notice = m100.tag_notice(bytes(12), -40)
    dialog.feed(notice[:10])
    assert dialog.pending == 10
    dialog.reset()
    assert dialog.feed(notice[10:]) == []


def test_a_region_that_the_reader_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match=r"knows the regions china_900.*not japan"):
        M100Dialog(ReaderSettings(region=Region.JAPAN))
