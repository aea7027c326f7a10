"""Which tags count as in the reader's field, and which are told as a neighbour's."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from devices.rfid.field import TagField
from inspection.reading import Neighbour, TagReading

A, B = "3034257BF7194E4000001A85", "3034257BF7194E4000001A86"
MS = 1_000_000

Told = list[tuple[str, Neighbour | None]]


def read(epc: str, at_ms: int, rssi_dbm: float | None = -45.0, antenna: int | None = None) -> TagReading:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return TagReading("rfid", b"", at, at_ms * MS, epc, 0x3000, rssi_dbm, antenna)


def see(field: TagField, *reads: TagReading) -> Told:
    return [(told.epc, told.neighbour) for reading in reads for told in field.see(reading)]


def passed(field: TagField, at_ms: int) -> Told:
    return [(told.epc, told.neighbour) for told in field.passed(at_ms * MS)]


def present(field: TagField, at_ms: int) -> list[str]:
    return [reading.epc for reading in field.present(at_ms * MS)]


def test_a_tag_counts_from_its_second_read() -> None:
    field = TagField()
    assert see(field, read(A, 0)) == []
    assert present(field, 10) == []
    assert see(field, read(A, 50)) == [(A, None)]
    assert present(field, 60) == [A]


def test_two_reads_further_apart_than_the_window_are_two_first_reads() -> None:
    field = TagField(window_ms=600)
    assert see(field, read(A, 0), read(A, 700)) == [(A, Neighbour.TOO_BRIEF)]
    assert present(field, 700) == []


def test_a_tag_leaves_the_field_when_a_window_passes_without_a_read() -> None:
    field = TagField(window_ms=600)
    see(field, read(A, 0), read(A, 50))
    assert present(field, 650) == [A]
    assert present(field, 651) == []


def test_two_tags_are_both_told_in_the_order_in_which_they_came() -> None:
    field = TagField(min_reads=1)
    assert see(field, read(B, 0), read(A, 10), read(B, 20)) == [(B, None), (A, None)]
    assert present(field, 30) == [B, A]


def test_a_tag_weaker_than_the_gate_is_the_neighbours() -> None:
    field = TagField(gate_dbm=-60, min_reads=1)
    assert see(field, read(A, 0, -60.5), read(B, 0, -60.0)) == [(A, Neighbour.TOO_WEAK), (B, None)]
    assert present(field, 1) == [B]
    assert field.refused[Neighbour.TOO_WEAK] == 1


def test_a_reader_that_tells_no_strength_is_not_gated() -> None:
    assert see(TagField(gate_dbm=-60, min_reads=1), read(A, 0, None)) == [(A, None)]


def test_a_tag_at_the_antenna_of_another_table_is_the_neighbours() -> None:
    field = TagField(antennas=frozenset({1, 2}), min_reads=1)
    told = see(field, read(A, 0, antenna=3), read(B, 0, antenna=2))
    assert told == [(A, Neighbour.OTHER_ANTENNA), (B, None)]


def test_a_reader_that_tells_no_antenna_is_not_filtered() -> None:
    assert see(TagField(antennas=frozenset({1}), min_reads=1), read(A, 0)) == [(A, None)]


def test_a_tag_read_once_is_told_as_the_neighbours_when_the_window_is_over() -> None:
    field = TagField(window_ms=600)
    see(field, read(A, 0))
    assert passed(field, 600) == []
    assert passed(field, 601) == [(A, Neighbour.TOO_BRIEF)]
    assert passed(field, 602) == []


def test_a_tag_that_counted_is_not_told_when_it_leaves() -> None:
    field = TagField(window_ms=600)
    see(field, read(A, 0), read(A, 50))
    assert passed(field, 2000) == []


def test_a_weak_read_of_a_tag_in_the_field_makes_it_nobody_elses() -> None:
    field = TagField(gate_dbm=-60, min_reads=1)
    assert see(field, read(A, 0), read(A, 300, -70)) == [(A, None)]
    assert present(field, 310) == [A]


def test_weak_reads_keep_no_tag_in_the_field() -> None:
    field = TagField(gate_dbm=-60, min_reads=1, window_ms=600)
    see(field, read(A, 0), *(read(A, at_ms, -70) for at_ms in range(100, 700, 100)))
    assert present(field, 601) == []
    assert see(field, read(A, 700, -70)) == [(A, Neighbour.TOO_WEAK)]


def test_a_neighbours_tag_that_is_put_on_the_table_counts() -> None:
    field = TagField(gate_dbm=-60)
    assert see(field, read(A, 0, -70), read(A, 50), read(A, 100)) == [(A, Neighbour.TOO_WEAK), (A, None)]


def test_a_weak_tag_that_was_strong_once_is_told_for_one_reason() -> None:
    field = TagField(gate_dbm=-60, report_ms=10_000)
    assert see(field, read(A, 0, -70), read(A, 50, -59), read(A, 100, -70)) == [(A, Neighbour.TOO_WEAK)]
    assert passed(field, 655) == []


def test_a_tag_that_stays_is_told_once_per_interval() -> None:
    field = TagField(min_reads=1, report_ms=250)
    told = [at_ms for at_ms in range(0, 1000, 50) if see(field, read(A, at_ms))]
    assert told == [0, 250, 500, 750]


def test_a_neighbours_tag_that_stays_is_told_once_per_interval() -> None:
    field = TagField(gate_dbm=-60, report_ms=250)
    told = [at_ms for at_ms in range(0, 1000, 50) if see(field, read(A, at_ms, -70))]
    assert told == [0, 250, 500, 750]


def test_a_reader_that_was_lost_left_nothing_behind() -> None:
    field = TagField(gate_dbm=-60)
    see(field, read(A, 0), read(B, 0, -70))
    field.clear()
    assert passed(field, 10_000) == []
    assert see(field, read(A, 10_001)) == []


def test_neighbours_are_told_anew_after_the_reader_was_lost() -> None:
    field = TagField(gate_dbm=-60)
    see(field, read(A, 0, -70))
    field.clear()
    assert see(field, read(A, 10, -70)) == [(A, Neighbour.TOO_WEAK)]


def test_neighbours_that_are_gone_make_room_for_others() -> None:
    field = TagField(gate_dbm=-60, max_tags=1, window_ms=600)
    assert see(field, read(A, 0, -70), read(B, 600, -70)) == [(A, Neighbour.TOO_WEAK)]
    assert see(field, read(B, 601, -70)) == [(B, Neighbour.TOO_WEAK)]


def test_a_warehouse_full_of_tags_does_not_fill_the_memory() -> None:
    field = TagField(max_tags=10, gate_dbm=-60)
    for number in range(1000):
        field.see(read(f"{number:024X}", 0))
        field.see(read(f"{number:024X}", 0, -70))
    assert len(field._own) == len(field._others) == 10


reads = st.tuples(
    st.sampled_from([A, B]),
    st.integers(0, 400),
    st.sampled_from([-45.0, -70.0, None]),
    st.sampled_from([1, 3, None]),
)


@given(st.lists(reads, max_size=40), st.integers(1, 3))
def test_no_tag_is_taken_without_enough_good_reads_within_their_windows(
    steps: list[tuple[str, int, float | None, int | None]], min_reads: int
) -> None:
    field = TagField(gate_dbm=-60, antennas=frozenset({1}), window_ms=300, min_reads=min_reads, report_ms=50)
    at_ms = 0
    good: dict[str, list[int]] = {A: [], B: []}
    for epc, wait_ms, rssi_dbm, antenna in steps:
        at_ms += wait_ms
        if antenna != 3 and rssi_dbm != -70:
            good[epc].append(at_ms)
        for told in field.see(read(epc, at_ms, rssi_dbm, antenna)):
            if told.neighbour is None:
                latest = good[told.epc][-min_reads:]
                assert len(latest) == min_reads
                assert all(b - a <= 300 for a, b in pairwise(latest))
                assert told.epc in present(field, at_ms)
            else:
                assert told.epc not in present(field, at_ms)
