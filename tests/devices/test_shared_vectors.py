"""Every vector of the shared folder that a device of ours can meet."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from devices import epc, gs1
from devices.barcode.framing import ScanParser
from devices.rfid import gen2, m100
from devices.rfid.dialog import TagRead
from inspection.errors import IdentityError

pytestmark = pytest.mark.shared


def rows(shared: Path, name: str, key: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((shared / "vectors" / name).read_text(encoding="utf-8"))[key]
    assert found
    return found


def test_every_bb_frame_is_taken_or_refused_as_it_should(shared: Path) -> None:
    checked = 0
    for row in rows(shared, "rfid_vectors.json", "vectors"):
        if row["check"] != "bb":
            continue
        frame = bytes.fromhex(row["hex"])
        parser = m100.frame_parser()
        got = [found.raw for found in parser.feed(frame) + parser.flush()]
        assert got == ([frame] if row["valid"] else []), row["what"]
        checked += 1
    assert checked >= 29


def test_every_bb_tag_is_read_with_its_crc(shared: Path) -> None:
    checked = 0
    for row in rows(shared, "rfid_vectors.json", "vectors"):
        if row["check"] != "bb" or "tag_pc_epc_crc" not in row:
            continue
        memory = bytes.fromhex(row["tag_pc_epc_crc"])
        [tag] = m100.parser().feed(bytes.fromhex(row["hex"]))
        assert isinstance(tag, TagRead)
        assert tag.pc is not None
        assert (tag.pc.to_bytes(2, "big").hex() + tag.epc.lower()) == memory[:-2].hex()
        checked += 1
    assert checked >= 4


def test_the_tag_crc_holds_for_tags_of_every_reader(shared: Path) -> None:
    for row in rows(shared, "rfid_vectors.json", "vectors"):
        if "tag_pc_epc_crc" in row:
            memory = bytes.fromhex(row["tag_pc_epc_crc"])
            assert gen2.tag_crc(memory[:-2]) == int.from_bytes(memory[-2:], "big"), row["what"]


def test_frames_of_other_readers_yield_no_tag(shared: Path) -> None:
    for row in rows(shared, "rfid_vectors.json", "vectors"):
        if row["check"] != "bb":
            parser = m100.parser()
            messages = parser.feed(bytes.fromhex(row["hex"])) + parser.flush()
            assert [m for m in messages if isinstance(m, TagRead)] == [], row["what"]


def test_every_sgtin_is_read_and_sgtin_96_written(shared: Path) -> None:
    for row in rows(shared, "epc_vectors.json", "published") + rows(shared, "epc_vectors.json", "derived"):
        read = epc.decode(row["hex"])
        assert (read.uri, read.gtin, read.filter_value) == (row["pure_identity"], row["gtin14"], row["filter"])
        assert read.serial == str(row["serial"])
        digits = len(row["company_prefix"])
        written = epc.encode_sgtin_96(
            row["gtin14"], str(row["serial"]), company_prefix_digits=digits, filter_value=row["filter"]
        )
        assert written == row["hex"]


def test_every_sgtin_198_is_read(shared: Path) -> None:
    for row in rows(shared, "epc_vectors.json", "sgtin198"):
        words = -(-len(row["hex"]) // 4)  # published as 200 bits; memory has whole words
        read = epc.decode(row["hex"].ljust(words * 4, "0"))
        assert (read.uri, read.gtin, read.filter_value) == (row["pure_identity"], row["gtin14"], row["filter"])


def test_what_is_no_gs1_tag_names_no_item(shared: Path) -> None:
    for row in rows(shared, "epc_vectors.json", "negative"):
        read = epc.decode(row["input"])
        assert (read.uri, read.gtin, read.serial) == (None, None, None), row["why"]


def test_the_partition_table_is_the_standards(shared: Path) -> None:
    for row in rows(shared, "epc_vectors.json", "partition_table"):
        digits = row["company_prefix_digits"]
        gtin = gs1_check("9" * 13)
        value = int(epc.encode_sgtin_96(gtin, "0", company_prefix_digits=digits), 16)
        assert value >> 82 & 0b111 == row["partition"]
        company = value >> (38 + row["item_ref_bits"]) & ((1 << row["company_prefix_bits"]) - 1)
        assert company == int("9" * digits)


def test_every_scan_is_framed_and_read(shared: Path) -> None:
    read_gtins = 0
    for row in rows(shared, "gs1_scandata_vectors.json", "process"):
        scans = ScanParser().feed(row["scan"].encode() + b"\r")
        texts = [(scan.text, scan.aim) for scan in scans]
        gtin = re.match(r"\^01(\d{14})", row["data"])
        if gtin and row["ok"]:
            assert [gs1.parse(*text).gtin for text in texts] == [gtin.group(1)], row
            read_gtins += 1
        elif not row["ok"]:
            for text in texts:
                with pytest.raises(IdentityError):
                    gs1.parse(*text)
    assert read_gtins >= 7


def test_every_digital_link_of_an_item_is_read(shared: Path) -> None:
    read = 0
    for row in rows(shared, "gs1_digital_link_vectors.json", "parse"):
        if row["ok"] and "/01/" in row["uri"]:
            said = row["data"]
            identity = gs1.parse(row["uri"])
            assert f"^01{identity.gtin}" in said
            assert identity.serial is None or f"21{identity.serial}" in said
            assert identity.lot is None or f"10{identity.lot}" in said
            read += 1
    assert read >= 25


def gs1_check(payload: str) -> str:
    """``payload`` (13 digits) with its check digit (GS1 General Specifications, 7.9.1)."""
    return payload + str(-sum(int(digit) * (3 if i % 2 == 0 else 1) for i, digit in enumerate(payload)) % 10)
