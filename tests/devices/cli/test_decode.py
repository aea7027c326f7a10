"""``python -m devices decode`` tells what bytes mean, and says so when they mean nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from devices.cli.decode import PROTOCOLS, decode, decode_bytes, decode_lines

SGTIN_TAG = "BB 02 22 00 11 C4 30 00 30 34 25 7B F7 19 4E 40 00 00 1A 85 EE 2C 84 7E"
POWER_SET = "BB 01 B6 00 01 00 B8 7E"

app = typer.Typer()
app.command()(decode)


def run(protocol: str, text: str) -> tuple[int, list[dict[str, Any]]]:
    result = CliRunner().invoke(app, [protocol], input=text)
    return result.exit_code, [json.loads(line) for line in result.stdout.splitlines()]


def answer(protocol: str, hex_bytes: str) -> dict[str, Any]:
    code, [said] = run(protocol, hex_bytes)
    assert code == 0
    return said


def test_a_tag_is_told_with_its_epc_pc_signal_and_antenna() -> None:
    said = answer("bb", SGTIN_TAG)
    [tag] = said["messages"]
    assert (said["rejected"], said["pending"]) == (0, 0)
    assert {key: tag[key] for key in ("type", "epc", "pc", "rssi_dbm", "antenna", "tag_crc_ok")} == {
        "type": "tag",
        "epc": "3034257BF7194E4000001A85",
        "pc": 0x3000,
        "rssi_dbm": -60,
        "antenna": None,
        "tag_crc_ok": True,
    }


@pytest.mark.parametrize(
    ("protocol", "line", "grams", "stable"),
    [
        ("mt-sics", b"S S    125.67 g\r\n", 125.67, True),
        ("mt-sics", b"S D    100.00 g\r\n", 100, False),
        ("and", b"US,-0000012.3   g\r\n", -12.3, False),
        ("cas", b"ST,GS,+  4.876kg\r\n", 4876, True),
    ],
)
def test_a_weight_is_told_in_grams(protocol: str, line: bytes, grams: float, stable: bool) -> None:
    [weight] = answer(protocol, line.hex())["messages"]
    assert (weight["type"], weight["grams"], weight["stable"]) == ("weight", grams, stable)


def test_every_line_is_a_stream_of_its_own() -> None:
    code, [first, empty_handed, last] = run(
        "bb", f"{SGTIN_TAG[:20]}\n\n{SGTIN_TAG[20:]}\n{SGTIN_TAG.replace(' ', ':')}"
    )
    assert code == 0
    assert (first["messages"], first["pending"]) == ([], 7)
    assert empty_handed["messages"] == []
    assert len(last["messages"]) == 1


def test_a_wrong_checksum_is_rejected_and_what_follows_is_told() -> None:
    said = answer("bb", SGTIN_TAG.replace("84 7E", "85 7E") + POWER_SET)
    assert [message["type"] for message in said["messages"]] == ["answer"]
    assert said["rejected"] >= 1


def test_a_good_frame_behind_a_false_start_is_told() -> None:
    said = answer("bb", "BB 01 03 02 00" + SGTIN_TAG)
    assert [message["type"] for message in said["messages"]] == ["tag"]
    assert said["pending"] == 0


def test_what_is_no_hex_is_told_and_the_other_lines_are_read() -> None:
    code, [bad, good] = run("bb", f"xyz\n{SGTIN_TAG}\n")
    assert code == 2
    assert bad["error"] == "decode.hex"
    assert len(good["messages"]) == 1


def test_a_protocol_that_is_none_is_told_with_those_there_are() -> None:
    code, [said] = run("modbus", "00")
    assert code == 2
    assert said["error"] == "decode.protocol"
    assert "uhf288" in said["message"]


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("16 54 0D", "trigger_command"),
        ("16 55 0D", "trigger_command"),
        ("7E 00 08 01 00 02 01 AB CD", "command"),
        ("02 00 00 01 00 33 31", "reply"),
        ("34 30 30 36 33 38 31 33 33 33 39 33 31 0D", "scan"),
    ],
)
def test_both_directions_of_a_scanner_are_told(line: str, kind: str) -> None:
    assert [message["type"] for message in answer("barcode", line)["messages"]] == [kind]


@given(st.binary(max_size=200), st.sampled_from(sorted(PROTOCOLS)))
def test_any_bytes_give_an_answer_that_json_can_hold(data: bytes, protocol: str) -> None:
    said = json.loads(json.dumps(decode_bytes(data, PROTOCOLS[protocol]())))
    assert set(said) == {"messages", "rejected", "pending"}
    assert 0 <= said["pending"] <= len(data)


_TEXT_PROTOCOLS: dict[str, Callable[[str], bool]] = {
    "mt-sics": lambda what: "MT-SICS" in what,
    "and": lambda what: "A&D" in what,
    "cas": lambda what: "CAS" in what,
    "barcode": lambda what: "SYN" in what or "trigger (" in what,
}


def _protocol_of(row: dict[str, Any]) -> str | None:
    match row["check"]:
        case "uhf18":
            return "uhf288" if "288" in row["what"] else "uhf18"
        case "nlscan02":
            return "barcode"
        case None:
            return next((name for name, fits in _TEXT_PROTOCOLS.items() if fits(row["what"])), None)
        case check:
            return str(check)


@pytest.mark.shared
@pytest.mark.parametrize(("file", "least"), [("rfid_vectors.json", 65), ("serial_vectors.json", 20)])
def test_every_shared_frame_is_told_or_rejected_as_it_should(shared: Path, file: str, least: int) -> None:
    checked = 0
    for row in json.loads((shared / "vectors" / file).read_text(encoding="utf-8"))["vectors"]:
        protocol = _protocol_of(row)
        if protocol is None:
            continue
        [said] = decode_lines([row["hex"]], PROTOCOLS[protocol])
        if row["valid"]:
            assert said["messages"], row["what"]
            assert (said["rejected"], said["pending"]) == (0, 0), row["what"]
        else:
            assert said["messages"] == [], row["what"]
            assert said["rejected"] >= 1, row["what"]
        checked += 1
    print(f"{file}: {checked} passed")
    assert checked >= least
