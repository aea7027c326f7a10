"""Every shared vector of the A0 and the Chafon protocol, and that neither takes the frames of other readers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from devices.rfid import chafon, r2000
from devices.rfid.chafon_forms import Dialect
from devices.rfid.dialog import Answer, Refusal, TagRead
from devices.rfid.framed import MessageParser, Request, Side

pytestmark = pytest.mark.shared

SIDES = {"tx": Side.HOST, "rx": Side.READER}


def rows(shared: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((shared / "vectors/rfid_vectors.json").read_text(encoding="utf-8"))[
        "vectors"
    ]
    assert found
    return found


def said(parser: MessageParser[Any], row: dict[str, Any]) -> list[Any]:
    return parser.feed(bytes.fromhex(row["hex"])) + parser.flush()


def test_every_a0_frame_is_taken_or_refused_as_it_should(shared: Path) -> None:
    checked = 0
    for row in rows(shared):
        if row["check"] == "a0":
            for side in (SIDES[row["dir"]], Side.BOTH):
                messages = said(r2000.parser(side), row)
                assert len(messages) == (1 if row["valid"] else 0), row["what"]
                assert all(isinstance(message, Request) == (row["dir"] == "tx") for message in messages), row["what"]
            checked += 1
    assert checked >= 16


def test_every_a0_tag_has_the_epc_that_its_frame_holds(shared: Path) -> None:
    checked = 0
    for row in rows(shared):
        if row["check"] == "a0" and row["what"].startswith("tag"):
            [tag] = said(r2000.parser(), row)
            assert isinstance(tag, TagRead)
            frame = bytes.fromhex(row["hex"])
            assert (tag.epc, tag.pc, tag.antenna) == (frame[7:19].hex().upper(), 0x3000, 1)
            assert tag.rssi_dbm == frame[-2] - 129
            checked += 1
    assert checked >= 5


def test_every_a0_verdict_is_read(shared: Path) -> None:
    verdicts = [
        message
        for row in rows(shared)
        if row["check"] == "a0" and row["dir"] == "rx"
        for message in said(r2000.parser(), row)
        if not isinstance(message, TagRead)
    ]
    assert Refusal(0x89, 0x22, "antenna missing") in verdicts
    assert Answer(0x8B, bytes.fromhex("00001900000001"), end_of_round=True) in verdicts


def test_every_chafon_frame_is_taken_or_refused_as_it_should(shared: Path) -> None:
    checked = 0
    for row in rows(shared):
        if row["check"] == "uhf18":
            taken = said(chafon.parser(_own(row), SIDES[row["dir"]]), row)
            assert bool(taken) == row["valid"], row["what"]
            assert said(chafon.parser(Dialect.EITHER, Side.BOTH), row) == taken, row["what"]
            checked += 1
    assert checked >= 10


def test_every_chafon_tag_has_the_epc_that_its_frame_holds(shared: Path) -> None:
    tags: dict[Dialect, list[str]] = {Dialect.UHF18: [], Dialect.UHF288: []}
    for row in rows(shared):
        if row["check"] == "uhf18" and row["valid"] and row["dir"] == "rx":
            own = _own(row)
            for tag in said(chafon.parser(own), row):
                assert isinstance(tag, TagRead)
                assert bytes.fromhex(tag.epc) in bytes.fromhex(row["hex"])
                assert (tag.rssi_dbm is None) == (own is Dialect.UHF18)
                tags[own].append(tag.epc)
    assert tags[Dialect.UHF18] == [
        "000000000000000000000313",
        "49440000000000000A000334",
        "000000000000000000000313",
        "000000000000000000000314",
    ]
    assert tags[Dialect.UHF288] == ["000000000000000000000313", "3039606303C74380001A0559", "3034257BF7194E4000001A85"]


def test_frames_of_other_readers_yield_no_tag(shared: Path) -> None:
    for row in rows(shared):
        parsers = [] if row["check"] == "a0" else [r2000.parser(Side.BOTH)]
        parsers += [] if row["check"] == "uhf18" else [chafon.parser(kind, Side.BOTH) for kind in Dialect]
        for parser in parsers:
            assert [m for m in said(parser, row) if isinstance(m, TagRead)] == [], row["what"]


def _own(row: dict[str, Any]) -> Dialect:
    """The rows do not say it in a field: only a UHFReader288 tells antenna and strength, or is named."""
    return Dialect.UHF288 if "288" in row["what"] else Dialect.UHF18
