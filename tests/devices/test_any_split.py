"""Every parser of messages: whatever bytes come, and however they are cut, the messages and the counts are the same.

The streams are made of true frames of the protocol, of such frames cut short or with a byte changed, and of noise.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.barcode import ssi
from devices.cli.decode import PROTOCOLS
from devices.lamp import modbus
from devices.printer.status import StatusParser
from devices.rfid import chafon_commands, llrp_messages, m100, mercury_commands, r2000_commands
from devices.rfid.r2000_forms import Command
from devices.scale import cas
from tests.devices.streams import hostile, pieces

EPC = bytes.fromhex("3074257BF7194E4000001A85")
SCANNER = ssi.Source.SCANNER


@dataclass(frozen=True)
class Spoken:
    """A protocol: its parser, some true frames, and the most bytes that may be held for the next one."""

    parser: Callable[[], Any]
    frames: tuple[bytes, ...]
    most: int


def _m100(dialect: m100.Dialect) -> tuple[bytes, ...]:
    return (m100.tag_notice(EPC, -50, dialect), m100.stop_inventory(dialect), m100.tag_notice(EPC[:4], -70, dialect))


_CHAFON = (chafon_commands.inventory_18(), chafon_commands.get_info(), chafon_commands.set_power(20))
_SSI = (
    ssi.encode(ssi.Opcode.DECODE_DATA, b"\x1bRMA-1", source=SCANNER),
    ssi.encode(ssi.Opcode.DECODE_DATA, b"\x1bRMA-", source=SCANNER, status=ssi.MORE_FOLLOW),
    ssi.encode(ssi.Opcode.DECODE_DATA, b"\x1bRMA-1", source=SCANNER, status=ssi.RETRANSMITTED),
    ssi.acknowledge(SCANNER),
    ssi.request_revision(),
)
_READY = b"\x02030,0,0,1245,000,0,0,0,000,0,0,0\x03\r\n\x02000,0,0,0,0,2,4,0,00000000,1,000\x03\r\n\x021234,0\x03\r\n"
_TRUE: dict[str, tuple[tuple[bytes, ...], int]] = {
    "mercury": ((mercury_commands.get_version(), mercury_commands.tag_record(EPC, -50)), 262),
    "bb": (_m100(m100.BB_7E), 1024),
    "aa": (_m100(m100.AA_DD), 1024),
    "a0": (
        (
            r2000_commands.tag_packet(EPC, -50, command=Command.REAL_TIME_INVENTORY),
            r2000_commands.get_firmware(),
            r2000_commands.end_packet(Command.REAL_TIME_INVENTORY, 1),
        ),
        257,
    ),
    "uhf18": (_CHAFON, 256),
    "uhf288": (_CHAFON, 256),
    "llrp": (
        (
            llrp_messages.report(1, [llrp_messages.tag_report_data(EPC, -50, 1, 0)]),
            llrp_messages.get_capabilities(2),
            llrp_messages.keepalive_ack(3),
        ),
        1 << 20,
    ),
    "ssi": (_SSI, 257),
    "barcode": ((b"4006381333931\r\n", b"\x02]C10104006381333931\x1d21A\x03\r", b"RMA-1\t"), 4096),
    "mt-sics": ((b"S S    125.67 g\r\n", b"S D      1.0 kg\r\n", b"S +\r\n", b"ES\r\n"), 98),
    "and": ((b"ST,+0004775.7   g\r\n", b"US,-0000001.2  kg\r\n", b"OL,+9999999E+19\r\n"), 98),
    "cas": ((cas.short_frame(Decimal("4.876")), cas.long_frame(Decimal("13.5")), cas.overload_frame()), 98),
    "ohaus": ((b"   0.360 kg    G\r\n", b"  12.5   g ?   N\r\n"), 98),
}
SPOKEN = {name: Spoken(PROTOCOLS[name], frames, most) for name, (frames, most) in _TRUE.items()} | {
    "zpl status": Spoken(StatusParser, (_READY, *_READY.splitlines(keepends=True)), 96),
    "modbus": Spoken(
        modbus.parser, (bytes.fromhex("000100000006010300000006"), b"\x00\x02\x00\x00\x00\x03\x01\x03"), 300
    ),
}


def test_every_protocol_that_can_be_decoded_is_here() -> None:
    assert set(PROTOCOLS) <= set(SPOKEN)


@pytest.mark.parametrize("name", SPOKEN)
def test_a_true_frame_says_something(name: str) -> None:
    """Otherwise the streams below would be noise alone."""
    spoken = SPOKEN[name]
    for frame in spoken.frames[:1]:
        parser = spoken.parser()
        assert [*parser.feed(frame), *parser.flush()]


def streams(frames: Iterable[bytes]) -> st.SearchStrategy[bytes]:
    true = st.sampled_from(list(frames))
    cut = st.builds(lambda frame, at: frame[: at % len(frame)], true, st.integers(0, 300))
    changed = st.builds(_changed, true, st.integers(0, 300), st.integers(1, 255))
    noise = hostile(b"".join(frames))
    return st.lists(st.one_of(true, true, cut, changed, noise), max_size=8).map(b"".join)


def _changed(frame: bytes, at: int, by: int) -> bytes:
    at %= len(frame)
    return frame[:at] + bytes([frame[at] ^ by]) + frame[at + 1 :]


@pytest.mark.parametrize("name", SPOKEN)
@settings(max_examples=60)
@given(data=st.data())
def test_any_bytes_cut_anywhere_are_the_same_messages_and_counts(name: str, data: st.DataObject) -> None:
    spoken = SPOKEN[name]
    stream = data.draw(streams(spoken.frames))
    at = data.draw(st.lists(st.integers(0, 2000), max_size=30))
    said = [_said(spoken, cut) for cut in ([stream], pieces(stream, at), [bytes([byte]) for byte in stream])]
    assert said[1] == said[0]
    assert said[2] == said[0]


def _said(spoken: Spoken, cut: list[bytes]) -> tuple[list[Any], dict[str, Any]]:
    parser, messages = spoken.parser(), []
    for piece in cut:
        messages += parser.feed(piece)
        assert parser.pending <= spoken.most
    messages += parser.flush()
    return messages, dataclasses.asdict(parser.counts)
