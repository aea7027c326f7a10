"""``python -m devices decode PROTOCOL``: what bytes mean, for whoever has a log and a question."""

from __future__ import annotations

import dataclasses
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Protocol, TextIO

import typer

from devices.barcode import ssi
from devices.cli.barcode_line import BarcodeLine
from devices.rfid import chafon, llrp, m100, mercury, r2000
from devices.rfid.chafon_forms import Dialect
from devices.rfid.framed import Side
from devices.scale import a_and_d, cas, mt_sics, ohaus

MAX_LINE = 4_000_000
BAD_INPUT = 2

_NAMES = {"TagRead": "tag", "Weight": "weight", "Scan": "scan"}
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class Counts(Protocol):
    """The part of `devices.frames.FrameCounts` that is printed."""

    @property
    def refused(self) -> int: ...


class Parser(Protocol):
    """What every protocol offers."""

    @property
    def pending(self) -> int: ...

    @property
    def counts(self) -> Counts: ...

    def feed(self, data: bytes) -> Iterable[Any]: ...

    def flush(self) -> Iterable[Any]: ...


PROTOCOLS: dict[str, Callable[[], Parser]] = {
    "mercury": lambda: mercury.parser(Side.BOTH),
    "bb": lambda: m100.parser(m100.BB_7E),
    "aa": lambda: m100.parser(m100.AA_DD),
    "a0": lambda: r2000.parser(Side.BOTH),
    "uhf18": lambda: chafon.parser(Dialect.EITHER, Side.BOTH),  # logs of both dialects go by this name
    "uhf288": lambda: chafon.parser(Dialect.UHF288, Side.BOTH),
    "llrp": llrp.parser,
    "ssi": ssi.MessageParser,
    "barcode": BarcodeLine,
    "mt-sics": mt_sics.parser,
    "and": a_and_d.parser,
    "cas": cas.parser,
    "ohaus": ohaus.parser,
}


def decode(
    protocol: Annotated[str, typer.Argument(help=f"One of: {', '.join(PROTOCOLS)}.", metavar="PROTOCOL")],
) -> None:
    """Read one hex string a line from standard input; print one JSON object a line: what the bytes mean.

    Each line is a stream of its own: {"messages": […], "rejected": whole frames whose checksum or form is wrong,
    "pending": bytes of a frame that has begun and not ended}. Blanks and colons between the digits do not matter.

    Example: echo 'BB 02 22 00 11 C4 30 00 30 34 25 7B F7 19 4E 40 00 00 1A 85 EE 2C 84 7E' |
    python -m devices decode bb
    """
    made = PROTOCOLS.get(protocol)
    if made is None:
        typer.echo(json.dumps({"error": "decode.protocol", "message": f"{protocol} is none of {', '.join(PROTOCOLS)}"}))
        raise typer.Exit(BAD_INPUT)
    bad = False
    for answer in decode_lines(sys.stdin, made):
        bad = bad or "error" in answer
        typer.echo(json.dumps(answer, ensure_ascii=False))
    if bad:
        raise typer.Exit(BAD_INPUT)


def decode_lines(lines: TextIO | Iterable[str], made: Callable[[], Parser]) -> Iterator[dict[str, Any]]:
    """One answer for every line that is not empty."""
    for line in lines:
        digits = re.sub(r"0[xX]|[\s:,]", "", line)
        if not digits:
            continue
        try:
            data = bytes.fromhex(digits)
        except ValueError:
            yield {"error": "decode.hex", "message": f"no hex string: {line.strip()[:60]!r}"}
            continue
        if len(data) > MAX_LINE:
            yield {"error": "decode.size", "message": f"{len(data)} bytes in one line, {MAX_LINE} are the most"}
            continue
        yield decode_bytes(data, made())


def decode_bytes(data: bytes, parser: Parser) -> dict[str, Any]:
    """What a stream that ends after ``data`` says."""
    messages = list(parser.feed(data))
    pending, rejected = parser.pending, parser.counts.refused
    hidden = list(parser.flush())
    if hidden:  # good frames stood behind a false start, or a scan without suffix is ended by the end of the line
        messages += hidden
        pending, rejected = 0, parser.counts.refused
    return {"messages": [_plain(message) for message in messages], "rejected": rejected, "pending": pending}


def _plain(message: Any) -> dict[str, Any]:
    """A message as JSON has it; bytes are upper-case hex."""
    name = type(message).__name__
    said: dict[str, Any] = {"type": _NAMES.get(name) or _CAMEL.sub("_", name).lower()}
    for field in dataclasses.fields(message):
        said["kind" if field.name == "type" else field.name] = _value(getattr(message, field.name))
    return said


def _value(value: Any) -> Any:
    match value:
        case bytes():
            return value.hex().upper()
        case Enum():
            return value.name.lower()
        case Decimal() | float():
            return int(value) if value == int(value) else float(value)
        case tuple() | list() | frozenset():
            return [_value(one) for one in value]
        case _:
            return _plain(value) if dataclasses.is_dataclass(value) else value
