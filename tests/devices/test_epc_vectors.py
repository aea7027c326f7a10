"""The published EPC vectors, row by row, in all directions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from devices.cli.epc import described
from devices.epc import decode
from devices.epc.reading import read

pytestmark = pytest.mark.shared
NAME = "epc_vectors.json"


def rows(shared: Path, *keys: str) -> list[dict[str, Any]]:
    vectors = json.loads((shared / "vectors" / NAME).read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = [row for key in keys for row in vectors[key]]
    assert found
    return found


def test_every_sgtin_says_what_its_vector_says_in_every_form(shared: Path) -> None:
    passed = 0
    for row in rows(shared, "published", "derived"):
        prefix = len(row["company_prefix"])
        tag = f"urn:epc:tag:sgtin-96:{row['filter']}.{row['pure_identity'].split(':')[-1]}"
        link = f"https://id.gs1.org/01/{row['gtin14']}/21/{row['serial']}"
        brackets = f"(01){row['gtin14']}(21){row['serial']}"
        for reading in (
            read(row["hex"]),
            read(f"urn:epc:raw:96.x{row['hex']}"),
            read(tag),
            read(row["pure_identity"], filter_value=row["filter"]),
            read(link, filter_value=row["filter"], company_prefix_digits=prefix),
            read(brackets, filter_value=row["filter"], company_prefix_digits=prefix),
        ):
            found = described(reading)
            expected = {"tag_uri": tag, "digital_link": link, "element_string": brackets} | row
            for key in set(expected) - {"source", "serial"}:
                assert found[key] == expected[key], (reading.form, key)
            assert found["serial"] == str(row["serial"])
        passed += 1
    print(f"{NAME}: {passed} SGTIN-96 passed, 0 left out")
    assert passed >= 16


def test_every_sgtin_198_is_read_and_written(shared: Path) -> None:
    passed = 0
    for row in rows(shared, "sgtin198"):
        tag = decode(row["hex"])
        assert (tag.uri, tag.gtin, tag.filter_value) == (row["pure_identity"], row["gtin14"], row["filter"])
        written = read(row["pure_identity"], filter_value=row["filter"]).epc
        assert written is not None
        assert written.hex == row["hex"].ljust(52, "0")  # published as 200 bits; memory has whole words
        passed += 1
    print(f"{NAME}: {passed} SGTIN-198 passed, 0 left out")


def test_what_is_no_gs1_tag_is_raw_with_a_reason(shared: Path) -> None:
    passed = 0
    for row in rows(shared, "negative"):
        found = described(read(row["input"]))
        assert (found["scheme"], found["pure_identity"], found.get("gtin")) == ("raw", None, None)
        assert found["raw_uri"].endswith(row["input"])
        assert found["notes"]
        passed += 1
    print(f"{NAME}: {passed} negative passed, 0 left out")
    assert passed >= 2
