"""A reader's complaints last as long as they are true."""

from __future__ import annotations

from devices.rfid.dialog import Notice
from devices.rfid.troubles import MAX_TROUBLES, Troubles

S = 1_000_000_000
HOT = Notice("too hot", trouble=True)
LOOSE = Notice("antenna 2 is missing", trouble=True, about="antenna 2")
PLUGGED = Notice("antenna 2 is there", about="antenna 2")


def noted(*notices: Notice) -> Troubles:
    troubles = Troubles(silence_ms=3000)
    for notice in notices:
        troubles.note(notice, 0)
    return troubles


def test_a_trouble_is_kept_once_however_often_it_is_told() -> None:
    assert noted(HOT, LOOSE, HOT, LOOSE).texts == ("too hot", "antenna 2 is missing")


def test_troubles_keep_their_order_when_they_are_told_again() -> None:
    assert noted(LOOSE, HOT, LOOSE).texts == ("antenna 2 is missing", "too hot")


def test_what_is_no_trouble_is_not_kept() -> None:
    assert noted(Notice("alive"), PLUGGED).texts == ()


def test_a_trouble_that_is_repeated_no_more_is_over() -> None:
    troubles = noted(HOT)
    troubles.note(HOT, 2 * S)
    troubles.forget_silent(5 * S)
    assert troubles.texts == ("too hot",)
    troubles.forget_silent(5 * S + 1)
    assert troubles.texts == ()


def test_a_trouble_of_a_part_lasts_until_the_part_is_well() -> None:
    troubles = noted(LOOSE)
    troubles.forget_silent(1000 * S)
    assert troubles.texts == ("antenna 2 is missing",)
    troubles.note(PLUGGED, 1001 * S)
    assert troubles.texts == ()


def test_the_word_of_one_part_is_not_anothers() -> None:
    troubles = noted(LOOSE, Notice("antenna 3 is there", about="antenna 3"), HOT)
    assert troubles.texts == ("antenna 2 is missing", "too hot")


def test_another_trouble_of_a_part_takes_the_place_of_the_first() -> None:
    assert noted(LOOSE, Notice("antenna 2 is short", trouble=True, about="antenna 2")).texts == ("antenna 2 is short",)


def test_a_reader_that_complains_without_end_does_not_fill_the_memory() -> None:
    troubles = noted(*(Notice(f"trouble {number}", trouble=True) for number in range(100)))
    assert len(troubles.texts) == MAX_TROUBLES
    assert "trouble 99" in troubles.texts


def test_a_reader_that_was_lost_has_no_trouble() -> None:
    troubles = noted(HOT, LOOSE)
    troubles.clear()
    assert troubles.texts == ()
