"""Which tags the station takes for those of the item, and which it only heard."""

from __future__ import annotations

from dataclasses import replace

from inspection.reading import Neighbour, TagReading
from inspection.station.tags import MAX_TAGS, TagsHeard
from tests.station.parts import tag

A, B = "3034257BF7194E4000001A85", "3034257BF7194E4000001A86"


def other(epc: str, monotonic_ns: int) -> TagReading:
    return replace(tag(epc, monotonic_ns), neighbour=Neighbour.TOO_WEAK)


def heard(*readings: TagReading) -> TagsHeard:
    tags = TagsHeard()
    for reading in readings:
        tags.hear(reading)
    return tags


def epcs(readings: tuple[TagReading, ...]) -> list[str]:
    return [reading.epc for reading in readings]


def test_a_tag_is_there_while_its_newest_reading_lies_in_the_stretch() -> None:
    tags = heard(tag(A, 10), tag(B, 20), tag(A, 30))
    assert epcs(tags.between(0, 25)) == [B]
    assert epcs(tags.between(20, 30)) == [B, A]


def test_a_neighbours_tag_is_heard_and_never_taken() -> None:
    tags = heard(tag(A, 10), other(B, 20))
    assert epcs(tags.between(0, 30)) == [A]
    assert epcs(tags.neighbours(0, 30)) == [B]
    assert tags.neighbours(21, 30) == ()


def test_a_tag_of_ours_that_was_weak_for_a_moment_stays_ours() -> None:
    tags = heard(other(A, 5), tag(A, 10), other(A, 20))
    assert epcs(tags.between(0, 30)) == [A]
    assert tags.neighbours(0, 30) == ()


def test_a_tag_that_was_ours_with_an_earlier_item_may_be_a_neighbours_now() -> None:
    assert epcs(heard(tag(A, 10), other(A, 100)).neighbours(50, 200)) == [A]


def test_a_pallet_of_neighbours_pushes_no_tag_of_ours_out() -> None:
    tags = heard(tag(A, 0), *(other(f"{number:024X}", number) for number in range(2 * MAX_TAGS)))
    assert epcs(tags.between(0, 10**6)) == [A]
    assert len(tags.neighbours(0, 10**6)) == MAX_TAGS
