"""The published GS1 vectors and the syntax dictionary, row by row; each test prints how many rows passed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devices.gs1 import application_identifiers, scan
from devices.gs1.digital_link import RESOLVER, build_uri, parse_uri
from devices.gs1.elements import concatenated, parse_bracketed
from devices.gs1.errors import Gs1Error

pytestmark = pytest.mark.shared

DIGITAL_LINKS = "gs1_digital_link_vectors.json"
SCANS = "gs1_scandata_vectors.json"

# The engine runs a few rows under other options than ours; each runs here under the same, and says which and why.
PARSE_OPTIONS = {
    # dl.c sets permitZeroSuppressedGTINinDLuris for the row before this one, which is the same, and clears it again.
    ("https://a/8004/9520614141234567?01=02345673", False): {"short_gtins": False},
}
GENERATE_OPTIONS = {
    ("EAN13", "211234567890"): {"add_check_digit": True},  # scandata.c sets addCheckDigit for this row only
}
UNKNOWN_AIS = {"(01)12312312312326(99)000001(89)XXX(95)INT"}  # dl.c sets permitUnknownAIs for this row


def rows(shared: Path, name: str, key: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((shared / "vectors" / name).read_text(encoding="utf-8"))[key]
    assert found
    return found


def test_every_digital_link_is_parsed_or_refused(shared: Path) -> None:
    passed = 0
    for row in rows(shared, DIGITAL_LINKS, "parse"):
        options = PARSE_OPTIONS.get((row["uri"], row["ok"]), {})
        if row["ok"]:
            assert concatenated(parse_uri(row["uri"], **options).elements) == row["data"], row
        else:
            with pytest.raises(Gs1Error):
                parse_uri(row["uri"], **options)
        passed += 1
    print(f"{DIGITAL_LINKS}, parse: {passed} passed, {len(PARSE_OPTIONS)} of them under another option, 0 left out")
    assert passed >= 63


def test_every_digital_link_is_generated_or_refused(shared: Path) -> None:
    passed = 0
    for row in rows(shared, DIGITAL_LINKS, "generate"):
        elements = parse_bracketed(row["ai"], unknown_ais=row["ai"] in UNKNOWN_AIS)
        if row["ok"]:
            assert build_uri(elements, stem=row["stem"] or RESOLVER) == row["uri"], row
        else:
            with pytest.raises(Gs1Error):
                build_uri(elements, stem=row["stem"])
        passed += 1
    print(f"{DIGITAL_LINKS}, generate: {passed} passed, {len(UNKNOWN_AIS)} of them under another option, 0 left out")
    assert passed >= 12


def test_every_scan_is_processed_or_refused(shared: Path) -> None:
    passed = 0
    for row in rows(shared, SCANS, "process"):
        if row["ok"]:
            read = scan.process(row["scan"])
            assert (read.symbology.key, read.data) == (row["symbology"], row["data"]), row
        else:
            with pytest.raises(Gs1Error):
                scan.process(row["scan"])
        passed += 1
    print(f"{SCANS}, process: {passed} passed, 0 left out")
    assert passed >= 31


def test_every_scan_is_generated_or_refused(shared: Path) -> None:
    passed = 0
    for row in rows(shared, SCANS, "generate"):
        options = GENERATE_OPTIONS.get((row["symbology"], row["data"]), {})
        if row["scan"] is None:
            with pytest.raises(Gs1Error):
                scan.generate(row["symbology"], row["data"], **options)
        else:
            assert scan.generate(row["symbology"], row["data"], **options) == row["scan"], row
        passed += 1
    print(f"{SCANS}, generate: {passed} passed, {len(GENERATE_OPTIONS)} of them under another option, 0 left out")
    assert passed >= 21


def test_our_table_says_of_every_ai_what_the_syntax_dictionary_says(shared: Path) -> None:
    checked = 0
    for codes, flags, attributes in dictionary(shared):
        groups = sorted(attribute[4:] for attribute in attributes if attribute.startswith("req="))
        others = sorted(code for each in attributes if each.startswith("ex=") for code in each[3:].split(","))
        for code in codes:
            ai = application_identifiers.find(code)
            assert ai is not None, code
            assert (sorted(ai.needs), sorted(ai.excludes)) == (groups, others), code
            assert (ai.length is not None, ai.attribute) == ("*" in flags, "?" in flags), code
            assert application_identifiers.find_at_start(f"{code}ABC") is ai
            checked += 1
    print(f"gs1_syntax_dictionary.txt: {checked} AIs agree")
    assert checked >= 541


def dictionary(shared: Path) -> Iterator[tuple[list[str], str, list[str]]]:
    """Codes, flags and attributes of each line of the syntax dictionary."""
    for line in (shared / "vectors" / "gs1_syntax_dictionary.txt").read_text(encoding="utf-8").splitlines():
        if re.match(r"\d", line):
            span, *fields = line.split(" # ")[0].split()
            first, _, last = span.partition("-")
            codes = [f"{code:0{len(first)}}" for code in range(int(first), int(last or first) + 1)]
            yield codes, fields[0] if re.fullmatch(r"[*?]+", fields[0]) else "", fields
