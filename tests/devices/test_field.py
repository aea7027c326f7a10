"""Which tags count as in the reader's field."""

from __future__ import annotations

from datetime import UTC, datetime

from devices.rfid.field import TagField
from inspection.reading import TagReading

A, B = "3034257BF7194E4000001A85", "3034257BF7194E4000001A86"


def read(epc: str, at_ms: int, rssi_dbm: float | None = -45.0) -> TagReading:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return TagReading("rfid", b"", at, at_ms * 1_000_000, epc, 0x3000, rssi_dbm)


def present(field: TagField, at_ms: int) -> list[str]:
    return [reading.epc for reading in field.present(at_ms * 1_000_000)]


def test_a_tag_counts_from_its_second_read() -> None:
    field = TagField()
    assert not field.see(read(A, 0))
    assert present(field, 10) == []
    assert field.see(read(A, 50))
    assert present(field, 60) == [A]


def test_two_reads_further_apart_than_the_window_are_two_first_reads() -> None:
    field = TagField(window_ms=600)
    field.see(read(A, 0))
    assert not field.see(read(A, 700))


def test_a_tag_leaves_the_field_when_a_window_passes_without_a_read() -> None:
    field = TagField(window_ms=600)
    field.see(read(A, 0))
    field.see(read(A, 50))
    assert present(field, 650) == [A]
    assert present(field, 651) == []


def test_two_tags_are_both_told_in_the_order_in_which_they_came() -> None:
    field = TagField(min_reads=1)
    field.see(read(B, 0))
    field.see(read(A, 10))
    field.see(read(B, 20))
    assert present(field, 30) == [B, A]


def test_a_tag_weaker_than_the_gate_is_the_neighbours() -> None:
    field = TagField(gate_dbm=-60, min_reads=1)
    assert not field.see(read(A, 0, -60.5))
    assert field.see(read(B, 0, -60.0))
    assert present(field, 1) == [B]
    assert field.too_weak == 1


def test_a_reader_that_tells_no_strength_is_not_gated() -> None:
    assert TagField(gate_dbm=-60, min_reads=1).see(read(A, 0, None))


def test_a_tag_that_stays_is_due_for_report_once_per_interval() -> None:
    field = TagField(min_reads=1)
    reported = []
    for at_ms in range(0, 1000, 50):
        field.see(read(A, at_ms))
        if field.due(A, at_ms * 1_000_000, every_ms=250):
            reported.append(at_ms)
    assert reported == [0, 250, 500, 750]


def test_a_warehouse_full_of_tags_does_not_fill_the_memory() -> None:
    field = TagField(max_tags=10)
    for number in range(1000):
        field.see(read(f"{number:024X}", 0))
    assert len(field._seen) == 10
