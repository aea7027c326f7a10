"""Every shared vector that concerns a scanner: what it is, and that a changed byte is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from devices.barcode import newland, ssi
from devices.barcode.trigger import HONEYWELL_OFF, HONEYWELL_ON

pytestmark = pytest.mark.shared


def rows(shared: Path, check: str | None) -> list[tuple[dict[str, Any], bytes]]:
    found = json.loads((shared / "vectors" / "serial_vectors.json").read_text(encoding="utf-8"))["vectors"]
    return [(row, bytes.fromhex(row["hex"])) for row in found if row["check"] == check]


def test_every_ssi_packet_is_read_as_what_it_is(shared: Path) -> None:
    checked = 0
    for row, frame in rows(shared, "ssi"):
        parser = ssi.MessageParser()
        messages = parser.feed(frame) + parser.flush()
        assert len(messages) == (1 if row["valid"] else 0), row["what"]
        for message in messages:
            packet = message.packet if isinstance(message, ssi.DecodeData) else message
            assert packet.raw == frame
            assert packet.name in row["what"].replace("CMD_ACK host", "CMD_ACK")
            assert packet.source is (ssi.Source.HOST if row["dir"] == "tx" else ssi.Source.SCANNER)
        checked += 1
    assert checked >= 8


def test_every_ssi_command_of_ours_is_the_published_one(shared: Path) -> None:
    ours = {
        ssi.start_session(),
        ssi.stop_session(),
        ssi.scan_enable(),
        ssi.acknowledge(),
        ssi.beep(1),
        ssi.led(1, on=False),
        ssi.param_send(bytes.fromhex("8A 08")),
    }
    assert {frame for row, frame in rows(shared, "ssi") if row["dir"] == "tx"} <= ours


def test_an_ssi_packet_with_a_changed_byte_is_refused(shared: Path) -> None:
    for row, frame in rows(shared, "ssi"):
        for at in range(1, len(frame)):
            parser = ssi.MessageParser()
            changed = frame[:at] + bytes([frame[at] ^ 0x10]) + frame[at + 1 :]
            found = parser.feed(changed) + parser.flush()
            assert frame not in [m.raw for m in found if isinstance(m, ssi.Packet)], (row["what"], at)
            assert len(found) == 0, (row["what"], at)


def test_every_newland_reply_is_read(shared: Path) -> None:
    checked = 0
    for row, frame in rows(shared, "nlscan02"):
        parser = newland.reply_parser()
        found = parser.feed(frame) + parser.flush()
        assert [reply.raw for reply in found] == ([frame] if row["valid"] else []), row["what"]
        assert ("invalid command" in row["what"]) == (found[0].text == "unknown command")
        checked += 1
    assert checked >= 1


def test_every_trigger_is_one_of_ours(shared: Path) -> None:
    named = {row["what"].split(" ")[0]: frame for row, frame in rows(shared, None) if "SYN" in row["what"]}
    assert set(named.values()) == {HONEYWELL_ON, HONEYWELL_OFF}
    gm65 = [frame for row, frame in rows(shared, None) if "GM65" in row["what"]]
    assert gm65 == [newland.TRIGGER]
