"""OHAUS Defender indicators and balances with the same print format (Defender 3000 p. 35, 5000 p. 50-53).

    IP CR LF                 print what is shown, stable or not
    ``   0.360 kg    G``     weight right-aligned, blank, unit, ``?`` while it moves, G, N or T

A line has no first letters by which its beginning could be known. One that begins with a digit has lost some, and so
may have the first one after the port was opened; neither counts.
"""

from __future__ import annotations

import re
from decimal import Decimal

from devices.scale.dialog import Dialog
from devices.scale.lines import Line, LineParser
from devices.scale.weight import Answer, Command, Message, Mode, Refusal, Weight, in_grams

FIELD = 8
"""Least width of a weight, blanks included."""

_WEIGHT = re.compile(
    rb"(?P<field> {0,11}(?P<sign>[+-]?) {0,11}(?P<digits>\d{1,10}(?:\.\d{1,6})?)) {1,2}(?P<unit>[A-Za-z]{1,5}) {0,6}"
    rb"(?P<moving>\??) {0,4}(?P<mode>B/G|G|NET|Net|N|PT|T)?(?: +(?:Under|Accept|Over))? {0,10}\Z"
)
_ERROR = re.compile(rb"Err ?(?P<code>\d{1,2}(?:\.\d)?) *\Z")
_MODES = {
    b"G": Mode.GROSS,
    b"B/G": Mode.GROSS,
    b"N": Mode.NET,
    b"NET": Mode.NET,
    b"Net": Mode.NET,
    b"T": Mode.TARE,
    b"PT": Mode.TARE,
}
_OVERLOAD, _UNDERLOAD = b"8.3", b"8.4"
_COMMANDS = {b"IP", b"P", b"CP", b"SP", b"Z", b"T", b"PU", b"PV", b"PSN"}


def parser() -> LineParser:
    """A parser of both directions."""
    return LineParser(_meaning)


DIALOG = Dialog("OHAUS", parser, poll=b"IP\r\n", tare=b"T\r\n", zero=b"Z\r\n", start=b"CP\r\n")


def weight_line(number: Decimal, unit: str = "kg", *, stable: bool = True, mode: Mode = Mode.GROSS) -> bytes:
    """What an indicator prints that shows ``number``."""
    legend = {Mode.GROSS: "G", Mode.NET: "N", Mode.TARE: "T"}[mode]
    return f"{number:>8} {unit:<5}{' ' if stable else '?'}{legend}\r\n".encode("ascii")


def _meaning(line: Line) -> Message | None:
    weight = _WEIGHT.match(line.body) if line.whole else None
    if weight is not None:
        return _weight(weight, line.raw)
    return _reply(line.body.strip(b" "), line.raw)


def _weight(found: re.Match[bytes], raw: bytes) -> Weight | None:
    if found["field"][:1].isdigit() and len(found["field"]) < FIELD:
        return None
    number = (found["sign"] + found["digits"]).decode("ascii")
    grams = in_grams(number, found["unit"].decode("ascii"))
    if grams is None:
        return None
    return Weight(grams[0], not found["moving"], raw, mode=_MODES.get(found["mode"]), step_g=grams[1])


def _reply(body: bytes, raw: bytes) -> Message | None:
    if body == b"OK!":
        return Answer("", "done", raw)
    if body == b"ES":
        return Refusal("", "the scale does not know the command", raw)
    if body in _COMMANDS:
        return Command(body.decode("ascii"), raw)
    error = _ERROR.match(body)
    if error is None:
        return None
    if error["code"] in (_OVERLOAD, _UNDERLOAD):
        over = error["code"] == _OVERLOAD
        return Weight(None, stable=False, raw=raw, overload=over, underload=not over)
    return Refusal("", f"the scale reports Err {error['code'].decode('ascii')}", raw)
