"""Joins what scanner and RFID reader said about the item on the table, and notices when they contradict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from devices import epc, gs1
from devices.rfid.gen2 import holds_epc
from inspection.errors import IdentityError
from inspection.item import IdentityIssue, Item
from inspection.reading import BarcodeReading, TagReading


def join(barcodes: Sequence[BarcodeReading], tags: Sequence[TagReading]) -> Item:
    """The item that these readings are about.

    Args:
        barcodes: scans of this item, in the order in which they were made. Codes add up (an EAN for the GTIN, a second
            label for the serial number). A code that cannot be read is forgiven when a later one can: the worker
            scanned again.
        tags: reads of the tags in the field, repeated or not. A tag whose CRC failed is no reading, nor is a
            neighbour's. With two different tags none is believed.

    Returns:
        the item; ``issues`` name every contradiction. Where barcode and tag differ the barcode's value stands, as it
        is what the worker sees. A barcode without serial number takes the tag's.
    """
    scanned, unreadable = _scanned(barcodes)
    heard = {tag.epc: tag for tag in tags if tag.tag_crc_ok is not False and tag.neighbour is None}
    tag = None
    issues = []
    if len(heard) == 1:
        try:
            tag = _tag_identity(next(iter(heard.values())))
        except IdentityError:
            unreadable = True
    gtins = _different(code.gtin for code in scanned)
    serials = _different(code.serial for code in scanned)
    gtin = next(iter(gtins), None)
    serial = next(iter(serials), None)
    if tag is not None and tag.gtin is not None:
        gtins = _different([gtin, tag.gtin, *gtins])
        serials = _different([serial, tag.serial, *serials])
        gtin, serial = gtin or tag.gtin, serial or tag.serial
    if len(heard) > 1:
        issues.append(IdentityIssue.SEVERAL_TAGS)
    if len(gtins) > 1:
        issues.append(IdentityIssue.GTIN_DIFFERS)
    elif len(serials) > 1:
        issues.append(IdentityIssue.SERIAL_DIFFERS)
    if unreadable or (gtin is None and not issues and (barcodes or heard)):
        issues.append(IdentityIssue.UNREADABLE_CODE)
    if not barcodes and not heard:
        issues.append(IdentityIssue.NONE_READ)
    return Item(
        gtin=gtin,
        serial=serial,
        lot=next((code.lot for code in scanned if code.lot), None),
        expiry=min((code.expiry for code in scanned if code.expiry), default=None),
        epc_uri=tag.uri if tag is not None else None,
        sources=(*(("barcode",) if scanned else ()), *(("tag",) if tag is not None and tag.gtin else ())),
        issues=tuple(issues),
    )


def _scanned(barcodes: Sequence[BarcodeReading]) -> tuple[list[gs1.ScannedIdentity], bool]:
    """What the codes say, and whether the last one could not be read."""
    scanned = []
    unreadable = False
    for barcode in barcodes:
        try:
            scanned.append(gs1.parse(barcode.text, barcode.aim))
            unreadable = False
        except IdentityError:
            unreadable = True
    return scanned, unreadable


def _tag_identity(tag: TagReading) -> epc.Epc:
    if tag.pc is not None and not holds_epc(tag.pc):
        return epc.Epc(tag.epc)
    return epc.decode(tag.epc)


def _different(values: Iterable[str | None]) -> list[str]:
    """The different values in order of appearance, without ``None``."""
    return list(dict.fromkeys(value for value in values if value is not None))
