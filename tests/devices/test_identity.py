"""Barcode and tag together name the item, or name what is wrong."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from devices.identity import join
from inspection.item import IdentityIssue
from inspection.reading import BarcodeReading, Neighbour, TagReading

AT = datetime(2026, 1, 1, tzinfo=UTC)
GTIN = "80614141123458"
TAG = "3074257BF7194E4000001A85"  # GTIN above, serial 6789
TAG_2 = "3074257BF7194E4000001A86"
OTHER_GTIN_TAG = "30204ED9496334000000006E"
FACTORY_TAG = "E20034120123456789000000"
URN = "urn:epc:id:sgtin:0614141.812345.6789"


def scan(text: str, aim: str = "") -> BarcodeReading:
    return BarcodeReading("scanner", text.encode(), AT, 0, text, aim)


def tag(
    epc: str, *, pc: int | None = 0x3000, crc_ok: bool | None = True, neighbour: Neighbour | None = None
) -> TagReading:
    return TagReading("rfid", b"", AT, 0, epc, pc, -45.0, None, crc_ok, neighbour)


def test_barcode_and_tag_that_agree_are_one_sound_identity() -> None:
    item = join([scan(f"01{GTIN}216789\x1d10LOT7\x1d17271231", "]d2")], [tag(TAG), tag(TAG)])
    assert item.known
    assert (item.gtin, item.serial, item.lot, item.expiry) == (GTIN, "6789", "LOT7", date(2027, 12, 31))
    assert item.epc_uri == URN
    assert item.sources == ("barcode", "tag")


def test_a_plain_ean_takes_its_serial_from_the_tag() -> None:
    item = join([scan(GTIN, "]I1")], [tag(TAG)])
    assert item.known
    assert (item.gtin, item.serial) == (GTIN, "6789")


def test_a_tag_alone_names_the_item() -> None:
    item = join([], [tag(TAG)])
    assert item.known
    assert (item.gtin, item.serial, item.sources) == (GTIN, "6789", ("tag",))


def test_a_barcode_alone_names_the_item() -> None:
    item = join([scan("4006381333931")], [])
    assert item.known
    assert (item.gtin, item.serial, item.epc_uri, item.sources) == ("04006381333931", None, None, ("barcode",))


def test_nothing_read_is_told() -> None:
    item = join([], [])
    assert not item.known
    assert item.issues == (IdentityIssue.NONE_READ,)


def test_a_tag_of_another_product_is_told_and_the_barcode_stands() -> None:
    item = join([scan(GTIN)], [tag(OTHER_GTIN_TAG)])
    assert not item.known
    assert item.issues == (IdentityIssue.GTIN_DIFFERS,)
    assert item.gtin == GTIN


def test_a_tag_of_another_unit_is_told() -> None:
    item = join([scan(f"01{GTIN}211111", "]C1")], [tag(TAG)])
    assert item.issues == (IdentityIssue.SERIAL_DIFFERS,)
    assert item.serial == "1111"


def test_a_serial_with_leading_zeros_is_another_serial() -> None:
    assert join([scan(f"01{GTIN}2106789", "]C1")], [tag(TAG)]).issues == (IdentityIssue.SERIAL_DIFFERS,)


def test_two_tags_are_a_question_and_neither_is_believed() -> None:
    item = join([scan(GTIN)], [tag(TAG), tag(TAG_2)])
    assert item.issues == (IdentityIssue.SEVERAL_TAGS,)
    assert (item.gtin, item.serial, item.epc_uri) == (GTIN, None, None)


def test_two_tags_without_a_barcode_name_nothing() -> None:
    item = join([], [tag(TAG), tag(TAG_2)])
    assert item.gtin is None
    assert item.issues == (IdentityIssue.SEVERAL_TAGS,)


@pytest.mark.parametrize("why", Neighbour)
def test_a_neighbours_tag_beside_ours_is_no_question(why: Neighbour) -> None:
    item = join([scan(GTIN)], [tag(TAG), tag(TAG_2, neighbour=why)])
    assert item.known
    assert item.serial == "6789"


@pytest.mark.parametrize("why", Neighbour)
def test_a_neighbours_tag_names_no_item_of_ours(why: Neighbour) -> None:
    assert join([], [tag(TAG, neighbour=why)]).issues == (IdentityIssue.NONE_READ,)
    item = join([scan(GTIN)], [tag(OTHER_GTIN_TAG, neighbour=why)])
    assert item.known
    assert (item.serial, item.epc_uri, item.sources) == (None, None, ("barcode",))


def test_a_tag_of_a_reader_that_tells_no_pc_word_names_the_item() -> None:
    item = join([], [tag(TAG, pc=None, crc_ok=None)])
    assert (item.gtin, item.serial) == (GTIN, "6789")


def test_one_tag_read_by_two_readers_is_one_tag() -> None:
    assert join([], [tag(TAG), tag(TAG, pc=None, crc_ok=None)]).known


def test_three_tags_of_which_one_is_the_items_are_a_question_still() -> None:
    item = join([scan(f"01{GTIN}216789", "]C1")], [tag(TAG), tag(TAG_2), tag(FACTORY_TAG)])
    assert item.issues == (IdentityIssue.SEVERAL_TAGS,)
    assert item.epc_uri is None


def test_two_barcodes_of_different_products_are_told() -> None:
    assert join([scan(GTIN), scan("4006381333931")], []).issues == (IdentityIssue.GTIN_DIFFERS,)


def test_two_labels_of_one_item_add_up() -> None:
    item = join([scan(GTIN), scan("21S1", "]C1")], [])
    assert item.known
    assert (item.gtin, item.serial) == (GTIN, "S1")


def test_a_code_that_cannot_be_read_is_told() -> None:
    item = join([scan("80614141123459")], [tag(TAG)])
    assert item.issues == (IdentityIssue.UNREADABLE_CODE,)
    assert item.gtin == GTIN


def test_scanning_again_makes_good_a_code_that_could_not_be_read() -> None:
    assert join([scan("80614141123459"), scan(GTIN)], []).known
    assert join([scan(GTIN), scan("80614141123459")], []).issues == (IdentityIssue.UNREADABLE_CODE,)


def test_a_factory_tag_neither_helps_nor_hurts_a_barcode() -> None:
    assert join([scan(GTIN)], [tag(FACTORY_TAG)]).known
    assert join([], [tag(FACTORY_TAG)]).issues == (IdentityIssue.UNREADABLE_CODE,)


def test_a_tag_written_wrongly_is_told() -> None:
    item = join([scan(GTIN)], [tag("307C257BF7194E4000001A85")])
    assert item.issues == (IdentityIssue.UNREADABLE_CODE,)
    assert item.epc_uri is None


def test_a_tag_that_holds_no_epc_is_not_read_as_one() -> None:
    item = join([scan("4006381333931")], [tag(TAG, pc=0x3100)])
    assert item.known
    assert item.epc_uri is None


def test_a_tag_whose_crc_failed_is_no_reading() -> None:
    assert join([], [tag(TAG, crc_ok=False)]).issues == (IdentityIssue.NONE_READ,)
    assert join([], [tag(TAG, crc_ok=None)]).known


def test_of_two_expiry_dates_the_earlier_holds() -> None:
    item = join([scan(f"01{GTIN}17271231"), scan(f"01{GTIN}17260131")], [])
    assert item.expiry == date(2026, 1, 31)
